"""Tables and arrays in and out: as Parquet whose versions share chunks, and as ``.npy``; both are read in place.

Three things keep two versions of a table alike, byte for byte, wherever their rows are:

* *Row groups end where content says* (``grouping.py``), so that inserted rows move the groups behind them along.
* *Pages end where content says* (Arrow's content-defined chunking), so that in a group only the touched pages differ.
* *A page's bytes depend on its own values*: only columns of few values get a dictionary, whose order depends on the
  values before; numbers are stored as differences or by bytes of equal weight, which makes them smaller, too.

The archive cuts Parquet at its pages (``chunkers/parquet.py``): a changed page is a new chunk, and nothing else is.
"""

from __future__ import annotations

import inspect
import math
import os
import tempfile
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from holotype.catalog import HolotypeError, InvalidOption, SourceProblem

from .backup import backup
from .manifest import Manifest
from .reading.filesystem import filesystem
from .reading.lookup import follow
from .reading.opened import open_file
from .records.references import check_name
from .records.snapshots import resolve
from .storing.grouping import groups, sample
from .storing.incoming import incoming
from .storing.names import ARRAY_NAME, TABLE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars

    from .context import Context
    from .records.snapshots import Snapshot

__all__ = ["table", "write_array", "write_table"]

# Bytes of values, before encoding, between which a page ends where content says: a few pages in each column of a group.
_PAGES: Any = {"min_chunk_size": 32 << 10, "max_chunk_size": 128 << 10, "norm_level": 0}
# A column with so few different values has met them all early in a group, so its dictionary seldom changes.
_FEW = 256
_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".ipc": "ipc",
    ".csv": ",",
    ".tsv": "\t",
    ".tab": "\t",
}
_LITTLE_AHEAD = {"batch_readahead": 1, "fragment_readahead": 1}
_PART = 64 << 20  # bytes of an array that is not in memory, copied at a time


