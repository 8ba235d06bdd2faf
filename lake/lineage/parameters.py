"""Parameters of an activity as they may be kept: what JSON can hold, and nothing secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..capturing.secrets import REDACTED, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..capturing.redacting import Redactor

__all__ = ["kept_parameters"]


def kept_parameters(values: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """All of them, by name."""
    return {name: _redacted(name, _jsonable(value), redactor) for name, value in sorted(values.items())}


def _redacted(name: str, value: Any, redactor: Redactor) -> Any:
    """A parameter as it may be kept."""
    match value:
        case str():
            return REDACTED if is_secret(name) and value else redactor.argument(value)
        case dict():
            return {key: _redacted(key, each, redactor) for key, each in value.items()}
        case list():
            return [_redacted(name, each, redactor) for each in value]
        case int() | float() if is_secret(name) and not isinstance(value, bool):
            return REDACTED
        case _:
            return value


def _jsonable(value: Any) -> Any:
    """What JSON can hold of a parameter: containers as such, anything else as its ``repr``."""
    match value:
        case None | str() | bool() | int() | float():
            return value
        case dict():
            return {str(key): _jsonable(each) for key, each in value.items()}
        case list() | tuple():
            return [_jsonable(each) for each in value]
        case set() | frozenset():
            return sorted((_jsonable(each) for each in value), key=repr)
        case _:
            return _plain(value)


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)  # numbers of numpy
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _jsonable(item())
    fspath = getattr(value, "__fspath__", None)
    return repr(value)[:1000] if fspath is None else str(fspath())
