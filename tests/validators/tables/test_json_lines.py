"""JSON Lines: each line is one JSON value, and what is not is told with its line."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import Limits, validate

from ..format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path


def told(data: bytes, **limits: int) -> list[tuple[str, int | None]]:
    """Codes and lines of what was found."""
    report = validate(io.BytesIO(data), name="t.jsonl", checks=["jsonl"], limits=Limits(**limits))
    return [(row["code"], row["line"]) for row in report.findings.to_pylist()]


class TestJsonLines(FormatContract):
    """An object a line."""

    format: ClassVar[str] = "jsonl"

    def make(self, folder: Path) -> Path:
        path = folder / "table.jsonl"
        path.write_bytes(b"".join(json.dumps({"n": each, "text": "[x]"}).encode() + b"\n" for each in range(9)))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return data[size - 1 : size] in (b"\n", b"}")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}\r\n[]\n3\n"x"\nnull\n', []),
        (b'{"a": 1}\n{"a": \n', [("jsonl.value", 2)]),
        (b"1 2\n", [("jsonl.value", 1)]),
        (b"[NaN]\n", [("jsonl.value", 1)]),
        (b"9" * 10_000 + b"\n", [("jsonl.value", 1)]),
        (b"1\n\n2\n", [("jsonl.blank", 2)]),
        (b'1\n"\xe9"\n', [("jsonl.encoding", 2)]),
        (b"\xef\xbb\xbf1\n2\n", [("jsonl.bom", 1)]),
        (b"1\n2", [("jsonl.last_line", 2)]),
        (b"[" * 100_000 + b"]" * 100_000 + b"\n", [("jsonl.depth", 1)]),
        (b'"' + b"[" * 100_000 + b'\\"["\n', []),
    ],
)
def test_what_is_no_value_is_told_with_its_line(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert told(data) == expected


PLAIN = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(PLAIN, lambda each: st.lists(each) | st.dictionaries(st.text(), each))


@given(st.lists(VALUES))
def test_whatever_is_json_passes(values: list[object]) -> None:
    assert told("".join(json.dumps(value) + "\n" for value in values).encode()) == []
