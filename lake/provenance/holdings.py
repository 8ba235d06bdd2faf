"""Holdings: which snapshots have which of some versions of files.

Snapshots share the segments that their manifests are made of.  So each segment in which one of the files may lie is
read once, however many snapshots have it, and what it holds counts for all of them, but where a delta of a snapshot
speaks of the same path, or where a segment reaches into the next range.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import ObjectMissing, column

from ..recent import once
from ..records.liveness import batches, ranges_of
from ..tree.paths import key, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holotype.catalog import State

    from ..context import Context
    from .backups import Row

__all__ = ["Holdings"]

_SAME = ["dataset", "path", "sha256"]
_ROWS = {"segment": pl.String(), "path": pl.String(), "sha256": pl.Binary(), "key": pl.Binary()}
# Snapshots of which every file is looked at, at a time.
_TOGETHER = 64


class Holdings:
    """Which of some snapshots have which of ``files``: rows of ``id``, ``dataset``, ``path`` and ``sha256`` in hex; one
    of which something is missing is in no snapshot.

    ``snapshots``: rows of the table ``snapshots``, none of them purged.  All of it raises ``ObjectMissing``,
    ``ObjectDamaged``, or what the store raises.
    """

    def __init__(self, context: Context, state: State, files: pl.DataFrame, snapshots: Sequence[Row]) -> None:
        self._context, self._state = context, state
        known = files.select("id", *_SAME).drop_nulls()
        # Several elements may be one file: the same bytes at the same path, made again.
        self._files = known.group_by(_SAME, maintain_order=True).agg("id").with_row_index("file")
        self._ids = self._files.select("file", "id").explode("id")
        datasets = set(self._files["dataset"])
        self._snapshots = pl.DataFrame(
            [(row["snapshot"], row["dataset"]) for row in snapshots if row["dataset"] in datasets],
            schema={"snapshot": pl.String(), "dataset": pl.String()},
            orient="row",
        ).with_row_index("order")

    # -- answers

    def nearest(self, depths: pl.DataFrame) -> pl.DataFrame:
        """The snapshots that have any of the files, in their order: ``snapshot``, and of the file with the least of
        ``depths`` (``id``, ``depth``) its ``id`` and ``depth``.
        """
        if not self._snapshots.height:
            return pl.DataFrame(schema={"snapshot": pl.String(), "depth": pl.Int32(), "id": pl.String()})
        near = _first(self._ids.join(depths, on="id"), "file").select("file", "depth", "id")
        best = _first(self._hits.join(near, on="file"), "segment").select("segment", "depth", "id")
        found = [self._places.filter(~pl.col("mixed")).join(best, on="segment").select("order", "depth", "id")]
        for some in self._parts(pl.col("mixed")):
            found.append(_first(self._held(some).join(near, on="file"), "order").select("order", "depth", "id"))
        least = _first(pl.concat(found), "order").sort("order")
        return least.join(self._snapshots, on="order", maintain_order="left").select("snapshot", "depth", "id")

    def pairs(self) -> pl.DataFrame:
        """Each snapshot with each of the files that it has, in the snapshots' order: ``snapshot`` and ``id``."""
        return self._named(pl.concat([_NONE, *(self._held(some) for some in self._parts())]))

    def ends(self) -> pl.DataFrame:
        """As ``pairs``, but of the snapshots that have a file only the first and the last."""
        ends = _NONE
        for some in self._parts():
            both = pl.concat([ends, self._held(some)]).group_by("file")
            ends = pl.concat([both.agg(pl.col("order").min()), both.agg(pl.col("order").max())]).select("order", "file")
        return self._named(ends.unique())

    def count(self) -> int:
        """How many pairs there are at most."""
        if not self._snapshots.height:
            return 0
        sizes = self._hits.group_by("segment").len()
        return int(self._places.join(sizes, on="segment")["len"].sum())

    def _named(self, held: pl.DataFrame) -> pl.DataFrame:
        named = held.join(self._snapshots, on="order").join(self._ids, on="file")
        return named.sort("order", "id").select("snapshot", "id")

    def _parts(self, which: pl.Expr | None = None) -> Iterator[pl.DataFrame]:
        """The places of a few snapshots at a time."""
        if not self._snapshots.height:
            return
        places = self._places if which is None else self._places.filter(which)
        orders = places["order"].unique().sort()
        for start in range(0, len(orders), _TOGETHER):
            yield places.join(orders.slice(start, _TOGETHER).to_frame(), on="order", how="semi")

    def _held(self, places: pl.DataFrame) -> pl.DataFrame:
        """What some snapshots have of the files in these places: ``order`` and ``file``."""
        laid = self._deltas.join(places.select("order").unique(), on="order", how="semi")
        ranges = places.filter(pl.col("role") == "range").join(self._hits, on="segment")
        within = ranges.filter((pl.col("key") < pl.col("until")).fill_null(value=True))
        own = within.join(laid, on=["order", "key"], how="anti")
        return pl.concat([part.select("order", "file") for part in (own, laid.filter(pl.col("file").is_not_null()))])

    # -- what is read

    @once
    def _places(self) -> pl.DataFrame:
        """Where snapshots have segments with some of the files: ``order``, ``segment``, ``role``, ``until`` (the key at
        which the next range begins), and ``mixed``: whether not all of the segment's rows are the snapshot's.
        """
        reaches = (pl.col("last") >= pl.col("until")).fill_null(value=False) | (pl.col("role") == "delta")
        spoken = self._deltas.select("order", "key").join(self._hits, on="key").select("order", "segment").unique()
        both = self._ranges.join(spoken.with_columns(spoken=True), on=["order", "segment"], how="left")
        mixed = reaches | pl.col("spoken").fill_null(value=False)
        return both.select("order", "segment", "role", "until", mixed.alias("mixed"))

    @once
    def _hits(self) -> pl.DataFrame:
        """The files that segments have: ``segment``, ``key``, ``file``."""
        return self._rows.filter(pl.col("file").is_not_null())

    @once
    def _deltas(self) -> pl.DataFrame:
        """What the last delta that speaks of a path says of it: ``order``, ``key``, ``file`` if it has one of them."""
        said = self._ranges.filter(pl.col("role") == "delta").join(self._rows, on="segment").sort("ordinal")
        return said.unique(["order", "key"], keep="last").select("order", "key", "file")

    @once
    def _rows(self) -> pl.DataFrame:
        """The rows of segments that speak of the files' paths: ``segment``, ``key``, and ``file`` where it is one."""
        live = {segment.name: segment for segment in self._state.segments("entries")}
        of = self._ranges.join(self._snapshots, on="order").select("segment", "dataset").unique()
        wanted: set[str] = set(of["segment"].to_list())
        if missing := sorted(wanted - live.keys()):
            raise ObjectMissing(
                f"{len(missing)} segments of manifests are gone, as {missing[0]}", segments=tuple(missing)
            )
        names = [name for name in live if name in wanted]  # in the same order each time
        paths = column(self._files["path"].unique().to_list(), pa.string())
        found = [pl.DataFrame(schema=_ROWS)]
        tables = batches(
            self._context, "entries", [live[name] for name in names], columns=["path", "path_bytes", "sha256"]
        )
        for name, rows in zip(names, tables, strict=True):
            near = rows.filter(pc.is_in(rows["path"], value_set=paths)).combine_chunks()
            if near.num_rows:
                keyed = pl.DataFrame(near.append_column("key", keys(near)))
                found.append(keyed.select(pl.lit(name).alias("segment"), "path", "sha256", "key"))
        every = pl.concat(found).with_columns(pl.col("sha256").bin.encode("hex")).join(of, on="segment")
        return every.join(self._files, on=_SAME, how="left").select("segment", "key", "file")

    @once
    def _ranges(self) -> pl.DataFrame:
        """The rows of ``ranges`` with segments that may speak of one of the paths: ``order``, ``ordinal``, ``segment``,
        ``role``, ``last`` and ``until``.
        """
        digests = column(self._snapshots["snapshot"].to_list(), pa.string())
        every = pl.DataFrame(ranges_of(self._context, digests, state=self._state)).join(self._snapshots, on="snapshot")
        every = every.sort("order", "ordinal")
        # Deltas come after all ranges.
        begins = pl.when(pl.col("role") == "range").then("first").shift(-1).over("order")
        every = every.with_columns(begins.alias("until"))
        segments = every.select("dataset", "segment", "first", "last").unique(["dataset", "segment"])
        asked = {str(dataset): _Asked(rows["path"]) for (dataset,), rows in self._files.group_by("dataset")}
        may = [asked[dataset].between(first, last) for dataset, _, first, last in segments.iter_rows()]
        near = segments.filter(pl.Series(may, dtype=pl.Boolean)).select("dataset", "segment")
        near_rows = every.join(near, on=["dataset", "segment"], how="semi")
        return near_rows.select("order", "ordinal", "segment", "role", "last", "until")


_NONE = pl.DataFrame(schema={"order": pl.UInt32(), "file": pl.UInt32()})


class _Asked:
    """The keys of some paths of one dataset."""

    def __init__(self, paths: pl.Series) -> None:
        self._keys = sorted(key(path.encode("utf-8", "surrogatepass")) for path in paths)
        # One that is shown for bytes that are not UTF-8 sorts elsewhere.
        self._anywhere = any("\\x" in path for path in paths)

    def between(self, first: bytes, last: bytes) -> bool:
        """Whether one of them may lie in a segment with these keys."""
        return self._anywhere or bisect_left(self._keys, first) < bisect_right(self._keys, last)


def _first(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """Of each of ``by`` the row with the least ``depth``."""
    return rows.sort("depth", "id").unique(by, keep="first", maintain_order=True)
