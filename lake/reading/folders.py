"""A folder on this machine, as rows that are held against a manifest's."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import SourceProblem, column

from ..schema import ENTRIES
from ..tree.paths import keys, raw, shown
from ..tree.scan import open_below, scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..manifest import Manifest
    from ..progress import Ticker

__all__ = ["Folder", "unlinked"]

_FILES = column(["file", "hardlink"], pa.string())


def unlinked(rows: pa.Table, manifest: Manifest) -> pa.Table:
    """Rows of a manifest in which hard links are files, with the digest of the file's first name."""
    linked = pc.equal(rows["kind"], "hardlink")
    if not pc.any(linked).as_py():
        return rows
    digests: list[Any] = rows["sha256"].to_pylist()
    for row, target in enumerate(rows["target"].to_pylist()):
        if linked[row].as_py():
            first = manifest.find(target, columns=["sha256"])
            digests[row] = None if first is None else first["sha256"]
    return _as_files(rows, digests)


def _as_files(rows: pa.Table, digests: list[Any]) -> pa.Table:
    """Rows with these digests, in which files that have several names are files."""
    files = pc.is_in(rows["kind"], value_set=_FILES)
    columns = {name: rows[name] for name in rows.column_names}
    columns["kind"] = pc.if_else(files, "file", rows["kind"])
    columns["target"] = pc.if_else(files, pa.scalar(None, pa.binary()), rows["target"])
    columns["sha256"] = column(digests, pa.binary(32))
    return pa.table(columns)


class Folder:
    """A folder, or a single file; ``patterns``: only what one of these matches, all by default."""

    def __init__(self, place: str | os.PathLike[str], patterns: Sequence[str]) -> None:
        self._place = os.path.abspath(os.fspath(place))
        self._top = os.path.dirname(self._place) if os.path.isfile(self._place) else self._place
        self._patterns = patterns

    def rows(self) -> Iterator[pa.Table]:
        """What the folder holds, in key order.  Raises ``SourceNotFound``, or ``SourceProblem``."""
        for batch in scan(self._place, include=self._patterns):
            for problem in batch.problems:
                raise SourceProblem(
                    f"{shown(problem.path)} cannot be compared: {problem.message}",
                    path=shown(problem.path),
                    problem=problem.problem,
                )
            yield batch.entries

    def hashed(self, rows: pa.Table, others: pa.Table, ticker: Ticker) -> pa.Table:
        """Some of the rows in the columns of ``ENTRIES``, with the digests of those files that have the size of the
        one of the same path among ``others``.

        Raises ``SourceProblem`` for a file that cannot be read.
        """
        at = pc.index_in(keys(rows), value_set=keys(others))
        sizes = others["size"].take(at)
        alike = pc.and_(pc.is_in(rows["kind"], value_set=_FILES), pc.equal(sizes, rows["size"])).fill_null(False)
        digests: list[Any] = [None] * rows.num_rows
        for row, path in enumerate(raw(rows).to_pylist()):
            if alike[row].as_py():
                digests[row] = self._digest(path)
                ticker.add(files=1, bytes=rows["size"][row].as_py(), path=shown(path))
        missing = {
            field.name: pa.nulls(rows.num_rows, field.type)
            for field in ENTRIES.schema
            if field.name not in rows.column_names
        }
        whole = pa.table({**{name: rows[name] for name in rows.column_names}, **missing})
        return _as_files(whole, digests)

    def _digest(self, path: bytes) -> bytes:
        try:
            with os.fdopen(open_below(self._top, path), "rb", buffering=0) as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise SourceProblem(
                f"{shown(path)} cannot be read: {error.strerror}", path=shown(path), problem="unreadable"
            ) from error
