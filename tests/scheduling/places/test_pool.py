"""Guards look after one job after the other: each job as if the guard were its own, whatever became of that before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Ended, LocalPlace
from holotype.scheduling.places.identity import Identity
from holotype.scheduling.places.traces import Traces

from .machine import eventually, guard_of, shell
from .place_contract import until_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

# A keeper whose guards are ended before they have begun anything.
DOOMED = """
import json, os, sys
from holotype.scheduling.places import pool
from holotype.scheduling.places.traces import Traces
reading, writing = os.pipe()
traces = Traces(sys.argv[1])
traces.make()
guards = pool.Guards(traces, writing)
def serve(*given):
    if sys.argv[3] == "killed":
        os._exit(9)
    raise OSError("whatever is wrong with it")
pool._serve = serve
guards.look_after(sys.argv[2].encode() + b"\\n")
while sockets := [*guards.sockets()]:
    guards.hear(sockets[0])
print(os.read(reading, 4096).decode())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LocalPlace]:
    with closing(LocalPlace(tmp_path / "place")) as made:
        yield made


def guard(tmp_path: Path, job: str) -> psutil.Process:
    """Who looked after a job."""
    return guard_of(json.loads((tmp_path / "place" / job).read_text().split("\n")[0]))


def run(place: LocalPlace, tmp_path: Path, id: str, script: str, *arguments: str) -> Ended:
    """Have a job done."""
    place.submit(shell(tmp_path, id, script, *arguments))
    ended = until_over(place, [id])[id]
    assert isinstance(ended, Ended)
    return ended


def test_jobs_that_come_after_each_other_have_one_guard(tmp_path: Path, place: LocalPlace) -> None:
    for number in range(10):
        assert run(place, tmp_path, f"job-{number}", f"exit {number}").code == number
    assert len({guard(tmp_path, f"job-{number}").pid for number in range(10)}) < 10


def test_what_one_job_took_is_not_said_of_the_next(tmp_path: Path, place: LocalPlace) -> None:
    hungry = "kept = b'x' * (96 << 20); print('x' * (4 << 20)); sum(range(10_000_000))"
    first = run(place, tmp_path, "hungry", '"$@"', sys.executable, "-S", "-c", hungry)
    second = run(place, tmp_path, "modest", "echo done")
    assert guard(tmp_path, "hungry") == guard(tmp_path, "modest")
    assert first.memory > 96 << 20 > second.memory
    assert first.cpu > second.cpu
    assert first.written is not None
    assert second.written is not None
    assert first.written > 4 << 20 > second.written


def test_a_guard_that_had_to_end_something_looks_after_nothing_else(tmp_path: Path, place: LocalPlace) -> None:
    run(place, tmp_path, "leaving", "setsid sleep 1000 & exit 0")
    left = (tmp_path / "place/leaving").read_text().split("\n")[0]
    assert run(place, tmp_path, "next", "exit 0").ok
    assert guard(tmp_path, "next").pid != json.loads(left)["guard"]["pid"]


def test_when_a_guard_is_killed_that_waits_for_a_job_another_looks_after_that(
    tmp_path: Path, place: LocalPlace
) -> None:
    run(place, tmp_path, "first", "exit 0")
    waiting = guard(tmp_path, "first")
    waiting.kill()
    waiting.wait(60)
    assert run(place, tmp_path, "second", "echo once").ok
    assert (tmp_path / "second.out").read_text() == "once\n"


def test_a_job_whose_guard_is_killed_before_it_has_begun_it_is_done_once(tmp_path: Path, place: LocalPlace) -> None:
    run(place, tmp_path, "first", "exit 0")
    waiting = guard(tmp_path, "first")
    waiting.suspend()
    place.submit(shell(tmp_path, "second", "echo once"))
    place.wait(0.3)
    assert Traces(tmp_path / "place").read("second") is None
    waiting.kill()
    assert until_over(place, ["second"])["second"].ok
    assert (tmp_path / "second.out").read_text() == "once\n"


def test_a_job_whose_guards_are_all_killed_before_they_have_begun_it_is_given_up(tmp_path: Path) -> None:
    job = shell(tmp_path, "a", "echo never")
    said = json.dumps({**vars(job), "environment": dict(job.environment)})
    for how in ("killed", "broken"):  # who is broken never goes on as another keeper, either
        command = [sys.executable, "-c", DOOMED, str(tmp_path / how), said, how]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert json.loads(told.stdout) == {"id": "a"}
        assert told.stderr.count("whatever is wrong with it") == (0 if how == "killed" else 3)
        with closing(LocalPlace(tmp_path / how)) as place:
            ended = until_over(place, ["a"])["a"]
        assert (ended.cause, ended.code) == ("start", None)
        assert "3 times" in ended.message
        assert not (tmp_path / "a.out").exists()


def test_guards_that_nobody_needs_any_more_go(tmp_path: Path, place: LocalPlace) -> None:
    many = [f"job-{number}" for number in range(24)]
    for id in many:
        place.submit(shell(tmp_path, id, "sleep 2"))
    until_over(place, many)
    guards = {Identity(**json.loads((tmp_path / "place" / id).read_text().split("\n")[0])["guard"]) for id in many}
    eventually(lambda: sum(each.lives() for each in guards) <= 16)
    place.close()
    eventually(lambda: not any(each.lives() for each in guards))
    assert os.listdir(tmp_path / "place")
