"""Whenever the scheduler dies, whoever comes next goes on: nothing is done twice, and nothing half done counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import ObjectDamaged, StorageFailed
from holotype.scheduling import Input, LocalPlace, Retry, Rule, Scheduler, Step, When, Workflow
from holotype.scheduling.running.journal import Journal

from ...effort import every
from .dying import Died, steps
from .making import copying, counted, joining, samples_in, site_in

if TYPE_CHECKING:
    from holotype.scheduling import Run

EXPECTED = "ANN 0\nANN 1\nBEN 0\nBEN 1\n"


def workflow(folder: Path) -> Workflow:
    """Three steps that leave a mark each time they are run; the second fails at first."""
    tally = folder / "tally"
    first = copying("first", command=counted(tally, "cat {text} > {out}"))
    flaky = f"if [ {{attempt}} = 1 ]; then exit 1; fi; {counted(tally, 'tr a-z A-Z < {text} > {out}')}"
    second = copying("second", command=flaky, errors=(Rule(When("exit"), Retry(1)),))
    return Workflow(
        name="dying",
        inputs={"text": Input()},
        steps={
            "first": Step(first, {"text": "text"}),
            "second": Step(second, {"text": "first.out"}),
            "all": Step(joining(command=counted(tally, "cat {texts} > {out}")), {"texts": "second.out"}, per="run"),
        },
        outputs={"all": "all.out"},
    )


def lived(folder: Path, *, resume: bool, name: str = "run") -> Run:
    """Begin the run, or go on with it, and see it through."""
    place = LocalPlace(folder / "site" / "jobs")
    try:
        with Scheduler(site_in(folder), place) as scheduler:
            if resume and (folder / "site" / "runs" / name / "order.json").exists():
                run = scheduler.resume(name)
            else:
                run = scheduler.start(workflow(folder), samples_in(folder, "ann", "ben", lines=2), name=name)
            scheduler.work(timeout=60)
            return run
    finally:
        place.close()


def assert_well(folder: Path, run: Run) -> None:
    assert run.outcome().state == "done", run.tasks()
    assert Path(*run.outputs("all")).read_text(encoding="utf-8") == EXPECTED
    assert len((folder / "tally").read_text(encoding="utf-8").split()) == 5, "something was done twice"


def test_at_whichever_step_it_dies(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    with steps() as all_of_them:
        assert_well(tmp_path / "whole", lived(tmp_path / "whole", resume=False))
    assert len(all_of_them.said) > 20
    for number in range(2, len(all_of_them.said) + 1, every(1)):
        for half in (False, True):
            folder = tmp_path / f"{number}{half}"
            folder.mkdir()
            with steps(number, half=half) as counted_, suppress(Died):
                lived(folder, resume=False)
            if counted_.dead():
                assert_well(folder, lived(folder, resume=True))


def test_at_whichever_step_it_dies_while_it_takes_what_was_made_before(tmp_path: Path) -> None:
    """Another run of the same site, that finds everything made."""
    (tmp_path / "whole").mkdir()
    assert_well(tmp_path / "whole", lived(tmp_path / "whole", resume=False))
    with steps() as all_of_them:
        assert_well(tmp_path / "whole", lived(tmp_path / "whole", resume=False, name="again"))
    for number in range(2, len(all_of_them.said) + 1):
        for half in (False, True):
            name = f"run{number}{half}"
            with steps(number, half=half) as counted_, suppress(Died):
                lived(tmp_path / "whole", resume=False, name=name)
            if counted_.dead():
                assert_well(tmp_path / "whole", lived(tmp_path / "whole", resume=True, name=name))


def test_a_run_that_is_over_is_resumed_as_it_is(tmp_path: Path) -> None:
    lived(tmp_path, resume=False)
    assert_well(tmp_path, lived(tmp_path, resume=True))


PROGRAM = """
import sys
from pathlib import Path
from tests.scheduling.running.test_deaths import lived
lived(Path(sys.argv[1]), resume=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_any_moment(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        top = Path(__file__).parents[3]
        for pause in (0.15 * number, 0.1, 0.3):
            child = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(folder)],
                cwd=top,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(top)},
            )
            deadline = time.monotonic() + 20
            while not (folder / "site" / "runs" / "run" / "journal").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(pause)
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert_well(folder, lived(folder, resume=True))


