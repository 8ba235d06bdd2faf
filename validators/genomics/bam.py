"""Alignments, binary: BAM (SAM 1.6, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..check import Check, Cost
from ..findings import Code, Severity
from .bamlayout import LAYOUT_CODES, Stream, read_header, record_blocks
from .bamrecords import BIN_CODES, read_block
from .bamtags import TAG_LAYOUT, read_tags
from .samcodes import RECORD_CODES
from .samheader import HEADER_CODES
from .sammetrics import Tally
from .samorder import Order
from .samrules import judge_records
from .samtags import judge_tags

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Bam"]


PACKED = Code("bam.bgzf", Severity.ERROR, "BAM is packed as BGZF.", "SAM 1.6, 4.2")


class Bam(Check):
    """Layout, header, records and optional fields of BAM; BGZF, its checksums and its end are judged on the way."""

    name, version, formats = "bam", "2", frozenset({"bam"})
    figures = frozenset({"bam", "sam"})
    codes = (PACKED, *LAYOUT_CODES, *BIN_CODES, TAG_LAYOUT, *HEADER_CODES, *RECORD_CODES)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at the header, and at the records for more than that."""
        if subject.packing != "bgzip":
            found.add(PACKED, "it is not packed as BGZF", seen=subject.packing or "not packed", expected="bgzip")
        stream = Stream(subject.blocks(found))
        header = read_header(stream, found, subject.limits)
        if header is None or subject.cost is Cost.HEADER:
            return
        order, tally = Order(header, subject.limits), Tally(header, subject.limits)
        for block in record_blocks(stream, found, subject.limits):
            records, begin, end = read_block(block, header, found)
            if not len(records):
                continue
            tags = read_tags(records, begin, end, found)
            order.judge(records, found)
            judge_records(records, header, found)
            tally.take(records, judge_tags(tags, records, header, found))
        if found.complete and subject.cost is Cost.FULL:
            tally.tell(found)


CHECKS = (Bam,)
"""What is offered."""
