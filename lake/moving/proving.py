"""Proving snapshots by their digests: is a record, with the manifest it names, what its digest was made of?

A snapshot's digest speaks for its record and for the digests of its manifest's segments, which speak for the digests of
chunks.  So a few hashes of records prove what two archives call by one name to be the same, and complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..manifest import snapshot_digest
from ..records.liveness import ranges_of
from ..schema import SNAPSHOTS

if TYPE_CHECKING:
    import pyarrow as pa

    from .inventory import End

__all__ = ["unproven"]


def unproven(end: End, snapshots: pa.Table) -> list[str]:
    """Of some rows of ``snapshots``, the digests that are not made of what the archive has for them.

    Raises ``ObjectMissing`` or ``ObjectDamaged`` when the records cannot be read, or what the store raises.
    """
    digests = {segment.name: segment.digest for segment in end.state.segments("entries")}
    ranges = ranges_of(end.context, snapshots["snapshot"].combine_chunks(), state=end.state)
    manifests: dict[str, list[tuple[str, str]]] = {}
    columns = ["snapshot", "role", "segment"]
    for row in ranges.sort_by([("snapshot", "ascending"), ("ordinal", "ascending")]).select(columns).to_pylist():
        manifests.setdefault(row["snapshot"], []).append((row["role"], digests.get(row["segment"], "gone")))
    found = []
    for row in snapshots.select(SNAPSHOTS.schema.names).to_pylist():
        name = row.pop("snapshot")
        if snapshot_digest(row, manifests.get(name, [])) != name:
            found.append(name)
    return found
