"""Finding one's way in a snapshot: an entry by its path, links followed; a folder's entries, without what lies below.

Paths are given as people see them (``reads/a.fastq``, bytes that are not UTF-8 shown as ``\\xNN``) or as their own
bytes.  Links are followed inside the snapshot, as if the folder that was backed up were the root of all.
"""

from __future__ import annotations

import difflib
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from holotype.catalog import EntryNotFound, scalar

from ..tree.paths import key, keys, raw_path, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..manifest import Manifest

    Row = dict[str, Any]

__all__ = ["children", "entry", "follow", "missing", "names_below", "path_of"]

# As many as Linux follows before it takes a chain of links for a loop.
_HOPS = 40
# Names looked at for the nearest ones: an error message need not read a folder of a million.
_NAMES = 5000
_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")
_KEYS = ("path", "path_bytes", "kind")


def path_of(path: str | bytes) -> bytes:
    """The path's own bytes, without empty and ``.`` components."""
    own = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    return b"/".join(name for name in own.split(b"/") if name not in (b"", b"."))


def entry(manifest: Manifest, path: str | bytes, *, columns: Sequence[str] | None = None) -> Row | None:
    """The row at ``path``, links not followed; ``None`` when there is none."""
    wanted = None if columns is None else list(dict.fromkeys((*columns, *_KEYS)))
    own = path_of(path)
    row: Row | None = manifest.find(own, columns=wanted)
    if row is None and isinstance(path, str) and _ESCAPED.search(own):
        unescaped = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), own)
        row = manifest.find(unescaped, columns=wanted)
        if row is not None and path_of(row["path"]) != own:
            row = None
    return row


def follow(manifest: Manifest, path: str | bytes, *, columns: Sequence[str] | None = None) -> Row:
    """The row at ``path``, symbolic links followed, in the last component and in those before it.

    Raises ``EntryNotFound`` when there is nothing, when links go round in a circle, or when one leads out of the
    snapshot.
    """
    own = path_of(path)
    row = entry(manifest, path, columns=columns)
    if row is not None and row["kind"] != "symlink":
        return row
    wanted = None if columns is None else (*columns, "target")
    left, done = own.split(b"/")[::-1], list[bytes]()
    hops = 0
    while left:
        name = left.pop()
        if name in (b"", b"."):
            continue
        if name == b"..":
            if not done:
                raise EntryNotFound(f"{shown(own)} leads out of the snapshot", path=shown(own))
            done.pop()
            continue
        here = b"/".join((*done, name))
        # Text stays text while no link was met, so that a path given as it is shown is found.
        row = entry(
            manifest,
            here if hops or not isinstance(path, str) else here.decode(errors="surrogateescape"),
            columns=wanted,
        )
        if row is None:
            raise missing(manifest, here, asked=own) if hops else missing(manifest, own)
        if row["kind"] != "symlink":
            done = raw_path(row["path"], row["path_bytes"]).split(b"/")
            if left and row["kind"] != "directory":
                raise EntryNotFound(f"{shown(own)}: {row['path']} is no folder ({row['kind']})", path=shown(own))
            continue
        hops += 1
        target: bytes = row["target"] or b""
        if hops > _HOPS:
            raise EntryNotFound(f"{shown(own)}: its symbolic links go round in a circle", path=shown(own))
        if target.startswith(b"/"):
            raise EntryNotFound(
                f"{shown(own)}: {row['path']} is a symbolic link to {shown(target)}, outside of the snapshot",
                path=shown(own),
                target=shown(target),
            )
        left += target.split(b"/")[::-1]
    if not done:
        # A single file that was backed up has no folder's row beside it.
        top: Row = {"path": "", "path_bytes": None, "kind": "directory", "size": 0}
        return top | (entry(manifest, b"", columns=columns) or {})
    assert row is not None
    if row["kind"] == "symlink" or raw_path(row["path"], row["path_bytes"]) != b"/".join(done):
        row = entry(manifest, b"/".join(done), columns=columns)
    assert row is not None
    return row


def missing(manifest: Manifest, path: bytes, *, asked: bytes | None = None) -> EntryNotFound:
    """The error for a path where nothing is, with the nearest names; ``asked``: the path of the link that led to it."""
    folder, name = path, b""
    while folder:
        folder, _, name = folder.rpartition(b"/")
        if not folder or manifest.find(folder, columns=_KEYS) is not None:
            break
    prefix = f"{shown(folder)}/" if folder else ""
    names = [row["path"] for row in islice(names_below(manifest, folder), _NAMES)]
    wanted = prefix + shown(name)
    near = tuple(difflib.get_close_matches(wanted, names, n=3, cutoff=0.6) or names[:3])
    hint = f"; the nearest are {', '.join(near)}" if near else "; the snapshot has no entries there"
    through = f" (to which {shown(asked)} leads)" if asked is not None and asked != path else ""
    return EntryNotFound(f"the snapshot has no entry {shown(path)}{through}{hint}", path=shown(path), near=near)


def names_below(manifest: Manifest, folder: bytes, *, columns: Sequence[str] = _KEYS) -> Iterator[Row]:
    """As ``children``, a row at a time."""
    for rows in children(manifest, folder, columns=columns):
        yield from rows.to_pylist()


def children(manifest: Manifest, folder: bytes, *, columns: Sequence[str] = _KEYS) -> Iterator[Any]:
    """The rows of a folder's own entries, as Arrow tables in key order.

    Segments that lie whole below one of its subfolders are not read.
    """
    wanted = list(dict.fromkeys((*columns, *_KEYS)))
    prefix = key(folder) + b"\0" if folder else b""
    depth = prefix.count(b"\0")
    # What sorts right behind everything below a folder: its key with the byte after the separator.
    stop = prefix[:-1] + b"\x01" if folder else None
    low: bytes | None = prefix or None
    while manifest.ranges:
        index = manifest.holding(low) if low is not None else 0
        _, bound = manifest.bounds(index)
        high = min((b for b in (bound, stop) if b is not None), default=None)
        for rows in manifest.rows(columns=wanted, low=low, high=high):
            own = pc.and_(
                pc.equal(pc.count_substring(keys(rows), b"\0"), depth), pc.not_equal(rows["path"], scalar(""))
            )
            found = rows.filter(own)
            if found.num_rows:
                yield found
        if bound is None or high != bound or bound == stop:
            return
        # The next range may begin inside a subfolder: go on behind that.
        inside = bound[len(prefix) :].split(b"\0")
        low = prefix + inside[0] + b"\x01" if len(inside) > 1 else bound
