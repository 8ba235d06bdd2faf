"""CSV and TSV as tables of text: read in blocks of bounded size, quoted or not, in UTF-8 or what a mark says."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..errors import TableUnreadable
from .dialect import SAID, Dialect, dialect_of, encoding_of, in_utf8, unmarked
from .pieces import Blocks, Piece, frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

    from ..found import Found
    from ..subjects import Subject

__all__ = ["decoded", "opened"]

csv: Any = pyarrow.csv

_BLOCK = 4 << 20
_HEAD = 1 << 16
# A header of a million columns is some megabytes.
_HEADER = 16 << 20


def decoded(subject: Subject, found: Found) -> tuple[bytes, Iterator[bytes], str | None]:
    """A file's beginning, all its blocks from that on, in UTF-8 without a mark, and the encoding that was marked."""
    blocks = subject.blocks(found)
    first = list(itertools.islice(blocks, 1))
    encoding = encoding_of(first[0][:_HEAD]) if first else None
    whole = itertools.chain(first, blocks)
    plain = unmarked(whole) if encoding in (None, "utf-8") else in_utf8(whole, str(encoding))
    head = bytearray()
    taken: list[bytes] = []
    for block in plain:
        taken.append(block)
        head += block
        if len(head) >= _HEADER or (len(head) >= _HEAD and _header_ends(head)):
            break
    return bytes(head[: max(_HEAD, _header_ends(head))]), itertools.chain(taken, plain), encoding


def _header_ends(head: bytearray) -> int:
    """Behind the line that follows the comments; 0 where that does not end."""
    said = SAID.match(head)
    at = head.find(b"\n") + 1 if said is not None else 0
    while head.startswith(b"#", at) and (end := head.find(b"\n", at)) >= 0:
        at = end + 1
    ends = [end + 1 for mark in (b"\n", b"\r") if (end := head.find(mark, at)) >= 0]
    return min(ends, default=0)


def opened(subject: Subject, found: Found) -> tuple[tuple[str, ...], Callable[[Sequence[str]], Iterator[Piece]]]:
    """The names of a file's columns, and what begins reading those that are named."""
    head, _, _ = decoded(subject, found)
    dialect = dialect_of(head, subject.format or "csv")
    return dialect.names, lambda wanted: _pieces(subject, found, dialect, wanted)


def _pieces(subject: Subject, found: Found, dialect: Dialect, wanted: Sequence[str]) -> Iterator[Piece]:
    _, blocks, _ = decoded(subject, found)
    ragged: list[int] = []

    def skip(row: Any) -> str:
        ragged.append(row.number - 2 - dialect.before)  # it counts from 1, and what is before the rows as well
        return "skip"

    first = 0
    try:
        reader = _reader(Blocks(blocks), dialect, wanted, skip)
        header = not dialect.unnamed  # a header of less fields than the rows is left out
        for batch in reader:
            rows = batch.slice(1) if header else batch
            header = header and not batch.num_rows
            missed, ragged[:] = np.array(ragged, np.int64), []
            numbers = None
            if len(missed):
                numbers = np.delete(np.arange(first, first + rows.num_rows + len(missed)), missed - first)
            columns = [_text(name, rows.column(place)) for place, name in enumerate(wanted)]
            piece = Piece(frame_of(columns, rows.num_rows), first, numbers, len(missed))
            first = piece.after
            yield piece
    except (pa.ArrowException, OSError, ValueError) as error:
        if "Empty CSV file" not in str(error):
            raise TableUnreadable(f"it cannot be read any further: {str(error).splitlines()[0][:300]}") from error


def _reader(file: Blocks, dialect: Dialect, wanted: Sequence[str], skip: Callable[[Any], str]) -> Any:
    # A name may be there twice, and the first of them is meant: columns are read by their places.
    places = [f"{dialect.names.index(name)}" for name in wanted]
    return csv.open_csv(
        pa.PythonFile(file, mode="r"),
        read_options=csv.ReadOptions(
            use_threads=False,
            block_size=_BLOCK,
            skip_rows=dialect.before + dialect.unnamed,
            column_names=[f"{place}" for place in range(len(dialect.names))],
        ),
        parse_options=csv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            quote_char='"' if dialect.quoted else False,
            newlines_in_values=dialect.quoted,
            invalid_row_handler=skip,
        ),
        # As bytes: what is no UTF-8 is a finding about a value, and not the end of reading.
        convert_options=csv.ConvertOptions(
            column_types={place: pa.binary() for place in places}, include_columns=places, strings_can_be_null=False
        ),
    )


def _text(name: str, values: Any) -> pl.Series:
    """Bytes as text, what is no UTF-8 with marks of replacement in it."""
    import polars as pl

    try:
        return pl.Series(name, pl.from_arrow(values.cast(pa.string())))
    except pa.ArrowInvalid:
        return pl.Series(name, [each.decode("utf-8", "replace") for each in values.to_pylist()], dtype=pl.String)
