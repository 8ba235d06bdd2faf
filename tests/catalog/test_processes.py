"""Many processes commit to one archive on a local disk, and every commit is there, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import Catalog, LocalStore

from .racing import race
from .samples import SAMPLES, counted, each

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
import pyarrow as pa
from holotype.catalog import Catalog, Column, LocalStore, Table
table = Table("samples", "", (
    Column("sample", pa.string(), ""), Column("mass", pa.int64(), ""),
    Column("state", pa.string(), ""), Column("note", pa.string(), "", nullable=True)))
catalog = Catalog.open(LocalStore(sys.argv[1]), tables=[table])
print("ready", flush=True)
sys.stdin.readline()
for n in range(25):
    mass = int(sys.argv[2]) * 100 + n
    rows = table.rows([{"sample": f"s-{mass}", "mass": mass, "state": "fresh", "note": None}])
    catalog.commit(add=[catalog.write("samples", rows)], operation="test")
"""


def test_eight_processes_commit_without_losing_anything(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "archive")
    Catalog.create(store, tables=[SAMPLES])
    race(PROGRAM, str(tmp_path / "archive"), runners=8)
    catalog = Catalog.open(store, tables=[SAMPLES])
    assert counted(catalog) == each(me * 100 + n for me in range(8) for n in range(25))
    entries = [entry for entry in catalog.entries() if not entry.is_compaction]
    assert len(entries) == 200
    assert list(catalog.audit()) == []
    assert list(store.leftovers()) == []
