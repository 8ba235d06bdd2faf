"""What a run made is cleared away: what counts only where an archive has it, what is known of it never."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import Conflict, InvalidOption, StorageFailed
from holotype.scheduling import Sample, archive_run, audit_export, check_audit, clear_run

from ..running.making import whole
from .test_runs_in_archives import events

if TYPE_CHECKING:
    from .laboratories import Laboratory


def done(laboratory: Laboratory, name: str = "one", *, kept: bool = True) -> Path:
    """The folder of a run that is over."""
    with laboratory.scheduler(laboratory.archive if kept else None) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name=name)
        scheduler.work()
        assert run.outcome().state == "done"
    return laboratory.run(name)


def files(folder: Path, *below: str) -> set[str]:
    """The files in folders of a run."""
    every = (path for each in below for path in (folder / each).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in every}


COUNT = {f"results/{where}/all.txt" for where in ("run/gather", "samples/a/join", "samples/b/join")}


def test_what_tasks_made_for_one_another_goes_and_what_counts_stays(laboratory: Laboratory) -> None:
    folder = done(laboratory, kept=False)
    before = files(folder, "results", "logs")
    freed = sum((folder / path).stat().st_size for path in files(folder, "results") - COUNT)
    assert clear_run(folder) == freed > 0
    assert files(folder, "results", "work") == COUNT
    assert files(folder, "logs") == {path for path in before if path.startswith("logs/")}
    assert clear_run(folder) == 0
    assert [event["by"] for event in events(laboratory, "one", "cleared")]
    with laboratory.scheduler() as scheduler:
        run = scheduler.resume("one")
        scheduler.work()
        assert Path(*run.outputs("all")).exists()
        assert run.report().state == "done"
    # Who asks for what went is told.
    altered = archive_run(folder, laboratory.archive, everything=True).altered
    assert {f"results/{path}" for path in ("samples/a/split/part.aa", "samples/a/change/0/out.txt")} <= {*altered}
    assert not COUNT & {*altered}


def test_what_counts_goes_where_the_archive_has_it(laboratory: Laboratory) -> None:
    folder = done(laboratory)
    known = laboratory.scheduler().sql("SELECT * FROM task_files ORDER BY ALL").pl()
    assert clear_run(folder, laboratory.archive) > 0
    assert files(folder, "results", "logs", "work") == set()
    with laboratory.scheduler(laboratory.archive) as scheduler:
        assert scheduler.sql("SELECT * FROM task_files ORDER BY ALL").pl().equals(known)
        run = scheduler.resume("one")
        for asked in (lambda: run.outputs("all"), lambda: run.logs("gather")):
            with pytest.raises(InvalidOption, match="runs/one@1 has it"):
                asked()
        assert run.outcome().state == "done"
        assert run.report().state == "done"
        # What it made may still turn out to be bad, and the archive is told.
        built = scheduler.mark_bad(run, "split[a]", why="the tube was swapped")
        assert "gather" in built["task"].to_list()
        assert "marked bad by ada@lab: split[a]: the tube was swapped" in run.report().text()
        scheduler.work()
        assert not scheduler.owed().height
        assert run.archived == "runs/one@1"
    assert events(laboratory, "one", "archived")[-1]["altered"] == []
    restored = laboratory.folder / "back"
    laboratory.archive.restore("runs/one@1", restored)
    assert files(restored, "results") == COUNT
    export = audit_export(laboratory.archive, "one", to=laboratory.folder / "one.zip", operator="Ada")
    assert check_audit(laboratory.folder / "one.zip", digest=export.digest).ok
    with pytest.raises(InvalidOption, match="runs/one@1"):
        audit_export(folder, to=laboratory.folder / "two.zip", operator="Ada")


def test_a_run_in_hand_is_cleared_and_others_have_what_they_took_from_it(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        one = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        two = scheduler.start(whole(), laboratory.samples, name="two")
        scheduler.work()
        assert {row["state"] for row in two.tasks().to_dicts()} == {"done"}
        with pytest.raises(Conflict):
            clear_run(laboratory.run("one"))
        clear_run(one, laboratory.archive)
        text = Path(*two.outputs("all")).read_text(encoding="utf-8")
        # What is not there any more is made again.
        clear_run(two, laboratory.archive)
        three = scheduler.start(whole(), laboratory.samples, name="three")
        scheduler.work()
        assert Path(*three.outputs("all")).read_text(encoding="utf-8") == text
        assert events(laboratory, "two", "begun") == []
        assert events(laboratory, "three", "begun") != []
        # Or if it goes in the moment in which it is taken.
        link = os.link

        def gone(source: str, target: Path) -> None:
            if Path(source).is_relative_to(laboratory.run("three") / "results"):
                shutil.rmtree(Path(source).parent)
            link(source, target)

        monkeypatch.setattr(os, "link", gone)
        four = scheduler.start(whole(), laboratory.samples, name="four")
        scheduler.work()
        assert Path(*four.outputs("all")).read_text(encoding="utf-8") == text
        assert events(laboratory, "four", "begun") != []


def test_nothing_that_counts_goes_before_the_archive_has_it(laboratory: Laboratory) -> None:
    archive = laboratory.archive
    folder = done(laboratory, kept=False)
    with pytest.raises(InvalidOption, match="was not told"):
        clear_run(folder, archive)
    archive_run(folder, archive)
    with pytest.raises(InvalidOption, match="was not told"):
        clear_run(folder, lake.create(laboratory.folder / "other", author="ada@lab"))
    (folder / "logs" / "run" / "later.out").write_text("somebody's", encoding="utf-8")
    with pytest.raises(InvalidOption, match=r"has not logs/run/later\.out"):
        clear_run(folder, archive)
    (folder / "logs" / "run" / "later.out").unlink()
    printed = folder / "logs" / "run" / "gather.1.out"
    before = printed.read_bytes()
    printed.write_bytes(before + b"somebody's")
    with pytest.raises(InvalidOption, match=r"has not logs/run/gather\.1\.out"):
        clear_run(folder, archive)
    printed.write_bytes(before)
    assert files(folder, "results") >= COUNT
    archive.forget("runs/one@1", reason="by mistake")
    with pytest.raises(InvalidOption, match="no more"):
        clear_run(folder, archive)
    assert files(folder, "results") >= COUNT
    assert events(laboratory, "one", "cleared") == []


def test_what_was_kept_otherwise_than_it_was_made_stays(laboratory: Laboratory) -> None:
    folder = done(laboratory, kept=False)
    made = folder / "results" / "run" / "gather" / "all.txt"
    made.chmod(0o600)
    made.write_text("altered", encoding="utf-8")
    assert archive_run(folder, laboratory.archive).altered == ("results/run/gather/all.txt",)
    with pytest.raises(InvalidOption, match="as it was made"):
        clear_run(folder, laboratory.archive)
    assert made.exists()


def test_only_a_run_that_is_over_is_cleared(laboratory: Laboratory) -> None:
    with pytest.raises(InvalidOption, match="no run"):
        clear_run(laboratory.run("none"))
    with laboratory.scheduler() as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        with pytest.raises(InvalidOption, match="not over"):
            clear_run(run)
    with pytest.raises(InvalidOption, match="not over"):
        clear_run(laboratory.run("one"))


def test_what_a_run_was_given_that_is_not_over_stays(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        one = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        two = scheduler.start(whole(), [Sample("c", {"text": one.outputs("each", "a")})], name="two")
        with pytest.raises(InvalidOption, match=r"two was given .*all\.txt, and is not over"):
            clear_run(one, laboratory.archive)
        clear_run(one)
        scheduler.work()
        assert two.outcome().state == "done"
        clear_run(one, laboratory.archive)
        assert two.outputs("all")


def test_broken_off_it_is_gone_on_with(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, taken = done(laboratory), 0
    everything, rmtree = files(folder, "results", "logs"), shutil.rmtree

    def broken(path: Path) -> None:
        nonlocal taken
        taken += 1
        if taken == 4:
            raise PermissionError(13, "Permission denied", str(path))
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", broken)
    with pytest.raises(StorageFailed, match="Permission denied"):
        clear_run(folder, laboratory.archive)
    monkeypatch.undo()
    assert 0 < len(files(folder, "results", "logs")) < len(everything)
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.resume("one")
        with pytest.raises(InvalidOption, match="runs/one@1 has it"):
            run.outputs("all")
    clear_run(folder, laboratory.archive)
    assert files(folder, "results", "logs", "work") == set()


def test_a_cleared_run_whose_snapshots_were_forgotten_is_not_kept_as_one_that_made_nothing(
    laboratory: Laboratory,
) -> None:
    folder = done(laboratory)
    clear_run(folder, laboratory.archive)
    laboratory.archive.forget("runs/one@1", reason="by mistake")
    with pytest.raises(InvalidOption, match="runs/one@1 alone had what it made"):
        archive_run(folder, laboratory.archive)
