"""Commands of systems that paste values into them, as templates, which put them in quoted.

So quotes end before a field and begin again behind it: ``'a {x}'`` is ``'a '{x}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Piece", "template_of"]


@dataclass(frozen=True)
class Piece:
    """A part of a command: a text, or the name of a field; ``many``: whether it may be several words."""

    text: str
    field: bool = False
    many: bool = False


def template_of(pieces: list[Piece]) -> str:
    """The template that pieces are; whether it is a sound one, the template says."""
    return "".join(
        f"{{{piece.text}}}" if piece.field else piece.text.replace("{", "{{").replace("}", "}}")
        for piece in _unquoted(pieces)
    )


def _unquoted(pieces: list[Piece]) -> list[Piece]:
    """The same without fields of one word within quotes, which they have anyway: ``'a {x}'`` is ``'a '{x}``."""
    found: list[Piece] = []
    quoting = _Quoting()
    for piece in pieces:
        if not piece.field:
            quoting.read(piece.text)
            found.append(piece)
        elif quoting.plain and not piece.many:
            found += [Piece(quoting.quote), piece, Piece(quoting.quote)]
        else:
            found.append(piece)
    joined: list[Piece] = []
    for piece in found:
        if joined and not piece.field and not joined[-1].field:
            joined[-1] = Piece(joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return [*_without_empty(joined)]


def _without_empty(pieces: list[Piece]) -> Iterator[Piece]:
    """Without quotes around nothing, next to a field."""
    for place, piece in enumerate(pieces):
        text = piece.text
        if not piece.field and place and re.match(r"''|\"\"", text):
            text = text[2:]
        if not piece.field and place + 1 < len(pieces) and re.search(r"(?<![\w\\'\"])(?:''|\"\")$", text):
            text = text[:-2]
        if text:
            yield Piece(text, field=piece.field, many=piece.many)


class _Quoting:
    """Where in quotes one is.  ``plain``: right within them, and in no command within them."""

    def __init__(self) -> None:
        self.quote = ""
        self._inner = self._escaped = False

    @property
    def plain(self) -> bool:
        return bool(self.quote) and not self._inner

    def read(self, text: str) -> None:
        """Read on."""
        for place, character in enumerate(text):
            if self._escaped:
                self._escaped = False
            elif character == "\\" and self.quote != "'":
                self._escaped = True
            elif self.quote:
                # A command within quotes has quotes of its own: where those end is not looked for.
                self._inner |= self.quote == '"' and (character == "`" or text.startswith("$(", place))
                if character == self.quote and not self._inner:
                    self.quote = ""
            elif character in "'\"":
                self.quote = character
