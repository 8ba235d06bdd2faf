"""The place that follows a script keeps the contract, and its script."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Ended, Job, Lost, Place, Running, Waiting

from .place_contract import FOREVER, PlaceContract
from .scripted import ScriptedPlace

if TYPE_CHECKING:
    from pathlib import Path


def job_of(id: str, *command: str, time: float | None = None, memory: int | None = None) -> Job:
    """A job; its command is for the script to read."""
    return Job(id=id, command=command or ("0",), folder="", stdout="", stderr="", time=time, memory=memory)


def told(job: Job) -> Ended | int:
    """What a job's command says."""
    match job.command:
        case ("signal", number, _):
            return Ended(signal=int(number), began=0, ended=0)
        case ("impossible",):
            return Ended(cause="start", message="there is no such program", began=0, ended=0)
        case (code, *_):
            return int(code)
        case _:
            raise AssertionError(job.command)


def seconds_of(job: Job) -> float:
    """How long a job's command says that it takes."""
    return 0.0 if job.command == ("impossible",) else float(job.command[-1])


class TestScriptedPlace(PlaceContract):
    examples = 300

    @pytest.fixture(autouse=True)
    def _worlds(self) -> None:
        self.worlds: dict[Path, ScriptedPlace] = {}

    def make(self, tmp_path: Path) -> Place:
        if tmp_path not in self.worlds:
            self.worlds[tmp_path] = ScriptedPlace(told, seconds=seconds_of, delay=0.01)
        return self.worlds[tmp_path].beside()

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
        takes = str(math.inf if seconds == FOREVER else seconds)
        return job_of(id, *(("signal", str(signal)) if signal is not None else (str(code),)), takes, time=time)

    def impossible(self, tmp_path: Path, id: str) -> Job:
        return job_of(id, "impossible")

    def starts(self, tmp_path: Path, id: str) -> int:
        return [job.id for job in self.worlds[tmp_path].started].count(id)


def test_every_job_takes_a_second_and_ends_well() -> None:
    place = ScriptedPlace()
    began = place.clock()
    place.submit(job_of("a"))
    place.poll("a")
    place.wait()
    assert place.poll("a") == {"a": Ended(code=0, began=began, ended=began + 1)}
    assert place.clock() == began + 1


def test_jobs_end_in_the_order_of_their_times() -> None:
    place = ScriptedPlace(seconds=lambda job: float(job.command[0]))
    for id, takes in (("a", "3"), ("b", "1"), ("c", "2")):
        place.submit(job_of(id, takes))
    ends: list[str] = []
    while len(ends) < 3:
        ends += [id for id, state in place.poll("abc").items() if isinstance(state, Ended) and id not in ends]
        place.wait()
    assert ends == ["b", "c", "a"]


def test_time_passes_no_further_than_one_waits() -> None:
    place = ScriptedPlace(seconds=100)
    place.submit(job_of("a"))
    place.poll("a")
    began = place.clock()
    place.wait(10)
    assert place.clock() == began + 10
    assert place.poll("a") == {"a": Running(began)}
    place.advance(1000)
    assert place.poll("a") == {"a": Ended(code=0, began=began, ended=began + 100)}


def test_a_crash_loses_what_had_not_begun_and_nothing_else() -> None:
    place = ScriptedPlace(delay=5)
    place.submit(job_of("a"))
    place.advance(5)
    place.submit(job_of("b"))
    assert place.poll("ab") == {"a": Running(place.clock()), "b": Waiting()}
    after = place.crash()
    assert after.poll("ab").keys() == {"a"}
    after.submit(job_of("b"))
    after.advance(20)
    assert [state.ok for state in after.poll("ab").values() if isinstance(state, Ended)] == [True, True]
    assert [job.id for job in after.started] == ["a", "b"]
    with pytest.raises(RuntimeError, match="crashed"):
        place.poll("a")


def test_what_is_lost_stays_so() -> None:
    place = ScriptedPlace(lambda job: Lost("the node is gone"))
    place.submit(job_of("a"))
    place.submit(job_of("b"))
    place.lose("b")
    place.advance(10)
    assert place.poll("ab") == {"a": Lost("the node is gone"), "b": Lost("what looked after it is gone")}
    place.lose("b")


def test_more_memory_than_it_may_have_ends_a_job() -> None:
    place = ScriptedPlace(lambda job: Ended(signal=9, memory=100, began=0, ended=0))
    place.submit(job_of("a", memory=99))
    place.submit(job_of("b", memory=100))
    place.advance(10)
    causes = [state.cause for state in place.poll("ab").values() if isinstance(state, Ended)]
    assert causes == ["memory", None]


def test_to_wait_for_what_never_happens_is_an_error() -> None:
    place = ScriptedPlace(seconds=math.inf)
    place.submit(job_of("a"))
    place.poll("a")
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        place.wait()
    place.cancel("a")
    place.poll("a")
    place.wait()
