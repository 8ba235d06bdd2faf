"""Indexes of CRAM (CRAM 3.1, 12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..check import Check
from ..findings import Code, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Crai", "Entry", "read_crai"]

LINE = Code(
    "crai.line", Severity.ERROR, "A line has six numbers with tabs between: reference, start, span, and three places.",
    "CRAM 3.1, 12",
)  # fmt: skip
NUMBER = Code("crai.number", Severity.ERROR, "A reference is -2 or more, and no other number negative.", "CRAM 3.1, 12")
UNFINISHED = Code("crai.line.unfinished", Severity.ERROR, "The last line ends with a newline.", "CRAM 3.1, 12")
ORDER = Code("crai.order", Severity.WARNING, "Lines are in the order of containers.", "CRAM 3.1, 12")

_LINE = re.compile(rb"-?[0-9]{1,18}(?:\t-?[0-9]{1,18}){5}")

Entry = tuple[int, int, int, int, int, int]
"""A slice: its reference, start and span, where its container begins in the file, where it begins behind that
container's header, and its bytes."""


class Crai(Check):
    """The lines of an index of CRAM."""

    name, version, formats = "index.cram", "1", frozenset({"crai"})
    codes = (LINE, NUMBER, UNFINISHED, ORDER)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at all lines."""
        last = 0
        for number, entry in read_crai(subject, found):
            if entry[3] < last:
                found.add(ORDER, "its container is before that of the line before", line=number, seen=entry[3])
            last = entry[3]


def read_crai(subject: Subject, found: Found) -> Iterator[tuple[int, Entry]]:
    """The lines that are as they have to be, with their numbers; what is wrong with others is told."""
    for lines in subject.lines(found):
        for index in range(len(lines)):
            number, line = lines.number(index), lines[index]
            if not lines.terminated and index == len(lines) - 1:
                found.add(UNFINISHED, "the last line has no newline", line=number)
            if not _LINE.fullmatch(line):
                found.add(LINE, "these are not six numbers", line=number, seen=line)
                continue
            numbers = [int(part) for part in line.split(b"\t")]
            if numbers[0] < -2 or min(numbers[3:]) < 0 or (numbers[0] >= 0 and min(numbers[1:3]) < 0):
                found.add(NUMBER, "a number is negative", line=number, seen=line)
                continue
            yield number, (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])


CHECKS = (Crai,)
"""What is offered."""