def test_when_power_was_cut_what_had_begun_is_lost_and_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun before may have been forgotten, or never have been begun: nobody knows."""
    with steps() as all_of_them:
        assert_well(tmp_path, lived(tmp_path, resume=False, name="whole"))
    submitted = all_of_them.said.index("submit") + 1
    (tmp_path / "tally").unlink()
    (tmp_path / "site" / "cache.sqlite").unlink()
    with steps(submitted), suppress(Died):
        lived(tmp_path, resume=False)
    monkeypatch.setattr(LocalPlace, "epoch", lambda place: "another")
    run = lived(tmp_path, resume=True)
    tasks = {row["task"]: row for row in run.tasks().to_dicts()}
    assert tasks["first[ann]"]["state"] == "stopped"
    assert "started again" in tasks["first[ann]"]["why"]
    assert not (tmp_path / "tally").exists()

    # Of one that was over its results may be there, of which no journal tells: they are nobody's, and made anew.
    monkeypatch.undo()
    assert_well(tmp_path, lived(tmp_path, resume=False, name="cut"))
    journal = tmp_path / "site" / "runs" / "cut" / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b'"what":"over"' in line)
    journal.write_bytes(b"".join(lines[:last]))
    (tmp_path / "site" / "cache.sqlite").unlink()
    (left,) = journal.parent.glob("results/run/all/*")
    left.chmod(0o600)
    left.write_text("half", encoding="utf-8")
    run = lived(tmp_path, resume=True, name="cut")
    assert run.outcome().state == "done"
    assert Path(*run.outputs("all")).read_text(encoding="utf-8") == EXPECTED


def test_a_journal_that_was_written_over_is_damage(tmp_path: Path) -> None:
    lived(tmp_path, resume=False)
    journal = tmp_path / "site" / "runs" / "run" / "journal"
    text = bytearray(journal.read_bytes())
    text[len(text) // 2] ^= 1
    journal.write_bytes(text)
    with pytest.raises(ObjectDamaged, match="not as it was written"):
        lived(tmp_path, resume=True)


def test_what_a_disk_has_failed_to_keep_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it says next time: a disk that has failed once may have dropped what came before."""
    journal = Journal(tmp_path / "journal")
    journal.write([{"what": "one"}])
    journal.write([{"what": "two"}], lasting=False)
    assert [event["what"] for event in journal.events()] == ["one", "two"]
    with monkeypatch.context() as broken:

        def fails(file: int) -> None:
            raise OSError(5, "input/output error")

        broken.setattr(os, "fsync", fails)
        for _ in range(2):
            with pytest.raises(StorageFailed, match="input/output"):
                journal.write([{"what": "three"}])
            assert [event["what"] for event in journal.events()] == ["one"]
    loose = [journal.loose]
    journal.write([{"what": "three"}])
    assert [*loose, journal.loose] == [True, False]
    assert [event["what"] for event in journal.events()] == ["one", "two", "three"]
    journal.close()


def test_a_last_line_that_is_cut_off_is_taken_away(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    events: list[dict[str, Any]] = [{"what": "one"}, {"what": "two"}]
    journal.write(events)
    journal.close()
    whole = (tmp_path / "journal").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "journal").write_bytes(whole[:size])
        journal = Journal(tmp_path / "journal")
        kept = events[: whole[:size].count(b"\n")]
        assert [*journal.events()] == kept
        journal.write([{"what": "three"}])
        journal.close()
        again = Journal(tmp_path / "journal")
        assert [*again.events()] == [*kept, {"what": "three"}]
        again.close()
