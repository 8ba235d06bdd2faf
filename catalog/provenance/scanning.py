"""The words of PROV-N: names, strings, numbers and times, taken one after the other from a text.

What comes next decides how it is read: ``2024`` may be a name, a number, or how a time begins.  So nothing is cut into
tokens ahead; the reader asks for what the grammar allows, and what is not there is an error that says so.

It takes a little more than the grammar has: names with ``:``, ``%`` and, outside lists of attributes, ``=`` that are
not escaped, times without seconds, and any character but angle brackets within an IRI.  Programs write all of these.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..errors import DocumentUnreadable

if TYPE_CHECKING:
    from re import Match, Pattern

__all__ = ["LETTERS", "MARKS", "Raw", "Scanner"]

# PROV-N's PN_CHARS_BASE, and what else may stand in a name that does not begin there.
LETTERS = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
MARKS = "0-9\u00b7\u0300-\u036f\u203f\u2040"

_PREFIX = rf"[{LETTERS}_][{LETTERS}{MARKS}_.\-]*"
_ESCAPED = r"\\[='(),\-:;\[\].]"
_LOCAL = rf"(?:[{LETTERS}{MARKS}_.\-/@~&+*?#$!:%]|{_ESCAPED})"
_NAME = re.compile(rf"(?:({_PREFIX}):({_LOCAL}*+)|((?!-){_LOCAL}++))")
_LOCAL_ANYWHERE = _LOCAL.replace("#$", "#=$")
_NAME_ANYWHERE = re.compile(rf"(?:({_PREFIX}):({_LOCAL_ANYWHERE}*+)|((?!-){_LOCAL_ANYWHERE}++))")
_ONLY_PREFIX = re.compile(_PREFIX)

_SPACE = re.compile(r"(?:\s++|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
_IRI = re.compile(r"<([^<>\n]*)>")
_LONG = re.compile(r'"""((?:[^"\\]|\\.|"{1,2}(?!"))*+)"""', re.DOTALL)
_SHORT = re.compile(r'"((?:[^"\\\n]|\\[^\n])*+)"')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_CONTROLS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_INTEGER = re.compile(r"-?[0-9]+")
_LANGUAGE = re.compile(r"@([A-Za-z]+(?:-[A-Za-z0-9]+)*)")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?(?![\w:.+])", re.ASCII
)
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*+'")


class Raw(NamedTuple):
    """A name as it stands: its prefix (``None`` where it has none) and the rest, without escapes."""

    prefix: str | None
    local: str


class Scanner:
    """A place in a text of PROV-N, which moves on with whatever is taken there."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.at = 0
        self._counted = (0, 1)
        self.skip()

    @property
    def line(self) -> int:
        """The line of what comes next, from 1."""
        place, line = self._counted
        if place > self.at:
            place, line = 0, 1
        self._counted = (self.at, line + self.text.count("\n", place, self.at))
        return self._counted[1]

    def fail(self, expected: str, problem: str = "") -> NoReturn:
        """Raise ``DocumentUnreadable``: something else was expected here; ``problem``: what is wrong, in words."""
        rest = self.text[self.at : self.at + 200].partition("\n")[0].strip()
        found = "the end of the text" if self.at >= len(self.text) else repr(rest[:40])
        line = self.line
        what = f"at {found} {problem}" if problem else f"{found} stands where {expected} was expected"
        name = self.source or "this text"
        raise DocumentUnreadable(
            f"{name} is not PROV-N: line {line}: {what}", source=self.source, line=line, expected=expected
        )

    def skip(self) -> None:
        """Pass over space and comments."""
        if match := _SPACE.match(self.text, self.at):
            self.at = match.end()
        if self.text.startswith("/*", self.at):
            self.fail("a comment that ends with */")

    def ahead(self, token: str) -> bool:
        """Whether this comes next."""
        return self.text.startswith(token, self.at)

    def take(self, token: str) -> bool:
        """Whether this came next; if so, it is taken."""
        if self.ahead(token):
            self.at += len(token)
            self.skip()
            return True
        return False

    def expect(self, token: str, expected: str = "") -> None:
        """Take this.  Raises ``DocumentUnreadable`` where it does not come next."""
        if not self.take(token):
            self.fail(expected or repr(token))

    def _match(self, pattern: Pattern[str], *, skip: bool = True) -> Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
            if skip:
                self.skip()
        return match

    def word(self, *words: str) -> str | None:
        """Which of these words comes next, whole; it is taken."""
        match = _NAME.match(self.text, self.at)
        if match and match[3] in words:
            self.at = match.end()
            self.skip()
            return match[3]
        return None

    def name(self, expected: str, *, attribute: bool = False, skip: bool = True) -> Raw:
        """A qualified name.  ``attribute``: whether ``=`` ends it."""
        match = self._match(_NAME if attribute else _NAME_ANYWHERE, skip=skip)
        if match is None:
            self.fail(expected)
        prefix, local, alone = match.groups()
        return Raw(prefix, re.sub(r"\\(.)", r"\1", local if alone is None else alone))

    def prefix(self) -> str:
        """A prefix that is declared."""
        match = self._match(_ONLY_PREFIX)
        return match[0] if match else self.fail("a prefix")

    def iri(self) -> str:
        """A namespace in angle brackets."""
        match = self._match(_IRI)
        return match[1] if match else self.fail("a namespace in angle brackets")

    def string(self) -> str | None:
        """A string, without its quotes and escapes; ``None`` where none comes next."""
        if not self.ahead('"'):
            return None
        match = self._match(_LONG if self.ahead('"""') else _SHORT, skip=False)
        if match is None:
            self.fail("a string that ends")
        return _ESCAPE.sub(_unescaped, match[1]) if "\\" in match[1] else match[1]

    def language(self) -> str | None:
        """The language of the string before, ``None`` where none is told."""
        self.skip()
        match = self._match(_LANGUAGE)
        return match and match[1]

    def integer(self) -> str | None:
        """An integer, as it stands; ``None`` where none comes next."""
        match = self._match(_INTEGER)
        return match and match[0]

    def time(self) -> datetime:
        """A time, with a zone where it has one.  Of a second, a millionth is kept."""
        start = self.at
        match = self._match(_TIME)
        expected = "a time such as 2024-05-01T10:00:00Z, or -"
        if match is None:
            self.fail(expected)
        try:
            return _time(match)
        except (ValueError, OverflowError):  # the thirtieth of February
            self.at = start
            self.fail(expected)

    def pass_over(self) -> None:
        """Take what stands in parentheses, whatever it is.  Raises ``DocumentUnreadable`` where they do not close."""
        depth = 0
        while True:
            if self.at >= len(self.text):
                self.fail("')'")
            if self.ahead('"'):
                self.string()
            elif self.text[self.at] in "([{":
                depth += 1
                self.at += 1
            elif self.text[self.at] in ")]}":
                depth -= 1
                self.at += 1
            elif not self._match(_QUOTED, skip=False) and not self._match(_NAME_ANYWHERE, skip=False):
                self.at += 1
            self.skip()
            if depth == 0:
                return


def _unescaped(match: Match[str]) -> str:
    four, eight, other = match.groups()
    if other is None:
        number = int(four or eight, 16)
        return chr(number) if number <= 0x10FFFF else match[0]
    # Programs that forget to escape write paths such as C:\data, whose backslash is meant.
    return _CONTROLS.get(other) or (other if other in "\"'\\" else match[0])


def _time(match: Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    offset = None
    if zone == "Z":
        offset = UTC
    elif zone:
        minutes = int(zone[1:3]) * 60 + int(zone[4:])
        offset = timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
    midnight = hour == "24"  # how XML Schema may write the end of a day
    if midnight and (minute, second or "00", (fraction or "").strip("0")) != ("00", "00", ""):
        raise ValueError(match[0])
    time = datetime(
        int(year),
        int(month),
        int(day),
        0 if midnight else int(hour),
        int(minute),
        int(second or 0),
        int(f"{fraction or '0':0<6}"[:6]),
        tzinfo=offset,
    )
    return time + timedelta(days=1) if midnight else time
