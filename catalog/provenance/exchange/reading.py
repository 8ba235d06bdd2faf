"""What all readers of provenance have in common: limits, identifiers of what has none, and notes of what was odd."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from ...errors import DocumentUnreadable, SourceNotFound
from ..model import TERMS, Literal, Record
from .times import parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from os import PathLike

    from ..model import Value

__all__ = ["LARGEST", "Number", "Reading", "Repeated", "is_text", "json_literal", "load", "parse_json", "tagged"]

# A document of this size has about a million records; whoever has a larger one says so.
LARGEST = 64 << 20


def load(source: str | PathLike[str] | bytes, *, largest: int = LARGEST) -> tuple[bytes, str]:
    """The bytes of a document, and what to call it in messages; ``bytes`` are the document themselves.

    Raises ``SourceNotFound``, and ``DocumentUnreadable`` when there are more than ``largest`` bytes.
    """
    if isinstance(source, bytes):
        data, name = source, "the document"
    else:
        path = Path(source)
        name = str(path)
        try:
            with path.open("rb") as file:
                # Not by its size: what a pipe or a device gives has none.
                data = file.read(largest + 1)
        except FileNotFoundError as error:
            raise SourceNotFound(f"there is no document at {name}", path=name) from error
        except OSError as error:
            raise DocumentUnreadable(f"{name} cannot be read: {error.strerror}", source=name) from error
    if len(data) > largest:
        raise DocumentUnreadable(f"{name} has more than {largest} bytes; allow more with largest=", source=name)
    return data, name


def parse_json(data: bytes | str, name: str) -> Any:
    """The value that a JSON text says; numbers keep the digits they were written with, and repeated keys all values.

    Raises ``DocumentUnreadable``.
    """
    try:
        return json.loads(data, parse_int=Number, parse_float=Number, object_pairs_hook=_pairs)
    except RecursionError as error:
        raise DocumentUnreadable(f"{name} is nested too deeply to be a document", source=name) from error
    except ValueError as error:
        raise DocumentUnreadable(f"{name} is no JSON: {error}", source=name) from error


class Number(str):
    """A number of JSON, by its digits."""

    __slots__ = ()


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value of JSON is text, and not a number."""
    return isinstance(value, str) and not isinstance(value, Number)


class Repeated(list[Any]):
    """All values of a key that an object has more than once."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key not in found:
            found[key] = value
        elif isinstance(found[key], Repeated):
            found[key].append(value)
        else:
            found[key] = Repeated([found[key], value])
    return found


class Reading:
    """One document being read: its name, and what is noted on the way."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        # What a document leaves without a name is named after the document, so that two never speak of the same.
        self._own = f"urn:holotype:document:{hashlib.sha256(data).hexdigest()[:32]}:"
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noted, each once."""
        return tuple(self._notes)

    def note(self, text: str) -> None:
        """Notes what was taken for something else, or left out."""
        self._notes[text] = None

    def refuse(self, why: str) -> DocumentUnreadable:
        """The error that says why this document cannot be read."""
        return DocumentUnreadable(f"{self.name}: {why}", source=self.name)

    def own(self, name: str) -> str:
        """The identifier of what has a name only within this document."""
        return self._own + name

    def time(self, text: str, where: str) -> datetime | None:
        """The time that a text says; ``None``, and a note, for what is none."""
        time, whole = parse_time(text)
        if time is None:
            self.note(f"{text!r} as the time of {where} is kept as an attribute: it is no xsd:dateTime of a known year")
        elif not whole:
            self.note(f"{text} of {where} was cut to microseconds")
        return time

    def record(
        self, term: str, id: str | None, arguments: dict[str, str | datetime], attributes: Sequence[tuple[str, Value]]
    ) -> Record:
        """A record of a term by the names of its arguments.

        One that lacks what it must have is a record nevertheless, for whoever checks it to judge.
        """
        kind = TERMS[term]
        if not kind.identified and (id is not None or attributes):
            said = ", ".join(([f"the identifier {id}"] if id else []) + [name for name, _ in attributes])
            self.note(f"{term} has neither identifier nor attributes in PROV: left out {said}")
            id, attributes = None, ()
        return Record(term, id, tuple(arguments.get(each.name) for each in kind.arguments), tuple(attributes))


def json_literal(value: object, datatype: str) -> Literal:
    """A literal of what has no other form than its JSON."""
    return Literal(_dumped(value), datatype)


def _dumped(value: object) -> str:
    """A value of JSON as text, its numbers by their digits."""
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_dumped(key)}: {_dumped(value[key])}" for key in sorted(value)) + "}"
        case list():
            return "[" + ", ".join(map(_dumped, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def tagged(text: str, language: str) -> Literal:
    """Text in a language, whose datatype follows from that."""
    return Literal(text, language=language)
