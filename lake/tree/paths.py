r"""Paths below a source: their bytes, their order, and the patterns that choose among them.

A path is bytes, its components parted by slashes, with none in front: ``reads/a.fastq``; the source itself is the empty
path.  Text is what people see: the path where it is UTF-8, else with every byte that is not escaped as ``\xNN``.

Rows are sorted by *key*: the path with each slash replaced by a zero byte, which no name can hold and which sorts
before every other byte.  A depth-first walk that takes the names of each folder in byte order meets entries in just
that order::

    path     a      a/x      a/y/z       a-b
    key      a      a\0x     a\0y\0z     a-b

Patterns
--------

``*`` stands for any run of characters within a name, ``?`` for one, ``[ab]``, ``[a-z]`` and ``[!a-z]`` for one of a set
or outside it, ``**`` as a whole component for any number of folders; a backslash takes the next character as it is.

=====================  =============================================================================
``*.tmp``              no slash: a name at any depth
``reads/*.fastq``      a slash: from the top of the source
``/notes.txt``         a slash in front: from the top, and only there
``reads/**``           everything below ``reads``, but not ``reads`` itself
``**/raw/x``           at any depth
``cache/``             a slash at the end: folders only
=====================  =============================================================================

A pattern that names a folder takes everything below it too.  Case matters, and a leading dot is nothing special.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import InvalidOption, column, numbers, scalar, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "UTF8",
    "Patterns",
    "columns",
    "key",
    "keys",
    "literal",
    "own",
    "parents",
    "portable",
    "raw",
    "raw_path",
    "shown",
    "unkey",
]

# Where names are decoded by another encoding than UTF-8 (an old locale), they are decoded again.
UTF8 = sys.getfilesystemencoding() == "utf-8"

# Alternations longer than this are matched in parts: RE2 refuses programs above its memory limit.
_TOGETHER = 100


def key(path: bytes) -> bytes:
    """The key that a path sorts by."""
    return path.replace(b"/", b"\0")


def unkey(value: bytes) -> bytes:
    """The path that a key belongs to."""
    return value.replace(b"\0", b"/")


def shown(path: bytes) -> str:
    r"""A path as text: UTF-8, or with the bytes that are not escaped as ``\xNN``."""
    return path.decode("utf-8", "backslashreplace")


def raw_path(path: str, path_bytes: bytes | None) -> bytes:
    """A path's own bytes, from the two columns of its row."""
    return path.encode() if path_bytes is None else path_bytes


def portable(name: str) -> str:
    """A name as the operating system decoded it, with UTF-8 as the encoding whatever the locale says."""
    return name if UTF8 else os.fsencode(name).decode("utf-8", "surrogateescape")


def own(path: str) -> bytes:
    """The bytes of a portable path."""
    return os.fsencode(path) if UTF8 else path.encode("utf-8", "surrogateescape")


def columns(paths: Sequence[str]) -> tuple[pa.Array, pa.Array]:
    """The columns ``path`` and ``path_bytes`` of portable paths."""
    together = "".join(paths)
    if together.isascii():  # the rule, where characters can be counted as bytes
        ends = np.cumsum(np.fromiter(chain((0,), map(len, paths)), np.int32, len(paths) + 1), dtype=np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(together.encode())]
        return pa.Array.from_buffers(pa.string(), len(paths), buffers), pa.nulls(len(paths), pa.binary())
    try:
        return column(paths, pa.string()), pa.nulls(len(paths), pa.binary())
    except UnicodeEncodeError:
        every = [own(path) for path in paths]
    text = [shown(path) for path in every]
    odd = [None if there.encode() == path else path for there, path in zip(text, every, strict=True)]
    return column(text, pa.string()), column(odd, pa.binary())


def raw(table: pa.Table) -> pa.Array:
    """The paths' own bytes, as one binary array, from the columns ``path`` and ``path_bytes``."""
    text, odd = table.column("path"), table.column("path_bytes")
    found = text.cast(pa.binary())
    if odd.null_count < len(odd):
        found = pc.coalesce(odd, found)
    return whole(found)


def keys(table: pa.Table) -> pa.Array:
    """The keys of a table's rows, as one binary array."""
    paths = raw(table)
    _, offsets, data = paths.buffers()
    if not len(paths) or data is None:
        return paths
    ends = np.frombuffer(offsets, np.int32)[paths.offset : paths.offset + len(paths) + 1]
    begin, end = int(ends[0]), int(ends[-1])
    found = np.frombuffer(data, np.uint8)[begin:end].copy()
    found[found == ord("/")] = 0
    return pa.Array.from_buffers(pa.binary(), len(paths), [None, pa.py_buffer(ends - begin), pa.py_buffer(found)])


def parents(paths: Iterable[bytes]) -> set[bytes]:
    """Every folder that one of the paths lies in, at any depth, the source itself (the empty path) among them."""
    found: set[bytes] = set()
    for path in paths:
        folder = path
        while folder:
            folder = folder.rpartition(b"/")[0]
            if folder in found:
                break
            found.add(folder)
    return found


def literal(path: str) -> str:
    """The pattern that means exactly this path and what lies below it."""
    return "/" + re.sub(r"([\\*?\[])", r"\\\1", path)


