"""JSON documents: strict, with the place of what is wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .jsontext import faults

if TYPE_CHECKING:
    from ..found import Found
    from ..limits import Limits
    from ..subjects import Subject

__all__ = ["CHECKS", "JSON_CODES", "Json", "read_json", "whole"]

_RFC = "RFC 8259"

SYNTAX = Code("json.syntax", Severity.ERROR, "A text is one value of JSON.", f"{_RFC}, 2")
TRUNCATED = Code("json.truncated", Severity.ERROR, "A text goes on to the end of its value.", f"{_RFC}, 2")
NUMBER = Code("json.number", Severity.ERROR, "Numbers are decimal, and none is NaN or infinite.", f"{_RFC}, 6")
STRING = Code("json.string", Severity.ERROR, "Strings have known escapes and no control characters.", f"{_RFC}, 7")
ENCODING = Code("json.encoding", Severity.ERROR, "A text is UTF-8.", f"{_RFC}, 8.1")
MARK = Code("json.bom", Severity.WARNING, "No byte order mark stands before a text.", f"{_RFC}, 8.1")
SURROGATE = Code("json.surrogate", Severity.WARNING, "Surrogates come in pairs.", f"{_RFC}, 8.2")
TWICE = Code("json.key.twice", Severity.WARNING, "The keys of an object are unique.", f"{_RFC}, 4")
DEPTH = Code("json.depth", Severity.ERROR, "Brackets are no deeper than the limits allow.", f"{_RFC}, 9")
TOO_LARGE = Code("json.size", Severity.WARNING, "A text is no larger than the memory that the limits allow.")

JSON_CODES = (SYNTAX, TRUNCATED, NUMBER, STRING, ENCODING, MARK, SURROGATE, TWICE, DEPTH, TOO_LARGE)
"""The rules of JSON."""

_RULES = {"syntax": SYNTAX, "cut": TRUNCATED, "number": NUMBER, "string": STRING, "surrogate": SURROGATE,
          "twice": TWICE, "depth": DEPTH}  # fmt: skip
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_BOM = b"\xef\xbb\xbf"


class Json(Check):
    """One value of JSON in UTF-8.  A text larger than the memory that may be used is looked at up to there.

    At the cost of a header or a sample nothing is told of a text that is larger than that.
    """

    name = "json"
    version = "1"
    formats = frozenset({"json"})
    codes = JSON_CODES
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        text = whole(subject, found)
        if text is not None:
            read_json(text, found, limits=subject.limits, build=False)


def whole(subject: Subject, found: Found) -> bytes | None:
    """All of a text, ``None`` when it may not be held, or when only a part of it was asked for."""
    parts: list[bytes] = []
    size, most = 0, subject.limits.memory // 2
    for block in subject.blocks(found):
        size += len(block)
        if size > most:
            found.add(TOO_LARGE, f"it has more than {most:,} bytes, and is not looked at as JSON", offset=most)
            found.partly()
            return None
        parts.append(block)
    return b"".join(parts) if found.complete or subject.read_through else None


def read_json(text: bytes, found: Found, *, limits: Limits, build: bool = True) -> Any:
    """Tell what is wrong with a text; its value, with ``build`` and when it has one, else ``None``."""
    begin = 0
    if text.startswith(_BOM):
        found.add(MARK, "it begins with a byte order mark", offset=0, line=1)
        begin = len(_BOM)
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found.add(ENCODING, "it is UTF-16", offset=0, line=1, seen=text[:2].hex(" "), expected="UTF-8")
        return None
    try:
        plain = text[begin:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = begin + error.start
        _tell(found, ENCODING, "these bytes are no UTF-8", text, at, seen=text[at : at + 4].hex(" "), expected="UTF-8")
        return None
    value, sound = _quickly(plain, text)
    if sound:
        return value if build else None
    wrong = False
    for fault in faults(text[begin:], depth=limits.depth):
        rule = _RULES[fault.kind]
        wrong = wrong or rule.severity is Severity.ERROR
        _tell(found, rule, fault.message, text, begin + fault.offset, seen=fault.seen or None, expected=fault.expected)
    if wrong or not build:
        return None
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):  # sound, and of more digits or levels than Python takes
        return None


def _quickly(plain: str, text: bytes) -> tuple[Any, bool]:
    """The value of a text, and whether nothing is wrong with it; the scanner says what is wrong with the others."""
    if _HALF.search(text):
        return None, False
    keys: list[int] = []

    def count(made: dict[str, Any]) -> dict[str, Any]:
        keys.append(len(made))
        return made

    try:
        value = json.loads(plain, parse_constant=_refuse, object_hook=count)
    except (ValueError, RecursionError):
        return None, False
    # As many keys as there are colons: none came twice.
    return value, sum(keys) == _colons(text)


def _colons(text: bytes) -> int:
    """The colons of a sound text that stand in no string."""
    if b"\\" in text:
        text = _ESCAPE.sub(b"  ", text)
    array = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(array == 0x22)
    colons = np.flatnonzero(array == 0x3A)
    return int(np.count_nonzero(np.searchsorted(quotes, colons) % 2 == 0))


def _refuse(word: str) -> None:
    raise ValueError(word)


def _tell(found: Found, rule: Code, message: str, text: bytes, at: int, **more: Any) -> None:
    """A finding with its line and, in the message, its column, from 1."""
    if not found.room(rule):
        found.count(rule, 1)
        return
    line = text.count(b"\n", 0, at) + 1
    column = len(text[text.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace")) + 1
    found.add(rule, f"{message} (column {column:,})", line=line, offset=at, **more)


CHECKS = (Json,)
