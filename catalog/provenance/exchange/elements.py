"""A document by its things: what is said of each entity, activity and agent, in one place.

Formats for other worlds (RO-Crate, OpenLineage) have one node for a thing; PROV has any number of records that speak
of it, in any order, and things that are only spoken of.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ..model import ELEMENTS, PROV, TERMS, Name
from ..vocabulary import HOLOTYPE, file_version, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Document, Record, Value

__all__ = ["Thing", "Things"]

_DESCRIBED = re.compile(r"urn:holotype:([a-z]+):[0-9a-f]{32,64}")
_LONGEST = 80


@dataclass
class Thing:
    """What is said of one thing."""

    id: str
    terms: set[str] = field(default_factory=set)
    attributes: dict[tuple[str, Value], None] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None

    def text(self, *names: str) -> str | None:
        """The first value of the first of these attributes that there is."""
        for name in names:
            for said, value in self.attributes:
                if said == name:
                    return value.uri if isinstance(value, Name) else value.text
        return None

    @property
    def types(self) -> set[str]:
        """The IRIs of its types."""
        return {value.uri for name, value in self.attributes if name == PROV + "type" and isinstance(value, Name)}

    @property
    def name(self) -> str:
        """What to call it."""
        called = self.text(PROV + "label", HOLOTYPE + "name", HOLOTYPE + "path")
        if called is None and (described := _DESCRIBED.fullmatch(self.id)):
            # A digest says nothing to anybody.
            value = self.text(PROV + "value")
            called = f"{described[1]} {value[:_LONGEST]}" if value is not None else described[1]
        return called or self.id.rstrip("/#").replace("#", "/").rpartition("/")[2].rpartition(":")[2] or self.id

    @property
    def is_file(self) -> bool:
        """Whether it is a version of a file."""
        return HOLOTYPE + "file" in self.types or file_version(self.id) is not None

    @property
    def failed(self) -> bool:
        """Whether it is an activity that did not end well."""
        outcome = self.text(HOLOTYPE + "outcome")
        return outcome not in (None, "completed") or self.text(HOLOTYPE + "exit") not in (None, "0")


class Things:
    """The things of a document, bundles and all, in the order in which they are first spoken of, and its relations."""

    def __init__(self, document: Document) -> None:
        self.all: dict[str, Thing] = {}
        self._relations: dict[str, list[Record]] = defaultdict(list)
        self._of: dict[tuple[str, object], list[Record]] = defaultdict(list)
        self._to: dict[tuple[str, object], dict[str, None]] = defaultdict(dict)
        self._roles: dict[tuple[object, object], set[str]] = defaultdict(set)
        spoken: list[tuple[str, str]] = []
        for _, record in document:
            if record.term in ELEMENTS:
                self._element(record)
                continue
            self._relations[record.term].append(record)
            first, second = record.arguments[:2]
            self._of[record.term, first].append(record)
            if isinstance(first, str):
                self._to[record.term, second][first] = None
            if record.term == "used":
                self._roles[first, second] |= {str(plain_value(value)) for value in record.values(PROV + "role")}
            for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
                if isinstance(value, str) and argument.refers in ELEMENTS:
                    spoken.append((value, argument.refers))
        for id, term in spoken:
            self.all.setdefault(id, Thing(id)).terms.add(term)

    def _element(self, record: Record) -> None:
        thing = self.all.setdefault(record.id or "", Thing(record.id or ""))
        thing.terms.add(record.term)
        thing.attributes.update(dict.fromkeys(record.attributes))
        if record.term == "activity":
            began, ended = record["startTime"], record["endTime"]
            thing.began = began if isinstance(began, datetime) else thing.began
            thing.ended = ended if isinstance(ended, datetime) else thing.ended

    def of(self, term: str) -> Iterator[Thing]:
        """The entities, the activities or the agents."""
        return (thing for thing in self.all.values() if term in thing.terms)

    def relations(self, term: str, first: str | None = None) -> list[Record]:
        """The relations of a term, all of them or those of one first argument."""
        return self._relations[term] if first is None else self._of[term, first]

    def seconds(self, term: str, first: str, argument: int = 1) -> list[str]:
        """What stands at the second place, or another, of the relations of a thing; each once."""
        found = (record.arguments[argument] for record in self._of[term, first])
        return list(dict.fromkeys(value for value in found if isinstance(value, str)))

    def firsts(self, term: str, second: str) -> list[str]:
        """What stands at the first place of the relations to a thing; each once."""
        return list(self._to[term, second])

    def roles(self, activity: str, used: str) -> set[str]:
        """The roles in which an activity used something."""
        return self._roles.get((activity, used), set())
