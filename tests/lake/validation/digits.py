"""A check of somebody's own, and an archive to use it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holotype.lake import Validation
from holotype.validators import Action, Check, Code, Cost, Policy, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.validators import Found, Subject

__all__ = ["Digits", "RECORDED", "REFUSED", "STRICT", "codes_of"]

LETTERS = Code("test.digits.letters", Severity.ERROR, "A file holds digits.")
LONG = Code("test.digits.long", Severity.WARNING, "A file is short.")


class Digits(Check):
    """Text files hold digits, and are short."""

    name: ClassVar[str] = "test.digits"
    formats: ClassVar[frozenset[str]] = frozenset({"text"})
    codes: ClassVar[tuple[Code, ...]] = (LETTERS, LONG)

    def look(self, subject: Subject, found: Found) -> None:
        size = 0
        for lines in subject.lines(found):
            for index in range(len(lines)):
                size += len(lines[index])
                if lines[index] and not lines[index].isdigit():
                    found.add(LETTERS, "there are letters", line=lines.number(index), seen=lines[index])
        found.metric("test.digits.bytes", size, unit="By")
        if size > 1000:
            found.add(LONG, "it is long", seen=size)


STRICT = Validation(checks=(Digits(),), cost=Cost.FULL)
REFUSED = Validation(checks=(Digits(),), policy=Policy(error=Action.REFUSE))
RECORDED = Validation(checks=(Digits(),), policy=Policy(error=Action.RECORD))


def codes_of(rows: Sequence[dict[str, object]]) -> list[tuple[object, object]]:
    """Which rule is broken in which file."""
    return [(row["path"], row["code"]) for row in rows]
