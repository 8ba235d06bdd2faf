"""What a catalog holds at one version: the live segments of every table, by replay of the log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import LogDamaged
from .log import parse_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .log import Entry, Segment

__all__ = ["State"]

# A segment in a record of a state, the last two only where they are known.
_SEGMENT = ("name", "digest", "rows", "bytes", "low", "high")


@dataclass(frozen=True)
class State:
    """One version: its number, the hash of the entry that made it, and the live segments of every table, in order.

    Segments stand in the order they were added in.  What replaces others stands in the place of the first of them, so
    that merging neighbours leaves the order of a table's rows as it was.
    """

    version: int
    head: str
    tables: Mapping[str, tuple[Segment, ...]]

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], key: str) -> State:
        """The state that a record says, which was read from the object ``key``; raises ``LogDamaged``."""
        try:
            tables: dict[str, list[list[Any]]] = fields["tables"]
            return cls(
                fields["version"],
                fields["head"],
                {
                    table: tuple(parse_segment(table, dict(zip(_SEGMENT, each, strict=False))) for each in segments)
                    for table, segments in tables.items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LogDamaged(f"{key} is damaged: {error!r}", key=key) from error

    def fields(self) -> dict[str, Any]:
        """What a record says of it."""
        tables = {
            table: [
                [s.name, s.digest, s.rows, s.bytes, *((s.low, s.high) if s.low is not None else ())] for s in segments
            ]
            for table, segments in self.tables.items()
        }
        return {"version": self.version, "head": self.head, "tables": tables}

    def segments(self, table: str) -> tuple[Segment, ...]:
        """The live segments of ``table``."""
        return self.tables.get(table, ())

    def rows(self, table: str) -> int:
        """How many rows ``table`` has."""
        return sum(segment.rows for segment in self.segments(table))

    @cached_property
    def live(self) -> frozenset[tuple[str, str]]:
        """Table and name of every live segment."""
        return frozenset((table, segment.name) for table, segments in self.tables.items() for segment in segments)

    def after(self, entries: Iterable[Entry]) -> State:
        """The state that ``entries`` lead to; raises ``LogDamaged`` when they do not follow from this one."""
        version, head = self.version, self.head
        touched: dict[str, dict[str, Segment]] = {}
        for entry in entries:
            if entry.version != version + 1 or entry.parent != head:
                raise LogDamaged(
                    f"{entry.key} does not follow from version {version}: the chain of hashes is broken",
                    key=entry.key,
                    version=entry.version,
                )
            for table in dict.fromkeys((*entry.remove, *entry.add)):
                if table not in touched:
                    touched[table] = {segment.name: segment for segment in self.segments(table)}
                touched[table] = _apply(entry, table, touched[table])
            version, head = entry.version, entry.hash
        changed = {table: tuple(segments.values()) for table, segments in touched.items()}
        return State(version, head, {**self.tables, **changed})


def _apply(entry: Entry, table: str, live: dict[str, Segment]) -> dict[str, Segment]:
    removed = frozenset(entry.remove.get(table, ()))
    added = {segment.name: segment for segment in entry.add.get(table, ())}
    if not removed <= live.keys() or not added.keys().isdisjoint(live.keys()):
        raise LogDamaged(
            f"{entry.key} removes or adds segments of {table} that it cannot", key=entry.key, version=entry.version
        )
    if not removed:
        live.update(added)
        return live
    result: dict[str, Segment] = {}
    for name, segment in live.items():
        if name not in removed:
            result[name] = segment
        elif not result.keys() >= added.keys():
            result.update(added)
    return result
