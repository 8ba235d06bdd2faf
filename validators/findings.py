"""Findings: one fact each, with a place and a severity.

A *code* names the rule that was broken, is declared once by the check that applies it, and never changes its meaning:
people filter by it, count it, and quote it years later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Code", "Finding", "Place", "Severity"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[._][a-z0-9]+)+")


class Severity(StrEnum):
    """How bad a finding is: worth knowing, suspicious though allowed, or wrong."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Code:
    """A rule: its name, such as ``vcf.header.fileformat``, how bad it is to break it, and a sentence that says what is
    asked.  ``source``: where that is written, as ``VCF 4.3, 1.2``.
    """

    name: str
    severity: Severity
    about: str
    source: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no code: it is lower-case words with dots, the format's first")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is, as far as it is known.

    ``member``: a file within the file, as in a zip or an HDF5 path.  ``offset``: bytes from the beginning; of what is
    packed, from the beginning of what is inside.  ``line``: from 1.  ``row``: of a table, from 0.  ``column``: its
    name.  ``record``: what names the record, such as a read's name or ``chr1:2938``.
    """

    member: str | None = None
    offset: int | None = None
    line: int | None = None
    row: int | None = None
    column: str | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact.  ``seen`` and ``expected``: what is there and what should be, in short.  ``check``: who found it."""

    code: Code
    message: str
    place: Place
    seen: str | None
    expected: str | None
    check: str
