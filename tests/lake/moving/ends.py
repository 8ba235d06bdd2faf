"""Two archives of invented files, and an account of what travels between them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from holotype.catalog import MemoryStore
from holotype.lake.compare import compare
from holotype.lake.records.snapshots import snapshots

from ..making import Clock, contents, new_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

    from holotype.lake.compare import Compared
    from holotype.lake.context import Context

__all__ = ["Account", "archive_at", "differences", "held", "noise"]


def noise(seed: int, size: int = 3000) -> bytes:
    """Bytes that nothing makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size)


class Account(MemoryStore):
    """Keeps account of what is put: ``put_bytes`` by the first folder of its key."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.put_bytes: dict[str, int] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return Account, (self._root,)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        size = super().put(key, parts)
        folder = "/".join(key.split("/")[: 2 if key.startswith("tables") else 1])
        self.put_bytes[folder] = self.put_bytes.get(folder, 0) + size
        return size

    def taken(self, folder: str = "packs") -> int:
        """The bytes put below a folder since this was asked last."""
        return self.put_bytes.pop(folder, 0)


def archive_at(name: str, *, clock: Clock | None = None) -> tuple[Context, Account]:
    """An archive without snapshots, and the account of its storage."""
    store = Account(f"memory://{name}")
    return new_archive(store, clock=clock), store


def held(archive: Context) -> dict[str, Any]:
    """Every live snapshot by name, with its digest and what it holds, read from its packs."""
    rows = snapshots(archive, state=archive.catalog.refresh()).to_pylist()
    return {f"{row['dataset']}@{row['number']}": (row["snapshot"], contents(archive, row["snapshot"])) for row in rows}


def differences(one: Context, other: Context, **options: Any) -> list[tuple[str, str, str | None]]:
    """What a comparison finds: what, where, and in which snapshot."""
    found: Compared = compare(one, other, **options)
    return [(row.what, row.where, row.snapshot) for row in found.found]
