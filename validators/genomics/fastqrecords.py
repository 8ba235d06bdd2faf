r"""FASTQ read a batch of records at a time, as Cock et al. 2010 describe it.

A record is a title after ``@``, a sequence, a line that begins with ``+`` and is empty but for it or repeats the title,
and as many qualities as there are letters.  Most files give each a line of its own; sequence and qualities may as well
be wrapped, and since a line of qualities may begin with ``@`` or ``+``, only their number tells where they end::

    @read 1
    ACGT
    +
    @+II

Runs of records of four lines are found by comparing whole columns of a block; a record at which that fails is parsed
alone, and what cannot be understood is told and left out up to the next place where a record can begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from ..streams.codes import LINE_TOO_LONG
from .window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits
    from ..streams.lines import Lines

    Numbers = npt.NDArray[np.int64]

__all__ = ["RECORD_CODES", "Batch", "records_of"]

_SOURCE = "Cock et al. 2010, doi:10.1093/nar/gkp1137"

START = Code("fastq.record.start", Severity.ERROR, "A record begins with @ and its title.", _SOURCE)
PLUS = Code("fastq.record.plus", Severity.ERROR, "A line that begins with + follows the sequence.", _SOURCE)
TRUNCATED = Code("fastq.record.truncated", Severity.ERROR, "The last record goes on to its end.", _SOURCE)
LENGTH = Code("fastq.quality.length", Severity.ERROR, "There are as many qualities as letters.", _SOURCE)
BLANK = Code("fastq.line.blank", Severity.ERROR, "No line between records is blank.", _SOURCE)
BLANK_END = Code("fastq.line.blank_at_end", Severity.WARNING, "No blank line follows the last record.", _SOURCE)
CARRIAGE = Code("fastq.line.crlf", Severity.WARNING, "Lines end with a newline alone.", _SOURCE)
UNFINISHED = Code("fastq.line.unterminated", Severity.WARNING, "The last line ends with a newline, as all others do.")

RECORD_CODES = (START, PLUS, TRUNCATED, LENGTH, BLANK, BLANK_END, CARRIAGE, UNFINISHED)
"""The rules of how records follow one another."""

_AT, _PLUS = ord("@"), ord("+")
_MARK = re.compile(rb"[+@]")
# Records of four lines that are tried at once after one that had more; twice as many each time they succeed.
_FIRST_TRIED = 64
# Wrapped records that are handed out together.
_TOGETHER = 1000


@dataclass(frozen=True, eq=False)
class Batch:
    """Whole records, one after the other.

    ``titles``: without the ``@``.  ``sequences`` and ``qualities``: without line breaks, and of equal lengths.
    ``repeats``: what follows the ``+``.  ``lines`` and ``offsets``: where each title's line is in the file;
    ``quality_lines`` and ``quality_offsets``: where the first line of its qualities is.
    """

    titles: list[bytes]
    sequences: list[bytes]
    repeats: list[bytes]
    qualities: list[bytes]
    lines: Numbers
    offsets: Numbers
    quality_lines: Numbers
    quality_offsets: Numbers

    def __len__(self) -> int:
        return len(self.titles)


def records_of(blocks: Iterable[Lines], found: Found, *, limits: Limits) -> Iterator[Batch]:
    """The records in some blocks of lines.  What is no record is told to ``found``, which has to know
    ``RECORD_CODES``.
    """
    return _Records(blocks, found, limits).batches()


class _Records:
    def __init__(self, blocks: Iterable[Lines], found: Found, limits: Limits) -> None:
        self._window = Window(blocks)
        self._found, self._limit = found, limits.line
        self._alone: list[tuple[bytes, bytes, bytes, bytes, int, int, int, int]] = []
        self._last: tuple[bytes, int] | None = None
        self._tried: int | None = None

    def batches(self) -> Iterator[Batch]:
        window = self._window
        while window.has(0):
            batch = self._four_lines_each()
            if batch is not None:
                if self._alone:
                    yield self._wrapped()
                yield batch
            elif not self._one():
                break
            elif len(self._alone) >= _TOGETHER:
                yield self._wrapped()
        if self._alone:
            yield self._wrapped()
        self._end()

    def _end(self) -> None:
        window, found = self._window, self._found
        if window.returns:
            found.add(
                CARRIAGE, f"{window.returns:,} lines end with a carriage return before the newline",
                line=window.first_return, offset=window.first_return_offset, seen=r"\r\n", expected=r"\n",
            )  # fmt: skip
            found.count(CARRIAGE, window.returns - 1)
        if not window.terminated and found.complete:
            found.add(UNFINISHED, "the last line has no newline: the file may have been cut off", line=window.count)

    def _four_lines_each(self) -> Batch | None:
        """The longest run of records of four lines that begins here, as far as the window goes."""
        window = self._window
        if window.left < 4:
            window.has(3)
        at, count = window.at, window.left // 4
        if self._tried is not None:
            count = min(count, self._tried)
        if not count:
            return None
        heads = window.heads[at : at + 4 * count].reshape(count, 4)
        lengths = window.lengths[at : at + 4 * count].reshape(count, 4)
        good = (heads[:, 0] == _AT) & (heads[:, 2] == _PLUS)
        good &= (lengths[:, 1] == lengths[:, 3]) & (lengths[:, 1] > 0)
        if not good.all():
            count = int(good.argmin())
            self._tried = _FIRST_TRIED
        elif self._tried is not None:
            self._tried *= 2
        if not count:
            return None
        every = slice(at, at + 4 * count)
        titles = window.texts(at, 4 * count, every=4, skip=1)
        batch = Batch(
            titles,
            window.texts(at + 1, 4 * count - 1, every=4),
            window.texts(at + 2, 4 * count - 2, every=4, skip=1),
            window.texts(at + 3, 4 * count - 3, every=4),
            np.arange(window.number(at), window.number(at) + 4 * count, 4),
            window.starts[every][::4] + window.offset,
            np.arange(window.number(at) + 3, window.number(at) + 3 + 4 * count, 4),
            window.starts[every][3::4] + window.offset,
        )
        self._last = titles[-1], len(batch.sequences[-1])
        window.move(4 * count)
        return batch

    def _wrapped(self) -> Batch:
        titles, sequences, repeats, qualities, *places = zip(*self._alone, strict=True)
        self._alone.clear()
        return Batch(
            list(titles), list(sequences), list(repeats), list(qualities),
            *(np.array(each, np.int64) for each in places),
        )  # fmt: skip

    def _one(self) -> bool:
        """Parse what begins here: a record, or what stands in the place of one.  Whether it can go on."""
        window = self._window
        head = window.head(0)
        if window.blank(0):
            return self._blank()
        if head != _AT:
            return self._stray()
        plus = self._mark(1)
        if plus is None:
            return self._cut_off("its sequence, before a line that begins with +")
        if plus < 0:
            return False
        if window.head(plus) == _AT:
            self._tell(PLUS, "no line that begins with + follows its sequence", at=plus, seen=window.line(plus))
            return self._skip(plus)
        if plus > 1 and window.size(1, plus) and any(window.blank(each) for each in range(1, plus)):
            self._tell(BLANK, "there is a blank line within its sequence", at=1)
        return self._with_qualities(plus)

    def _with_qualities(self, plus: int) -> bool:
        """Parse the qualities of the record that begins here."""
        window, length = self._window, self._window.size(1, plus)
        end = self._quality_end(plus + 1, length)
        if end is None:
            return self._cut_off("its qualities", since=plus + 1, length=length)
        if end < 0:
            return False
        if window.size(plus + 1, end) != length:
            return self._wrong_length(plus, length)
        first = plus + 1
        self._alone.append(
            (
                window.line(0)[1:], window.joined(1, plus), window.line(plus)[1:], window.joined(plus + 1, end),
                window.number(window.at), window.place(0), window.number(window.at) + first, window.place(first),
            )
        )  # fmt: skip
        self._last = self._alone[-1][0], length
        window.move(end)
        return True

    def _quality_end(self, start: int, length: int) -> int | None:
        """The line after the qualities that begin at a line, ``None`` where the file ends first."""
        window = self._window
        if not length:
            return start + window.blank(start) if window.has(start) else None
        while True:
            end = window.reaching(start, length)
            if end is not None:
                return end
            if self._too_long():
                return -1
            if not window.more():
                return None

    def _mark(self, start: int) -> int | None:
        """The next line that begins with + or @; ``None`` where there is none, below 0 where that is too far."""
        window = self._window
        while True:
            hit = window.search(_MARK, start)
            if hit is not None:
                return hit
            start = window.left
            if self._too_long():
                return -1
            if not window.more():
                return None

    def _too_long(self) -> bool:
        if self._window.held <= self._limit:
            return False
        self._tell(LINE_TOO_LONG, f"it is longer than {self._limit:,} bytes, and nothing from there on is looked at")
        self._found.partly()
        return True

    def _cut_off(self, what: str, *, since: int | None = None, length: int = 0) -> bool:
        """The file ends within a record, which is as it should be where only a sample is looked at."""
        window = self._window
        seen = None if since is None else window.size(since, window.left)
        if self._found.complete:
            expected = None if since is None else f"{length} qualities"
            self._tell(TRUNCATED, f"the file ends within {what}", at=window.left - 1, seen=seen, expected=expected)
        window.move(window.left)
        return True

    def _wrong_length(self, plus: int, length: int) -> bool:
        begins = self._begins(plus + 1)
        end = self._window.left if begins is None else begins
        seen = self._window.size(plus + 1, end)
        at = min(plus + 1, self._window.left - 1)
        what = f"its sequence has {length} letters, and {seen} qualities follow"
        self._tell(LENGTH, what, at=at, seen=seen, expected=length)
        return self._skip(end)

    def _stray(self) -> bool:
        """Something that is no record; a line of more qualities than the record before it has letters is told so."""
        window = self._window
        begins = self._begins(0)
        lines = window.left if begins is None else begins
        text = window.line(0)
        if self._last is not None and lines == 1 and len(text) > 0 and min(text) > 32 and max(text) < 127:
            title, length = self._last
            what = f"its sequence has {length} letters, and {length + len(text)} or more qualities follow"
            self._found.add(
                LENGTH, what, line=window.number(window.at), offset=window.place(0), record=_name(title),
                seen=length + len(text), expected=length,
            )  # fmt: skip
        else:
            more = f", nor do the {lines - 1:,} lines after it" if lines > 1 else ""
            self._found.add(
                START, f"a record should begin here and does not{more}", line=window.number(window.at),
                offset=window.place(0), seen=text, expected="@",
            )  # fmt: skip
        return self._skip(lines)

    def _blank(self) -> bool:
        window = self._window
        line, offset = window.number(window.at), window.place(0)
        while window.has(0) and window.blank(0):
            window.move(1)
        many = window.number(window.at) - line
        what = "a line is blank" if many == 1 else f"{many:,} lines are blank"
        code = BLANK if window.has(0) else BLANK_END
        if window.has(0) or self._found.complete:
            self._found.add(code, what, line=line, offset=offset)
        return True

    def _begins(self, start: int) -> int | None:
        """The next line at which a record can begin: with @, and with a line of + before the next such.

        Looks no further than the window, of which enough is read for two records of usual size.
        """
        window = self._window
        window.has(start + 16)
        while (hit := window.search(_MARK, start)) is not None:
            after = window.search(_MARK, hit + 1)
            if window.head(hit) == _AT and after is not None and window.head(after) == _PLUS and after > hit + 1:
                return hit
            if window.head(hit) == _AT and after is None:
                return hit
            start = hit + 1
        return None

    def _skip(self, lines: int) -> bool:
        self._last = None
        self._tried = _FIRST_TRIED
        self._window.move(lines)
        return True

    def _tell(self, code: Code, message: str, *, at: int = 0, seen: object = None, expected: object = None) -> None:
        """Tell what is wrong with the record that begins here, at one of its lines."""
        window = self._window
        self._found.add(
            code, message, line=window.number(window.at + at), offset=window.place(at),
            record=_name(window.line(0)[1:]), seen=seen, expected=expected,
        )  # fmt: skip


def _name(title: bytes) -> str:
    """What names a record: its title up to the first space."""
    return (title.split(None, 1) or [b""])[0].decode("utf-8", "backslashreplace")
