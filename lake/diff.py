"""What differs between two snapshots, path by path.

What the two share is not read, so that comparing a snapshot with its neighbour costs about what changed between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from .manifest import Manifest, align, differing
from .progress import Ticker
from .reading.folders import Folder, unlinked
from .records.snapshots import reading, resolve
from .tree.paths import Patterns, key, keys, raw

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from .context import Context
    from .progress import OnProgress

    Mask = npt.NDArray[np.bool_]

__all__ = ["CHANGES", "diff", "diff_folder"]

CHANGES = ("added", "removed", "moved", "modified", "type", "metadata")

_METADATA = ("mode", "uid", "gid", "owner", "group", "mtime_ns", "xattrs")
_COLUMNS = ("path", "path_bytes", "kind", "size", "sha256", "target", *_METADATA)
_FILES = pa.array(["file", "hardlink"], pa.string())  # which name of a file comes first says nothing of its bytes

# What is found of each path: as it was, as it is, and which kinds of difference there are.
_FOUND = {
    "path": pl.String,
    "kind": pl.String,
    "size_before": pl.Int64,
    "size_after": pl.Int64,
    "sha256_before": pl.Binary,
    "sha256_after": pl.Binary,
    "link_before": pl.Binary,
    "link_after": pl.Binary,
    "change": pl.String,
}
_RESULT = {
    "path": pl.String,
    "change": pl.String,
    "kind": pl.String,
    "size_before": pl.Int64,
    "size_after": pl.Int64,
    "sha256_before": pl.String,
    "sha256_after": pl.String,
    "moved_from": pl.String,
}


def diff(context: Context, before: str, after: str, *, paths: Iterable[str] = ()) -> pl.DataFrame:
    """One row per path that differs between the snapshots ``before`` and ``after``, sorted by path.

    Columns: ``path``; ``change``, one of ``CHANGES``; ``kind``, of the entry after, or before when it is gone;
    ``size_before``, ``size_after`` in bytes; ``sha256_before``, ``sha256_after`` as ``sha256sum`` prints them;
    ``moved_from``.

    *modified* is another content or link target, *type* another kind of entry, *metadata* the same content with other
    permissions, owner, modification time or extended attributes.  A file that is gone while the same content appeared
    under a new path is one row, *moved*, at the new path.  ``paths``: patterns of what to compare, everything by
    default.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, ``InvalidOption`` for a pattern,
    ``ObjectMissing`` and ``ObjectDamaged``.
    """
    chosen = Patterns.of(paths).patterns
    state = context.catalog.refresh()
    snapshots = [resolve(context, reference, state=state) for reference in (before, after)]
    with reading(context, *snapshots):
        one, other = (Manifest.load(context.catalog, snapshot.id, state=state) for snapshot in snapshots)
        found = [_found(old, new) for old, new in differing(one, other, _COLUMNS, patterns=chosen)]
    changes = pl.concat(found) if found else pl.DataFrame(schema=_FOUND)
    changes = _with_moves(_judged(_resolved(_resolved(changes, "before", one), "after", other)))
    return changes.select(pl.col(name).cast(kind) for name, kind in _RESULT.items()).sort("path")


def diff_folder(
    context: Context,
    reference: str,
    folder: str | os.PathLike[str],
    *,
    paths: Iterable[str] = (),
    progress: OnProgress | None = None,
) -> pl.DataFrame:
    """As ``diff``, between a snapshot and a folder, or a single file, on this machine: what was restored from it, or
    what it was made of.  Every file that may be the same is read and hashed.

    Permissions and times of modification count as metadata; owners and extended attributes do not, for whoever restores
    may not have the right to give them, nor does which names are hard links of one another.

    Raises ``SourceNotFound``, ``SourceProblem`` for what cannot be read, and what ``diff`` raises.
    """
    chosen = Patterns.of(paths)
    state = context.catalog.refresh()
    snapshot = resolve(context, reference, state=state)
    ticker = Ticker("diff", progress, total_files=snapshot.files, total_bytes=snapshot.bytes)
    found: list[pl.DataFrame] = []
    with reading(context, snapshot):
        manifest = Manifest.load(context.catalog, snapshot.id, state=state)
        there = Folder(folder, chosen.patterns)
        for stretch in align(there.rows(), manifest, columns=_COLUMNS):
            old = stretch.previous.select(_COLUMNS)
            old = unlinked(old.filter(chosen.mask(old)) if chosen else old, manifest)
            new = there.hashed(stretch.scanned, old, ticker)
            found.append(_found(old, new.select(_COLUMNS), metadata=("mode", "mtime_ns")))
    ticker.finish()
    changes = pl.concat(found) if found else pl.DataFrame(schema=_FOUND)
    changes = _with_moves(_judged(changes))
    return changes.select(pl.col(name).cast(kind) for name, kind in _RESULT.items()).sort("path")


def _found(old: pa.Table, new: pa.Table, *, metadata: Sequence[str] = _METADATA) -> pl.DataFrame:
    """The rows of one stretch of both manifests that are not the same in both."""
    before, after = keys(old), keys(new)
    at = pc.index_in(after, value_set=before)
    there = pc.is_valid(at)
    gone = old.filter(pc.invert(pc.is_in(before, value_set=after)))
    come = new.filter(pc.invert(there))
    old, new = old.take(at.drop_null()), new.filter(there)
    kind = _differs(old, new, "kind") & ~(_are_files(old) & _are_files(new))
    # A hard link's target is where the file's first name is.
    content = _differs(old, new, "size") | _differs(old, new, "sha256")
    content |= _differs(old, new, "target") & ~_are_files(new)
    other = np.logical_or.reduce([_differs(old, new, name) for name in ("kind", "target", *metadata)])
    words = np.select([kind, content, other], ["type", "modified", "metadata"], "")
    changed = pa.array(words != "")
    return pl.concat(
        [
            _frame(gone, None, ["removed"] * gone.num_rows),
            _frame(None, come, ["added"] * come.num_rows),
            _frame(old.filter(changed), new.filter(changed), words[words != ""].tolist()),
        ]
    )


def _are_files(rows: pa.Table) -> Mask:
    return np.asarray(pc.is_in(rows["kind"], value_set=_FILES), np.bool_)


def _differs(old: pa.Table, new: pa.Table, name: str) -> Mask:
    """Where two tables with the same paths differ in one column; a missing value equals a missing one."""
    one, other = old[name], new[name]
    if pa.types.is_nested(one.type):
        if one.null_count == len(one) and other.null_count == len(other):
            return np.zeros(len(one), np.bool_)
        pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
        return np.fromiter((mine != theirs for mine, theirs in pairs), np.bool_, len(one))
    different = pc.fill_null(pc.not_equal(one, other), False)
    return np.asarray(pc.or_(different, pc.xor(pc.is_null(one), pc.is_null(other))), np.bool_)


def _frame(old: pa.Table | None, new: pa.Table | None, changes: list[str]) -> pl.DataFrame:
    last = new if new is not None else old
    assert last is not None
    columns: dict[str, Any] = {"path": last["path"].to_pylist(), "kind": last["kind"].to_pylist(), "change": changes}
    for when, rows in (("before", old), ("after", new)):
        if rows is not None:
            columns[f"size_{when}"] = rows["size"].to_pylist()
            columns[f"sha256_{when}"] = rows["sha256"].to_pylist()
            linked = pc.equal(rows["kind"], "hardlink")
            columns[f"link_{when}"] = pc.if_else(linked, rows["target"], pa.scalar(None, pa.binary())).to_pylist()
    return pl.DataFrame({name: columns.get(name, [None] * last.num_rows) for name in _FOUND}, schema=_FOUND)


def _resolved(changes: pl.DataFrame, when: str, manifest: Manifest) -> pl.DataFrame:
    """The changes with the digests of hard links, which only the file's first name has in the manifest."""
    link, digest = f"link_{when}", f"sha256_{when}"
    names = changes[link].drop_nulls().unique()
    if names.is_empty():
        return changes
    targets = pa.array(sorted(key(name) for name in names), pa.binary())
    known: list[pl.DataFrame] = []
    for index in sorted({manifest.holding(target) for target in targets.to_pylist()}):
        rows = manifest.read(index, ("path", "path_bytes", "sha256"))
        rows = rows.filter(pc.is_in(keys(rows), value_set=targets))
        known.append(
            pl.DataFrame(
                {link: raw(rows).to_pylist(), "own": rows["sha256"].to_pylist()},
                schema={link: pl.Binary, "own": pl.Binary},
            )
        )
    joined = changes.join(pl.concat(known), on=link, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(digest, "own").alias(digest)).select(changes.columns)


