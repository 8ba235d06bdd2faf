"""Parquet: magic and footer, row groups one at a time, page checksums, and statistics against what is there."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from ..check import Cost
from ..findings import Code, Severity
from .arrowfile import AsArrowFile
from .base import ArrayCheck
from .held import BLOCK, broken, telling
from .parquetfooter import why_unreadable
from .values import VALUE_CODES, Figures

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["CHECKS", "Parquet"]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute

_SOURCE = "Apache Parquet format"
MAGIC = Code("parquet.magic", Severity.ERROR, "A file begins and ends with PAR1.", _SOURCE)
ENCRYPTED = Code(
    "parquet.encrypted",
    Severity.WARNING,
    "A footer that is encrypted cannot be looked at.",
    "Parquet Modular Encryption",
)
FOOTER = Code("parquet.footer", Severity.ERROR, "The footer is as long as it says, and is understood.", _SOURCE)
ROWS = Code("parquet.rows", Severity.ERROR, "There are as many rows as row groups and footer say.", _SOURCE)
PLACE = Code(
    "parquet.column_chunk",
    Severity.ERROR,
    "Column chunks lie between the magic and the footer, and overlap nothing.",
    _SOURCE,
)
DAMAGED = Code(
    "parquet.page", Severity.ERROR, "Pages are decoded, and have the checksum that is kept of them.", _SOURCE
)
STATISTICS = Code("parquet.statistics", Severity.ERROR, "Statistics are of what is in the column.", _SOURCE)
VALID = Code("parquet.values", Severity.ERROR, "Values are what their type allows: text is UTF-8.", _SOURCE)
TRUNCATED = Code("parquet.truncated", Severity.ERROR, "A file goes on to its footer.", _SOURCE)

# Whatever pyarrow says of files that it does not like.
TROUBLE = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError, NotImplementedError)


class Parquet(ArrayCheck):
    """Magic, footer, places, rows, pages, statistics and values."""

    name = "parquet"
    formats = frozenset({"parquet"})
    codes = (MAGIC, ENCRYPTED, FOOTER, ROWS, PLACE, DAMAGED, STATISTICS, VALID, TRUNCATED, *VALUE_CODES)
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        end = _ends(file, found)
        if end is None:
            return
        import pyarrow.parquet as pq

        size = file.size - 8 - end
        if size > subject.limits.memory // 4:
            broken(FOOTER, "the footer is larger than the limits allow to be read", offset=end, seen=size)
        why = why_unreadable(file.take(end, size, "the footer"))
        if why is not None:
            broken(FOOTER, f"the footer is not understood: {why}", offset=end)
        try:
            opened = pq.ParquetFile(
                AsArrowFile(file), page_checksum_verification=True, pre_buffer=False, buffer_size=BLOCK
            )
            groups = self._footer(opened, end, found)
            fine = _places(groups, end, found)
            columns = _Columns(opened.schema_arrow, opened.schema, found, self)
        except TROUBLE as error:
            broken(FOOTER, f"the footer is not understood: {error}", offset=end)
        if subject.cost is Cost.HEADER:
            found.partly()
            return
        left = subject.limits.sample
        for number, group in enumerate(groups):
            if number not in fine:
                continue
            with telling(found, record=f"row group {number}"):
                columns.read(opened, number, group, subject)
            left -= group.total_byte_size
            if subject.cost is Cost.SAMPLE and left < 0:
                found.partly()
                break
        columns.tell()

    def _footer(self, opened: Any, end: int, found: Found) -> list[Any]:
        """The row groups, with as many rows as the footer says."""
        told = opened.metadata
        groups = [told.row_group(number) for number in range(told.num_row_groups)]
        rows = sum(group.num_rows for group in groups)
        if rows != told.num_rows or any(group.num_rows < 0 for group in groups):
            found.add(
                ROWS,
                "row groups and footer do not tell of the same rows",
                offset=end,
                seen=rows,
                expected=told.num_rows,
            )
        found.metric("parquet.rows", told.num_rows)
        found.metric("parquet.row_groups", told.num_row_groups)
        return groups


def _ends(file: Held, found: Found) -> int | None:
    """Where the footer begins."""
    start = file.take(0, 4, "the magic")
    if start not in (b"PAR1", b"PARE"):
        broken(MAGIC, "it does not begin with PAR1", offset=0, seen=start)
    if not file.whole:
        found.partly()
        return None
    tail = file.take(max(4, file.size - 8), min(8, file.size - 4), "the end")
    if len(tail) < 8 or tail[4:] != start:
        broken(
            TRUNCATED,
            "it does not end with its magic: it was cut off, or something follows",
            offset=file.size - len(tail),
            seen=tail[-4:],
            expected=start,
        )
    length = int.from_bytes(tail[:4], "little")
    if length + 12 > file.size:
        broken(
            FOOTER,
            "the footer would be longer than the file",
            offset=file.size - 8,
            seen=length,
            expected=f"at most {file.size - 12}",
        )
    if start == b"PARE":
        found.add(ENCRYPTED, "the footer is encrypted", offset=0)
        found.partly()
        return None
    return file.size - 8 - length


def _places(groups: list[Any], end: int, found: Found) -> set[int]:
    """The row groups whose columns all lie where they can."""
    taken: list[tuple[int, int, int, str]] = []
    wrong: set[int] = set()
    for number, group in enumerate(groups):
        for index in range(group.num_columns):
            column = group.column(index)
            pages = column.data_page_offset
            start = column.dictionary_page_offset if column.has_dictionary_page else None
            start = pages if start is None or not 0 < start < pages else start
            name = column.path_in_schema
            size = column.total_compressed_size
            if column.file_path or size < 0 or start < 4 or start + size > end or column.num_values < 0:
                what = "it is in another file" if column.file_path else "it does not lie before the footer"
                found.add(PLACE, what, record=f"row group {number}", column=name, offset=max(start, 0), seen=size)
                wrong.add(number)
            else:
                taken.append((start, start + size, number, name))
    taken.sort()
    for (_, before, _, _), (start, after, number, name) in pairwise(taken):
        if start < before and after > start:
            found.add(
                PLACE,
                "it begins within another",
                record=f"row group {number}",
                column=name,
                offset=start,
                expected=before,
            )
            wrong.add(number)
    return set(range(len(groups))).difference(wrong)


class _Columns:
    """What is known of the columns, over all row groups."""

    def __init__(self, schema: pa.Schema, parquet: Any, found: Found, check: Parquet) -> None:
        self.found, self.schema = found, schema
        # Those that are one column of Parquet too: lists and structures have several, or other counts.
        self.flat = {parquet.column(at).path: at for at in range(len(parquet.names))}
        self.figures = [
            Figures(found, check.values, column=field.name)
            if pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
            else None
            for field in schema
        ]

    def tell(self) -> None:
        """Tell the figures."""
        for figures in self.figures:
            if figures is not None:
                figures.tell()

    def read(self, opened: Any, number: int, group: Any, subject: Subject) -> None:
        """One row group, some rows at a time."""
        wide = max(1, group.total_byte_size // max(1, group.num_rows))
        batch = int(min(max(1024, (8 << 20) // wide), 1 << 17))
        seen = [_Extent() for _ in self.schema]
        rows = 0
        try:
            for part in opened.iter_batches(batch, row_groups=[number], use_threads=False):
                for index, column in enumerate(part.columns):
                    self._column(index, column, seen[index], rows)
                rows += len(part)
        except TROUBLE as error:
            self._damaged(opened, number, error)
            return
        if rows != group.num_rows:
            self.found.add(
                ROWS,
                "a row group has not as many rows as it says",
                record=f"row group {number}",
                seen=rows,
                expected=group.num_rows,
            )
        for index, field in enumerate(self.schema):
            at = self.flat.get(field.name)
            if at is not None and at < group.num_columns:
                self._statistics(group.column(at), seen[index], number, field)

    def _column(self, index: int, column: Any, seen: _Extent, row: int) -> None:
        if not (pa.types.is_primitive(column.type) or pa.types.is_boolean(column.type)):
            try:
                column.validate(full=True)
            except TROUBLE as error:
                self.found.add(
                    VALID,
                    f"values are not what their type allows: {error}",
                    column=self.schema.field(index).name,
                    row=row,
                )
                return
        figures = self.figures[index]
        if figures is not None and not column.type.equals(pa.float16()):
            values = column.drop_null() if column.null_count else column
            numbers = values.to_numpy(zero_copy_only=False)
            figures.add(numbers)
            seen.numbers(numbers)
        elif _ordered(column.type):
            seen.others(column)
        seen.nulls += column.null_count

    def _statistics(self, chunk: Any, seen: _Extent, number: int, field: pa.Field) -> None:
        told = chunk.statistics
        if told is None:
            return
        place: dict[str, Any] = {"record": f"row group {number}", "column": field.name}
        if told.has_null_count and told.null_count != seen.nulls:
            self.found.add(
                STATISTICS, "another count of nulls is kept", **place, seen=told.null_count, expected=seen.nulls
            )
        if (
            not told.has_min_max
            or seen.low is None
            or not (self.figures[self.schema.get_field_index(field.name)] or _ordered(field.type))
        ):
            return
        try:
            low, high = (pa.scalar(each, field.type).as_py() for each in (told.min, told.max))
        except TROUBLE:
            return  # of a type that pyarrow does not give back
        # A long text may be kept cut, which is then below the least and above the most.
        if not (low <= seen.low and high >= seen.high):
            self.found.add(
                STATISTICS,
                "values lie outside of what is kept as least and most",
                **place,
                seen=f"{seen.low} to {seen.high}",
                expected=f"{low} to {high}",
            )

    def _damaged(self, opened: Any, number: int, error: BaseException) -> None:
        """Say which columns cannot be read."""
        before = self.found.counts.total()
        for name in self.schema.names:
            try:
                for _ in opened.iter_batches(1 << 16, row_groups=[number], columns=[name], use_threads=False):
                    pass
            except TROUBLE as reason:
                self.found.add(DAMAGED, f"it cannot be decoded: {reason}", record=f"row group {number}", column=name)
        if self.found.counts.total() == before:
            self.found.add(DAMAGED, f"it cannot be decoded: {error}", record=f"row group {number}")


def _ordered(kind: pa.DataType) -> bool:
    """Whether Python has values of this type, with the order that Parquet keeps."""
    plain = pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_date32(kind)
    return plain or (pa.types.is_timestamp(kind) and kind.tz is None and kind.unit != "ns")


class _Extent:
    """The least and the most of a column in a row group, and its nulls."""

    def __init__(self) -> None:
        self.low: Any = None
        self.high: Any = None
        self.nulls = 0

    def numbers(self, values: np.ndarray[Any, Any]) -> None:
        """Numbers; those that are none do not count, as in the specification."""
        if not len(values):
            return
        low, high = values.min(), values.max()
        if values.dtype.kind == "f" and (math.isnan(low) or math.isnan(high)):
            values = values[~np.isnan(values)]
            if not len(values):
                return
            low, high = values.min(), values.max()
        self.widen(low.item(), high.item())

    def others(self, column: Any) -> None:
        """Anything else that has an order."""
        ends = pc.min_max(column).as_py()
        if ends["min"] is not None:
            self.widen(ends["min"], ends["max"])

    def widen(self, low: Any, high: Any) -> None:
        """These are there too."""
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)


CHECKS = (Parquet,)
