"""Small tables and catalogs for the tests of this room."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from holotype.catalog import Catalog, Column, MemoryStore, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from holotype.catalog import ObjectStore, State

SAMPLES = Table(
    "samples",
    "What was measured.",
    (
        Column("sample", pa.string(), "The sample's name.", matches="[a-z]+-[0-9]+"),
        Column("mass", pa.int64(), "Its mass, in mg.", least=0),
        Column("state", pa.string(), "How it is kept.", among=("fresh", "frozen")),
        Column("note", pa.string(), "What someone wrote on it; it's free text.", nullable=True),
    ),
)

READINGS = Table(
    "readings",
    "What the instruments said.",
    (
        Column("id", pa.binary(4), "Which reading."),
        Column("time", pa.timestamp("us", tz="UTC"), "When."),
        Column("values", pa.list_(pa.float32()), "What was read.", nullable=True),
    ),
    sort=("id",),
)

PAGES = Table("pages", "Rows that others refer to by segment.", (Column("text", pa.string(), "The text."),), named=True)

TABLES = (PAGES, READINGS, SAMPLES)


def samples(*masses: int) -> pa.Table:
    """Rows of ``samples``."""
    return pa.table(
        {
            "sample": pa.array([f"s-{mass}" for mass in masses], pa.string()),
            "mass": pa.array(masses, pa.int64()),
            "state": pa.array(["fresh"] * len(masses), pa.string()),
            "note": pa.array([None] * len(masses), pa.string()),
        }
    )


def readings(*numbers: int) -> pa.Table:
    """Rows of ``readings``."""
    return READINGS.rows(
        [
            {"id": n.to_bytes(4, "big"), "time": datetime.fromtimestamp(n, UTC), "values": [float(n), 0.5]}
            for n in numbers
        ]
    )


def pages(*texts: str) -> pa.Table:
    """Rows of ``pages``."""
    return pa.table({"text": pa.array(texts, pa.string())})


def masses(catalog: Catalog, *, state: State | None = None) -> list[int]:
    """The masses in ``samples``, in order."""
    found: list[int] = catalog.read("samples", columns=["mass"], state=state)["mass"].to_pylist()
    return found


def counted(catalog: Catalog) -> Counter[int]:
    """How often each mass is in ``samples``."""
    return Counter(masses(catalog))


def fresh_store() -> MemoryStore:
    """An empty store in memory."""
    return MemoryStore(f"catalog-tests/{uuid4().hex}")


def new_catalog(store: ObjectStore | None = None, *, compact_above: int | None = None) -> Catalog:
    """A new catalog of the tables above."""
    return Catalog.create(store or fresh_store(), tables=TABLES, name="Rivera lab", compact_above=compact_above)


def reopened(catalog: Catalog, *, compact_above: int | None = None) -> Catalog:
    """The same archive, opened again."""
    return Catalog.open(catalog.store, tables=TABLES, compact_above=compact_above)


def add_samples(catalog: Catalog, *found: int) -> None:
    """One commit with these samples."""
    catalog.commit(add=[catalog.write("samples", samples(*found))], operation="test")


def ticking(start: datetime = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)) -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is asked."""
    seconds = count()
    return lambda: datetime.fromtimestamp(start.timestamp() + next(seconds), UTC)


def flip(store: ObjectStore, key: str, where: int | None = None) -> None:
    """Change one bit in the middle of an object, or at ``where``."""
    data = bytearray(store.get(key))
    data[len(data) // 2 if where is None else where] ^= 1
    store.put(key, [data])


def truncate(store: ObjectStore, key: str) -> None:
    """Cut an object in half."""
    data = bytes(store.get(key))
    store.put(key, [data[: len(data) // 2]])


def keys(store: ObjectStore, folder: str = "") -> list[str]:
    """The keys in a folder."""
    return sorted(info.key for info in store.list(folder))


def sealed(fields: dict[str, Any]) -> bytes:
    """What the documented rule makes of the fields, written down a second time."""

    def canonical(value: dict[str, Any]) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    return canonical({**fields, "seal": hashlib.sha256(canonical(fields)).hexdigest()})


def each(values: Iterable[int]) -> Counter[int]:
    """Each value once."""
    return Counter(values)
