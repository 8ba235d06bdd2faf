"""The promise: whatever died, the archive opens, verifies, and every snapshot in it restores as it was committed; and
whatever was recorded of how things came about is there, can be true, and hangs together.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from holotype.catalog.provenance.checking import check

from ..archive.trees import look
from ..recorded import TABLES, disagreements, said_in, said_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from holotype.lake import Archive

    from ..archive.trees import Seen
    from ..recorded import Said

    Tree = Mapping[bytes, Seen]
    # Live snapshots by name, each with its digest.
    Live = Mapping[str, str]

__all__ = ["Broken", "alike", "check_history", "check_snapshots", "live"]


class Broken(AssertionError):
    """The promise was broken; the message says how."""


def live(archive: Archive) -> Live:
    """The snapshots that an archive shows."""
    rows = archive.snapshots().select("dataset", "number", "snapshot").iter_rows()
    return {f"{dataset}@{number}": digest for dataset, number, digest in rows}


def check_snapshots(
    archive: Archive,
    *,
    must: Live,
    may: Callable[[str], bool],
    tree: Callable[[str], Tree],
    scratch: Path,
    restored: Collection[str] = (),
) -> Live:
    """Prove that an archive holds what it ``must``, nothing but that and what it ``may``, and all of it whole.

    ``may``: whether a snapshot of this name, which need not be there, can be.  ``tree``: what the snapshot of a name
    was made of.  ``scratch``: where to restore to, left as it was.  ``restored``: digests of snapshots that need not be
    restored again: verifying proves the rows that a digest stands for, and the bytes of their chunks.  Returns what is
    live.  Raises ``Broken``.
    """
    report = archive.verify(workers=1)
    if not report.ok:
        raise Broken(f"verify found damage: {report.findings}")
    found = live(archive)
    for name, digest in must.items():
        if found.get(name) != digest:
            raise Broken(f"{name} was committed as {digest}, and is {found.get(name, 'not there')}")
    for name, digest in found.items():
        if name not in must and not may(name):
            raise Broken(f"{name} is there, which nobody committed")
        if digest in restored:
            continue
        target = scratch / "restored"
        try:
            result = archive.restore(name, target, workers=1)
            if result.problems or not alike(look(target), tree(name)):
                raise Broken(f"{name} does not restore as it was; problems: {result.problems}")
        finally:
            shutil.rmtree(target, ignore_errors=True)
    return found


def check_history(archive: Archive, *, must: frozenset[Said]) -> frozenset[Said]:
    """Prove that all is recorded that ``must`` be, that it can be true, and that its tables hang together; returns all
    that is recorded.  Raises ``Broken``.
    """
    document = archive.provenance.document()
    tables = {table: archive.read(table).to_pylist() for table in TABLES}
    found = said_of(tables["prov_elements"], tables["prov_relations"])
    if lost := must - found:
        raise Broken(f"it was recorded, and is not there: {sorted(map(str, lost))}")
    if violations := check(document):
        raise Broken(f"what is recorded cannot be true: {[each.message for each in violations]}")
    if wrong := disagreements(tables.__getitem__):
        raise Broken(f"what is recorded does not hang together: {wrong}")
    if not found <= said_in(document):  # what is known of snapshots is beside it
        raise Broken("a document of everything has not all that the tables have")
    return found


def alike(one: Tree, other: Tree) -> bool:
    """Whether two folders hold the same."""
    # A snapshot of a single file has no folder: the one that it is restored to is as new as that.
    return _below(one) == _below(other) and (len(one) == 2 or one.get(b"") == other.get(b""))


def _below(tree: Tree) -> Tree:
    return {path: seen for path, seen in tree.items() if path}
