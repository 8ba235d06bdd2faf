"""Files of snapshots, as entities: which of them anything was said of, and which snapshots have them.

The same bytes at the same path may have been made more than once, and then there is an element for each time.  What a
snapshot has is the one that was made last before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column
from holotype.catalog import provenance as prov

from ..manifest import Manifest
from .holdings import Holdings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from ..context import Context
    from .backups import Backups

__all__ = ["files_of", "holders", "members", "memberships"]

_COLUMNS = ["path", "kind", "sha256"]
# So many memberships are all told; of more, those of the first and the last snapshot that has a file.
_MANY = 20_000


def files_of(
    context: Context,
    graph: prov.Graph,
    backups: Backups,
    snapshot: str,
    *,
    paths: Collection[str] | None = None,
    all: bool = False,
) -> list[str]:
    """The usual entities of a snapshot's files, in the order of the manifest, that something was said of, or ``all``;
    ``paths``: only of these.

    Raises ``SnapshotNotFound``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    manifest = Manifest.load(context.catalog, snapshot, state=graph.state)
    dataset = backups.rows[snapshot]["dataset"]
    found: list[str] = []
    for batch in manifest.rows(columns=_COLUMNS):
        files = batch.filter(pc.is_valid(batch["sha256"]))
        if paths is not None:
            files = files.filter(pc.is_in(files["path"], value_set=column(list(paths), pa.string())))
        ids = [
            prov.file_id(dataset, path, sha256)
            for path, sha256 in zip(files["path"].to_pylist(), files["sha256"].to_pylist(), strict=True)
        ]
        if all:
            found += ids
        elif ids:
            found += [id for id, there in zip(ids, graph.known(ids).tolist(), strict=True) if there]
    return found


def members(context: Context, graph: prov.Graph, backups: Backups, digest: str) -> list[prov.Record]:
    """What a snapshot has of the files that anything was said of.  Of one that was purged nobody knows it any more.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    row = backups.rows[digest]
    if row["state"] == "purged":
        return []
    usual = files_of(context, graph, backups, digest)
    again = _again(graph, usual)
    times = _made(context, graph, [id for ids in again.values() for id in ids])
    return [_member(digest, _latest([id, *again.get(id, ())], times, row["time"]) or id) for id in usual]


def memberships(
    context: Context, graph: prov.Graph, backups: Backups, snapshots: Collection[str], files: pl.DataFrame
) -> list[prov.Record]:
    """Which of ``snapshots``, by digest, have which of ``files`` (``id``, ``dataset``, ``path``, ``sha256`` in hex).

    Where that would be very many statements, of each file only the first and the last snapshot that has it.  Raises
    ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    rows = [row for digest, row in backups.rows.items() if digest in snapshots and row["state"] != "purged"]
    held = Holdings(context, graph.state, files, rows)
    pairs = held.pairs() if held.count() <= _MANY else held.ends()
    several = pairs.join(files.select("id", "dataset", "path", "sha256"), on="id", maintain_order="left")
    same = several.group_by("snapshot", "dataset", "path", "sha256", maintain_order=True).agg("id")
    times = _made(context, graph, files["id"].to_list())
    found = (
        (digest, _latest(ids, times, backups.rows[digest]["time"]))
        for digest, ids in same.select("snapshot", "id").iter_rows()
    )
    return [_member(digest, id) for digest, id in found if id is not None]


def holders(context: Context, graph: prov.Graph, backups: Backups, files: pl.DataFrame) -> pl.DataFrame:
    """The live snapshots that have any of ``files`` (``id``, ``dataset``, ``path``, ``sha256`` in hex): ``id`` and
    ``snapshots``, a list of names.
    """
    pairs = Holdings(context, graph.state, files, backups.live()).pairs()
    names = pl.DataFrame(
        [(digest, backups.name(digest)) for digest in pairs["snapshot"].unique().to_list()],
        schema={"snapshot": pl.String(), "snapshots": pl.String()},
        orient="row",
    )
    named = pairs.join(names, on="snapshot", maintain_order="left")
    return named.group_by("id", maintain_order=True).agg("snapshots")


def _member(digest: str, file: str) -> prov.Record:
    return prov.Record("hadMember", None, (prov.snapshot_id(digest), file))


def _again(graph: prov.Graph, usual: Sequence[str]) -> Mapping[str, list[str]]:
    """The further elements that the same bytes at the same path have, by the usual one."""
    versions = [version for id in usual if (version := prov.file_version(id)) is not None]
    contents = list(dict.fromkeys(prov.content_id(version.sha256) for version in versions))
    known = [id for id, there in zip(contents, graph.known(contents).tolist(), strict=True) if there]
    if not known:
        return {}
    wanted, found = frozenset(usual), dict[str, list[str]]()
    for id in graph.walk(known, past=False, depth=1, terms=["specializationOf"], across=False).nodes["id"].to_pylist():
        first, again, _ = id.rpartition("#")
        if again and first in wanted:
            found.setdefault(first, []).append(id)
    return found


def _made(context: Context, graph: prov.Graph, ids: Sequence[str]) -> Mapping[str, datetime]:
    """When files were made that were made again."""
    again = [id for id in ids if "#" in id]
    if not again:
        return {}
    named = dict(zip(prov.keys(again).tolist(), again, strict=True))
    told = prov.relations(context.catalog, prov.keys(again), state=graph.state).to_pylist()
    made = (row for row in told if row["term"] == "wasGeneratedBy" and row["subject"] in named)
    return {named[row["subject"]]: row["time"] or row["recorded"] for row in made}


def _latest(ids: Sequence[str], times: Mapping[str, datetime], by: datetime) -> str | None:
    """Of elements that are one file, the one that it was at a time; ``None`` when all of them were made later."""
    made = [id for id in ids if id in times]
    then = [id for id in made if times[id] <= by]
    if then:
        return max(then, key=lambda id: times[id])
    return next((id for id in ids if id not in times), None)
