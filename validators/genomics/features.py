"""The first eight columns of GFF3 and GTF, which are the same but for a few letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .columns import Rows, tell

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found

    Numbers = npt.NDArray[np.int64]

__all__ = ["COLUMN_NAMES", "FeatureCodes", "feature_codes", "look_at_columns"]

COLUMN_NAMES = ("seqid", "source", "type", "start", "end", "score", "strand", "phase", "attributes")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class FeatureCodes:
    """The rules, as a format names them."""

    empty: Code
    seqid: Code
    coordinates: Code
    score: Code
    strand: Code
    phase: Code

    def every(self) -> tuple[Code, ...]:
        """All of them."""
        return self.empty, self.seqid, self.coordinates, self.score, self.strand, self.phase


def feature_codes(format: str, source: str, *, phase: str) -> FeatureCodes:
    """The rules, for a format that calls the eighth column ``phase`` or ``frame``."""

    def rule(name: str, about: str) -> Code:
        return Code(f"{format}.{name}", Severity.ERROR, about, source)

    return FeatureCodes(
        rule("column.empty", "No column is empty; a dot stands for nothing."),
        rule("seqid", "What a feature lies on has a name without spaces, which does not begin with >."),
        rule("coordinates", "Where a feature begins and ends is a number from 1, the first not above the second."),
        rule("score", "A score is a number or a dot."),
        rule("strand", "A strand is one of the letters there are for it."),
        rule(phase, f"The {phase} of what is translated is 0, 1 or 2, and of all else it may be a dot."),
    )


def look_at_columns(
    rows: Rows, codes: FeatureCodes, found: Found, *, strands: bytes, translated: frozenset[bytes]
) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
    """Look at the first eight columns: where features begin and end, and where that is known."""
    for column in (1, 2, 8):
        tell(found, codes.empty, rows, rows.empty(column), "it is empty", column=(COLUMN_NAMES[column], column))
    _seqids(rows, codes, found)
    (starts, first), (stops, second) = rows.integers(3), rows.integers(4)
    first, second = first & (starts > 0), second & (stops > 0)
    for column, good in ((3, first), (4, second)):
        where = (COLUMN_NAMES[column], column)
        tell(found, codes.coordinates, rows, ~good, "it is no number from 1", column=where)
    both = first & second
    tell(
        found, codes.coordinates, rows, both & (starts > stops), "it ends before it begins", column=("end", 4),
        seen=lambda row: f"{starts[row]} to {stops[row]}",
    )  # fmt: skip
    scores = ~rows.one_of(5, b".")
    for row in np.flatnonzero(scores).tolist():
        scores[row] = _NUMBER.fullmatch(rows.cell(row, 5)) is None
    tell(found, codes.score, rows, scores, "it is no number", column=("score", 5))
    expected = ", ".join(map(chr, strands))
    strand = ~rows.one_of(6, strands)
    tell(found, codes.strand, rows, strand, "it is no strand", column=("strand", 6), expected=expected)
    _phases(rows, codes, found, translated)
    return starts, stops, both


def _seqids(rows: Rows, codes: FeatureCodes, found: Found) -> None:
    wrong = np.zeros(len(rows), bool)
    for row in rows.changes(0).tolist():
        name = rows.cell(row, 0)
        wrong[row] = not name or name.startswith(b">") or any(byte <= 32 or byte == 127 for byte in name)
    tell(found, codes.seqid, rows, wrong, "it is no name of a sequence", column=("seqid", 0))


def _phases(rows: Rows, codes: FeatureCodes, found: Found, translated: frozenset[bytes]) -> None:
    there, dots = rows.one_of(7, b"012"), rows.one_of(7, b".")
    name = codes.phase.name.rpartition(".")[2]
    tell(found, codes.phase, rows, ~(there | dots), f"it is no {name}", column=(name, 7), expected="0, 1, 2 or .")
    lacking = np.zeros(len(rows), bool)
    _, first, kinds = np.unique(rows.hashes(2), return_index=True, return_inverse=True)
    for kind, row in enumerate(first.tolist()):
        if rows.cell(row, 2) in translated:
            lacking |= dots & (kinds == kind)
    tell(found, codes.phase, rows, lacking, f"what is translated has a {name}", column=(name, 7), expected="0, 1 or 2")