def write_table(context: Context, dataset: str, frame: Any, *, message: str = "") -> Snapshot:
    """Keep a table as the next snapshot of ``dataset``, of the kind ``table``; its one file is ``table.parquet``.

    ``frame``: a pandas or polars frame, a polars lazy frame (computed a batch at a time), an Arrow table, batch or
    reader, or anything that exports an Arrow stream.  The same table gives the same bytes, so nothing new is stored for
    it; of a table that changed a little, little is.  The file is made in the folder for temporary files (``TMPDIR``)
    first.

    Raises ``InvalidName``, ``InvalidOption`` for what is not a table, and what ``backup`` raises.
    """
    check_name(dataset)
    source = incoming(frame)
    with _made(TABLE_NAME) as path:
        try:
            _write_parquet(path, source.tables, source.schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InvalidOption(f"the table cannot be written as Parquet: {error}", option="frame") from error
        return _keep(context, path, dataset=dataset, message=message, kind="table", what=source.what)


def write_array(context: Context, dataset: str, array: Any, *, message: str = "") -> Snapshot:
    """Keep an array as the next snapshot of ``dataset``, of the kind ``array``; its one file is ``array.npy``.

    ``array``: a NumPy array, mapped ones included, what ``numpy.asarray`` makes one of, or an array of Zarr, h5py or
    dask (anything with ``shape``, ``dtype``, ``chunks`` and slices), which is copied a part at a time.

    Raises ``InvalidName``, ``InvalidOption`` for Python objects and masked arrays, which ``.npy`` cannot hold, and what
    ``backup`` raises.
    """
    check_name(dataset)
    if isinstance(array, np.ma.MaskedArray):
        raise InvalidOption(
            "an array file has no place for a mask: write array.filled(…), or data and mask each", option="array"
        )
    what = f"a {type(array).__module__.partition('.')[0]}.{type(array).__name__}"
    rows = _in_parts(array)
    if rows is None:
        array = np.asanyarray(array)
    dtype: np.dtype[Any] = np.dtype(array.dtype)
    if dtype.hasobject:
        raise InvalidOption(f"an array of {dtype} holds Python objects, not numbers: convert it first", option="array")
    with _made(ARRAY_NAME) as path:
        with open(path, "wb") as file:
            if rows is None:
                np.save(file, array, allow_pickle=False)
            else:
                header = {
                    "descr": np.lib.format.dtype_to_descr(dtype),
                    "fortran_order": False,
                    "shape": tuple(array.shape),
                }
                np.lib.format.write_array_header_1_0(file, header)
                for start in range(0, array.shape[0], rows):
                    file.write(np.ascontiguousarray(array[start : start + rows], dtype).data.cast("B"))
        return _keep(context, path, dataset=dataset, message=message, kind="array", what=what)


def table(context: Context, reference: str, path: str | None = None) -> polars.LazyFrame:
    """A table of a snapshot as a lazy polars frame; without a path, the one that ``write_table`` put there.

    Of Parquet, and Arrow files (``.arrow``, ``.feather``), only the columns that a query uses are read, and of Parquet
    only the row groups that its filter leaves; a folder of Parquet files is one table.  CSV and TSV are read whole,
    here.

    Raises ``EntryNotFound``, and ``InvalidOption`` for a file that is no table.
    """
    import polars

    snapshot = resolve(context, reference)
    if path is None:
        if snapshot.kind != "table":
            raise InvalidOption(
                f"{snapshot.name} was not made by write_table: give the path of a table in it", reference=reference
            )
        path = TABLE_NAME
    folder = follow(Manifest.load(context.catalog, snapshot.id), path, columns=("kind",))["kind"] == "directory"
    suffix = os.path.splitext(path)[1].lower()
    form = "parquet" if folder else _FORMATS.get(suffix)
    if form is None:
        known = ", ".join(_FORMATS)
        raise InvalidOption(
            f"{path} is not known to be a table by its name ({known}); open it and read it as what it is", path=path
        )
    if len(form) == 1:
        with open_file(context, snapshot.name, path) as file:
            return polars.scan_csv(file.read(), separator=form, infer_schema_length=None)
    # Arrow's own way is to fetch all row groups that a query may need before it looks at the first.
    lazily = pads.ParquetFileFormat(default_fragment_scan_options=pads.ParquetFragmentScanOptions(pre_buffer=False))
    files = filesystem(context, snapshot.name)
    try:
        found = pads.dataset(path, format=lazily if form == "parquet" else form, filesystem=files)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidOption(f"{path} is not {form}, or not as Arrow knows it: {error}", path=path) from error
    scan: Any = _Scan(found)  # all that polars needs of a dataset
    return polars.scan_pyarrow_dataset(scan)


class _Scan:
    """A dataset that is read not much further ahead than it is asked for: the first rows cost a row group or two."""

    def __init__(self, dataset: pads.Dataset) -> None:
        self.schema = dataset.schema
        self._dataset = dataset

    def to_batches(self, **options: Any) -> Iterator[pa.RecordBatch]:
        """As ``pyarrow.dataset.Dataset.to_batches``."""
        batches: Iterator[pa.RecordBatch] = self._dataset.to_batches(**_LITTLE_AHEAD, **options)
        return batches

    def head(self, num_rows: int, **options: Any) -> pa.Table:
        """As ``pyarrow.dataset.Dataset.head``, for older versions of polars."""
        return pa.Table.from_batches(
            self._first(num_rows, **options), self._dataset.scanner(**options).projected_schema
        )

    def to_table(self, **options: Any) -> pa.Table:
        """As ``pyarrow.dataset.Dataset.to_table``, for older versions of polars."""
        return self._dataset.to_table(**_LITTLE_AHEAD, **options)

    def _first(self, rows: int, **options: Any) -> Iterator[pa.RecordBatch]:
        for batch in self.to_batches(**options):
            yield batch.slice(0, rows)
            rows -= batch.num_rows
            if rows <= 0:
                return


def _write_parquet(path: str, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    first, tables = sample(tables, schema)
    dictionary, encodings = _encodings(first)
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": dictionary or False,
        "column_encoding": encodings or None,
        "use_content_defined_chunking": _PAGES,
        "write_page_checksum": True,
    }
    with pq.ParquetWriter(path, schema, **options, **_unlimited_rows()) as writer:
        for group in groups(tables, first):
            writer.write_table(group, row_group_size=group.num_rows)


@cache
def _unlimited_rows() -> dict[str, Any]:
    """Pages end where content says, not after 20,000 rows, as they otherwise do in newer versions of Arrow."""
    known = "max_rows_per_page" in inspect.signature(pq.ParquetWriter.__init__).parameters
    return {"max_rows_per_page": 1 << 30} if known else {}


def _encodings(first: pa.Table) -> tuple[list[str], dict[str, str]]:
    """Which columns get a dictionary, and how numbers are encoded."""
    dictionary: list[str] = []
    encodings: dict[str, str] = {}
    for field, column in zip(first.schema, first.columns, strict=True):
        kind, name = field.type, field.name
        if pa.types.is_dictionary(kind):
            dictionary.append(name)  # also keeps categories that no row has
        elif pa.types.is_nested(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or "." in name:
            continue  # a dot in a name could not be told from a field inside a column
        elif len(column) >= 4 * _FEW and len(column.unique()) <= _FEW:
            dictionary.append(name)
        elif pa.types.is_float32(kind) or pa.types.is_float64(kind):
            encodings[name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_integer(kind) or pa.types.is_temporal(kind):
            encodings[name] = "DELTA_BINARY_PACKED"
    return dictionary, encodings


def _in_parts(array: Any) -> int | None:
    """How many rows to copy at a time of an array that is somewhere else; ``None`` for what is best taken whole."""
    elsewhere = all(hasattr(array, name) for name in ("shape", "dtype", "chunks"))
    if not elsewhere or not array.shape or not all(array.shape):
        return None
    row: int = math.prod(array.shape[1:]) * np.dtype(array.dtype).itemsize
    first = (array.chunks or (1,))[0]
    chunk: int = first if isinstance(first, int) else 1
    many: int = max(_PART // max(row, 1) // chunk, 1)
    return many * chunk


@contextmanager
def _made(name: str) -> Iterator[str]:
    """A path to write a file of this name to, in a folder that nobody else can look into and that goes away
    afterwards.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="holotype-") as folder:
            yield os.path.join(folder, name)
    except HolotypeError:
        raise
    except OSError as error:
        raise SourceProblem(
            f"the file could not be prepared in {tempfile.gettempdir()}: {error}; set TMPDIR to a place with room"
        ) from error


def _keep(context: Context, path: str, *, dataset: str, message: str, kind: Any, what: str) -> Snapshot:
    # Nothing of the temporary file may show: the same table is the same entry.
    os.chmod(path, 0o644)
    os.utime(path, ns=(0, 0))
    return backup(
        context, path, dataset=dataset, message=message, kind=kind, name_source=what, reread=True, on_problem="raise"
    )
