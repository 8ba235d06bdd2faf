"""An archive that cannot be reached: work goes on, and records follow, whatever happens meanwhile."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import ArchiveReadOnly, HolotypeError, StorageDenied
from holotype.scheduling import Scheduler, archive_run

from ...catalog.faults import FAULTS, Crash, FaultyStore
from ...effort import every
from ...lake.retention.interleaving import SharedStore
from ..running.making import copying, joining, samples_in, site_in, whole
from .stores import archive_in, new_archive_in

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.catalog import ObjectStore
    from holotype.lake import Archive

_STRIDE = every(2)


def scheduler_in(folder: Path, archive: Archive | None = None) -> Scheduler:
    """A scheduler that is less patient with archives than others."""
    return Scheduler(site_in(folder), archive=archive, operator="ada@lab", patience=(0.02,))


def said(folder: Path, run: str, what: str) -> list[dict[str, Any]]:
    lines = (folder / "site" / "runs" / run / "journal").read_text(encoding="utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line.partition(" ")[2]))["what"] == what]


def committed(store: SharedStore) -> int:
    return sum(key.startswith("log/") for key in store.objects)


def unreachable(store: ObjectStore) -> tuple[FaultyStore, Archive]:
    """An archive in a store that will fail for good, once it is armed."""
    new_archive_in(store)
    faulty = FaultyStore(store, lasting=True)
    return faulty, archive_in(faulty)


def complete(archive: Archive, run: str) -> None:
    """Say that all of a run is there, and once."""
    assert archive.snapshots(f"runs/{run}").height == 1
    assert archive.sql("SELECT run, state FROM runs").fetchall() == [(run, "done")]
    tasks = archive.sql("SELECT count(*), count(DISTINCT task) FROM tasks").fetchall()
    told = archive.sql("SELECT count(*), count(DISTINCT name) FROM activities WHERE kind = 'task'").fetchall()
    assert tasks == told
    assert tasks[0][0] == tasks[0][1] > 0
    up = archive.provenance.upstream(f"runs/{run}@1/results/run/gather/all.txt")
    assert "{outside}/a.txt" in up["label"].to_list()
    assert archive.verify().ok


def test_of_a_run_that_was_left_the_archive_is_told_by_whoever_works_next(tmp_path: Path) -> None:
    faulty, archive = unreachable(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "a"), name="one", check=False)
        faulty.arm(1)
        scheduler.work()
        assert scheduler.owed().height == 1
        scheduler.leave(run)
        scheduler.work()
        assert scheduler.owed().select("run", "tries").rows() == [("one", 1)]
        faulty.arm(0)
        scheduler.work()
        assert not scheduler.owed().height
        complete(archive, "one")
        # Of what happens to it later the archive is told as well, whoever goes on with it.
        run = scheduler.resume("one")
        faulty.arm(1)
        scheduler.mark_bad(run, "gather", why="swapped")
        scheduler.work()
    faulty.arm(0)
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.resume("one")
        scheduler.work()
        assert archive.sql("SELECT task, bad FROM tasks WHERE bad IS NOT NULL").fetchall() == [("gather", "swapped")]


def test_a_run_is_over_though_its_archive_is_gone_and_its_records_follow(tmp_path: Path) -> None:
    faulty, archive = unreachable(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "a", "b"), name="one")
        faulty.arm(1)
        scheduler.work()
        assert run.outcome().state == "done"
        assert not said(tmp_path, "one", "archived")
        ((name, whose, tries, why),) = scheduler.owed().rows()
        assert (name, whose, tries) == ("one", archive.id, 3)
        assert "the connection was lost" in why
        assert [event["why"] for event in said(tmp_path, "one", "unarchived")] == [why]
        faulty.arm(0)
        scheduler.work()
        assert run.archived == "runs/one@1"
        assert scheduler.owed().is_empty()
    complete(archive_in(faulty.inner), "one")


def test_an_archive_that_may_not_be_written_to_is_refused_before_anything_runs(tmp_path: Path) -> None:
    lake.create(tmp_path / "archive")
    looked_at = lake.open(tmp_path / "archive", read_only=True)
    with pytest.raises(ArchiveReadOnly, match="open it without read_only="):
        scheduler_in(tmp_path, looked_at)
    assert not (tmp_path / "site").exists()
    faulty, archive = unreachable(SharedStore())
    faulty.error = lambda: StorageDenied("the storage does not allow writing")
    faulty.arm(1)
    with scheduler_in(tmp_path, archive) as scheduler:
        with pytest.raises(StorageDenied, match="could not keep what is made: the storage does not allow"):
            scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        with pytest.raises(ArchiveReadOnly):
            scheduler.start(whole(), samples_in(tmp_path, "a"), name="one", archive=looked_at)
        assert not (tmp_path / "site" / "runs").exists()
        faulty.arm(0)
        scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        scheduler.work()
    complete(archive_in(faulty.inner), "one")


def test_an_archive_that_cannot_be_reached_or_gives_no_answer_keeps_no_run_from_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.scheduling.archiving.following._ANSWERS", 0.05)
    faulty, archive = unreachable(SharedStore())
    answered = threading.Event()
    faulty.wait = answered.wait
    faulty.arm(1)
    with scheduler_in(tmp_path, archive) as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        answered.set()
        scheduler.start(whole(), samples_in(tmp_path, "b"), name="two")
        scheduler.work()
        assert run.outcome().state == "done"
        assert set(scheduler.owed()["run"]) == {"one", "two"}


def test_what_was_not_told_by_who_died_is_told_by_who_works_next(tmp_path: Path) -> None:
    faulty, archive = unreachable(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "a", "b"), name="one")
        faulty.arm(1)
        scheduler.work()
    assert json.loads((tmp_path / "site" / "runs" / "one" / "owed").read_text(encoding="utf-8"))
    with scheduler_in(tmp_path, archive_in(faulty.inner)) as scheduler:
        scheduler.work()
        assert scheduler.owed().is_empty()
    complete(archive_in(faulty.inner), "one")


def test_what_is_owed_stays_owed_while_the_archive_is_gone(tmp_path: Path) -> None:
    faulty, archive = unreachable(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        faulty.arm(1)
        scheduler.work()
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.work()
        assert scheduler.owed().select("run", "tries").rows() == [("one", 1)]
    with scheduler_in(tmp_path, archive_in(faulty.inner)) as scheduler:
        run = scheduler.resume("one")
        scheduler.work()
        assert run.archived == "runs/one@1"
    complete(archive_in(faulty.inner), "one")


def test_a_run_that_was_over_without_an_archive_is_archived_when_it_is_resumed_with_one(tmp_path: Path) -> None:
    with scheduler_in(tmp_path) as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        scheduler.work()
        assert scheduler.owed().is_empty()
    archive = new_archive_in(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.resume("one")
        scheduler.work()
    complete(archive, "one")
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.resume("one")
        assert scheduler.owed().is_empty()


def test_other_runs_go_on_while_one_waits_for_its_archive(tmp_path: Path) -> None:
    faulty, archive = unreachable(SharedStore())
    with scheduler_in(tmp_path) as scheduler:
        first = scheduler.start(whole(), samples_in(tmp_path, "a"), name="one", archive=archive)
        slow = whole(gather=joining("gather", command="sleep 1; cat {texts} > {out}"))
        second = scheduler.start(slow, samples_in(tmp_path, "b"), name="two")
        faulty.arm(1)
        scheduler.work(until=lambda: scheduler.owed()["tries"].sum() >= 4)
        assert first.outcome().state == "done"
        faulty.arm(0)
        scheduler.work()
        assert second.outcome().state == "done"
        assert first.archived == "runs/one@1"
        assert second.archived is None
    complete(archive_in(faulty.inner), "one")


def test_whoever_leaves_while_an_archive_is_told_has_told_it(tmp_path: Path) -> None:
    archive = new_archive_in(SharedStore())
    with scheduler_in(tmp_path, archive) as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "a"), name="one")
        scheduler.work(until=lambda: run.progress.over)
    complete(archive, "one")


def test_a_run_in_other_hands_and_one_that_goes_on_are_left_alone(tmp_path: Path) -> None:
    archive = new_archive_in(SharedStore())
    with scheduler_in(tmp_path, archive) as other:
        other.start(whole(), samples_in(tmp_path, "a"), name="held")
        with scheduler_in(tmp_path, archive) as scheduler:
            scheduler.work()
            assert scheduler.owed().is_empty()
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.work()
        assert "not over" in scheduler.owed()["why"][0]
    (tmp_path / "site" / "runs" / "held" / "owed").write_text("{", encoding="utf-8")
    with scheduler_in(tmp_path, archive) as scheduler:
        scheduler.work()
        assert scheduler.owed().is_empty()
    assert archive.snapshots().is_empty()


@pytest.mark.parametrize("backups", [0, 1])
def test_nothing_is_told_to_the_folder_where_an_archive_was(backups: int, tmp_path: Path) -> None:
    archive = lake.create(tmp_path / "mounted", name="Rivera lab")
    samples = samples_in(tmp_path, "a")
    for _ in range(backups):
        archive.backup(tmp_path / "a.txt", dataset="a")
    with scheduler_in(tmp_path, archive) as scheduler:
        run = scheduler.start(whole(), samples, name="one")
        (tmp_path / "mounted").rename(tmp_path / "away")
        (tmp_path / "mounted").mkdir()
        scheduler.work()
        assert (run.outcome().state, run.archived) == ("done", None)
        assert scheduler.owed()["run"].to_list() == ["one"]
    assert not (tmp_path / "mounted" / "log").exists()

    (tmp_path / "mounted").rename(tmp_path / "nothing")
    (tmp_path / "away").rename(tmp_path / "mounted")
    with scheduler_in(tmp_path, lake.open(tmp_path / "mounted")) as scheduler:
        scheduler.work()
        assert scheduler.owed().is_empty()
    assert archive.snapshots("runs/one").height == 1


@pytest.fixture(name="over", scope="module")
def _over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a run that is over."""
    folder = tmp_path_factory.mktemp("over")
    with scheduler_in(folder) as scheduler:
        workflow = whole(change=copying("change", command="tr a-z A-Z < {text} > {out}"))
        scheduler.start(workflow, samples_in(folder, "a", lines=1), name="one")
        scheduler.work()
    return folder / "site" / "runs" / "one"


def test_a_run_is_in_the_archive_once_and_whole_whichever_call_fails(over: Path) -> None:
    store = SharedStore()
    new_archive_in(store)
    counting = FaultyStore(SharedStore(store.objects))
    archive = archive_in(counting)
    counting.arm(0)
    archive_run(over, archive)
    calls, faults = list(counting.calls), cycle(FAULTS)
    for place, call in enumerate(calls, 1):
        if place % _STRIDE and not call.startswith(("create", "put")):
            continue
        fault = next(fault for fault in faults if call.partition(" ")[0] in fault.begins)
        inner = SharedStore(store.objects)
        faulty = replace(fault, hangs=False).store(inner)
        opened = archive_in(faulty)
        faulty.arm(place)
        try:
            archive_run(over, opened)
        except (HolotypeError, Crash):
            pass
        except Exception as error:
            error.add_note(f"{fault.name} at call {place}, {call}")
            raise
        try:
            archive_run(over, archive_in(inner))
            complete(archive_in(inner), "one")
            commits = committed(inner)
            archive_run(over, archive_in(inner))
            assert committed(inner) == commits
        except BaseException as error:
            error.add_note(f"{fault.name} at call {place}, {call}")
            raise
