"""What every place promises, as tests: the rules of ``scheduling/places/place.py``, and what its methods say.

A new place is tested by a subclass that says how to make one, and a job that does something::

    class TestOurPlace(PlaceContract):
        def make(self, tmp_path): ...
        def job(self, tmp_path, id, *, code=0, signal=None, seconds=0.0, time=None): ...
        def starts(self, tmp_path, id): ...
"""

from __future__ import annotations

import time as clock
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holotype.scheduling import Ended, Job, Lost, Place, Running, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from holotype.scheduling.places.place import State

__all__ = ["FOREVER", "PlaceContract", "over", "until_over"]

FOREVER = 300.0
"""Seconds that a job takes which somebody has to end."""

ORDER = (Waiting, Running, Ended | Lost)
STEPS = ("submit", "submit long", "cancel", "poll", "wait", "leave", "beside")


def over(state: State | None) -> bool:
    """Whether it says that a job is over."""
    return isinstance(state, Ended | Lost)


def until_over(place: Place, jobs: Iterable[str], *, patience: float = 120.0) -> Mapping[str, Any]:
    """What is said of jobs when all are over."""
    every = tuple(jobs)
    deadline = clock.monotonic() + patience
    while True:
        found = place.poll(every)
        if all(over(found.get(id)) for id in every):
            return found
        assert clock.monotonic() < deadline, found
        place.wait(1.0)


def until_running(place: Place, job: str) -> Running:
    """What is said of a job when it has begun."""
    deadline = clock.monotonic() + 60.0
    while not isinstance(state := place.poll([job]).get(job), Running):
        assert not over(state), state
        assert clock.monotonic() < deadline, state
        place.wait(1.0)
    return state


