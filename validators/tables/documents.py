"""Values of this package as JSON and back: what is read may be anybody's, so every field is looked at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, TypeVar

from ..errors import InvalidChoice, SchemaUnreadable

__all__ = ["Reader", "flag", "listed", "loaded", "made", "number", "optional", "plain", "text", "texts", "value"]

Made = TypeVar("Made")
Reader = Callable[[Any], Any]
_DATES: Mapping[str, type[Any]] = {"datetime": datetime, "date": date, "time": time}  # a datetime is a date too


def loaded(source: str | bytes) -> Mapping[str, Any]:
    """The object that JSON is of; raises ``SchemaUnreadable`` for whatever else."""
    try:
        told = json.loads(source)
    except (ValueError, RecursionError) as error:  # what is no UTF-8 is a ValueError as well
        raise SchemaUnreadable(f"it is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise SchemaUnreadable(f"it is a JSON {type(told).__name__}, and not an object")
    return told


def plain(what: Any) -> Any:
    """A dataclass, and all in it, as JSON has it; what is as by default is left out."""
    if dataclasses.is_dataclass(what):
        return {
            each.name: plain(getattr(what, each.name))
            for each in dataclasses.fields(what)
            if each.default is dataclasses.MISSING or getattr(what, each.name) != each.default
        }
    for kind, of in _DATES.items():
        if isinstance(what, of):
            return {kind: what.isoformat()}
    return [plain(each) for each in what] if isinstance(what, tuple) else what


def made(kind: type[Made], told: object, readers: Mapping[str, Reader]) -> Made:
    """A ``kind`` of what JSON told; raises ``SchemaUnreadable`` with the place of what cannot be."""
    if not isinstance(told, Mapping):
        raise SchemaUnreadable(f"{_shown(told)} is no {kind.__name__}")
    if strange := sorted(set(map(str, told)) - set(readers)):
        raise SchemaUnreadable(f"a {kind.__name__} has no {', '.join(strange)[:200]}")
    found: dict[str, Any] = {}
    for name, given in told.items():
        try:
            found[name] = readers[name](given)
        except SchemaUnreadable as error:
            raise SchemaUnreadable(f"{name}: {error}") from error
    try:
        return kind(**found)
    except (InvalidChoice, TypeError) as error:  # a field without a default that is not there
        raise SchemaUnreadable(f"no {kind.__name__}: {error}") from error


def text(given: object) -> str:
    """A string."""
    if not isinstance(given, str):
        raise SchemaUnreadable(f"{_shown(given)} is no text")
    return given


def flag(given: object) -> bool:
    """True or false."""
    if not isinstance(given, bool):
        raise SchemaUnreadable(f"{_shown(given)} is neither true nor false")
    return given


def number(given: object) -> int | float:
    """A number."""
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise SchemaUnreadable(f"{_shown(given)} is no number")
    return given


def value(given: object) -> Any:
    """A number, a text, true or false, or ``{"date": …}`` and its like."""
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, written),) = given.items()
        try:
            return _DATES[kind].fromisoformat(text(written))
        except (KeyError, ValueError) as error:
            raise SchemaUnreadable(f"{_shown(given)} is no date or time") from error
    if not isinstance(given, (bool, int, float, str)):
        raise SchemaUnreadable(f"{_shown(given)} is no value")
    return given


def listed(reader: Reader) -> Reader:
    """A list of what ``reader`` reads, as a tuple."""

    def read(given: object) -> tuple[Any, ...]:
        if not isinstance(given, list):
            raise SchemaUnreadable(f"{_shown(given)} is no list")
        return tuple(reader(each) for each in given)

    return read


def optional(reader: Reader) -> Reader:
    """What ``reader`` reads, or null."""
    return lambda given: None if given is None else reader(given)


texts = listed(text)


def _shown(given: object) -> str:
    shown = repr(given)
    return shown if len(shown) <= 60 else shown[:59] + "…"
