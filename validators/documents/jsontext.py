"""JSON as RFC 8259 has it, read strictly: where the first thing stands that is none, keys that come twice, and depth.

A text is taken in pieces of what matters, by one regular expression, and a small machine says what may follow what.
Nothing is built from it, so that what is deep costs a byte for each level, and what is long nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Fault", "faults"]

_TOKEN = re.compile(
    rb"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z.+-])
      | (?P<word>true|false|null)(?![0-9A-Za-z_])
      | (?P<mark>[{}\[\],:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(rb"[ \t\r\n]*")
_ESCAPED = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_UNLIKE = re.compile(rb"-?(?:NaN|Infinity|nan|inf(?:inity)?)\b")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*')
# What may come: a value, a value or the end of an array, a key or the end of an object, a key, a colon, what follows a
# value, nothing more.
_VALUE, _FIRST, _KEY_OR_END, _KEY, _COLON, _AFTER, _DONE = range(7)
_SAID = {
    _VALUE: "a value",
    _FIRST: "a value or ]",
    _KEY_OR_END: "a key or }",
    _KEY: "a key",
    _COLON: "a colon",
    _AFTER: "a comma or the closing bracket",
    _DONE: "the end",
}


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: ``kind`` is ``syntax``, ``number``, ``string``, ``surrogate``, ``depth``, ``twice`` or
    ``cut``.  After all but ``surrogate`` and ``twice`` nothing more is read.
    """

    kind: str
    message: str
    offset: int
    seen: bytes = b""
    expected: str | None = None


class _Machine:
    """What may follow; ``open`` has a byte for each bracket that is open."""

    def __init__(self, depth: int, *, keys: int) -> None:
        self.state, self.open, self._depth = _VALUE, bytearray(), depth
        # Keys of each object that is open, of so many in all.
        self._keys: list[set[bytes]] = []
        self._left = keys

    def after(self) -> int:
        return _AFTER if self.open else _DONE

    def key(self, key: bytes) -> bool:
        """A key; whether it was there before."""
        self.state = _COLON
        seen = self._keys[-1]
        if key in seen:
            return True
        if self._left > 0:
            self._left -= 1
            seen.add(key)
        return False

    def mark(self, mark: bytes) -> str | None:
        """A bracket, comma or colon; the kind of fault it is, if one."""
        state = self.state
        if mark in b"[{" and state in (_VALUE, _FIRST):
            if len(self.open) >= self._depth:
                return "depth"
            self.open += mark
            self.state = _FIRST if mark == b"[" else _KEY_OR_END
            if mark == b"{":
                self._keys.append(set())
            return None
        if mark == b"," and state == _AFTER:
            self.state = _KEY if self.open[-1] == 0x7B else _VALUE
            return None
        if mark == b":" and state == _COLON:
            self.state = _VALUE
            return None
        if mark == b"]" and state in (_FIRST, _AFTER) and self.open[-1] == 0x5B:
            self.open.pop()
            self.state = self.after()
            return None
        if mark == b"}" and state in (_KEY_OR_END, _AFTER) and self.open[-1] == 0x7B:
            self.open.pop()
            self._left += len(self._keys.pop())
            self.state = self.after()
            return None
        return "syntax"


def faults(text: bytes, *, depth: int, keys: int = 1 << 22) -> Iterator[Fault]:
    """What is wrong with a text in UTF-8, in order.  ``depth``: levels that may be; ``keys``: keys that are held at a
    time to tell which come twice.
    """
    machine, place, match = _Machine(depth, keys=keys), 0, _TOKEN.match
    while True:
        token = match(text, place)
        if token is None:
            yield _unlike(text, _space(text, place), machine.state)
            return
        kind = token.lastgroup
        at, end = token.span(kind or 0)
        if kind == "end":
            if machine.state != _DONE:
                yield Fault("cut", "the text ends before it is complete", at, b"", _SAID[machine.state])
            return
        piece = text[at:end] if kind in ("mark", "string") else b""
        if kind == "mark":
            fault = machine.mark(piece)
            if fault is not None:
                what = f"deeper than {depth:,} levels" if fault == "depth" else "this may not stand here"
                yield Fault(fault, what, at, piece, None if fault == "depth" else _SAID[machine.state])
                return
        elif kind == "string" and machine.state in (_KEY, _KEY_OR_END):
            if b"\\" in piece:
                yield from _alone(piece, at)
            if machine.key(piece):
                yield Fault("twice", "an object has this key a second time", at, piece)
        elif machine.state in (_VALUE, _FIRST):
            if kind == "string" and b"\\" in piece:
                yield from _alone(piece, at)
            machine.state = machine.after()
        else:
            yield Fault("syntax", "this may not stand here", at, text[at : at + 20], _SAID[machine.state])
            return
        place = end


def _space(text: bytes, place: int) -> int:
    space = _SPACE.match(text, place)
    return place if space is None else space.end()


def _unlike(text: bytes, at: int, state: int) -> Fault:
    """What stands at a place where nothing of JSON does."""
    seen = text[at : at + 20]
    if _UNLIKE.match(text, at):
        return Fault("number", "JSON has no such number", at, seen, _SAID[state])
    string = _STRING.match(text, at)
    if string is not None:
        end = string.end()
        if end >= len(text):
            return Fault("cut", "the text ends within a string", at, seen, 'a closing "')
        if text[end : end + 1] == b"\\":
            return Fault("string", "no escape begins with this", end, text[end : end + 6])
        return Fault("string", "a control character stands in a string as it is", end, text[end : end + 1])
    if seen[:1] in b"-0123456789" and seen:
        return Fault("number", "this is no number of JSON", at, seen, _SAID[state])
    return Fault("syntax", "this is nothing that JSON has", at, seen, _SAID[state])


def _alone(string: bytes, at: int) -> Iterator[Fault]:
    """Halves of surrogate pairs that stand alone: no text has them."""
    high: tuple[int, int] | None = None
    for escape in _ESCAPED.finditer(string):
        value = int(escape[1], 16) if escape[1] else -1
        low = 0xDC00 <= value <= 0xDFFF
        if low and high is not None and high[1] == escape.start():
            high = None
            continue
        if high is not None:
            yield Fault("surrogate", "half of a pair stands alone", at + high[0], string[high[0] : high[0] + 6])
        high = (escape.start(), escape.end()) if 0xD800 <= value <= 0xDBFF else None
        if low:
            yield Fault("surrogate", "half of a pair stands alone", at + escape.start(), escape[0])
    if high is not None:
        yield Fault("surrogate", "half of a pair stands alone", at + high[0], string[high[0] : high[0] + 6])