class PlaceContract(ABC):
    """The suite; pytest collects its subclasses."""

    examples = 100
    """How many histories are tried; for a place where jobs take time there may be fewer."""
    many = 60
    """How many jobs run at once; where a job costs much there may be fewer."""

    @abstractmethod
    def make(self, tmp_path: Path) -> Place:
        """A place; made again with the same folder, what another scheduler has of it."""

    @abstractmethod
    def job(
        self,
        tmp_path: Path,
        id: str,
        *,
        code: int = 0,
        signal: int | None = None,
        seconds: float = 0.0,
        time: float | None = None,
    ) -> Job:
        """A job that takes so many seconds and ends with that status, or by that signal."""

    @abstractmethod
    def impossible(self, tmp_path: Path, id: str) -> Job:
        """A job that cannot be started."""

    @abstractmethod
    def starts(self, tmp_path: Path, id: str) -> int:
        """How often a job was started, as the job itself knows."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        place = self.make(tmp_path)
        yield place
        place.close()

    # -- what becomes of a job

    def test_a_job_that_nobody_submitted_is_not_known(self, place: Place) -> None:
        assert place.poll(["a"]) == {}

    def test_a_job_runs_and_ends(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a"))
        ended = until_over(place, ["a"])["a"]
        assert isinstance(ended, Ended)
        assert (ended.code, ended.signal, ended.cause, ended.message) == (0, None, None, "")
        assert ended.ok
        assert ended.began <= ended.ended
        assert self.starts(tmp_path, "a") == 1

    @pytest.mark.parametrize("code", [1, 2, 126, 137, 255])
    def test_its_exit_status_is_told(self, place: Place, tmp_path: Path, code: int) -> None:
        place.submit(self.job(tmp_path, "a", code=code))
        ended = until_over(place, ["a"])["a"]
        assert (ended.code, ended.signal, ended.cause, ended.ok) == (code, None, None, False)

    @pytest.mark.parametrize("signal", [9, 11, 15])
    def test_the_signal_that_ended_it_is_told(self, place: Place, tmp_path: Path, signal: int) -> None:
        place.submit(self.job(tmp_path, "a", signal=signal))
        ended = until_over(place, ["a"])["a"]
        assert (ended.code, ended.signal, ended.cause, ended.ok) == (None, signal, None, False)

    def test_what_cannot_be_started_says_why(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.impossible(tmp_path, "a"))
        ended = until_over(place, ["a"])["a"]
        assert (ended.cause, ended.code, ended.signal, ended.ok) == ("start", None, None, False)
        assert ended.message

    def test_how_long_it_took_is_told(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=0.5))
        running = until_running(place, "a")
        ended = until_over(place, ["a"])["a"]
        assert ended.began == running.began
        assert ended.ended - ended.began >= 0.5

    def test_many_jobs_run_at_once(self, place: Place, tmp_path: Path) -> None:
        jobs = [f"job-{number}" for number in range(self.many)]
        for id in jobs:
            place.submit(self.job(tmp_path, id, seconds=FOREVER))
        for id in jobs:
            until_running(place, id)
        assert {type(state) for state in place.poll(jobs).values()} == {Running}
        place.cancel(jobs)
        until_over(place, jobs)
        assert [self.starts(tmp_path, id) for id in jobs] == [1] * self.many

    # -- once, and never back

    def test_a_job_that_is_submitted_again_is_not_started_again(self, place: Place, tmp_path: Path) -> None:
        job = self.job(tmp_path, "a", seconds=0.3)
        place.submit(job)
        place.submit(job)
        until_running(place, "a")
        place.submit(job)
        first = until_over(place, ["a"])
        place.submit(job)
        place.wait(0.2)
        assert until_over(place, ["a"]) == first
        assert self.starts(tmp_path, "a") == 1

    def test_two_schedulers_that_submit_the_same_jobs_start_each_once(self, place: Place, tmp_path: Path) -> None:
        other = self.make(tmp_path)
        jobs = [f"job-{number}" for number in range(self.many // 3)]
        for id in jobs:
            place.submit(self.job(tmp_path, id, seconds=0.1))
            other.submit(self.job(tmp_path, id, seconds=0.1))
        assert until_over(place, jobs) == until_over(other, jobs)
        assert [self.starts(tmp_path, id) for id in jobs] == [1] * len(jobs)
        other.close()

    def test_what_is_said_never_goes_back(self, place: Place, tmp_path: Path) -> None:
        other = self.make(tmp_path)
        place.submit(self.job(tmp_path, "a", seconds=0.3))
        told: dict[Place, list[State]] = {place: [], other: []}
        while not all(states and over(states[-1]) for states in told.values()):
            for each, states in told.items():
                states.extend(each.poll(["a"]).values())
                each.wait(0.02)
        for states in told.values():
            ranks = [next(rank for rank, kind in enumerate(ORDER) if isinstance(state, kind)) for state in states]
            assert ranks == sorted(ranks)
        other.close()

    # -- ending it

    def test_a_job_that_is_cancelled_ends(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=FOREVER))
        place.submit(self.job(tmp_path, "b", seconds=0.3))
        until_running(place, "a")
        place.cancel(["a"])
        place.cancel(["a"])
        found = until_over(place, ["a", "b"])
        assert (found["a"].cause, found["a"].ok, found["b"].ok) == ("cancelled", False, True)

    def test_a_job_that_was_cancelled_is_never_started(self, place: Place, tmp_path: Path) -> None:
        place.cancel(["a"])
        place.submit(self.job(tmp_path, "a"))
        other = self.make(tmp_path)
        other.submit(self.job(tmp_path, "a"))
        assert until_over(place, ["a"])["a"].cause == until_over(other, ["a"])["a"].cause == "cancelled"
        place.wait(0.2)
        assert self.starts(tmp_path, "a") == 0
        other.close()

    def test_a_job_that_is_cancelled_at_once_ends_too(self, place: Place, tmp_path: Path) -> None:
        jobs = [f"job-{number}" for number in range(self.many // 3)]
        for id in jobs:
            place.submit(self.job(tmp_path, id, seconds=FOREVER))
            place.cancel([id])
        assert {state.cause for state in until_over(place, jobs).values()} == {"cancelled"}
        assert all(self.starts(tmp_path, id) <= 1 for id in jobs)

    def test_what_is_over_stays_as_it_was(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a"))
        first = until_over(place, ["a"])
        place.cancel(["a"])
        self.make(tmp_path).cancel(["a"])
        place.wait(0.1)
        assert until_over(place, ["a"]) == until_over(self.make(tmp_path), ["a"]) == first

    def test_a_job_may_be_cancelled_by_another_scheduler(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=FOREVER))
        until_running(place, "a")
        other = self.make(tmp_path)
        other.cancel(["a"])
        assert until_over(other, ["a"])["a"].cause == until_over(place, ["a"])["a"].cause == "cancelled"
        other.close()

    def test_a_job_ends_when_its_time_is_up(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=FOREVER, time=0.5))
        place.submit(self.job(tmp_path, "b", seconds=0.1, time=60))
        found = until_over(place, ["a", "b"])
        assert (found["a"].cause, found["a"].ok, found["b"].ok) == ("time", False, True)
        assert found["a"].ended - found["a"].began >= 0.5

    # -- after a restart

    def test_a_job_outlives_who_submitted_it_and_is_found_again(self, tmp_path: Path) -> None:
        first = self.make(tmp_path)
        first.submit(self.job(tmp_path, "a", seconds=FOREVER), self.job(tmp_path, "b", seconds=1.0))
        first.submit(self.job(tmp_path, "c"))
        until_over(first, ["c"])
        until_running(first, "a")
        first.close()
        first.close()
        then = self.make(tmp_path)
        assert isinstance(then.poll(["a"])["a"], Running)
        then.submit(self.job(tmp_path, "a", seconds=FOREVER), self.job(tmp_path, "b", seconds=1.0))
        found = until_over(then, ["b", "c"])
        assert found["b"].ok
        assert found["c"].ok
        assert isinstance(then.poll(["a"])["a"], Running)
        then.cancel(["a"])
        assert until_over(then, ["a"])["a"].cause == "cancelled"
        # The first may have been ended before it could say that it began.
        assert [self.starts(tmp_path, name) for name in "bc"] == [1, 1]
        assert self.starts(tmp_path, "a") <= 1
        then.close()

    def test_what_is_over_can_be_forgotten(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a"))
        place.submit(self.job(tmp_path, "b", seconds=FOREVER))
        until_over(place, ["a"])
        until_running(place, "b")
        place.forget(["a", "b", "never there"])
        assert place.poll(["a", "b"]).keys() == {"b"}
        assert self.make(tmp_path).poll(["a", "b"]).keys() == {"b"}
        place.cancel(["b"])
        until_over(place, ["b"])

    # -- waiting

    def test_waiting_ends_after_so_many_seconds(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=FOREVER))
        until_running(place, "a")
        place.poll(["a"])
        place.wait(0.1)
        assert isinstance(place.poll(["a"])["a"], Running)
        place.wait(0)
        place.cancel(["a"])
        until_over(place, ["a"])

    def test_waiting_without_a_limit_ends_when_something_changes(self, place: Place, tmp_path: Path) -> None:
        place.submit(self.job(tmp_path, "a", seconds=0.3))
        while not over(place.poll(["a"])["a"]):
            place.wait()

    # -- the law

    def test_whatever_is_asked_in_whatever_order_each_job_starts_once_and_ends(self, tmp_path: Path) -> None:
        folders = iter(range(1_000_000))

        @settings(max_examples=self.examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
        @given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ab")), max_size=12))
        def keeps(steps: list[tuple[str, str]]) -> None:
            folder = tmp_path / str(next(folders))
            folder.mkdir()
            self.history(folder, steps)

        keeps()

    def history(self, folder: Path, steps: list[tuple[str, str]]) -> None:
        """Do what is said step by step, and see that the rules are kept."""
        places = [self.make(folder)]
        told: dict[str, State] = {}
        asked: set[str] = set()
        for step, id in [*steps, *(("cancel", id) for id in "ab")]:
            match step:
                case "submit" | "submit long":
                    places[-1].submit(self.job(folder, id, seconds=FOREVER if "long" in step else 0.02))
                case "cancel":
                    places[-1].cancel([id])
                case "wait":
                    places[-1].wait(0.03)
                case "leave" | "beside":
                    if step == "leave":
                        places.pop().close()
                    places.append(self.make(folder))
            asked |= {id} if step in ("submit", "submit long", "cancel") else set()
            for each, state in places[-1].poll("ab").items():
                # That it is over, and how, is the same for everybody, and for ever.
                assert over(state) or each not in told
                if over(state):
                    assert told.setdefault(each, state) == state
        until_over(places[-1], asked)
        assert all(self.starts(folder, id) <= 1 for id in "ab")
        for place in places:
            place.close()
