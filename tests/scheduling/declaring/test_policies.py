"""What is done about what happens."""

from __future__ import annotations

from typing import Any

import pytest

from holotype.scheduling import Instead, Reduce, Retry, When


def test_what_is_waited_grows_and_has_an_end() -> None:
    retry = Retry(9, wait="10 s", growing=2, longest="1 min", jitter=0.5)
    assert [retry.pause(attempt, 0) for attempt in range(1, 6)] == [10, 20, 40, 60, 60]
    assert retry.pause(1, 1) == 15
    assert Retry().pause(1, 1) == 0


def test_amounts_may_have_units() -> None:
    retry = Retry(raising={"memory": 2, "time": 1.5}, up_to={"memory": "64 GiB", "time": "1 d"})
    assert dict(retry.up_to) == {"memory": 64 << 30, "time": 86400}


@pytest.mark.parametrize(
    "said",
    [
        {"times": 0},
        {"wait": -1},
        {"wait": "soon"},
        {"growing": 0.5},
        {"jitter": -1},
        {"raising": {"cpus": 2}},
        {"raising": {"memory": 1}},
        {"up_to": {"luck": 1}},
        {"up_to": {"memory": "much"}},
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Retry(**said)


@pytest.mark.parametrize("said", [{"failures": "bad luck"}, {"failures": ("exit", "")}, {"says": "("}])
def test_nothing_that_could_happen_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"nothing that happens|no regular expression"):
        When(**said)


def test_one_failure_or_code_stands_for_itself() -> None:
    when = When("exit", codes=3, metrics="q30")
    assert (when.failures, when.codes, when.metrics) == (("exit",), (3,), ("q30",))


def test_another_way_is_another_way() -> None:
    with pytest.raises(ValueError, match="another stage, or other parameters"):
        Instead()
    with pytest.raises(ValueError, match="without"):
        Reduce()
    with pytest.raises(ValueError, match="without"):
        Reduce(dropping="x", leaving_out=True)
    with pytest.raises(ValueError, match="optional input"):
        Reduce(leaving_out=True, parameters={"depth": 1})
    for codes in (("3",), "3", 3.0, True, (1, None)):
        with pytest.raises(ValueError, match="is no exit status"):
            When("exit", codes=codes)  # type: ignore[arg-type]
