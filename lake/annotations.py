"""Annotations: typed values by key, and tags, on datasets, snapshots and files.

Nothing is overwritten: every saying is a row, the last one for a target and a key is what holds, and ``None`` takes a
key (or a tag) back.  There are four kinds of target::

    annotate(context, "run42", …)                    the dataset, whatever its versions
    annotate(context, "run42@3", …)                  one snapshot
    annotate(context, "run42@3", …, path="a.csv")    a file in one snapshot
    annotate(context, "run42", …, path="a.csv")      the file at that path in every version, those to come included;
                                                     what is said of it in one version counts there instead

The last row is the one with the latest time.  Times come from the clocks of different machines, so a row is never
given a time before that of the row it replaces.
"""

# No `from __future__ import annotations`: a function of that name is what this module is for.

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import DatasetNotFound, InvalidOption, State

from .context import Context
from .manifest import Manifest
from .reading.lookup import entry, missing, path_of
from .records.references import parse
from .records.snapshots import Snapshot, history, latest, resolve, snapshots
from .schema import ANNOTATIONS

Value = str | int | float | bool | datetime | None

__all__ = ["TARGET", "annotate", "annotations", "current", "typed"]

TARGET = ["dataset", "snapshot", "path"]
_TICK = timedelta(microseconds=1)
_LONGEST_KEY = 200


