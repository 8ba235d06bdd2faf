"""Jobs, and what is said of them, are values."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from holotype.catalog import InvalidOption
from holotype.scheduling import Ended, Job, Lost, Running, Waiting

GIVEN: dict[str, Any] = {"id": "a", "command": ["true"], "folder": "f", "stdout": "o", "stderr": "e"}


def test_a_job_never_changes_and_can_be_sent_to_another_process() -> None:
    variables = {"A": "b"}
    job = Job(**GIVEN, environment=variables)
    variables["A"] = "c"
    assert (job.command, job.environment["A"]) == (("true",), "b")
    assert pickle.loads(pickle.dumps(job)) == job
    assert hash(job) == hash(Job(**GIVEN, environment={"A": "b"}))
    with pytest.raises(AttributeError):
        job.id = "b"  # type: ignore[misc]


def test_paths_and_bytes_are_taken_for_what_they_name() -> None:
    job = Job(**{**GIVEN, "command": [Path("/bin/true"), b"\xff"], "folder": Path("f")}, environment={"A": b"\xfe"})  # type: ignore[dict-item]
    assert job.command == ("/bin/true", "\udcff")
    assert (job.folder, job.environment["A"]) == ("f", "\udcfe")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": ""}, "empty"),
        ({"command": []}, "not a list of arguments"),
        ({"command": "echo a"}, "'echo a', not a list"),
        ({"command": ["echo", 1]}, "int"),
        ({"command": 7}, "int"),
        ({"folder": None}, "NoneType"),
        ({"environment": {"A": 1}}, "int"),
        ({"environment": ["A"]}, "sequence"),
        ({"memory": 0}, "memory is 0"),
        ({"time": -1.0}, "time is -1.0"),
        ({"time": float("nan")}, "time is nan"),
    ],
)
def test_what_no_place_could_start_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        Job(**{**GIVEN, **wrong})


def test_a_job_is_well_when_it_ended_by_itself_with_status_0() -> None:
    assert Ended(code=0, began=1, ended=2).ok
    assert not Ended(code=1, began=1, ended=2).ok
    assert not Ended(signal=15, began=1, ended=2).ok
    assert not Ended(code=0, began=1, ended=2, cause="time").ok


def test_what_is_said_of_jobs_can_be_compared() -> None:
    assert Waiting() == Waiting()
    assert Running(1.0) == Running(1.0) != Running(2.0)
    assert Lost("a") == Lost("a") != Lost("b")
