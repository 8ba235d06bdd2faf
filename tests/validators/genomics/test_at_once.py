"""Numbers and names of a whole block at once are what they are one by one."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.validators.genomics.digits import whole_numbers
from holotype.validators.genomics.hashing import hashes

PIECES = st.lists(st.one_of(st.from_regex(rb"[0-9]{0,20}", fullmatch=True), st.binary(max_size=40)), min_size=1)


def places(pieces: list[bytes]) -> tuple[bytes, np.ndarray, np.ndarray]:
    ends = np.cumsum([len(each) for each in pieces])
    return b"".join(pieces), ends - [len(each) for each in pieces], ends


@settings(deadline=None)
@given(PIECES)
def test_a_number_is_what_python_reads_and_all_else_is_none(pieces: list[bytes]) -> None:
    values, good = whole_numbers(*places(pieces))
    for piece, value, sound in zip(pieces, values.tolist(), good.tolist(), strict=True):
        whole = 0 < len(piece) <= 18 and all(byte in b"0123456789" for byte in piece)
        assert (sound, value) == (whole, int(piece) if whole else 0)


def test_numbers_have_no_more_digits_than_are_asked_for() -> None:
    values, good = whole_numbers(b"1234567890", np.array([0, 0]), np.array([9, 10]), digits=9)
    assert good.tolist() == [True, False]
    assert values.tolist() == [123456789, 0]


@settings(deadline=None)
@given(PIECES)
def test_pieces_are_told_apart_wherever_they_stand(pieces: list[bytes]) -> None:
    random.Random(1).shuffle(pieces)
    found = hashes(*places([*pieces, *pieces])).tolist()
    for one, first in zip(pieces, found, strict=False):
        for other, second in zip([*pieces, *pieces], found, strict=True):
            assert (one == other) == (first == second)
