"""Which dataset a file on this machine belongs to: where datasets were last backed up from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from holotype.catalog import dicts

from ..context import host_here
from ..records.snapshots import snapshots
from ..tree.paths import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from holotype.catalog import State

    from ..context import Context

__all__ = ["Place", "Places"]


@dataclass(frozen=True)
class Place:
    """A path in a dataset, as it is shown, and the digest of the dataset's latest snapshot, if it has any."""

    dataset: str
    path: str
    snapshot: str | None = None


@dataclass(frozen=True)
class Places:
    """The folders that datasets are kept from, by dataset: real paths of this machine.

    A file below several of them belongs to the innermost; of two datasets with the same source, to the one whose latest
    snapshot is newer.
    """

    sources: Mapping[str, str]
    latest: Mapping[str, str]

    @classmethod
    def of(cls, context: Context, *, state: State, declared: Mapping[str, str] | None = None) -> Places:
        """The places of the datasets in an archive; ``declared``: sources of datasets as the caller says them, which
        outrank what snapshots say.
        """
        rows = snapshots(context, state=state).select(["dataset", "snapshot", "source", "host", "time"])
        here = host_here()
        sources: dict[str, str] = {}
        latest: dict[str, str] = {}
        # The last that is put in outranks those before it.
        for row in _oldest_first(rows):
            dataset = row["dataset"]
            latest[dataset] = row["snapshot"]
            sources.pop(dataset, None)
            if row["host"] == here and row["source"] and os.path.isabs(row["source"]):
                sources[dataset] = os.path.realpath(row["source"])
        for dataset, source in (declared or {}).items():
            sources.pop(dataset, None)
            sources[dataset] = os.path.realpath(source)
        return cls(MappingProxyType(sources), MappingProxyType(latest))

    @cached_property
    def _datasets(self) -> dict[str, str]:
        """Datasets by where they lie; of two that lie at one place, the one that outranks."""
        return {source: dataset for dataset, source in self.sources.items()}

    def find(self, path: str) -> Place | None:
        """Where a file belongs, by its real path; ``None`` when it is in no dataset."""
        above = path
        while above not in self._datasets:
            parent = os.path.dirname(above)
            if parent == above:
                return None
            above = parent
        dataset = self._datasets[above]
        source = self.sources[dataset]
        # A dataset may be a single file, whose path in it is its name.
        inside = os.path.relpath(path, source) if path != source else os.path.basename(path)
        name = shown(os.fsencode(inside).replace(os.fsencode(os.sep), b"/"))
        return Place(dataset, name, self.latest.get(dataset))


def _oldest_first(rows: pa.Table) -> list[dict[str, Any]]:
    return dicts(rows.sort_by([("time", "ascending"), ("dataset", "ascending")]))
