"""Trees of files for tests: made from a description, copied as a restore would, and looked at."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

attributes: Any = import_module("holotype.lake.tree.attributes")
entries: Any = import_module("holotype.lake.tree.entries")
paths: Any = import_module("holotype.lake.tree.paths")
placing: Any = import_module("holotype.lake.restoring.placing")
scanning: Any = import_module("holotype.lake.tree.scan")
schema: Any = import_module("holotype.lake.schema")


def scanned(source: Path, **options: Any) -> tuple[pa.Table, list[Any]]:
    """All rows of a scan, and all problems."""
    batches = list(scanning.scan(source, **options))
    tables = [batch.entries for batch in batches]
    return pa.concat_tables(tables), [problem for batch in batches for problem in batch.problems]


def names(table: pa.Table) -> list[str]:
    """The paths of rows, as shown."""
    found: list[str] = table["path"].to_pylist()
    return found


def kinds(table: pa.Table) -> dict[str, str]:
    """The kinds of rows by path."""
    return dict(zip(names(table), table["kind"].to_pylist(), strict=True))


def completed(table: pa.Table, source: Path) -> pa.Table:
    """Scanned rows with the columns of ``entries`` that a restore needs."""
    root = os.path.join(os.fsencode(source), b"")
    xattrs: list[Any] = []
    gaps: list[list[int] | None] = []
    for path, kind in zip(paths.raw(table).to_pylist(), table["kind"].to_pylist(), strict=True):
        found, problems = attributes.capture(root + path, path=path, kind=kind)
        assert not problems
        xattrs.append(found)
        hole = None
        if kind == "file":
            fd = scanning.open_below(source, path)
            try:
                status = os.fstat(fd)
                hole = attributes.holes(fd, status.st_size, status)
            finally:
                os.close(fd)
        gaps.append(hole)
    columns = {name: table[name] for name in table.column_names if name in schema.ENTRIES.schema.names}
    columns["owner"] = attributes.named(table["uid"], attributes.user_name)
    columns["group"] = attributes.named(table["gid"], attributes.group_name)
    columns["holes"] = pa.array(gaps, schema.ENTRIES.schema.field("holes").type)
    columns["xattrs"] = pa.array(xattrs, schema.ENTRIES.schema.field("xattrs").type)
    for field in schema.ENTRIES.schema:
        if field.name not in columns:
            columns[field.name] = pa.nulls(table.num_rows, field.type)
    return pa.table([columns[field.name] for field in schema.ENTRIES.schema], names=schema.ENTRIES.schema.names)


def copy(source: Path, target: Path, *, piece: int = 1 << 16, **options: Any) -> tuple[pa.Table, list[Any]]:
    """Scan a folder and place all of it elsewhere; the rows, and the placer's problems."""
    problems: list[Any] = []
    tables = [completed(batch.entries, source) for batch in scanning.scan(source, batch_rows=7)]
    with placing.Placer(target, on_problem=problems.append, **options) as placer:
        for table in tables:
            placer.place(table)
            for entry in entries.entries(table):
                if entry.kind == "file":
                    copy_file(placer, source, entry, piece)
        placer.finish()
    return pa.concat_tables(tables), problems


def copy_file(placer: Any, source: Path, entry: Any, piece: int) -> None:
    """Place one file's bytes, at once or in pieces."""
    fd = scanning.open_below(source, entry.path)
    try:
        if not entry.holes and entry.size < piece:
            placer.place_small(entry, os.read(fd, piece))
            return
        with placer.place_file(entry) as writer:
            for offset, length in attributes.extents(entry.holes, entry.size):
                for at in range(offset, offset + length, piece):
                    writer.write(os.pread(fd, min(piece, offset + length - at), at))
    finally:
        os.close(fd)


@contextmanager
def nobody() -> Iterator[Path]:
    """A folder of the user 65534, who everything is done as meanwhile, if this user may become another."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.chown(folder, 65534, 65534)
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(65534)
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)


KEPT = ("path", "path_bytes", "kind", "size", "mtime_ns", "mode", "uid", "gid", "target", "holes", "xattrs")


def state(source: Path) -> list[dict[str, Any]]:
    """Everything of a tree that a restore brings back, bytes included."""
    table, problems = scanned(source)
    assert not problems
    rows: list[dict[str, Any]] = completed(table, source).select(KEPT).to_pylist()
    for path, row in zip(paths.raw(table).to_pylist(), rows, strict=True):
        if row["kind"] == "file":
            fd = scanning.open_below(source, path)
            with open(fd, "rb") as file:
                row["bytes"] = file.read()
    return rows
