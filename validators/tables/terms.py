"""A column whose values are terms of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import codes

if TYPE_CHECKING:
    import polars as pl

    from .pieces import Piece
    from .schema import Column
    from .telling import Teller
    from .vocabulary import Vocabulary

__all__ = ["TermRule"]

# For so many values that are no terms those that are near are looked for: it takes a moment for each.
_SUGGESTED = 50


class TermRule:
    """What a column's terms have to be."""

    def __init__(self, column: Column, vocabulary: Vocabulary) -> None:
        self._column, self._vocabulary = column, vocabulary
        self._expected: dict[str, str | None] = {}

    def see(self, values: pl.Series, different: pl.Series, piece: Piece, teller: Teller) -> None:
        """Hold the rule against text; ``different``: each value of it once."""
        wrong: dict[Any, list[str]] = {}
        for value in different.to_list():
            code = self._wrong(value)
            if code is not None:
                wrong.setdefault(code, []).append(value)
        for code, given in wrong.items():
            what = _WHAT[code]
            rows = values.is_in(given).fill_null(value=False)
            for value in given if len(given) <= _SUGGESTED else ():
                teller.rows(
                    code, (values == value).fill_null(value=False), piece, of=self._column.name, message=what,
                    expected=self._instead(code, value), seen=values.__getitem__,
                )  # fmt: skip
            if len(given) > _SUGGESTED:
                teller.rows(
                    code, rows, piece, of=self._column.name, message=what, expected=self._column.vocabulary,
                    seen=values.__getitem__,
                )  # fmt: skip

    def _wrong(self, value: str) -> Any:
        """The code of what is wrong with a value, ``None`` where nothing is."""
        found = self._vocabulary.find(value)
        if found is None:
            return codes.TERM_UNKNOWN
        term, how = found
        if how != self._column.term and not (how in ("id", "name") and term.id == term.name):
            return codes.TERM_SYNONYM
        if term.obsolete:
            return codes.TERM_OBSOLETE
        under = self._column.under
        return codes.TERM_ABOVE if under is not None and not self._vocabulary.is_below(term.id, under) else None

    def _instead(self, code: Any, value: str) -> str | None:
        """What should stand in a value's place."""
        if value in self._expected or (code is codes.TERM_UNKNOWN and len(self._expected) >= _SUGGESTED):
            return self._expected.get(value)
        found = self._vocabulary.find(value)
        if code is codes.TERM_ABOVE:
            told = f"a term below {self._column.under}"
        elif found is None:
            near = self._vocabulary.near(value)
            told = "; ".join(f"{term.name} ({term.id})" for term in near)
        else:
            term, _ = found
            after = self._vocabulary.instead_of(term.id)
            told = ", ".join(f"{each.name} ({each.id})" for each in after)
        self._expected[value] = told or None
        return told or None


_WHAT = {
    codes.TERM_UNKNOWN: "it is no term of the vocabulary",
    codes.TERM_SYNONYM: "it means a term, and is not what the term is written as here",
    codes.TERM_OBSOLETE: "it is obsolete",
    codes.TERM_ABOVE: "it is not below the term that the column declares",
}
