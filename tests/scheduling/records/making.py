"""Runs of every kind of end, and what their tables are held against."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.scheduling import (
    Hold,
    Input,
    Instead,
    Output,
    Parameter,
    Retry,
    Rule,
    Scheduler,
    Skip,
    Step,
    StopRun,
    StopSample,
    When,
    Workflow,
)
from holotype.scheduling.records.folding import run_tables

from ..running.making import copying, joining, samples_in, site_in, splitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from holotype.scheduling import Run, Sample

__all__ = ["answered", "assert_as_the_run_says", "eventful", "folder_of", "lived", "rows", "same"]

KEYS = {
    "runs": ["run"],
    "run_samples": ["run", "sample"],
    "tasks": ["run", "task"],
    "attempts": ["run", "task", "attempt", "settled", "job"],
    "task_files": ["run", "task", "direction", "path", "port"],
    "task_metrics": ["run", "task", "attempt", "path", "name", "of"],
    "decisions": ["run", "task", "attempt", "time"],
    "run_events": ["run", "number"],
}


def eventful(*, end: str = "well") -> Workflow:
    """What happens depends on the sample: all is well, done at the second attempt, done in another way, left out,
    stopped, or held; ``end``: ``stop`` where the run is stopped for sample ``halt``.
    """
    words = {
        "again": "[ {attempt} = 2 ] || exit 3",
        "other": "exit 4",
        "skipped": "exit 5",
        "stopped": "exit 6",
        "held": "exit 7",
        "halt": "exit 8",
    }
    command = "".join(f"if [ {{sample}} = {name} ]; then {each}; fi; " for name, each in words.items())
    rules = (
        Rule(When("exit", codes=3), Retry(1, raising={"memory": 2})),
        Rule(When("exit", codes=4), Instead(copying("instead"))),
        Rule(When("exit", codes=5), Skip("not needed")),
        Rule(When("exit", codes=6), StopSample("it is bad")),
        Rule(When("exit", codes=7), Hold("ask Ada")),
        Rule(When("exit", codes=8), StopRun("all is lost")),
    )
    first = copying(
        "first",
        command=f"{command}tr a-z A-Z < {{text}} > {{out}}; touch {{out}}.idx",
        errors=rules if end == "stop" else rules[:5],
        outputs={"out": Output("out.txt", beside=(".idx",))},
        parameters={"lines": Parameter(kind="int", default=1)},
    )
    parts = joining("parts", inputs={"texts": Input(many=True)})
    return Workflow(
        name="eventful",
        version="7",
        inputs={"text": Input()},
        steps={
            "first": Step(first, {"text": "text"}),
            "split": Step(splitting(), {"text": "text"}),
            "change": Step(copying("change"), {"text": "split.parts"}, scatter="text"),
            "join": Step(parts, {"texts": ("change.out", "first.out")}),
            "gather": Step(
                joining("gather", inputs={"texts": Input(many=True, optional=True)}), {"texts": "join.out"}, per="run"
            ),
        },
        outputs={"all": "gather.out"},
    )


@contextlib.contextmanager
def lived(
    folder: Path, *names: str, workflow: Workflow | None = None, name: str = "run", **more: Any
) -> Iterator[tuple[Scheduler, Run]]:
    """A run that went on until nothing more happens by itself."""
    with Scheduler(site_in(folder), chance=lambda: 0.5, operator="ada@lab") as scheduler:
        samples: list[Sample] = samples_in(folder, *(names or ("ann",)))
        run = scheduler.start(workflow or eventful(), samples, name=name, check=False, **more)
        scheduler.work(timeout=120)
        yield scheduler, run


def answered(folder: Path, *names: str, do: str) -> Path:
    """The site's folder of a run whose held sample somebody has tried again, in vain, and then decided about."""
    with lived(folder, *names) as (scheduler, run):
        for each, why in (("retry", "perhaps"), (do, "it does not matter")):
            scheduler.answer(run, "first[held]", each, who="ada", why=why)
            scheduler.work(timeout=60)
    return folder


def folder_of(folder: Path, name: str = "run") -> Path:
    """Where a run is."""
    return folder / "site" / "runs" / name


def rows(table: pa.Table | pl.DataFrame, name: str) -> list[dict[str, Any]]:
    """The rows of the table of this name, in an order of their own."""
    frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)
    return frame.sort(KEYS[name], nulls_last=True).to_dicts()


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Tables that have the same rows."""
    assert list(one) == list(other)
    for name in one:
        assert rows(one[name], name) == rows(other[name], name), name


def assert_as_the_run_says(run: Run, **more: Any) -> None:
    """Tables that are folded from disk say what the run itself does."""
    tables = run_tables(Path(run.folder()), **more)
    tasks = pl.DataFrame(tables["tasks"])
    assert tasks.select(run.tasks().columns).equals(run.tasks())
    assert pl.DataFrame(tables["run_samples"]).select(run.samples().columns).equals(run.samples())
    (row,) = tables["runs"].to_pylist()
    outcome = run.outcome()
    assert (row["state"], row["why"]) == (outcome.state, outcome.why)
    assert dict(tasks["state"].value_counts().iter_rows()) == outcome.tasks
    assert (row["samples"], row["tasks"]) == (len(run.order.samples), len(tasks))
