"""The ``shell`` of a rule as a template.

Snakemake pastes what a field stands for into the command as it is; here it is put in quoted, as words.  So quotes end
before a field and begin again behind it; text of the rule itself that is not one plain word is part of the command.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from ..quoting import Piece, template_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command_of"]

_ASKED = re.compile(r"(\w+)(?:\.(\w+)|\[(\w+)\])?(?:\[(\d+)\])?")


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
    return template_of(pieces)
