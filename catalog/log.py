"""Entries of the commit log, and the chain they make.

``log/00000000000000000042.json`` is the commit that made version 42; version 0 is ``archive.json`` alone::

    {"add":{"snapshots":[{"bytes":5211,"digest":"<BLAKE3>","name":"000000000029-6f1c…","rows":1}]},"author":"ada",
     "condemn":[],"format":1,"message":"raw reads","operation":"backup","parent":"<SHA-256 of entry 41>","relies":{},
     "remove":{},"seal":"<SHA-256>","session":"s-71","time":"2026-05-04T08:30:00.000000Z","version":42,"write_id":"<random>"}

Each entry names the SHA-256 of the entry before it, the first that of ``archive.json``: whoever knows the newest
entry's hash can prove all that came before.  A ``signature`` beside the seal is not part of what is sealed, and ignored
here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .errors import LogDamaged
from .sealed import sha256, unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPACTION", "ENTRY", "Entry", "Segment", "entry_key", "parse_segment", "segment_key", "segment_name"]

# The operation of an entry that only merges segments: it adds no fact and removes none.
COMPACTION = "compact"

# The key of a log entry, and its version.
ENTRY = re.compile(r"log/(\d{20})\.json")

_HEX = re.compile(r"[0-9a-f]{64}")
_TABLE = re.compile(r"[a-z][a-z0-9_]*")
_NAME = re.compile(r"[0-9]{12,}-[0-9a-f]{16,}(\.arrow)?")
_BOUND = re.compile(r"[0-9a-f]{16}")
_ARROW = ".arrow"


def entry_key(version: int) -> str:
    """The key of the log entry that made ``version``."""
    return f"log/{version:020d}.json"


def segment_name(seen: int, unique: bytes, *, mapped: bool = False) -> str:
    """A name no segment had before: the version its writer had seen, and something random; one that is to be mapped
    into memory says so at its end."""
    return f"{seen:012d}-{unique.hex()}{_ARROW if mapped else ''}"


def segment_key(table: str, name: str) -> str:
    """The key of the object that holds a segment."""
    return f"tables/{table}/{name}{'' if name.endswith(_ARROW) else '.parquet'}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable file of a table, Parquet or Arrow: its name, the BLAKE3-256 of its bytes in hex, its rows and its
    size in bytes.

    ``low``, ``high``: where the rows are kept in the order of digests or keys, the beginnings of the least and the
    greatest: eight bytes in hex.  Who looks for one need not read a segment that cannot have it.
    """

    table: str
    name: str
    digest: str
    rows: int
    bytes: int
    low: str | None = None
    high: str | None = None

    @property
    def key(self) -> str:
        """The key of the object that holds it."""
        return segment_key(self.table, self.name)

    @property
    def mapped(self) -> bool:
        """Whether it is an Arrow file, which is read where it lies, not a Parquet file."""
        return self.name.endswith(_ARROW)

    @property
    def seen(self) -> int:
        """The newest version its writer had seen: a later entry that condemns it may not know it was needed."""
        return int(self.name.partition("-")[0])


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit.

    ``parent``: SHA-256 of the entry before, in hex.  ``write_id``: random, tells whose entry it is when an answer was
    lost. ``add``, ``remove``, ``relies``: per table the segments it adds, and the names of those it removes and of
    those it needs to stay.  ``condemn``: keys of objects that no later commit may add.  ``hash``: SHA-256 of the
    entry's own bytes in hex, which the next entry names as its parent; empty before they exist.
    """

    version: int
    parent: str
    write_id: str
    author: str
    time: datetime
    operation: str
    message: str = ""
    session: str | None = None
    add: Mapping[str, tuple[Segment, ...]] = field(default_factory=dict[str, "tuple[Segment, ...]"], hash=False)
    remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], hash=False)
    relies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], hash=False)
    condemn: tuple[str, ...] = ()
    hash: str = ""

    @property
    def key(self) -> str:
        """The key of the object that holds it."""
        return entry_key(self.version)

    @property
    def is_compaction(self) -> bool:
        """Whether it only merged segments: the rows it adds are rows it removes, and were there before."""
        return self.operation == COMPACTION

    def encode(self) -> bytes:
        """The entry's bytes."""
        return wrap(
            {
                "version": self.version,
                "parent": self.parent,
                "write_id": self.write_id,
                "author": self.author,
                "time": self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "operation": self.operation,
                "message": self.message,
                "session": self.session,
                "add": {table: [_segment(s) for s in segments] for table, segments in self.add.items()},
                "remove": {table: list(names) for table, names in self.remove.items()},
                "relies": {table: list(names) for table, names in self.relies.items()},
                "condemn": list(self.condemn),
            }
        )

    @staticmethod
    def decode(data: bytes, version: int) -> Entry:
        """The entry that was written as ``data``; raises ``LogDamaged`` and ``FormatTooNew``."""
        key = entry_key(version)
        fields = unwrap(data, key)
        try:
            entry = _entry(fields, sha256(data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LogDamaged(f"{key} is damaged: {error!r}", key=key, version=version) from error
        if entry.version != version:
            raise LogDamaged(f"{key} holds the entry of version {entry.version}", key=key, version=version)
        return entry


def _entry(fields: dict[str, Any], hashed: str) -> Entry:
    """Built from what was read; raises what Python raises when something is missing or of the wrong kind."""
    text = {name: _text(fields[name]) for name in ("write_id", "author", "operation", "message")}
    return Entry(
        version=_count(fields["version"]),
        parent=_fit(_HEX, fields["parent"]),
        time=datetime.strptime(fields["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
        session=None if fields["session"] is None else _text(fields["session"]),
        add={t: tuple(parse_segment(_fit(_TABLE, t), s) for s in found) for t, found in fields["add"].items()},
        remove=_names(fields["remove"]),
        relies=_names(fields["relies"]),
        condemn=tuple(_text(key) for key in fields["condemn"]),
        hash=hashed,
        **text,
    )


def parse_segment(table: str, fields: dict[str, Any]) -> Segment:
    """A segment from its JSON; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
    return Segment(
        table,
        _fit(_NAME, fields["name"]),
        _fit(_HEX, fields["digest"]),
        _count(fields["rows"]),
        _count(fields["bytes"]),
        *(None if fields.get(name) is None else _fit(_BOUND, fields[name]) for name in ("low", "high")),
    )


def _segment(segment: Segment) -> dict[str, Any]:
    fields = {"name": segment.name, "digest": segment.digest, "rows": segment.rows, "bytes": segment.bytes}
    bounds = {"low": segment.low, "high": segment.high}
    return {**fields, **{name: value for name, value in bounds.items() if value is not None}}


def _names(fields: dict[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return {_fit(_TABLE, t): tuple(_fit(_NAME, name) for name in names) for t, names in fields.items()}


def _fit(pattern: re.Pattern[str], value: object) -> str:
    if not (isinstance(value, str) and pattern.fullmatch(value)):
        raise ValueError(f"{value!r} is not as it should be")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is not a number of things")
    return value