@dataclass(frozen=True)
class Patterns:
    """Glob patterns, any of which may match (see the module's own text for what they mean).

    Raises ``InvalidOption`` for a pattern that cannot mean anything.
    """

    patterns: tuple[str, ...]

    def __post_init__(self) -> None:
        given: object = self.patterns
        if isinstance(given, str):
            raise InvalidOption(f"patterns are given as a list, not as the one string {given!r}")
        object.__setattr__(self, "patterns", tuple(self.patterns))
        _ = self._parts

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Patterns:
        """Patterns as a caller gives them: in anything but one string, whose letters would each be a pattern."""
        return cls(patterns if isinstance(patterns, str) else tuple(patterns))  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def matches(self, path: str, *, directory: bool = False) -> bool:
        """Whether a pattern matches the path (as shown) or a folder it lies in."""
        return self._one.match(path + "/" if directory and path else path) is not None

    def may_contain(self, folder: str) -> bool:
        """Whether anything below this folder, which does not match itself, might; false only where nothing can."""
        return self._above.match(folder + "/" if folder else folder) is not None

    def mask(self, table: pa.Table) -> pa.Array:
        """Which rows match, as one boolean array, from the columns ``path`` and ``kind``."""
        text = table.column("path")
        folder = pc.and_(pc.equal(table.column("kind"), scalar("directory")), pc.not_equal(text, scalar("")))
        if pc.any(folder).as_py():
            text = pc.if_else(folder, pc.binary_join_element_wise(text, scalar("/"), scalar("")), text)
        found = pa.chunked_array([numbers(np.zeros(len(text), bool))])
        for pattern in self._many:
            found = pc.or_(found, pc.match_substring_regex(text, pattern))
        return whole(found)

    @cached_property
    def _parts(self) -> tuple[_Parts, ...]:
        return tuple(_parse(pattern) for pattern in self.patterns)

    @cached_property
    def _one(self) -> re.Pattern[str]:
        return _any_of([part.whole(r"\Z") for part in self._parts])

    @cached_property
    def _above(self) -> re.Pattern[str]:
        return _any_of([part.above() for part in self._parts])

    @cached_property
    def _many(self) -> tuple[str, ...]:
        each = [part.whole(r"\z") for part in self._parts]
        return tuple(f"(?s)^(?:{'|'.join(each[at : at + _TOGETHER])})" for at in range(0, len(each), _TOGETHER))


def _any_of(expressions: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in expressions) if expressions else r"(?!)", re.DOTALL)


@dataclass(frozen=True)
class _Parts:
    """One pattern, parsed: its components as regular expressions, ``None`` for ``**``."""

    components: tuple[str | None, ...]
    folder: bool

    def whole(self, end: str) -> str:
        """The expression for a matching path, where folders end with a slash and ``end`` is the end of the text."""
        if not self.components:
            return ""
        *before, last = self.components
        text = "".join("(?:.*/)?" if one is None else one + "/" for one in before)
        if last is None:
            return text + ".+"
        return f"{text}{last}{'/' if self.folder else f'(?:/|{end})'}"

    def above(self) -> str:
        """The expression for folders, each with a slash at its end, that may hold a match."""
        text = r"\Z"
        for one in reversed(self.components[:-1]):
            text = ".*" if one is None else rf"(?:\Z|{one}/{text})"
        return text


def _parse(pattern: str) -> _Parts:
    if pattern.startswith("!"):
        raise InvalidOption(
            f"the pattern {pattern!r} begins with '!', which has no meaning here; write '\\!' for a name",
            pattern=pattern,
        )
    if not pattern or "\0" in pattern:
        raise InvalidOption(
            f"the pattern {pattern!r} matches nothing: it is empty or holds a zero byte", pattern=pattern
        )
    folder = pattern.endswith("/")
    names = [name for name in pattern.split("/") if name not in ("", ".")]
    if ".." in names:
        raise InvalidOption(
            f"the pattern {pattern!r} goes up with '..', but nothing lies above the source", pattern=pattern
        )
    components = [None if re.fullmatch(r"\*\*+", name) else _name(name, pattern) for name in names]
    if names and "/" not in pattern.rstrip("/"):
        components.insert(0, None)
    return _Parts(tuple(components), folder)


def _name(name: str, pattern: str) -> str:
    """The regular expression for one component; never matches an empty name."""
    if not name.strip("*"):
        return "[^/]+"
    parts: list[str] = []
    at = 0
    while at < len(name):
        character = name[at]
        at += 1
        if character == "*":
            if parts[-1:] != ["[^/]*"]:
                parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "[" and (end := name.find("]", at + 1 + (name[at : at + 1] == "!"))) > 0:
            parts.append(_set(name[at:end], pattern))
            at = end + 1
        elif character == "\\" and at < len(name):
            parts.append(_escaped(name[at]))
            at += 1
        else:
            parts.append(_escaped(character))
    return "".join(parts)


def _set(inside: str, pattern: str) -> str:
    negated = inside.startswith("!")
    items = inside[1:] if negated else inside
    parts: list[str] = []
    at = 0
    while at < len(items):
        low = items[at]
        if items[at + 1 : at + 2] == "-" and at + 2 < len(items):
            high = items[at + 2]
            if low > high:
                raise InvalidOption(
                    f"the pattern {pattern!r} has a range from {low!r} down to {high!r}", pattern=pattern
                )
            parts.append(f"{_escaped(low)}-{_escaped(high)}")
            at += 3
        else:
            parts.append(_escaped(low))
            at += 1
    return f"[^/{''.join(parts)}]" if negated else f"[{''.join(parts)}]"


def _escaped(character: str) -> str:
    """One character, safe in Python's expressions and in RE2's, inside a set and outside."""
    return character if character.isalnum() or ord(character) > 127 else f"\\x{ord(character):02x}"
