"""Where archived files and recorded activities meet: new versions are linked to what was said of the same bytes.

An activity may have used or made a file before its dataset was ever backed up, or somebody may have copied, moved or
renamed it since.  What is said of a file's content holds wherever the content is; so a backup says, in its own commit,
of each new version whose content is spoken of already, that it has that content.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from holotype.catalog import column
from holotype.catalog import provenance as prov

from ..tree.paths import own
from .account import Account
from .places import Place
from .versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from holotype.catalog import Segment, State

    from ..context import Context

__all__ = ["meeting"]

_COLUMNS = ["path", "size", "mtime_ns", "sha256"]


def meeting(
    context: Context, dataset: str, source: str, segments: Sequence[Segment], *, state: State
) -> prov.Recorded | None:
    """Segments that say of the new rows in ``segments`` (of entries) what they have in common with what was recorded;
    to be added in the commit of the snapshot, which has to pass their check.  ``None`` when there is nothing to say.

    ``source``: the real path that the files were read from.  Raises what the store raises.
    """
    graph = prov.Graph(context.catalog, state=state)
    account = Account("")
    for rows in context.catalog.batches("entries", columns=_COLUMNS, segments=segments):
        for version in _spoken_of(graph, rows, dataset, source):
            _meet(account, graph, version)
    document = account.document()
    if not document.records:
        return None
    return prov.record(context.catalog, document, recorded=context.clock(), author=context.author, state=state)


def _spoken_of(graph: prov.Graph, rows: pa.Table, dataset: str, source: str) -> Iterator[Version]:
    """The versions among ``rows`` whose content something was said of."""
    files = rows.filter(pc.is_valid(rows["sha256"])).combine_chunks()
    if not files.num_rows:
        return
    # The key of a content is how its digest begins.
    digests = np.frombuffer(files["sha256"].chunk(0).buffers()[1], np.uint8).reshape(-1, 32)
    digests = digests[files["sha256"].chunk(0).offset :][: files.num_rows]
    keys = np.ascontiguousarray(digests[:, :8]).view(">u8").ravel().astype(np.uint64)
    for row in files.filter(column(graph.has(keys).tolist(), pc.is_valid(files["path"]).type)).to_pylist():
        path = os.path.join(source, os.fsdecode(own(row["path"])))
        yield Version(path, Place(dataset, row["path"]), row["size"], row["sha256"], row["mtime_ns"])


def _meet(account: Account, graph: prov.Graph, version: Version) -> None:
    assert version.sha256 is not None
    assert version.place is not None
    usual = prov.file_id(version.place.dataset, version.place.path, version.sha256)
    name = version.path.replace("\\", "/").rpartition("/")[2].encode(errors="surrogateescape")
    outside = prov.outside_id(version.sha256, prov.place_digest(version.path), name.decode(errors="replace"))
    known, was_outside = graph.known([usual, outside]).tolist()
    if not known:
        account.file(version)
    if was_outside:
        account.same(usual, outside)
