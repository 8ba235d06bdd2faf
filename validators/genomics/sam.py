"""Alignments as text: SAM (SAM 1.6, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from .samcodes import LAST_LINE, RECORD_CODES
from .samheader import HEADER_CODES, judge_header
from .sammetrics import Tally
from .samorder import Order
from .samrecords import read_records
from .samrules import judge_records
from .samtags import judge_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject
    from .samheader import Line

__all__ = ["CHECKS", "Sam"]

_AT = ord("@")


class Sam(Check):
    """Header, records and optional fields of SAM, as strictly as the specification is written."""

    name, version, formats = "sam", "2", frozenset({"sam"})
    codes = (*HEADER_CODES, *RECORD_CODES)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at the header, and at the records for more than that."""
        blocks = subject.lines(found)
        waiting: list[tuple[Lines, int]] = []
        header = judge_header(_header(blocks, waiting), found)
        if subject.cost is Cost.HEADER:
            return
        order, tally = Order(header, subject.limits), Tally(header, subject.limits)
        for lines, skip in _rest(waiting, blocks):
            if not lines.terminated and len(lines):
                found.add(LAST_LINE, "the last line has no newline", line=lines.number(len(lines) - 1))
            read = read_records(lines, skip, header, found)
            if read is not None:
                records, tags = read
                order.judge(records, found)
                judge_records(records, header, found)
                tally.take(records, judge_tags(tags, records, header, found))
        if found.complete and subject.cost is Cost.FULL:
            tally.tell(found)


def _header(blocks: Iterator[Lines], waiting: list[tuple[Lines, int]]) -> Iterator[Line]:
    """The lines of the header; the block in which it ends, and how many of its lines belong to it, into ``waiting``."""
    for lines in blocks:
        raw = lines.array
        # A line may be empty, and stand at the very end.
        first = raw[np.minimum(lines.starts, max(len(raw) - 1, 0))] if len(raw) else np.empty(0, np.uint8)
        others = np.flatnonzero((first != _AT) | (lines.starts == lines.ends))
        size = int(others[0]) if len(others) else len(lines)
        for index in range(size):
            yield lines.number(index), lines.place(index), lines[index]
        if size < len(lines) or not lines.terminated:
            waiting.append((lines, size))
            return


def _rest(waiting: list[tuple[Lines, int]], blocks: Iterator[Lines]) -> Iterator[tuple[Lines, int]]:
    yield from waiting
    for lines in blocks:
        yield lines, 0


CHECKS = (Sam,)
"""What is offered."""
