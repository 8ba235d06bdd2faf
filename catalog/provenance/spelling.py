"""How names, values, times and statements are spelled in PROV-N.

An IRI is written with the longest namespace that it begins with and that leaves a name PROV-N can write.  One that has
none gets a new prefix, ``ns1``, ``ns2``…; in messages, where nothing can be declared, it stands in angle brackets.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import InvalidName
from .model import ELEMENTS, PROV, TERMS, XSD, Name
from .scanning import LETTERS, MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Record, Value

__all__ = ["STANDARD", "Spelling", "spelled_time"]

# Declared in every document without being written there.
STANDARD = MappingProxyType({"prov": PROV, "xsd": XSD})

_PREFIX = re.compile(rf"[{LETTERS}_](?:[{LETTERS}{MARKS}_.\-]*[{LETTERS}{MARKS}_\-])?")
_UNWRITABLE = re.compile(rf"[^{LETTERS}{MARKS}_.\-/@~&+*?#$!=\'(),:;\[\]%]|%(?![0-9A-Fa-f]{{2}})")
_ESCAPED = re.compile(r"[='(),:;\[\]]|^[.\-]|\.$")
_NAMESPACE = re.compile(r"[^<>\x00-\x1f]*")
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]+(?:-[A-Za-z0-9]+)*")
_CONTROLS = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"})
_FARTHEST = timedelta(hours=14)  # from UTC, that XML Schema can write


class Spelling:
    """How one document, or one bundle of it, spells what it says.

    ``prefixes``: the namespaces declared around it, the default one under the empty prefix.  ``inventing``: whether
    new ones may be declared; ``invented`` has them.
    """

    def __init__(self, prefixes: Mapping[str, str], *, inventing: bool = True) -> None:
        self.declared = {
            prefix: namespace
            for prefix, namespace in prefixes.items()
            if prefix not in STANDARD and (not prefix or _PREFIX.fullmatch(prefix)) and _NAMESPACE.fullmatch(namespace)
        }
        self.invented: dict[str, str] = {}
        self._inventing = inventing
        self._known: dict[str, str] = {}
        self._longest_first = sorted({**self.declared, **STANDARD}.items(), key=lambda item: -len(item[1]))

    def name(self, iri: str) -> str:
        """A qualified name for an IRI.  Raises ``InvalidName`` for what has no place in PROV-N."""
        known = self._known.get(iri)
        if known is None:
            known = self._known[iri] = self._short(iri) or self._new(iri)
        return known

    def _short(self, iri: str) -> str | None:
        for prefix, namespace in self._longest_first:
            if iri.startswith(namespace):
                local = _local(iri[len(namespace) :])
                if local is not None and (prefix or local):
                    return f"{prefix}:{local}" if prefix else local
        return None

    def _new(self, iri: str) -> str:
        if not self._inventing:
            return f"<{iri}>"
        if not _NAMESPACE.fullmatch(iri):
            raise InvalidName(f"{iri!r} cannot be written in PROV-N: no IRI has such characters", name=iri)
        # The longest end that a name may have, from behind the last sign that namespaces end with.
        start = max(0, *(match.end() for match in _UNWRITABLE.finditer(iri)), *(iri.rfind(sign) + 1 for sign in "/#:"))
        namespace, local = (iri[:start], iri[start:]) if start else (iri, "")
        number = len(self.invented) + 1
        while f"ns{number}" in self.declared or f"ns{number}" in self.invented:
            number += 1
        self.invented[f"ns{number}"] = namespace
        self._longest_first.append((f"ns{number}", namespace))
        return f"ns{number}:{_local(local)}"

    def value(self, value: Value) -> str:
        """A value of an attribute."""
        if isinstance(value, Name):
            return f"'{self.name(value.uri)}'"
        if value.datatype == XSD + "int" and _INTEGER.fullmatch(value.text):
            return value.text
        text = f'"{value.text.translate(_CONTROLS)}"'
        if value.language is not None and _LANGUAGE.fullmatch(value.language):
            return f"{text}@{value.language}"
        return text if value.datatype == XSD + "string" else f"{text} %% {self.name(value.datatype)}"

    def statement(self, record: Record, *, attributes: bool = True) -> str:
        """A record as a statement; ``attributes``: with them.  Optional arguments are written all or none."""
        term = TERMS[record.term]
        identifier = "-" if record.id is None else self.name(record.id)
        count = sum(argument.required for argument in term.arguments)  # they come first
        if any(value is not None for value in record.arguments[count:]):
            count = len(term.arguments)
        parts = [self._argument(value) for value in record.arguments[:count]]
        if record.term in ELEMENTS:
            parts.insert(0, identifier)
        elif record.id is not None:
            parts[0] = f"{identifier}; {parts[0]}"
        if attributes and record.attributes:
            parts.append(
                f"[{', '.join(f'{self.name(name)}={self.value(value)}' for name, value in record.attributes)}]"
            )
        return f"{record.term}({', '.join(parts)})"

    def _argument(self, value: str | datetime | None) -> str:
        if value is None:
            return "-"
        return spelled_time(value) if isinstance(value, datetime) else self.name(value)


def spelled_time(time: datetime) -> str:
    """A time as ``xsd:dateTime`` has it."""
    offset = time.utcoffset()
    if offset is None:
        return time.isoformat()
    if offset % timedelta(minutes=1) or abs(offset) > _FARTHEST:
        time, offset = time.astimezone(UTC), timedelta(0)
    return time.replace(tzinfo=None).isoformat() + "Z" if not offset else time.isoformat()


def _local(text: str) -> str | None:
    """The part of a name after its prefix, escaped; ``None`` where it has what cannot be."""
    return None if _UNWRITABLE.search(text) else _ESCAPED.sub(r"\\\g<0>", text)
