"""Runs: what is declared is done, in order, once, and what came of it is where it is said to be."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict, DataRefused, InvalidOption, StorageFailed
from holotype.scheduling import (
    Input,
    Output,
    Parameter,
    Resources,
    Sample,
    Scheduler,
    Setting,
    Site,
    Stage,
    Step,
    Workflow,
)

from .making import copying, counted, joining, samples_in, site_in, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Scheduling = Callable[[], AbstractContextManager[Scheduler]]


def read(paths: tuple[str, ...]) -> str:
    (path,) = paths
    return Path(path).read_text(encoding="utf-8")


def test_every_sample_goes_through_every_step_and_all_come_together(tmp_path: Path, scheduling: Scheduling) -> None:
    samples = samples_in(tmp_path, "ann", "ben", "cleo")
    with scheduling() as scheduler:
        run = scheduler.start(whole(), samples)
        scheduler.work(timeout=120)
        assert run.outcome().state == "done"
        assert run.outcome().samples == {"done": 3}
        assert run.tasks().group_by("node").len().sort("node").rows() == [
            ("change", 9),
            ("gather", 1),
            ("join", 3),
            ("split", 3),
        ]
        assert read(run.outputs("each", "ben")) == "BEN 0\nBEN 1\nBEN 2\n"
        assert read(run.outputs("all")).split("\n")[:4] == ["ANN 0", "ANN 1", "ANN 2", "BEN 0"]
        assert set(run.tasks()["attempts"]) == {1}


def test_results_can_only_be_read_and_nothing_is_left_of_the_work(tmp_path: Path, scheduling: Scheduling) -> None:
    with scheduling() as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "ann"))
        scheduler.work(timeout=120)
        (path,) = map(Path, run.outputs("all"))
        assert not path.stat().st_mode & 0o222
        assert not [*run.folders.whole.glob("work/**/*.*")]

    # However the path is written, and not where a folder is another's.
    dotted = copying(
        command="mkdir -p sub; tee $TMPDIR/left < {text} > sub/out.txt", outputs={"out": Output("./sub/./out.txt")}
    )
    led = copying(
        "led", command=f"rmdir sub; mkdir '{tmp_path}/out'; ln -s '{tmp_path}/out' sub; cat {{text}} > sub/out.txt",
        outputs={"out": Output("sub/out.txt")},
    )  # fmt: skip
    workflow = Workflow(
        name="paths",
        inputs={"text": Input()},
        steps={"dotted": Step(dotted, {"text": "text"}), "led": Step(led, {"text": "dotted.out"})},
        outputs={"out": "dotted.out", "led": "led.out"},
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ben"))
        scheduler.work(timeout=60)
        assert read(run.outputs("out", "ben")) == "ben 0\nben 1\nben 2\n"
        assert run.outputs("led", "ben") == ()
        assert "behind a link" in run.samples()["why"][0]
        # What was in its way stays, for a look.
        assert [each.name for each in run.folders.whole.glob("work/**/*.*")] == ["led.1"]
        assert (tmp_path / "out" / "out.txt").stat().st_mode & 0o200, "what is another's stays as it is"


def test_the_same_is_not_done_twice_and_another_parameter_does_again_only_what_rests_on_it(
    tmp_path: Path, scheduling: Scheduling, monkeypatch: pytest.MonkeyPatch
) -> None:
    truly, hashed = hashlib.file_digest, list[str]()

    def counting(file: Any, how: str) -> Any:
        hashed.append(Path(file.name).name)
        return truly(file, how)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    # Files are taken for what they are now, though somebody could change them within the same tick of the clock.
    monkeypatch.setattr("holotype.scheduling.running.digests._SETTLED", 0)
    tally = tmp_path / "tally"
    first = copying("first", command=counted(tally, "cat {text} > {out}"))
    second = copying(
        "second",
        command=counted(tally, "head -n {lines} {text} > {out}"),
        parameters={"lines": Parameter(kind="int", default=1)},
    )
    workflow = Workflow(
        name="two",
        inputs={"text": Input()},
        parameters={"lines": Parameter(kind="int", default=1)},
        steps={
            "first": Step(first, {"text": "text"}),
            "second": Step(second, {"text": "first.out"}, parameters={"lines": Setting("lines")}),
        },
        outputs={"out": "second.out"},
    )
    samples = samples_in(tmp_path, "ann")
    time.sleep(0.05)  # longer than a tick
    done, reused = [], []
    for lines in (1, 1, 2):
        with scheduling() as scheduler:
            run = scheduler.start(workflow, samples, parameters={"lines": lines})
            scheduler.work(timeout=60)
            assert read(run.outputs("out")) == "".join(f"ann {n}\n" for n in range(lines))
            reused.append(run.report().reused)
            with pytest.raises(InvalidOption, match="no output tuo: there is out"):
                run.outputs("tuo")
            with pytest.raises(Conflict, match="in the hands of this scheduler"):
                scheduler.resume(run.name)
        done.append(len(tally.read_text(encoding="utf-8").split()))
    assert done == [2, 2, 3]
    assert reused == [0, 2, 1]
    # Each content once: what was given, and what each of the three that were run has made.
    assert sorted(hashed) == ["ann.txt", "out.txt", "out.txt", "out.txt"]


def test_another_index_beside_a_file_is_another_input(tmp_path: Path, scheduling: Scheduling) -> None:
    index = tmp_path / "ann.txt.idx"
    given = Input(beside=".idx")
    stage = copying(command="cat {text}.idx > {out}", inputs={"text": given})
    workflow = Workflow(
        name="indexed", inputs={"text": given}, steps={"s": Step(stage, {"text": "text"})}, outputs={"out": "s.out"}
    )
    samples = samples_in(tmp_path, "ann")
    for said in ("one", "other"):
        index.write_text(said, encoding="utf-8")
        with scheduling() as scheduler:
            run = scheduler.start(workflow, samples)
            scheduler.work(timeout=60)
            assert read(run.outputs("out")) == said
            (seen,) = (event["inputs"]["seen"] for event in run.journal.events() if event["what"] == "begun")
            assert [each["path"] for each in seen] == [str(tmp_path / "ann.txt"), str(index)]

    changed = copying(command="cat {text} > {out}; echo more >> {text}.idx", inputs={"text": given})
    with scheduling() as scheduler:
        steps = {"s": Step(changed, {"text": "text"})}
        run = scheduler.start(Workflow(name="changed", inputs={"text": given}, steps=steps), samples)
        scheduler.work(timeout=60)
        assert f"{index} is not what it was when it began" in run.samples()["why"][0]


def test_a_result_that_was_changed_by_hand_is_made_again(tmp_path: Path, scheduling: Scheduling) -> None:
    for number in range(2):
        with scheduling() as scheduler:
            run = scheduler.start(whole(), samples_in(tmp_path, "ann"), name=f"run{number}")
            scheduler.work(timeout=60)
            path = Path(*run.outputs("all"))
            assert path.read_text(encoding="utf-8") == "ANN 0\nANN 1\nANN 2\n"
            path.chmod(0o644)
            path.write_text("ANN 0\nANN 1\nBEN 2\n", encoding="utf-8")


def test_a_name_of_a_sample_is_never_run(tmp_path: Path, scheduling: Scheduling) -> None:
    name = f"$(touch {tmp_path}/ran) `touch {tmp_path}/ran`; touch {tmp_path}/ran '\" && ü"
    (tmp_path / "text").write_text("1\n", encoding="utf-8")
    stage = copying(command="printf %s {sample} > {out}", outputs={"out": Output("{sample}.txt")})
    workflow = Workflow(
        name="named", inputs={"text": Input()}, steps={"copy": Step(stage, {"text": "text"})}, outputs={"o": "copy.out"}
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, [Sample(name, {"text": tmp_path / "text"})])
        scheduler.work(timeout=60)
        assert read(run.outputs("o")) == name
    assert not (tmp_path / "ran").exists()


def test_a_step_whose_condition_does_not_hold_is_left_out_with_what_needs_it(
    tmp_path: Path, scheduling: Scheduling
) -> None:
    samples = [
        Sample(each.name, each.files, values={"long": each.name == "ann"})
        for each in samples_in(tmp_path, "ann", "ben")
    ]
    workflow = Workflow(
        name="chosen",
        inputs={"text": Input()},
        steps={
            "maybe": Step(copying(), {"text": "text"}, when="sample.long"),
            "after": Step(copying("after"), {"text": "maybe.out"}),
            "always": Step(
                joining(inputs={"texts": Input(many=True, optional=True)}), {"texts": ("text", "maybe.out")}
            ),
        },
        outputs={"out": "always.out", "after": "after.out"},
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples)
        scheduler.work(timeout=60)
        assert run.outcome().samples == {"done": 2}
        assert len(read(run.outputs("out", "ann")).splitlines()) == 6
        assert len(read(run.outputs("out", "ben")).splitlines()) == 3
        assert run.outputs("after", "ben") == ()
        assert run.outputs("after", "ann")


def by_python(text: Path, out: Path, times: int) -> None:
    """What a stage calls."""
    out.write_text(text.read_text(encoding="utf-8") * times, encoding="utf-8")


def test_a_function_is_called_in_a_process_of_its_own(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = Stage(
        name="python",
        call=by_python,
        inputs={"text": Input()},
        outputs={"out": Output("out.txt")},
        parameters={"times": Parameter(kind="int", default=2)},
        resources=Resources(memory="1 GiB"),
    )
    workflow = Workflow(
        name="py", inputs={"text": Input()}, steps={"py": Step(stage, {"text": "text"})}, outputs={"out": "py.out"}
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann", lines=1))
        scheduler.work(timeout=60)
        assert run.tasks()["why"].to_list() == [""]
        assert read(run.outputs("out", "ann")) == "ann 0\nann 0\n"


def test_no_more_is_given_away_than_there_is(tmp_path: Path, scheduling: Scheduling) -> None:
    command = "echo b >> '{0}'; sleep 0.05; cat {{text}} > {{out}}; echo e >> '{0}'".format(tmp_path / "log")
    workflow = Workflow(
        name="many", inputs={"text": Input()}, steps={"s": Step(copying(command=command), {"text": "text"})}, outputs={}
    )
    with scheduling() as scheduler:
        scheduler.start(workflow, samples_in(tmp_path, *(f"s{n}" for n in range(16))))
        scheduler.work(timeout=60)
    running = most = 0
    for word in (tmp_path / "log").read_text(encoding="utf-8").split():
        running += 1 if word == "b" else -1
        most = max(most, running)
    assert running == 0
    assert 2 <= most <= 4


def test_what_the_site_can_never_do_is_refused_before_it_begins(tmp_path: Path, scheduling: Scheduling) -> None:
    with scheduling() as scheduler, pytest.raises(DataRefused, match="not begun"):
        scheduler.start(whole(), [Sample("ann", {"text": tmp_path / "not there"})])
    (tmp_path / "reads.fastq").write_text("@a\nACGT\n+\nIIII\n@b\nACGT\n+\nI\n", encoding="utf-8")
    reads = [Sample("ann", {"text": tmp_path / "reads.fastq"})]
    with scheduling() as scheduler:
        with pytest.raises(DataRefused, match="not begun"):
            scheduler.start(whole(), reads, cost="full")
        assert scheduler.start(whole(), reads, cost="header").name
    with scheduling() as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "ann"), name="one")
        with pytest.raises(InvalidOption, match="there is a run one already"):
            scheduler.start(whole(), samples_in(tmp_path, "ann"), name="one")
        with scheduling() as other, pytest.raises(Conflict, match="another process has one in hand"):
            other.resume("one")
    with scheduling() as scheduler, pytest.raises(InvalidOption, match="there is no run two"):
        scheduler.resume("two")


def test_fifty_runs_at_once(tmp_path: Path, scheduling: Scheduling) -> None:
    samples = samples_in(tmp_path, "ann")
    # Each has another version, so that none has been done by another.
    with scheduling() as scheduler:
        runs = [
            scheduler.start(whole(change=copying("change", version=f"{n}")), samples, name=f"run{n}") for n in range(50)
        ]
        scheduler.work(timeout=300)
        assert {run.outcome().state for run in runs} == {"done"}


def test_a_run_that_is_left_is_anybodys(tmp_path: Path, scheduling: Scheduling) -> None:
    with scheduling() as scheduler, scheduling() as other:
        run = scheduler.start(whole(), samples_in(tmp_path, "ann"), name="one", check=False)
        with pytest.raises(InvalidOption, match="goes on"):
            scheduler.leave(run)
        scheduler.work()
        with pytest.raises(Conflict):
            other.resume("one")
        scheduler.leave(run)
        with pytest.raises(InvalidOption, match="not in the hands"):
            scheduler.leave(run)
        scheduler.work()
        assert scheduler.sql("SELECT state FROM runs").fetchall() == [("done",)]
        assert run.outcome().state == run.report().state == "done"
        with pytest.raises(InvalidOption, match="was left: resume it"):
            scheduler.mark_bad(run, "gather", why="late")
        again = other.resume("one")
        assert again.outputs("all") == run.outputs("all") != ()
        other.mark_bad(again, "gather", why="swapped")
        assert run.report().state == again.report().state == "done"
        with pytest.raises(InvalidOption, match="not in the hands"):
            scheduler.leave(again)
        with pytest.raises(InvalidOption, match="is over"):
            other.cancel(again, why="too late")
        assert again.outcome().state == "done"
    for later in (scheduler.work, lambda: scheduler.resume("one"), lambda: scheduler.start(whole(), [])):
        with pytest.raises(InvalidOption, match="was closed"):
            later()
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="cannot be made"):
        Scheduler(Site(tmp_path / "file"))


def test_a_cancelled_run_leaves_nothing_half_made(tmp_path: Path, scheduling: Scheduling) -> None:
    command = "cat {text} > {out}; touch '" + str(tmp_path / "began") + "'; sleep 600"
    workflow = Workflow(
        name="long", inputs={"text": Input()}, steps={"s": Step(copying(command=command), {"text": "text"})},
        outputs={"o": "s.out"},
    )  # fmt: skip
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann", "ben"))
        scheduler.work(until=(tmp_path / "began").exists, timeout=60)
        scheduler.cancel(run, why="the wrong samples")
        scheduler.work(timeout=60)
        assert run.outcome().state == "cancelled"
        assert run.outcome().samples == {"cancelled": 2}
        assert run.outputs("o", "ann") == ()
        assert not (tmp_path / "site" / "runs" / run.name / "results").exists()
        assert not [*run.folders.whole.glob("work/**/*.*")]


def test_a_result_that_is_bad_is_never_taken_again_and_what_was_built_on_it_is_told(
    tmp_path: Path, scheduling: Scheduling
) -> None:
    samples = samples_in(tmp_path, "ann", "ben")
    with scheduling() as scheduler:
        first = scheduler.start(whole(), samples, name="first")
        second = scheduler.start(whole(gather=joining("gather", version="2")), samples, name="second")
        scheduler.work(timeout=60)
        with pytest.raises(InvalidOption, match="for a reason"):
            scheduler.mark_bad(first, "change[ann].1", why=" ")
        with pytest.raises(InvalidOption, match="has made nothing"):
            scheduler.mark_bad(first, "change[ann].9", why="?")
        told = scheduler.mark_bad(first, "change[ann].1", why="the wrong table of letters")
        assert sorted(told.select("run", "task").rows()) == [
            ("first", "gather"),
            ("first", "join[ann]"),
            ("second", "gather"),
            ("second", "join[ann]"),
        ]
    with scheduling() as scheduler:
        third = scheduler.start(whole(), samples, name="third")
        scheduler.work(timeout=60)
        begun = {event["task"] for event in third.journal.events() if event["what"] == "begun"}
        assert begun == {"change[ann].1"}
        assert third.outcome().state == "done"
        assert scheduler.resume("second").name == second.name


def test_a_file_that_is_another_one_for_a_later_step_stops_its_sample(tmp_path: Path, scheduling: Scheduling) -> None:
    changed = "cat {text} > {out}; [ {sample} = ben ] || echo more >> '" + str(tmp_path / "ann.txt") + "'"
    workflow = Workflow(
        name="changed",
        inputs={"text": Input()},
        steps={
            "first": Step(copying("first", command="cat {text} > {out}"), {"text": "text"}),
            "meanwhile": Step(copying("meanwhile", command=changed), {"text": "first.out"}),
            "later": Step(joining(), {"texts": ("meanwhile.out", "text")}),
        },
        outputs={"out": "later.out"},
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann", "ben"))
        scheduler.work(timeout=60)
        assert run.outcome().samples == {"stopped": 1, "done": 1}
        assert "is not what it was when this run first took it" in run.samples()["why"][0]


def test_without_what_the_site_remembers_all_is_done_again(tmp_path: Path, scheduling: Scheduling) -> None:
    for number in range(2):
        with scheduling() as scheduler:
            run = scheduler.start(whole(), samples_in(tmp_path, "ann"), name=f"run{number}")
            scheduler.work(timeout=60)
            assert run.outcome().state == "done"
        for name in ("cache.sqlite", "digests.sqlite"):
            (tmp_path / "site" / name).unlink()
    (tmp_path / "site" / "cache.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageFailed, match=r"cache\.sqlite"), scheduling() as scheduler:
        pass


def test_names_that_would_be_elsewhere_and_two_samples_of_one_name_are_refused(
    tmp_path: Path, scheduling: Scheduling
) -> None:
    with scheduling() as scheduler:
        for name in ("../elsewhere", "a/b", ".", "..", "-x", "x" * 101, "a\n", "dot."):
            with pytest.raises(InvalidOption, match="no name of a run"):
                scheduler.start(whole(), samples_in(tmp_path, "ann"), name=name)
        with pytest.raises(InvalidOption, match="two samples ann"):
            scheduler.start(whole(), samples_in(tmp_path, "ann") * 2, check=False)


def test_what_was_not_looked_at_before_is_not_done_for_that(tmp_path: Path, scheduling: Scheduling) -> None:
    circle = {"a": Step(copying(), {"text": "b.out"}), "b": Step(copying(), {"text": "a.out"})}
    lost = {"a": Step(copying(), {"text": "txet"})}
    with scheduling() as scheduler:
        for steps, why in ((circle, "a → b → a"), (lost, "txet is no input")):
            workflow = Workflow(name="astray", inputs={"text": Input()}, steps=steps, outputs={"out": "a.out"})
            with pytest.raises(DataRefused, match=why):
                scheduler.start(workflow, samples_in(tmp_path, "ann"), check=False)

        run = scheduler.start(whole(), [Sample("ben", {}), *samples_in(tmp_path, "ann")], check=False)
        scheduler.work(timeout=60)
        assert run.samples().rows() == [
            ("ben", "degraded", ["incomplete"], "split[ben]: there is no text"),
            ("ann", "done", [], ""),
        ]
        assert run.outcome().state == "degraded"


def test_what_is_odd_is_on_record_and_who_had_it_done(tmp_path: Path) -> None:
    with Scheduler(site_in(tmp_path), operator="ada@lab") as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "ann"))
        (ordered,) = (event for event in run.journal.events() if event["what"] == "ordered")
    assert ordered["by"] == "ada@lab"
    assert isinstance(ordered["odd"], list)
