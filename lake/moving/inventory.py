"""Which chunks lie where, for archives of any size: sets of chunks in a database on disk, compared there.

The ids of ten million chunks are more than memory should hold, and two archives are compared by them::

    needed     what snapshots refer to
    here       what the one archive has: chunk, and the place of its pack in the table of packs
    there      what the other has

DuckDB keeps the sets in a temporary folder (``TMPDIR``), about 100 bytes a chunk, and joins them within a bound of
memory.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import StorageFull, numbers

from ..records.liveness import batches, ranges_of, used_rows, visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from holotype.catalog import State

    from ..context import Context

    Side = Literal["here", "there"]

__all__ = ["End", "Inventory"]

_MEMORY = "256MB"  # of the database: beyond it joins go to the disk


@dataclass(frozen=True)
class End:
    """One of two archives, as of one version."""

    context: Context
    state: State

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        return self.context.store.url

    def read(self, table: str, *, columns: list[str] | None = None) -> pa.Table:
        """A table's rows.  Raises what ``Catalog.read`` raises."""
        return self.context.catalog.read(table, columns=columns, state=self.state)


class Inventory:
    """The sets, and what is asked of them; a context manager, used from one thread."""

    def __init__(self) -> None:
        with _room():
            self._folder = tempfile.TemporaryDirectory(prefix="holotype-chunks-")
        try:
            with _room():
                self._database = duckdb.connect(
                    os.path.join(self._folder.name, "chunks.duckdb"),
                    config={
                        "memory_limit": _MEMORY,
                        "threads": 2,
                        "temp_directory": self._folder.name,
                        "preserve_insertion_order": "false",
                        "autoinstall_known_extensions": "false",
                        "autoload_known_extensions": "false",
                    },
                )
            self._run("CREATE TABLE needed (chunk BLOB)")
            for side in ("here", "there"):
                self._run(f"CREATE TABLE {side} (chunk BLOB, pack INTEGER, length BIGINT)")
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Inventory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self._folder.cleanup()

    def need(self, end: End, snapshots: pa.Array, *, tick: Callable[[], object] = lambda: None) -> None:
        """Put in what the snapshots with these digests refer to, each chunk once.

        Raises ``ObjectMissing`` or ``ObjectDamaged`` when a manifest cannot be read, or what the store raises.
        """
        visible = visibility(ranges_of(end.context, snapshots, state=end.state))
        self._run("CREATE TABLE named (chunk BLOB)")
        for rows in used_rows(end.context, visible, ["chunks"], state=end.state):
            self._insert("named", {"chunk": pc.unique(pc.list_flatten(rows["chunks"]))})
            tick()
        self._run("INSERT INTO needed SELECT DISTINCT chunk FROM named")
        self._run("DROP TABLE named")

    def stock(self, side: Side, end: End, packs: pa.Array, *, tick: Callable[[], object] = lambda: None) -> None:
        """Put in what lies in the packs with these names.  Raises what ``need`` raises."""
        columns = ["chunk", "pack", "length"]
        for rows in batches(end.context, "chunks", end.state.segments("chunks"), columns=columns):
            places = pc.index_in(rows["pack"], value_set=packs)
            rows = rows.set_column(1, "pack", places).filter(pc.is_valid(places))
            self._insert(side, {name: rows[name] for name in columns})
            tick()

    def relied(self) -> list[int]:
        """The places of packs there that hold what is needed, of each chunk the first."""
        return self._column("SELECT DISTINCT min(pack) FROM there SEMI JOIN needed USING (chunk) GROUP BY chunk")

    def nowhere(self, *sides: Side) -> tuple[int, bytes]:
        """How many chunks are needed that none of the sides has, and the first of them."""
        without = " ".join(f"ANTI JOIN {side} USING (chunk)" for side in sides)
        count, first = self._rows(f"SELECT count(*), min(chunk) FROM needed {without}")[0]
        return count, bytes(first or b"")

    def choose(self) -> None:
        """Decide what has to go from here to there: what is needed and not there, of several places here the first."""
        self._run(
            "CREATE TABLE moving AS SELECT chunk, min(pack) AS pack, any_value(length) AS length FROM here"
            " SEMI JOIN (SELECT chunk FROM needed ANTI JOIN there USING (chunk)) USING (chunk) GROUP BY chunk"
        )

    def moving(self) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
        """By pack here with something to go: its place ``pack``, and the raw ``bytes`` that go."""
        return self._arrays("SELECT pack, sum(length)::BIGINT AS bytes FROM moving GROUP BY pack ORDER BY pack")

    def strangers(self) -> list[int]:
        """The places of packs here with something to go and something that nobody needs."""
        return self._column(
            "SELECT DISTINCT pack FROM here SEMI JOIN moving USING (pack) ANTI JOIN needed USING (chunk)"
        )

    def goes(self, chunks: pa.ChunkedArray, packs: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each of some chunks and the place of its pack, whether it is this one that goes."""
        going = np.zeros(len(chunks), np.bool_)
        with self._given({"chunk": chunks, "pack": packs, "row": numbers(np.arange(len(chunks)))}):
            going[self._arrays("SELECT row FROM given SEMI JOIN moving USING (chunk, pack)")["row"]] = True
        return going

    @contextmanager
    def _given(self, columns: dict[str, Any]) -> Iterator[None]:
        self._database.register("given", pa.table(columns))
        try:
            yield
        finally:
            self._database.unregister("given")

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        with self._given(columns):
            self._run(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM given")

    def _run(self, statement: str) -> duckdb.DuckDBPyConnection:
        with _room():
            return self._database.execute(statement)

    def _rows(self, statement: str) -> list[Any]:
        return self._run(statement).fetchall()

    def _column(self, statement: str) -> list[int]:
        return [row[0] for row in self._rows(statement)]

    def _arrays(self, statement: str) -> dict[str, Any]:
        return {name: np.asarray(values) for name, values in self._run(statement).fetchnumpy().items()}


@contextmanager
def _room() -> Iterator[None]:
    """Say what to do when there is no room for temporary files."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StorageFull(
            f"looking for the chunks that are missing takes a temporary folder, and there is no room: {error}; make"
            " room, or set TMPDIR to where there is some"
        ) from error
