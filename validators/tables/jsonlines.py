"""JSON Lines as files: whether each line is one JSON value in UTF-8."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, ClassVar, NoReturn

from ..check import Check
from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject

__all__ = ["CHECKS", "JsonLinesCheck"]

_SOURCE = "jsonlines.org"
BOM = Code("jsonl.bom", Severity.ERROR, "There is no byte order mark.", f"{_SOURCE}, 1; RFC 8259, 8.1")
ENCODING = Code("jsonl.encoding", Severity.ERROR, "The text is UTF-8.", f"{_SOURCE}, 1")
VALUE = Code("jsonl.value", Severity.ERROR, "Each line is one JSON value.", f"{_SOURCE}, 2; RFC 8259")
BLANK = Code("jsonl.blank", Severity.ERROR, "No line is blank.", f"{_SOURCE}, 2")
DEPTH = Code("jsonl.depth", Severity.ERROR, "No value is nested deeper than the limits allow.")
LAST_LINE = Code("jsonl.last_line", Severity.NOTE, "The last line ends with a line feed.", f"{_SOURCE}, 3")


class JsonLinesCheck(Check):
    """JSON, one value a line."""

    name, version = "jsonl", "1"
    formats: ClassVar[frozenset[str]] = frozenset({"jsonl"})
    codes: ClassVar[tuple[Code, ...]] = (BOM, ENCODING, VALUE, BLANK, DEPTH, LAST_LINE)

    def look(self, subject: Subject, found: Found) -> None:
        """Every line, or those of the sample."""
        last, terminated = 1, True
        for lines in subject.lines(found):
            _look(lines, found, depth=subject.limits.depth)
            last, terminated = lines.number(len(lines) - 1), lines.terminated
        if found.complete and not terminated:
            found.add(LAST_LINE, "the last line has no line feed", line=last)


def _look(lines: Lines, found: Found, *, depth: int) -> None:
    for index in range(len(lines)):
        line = lines[index]
        if not index and not lines.offset and line.startswith(codecs.BOM_UTF8):
            found.add(BOM, "it begins with a byte order mark", line=1, offset=0, seen="EF BB BF")
            line = line.removeprefix(codecs.BOM_UTF8)
        code, what = _wrong(line, depth)
        if code is not None:
            found.add(code, what, line=lines.number(index), offset=lines.place(index), seen=line[:60])


def _wrong(line: bytes, depth: int) -> tuple[Code | None, str]:
    """The rule that a line breaks, and how."""
    if not line.strip(b" \t\r"):
        return BLANK, "the line is blank"
    # Brackets within text count as well here: only where there are many is it worth looking which are.
    if line.count(b"[") + line.count(b"{") > depth and _depth(line) > depth:
        return DEPTH, f"the value is nested deeper than {depth:,} levels"
    try:
        json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        return ENCODING, f"byte {error.start + 1} of the line is no UTF-8"
    except json.JSONDecodeError as error:
        return VALUE, f"it is no JSON value: {error.msg}, at character {error.colno}"
    except (ValueError, RecursionError) as error:  # a constant of JavaScript, or a number of thousands of digits
        return VALUE, f"it is no JSON value that can be read: {error}"
    return None, ""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not of JSON")


def _depth(line: bytes) -> int:
    """How deep a value is nested, brackets within text left out."""
    deepest = level = 0
    text = escaped = False
    for byte in line:
        if text:
            text, escaped = escaped or byte != 0x22, not escaped and byte == 0x5C
        elif byte == 0x22:
            text = True
        elif byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    return deepest


CHECKS = (JsonLinesCheck,)
