"""What tasks need: resources, programs, a place to run."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from holotype.scheduling import Environment, Load, Needs, Resources, Tool
from holotype.scheduling.declaring.environments import Version

GIB = 1 << 30


def twice(load: Load) -> float:
    return 2.0 * load.input_size


def wrong(load: Load) -> float:
    raise KeyError("no such reference")


def test_resources_are_numbers_amounts_sums_or_functions() -> None:
    resources = Resources(
        cpus="min(8, files)", memory="4*GiB*attempt + depth", disk=twice, gpus=1, time="2 h", licences={"gatk": 1}
    )
    load = Load(input_size=GIB, files=3, attempt=2, parameters={"depth": 7})
    assert resources.needs(load) == Needs(
        cpus=3, memory=8 * GIB + 7, disk=2 * GIB, gpus=1, time=7200.0, licences={"gatk": 1}
    )
    assert resources.names == {"depth"}


def test_the_size_of_one_input_is_told_from_that_of_all() -> None:
    resources = Resources(memory="GiB + 2*size.reference", disk="size.reads + input_size", cpus=2)
    assert resources.inputs == {"reference", "reads"}
    assert resources.names == frozenset()
    needs = resources.needs(Load(input_size=500, sizes={"reference": 100}))
    assert (needs.memory, needs.disk) == (GIB + 200, 1000)  # of reads it is not known: it is at most all
    with pytest.raises(ValueError, match="cannot be calculated"):
        Resources(memory="2*size").needs(Load())


def test_what_is_counted_is_rounded_up() -> None:
    needs = Resources(cpus="0.3 * files", memory=0.5, time=1.5).needs(Load(files=4))
    assert (needs.cpus, needs.memory, needs.time) == (2, 1, 1.5)
    assert Resources(cpus=0).needs(Load()).cpus == 1


@pytest.mark.parametrize(
    "said",
    [
        {"memory": "8 Gib"},
        {"memory": -1},
        {"memory": float("inf")},
        {"cpus": True},
        {"time": "2 GiB"},
        {"disk": "open('x')"},
        {"licences": {"a b": 1}},
        {"licences": {"gatk": 0}},
        {"instruments": {"novaseq": 1.5}},
    ],
)
def test_what_is_no_amount_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Resources(**said)


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        (Resources(memory=wrong), "memory: its function failed: KeyError"),
        (Resources(memory="GiB - 2*GiB"), "is no amount"),
        (Resources(cpus="x"), "x, which is not given"),
        (Resources(memory="'a'"), "is no amount"),
        (Resources(memory="9" * 400), "is no amount"),
        (Resources(memory="*".join(["999999"] * 90)), "is no amount|too large"),
    ],
)
def test_what_comes_to_no_amount_is_told(resources: Resources, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        resources.needs(Load())


def test_they_go_to_another_process() -> None:
    for each in (Resources(disk=twice, licences={"a": 1}), Environment(variables={"A": "b"}, tools=(Tool("bwa"),))):
        assert pickle.loads(pickle.dumps(each)) == each
        assert hash(each) == hash(pickle.loads(pickle.dumps(each)))


@pytest.mark.parametrize(
    ("version", "conditions", "fits"),
    [
        ("1.16", ">=1.10", True),
        ("1.9", ">=1.10", False),
        ("0.7.17-r1188", ">=0.7, <0.8", True),
        ("2.0", "==2", True),
        ("2.0.1", "==2", False),
        ("v2.1", "!=2.1", False),
        ("3.1b", ">3.1", False),
        ("1", "<=1.0.0", True),
        ("anything 5", "", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, conditions: str, fits: bool) -> None:  # noqa: FBT001
    assert Version(version).fits(conditions) is fits


def test_what_has_no_number_is_no_version() -> None:
    with pytest.raises(ValueError, match="no version"):
        Version("unknown").fits(">1")


@pytest.mark.parametrize(
    "said",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "bwa", "versions": "1.0"},
        {"name": "bwa", "versions": ">=x"},
        {"name": "bwa", "says": "("},
        {"name": "bwa", "says": "x"},
    ],
)
def test_what_no_program_could_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Tool(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"variables": {"A=B": "x"}},
        {"variables": {"A": "a\0"}},
        {"variables": {"A": 4}},
        {"container": "x", "conda": "y"},
    ],
)
def test_what_no_environment_could_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Environment(**said)
