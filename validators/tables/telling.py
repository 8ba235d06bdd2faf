"""What is wrong with rows, told to a report: the first of each rule and column with their places, all counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from ..findings import Code
    from ..found import Found
    from .pieces import Piece

__all__ = ["Teller"]


class Teller:
    """Tells of one table.  ``each``: findings that are kept for a rule and a column, so that no column's millions leave
    another's out.
    """

    def __init__(self, found: Found, *, each: int) -> None:
        self.found = found
        self._each = each
        self._counts: Counter[tuple[Code, str]] = Counter()

    def rows(
        self,
        code: Code,
        wrong: pl.Series,
        piece: Piece,
        *,
        of: str,
        message: str,
        expected: object = None,
        seen: Callable[[int], Any],
        columns: Sequence[str] = (),
    ) -> None:
        """Tell of the rows of a piece in which ``wrong`` is true; ``seen`` says what stands in one.  ``of``: the
        column, or the rule where ``columns`` names several.
        """
        count = int(wrong.sum())
        if not count:
            return
        keep = min(self.found.room(code), max(0, self._each - self._counts[code, of]))
        for index in wrong.arg_true().head(keep).to_list():
            column = None if columns else of
            record = ", ".join(columns) or None
            self.found.add(
                code, message, row=piece.row(index), column=column, record=record, seen=seen(index), expected=expected
            )
        self.more(code, of, count, kept=min(keep, count))

    def one(
        self,
        code: Code,
        message: str,
        *,
        of: str,
        row: int | None = None,
        seen: object = None,
        expected: object = None,
        record: str | None = None,
    ) -> None:
        """Tell of one thing that is wrong with a column."""
        self._counts[code, of] += 1
        if self._counts[code, of] <= self._each or row is None:
            column = of if record is None else None
            self.found.add(code, message, row=row, column=column, record=record, seen=seen, expected=expected)
        else:
            self.found.count(code, 1)

    def more(self, code: Code, of: str, count: int, *, kept: int = 0) -> None:
        """Tell that there are so many, of which ``kept`` were told of."""
        self._counts[code, of] += count
        if count > kept:
            self.found.count(code, count - kept)

    def known(self, code: Code, of: str) -> int:
        """How many of this there are so far."""
        return self._counts[code, of]

    def finish(self) -> None:
        """The true count of each rule that was broken, by column, as figures."""
        for (code, of), count in sorted(self._counts.items(), key=lambda each: (each[0][0].name, each[0][1])):
            self.found.metric(f"{code.name}.count", count, of=of)
