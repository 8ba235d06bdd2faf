"""Terms as they should be written: spelling, synonyms and what is obsolete put right, and nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import InvalidChoice

if TYPE_CHECKING:
    import polars as pl

    from .vocabulary import Vocabulary

__all__ = ["Standardised", "standardise"]


@dataclass(frozen=True, eq=False)
class Standardised:
    """``frame``: the new table, of the library that the old one is of.  ``changes``: Polars, one row for each value
    that was put right: ``column``, ``was``, ``now``, ``why`` (spelling, synonym, id, name, obsolete), ``rows`` that had
    it, and the ``first_row`` of these.  ``left``: the same for what could not be, with the ``near`` terms of each.
    """

    frame: Any
    changes: pl.DataFrame
    left: pl.DataFrame


def standardise(frame: Any, vocabularies: Mapping[str, Vocabulary], *, term: str = "id") -> Standardised:
    """Write the terms in some columns as they should be: each by its ``term``, its ``id`` or its ``name``.

    ``frame``: a dataframe of polars, pandas or pyarrow, which stays as it is.  ``vocabularies``: of which columns, by
    the columns' names.  A term that is obsolete is replaced where exactly one replaced it.  Raises ``InvalidChoice``
    for a column that there is not, or one that is no text.
    """
    import polars as pl

    if term not in ("id", "name"):
        raise InvalidChoice(f"terms are written by their id or their name, not by their {term!r}", term=term)
    _refuse_other_than_by_column(vocabularies)
    changes: list[dict[str, object]] = []
    left: list[dict[str, object]] = []
    renewed: dict[str, pl.Series] = {}
    for column, vocabulary in vocabularies.items():
        values = _column(frame, column)
        counts = values.drop_nulls().value_counts()
        now: dict[str, str] = {}
        for was, rows in zip(counts.to_series(0).to_list(), counts.to_series(1).to_list(), strict=True):
            about = {"column": column, "was": was, "rows": rows}
            right, why = _right(was, vocabulary, term)
            if right is None:
                near = "; ".join(f"{each.name} ({each.id})" for each in vocabulary.near(was))
                left.append({**about, "why": why, "near": near, "first_row": _first(values, was)})
            elif right != was:
                now[was] = right
                changes.append({**about, "now": right, "why": why, "first_row": _first(values, was)})
        renewed[column] = values.replace(now) if now else values
    return Standardised(
        _with(frame, renewed), pl.DataFrame(changes, _columns("now")), pl.DataFrame(left, _columns("near"))
    )


def _refuse_other_than_by_column(given: object) -> None:
    if not isinstance(given, Mapping):
        raise InvalidChoice("vocabularies are given by the columns they are for: {column: vocabulary}")


def _right(was: str, vocabulary: Vocabulary, term: str) -> tuple[str | None, str]:
    """What should be written, and why; ``None`` where nobody can say."""
    found = vocabulary.find(was)
    if found is None:
        return None, "unknown"
    meant, why = found
    if meant.obsolete:
        after = vocabulary.instead_of(meant.id)
        if len(after) != 1:
            return None, "obsolete"
        meant, why = after[0], "obsolete"
    return (meant.id if term == "id" else meant.name), why


def _first(values: pl.Series, value: str) -> int:
    return int((values == value).arg_max() or 0)


def _columns(last: str) -> dict[str, Any]:
    import polars as pl

    return {
        **dict.fromkeys(("column", "was", last, "why"), pl.String),
        **dict.fromkeys(("rows", "first_row"), pl.Int64),
    }


def _column(frame: Any, name: str) -> pl.Series:
    import polars as pl

    if not hasattr(frame, "columns"):
        raise InvalidChoice(f"{type(frame).__name__} is no dataframe of polars, pandas or pyarrow")
    names = (
        frame.column_names if isinstance(frame, (pa.Table, pa.RecordBatch)) else [str(each) for each in frame.columns]
    )
    if name not in names:
        raise InvalidChoice(f"there is no column {name!r}; there are {', '.join(names)}", column=name)
    given = frame[name] if isinstance(frame, pl.DataFrame) else None
    try:
        values = pl.Series(name, pl.from_arrow(_arrow(frame, name))) if given is None else given
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidChoice(f"the column {name} is no text: {error}", column=name) from error
    if values.dtype == pl.Null or isinstance(values.dtype, (pl.Categorical, pl.Enum)):
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        raise InvalidChoice(f"the column {name} is no text, but of the type {values.dtype}", column=name)
    return values


def _arrow(frame: Any, name: str) -> Any:
    return frame.column(name) if isinstance(frame, (pa.Table, pa.RecordBatch)) else pa.Array.from_pandas(frame[name])


def _with(frame: Any, renewed: Mapping[str, pl.Series]) -> Any:
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame.with_columns(*renewed.values())
    plain = {name: values.to_arrow().cast(pa.string()) for name, values in renewed.items()}
    if isinstance(frame, (pa.Table, pa.RecordBatch)):
        for name, values in plain.items():
            frame = frame.set_column(frame.schema.get_field_index(name), name, values)
        return frame
    return frame.assign(**{name: values.to_pandas().set_axis(frame.index) for name, values in plain.items()})
