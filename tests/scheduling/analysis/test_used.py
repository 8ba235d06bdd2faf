"""What a run that is over has used is remembered, and is what its journal says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from holotype.scheduling.analysis.ledger import read_ledger
from holotype.scheduling.running.journal import Journal, read_events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

GIVEN = {"cpus": 2, "memory": 1 << 30, "disk": 0, "gpus": 1, "time": None, "licences": {"solver": 1}, "instruments": {}}
MANY = 400


def long_run(site: Path, name: str = "long", *, over: bool = True) -> Path:
    """A run whose journal is long; returns that."""
    folder = site / "runs" / name
    folder.mkdir(parents=True)
    began = time.time() - 10_000
    events: list[dict[str, Any]] = [
        {"what": "ordered", "time": began, "by": "ada@lab", "workflow": "copying", "project": "cohort",
         "estimate": {"cpu_hours": 7.0}},
    ]  # fmt: skip
    for number in range(MANY):
        task = {"task": f"change[a[b].c].{number}", "attempt": 1, "time": began + number}
        events.append({"what": "begun", **task, "needs": GIVEN, "stage": "change", "job": f"j{number}"})
        used = {"cpu": 1.5, "memory": 1 << 20, "read": number, "written": 7}
        happened = {"happened": {"failure": "exit", "message": "3"}} if number % 5 == 0 else {}
        events.append({**task, "what": "over", "time": began + number + 10, "used": used, **happened})
    events.append({"what": "measured", "time": began + MANY, "recording": 0.1, "over": over})
    write(folder / "journal", events)
    return folder / "journal"


def write(journal: Path, events: list[dict[str, Any]]) -> None:
    file = Journal(journal)
    file.write(events)
    file.close()


def rows(tables: Mapping[str, pl.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    return {name: table.to_dicts() for name, table in tables.items()}


def remembered(journal: Path) -> Path:
    return journal.parent / "records" / "used.parquet"


def test_it_is_remembered_and_the_same(tmp_path: Path) -> None:
    journal = long_run(tmp_path)
    first = read_ledger(tmp_path)
    written = remembered(journal).stat().st_mtime_ns
    again = read_ledger(tmp_path)
    assert remembered(journal).stat().st_mtime_ns == written
    assert rows(again.tables) == rows(first.tables)
    assert again.estimates == first.estimates == {}
    (run,) = again.tables["runs"].to_dicts()
    assert (run["operator"], run["project"], run["workflow"]) == ("ada@lab", "cohort", "copying")
    assert again.tables["attempts"]["failure"].null_count() == MANY - MANY // 5
    assert again.tables["tasks"].row(3, named=True) == {
        "run": "long", "task": "change[a[b].c].3", "node": "change", "sample": "a[b].c",
    }  # fmt: skip


@pytest.mark.parametrize("harm", ["altered", "cut off", "nothing", "of another version"])
def test_what_is_not_as_it_was_remembered_is_read_from_the_journal_again(harm: str, tmp_path: Path) -> None:
    journal = long_run(tmp_path)
    before = rows(read_ledger(tmp_path).tables)
    kept = remembered(journal)
    data = bytearray(kept.read_bytes())
    if harm == "altered":
        data[200] ^= 0xFF
    elif harm == "cut off":
        del data[len(data) // 2 :]
    elif harm == "nothing":
        data.clear()
    else:
        data = bytearray(bytes(data).replace(b"settled", b"settlet"))
    kept.write_bytes(data)
    assert rows(read_ledger(tmp_path).tables) == before
    assert rows(read_ledger(tmp_path).tables) == before


def test_what_happens_afterwards_counts(tmp_path: Path) -> None:
    journal = long_run(tmp_path)
    assert read_ledger(tmp_path).tables["attempts"].height == MANY
    begun = next(event for event in read_events(journal) if event["what"] == "begun")
    write(journal, [{**begun, "task": "late", "time": time.time() - 60}])
    now = time.time()
    ledger = read_ledger(tmp_path, now=now)
    (late,) = ledger.tables["attempts"].filter(task="late").to_dicts()
    assert late["settled"].timestamp() == pytest.approx(now, abs=1e-3)
    assert ledger.estimates == {"long": {"cpu_hours": 7.0}}


def test_nothing_is_remembered_of_a_run_that_goes_on_or_where_nothing_can_be_written(tmp_path: Path) -> None:
    going, over = long_run(tmp_path, "going", over=False), long_run(tmp_path, "over")
    (over.parent / "records").write_bytes(b"in the way")
    first = read_ledger(tmp_path)
    assert rows(read_ledger(tmp_path).tables) == rows(first.tables)
    assert set(first.estimates) == {"going"}
    assert not remembered(going).exists()
