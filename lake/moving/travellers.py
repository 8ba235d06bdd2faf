"""Travellers: the snapshots that go from one archive to another, and what is said of them.

A snapshot's name and number go with it, so another snapshot of that name at the target is in its way: nobody may find
two different things under a name that was cited.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import InvalidOption, SnapshotsDiffer, column, numbers, scalar

from ..records.references import check_name
from ..records.snapshots import history, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from holotype.catalog import ObjectStore

    from ..context import Context
    from .inventory import End

__all__ = ["Travellers", "choose", "chosen", "dataset_names", "refuse_itself", "said", "unsaid"]


@dataclass(frozen=True)
class Travellers:
    """Who goes.

    ``snapshots``, ``problems`` and ``annotations``: rows of these tables that the target lacks.  ``present``: how many
    snapshots it has.  ``left``: names of those it has forgotten.
    """

    snapshots: pa.Table = field(repr=False)
    problems: pa.Table = field(repr=False)
    annotations: pa.Table = field(repr=False)
    present: int
    left: tuple[str, ...]

    @property
    def digests(self) -> pa.Array:
        """Of the snapshots that go."""
        return self.snapshots["snapshot"].combine_chunks()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the snapshots that go, such as ``rnaseq/liver@3``."""
        rows = self.snapshots.select(["dataset", "number"]).to_pylist()
        return tuple(f"{row['dataset']}@{row['number']}" for row in rows)


def dataset_names(datasets: Iterable[str] | None) -> tuple[str, ...] | None:
    """What was given to name datasets, as names; one may be given by itself."""
    return None if datasets is None else (datasets,) if isinstance(datasets, str) else tuple(datasets)


def chosen(end: End, datasets: Collection[str] | None) -> pa.Table:
    """The live snapshots of these datasets, or of all, as ``history`` has them.

    Raises ``InvalidName`` or ``DatasetNotFound``.
    """
    every = history(end.context, state=end.state)
    known = set(every["dataset"].to_pylist())
    for name in datasets or ():
        if check_name(name) not in known:
            resolve(end.context, name, state=end.state)  # raises, with the nearest names
    live = every.filter(pc.equal(every["state"], scalar("live")))
    if datasets is None:
        return live
    return live.filter(pc.is_in(live["dataset"], value_set=column(sorted(datasets), pa.string())))


def choose(here: End, there: End, datasets: Collection[str] | None) -> Travellers:
    """Who of the live snapshots here, of these datasets or of all, is not there.

    Raises ``SnapshotsDiffer`` when there is another snapshot of the same name there, whatever became of it,
    ``InvalidName`` or ``DatasetNotFound``.
    """
    mine = chosen(here, datasets)
    columns = ["dataset", "number", "snapshot", "state"]
    theirs = pl.DataFrame(history(there.context, state=there.state).select(columns))
    both = pl.DataFrame(mine.select(columns[:3])).join(
        theirs, on=["dataset", "number"], how="left", suffix="_there", maintain_order="left"
    )
    other = both.filter(pl.col("snapshot") != pl.col("snapshot_there"))
    if other.height:
        row = other.row(0, named=True)
        name = f"{row['dataset']}@{row['number']}"
        more = f", and {other.height - 1} more like it" if other.height > 1 else ""
        raise SnapshotsDiffer(
            f"{name} is {row['snapshot'][:12]}… in {here.url} and {row['snapshot_there'][:12]}… in {there.url}{more}:"
            " each was made there by itself; leave the dataset out, or back one of them up under another name",
            snapshot=name,
            here=row["snapshot"],
            there=row["snapshot_there"],
        )
    absent = both["state"].is_null()
    gone = both.filter(both["state"].is_in(["forgotten", "purged"]))
    going = mine.filter(pa.array(absent.to_list(), pa.bool_()))
    problems = here.read("problems")
    known = both.filter(absent | (both["state"] == "live"))
    return Travellers(
        snapshots=going,
        problems=problems.filter(pc.is_in(problems["snapshot"], value_set=going["snapshot"].combine_chunks())),
        annotations=unsaid(said(here, known), there.read("annotations")),
        present=int((both["state"] == "live").sum()),
        left=tuple(f"{row['dataset']}@{row['number']}" for row in gone.iter_rows(named=True)),
    )


def said(end: End, snapshots: pl.DataFrame) -> pa.Table:
    """What is said of these snapshots (``dataset`` and ``snapshot``), of their datasets and of files in them: rows of
    ``annotations``.
    """
    rows = end.read("annotations")
    of_dataset = pc.is_in(rows["dataset"], value_set=column(snapshots["dataset"].unique().to_list(), pa.string()))
    of_snapshot = pc.is_in(rows["snapshot"], value_set=column(snapshots["snapshot"].to_list(), pa.string()))
    return rows.filter(pc.or_(of_snapshot, pc.and_(of_dataset, pc.is_null(rows["snapshot"]))))


def unsaid(mine: pa.Table, theirs: pa.Table) -> pa.Table:
    """The rows that are not among ``theirs``, which have the same columns."""
    rows = pl.DataFrame(mine).with_row_index()
    found = rows.join(pl.DataFrame(theirs), on=mine.column_names, how="anti", nulls_equal=True, maintain_order="left")
    return mine.take(numbers(found["index"].to_numpy()))


def refuse_itself(context: Context, store: ObjectStore, *, other: str | None) -> None:
    """Raise ``InvalidOption`` when ``store`` is where the archive lies itself, or one lies inside the other.

    ``other``: the id of the archive in ``store``, if there is one: two servers may have places of one name.
    """
    here, there = _place(context.store), _place(store)
    if here == there and other == context.catalog.id:
        raise InvalidOption(f"{store.url} is this archive itself: name another place", url=store.url)
    if here != there and (there.startswith(f"{here}/") or here.startswith(f"{there}/")):
        raise InvalidOption(
            f"of {context.store.url} and {store.url} one lies inside the other: name another place", url=store.url
        )


def _place(store: ObjectStore) -> str:
    """Where a store is, links followed on a disk."""
    path = store.path("archive.json")
    return store.url.rstrip("/") if path is None else os.path.realpath(path.parent).replace(os.sep, "/")
