"""Lines are the same wherever a file's blocks are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import Found, Limits
from holotype.validators.streams.codes import STREAM_CODES
from holotype.validators.streams.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\0", b"abc", b"\xff"])).map(b"".join)


def collected(blocks: Sequence[bytes], limits: Limits | None = None) -> tuple[list[tuple[int, int, bytes]], Found]:
    limits = limits or Limits()
    found = Found("test", STREAM_CODES, limits=limits)
    lines = [
        (block.number(index), block.place(index), block[index])
        for block in lines_of(blocks, found, limits=limits)
        for index in range(len(block))
    ]
    return lines, found


def cut(text: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({min(place, len(text)) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]


@given(TEXTS, st.lists(st.integers(0, 200)))
def test_wherever_blocks_are_cut_the_lines_are_the_same(text: bytes, places: list[int]) -> None:
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    lines, found = collected(cut(text, places))
    assert [line for _, _, line in lines] == expected
    assert [number for number, _, _ in lines] == list(range(1, len(expected) + 1))
    assert all(text[place : place + len(line)] == line for _, place, line in lines)
    assert not found.counts


@given(TEXTS, st.lists(st.integers(0, 200)))
def test_only_the_last_line_may_have_no_end(text: bytes, places: list[int]) -> None:
    found = Found("test", STREAM_CODES, limits=Limits())
    blocks = list(lines_of(cut(text, places), found, limits=Limits()))
    assert b"".join(block.data for block in blocks) == text
    assert all(block.terminated for block in blocks[:-1])
    assert not blocks or blocks[-1].terminated == text.endswith(b"\n")
    assert all(bytes(block.array) == block.data for block in blocks)


@given(st.integers(1, 60), st.lists(st.integers(0, 200)), st.sampled_from([b"", b"\nefg\n"]))
def test_a_line_that_is_too_long_is_told_and_nothing_after_it_is_looked_at(
    size: int, places: list[int], end: bytes
) -> None:
    limits = Limits(line=20)
    text = b"ab\ncd\n" + b"x" * size + end
    lines, found = collected(cut(text, places), limits)
    if size <= 20:
        assert not found.counts
        assert lines[2][2] == b"x" * size
    else:
        assert [code.name for code in found.counts] == ["text.line_too_long"]
        assert not found.complete
        assert len(lines) <= 2
        assert found.findings[0].place.line in (1, 2, 3)


def test_a_file_that_is_one_line_is_not_held_beyond_the_limit() -> None:
    taken: list[int] = []

    def blocks() -> list[bytes]:
        return [b"x" * 10] * 1000

    given_out = iter(blocks())

    def counted() -> object:
        for block in given_out:
            taken.append(len(block))
            yield block

    found = Found("test", STREAM_CODES, limits=Limits(line=100))
    assert list(lines_of(counted(), found, limits=Limits(line=100))) == []  # type: ignore[arg-type]
    assert sum(taken) <= 120
