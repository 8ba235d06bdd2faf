"""Amounts as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.scheduling.declaring.quantities import SIZES, TIMES, bytes_of, seconds_of, shown_bytes, shown_seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("0 B", 0), ("8 GiB", 8 << 30), ("8GiB", 8 << 30), ("1.5 KiB", 1536), ("2 GB", 2_000_000_000), ("7 kB", 7000)],
)
def test_bytes_are_as_they_are_written(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90 s", 90), ("2 h", 7200), ("1.5 min", 90), ("1 d", 86400), ("02:30:00", 9000), ("1-12:00:00", 129600)],
)
def test_times_are_as_they_are_written(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "8", "GiB", "8 gib", "8 GiB more", "-1 GiB", "1e3 MB", "nan GiB", "8 h", f"{10**400} GiB"]
)
def test_what_is_no_amount_of_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no amount of bytes"):
        bytes_of(text)


@pytest.mark.parametrize(
    "text", ["", "2", "2 hours", "1:2:3:4", "00:61:00", "2 GiB", f"{10**400} h", f"{10**400}-00:00:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds_of(text)


@given(st.integers(0, 1 << 60))
def test_what_is_shown_is_nearly_what_it_is(size: int) -> None:
    number, unit = shown_bytes(size).split(" ")
    assert float(number) * SIZES[unit] == pytest.approx(size, rel=1e-3)


@given(st.floats(0.001, 1e9))
def test_times_that_are_shown_are_nearly_what_they_are(seconds: float) -> None:
    number, unit = shown_seconds(seconds).split(" ")
    assert float(number) * TIMES[unit] == pytest.approx(seconds, rel=1e-3)
