"""The tables of runs: what was ordered, what became of every task, and of every attempt at it.

=================  ============================================================================================
``runs``           one row per run, as it stands
``run_samples``    the one state that each sample of a run is in
``tasks``          one row per task, as it stands
``attempts``       one row each time a task was begun: what it was given, what it took, and how it ended
``task_files``     the files that tasks took and made, with their digests
``task_metrics``   figures of what tasks made
``decisions``      what was decided about what happened, by which rule or by whom
``run_events``     all of it in the order in which it was written down
=================  ============================================================================================

A table has the same rows whether it is asked for while a run goes on, or in an archive that has its records.
"""

from __future__ import annotations

import pyarrow as pa

from holotype.catalog import Column, Table

__all__ = [
    "ATTEMPTS",
    "DECISIONS",
    "RUNS",
    "RUN_EVENTS",
    "RUN_SAMPLES",
    "RUN_TABLES",
    "TASKS",
    "TASK_FILES",
    "TASK_METRICS",
]

_TEXT, _COUNT, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_TIME = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.string())
_RUN = Column("run", _TEXT, "The run's name.")
_TASK = Column("task", _TEXT, "The task's name, as align[NA12878] or call[NA12878].3.")
_ATTEMPT = Column("attempt", _COUNT, "Which attempt, from 1; 0 before the first.", least=0)
_FAILURES = (
    "exit", "signal", "time", "memory", "disk", "node", "missing", "invalid", "quality", "input", "start",
)  # fmt: skip
# Nothing was wrong with it: what it was for was given up, and it was ended.
_GIVEN_UP = "stopped"
_ACTIONS = ("retry", "instead", "reduce", "skip", "hold", "stop_sample", "stop_run")

RUNS = Table(
    "runs",
    "One row per run: a workflow over samples.",
    (
        _RUN,
        Column("workflow", _TEXT, "The workflow's name."),
        Column("version", _TEXT, "The workflow's version."),
        Column(
            "state", _TEXT, "How it stands, or how it ended.",
            among=("running", "held", "done", "degraded", "failed", "stopped", "cancelled"),
        ),
        Column("why", _TEXT, "Why it was stopped or cancelled; else empty."),
        Column("operator", _TEXT, "Who has it done."),
        Column("project", _TEXT, "What for; empty where nobody said."),
        Column("began", _TIME, "When it was ordered; missing until that is written down.", nullable=True),
        Column("ended", _TIME, "When the last of it was over.", nullable=True),
        Column("samples", _COUNT, "How many samples.", least=0),
        Column("tasks", _COUNT, "How many tasks there are so far.", least=0),
        Column("tools", _TEXT, "What programs say that they are, by their names, as JSON."),
        Column("machine", _TEXT, "The machine that schedules it."),
        Column("folder", _TEXT, "Where it is."),
    ),
)  # fmt: skip

RUN_SAMPLES = Table(
    "run_samples",
    "Every sample of a run, in the one state that it is in.",
    (
        _RUN,
        Column("sample", _TEXT, "The sample's name."),
        Column(
            "state", _TEXT, "How it stands, or what became of it.",
            among=("running", "held", "done", "degraded", "stopped", "cancelled", "unfinished"),
        ),
        Column("grades", _TEXTS, "What its results are marked with."),
        Column("why", _TEXT, "Why it is so; empty where all is well."),
    ),
)  # fmt: skip

TASKS = Table(
    "tasks",
    "Every task of a run, as it stands: one stage for one sample, or one element of a scatter.",
    (
        _RUN,
        _TASK,
        Column("node", _TEXT, "The step, with those of the workflows that it is in: qc/trim."),
        Column("stage", _TEXT, "The stage that does it now."),
        Column("sample", _TEXT, "The sample; missing where it is done for all together.", nullable=True),
        Column("element", _COUNT, "Which one of a scatter, from 0.", nullable=True, least=0),
        Column(
            "state", _TEXT, "How it stands, or what became of it.",
            among=("ready", "begun", "over", "done", "skipped", "held", "stopped"),
        ),
        Column("attempts", _COUNT, "How often it was begun.", least=0),
        Column("grades", _TEXTS, "What its results are marked with."),
        Column("why", _TEXT, "Why it is held, skipped or stopped; else empty."),
        Column("needs", _TEXTS, "The tasks that made what it takes."),
        Column("ready", _TIME, "When it could begin for the first time.", nullable=True),
        Column("began", _TIME, "When its last attempt began.", nullable=True),
        Column("ended", _TIME, "When it was settled: done, skipped or stopped.", nullable=True),
        Column("reused_run", _TEXT, "The run whose result was taken instead of making it.", nullable=True),
        Column("reused_task", _TEXT, "The task in that run.", nullable=True),
        Column("fingerprint", _TEXT, "The digest of all that it is made of, once it is known.", nullable=True),
        Column("bad", _TEXT, "Why its result was marked as bad.", nullable=True),
    ),
)  # fmt: skip

