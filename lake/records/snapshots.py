"""Snapshots by name: which there are, what state each is in, and which one a reference means."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import DatasetNotFound, ObjectMissing, SnapshotNotFound, column, dicts, scalar

from .quarantine import in_quarantine
from .references import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from holotype.catalog import State

    from ..context import Context

__all__ = ["Snapshot", "history", "latest", "next_number", "reading", "refuse_collected", "resolve", "snapshots"]


@dataclass(frozen=True)
class Snapshot:
    """One immutable version of a dataset.

    ``id`` is its digest, ``number`` its place in the dataset; ``began`` is when its source began to be looked at,
    ``time`` when it was committed.  ``entries`` and ``files`` are counts, ``bytes`` the size of all its files together,
    ``new_bytes`` what had to be stored for it (raw), ``problems`` how many entries could not be kept as they are.
    """

    id: str
    dataset: str
    number: int
    parent: str | None
    kind: str
    began: datetime
    time: datetime
    author: str
    host: str
    source: str | None
    message: str
    entries: int
    files: int
    bytes: int
    new_bytes: int
    problems: int

    @property
    def name(self) -> str:
        """The name it is cited by, such as ``rnaseq/liver@3``."""
        return f"{self.dataset}@{self.number}"


def history(context: Context, *, state: State | None = None) -> pa.Table:
    """Every snapshot ever made (the table ``snapshots``) with the column ``state``: live, forgotten or purged; sorted
    by dataset and number.
    """
    rows = context.catalog.read("snapshots", state=state)
    events = context.catalog.read("retention", state=state)
    last: dict[str, str] = {}
    if events.num_rows:
        order = events.sort_by([("time", "ascending")])
        for snapshot, event in zip(order["snapshot"].to_pylist(), order["event"].to_pylist(), strict=True):
            # A purge is final, whatever the clocks of two machines say of the order.
            if last.get(snapshot) != "purged":
                last[snapshot] = event
    words = [
        {"forgotten": "forgotten", "purged": "purged"}.get(last.get(name, ""), "live")
        for name in rows["snapshot"].to_pylist()
    ]
    return rows.append_column("state", column(words, pa.string())).sort_by(
        [("dataset", "ascending"), ("number", "ascending")]
    )


def snapshots(context: Context, *, state: State | None = None) -> pa.Table:
    """The live snapshots, sorted by dataset and number."""
    rows = history(context, state=state)
    return rows.filter(pc.equal(rows["state"], scalar("live")))


@contextmanager
def reading(context: Context, *snapshots: Snapshot) -> Iterator[None]:
    """While something of these snapshots is read: what is missing because one of them was forgotten, and collected
    meanwhile, is no damage, and raises ``SnapshotNotFound``.
    """
    try:
        yield
    except ObjectMissing:
        refuse_collected(context, *snapshots)
        raise


def refuse_collected(context: Context, *snapshots: Snapshot) -> None:
    """Raises ``SnapshotNotFound`` when one of these, which were there a while ago, was forgotten and collected."""
    rows = history(context, state=context.catalog.refresh())
    purged = set(rows.filter(pc.equal(rows["state"], scalar("purged")))["snapshot"].to_pylist())
    for snapshot in snapshots:
        if snapshot.id in purged:
            raise SnapshotNotFound(
                f"{snapshot.name} was forgotten, and collected while it was read; collect(grace=…) leaves readers time",
                reference=snapshot.name,
            )


def _snapshot(row: dict[str, Any]) -> Snapshot:
    return Snapshot(id=row["snapshot"], **{name: row[name] for name in Snapshot.__dataclass_fields__ if name != "id"})


def latest(context: Context, dataset: str, *, state: State | None = None) -> Snapshot | None:
    """The dataset's newest live snapshot, or ``None``."""
    rows = snapshots(context, state=state)
    rows = rows.filter(pc.equal(rows["dataset"], scalar(dataset)))
    return _snapshot(dicts(rows.slice(rows.num_rows - 1))[0]) if rows.num_rows else None


