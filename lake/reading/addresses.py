"""Paths of an archive as a filesystem: which snapshot each leads to, and which path in it.

    rnaseq/liver@3/reads/a.fastq     reads/a.fastq in the third snapshot
    rnaseq/liver/reads/a.fastq       the same in the latest, as it is for rnaseq/liver@latest
    rnaseq                           above all snapshots: the beginning of datasets' names

What a reference without a number means is settled when it is first used, and stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from holotype.catalog import CallError

from ..records.snapshots import Snapshot, resolve, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holotype.catalog import State

    from ..context import Context

__all__ = ["Address", "Addresses"]


@dataclass(frozen=True)
class Address:
    """Where a path leads: to ``inside`` in ``snapshot``."""

    snapshot: Snapshot
    inside: str


class Addresses:
    """The paths of an archive as it was at ``state``, or of the one snapshot that ``reference`` names.

    ``pins``: what references were found to mean before, in another process perhaps.  Safe to share between threads.
    Raises what resolving the reference raises.
    """

    def __init__(
        self, context: Context, *, state: State, reference: str | None = None, pins: Mapping[str, str] | None = None
    ) -> None:
        self._context, self._state = context, state
        self.pins = dict(pins or {})
        self.root = None if reference is None else self.resolve(reference)

    def resolve(self, reference: str) -> Snapshot:
        """The snapshot that ``reference`` names, the same one every time."""
        found = resolve(self._context, self.pins.get(reference, reference), state=self._state)
        self.pins.setdefault(reference, found.name)
        return found

    def find(self, path: str) -> Address | None:
        """Where a path leads; ``None`` when it is above all snapshots.

        Raises ``DatasetNotFound``, ``SnapshotNotFound`` or ``InvalidName``.
        """
        if self.root is not None:
            return Address(self.root, path)
        dataset, at, rest = path.partition("@")
        if at and dataset in self._numbers:
            version, _, inside = rest.partition("/")
            return Address(self.resolve(f"{dataset}@{version}"), inside)
        parts = path.split("/")
        for count in range(len(parts), 0, -1):
            prefix = "/".join(parts[:count])
            if prefix in self._numbers:
                return Address(self.resolve(prefix), "/".join(parts[count:]))
        if not path or any(name.startswith(f"{path}/") for name in self._numbers):
            return None
        try:
            return Address(self.resolve(parts[0]), "/".join(parts[1:]))  # a digest; or nothing, which raises
        except CallError:
            if at:
                self.resolve(f"{dataset}@{rest.partition('/')[0]}")  # says what is nearest to what was meant
            raise

    def above(self, path: str) -> list[str]:
        """The paths right below one that is above all snapshots: snapshots, and the beginnings of datasets' names."""
        if self.root is not None:
            return []
        base = f"{path}/" if path else ""
        found: dict[str, None] = {}
        for dataset, numbers in self._numbers.items():
            if dataset.startswith(base):
                head, slash, _ = dataset[len(base) :].partition("/")
                found.update(dict.fromkeys([base + head] if slash else [f"{dataset}@{number}" for number in numbers]))
        return list(found)

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        """The numbers of each dataset's live snapshots."""
        rows = snapshots(self._context, state=self._state).select(["dataset", "number"])
        found: dict[str, list[int]] = {}
        for dataset, number in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            found.setdefault(dataset, []).append(number)
        return found