ATTEMPTS = Table(
    "attempts",
    "Each time a task was begun, or could not be.",
    (
        _RUN,
        _TASK,
        _ATTEMPT,
        Column("job", _TEXT, "What the place knows it by; missing where it was never begun.", nullable=True),
        Column("stage", _TEXT, "The stage that did it, or would have."),
        Column("command", _TEXT, "What was run; missing for a function.", nullable=True),
        Column("parameters", _TEXT, "What it was given, as JSON."),
        Column("ready", _TIME, "When it could begin.", nullable=True),
        Column("submitted", _TIME, "When it was handed over.", nullable=True),
        Column("began", _TIME, "When its process began.", nullable=True),
        Column("ended", _TIME, "When its process ended.", nullable=True),
        Column("settled", _TIME, "When what it made had been looked at.", nullable=True),
        Column(
            "failure", _TEXT,
            "What happened to it; stopped where its sample or run was given up; missing where all was well so far.",
            nullable=True, among=(*_FAILURES, _GIVEN_UP),
        ),
        Column("message", _TEXT, "That in words; else empty."),
        Column("code", _COUNT, "Its exit status.", nullable=True),
        Column("signal", _COUNT, "The number of the signal that ended it.", nullable=True),
        Column("wall", _NUMBER, "Seconds that its process ran.", nullable=True),
        Column("cpu", _NUMBER, "Seconds of processors that it took.", nullable=True),
        Column("memory", _COUNT, "Bytes that it had at once, at the highest.", nullable=True, least=0),
        Column("read", _COUNT, "Bytes that it read.", nullable=True, least=0),
        Column("written", _COUNT, "Bytes that it wrote.", nullable=True, least=0),
        Column("cpus", _COUNT, "Processors that it was given.", nullable=True, least=0),
        Column("memory_given", _COUNT, "Bytes of memory that it was given; 0 for any.", nullable=True, least=0),
        Column("disk_given", _COUNT, "Bytes of disk that it was given.", nullable=True, least=0),
        Column("gpus", _COUNT, "Graphics processors that it was given.", nullable=True, least=0),
        Column("time_given", _NUMBER, "Seconds that it might take; missing for any.", nullable=True),
        Column("licences", _TEXT, "Licences that it was given, by their names, as JSON."),
        Column("instruments", _TEXT, "Instruments that it was given, by their names, as JSON."),
        Column("waited", _TEXT, "Seconds that it waited while ready, by what was lacking, as JSON."),
        Column("inspecting", _NUMBER, "Seconds that looking at what it made took.", nullable=True),
        Column("recording", _NUMBER, "Seconds that writing all this down took.", nullable=True),
    ),
)  # fmt: skip

TASK_FILES = Table(
    "task_files",
    "The files that tasks took, for their last attempt, and made.",
    (
        _RUN,
        _TASK,
        Column("direction", _TEXT, "Whether it took it or made it.", among=("used", "made")),
        Column(
            "port", _TEXT, "The input or output; missing where it lies beside one, as an index does.", nullable=True
        ),
        Column("path", _TEXT, "Where it is or was."),
        Column("digest", _TEXT, "Its SHA-256, in hexadecimal digits."),
        Column("size", _COUNT, "Its bytes.", nullable=True, least=0),
    ),
)

TASK_METRICS = Table(
    "task_metrics",
    "Figures of what tasks made.",
    (
        _RUN,
        _TASK,
        _ATTEMPT,
        Column("path", _TEXT, "The file, within the attempt's folder."),
        Column("name", _TEXT, "The figure's name."),
        Column("of", _TEXT, "What it is of, where there are several; else empty."),
        Column("value", _NUMBER, "The figure.", nullable=True),
    ),
)

DECISIONS = Table(
    "decisions",
    "What was decided about what happened to tasks.",
    (
        _RUN,
        _TASK,
        _ATTEMPT,
        Column("time", _TIME, "When."),
        Column("failure", _TEXT, "What had happened; missing where a person decided.", nullable=True, among=_FAILURES),
        Column("action", _TEXT, "What is done about it.", among=_ACTIONS),
        Column("rule", _COUNT, "Which of the stage's rules said so, from 0.", nullable=True, least=0),
        Column("who", _TEXT, "The person who decided.", nullable=True),
        Column("why", _TEXT, "Why, in words."),
        Column("until", _TIME, "When it is tried again.", nullable=True),
        Column("raised", _TEXT, "What it is given more of, by how much, as JSON."),
    ),
)

RUN_EVENTS = Table(
    "run_events",
    "What was decided and what happened, in the order in which it was written down.",
    (
        _RUN,
        Column("number", _COUNT, "Which one of the run, from 0.", least=0),
        Column("time", _TIME, "When."),
        Column("what", _TEXT, "What happened: ordered, begun, over, done, reused, decided, answered, cancelled, bad…"),
        Column("task", _TEXT, "The task, where it is of one.", nullable=True),
        Column("about", _TEXT, "The event as it is in the run's journal, as JSON."),
    ),
)

RUN_TABLES = (RUNS, RUN_SAMPLES, TASKS, ATTEMPTS, TASK_FILES, TASK_METRICS, DECISIONS, RUN_EVENTS)