def annotate(
    context: Context,
    target: str,
    values: Mapping[str, Value] | None = None,
    *,
    path: str | None = None,
    tags: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> None:
    """Say something of a dataset, a snapshot or a file (see the module).

    ``values``: by key; a text, a number, a boolean, a time with its zone, or ``None`` to take the key back.
    ``tags``: keys without a value.  ``remove``: keys and tags to take back.

    Raises ``InvalidOption``, ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, ``EntryNotFound``,
    ``ArchiveReadOnly``, or what the store raises.
    """
    said: dict[str, dict[str, Any]] = {key: typed(key, value) for key, value in (values or {}).items()}
    said |= {tag: {"type": "tag"} for tag in _names(tags)}
    said |= {key: {"type": "removed"} for key in _names(remove)}
    if not said:
        raise InvalidOption("there is nothing to say: give values, tags, or what to remove", option="values")
    for key in said:
        if not key or len(key) > _LONGEST_KEY or not key.isprintable():
            raise InvalidOption(
                f"{key!r} cannot be a key: it takes 1 to {_LONGEST_KEY} printable characters", option="values"
            )
    state = context.catalog.refresh()
    where = _target(context, target, path, state)
    now = context.clock()
    before = _last_times(context, where, state)
    rows = [
        {
            **where,
            "key": key,
            **said[key],
            "time": max(now, before[key] + _TICK) if key in before else now,
            "author": context.author,
        }
        for key in said
    ]
    segment = context.catalog.write("annotations", ANNOTATIONS.rows(rows))
    context.catalog.commit(add=[segment], operation="annotate", author=context.author)


def _names(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def typed(key: str, value: Value) -> dict[str, Any]:
    """A value as the columns ``type``, ``text``, ``number`` and ``moment``; raises ``InvalidOption``."""
    match value:
        case None:
            return {"type": "removed"}
        case bool():
            return {"type": "boolean", "text": "true" if value else "false", "number": float(value)}
        case int() | float():
            try:
                number = float(value)
            except OverflowError:
                number = math.inf if value > 0 else -math.inf
            return {"type": "number", "text": repr(value), "number": number}
        case str():
            return {"type": "text", "text": value}
        case datetime():
            if value.tzinfo is None:
                raise InvalidOption(f"{key}: {value} has no time zone: say which it is", option="values")
            return {"type": "time", "text": value.isoformat(), "moment": value.astimezone(UTC)}
        case _:
            raise InvalidOption(
                f"{key}: {value!r} is neither text, number, boolean nor time; keep larger things as files",
                option="values",
            )


def _target(context: Context, target: str, path: str | None, state: State) -> dict[str, Any]:
    """The columns that say what is annotated, which has to exist."""
    snapshot: Snapshot | None
    if "@" in target or parse(target).digest is not None:
        snapshot = resolve(context, target, state=state)
        dataset, searched = snapshot.dataset, [snapshot.id]
    else:
        snapshot, dataset = latest(context, target, state=state), target
        if snapshot is None and dataset not in history(context, state=state)["dataset"].to_pylist():
            resolve(context, target, state=state)  # raises, with the nearest names
        live = snapshots(context, state=state)
        searched = live.filter(pc.equal(live["dataset"], dataset))["snapshot"].to_pylist()[::-1]
        snapshot = None
    where = {"dataset": dataset, "snapshot": None if snapshot is None else snapshot.id, "path": None}
    return where if path is None else {**where, "path": _path(context, dataset, searched, path, state)}


def _path(context: Context, dataset: str, searched: list[str], path: str, state: State) -> str:
    """The path as it is shown, from the first of the snapshots that has it."""
    manifests = [Manifest.load(context.catalog, snapshot, state=state) for snapshot in searched[:1]]
    for place, snapshot in enumerate(searched):
        manifest = manifests[0] if not place else Manifest.load(context.catalog, snapshot, state=state)
        row = entry(manifest, path, columns=["path"])
        if row is not None:
            return str(row["path"])
    if not manifests:
        raise DatasetNotFound(f"{dataset} has no snapshots any more, so none with a file {path!r}", dataset=dataset)
    raise missing(manifests[0], path_of(path))


def _last_times(context: Context, where: Mapping[str, Any], state: State) -> dict[str, datetime]:
    """When each key was last said of the same target."""
    same = pc.field("dataset") == where["dataset"]
    for name in ("snapshot", "path"):
        same &= pc.field(name).is_null() if where[name] is None else pc.field(name) == where[name]
    rows = context.catalog.read("annotations", columns=["key", "time"], filter=same, state=state)
    last: dict[str, datetime] = {}
    for row in rows.to_pylist():
        key, time = str(row["key"]), row["time"]
        last[key] = max(last[key], time) if key in last else time
    return last


def current(context: Context, *, state: State | None = None) -> pl.DataFrame:
    """What holds at present: the rows of ``annotations`` that were not replaced or taken back."""
    rows = pl.DataFrame(context.catalog.read("annotations", state=state)).sort("time", maintain_order=True)
    last = rows.unique([*TARGET, "key"], keep="last", maintain_order=True)
    return last.filter(pl.col("type") != "removed")


def annotations(
    context: Context, target: str | None = None, *, path: str | None = None, history: bool = False
) -> pl.DataFrame:
    """What was said, of one target or of all, one row per target and key; ``history``: also what no longer holds.

    Of a dataset also what is said of its snapshots and files, of a snapshot what is said of its files; with ``path``
    only what is said of that file.  Columns: ``dataset``, ``version`` (the snapshot's number), ``snapshot``,
    ``path``, ``key``, ``type`` (tag, text, number, boolean, time, removed), ``text`` (the value as text), ``number``,
    ``moment``, ``time``, ``author``, and with ``history`` ``holds``; sorted by target, key and time.

    Raises ``InvalidName``, ``DatasetNotFound`` or ``SnapshotNotFound``.
    """
    state = context.catalog.refresh()
    rows = pl.DataFrame(context.catalog.read("annotations", state=state)) if history else current(context, state=state)
    if history:
        held = current(context, state=state).select(*TARGET, "key", "time", holds=pl.lit(value=True))
        rows = rows.join(held, on=[*TARGET, "key", "time"], how="left", nulls_equal=True)
        rows = rows.with_columns(pl.col("holds").fill_null(value=False))
    known = pl.DataFrame(context.catalog.read("snapshots", columns=["snapshot", "number"], state=state))
    rows = rows.join(known.rename({"number": "version"}), on="snapshot", how="left")
    if target is not None:
        if "@" in target or parse(target).digest is not None:
            rows = rows.filter(pl.col("snapshot") == resolve(context, target, state=state, forgotten=True).id)
        else:
            if target not in _datasets(context, state):
                resolve(context, target, state=state)  # raises, with the nearest names
            rows = rows.filter(pl.col("dataset") == target)
    if path is not None:
        rows = rows.filter(pl.col("path") == path)
    order = ["dataset", "version", "path", "key", "time"]
    return rows.select("dataset", "version", pl.exclude("dataset", "version")).sort(order, nulls_last=False)


def _datasets(context: Context, state: State) -> set[str]:
    names: pa.ChunkedArray = context.catalog.read("snapshots", columns=["dataset"], state=state)["dataset"]
    return set(pc.unique(names).to_pylist())
