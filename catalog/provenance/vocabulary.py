"""Identifiers and attributes of what an archive speaks of: the same thing has the same name wherever it is met.

    urn:holotype:content:9f86d081…                    all that has these bytes
    urn:holotype:file:run42:9f86d081…:reads/a.fastq   a version of a file: a dataset, a digest, a path
    …:reads/a.fastq#41b2…                             the same bytes at the same path again, made by another activity
    urn:holotype:outside:9f86d081…:5d41402a…:b.csv    a file that is in no dataset: its path only as a digest
    urn:holotype:snapshot:6f1c…                       a snapshot
    urn:holotype:activity:41b2…                       something done
    urn:holotype:activity:6f1c…                       and the backup that made a snapshot, by the snapshot's digest
    urn:holotype:command:…, …parameters:…, …          what it was done with, by a digest of what is said of it
    urn:holotype:person:…, …software:…                who did it
    urn:holotype:grade:incomplete                     what degraded results are marked with
    pkg:pypi/numpy@2.2.0                              a package, as a package URL

A dataset and a path are percent-encoded.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from .model import PROV, XSD, Literal, Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Value

__all__ = [
    "HOLOTYPE",
    "PREFIXES",
    "FileVersion",
    "activity_id",
    "backup_id",
    "described_id",
    "file_id",
    "file_version",
    "grade_id",
    "literal",
    "name",
    "outside_id",
    "package_id",
    "person_id",
    "place_digest",
    "plain_value",
    "snapshot_id",
    "software_id",
]

# The namespace of attributes and types.
HOLOTYPE = "urn:holotype:ns:"
_FILE = re.compile(r"urn:holotype:file:(?P<dataset>[^:]+):(?P<sha256>[0-9a-f]{64}):(?P<path>[^#]*)(?:#(?P<again>.+))?")
_SAFE = "/-._~"
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class FileVersion:
    """A version of a file, as its identifier says it; ``again``: the activity that made the same bytes once more."""

    dataset: str
    path: str
    sha256: bytes
    again: str | None = None


def file_id(dataset: str, path: str, sha256: bytes, *, again: str | None = None) -> str:
    """The identifier of a file version."""
    last = f"#{quote(again, safe=_SAFE)}" if again is not None else ""
    return f"urn:holotype:file:{quote(dataset, safe=_SAFE)}:{sha256.hex()}:{quote(path, safe=_SAFE)}{last}"


def file_version(id: str) -> FileVersion | None:
    """What the identifier of a file version says; ``None`` for any other."""
    match = _FILE.fullmatch(id)
    if match is None:
        return None
    again = match["again"]
    return FileVersion(
        unquote(match["dataset"]),
        unquote(match["path"]),
        bytes.fromhex(match["sha256"]),
        None if again is None else unquote(again),
    )


def outside_id(sha256: bytes, place: str, name: str) -> str:
    """The identifier of a version of a file that is in no dataset; ``place``: a digest of where it lies."""
    return f"urn:holotype:outside:{sha256.hex()}:{place}:{quote(name, safe=_SAFE)}"


def place_digest(path: str) -> str:
    """What stands in an identifier for a path that is nobody's business: enough to find it again for who knows it."""
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:16]


def snapshot_id(digest: str) -> str:
    """The identifier of a snapshot, as an entity."""
    return f"urn:holotype:snapshot:{digest}"


def activity_id(unique: bytes) -> str:
    """The identifier of an activity; ``unique``: random bytes."""
    return f"urn:holotype:activity:{unique.hex()}"


def backup_id(digest: str) -> str:
    """The identifier of the activity that made the snapshot with this digest."""
    return f"urn:holotype:activity:{digest}"


def described_id(kind: str, described: object) -> str:
    """The identifier of what is nothing but what is said of it (JSON can hold it): it is the same if that is."""
    text = _JSON(described)
    return f"urn:holotype:{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


def person_id(person: str) -> str:
    """The identifier of a person, or of an account."""
    return f"urn:holotype:person:{quote(person, safe='@-._~')}"


def grade_id(grade: str) -> str:
    """The identifier of a grade: what results are marked with that are not what they should be."""
    return f"urn:holotype:grade:{quote(grade, safe=_SAFE)}"


def software_id(name: str, version: str = "") -> str:
    """The identifier of a program, as an agent."""
    return f"urn:holotype:software:{quote(name, safe=_SAFE)}{'@' if version else ''}{quote(version, safe=_SAFE)}"


def package_id(name: str, version: str, *, ecosystem: str = "pypi") -> str:
    """The package URL of a package: ``pkg:pypi/numpy@2.2.0``."""
    return f"pkg:{ecosystem}/{quote(name.lower().replace('_', '-'), safe=_SAFE)}@{quote(version, safe=_SAFE)}"


def name(word: str) -> Name:
    """A word of holotype's own namespace, as a value."""
    return Name(HOLOTYPE + word)


def literal(value: object) -> Value:
    """A Python value as PROV has it: text, a whole number, a number, a truth; anything else as the JSON it makes.

    Raises ``TypeError`` for what JSON cannot hold.
    """
    match value:
        case Name() | Literal():
            return value
        case str():
            return Literal(value)
        case bool():
            return Literal("true" if value else "false", XSD + "boolean")
        case int():
            return Literal(str(value), XSD + "integer")
        case float():
            return Literal(repr(value), XSD + "double")
        case _:
            return Literal(_JSON(value), HOLOTYPE + "json")


_NUMBERS: Mapping[str, type[int] | type[float]] = {
    **{XSD + kind: int for kind in ("integer", "int", "long", "short", "nonNegativeInteger", "positiveInteger")},
    **{XSD + kind: float for kind in ("double", "float", "decimal")},
}


def plain_value(value: Value) -> object:
    """The Python value of a PROV value: what ``literal`` was given; the text of what has no Python value."""
    if isinstance(value, Name):
        return value.uri
    try:
        if value.datatype in _NUMBERS:
            return _NUMBERS[value.datatype](value.text)
        if value.datatype == HOLOTYPE + "json":
            return json.loads(value.text)
    except ValueError:
        return value.text
    if value.datatype == XSD + "boolean":
        return value.text in ("true", "1")
    return value.text


# What every document of ours is written with.
PREFIXES: Mapping[str, str] = {"prov": PROV, "xsd": XSD, "holotype": HOLOTYPE}