def next_number(context: Context, dataset: str, *, state: State) -> int:
    """The number that the dataset's next snapshot will have."""
    rows = context.catalog.read("snapshots", columns=["dataset", "number"], state=state)
    taken = rows["number"].filter(pc.equal(rows["dataset"], scalar(dataset)))
    return (pc.max(taken).as_py() or 0) + 1


def _latest_sound(context: Context, live: pa.Table, dataset: str | None, state: State | None) -> pa.Table:
    """Of a dataset's snapshots the last that is not in quarantine."""
    kept_apart = in_quarantine(context, state=state)
    if kept_apart and live.num_rows:
        sound = live.filter(pc.invert(pc.is_in(live["snapshot"], value_set=column(sorted(kept_apart), pa.string()))))
        if not sound.num_rows:
            last = f"{dataset}@{live['number'][-1].as_py()}"
            raise SnapshotNotFound(
                f"every snapshot of {dataset} is in quarantine: name one, as {last}, or release it", reference=dataset
            )
        live = sound
    return live.slice(max(live.num_rows - 1, 0))


def resolve(context: Context, reference: str, *, state: State | None = None, forgotten: bool = False) -> Snapshot:
    """The snapshot that ``reference`` names: ``dataset``, ``dataset@3``, ``dataset@latest``, ``dataset@<digest>`` or a
    digest alone.

    ``forgotten``: also find snapshots that were forgotten and not yet purged.  Raises ``InvalidName``,
    ``DatasetNotFound`` or ``SnapshotNotFound``, with the nearest names.
    """
    wanted = parse(reference)
    every = history(context, state=state)
    open_states = column(["live", "forgotten"] if forgotten else ["live"], pa.string())
    found = every.filter(pc.is_in(every["state"], value_set=open_states))
    if wanted.dataset is not None:
        datasets = sorted(set(every["dataset"].to_pylist()))
        if wanted.dataset not in datasets:
            near = difflib.get_close_matches(wanted.dataset, datasets, n=3, cutoff=0.5) or datasets[:3]
            hint = f"; the nearest are {', '.join(near)}" if near else "; the archive has no datasets yet"
            raise DatasetNotFound(
                f"there is no dataset {wanted.dataset!r}{hint}", dataset=wanted.dataset, near=tuple(near)
            )
        found = found.filter(pc.equal(found["dataset"], scalar(wanted.dataset)))
    here, digest = found, wanted.digest
    if wanted.number is not None:
        found = found.filter(pc.equal(found["number"], scalar(wanted.number)))
        # One digest in thirty begins with seven decimal digits.
        digest = wanted.as_digest if not found.num_rows else None
    if digest is not None:
        found = here.filter(pc.starts_with(here["snapshot"], digest))
        if found.num_rows > 1:
            raise SnapshotNotFound(
                f"{reference!r} is the beginning of {found.num_rows} digests: give more of it", reference=reference
            )
    elif wanted.latest:
        found = _latest_sound(context, found, wanted.dataset, state)
    if found.num_rows:
        return _snapshot(dicts(found)[0])
    gone = (
        every.filter(pc.equal(every["number"], scalar(wanted.number)))
        if wanted.number is not None
        else every.slice(0, 0)
    )
    if wanted.dataset is not None:
        gone = gone.filter(pc.equal(gone["dataset"], scalar(wanted.dataset)))
    names = [f"{row['dataset']}@{row['number']}" for row in here.select(["dataset", "number"]).to_pylist()]
    if wanted.number is not None:
        names.sort(key=lambda name: abs(int(name.rpartition("@")[2]) - (wanted.number or 0)))
    was = f"; it is {gone['state'][0].as_py()}" if gone.num_rows and wanted.dataset is not None else ""
    hint = f"; there are {', '.join(names[:5])}" if names else "; there are none"
    raise SnapshotNotFound(f"there is no snapshot {reference!r}{was}{hint}", reference=reference, near=tuple(names[:5]))
