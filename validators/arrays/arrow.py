"""Arrow's own files and streams of record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..check import Cost
from ..findings import Code, Severity
from .arrowfile import AsArrowFile
from .base import ArrayCheck
from .held import broken
from .parquet import TROUBLE
from .values import VALUE_CODES, Figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["ArrowFile", "ArrowStream", "CHECKS"]

_SOURCE = "Arrow Columnar Format, Serialization and Interprocess Communication"
MAGIC = Code("arrow.magic", Severity.ERROR, "A file begins and ends with ARROW1.", _SOURCE)
FOOTER = Code("arrow.footer", Severity.ERROR, "The footer is as long as it says, and is understood.", _SOURCE)
SCHEMA = Code("arrow.schema", Severity.ERROR, "A stream begins with a schema that is understood.", _SOURCE)
BATCH = Code(
    "arrow.batch", Severity.ERROR, "Batches are read, and their buffers are as long as their values need.", _SOURCE
)
VALID = Code(
    "arrow.values", Severity.ERROR, "Values are what their type allows: offsets ascend, text is UTF-8.", _SOURCE
)
STREAM_END = Code("arrow.stream_end", Severity.WARNING, "A stream ends with its mark.", _SOURCE)
TRAILING = Code("arrow.trailing", Severity.ERROR, "Nothing follows the end of a stream.", _SOURCE)
TRUNCATED = Code("arrow.truncated", Severity.ERROR, "A file goes on to its end.", _SOURCE)

_CODES = (MAGIC, FOOTER, SCHEMA, BATCH, VALID, STREAM_END, TRAILING, TRUNCATED, *VALUE_CODES)
_MARK = b"\xff\xff\xff\xff\0\0\0\0"


class _Arrow(ArrayCheck):
    """What files and streams have in common."""

    codes = _CODES
    truncated = TRUNCATED

    def batches(self, schema: pa.Schema, batches: Iterator[Any], subject: Subject, found: Found) -> bool:
        """Look at batches one after the other; whether all could be read."""
        kinds = [each.type for each in schema]
        figures = [
            Figures(found, self.values, column=each.name)
            if (pa.types.is_floating(each.type) or pa.types.is_integer(each.type))
            else None
            for each in schema
        ]
        number = rows = 0
        left = subject.limits.sample
        whole = True
        while True:
            try:
                batch = next(batches, None)
            except TROUBLE as error:
                found.add(BATCH, f"it cannot be read: {error}", record=f"batch {number}", row=rows)
                whole = False
                break
            if batch is None:
                break
            left -= batch.nbytes
            if subject.cost is Cost.SAMPLE and left < 0:
                found.partly()
                break
            for index, column in enumerate(batch.columns):
                try:
                    column.validate(full=True)
                except TROUBLE as error:
                    found.add(
                        VALID,
                        f"values are not what their type allows: {error}",
                        record=f"batch {number}",
                        row=rows,
                        column=schema.field(index).name,
                    )
                    continue
                each = figures[index]
                if each is not None and kinds[index] == column.type:
                    each.add((column.drop_null() if column.null_count else column).to_numpy(zero_copy_only=False))
            number, rows = number + 1, rows + len(batch)
        found.metric("arrow.batches", number)
        found.metric("arrow.rows", rows)
        for each in figures:
            if each is not None:
                each.tell()
        return whole


class ArrowFile(_Arrow):
    """Magic, footer, and every batch."""

    name = "arrow"
    formats = frozenset({"arrow"})

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        start = file.take(0, 8, "the magic")
        if start != b"ARROW1\0\0":
            broken(MAGIC, "it does not begin with ARROW1", offset=0, seen=start)
        if not file.whole:
            found.partly()
            return
        length, mark = file.numbers("<i6s", max(8, file.size - 10), "the end")
        if mark != b"ARROW1":
            broken(
                TRUNCATED,
                "it does not end with ARROW1: it was cut off, or something follows",
                offset=file.size - 6,
                seen=mark,
            )
        end = file.size - 10 - length
        if length <= 0 or end < 8:
            broken(FOOTER, "the footer would be longer than the file", offset=file.size - 10, seen=length)
        try:
            opened = pa.ipc.open_file(AsArrowFile(file))
            count, _ = opened.num_record_batches, opened.schema.names
        except TROUBLE as error:
            broken(FOOTER, f"the footer is not understood: {error}", offset=end)
        if subject.cost is Cost.HEADER:
            found.partly()
            return
        self.batches(opened.schema, (opened.get_batch(number) for number in range(count)), subject, found)


class ArrowStream(_Arrow):
    """The schema, and every batch to the mark of the end."""

    name = "arrows"
    figures = frozenset({"arrow"})
    formats = frozenset({"arrows"})

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        source = AsArrowFile(file)
        try:
            opened = pa.ipc.open_stream(source)
            _ = opened.schema.names  # which may be no UTF-8
        except TROUBLE as error:
            broken(SCHEMA, f"it does not begin with a schema: {error}", offset=0, seen=file.take(0, min(8, file.size)))
        if subject.cost is Cost.HEADER:
            found.partly()
            return
        if not self.batches(opened.schema, iter(opened), subject, found) or not (file.whole and found.complete):
            return
        end = source.tell()
        if end < 8 or file.take(end - 8, 8) != _MARK:
            found.add(STREAM_END, "the stream has no mark at its end: batches may be missing", offset=end)
        if end < file.size:
            found.add(TRAILING, f"{file.size - end:,} bytes follow its end", offset=end, seen=file.size, expected=end)


CHECKS = (ArrowFile, ArrowStream)
