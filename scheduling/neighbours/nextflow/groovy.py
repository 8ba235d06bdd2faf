"""Groovy, read as far as processes are declared in it: where blocks end, what statements are, and what texts say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Block", "Text", "blocks_of", "masked", "statements_of", "text_of"]

_QUOTES = ('"""', "'''", '"', "'")
# Stands for the end of a line within quotes, where no statement ends.
_BROKEN = "\x03"
_REFERENCE = re.compile(r"\$(?:\{([^{}]*)\}|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))")
# Texts within expressions within texts.
_DEEPEST = 20
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Block:
    """A process: its name, what stands in its braces, the line it begins in; or with no name what stands outside."""

    name: str
    text: str
    line: int


@dataclass(frozen=True)
class Text:
    """A text of Groovy: literal parts and, as ``(expression,)``, what is put in."""

    parts: tuple[str | tuple[str], ...]


def masked(text: str) -> str:
    """A text of the same length without what stands in quotes and in comments."""
    found = list(text)
    place = 0
    while place < len(text):
        end = _skipped(text, place)
        if end == place:
            place += 1
            continue
        for inner in range(place, end):
            if text[place] != "/":
                found[inner] = _BROKEN if found[inner] == "\n" else "\x02"
            elif found[inner] != "\n":
                found[inner] = " "
        place = end
    return "".join(found)


def _skipped(text: str, place: int, deep: int = 0) -> int:
    """Where a comment or a text that begins here ends; here, if none does."""
    if text.startswith("//", place):
        end = text.find("\n", place)
        return len(text) if end < 0 else end
    if text.startswith("/*", place):
        end = text.find("*/", place + 2)
        return len(text) if end < 0 else end + 2
    for quote in _QUOTES:
        if text.startswith(quote, place):
            return _closed(text, place + len(quote), quote, deep)
    return place


def _closed(text: str, place: int, quote: str, deep: int = 0) -> int:
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text.startswith(quote, place):
            return place + len(quote)
        elif '"' in quote and text.startswith("${", place):
            place = _put_in(text, place + 2, deep + 1)
        elif len(quote) == 1 and text[place] == "\n":
            return place
        else:
            place += 1
    return len(text)


def _put_in(text: str, place: int, deep: int) -> int:
    """Where an expression ends that is put into a text, with the texts and the braces within it."""
    if deep > _DEEPEST:
        raise ValueError(f"texts are more than {_DEEPEST} deep within each other")
    braces = 1
    while place < len(text) and braces:
        end = _skipped(text, place, deep)
        if end == place:
            braces += (text[place] == "{") - (text[place] == "}")
            end += 1
        place = end
    return place


def blocks_of(text: str) -> Iterator[Block]:
    """The processes of a file, and all else at its top.  Raises ``ValueError`` for braces without an end."""
    mask = masked(text)
    place = 0
    for match in re.finditer(r"^[ \t]*process\s+(\w+|\x02+)\s*\{", mask, re.MULTILINE):
        if match.start() < place:
            continue  # within another
        yield Block("", text[place : match.start()], _lines(mask, place) + 1)
        end = _matching(mask, match.end())
        name = text[match.start(1) : match.end(1)].strip("'\"")
        yield Block(name, text[match.end() : end], _lines(mask, match.start(1)) + 1)
        place = end + 1
    if mask.count("{", place) != mask.count("}", place):
        raise ValueError("a brace is closed that was not opened, or the other way round")
    yield Block("", text[place:], _lines(mask, place) + 1)


def _lines(mask: str, place: int) -> int:
    return mask.count("\n", 0, place) + mask.count(_BROKEN, 0, place)


def _matching(mask: str, place: int) -> int:
    deep = 1
    for match in re.compile(r"[{}]").finditer(mask, place):
        deep += 1 if match[0] == "{" else -1
        if deep == 0:
            return match.start()
    raise ValueError(f"line {_lines(mask, place) + 1}: a brace is not closed")


def statements_of(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text, each with the number of its line: they go on over lines while something is open."""
    mask = masked(text)
    deep, start, line, first = 0, 0, 1, 1
    for place, character in enumerate(mask + "\n"):
        if character in "{[(":
            deep += 1
        elif character in "}])":
            deep -= 1
        elif character == ";" and deep <= 0:
            yield first, text[start:place].strip()
            start = place + 1
        elif character == _BROKEN:
            line += 1
        elif character == "\n":
            line += 1
            said = mask[start:place].strip()
            if deep <= 0 and not said.endswith((",", "?:", "&&", "||", "=", "+")) and text[place - 1 : place] != "\\":
                if said:
                    yield first, _bare(text[start:place], mask[start:place])
                start, first = place + 1, line
    if mask[start:].strip():
        yield first, _bare(text[start:], mask[start:])


def _bare(text: str, mask: str) -> str:
    """A statement without its comments."""
    return "".join(a for a, b in zip(text, mask, strict=False) if b != " " or a.isspace()).strip()


def text_of(said: str) -> Text:
    """What a text in quotes says.  Raises ``ValueError`` for what is none."""
    plain = said.strip()
    quote = next((each for each in _QUOTES if plain.startswith(each)), None)
    if quote is None or len(plain) < 2 * len(quote) or _closed(plain, len(quote), quote) != len(plain):
        raise ValueError("it is Groovy, which is not run")
    if not plain.endswith(quote):
        raise ValueError("a text is not closed")
    return Text(tuple(_parts(plain[len(quote) : -len(quote)], put_in='"' in quote)))


def _parts(inner: str, *, put_in: bool) -> Iterator[str | tuple[str]]:
    literal, place = "", 0
    while place < len(inner):
        character = inner[place]
        if character == "\\" and place + 1 < len(inner):
            after = inner[place + 1]
            literal += "" if after == "\n" else _ESCAPES.get(after, after)
            place += 2
            continue
        match = _REFERENCE.match(inner, place) if put_in else None
        if match is None:
            if put_in and inner.startswith("${", place):
                raise ValueError("it is Groovy, which is not run")
            literal += character
            place += 1
            continue
        if literal:
            yield literal
        yield ((match[1] if match[1] is not None else match[2]).strip(),)
        literal, place = "", match.end()
    if literal:
        yield literal
