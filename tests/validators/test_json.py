"""JSON is read strictly, and what is wrong is told with its line, its column and its place."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import Limits, validate
from holotype.validators.documents.jsontext import faults

from .format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def looked(text: bytes | str, **options: Any) -> Report:
    data = text.encode() if isinstance(text, str) else text
    return validate(io.BytesIO(data), name="a.json", format="json", **options)


def only(report: Report) -> dict[str, Any]:
    (row,) = report.findings.to_pylist()
    return dict(row)


class TestJson(FormatContract):
    format = "json"

    def make(self, folder: Path) -> Path:
        path = folder / "a.json"
        path.write_text('{"name": "run 42", "values": [1, -2.5e3, true, null, "\\u00e4"], "deep": {"er": [[]]}}')
        return path


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_whatever_python_writes_is_sound(value: object, indent: int | None, ascii: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert not looked(text).counts
    assert list(faults(text.encode(), depth=100)) == []


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u/\n\t', max_size=30))
def test_what_the_scanner_takes_is_what_python_takes(text: str) -> None:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse)
        sound = True
    except ValueError:
        sound = False
    wrong = [fault for fault in faults(text.encode(), depth=100) if fault.kind not in ("twice", "surrogate")]
    assert sound == (not wrong)


@given(VALUES, st.data())
def test_wherever_a_text_is_cut_the_place_is_within_it(value: object, data: st.DataObject) -> None:
    text = json.dumps([value]).encode()
    size = data.draw(st.integers(1, len(text) - 1))
    row = looked(text[:size]).findings.to_pylist()[0]
    assert row["code"] in ("json.truncated", "json.number", "json.syntax", "json.string")
    assert 0 <= row["offset"] <= size


@pytest.mark.parametrize(
    ("text", "code", "line", "offset", "column"),
    [
        ('{"a": 1,}', "json.syntax", 1, 8, 9),
        ('{\n "a": 1\n "b": 2}', "json.syntax", 3, 11, 2),
        ("[1, 2", "json.truncated", 1, 5, 6),
        ('{"a"}', "json.syntax", 1, 4, 5),
        ("{a: 1}", "json.syntax", 1, 1, 2),
        ("[1]]", "json.syntax", 1, 3, 4),
        ("[1] [2]", "json.syntax", 1, 4, 5),
        ("[1}", "json.syntax", 1, 2, 3),
        ("{'a': 1}", "json.syntax", 1, 1, 2),
        ("[1, // no\n2]", "json.syntax", 1, 4, 5),
        ("[NaN]", "json.number", 1, 1, 2),
        ('{"a":\n  -Infinity}', "json.number", 2, 8, 3),
        ("[01]", "json.number", 1, 1, 2),
        ("[1.]", "json.number", 1, 1, 2),
        ("[.5]", "json.syntax", 1, 1, 2),
        ("[+1]", "json.syntax", 1, 1, 2),
        ("[1e]", "json.number", 1, 1, 2),
        ("[0x10]", "json.number", 1, 1, 2),
        ('["a\\x"]', "json.string", 1, 3, 4),
        ('["a\tb"]', "json.string", 1, 3, 4),
        ('["\\u12g4"]', "json.string", 1, 2, 3),
        ('["abc', "json.truncated", 1, 1, 2),
        ("[True]", "json.syntax", 1, 1, 2),
        ("[nulls]", "json.syntax", 1, 1, 2),
        ("", "file.empty", None, None, None),
        (" \n ", "json.truncated", 2, 3, 2),
    ],
)
def test_what_is_no_json_is_told_with_its_place(
    text: str, code: str, line: int | None, offset: int | None, column: int | None
) -> None:
    row = only(looked(text))
    assert (row["code"], row["line"], row["offset"]) == (code, line, offset)
    assert column is None or f"(column {column})" in row["message"]


def test_columns_are_letters_and_places_are_bytes() -> None:
    row = only(looked('["ä", x]'))
    assert (row["offset"], row["message"].endswith("(column 7)")) == (7, True)


@pytest.mark.parametrize("text", [b'{"a": "\xff"}', b'["\xc3"]', b'["\xed\xa0\x80"]', '["a"]'.encode("utf-16")])
def test_what_is_no_utf_8_is_told(text: bytes) -> None:
    assert only(looked(text))["code"] == "json.encoding"


def test_a_byte_order_mark_is_a_warning() -> None:
    report = looked(b'\xef\xbb\xbf{"a": 1}')
    assert report.counts == {"json.bom": 1}
    assert report.ok


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('["\\ud800"]', 1),
        ('["\\udc00\\ud800"]', 2),
        ('{"\\ud83d": 1}', 1),
        ('["\\ud83d\\ude00"]', 0),
        ('["\\\\ud800"]', 0),
        ('["\\ud83dx\\ude00"]', 2),
    ],
)
def test_halves_of_pairs_are_a_warning_each(text: str, count: int) -> None:
    assert looked(text).counts == ({"json.surrogate": count} if count else {})


def test_keys_that_come_twice_are_a_warning_each_with_their_place() -> None:
    text = '{"a": 1,\n "b": {"a": 2, "c": ":"},\n "a": 3, "a": 4}'
    rows = looked(text).findings.to_pylist()
    assert [(row["code"], row["line"], row["seen"]) for row in rows] == [("json.key.twice", 3, '"a"')] * 2
    assert not looked('[{"a": "x\\":"}, {"a": "::"}]').counts


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_what_is_deep_is_told_and_falls_over_nothing(bracket: str) -> None:
    row = only(looked(bracket * 2_000_000))
    assert (row["code"], row["offset"]) == ("json.depth", 512 * len(bracket))
    assert set(looked("[" * 40 + "]" * 40, limits=Limits(depth=50)).counts) == set()


def test_a_number_of_more_digits_than_python_takes_is_sound() -> None:
    assert not looked("[" + "9" * 10_000 + "]").counts


def test_a_text_that_is_larger_than_may_be_held_is_a_warning() -> None:
    report = looked("[" + "1, " * 10_000 + "1]", limits=Limits(memory=20_000))
    assert report.counts == {"json.size": 1}
    assert not report.complete


def test_a_sample_of_a_long_text_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b"[" + b"1,\n" * 10_000 + b"1]"))
    report = validate(path, cost="sample", limits=Limits(sample=100))
    assert not report.counts
    assert not report.complete
    assert validate(path).complete
