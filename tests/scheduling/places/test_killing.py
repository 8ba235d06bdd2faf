"""Whoever is killed, and whatever a job leaves behind: nothing runs twice, nothing is left, what is unknown is lost."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from holotype.scheduling import Ended, LocalPlace, Lost, Running

from .machine import eventually, guard_of, naps, shell
from .place_contract import until_over, until_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEDULER = """
import json, os, sys, time
from holotype.scheduling import Job, LocalPlace
place = LocalPlace(sys.argv[1])
for said in json.loads(sys.argv[2]):
    place.submit(Job(**said))
while not all(place.poll([said["id"]]) for said in json.loads(sys.argv[2])):
    place.wait(1)
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LocalPlace]:
    with closing(LocalPlace(tmp_path / "place")) as made:
        yield made


def begun(tmp_path: Path, id: str) -> dict[str, Any]:
    """What was written down when a job began."""
    said: dict[str, Any] = json.loads((tmp_path / "place" / id).read_text().split("\n")[0])
    return said


def scheduler(tmp_path: Path, *jobs: Any, then: str = "", **more: Any) -> subprocess.Popen[str]:
    """A process that submits jobs, sees that they are known, and goes on with ``then``."""
    said = json.dumps([{**vars(job), "environment": dict(job.environment)} for job in jobs])
    command = [sys.executable, "-c", SCHEDULER + then, str(tmp_path / "place"), said]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def keepers(tmp_path: Path) -> list[psutil.Process]:
    """The keepers of a place, and nobody's guards."""
    log = str(tmp_path / "place/keeper.log")
    found: list[psutil.Process] = []
    for each in psutil.process_iter():
        try:
            if "holotype.scheduling.places.keeper" in " ".join(each.cmdline()):
                found += [each] if os.path.realpath(f"/proc/{each.pid}/fd/2") == log else []
        except (psutil.Error, OSError):
            continue
    return [each for each in found if each.ppid() not in {other.pid for other in found}]


# -- who is killed


