"""Whether a new version of a schema accepts what the old one did, column by column, with the reason.

*Compatible* means that every table which keeps the old schema keeps the new one.  What cannot be shown, such as that
one pattern matches all that another does, counts as breaking.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ..errors import InvalidChoice
from .rules import Key
from .types import accepts
from .units import convert_unit, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from .schema import Column, TableSchema

__all__ = ["Evolution", "SchemaChange", "compare_schemas"]


@dataclass(frozen=True)
class SchemaChange:
    """One difference.  ``column``: empty for what is about the whole table.  ``breaking``: whether what kept the old
    schema may break the new one.
    """

    column: str
    what: str
    breaking: bool
    reason: str


@dataclass(frozen=True)
class Evolution:
    """How a schema became another one."""

    changes: tuple[SchemaChange, ...]

    @property
    def compatible(self) -> bool:
        """Whether every table that keeps the old schema keeps the new one."""
        return not any(change.breaking for change in self.changes)

    @property
    def frame(self) -> pl.DataFrame:
        """The changes as a table: ``column``, ``what``, ``breaking``, ``reason``."""
        import polars as pl

        kinds: dict[str, Any] = {"column": pl.String, "what": pl.String, "breaking": pl.Boolean, "reason": pl.String}
        return pl.DataFrame([vars(change) for change in self.changes], kinds)


def compare_schemas(old: TableSchema, new: TableSchema) -> Evolution:
    """What became of ``old``, and whether ``new`` accepts what that did."""
    changes = [SchemaChange(*each) for each in _columns(old, new)]
    for name, column in new.by_name.items():
        if name in old.by_name:
            changes += [SchemaChange(name, *each) for each in _column(old.by_name[name], column)]
    changes += [SchemaChange("", *each) for each in _table(old, new)]
    return Evolution(tuple(changes))


def _columns(old: TableSchema, new: TableSchema) -> Iterator[tuple[str, str, bool, str]]:
    for name in old.by_name:
        if name not in new.by_name:
            reason = "it may still be there, as any other" if new.extra else "tables that have it have one too many now"
            yield name, "removed", not new.extra, reason
    for name, column in new.by_name.items():
        if name in old.by_name:
            continue
        if column.required:
            yield name, "added", True, "it is required, and tables of the old schema need not have it"
        elif old.extra:
            yield name, "added", True, "tables of the old schema may have had anything under this name"
        else:
            yield name, "added", False, "it need not be there"


def _column(old: Column, new: Column) -> Iterator[tuple[str, bool, str]]:
    """What changed of one column: what, whether that breaks anything, and why."""
    if old.type != new.type:
        fits = accepts(new.type, old.type)
        reason = f"every {old.type} is a{'n' if new.type[0] in 'aio' else ''} {new.type}"
        yield f"type {old.type} → {new.type}", not fits, reason if fits else f"not {reason}"
    for name, loose in (("nullable", True), ("required", False), ("unique", False)):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name} {before} → {after}", after != loose, "less is asked" if after == loose else "more is asked"
    yield from _unit(old, new)
    yield from _range(old, new)
    yield from _texts(old, new)
    for name in ("vocabulary", "term", "under"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            breaks = new.vocabulary is not None and (name != "under" or after is not None)
            yield (
                f"{name} {before} → {after}",
                breaks,
                "terms are judged otherwise" if breaks else "more is allowed",
            )


def _unit(old: Column, new: Column) -> Iterator[tuple[str, bool, str]]:
    if old.unit == new.unit:
        return
    what = f"unit {old.unit or 'none'} → {new.unit or 'none'}"
    if not new.unit:
        yield what, False, "values are taken as they are"
    elif not old.unit:
        yield what, False, "values are taken as they were, unless a table itself says that they are in another unit"
    elif unit_of(old.unit) == unit_of(new.unit):
        yield what, False, "it is the same unit, written otherwise"
    else:
        yield what, True, "the same numbers mean something else"


def _range(old: Column, new: Column) -> Iterator[tuple[str, bool, str]]:
    """The ends of the range: each of the new has to be implied by one of the old."""
    for low, names in ((True, ("least", "above")), (False, ("most", "below"))):
        before = [_end(old, name, new.unit) for name in names if getattr(old, name) is not None]
        after = [_end(new, name, new.unit) for name in names if getattr(new, name) is not None]
        if [each[1:] for each in before] == [each[1:] for each in after]:
            continue
        what = f"{_said(old, names)} → {_said(new, names)}"
        kept = all(any(_implies(one, other, low=low) for one in before) for other in after)
        yield what, not kept, "the range holds all that it did" if kept else "values may be out of the new range"


def _end(column: Column, name: str, unit: str) -> tuple[bool, bool, Any]:
    """An end of a range: whether it is the lower one, whether it is left out, and where it is, in another unit."""
    end: Any = getattr(column, name)
    if not isinstance(end, date) and column.unit and unit:
        with suppress(InvalidChoice):  # the change of the unit itself is told as breaking
            end = convert_unit(float(end), column.unit, unit)
    return name in ("least", "above"), name in ("above", "below"), end


def _implies(one: tuple[bool, bool, Any], other: tuple[bool, bool, Any], *, low: bool) -> bool:
    try:
        beyond = one[2] > other[2] if low else one[2] < other[2]
        return bool(beyond or (one[2] == other[2] and (one[1] or not other[1])))
    except TypeError:  # a day and a number, or a time with a zone and one without
        return False


def _said(column: Column, names: tuple[str, str]) -> str:
    return (
        ", ".join(f"{name} {getattr(column, name)}" for name in names if getattr(column, name) is not None) or "no end"
    )


def _texts(old: Column, new: Column) -> Iterator[tuple[str, bool, str]]:
    if old.pattern != new.pattern:
        gone = new.pattern is None
        yield (
            "pattern",
            not gone,
            "any text is allowed" if gone else "it need not match all that the old one did",
        )
    if old.among != new.among:
        more = new.among is None or (
            old.among is not None and set(map(_plain, old.among)) <= set(map(_plain, new.among))
        )
        yield "values", not more, "all that were allowed are" if more else "values that were allowed are not any more"
    for name, wider in (("shortest", -1), ("longest", 1)):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            fits = after is None or (before is not None and (after - before) * wider >= 0)
            yield f"{name} {before} → {after}", not fits, "lengths that were allowed are" if fits else "more is asked"
    if old.order != new.order:
        fits = new.order is None or old.order == f"strictly {new.order}"
        yield f"order {old.order} → {new.order}", not fits, "less is asked" if fits else "more is asked"


def _plain(value: object) -> tuple[str, object]:
    return type(value).__name__ if isinstance(value, (bool, str)) else "number", value


def _table(old: TableSchema, new: TableSchema) -> Iterator[tuple[str, bool, str]]:
    keys = [set(rule.columns) for rule in old.rules if isinstance(rule, Key)]
    keys += [{column.name} for column in old.columns if column.unique]
    for rule in new.rules:
        if rule not in old.rules:
            fits = isinstance(rule, Key) and any(key <= set(rule.columns) for key in keys)
            yield (
                f"rule added: {rule}",
                not fits,
                "a key that is there says so" if fits else "more is asked",
            )
    for rule in old.rules:
        if rule not in new.rules:
            yield f"rule removed: {rule}", False, "less is asked"
    if old.extra != new.extra:
        yield "extra columns", old.extra, "there may be none any more" if old.extra else "there may be others"
    yield from _order_and_rows(old, new)
    if old.missing != new.missing:
        yield "missing", True, "text that stood for a missing value may be read as a value, or the other way"


def _order_and_rows(old: TableSchema, new: TableSchema) -> Iterator[tuple[str, bool, str]]:
    if new.ordered:
        both = [[name for name in one.by_name if name in other.by_name] for one, other in ((old, new), (new, old))]
        if not old.ordered:
            yield "ordered", True, "more is asked"
        elif both[0] != both[1]:
            yield "ordered", True, "the order of the columns is another one"
    elif old.ordered:
        yield "ordered", False, "less is asked"
    for name, wider in (("rows_least", -1), ("rows_most", 1)):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            fits = after is None or (before is not None and (after - before) * wider >= 0)
            yield f"{name} {before} → {after}", not fits, "less is asked" if fits else "more is asked"
