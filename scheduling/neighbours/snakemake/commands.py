"""The ``shell`` of a rule as a template.

Snakemake pastes what a field stands for into the command as it is; here it is put in quoted, as words.  So quotes end
before a field and begin again behind it; text of the rule itself that is not one plain word is part of the command.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Piece", "command_of"]

_ASKED = re.compile(r"(\w+)(?:\.(\w+)|\[(\w+)\])?(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Piece:
    """A part of a command: a text, or the name of a field; ``many``: whether it may be several words."""

    text: str
    field: bool = False
    many: bool = False


def command_of(text: str, fields: Callable[[str, str | None], list[Piece]]) -> str:
    """The template; ``fields``: the pieces that are put in for one, as ``("input", "reads")``.

    Raises ``ValueError`` for what cannot be said.
    """
    pieces: list[Piece] = []
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"its braces do not match: {error}") from None
    for literal, name, how, conversion in parsed:
        if literal:
            pieces.append(Piece(literal))
        if name is None:
            continue
        match = _ASKED.fullmatch(name)
        if match is None or how not in ("", "q") or conversion:
            raise ValueError(f"{{{name}}} cannot be said")
        pieces += fields(match[1], match[2] or match[3])
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
