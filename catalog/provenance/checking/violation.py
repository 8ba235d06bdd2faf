"""What a check finds, and how it speaks of records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..spelling import Spelling, spelled_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model import Record

__all__ = ["Speaker", "Violation"]

_SPOKEN = 6  # records that a message names; a cycle may have thousands


@dataclass(frozen=True)
class Violation:
    """A constraint that provenance breaks.

    ``constraint``: its short name in PROV-CONSTRAINTS, such as ``unique-generation``; or ``syntax``, where something is
    not as the notation has it, or ``unique-bundle-name``.  ``records``: those that break it together, as they stand in
    the document.  ``message``: how they break it, with the records in PROV-N and the lines they are on.
    """

    constraint: str
    records: tuple[Record, ...]
    message: str


class Speaker:
    """Names records and what they speak of in messages.  ``prefixes``: for short names; all others stand in full."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._spelling = Spelling(prefixes, inventing=False)

    def statement(self, record: Record) -> str:
        """A record in PROV-N, without its attributes, and its line."""
        text = self._spelling.statement(record, attributes=False)
        return text if record.line is None else f"{text} on line {record.line}"

    def statements(self, records: Sequence[Record]) -> str:
        """Several records; only the first of many."""
        named = len(records) if len(records) <= _SPOKEN else _SPOKEN - 1
        spoken = [self.statement(record) for record in records[:named]]
        if named < len(records):
            spoken.append(f"{len(records) - named:,} more")
        return spoken[0] if len(spoken) == 1 else f"{', '.join(spoken[:-1])} and {spoken[-1]}"

    def constant(self, value: str | datetime | None) -> str:
        """An identifier, a time or the placeholder."""
        if isinstance(value, datetime):
            return spelled_time(value)
        return "-" if value is None else self._spelling.name(value)
