"""How tests of arrays look at bytes, and what they ask of a report."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from holotype.validators import validate

if TYPE_CHECKING:
    from holotype.validators import Report

__all__ = ["look", "only", "patched", "rows"]


def look(data: bytes | bytearray, format: str, **options: Any) -> Report:
    """The report about bytes, as those of a format."""
    return validate(io.BytesIO(bytes(data)), name=f"it.{format}", format=format, **options)


def rows(report: Report) -> list[dict[str, Any]]:
    """All findings."""
    found: list[dict[str, Any]] = report.findings.to_pylist()
    return found


def only(report: Report) -> dict[str, Any]:
    """The only finding there is."""
    found = rows(report)
    assert len(found) == 1, found
    return found[0]


def patched(data: bytes, place: int, new: bytes) -> bytes:
    """The data with other bytes at a place."""
    return data[:place] + new + data[place + len(new) :]