def test_when_the_scheduler_is_killed_its_jobs_go_on(tmp_path: Path, place: LocalPlace) -> None:
    job = shell(tmp_path, "a", "sleep 1; echo done")
    with scheduler(tmp_path, job, then="print('known', flush=True); time.sleep(1000)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "known\n"
        process.kill()
    place.submit(job)
    ended = until_over(place, ["a"])["a"]
    assert ended.ok
    assert (tmp_path / "a.out").read_text() == "done\n"


def test_when_its_keeper_is_killed_what_runs_goes_on_and_more_can_be_submitted(
    tmp_path: Path, place: LocalPlace
) -> None:
    place.submit(shell(tmp_path, "a", "sleep 1; exit 3"))
    until_running(place, "a")
    for keeper in keepers(tmp_path):
        keeper.kill()
        keeper.wait(60)
    place.submit(shell(tmp_path, "b", "exit 4"))
    found = until_over(place, ["a", "b"])
    assert (found["a"].code, found["b"].code) == (3, 4)


def test_what_a_keeper_was_told_and_had_not_begun_when_it_was_killed_is_begun_by_the_next(
    tmp_path: Path, place: LocalPlace
) -> None:
    place.submit(shell(tmp_path, "first", "exit 0"))
    until_over(place, ["first"])
    (keeper,) = keepers(tmp_path)
    keeper.suspend()
    place.submit(shell(tmp_path, "a", "echo once"))
    place.wait(0.1)
    keeper.kill()
    keeper.wait(60)
    assert until_over(place, ["a"])["a"].ok
    assert (tmp_path / "a.out").read_text() == "once\n"


@pytest.mark.parametrize("how", ["sleep {0}", "setsid sleep {0}", "exec env -i sleep {0}", "trap '' TERM; sleep {0}"])
def test_when_its_guard_is_killed_a_job_is_ended_and_lost(tmp_path: Path, place: LocalPlace, how: str) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", how.format(seconds)))
    eventually(asleep)
    guard_of(begun(tmp_path, "a")).kill()
    lost = until_over(place, ["a"])["a"]
    assert isinstance(lost, Lost)
    assert "ended" in lost.why
    assert not asleep()
    with closing(LocalPlace(tmp_path / "place")) as other:
        assert other.poll(["a"]) == {"a": lost}
        other.submit(shell(tmp_path, "a", "exit 0"))
        assert other.poll(["a"]) == {"a": lost}


def test_when_everything_is_killed_whoever_comes_next_ends_the_job_which_is_lost(tmp_path: Path) -> None:
    seconds, asleep = naps()
    job = shell(tmp_path, "a", f"sleep {seconds}")
    with scheduler(tmp_path, job, then="time.sleep(1000)") as process:
        eventually(asleep)
        for each in [guard_of(begun(tmp_path, "a")), *keepers(tmp_path)]:
            each.kill()
        process.kill()
        process.communicate()
    assert asleep()
    with closing(LocalPlace(tmp_path / "place")) as place:
        assert isinstance(until_over(place, ["a"])["a"], Lost)
    assert not asleep()


def test_a_job_that_kills_its_parent_is_lost_and_ended(tmp_path: Path, place: LocalPlace) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", f"kill -9 $PPID; sleep {seconds}"))
    assert isinstance(until_over(place, ["a"])["a"], Lost)
    assert not asleep()


def test_a_guard_that_is_asked_to_end_stays_with_its_job(tmp_path: Path, place: LocalPlace) -> None:
    place.submit(shell(tmp_path, "a", "sleep 0.5; exit 5"))
    until_running(place, "a")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        guard_of(begun(tmp_path, "a")).send_signal(number)
    assert until_over(place, ["a"])["a"].code == 5


def test_an_interrupt_at_the_terminal_ends_neither_keeper_nor_jobs(tmp_path: Path, place: LocalPlace) -> None:
    job = shell(tmp_path, "a", "sleep 1; echo done")
    then = "print('known', flush=True); time.sleep(1000)"
    with scheduler(tmp_path, job, then=then, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "known\n"
        os.killpg(process.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate()[0]
    assert until_over(place, ["a"])["a"].ok


# -- what is left behind

LEAVING = {
    "a child": "sleep {0} & exit 0",
    "a session of its own": "setsid sleep {0} & exit 0",
    "forked two times": "setsid sh -c '(setsid sleep {0} &)' & exit 0",
    "without its variables": "env -i setsid sh -c 'sleep {0} & sleep {0} &' & wait; exit 0",
    "stopped": "sleep {0} & kill -STOP $!; exit 0",
    "many": "for i in 1 2 3 4 5 6 7 8 9; do setsid sleep {0} & done; exit 0",
}


@pytest.mark.parametrize("how", LEAVING.values(), ids=LEAVING)
def test_when_a_job_is_over_nothing_of_it_runs(tmp_path: Path, place: LocalPlace, how: str) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", how.format(seconds)))
    ended = until_over(place, ["a"])["a"]
    assert not asleep()
    assert ended.ok


@pytest.mark.parametrize("how", LEAVING.values(), ids=LEAVING)
def test_when_a_job_is_cancelled_nothing_of_it_runs(tmp_path: Path, place: LocalPlace, how: str) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", how.replace("exit 0", f"sleep {seconds}").format(seconds)))
    eventually(asleep)
    place.cancel(["a"])
    assert until_over(place, ["a"])["a"].cause == "cancelled"
    assert not asleep()


def test_what_is_left_of_one_job_is_not_looked_for_among_others(tmp_path: Path, place: LocalPlace) -> None:
    seconds, asleep = naps()
    for id in "bcd":
        place.submit(shell(tmp_path, id, f"sh -c 'sleep {seconds} &' & sleep 1000"))
    eventually(lambda: len(asleep()) == 3)
    place.submit(shell(tmp_path, "a", f"sh -c 'sleep {seconds} &'; exit 0"))
    assert until_over(place, ["a"])["a"].ok
    assert len(asleep()) == 3
    place.cancel("bcd")
    until_over(place, "bcd")
    assert not asleep()


def test_who_does_not_end_when_asked_is_made_to(tmp_path: Path, place: LocalPlace) -> None:
    seconds, asleep = naps()
    deaf = f"trap '' TERM; sh -c 'trap \"\" TERM; while true; do sleep {seconds}; done' & "
    place.submit(shell(tmp_path, "a", deaf + "while true; do sleep 1; done"))
    place.submit(shell(tmp_path, "b", deaf + "exit 0"))
    eventually(lambda: len(asleep()) == 2)
    place.cancel(["a"])
    found = until_over(place, "ab")
    assert (found["a"].cause, found["a"].signal, found["b"].ok) == ("cancelled", signal.SIGKILL, True)
    assert not asleep()


def test_who_is_asked_to_end_may_tidy_up_first(tmp_path: Path, place: LocalPlace) -> None:
    place.submit(shell(tmp_path, "a", "trap 'echo tidied; exit 9' TERM; echo ready; while true; do sleep 0.1; done"))
    eventually(lambda: (tmp_path / "a.out").exists() and (tmp_path / "a.out").read_text())
    place.cancel(["a"])
    ended = until_over(place, ["a"])["a"]
    assert (ended.cause, ended.code) == ("cancelled", 9)
    assert (tmp_path / "a.out").read_text() == "ready\ntidied\n"


# -- leaving


def test_a_scheduler_ends_at_once_whatever_still_runs(tmp_path: Path, place: LocalPlace) -> None:
    """Its output too: nobody who waits for the end of that is kept by a job."""
    seconds, asleep = naps()
    with scheduler(tmp_path, shell(tmp_path, "a", f"sleep {seconds}")) as process:
        assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 0
    eventually(asleep)
    assert isinstance(place.poll(["a"])["a"], Running)
    place.cancel(["a"])
    until_over(place, ["a"])
    eventually(lambda: not keepers(tmp_path))


def test_nothing_is_said_to_be_unclosed(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SCHEDULER + "del place", str(tmp_path / "place")]
    said = json.dumps([{**vars(shell(tmp_path, "a", "exit 0")), "environment": {}}])
    run = subprocess.run([*command, said], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_a_place_that_nobody_closes_holds_nothing_when_it_is_gone(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    place = LocalPlace(tmp_path / "place")
    place.submit(shell(tmp_path, "a", "exit 0"))
    until_over(place, "a")
    assert len(os.listdir("/proc/self/fd")) > len(before)
    del place
    gc.collect()
    assert os.listdir("/proc/self/fd") == before
    assert not keepers(tmp_path)


def test_schedulers_in_several_processes_that_submit_the_same_jobs_start_each_once(
    tmp_path: Path, place: LocalPlace
) -> None:
    jobs = [shell(tmp_path, f"job-{number}", "echo started") for number in range(15)]
    racing = [scheduler(tmp_path, *jobs) for _ in range(3)]
    for process in racing:
        with process:
            assert process.communicate(timeout=120)[0] == ""
    found = until_over(place, [job.id for job in jobs])
    assert all(isinstance(state, Ended) and state.ok for state in found.values())
    assert [(tmp_path / f"{job.id}.out").read_text() for job in jobs] == ["started\n"] * 15


def test_a_scheduler_that_is_killed_again_and_again_has_each_job_run_once(tmp_path: Path, place: LocalPlace) -> None:
    jobs = [shell(tmp_path, f"job-{number}", "echo started; sleep 0.05; echo done") for number in range(60)]
    for tenths in (1, 2, 3, 4, 5, 6):
        with scheduler(tmp_path, *jobs) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(tenths / 10)
            process.kill()
            process.communicate()
    for job in jobs:
        place.submit(job)
    found = until_over(place, [job.id for job in jobs])
    assert all(state.ok for state in found.values())
    assert [(tmp_path / f"{job.id}.out").read_text() for job in jobs] == ["started\ndone\n"] * 60
