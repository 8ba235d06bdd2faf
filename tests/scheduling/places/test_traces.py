"""What is written down of jobs: by it they are found again, after whatever has happened."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from holotype.scheduling import Ended, LocalPlace, Lost, Running
from holotype.scheduling.places.guard import begin
from holotype.scheduling.places.identity import BEAT, Identity
from holotype.scheduling.places.killing import memory_kills
from holotype.scheduling.places.traces import Page, Traces, Written

from .machine import shell
from .place_contract import until_over

if TYPE_CHECKING:
    from pathlib import Path

ME = Identity.of(os.getpid())
DONE = Ended(code=0, began=1.0, ended=2.0)


def begun_by(tmp_path: Path, guard: Identity) -> tuple[Traces, Page]:
    """A job that somebody has begun."""
    traces = Traces(tmp_path / "place")
    traces.make()
    page = traces.begin("a", 1.0, guard)
    assert page is not None
    return traces, page


def read(traces: Traces) -> Written:
    """What was written down of it."""
    written = traces.read("a")
    assert written is not None
    return written


def found(tmp_path: Path) -> object:
    """What whoever comes next is told of it, after having it submitted again."""
    with closing(LocalPlace(tmp_path / "place")) as place:
        place.submit(shell(tmp_path, "a", "echo started"))
        state = place.poll("a")["a"]
    assert not (tmp_path / "a.out").exists()
    return state


# -- who has begun it, and what became of that


def test_a_job_runs_as_long_as_its_guard_lives(tmp_path: Path) -> None:
    begun_by(tmp_path, ME)
    assert found(tmp_path) == Running(1.0)


def test_after_the_machine_was_started_again_it_is_lost_though_the_number_is_there_again(tmp_path: Path) -> None:
    begun_by(tmp_path, replace(ME, boot="another"))
    assert found(tmp_path) == Lost("the machine was started again since, or is another one")
    assert found(tmp_path) == Lost("the machine was started again since, or is another one")


def test_it_is_lost_when_its_guards_number_is_somebody_elses_who_is_left_alone(tmp_path: Path) -> None:
    with psutil.Popen(["sleep", "1000"]) as other:
        _, page = begun_by(tmp_path, replace(Identity.of(other.pid), since="1"))
        page.start(replace(Identity.of(other.pid), since="2"))
        assert isinstance(found(tmp_path), Lost)
        assert other.poll() is None
        other.kill()


def test_when_power_was_cut_as_it_began_it_is_lost_and_not_started_again(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place/a").touch()
    (tmp_path / "place/b").write_bytes(b"\0" * 2048)
    (tmp_path / "place/c").write_bytes(b'{"id": "c", "beg')
    assert isinstance(found(tmp_path), Running), "it may be that somebody is about to say who has begun it"
    for id in "abc":
        os.utime(tmp_path / "place" / id, (1, 1))
    assert isinstance(found(tmp_path), Lost)
    assert isinstance(found(tmp_path), Lost)
    with closing(LocalPlace(tmp_path / "place")) as place:
        for id in "bc":
            place.submit(shell(tmp_path, id, "echo started"))
            assert isinstance(place.poll(id)[id], Lost)
            assert not (tmp_path / f"{id}.out").exists()


def test_when_power_was_cut_as_it_ended_it_is_lost(tmp_path: Path) -> None:
    traces, page = begun_by(tmp_path, replace(ME, boot="another"))
    page.end(DONE)
    said = (tmp_path / "place/a").read_bytes()
    (tmp_path / "place/a").write_bytes(said[: said.index(b'"code"') + 9])
    assert isinstance(found(tmp_path), Lost)
    assert isinstance(read(traces).over, Lost)


def test_a_job_of_another_machine_runs_as_long_as_there_is_a_sign_of_life(tmp_path: Path) -> None:
    traces, _ = begun_by(tmp_path, replace(ME, machine="another"))
    assert found(tmp_path) == Running(1.0)
    long_ago = time.time() - 100 * BEAT
    os.utime(traces.of("a"), (long_ago, long_ago))
    assert isinstance(found(tmp_path), Lost)


def test_what_a_later_version_says_besides_is_no_trouble(tmp_path: Path) -> None:
    _, page = begun_by(tmp_path, ME)
    page.end(DONE)
    file = tmp_path / "place/a"
    *lines, last = file.read_text().rstrip().split("\n")
    file.write_text("\n".join([*lines, json.dumps({**json.loads(last), "warmth": 37})]))
    assert found(tmp_path) == DONE


# -- writing it down


def test_a_job_is_begun_by_one(tmp_path: Path) -> None:
    traces, _ = begun_by(tmp_path, ME)
    assert not traces.begin("a", 2.0, ME)
    assert not Traces(tmp_path / "place").begin("a", 3.0, ME, ended=DONE)
    assert (read(traces).began, read(traces).guard, read(traces).over) == (1.0, ME, None)


def test_what_cannot_be_written_down_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces(tmp_path / "place")
    traces.make()
    with monkeypatch.context() as full:

        def write(descriptor: int, said: bytes) -> int:
            raise OSError(errno.ENOSPC, "no space left")

        full.setattr(os, "write", write)
        with pytest.raises(OSError, match="no space"):
            traces.begin("a", 1.0, ME)
    assert traces.read("a") is None
    assert traces.begin("a", 1.0, ME)


def test_where_files_have_no_second_names_a_job_is_begun_by_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*names: str) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no)
    test_a_job_is_begun_by_one(tmp_path)
    assert sorted(os.listdir(tmp_path / "place")) == ["a", "place.d"]


def test_the_file_of_a_job_that_is_forgotten_is_taken_for_the_next(tmp_path: Path) -> None:
    traces, page = begun_by(tmp_path, ME)
    page.end(replace(DONE, message="x" * 10_000))
    files = {os.stat(tmp_path / "place/a").st_ino}
    for number in range(20):
        traces.forget("a")
        assert traces.read("a") is None
        next = traces.begin("a", 2.0 + number, ME)
        assert next is not None
        files.add(os.stat(tmp_path / "place/a").st_ino)
        assert (read(traces).began, read(traces).over) == (2.0 + number, None)
        next.end(DONE)
        assert read(traces).over == DONE
    assert len(files) == 1
    # As long as jobs are not forgotten each has its own; and whoever still looks at one that is finds another's.
    assert all(traces.begin(f"job-{number}", 1.0, ME) for number in range(20))
    assert read(traces).over == DONE
    os.replace(tmp_path / "place/job-1", tmp_path / "place/a")
    assert traces.read("a") is None
    traces.leave()
    assert not [*(tmp_path / "place").glob("new.*")]


def test_what_was_said_of_its_end_stays(tmp_path: Path) -> None:
    traces, page = begun_by(tmp_path, ME)
    page.start(ME)
    traces.lose("a", Lost("gone"))
    traces.lose("a", Lost("gone again"))
    with pytest.raises(FileNotFoundError):
        page.end(DONE)  # by one that was taken for dead
    page.start(ME)
    assert (read(traces).guard, read(traces).over) == (ME, Lost("gone"))


def test_how_it_ended_is_written_where_it_has_a_place_on_the_disk_already(tmp_path: Path) -> None:
    """So that it can be said when the disk is full."""
    traces, page = begun_by(tmp_path, ME)
    before = os.stat(tmp_path / "place/a")
    page.start(ME)
    assert (read(traces).first, read(traces).over) == (ME, None)
    page.end(DONE)
    after = os.stat(tmp_path / "place/a")
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert (read(traces).first, read(traces).over) == (ME, DONE)
    long = replace(DONE, message="x" * 10_000)
    other = traces.begin("b", 1.0, ME)
    assert other is not None
    other.end(long)
    found = traces.read("b")
    assert found is not None
    assert found.over == long


def test_what_was_half_made_is_cleared_away_when_it_is_old(tmp_path: Path) -> None:
    (tmp_path / "place/new.1").mkdir(parents=True)
    for name in ("new.1/name", "new.2", "new.3"):
        (tmp_path / "place" / name).touch()
    for name in ("new.1", "new.2", "new.3"):
        if name != "new.3":
            os.utime(tmp_path / "place" / name, (1, 1))
    traces, _ = begun_by(tmp_path, ME)
    traces.tidy()
    traces.leave()
    assert sorted(os.listdir(tmp_path / "place")) == ["a", "new.3", "place.d"]


def test_where_nothing_can_be_written_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "place").touch()
    with pytest.raises(OSError, match="place"):
        Traces(tmp_path / "place").make()
    with closing(LocalPlace(tmp_path / "place")) as place, pytest.raises(OSError, match="place"):
        place.submit(shell(tmp_path, "a", "exit 0"))


def test_what_is_forgotten_leaves_nothing(tmp_path: Path) -> None:
    with closing(LocalPlace(tmp_path / "place")) as place:
        for id in "abc":
            place.submit(shell(tmp_path, id, "exit 0"))
        place.cancel("d")  # which nobody has submitted, and now nobody can
        until_over(place, "abcd")
        place.forget("abcd")
    assert sorted(os.listdir(tmp_path / "place")) == ["keeper.log", "place.d"]


@pytest.mark.parametrize("again", [False, True])
def test_a_job_is_not_begun_when_its_place_was_removed_meanwhile(tmp_path: Path, again: bool) -> None:  # noqa: FBT001
    """As with all that was cancelled there."""
    traces = Traces(tmp_path / "place")
    traces.make()
    traces.mark("a")
    shutil.rmtree(tmp_path / "place")
    if again:
        Traces(tmp_path / "place").make()
    with pytest.raises(FileNotFoundError, match="was removed"):
        begin(traces, "a", ME)
    assert (tmp_path / "place").exists() == again
    assert not (tmp_path / "place/a").exists()


# -- what the kernel has ended


@pytest.mark.parametrize(
    ("group", "file"),
    [
        ("0::/user/a b", "sys/fs/cgroup/user/a b/memory.events"),
        ("0::/", "sys/fs/cgroup/memory.events"),
        ("1:name=systemd:/x\n0::/user", "sys/fs/cgroup/unified/user/memory.events"),
        ("4:cpu,memory:/job/1\n0::/", "sys/fs/cgroup/memory/job/1/memory.oom_control"),
    ],
)
def test_what_the_kernel_has_ended_for_lack_of_memory_is_counted(tmp_path: Path, group: str, file: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"9:pids:/elsewhere\n{group}\n")
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("low 0\noom 7\noom_kill 3\noom_group_kill 0\n")
    assert memory_kills(str(tmp_path)) == 3


def test_where_the_kernel_does_not_count_nothing_is_said(tmp_path: Path) -> None:
    assert memory_kills(str(tmp_path)) is None
    (tmp_path / "there/proc/self").mkdir(parents=True)
    (tmp_path / "there/proc/self/cgroup").write_text("0::/\n")
    assert memory_kills(str(tmp_path / "there")) is None