def _judged(changes: pl.DataFrame) -> pl.DataFrame:
    """The changes, those of hard links now that the digests are known, with digests as people read them."""
    linked = pl.any_horizontal(pl.col("link_before", "link_after").is_not_null()) & pl.col("change").is_in(
        ["modified", "metadata"]
    )
    same = pl.col("sha256_before").eq_missing(pl.col("sha256_after"))
    change = pl.when(linked & same).then(pl.lit("metadata")).when(linked).then(pl.lit("modified")).otherwise("change")
    return changes.with_columns(
        change=change,
        sha256_before=pl.col("sha256_before").bin.encode("hex"),
        sha256_after=pl.col("sha256_after").bin.encode("hex"),
        moved_from=pl.lit(None, pl.String),
    )


def _with_moves(changes: pl.DataFrame) -> pl.DataFrame:
    """Removed files and added ones with the same content, paired in the order of their paths."""

    def among(change: str, when: str) -> pl.DataFrame:
        digest = pl.col(f"sha256_{when}")
        found = changes.filter(pl.col("change") == change, pl.col(f"size_{when}") > 0, digest.is_not_null())
        return found.with_columns(sha256=digest, nth=pl.col("path").rank("ordinal").over(digest))

    old = among("removed", "before").select("sha256", "nth", "size_before", "sha256_before", moved_from="path")
    new = among("added", "after").drop("size_before", "sha256_before", "moved_from")
    moved = new.join(old, on=["sha256", "nth"]).with_columns(change=pl.lit("moved"))
    paired = pl.concat([moved.select("path"), moved.select(path="moved_from")])
    return pl.concat([changes.join(paired, on="path", how="anti"), moved.select(changes.columns)])
