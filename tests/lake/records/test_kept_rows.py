"""Rows that others have an archive keep, in tables of their own: seen by everybody, and wherever the archive goes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from holotype import lake
from holotype.catalog import (
    KEPT_TABLES,
    ArchiveReadOnly,
    Column,
    InvalidOption,
    LogDamaged,
    RowsRefused,
    Table,
    TableNotFound,
    declaration_of,
    declared_in,
)

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive, KeptRows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_RUN = Column("run", pa.string(), "The run.")
STEPS = Table(
    "steps",
    "What was done.",
    (
        _RUN,
        Column("step", pa.string(), "The step.", matches="[a-z]+"),
        Column("state", pa.string(), "How it is.", among=("done", "failed")),
        Column("tags", pa.list_(pa.string()), "What it is marked with.", nullable=True),
        Column("at", pa.timestamp("us", tz="UTC"), "When.", nullable=True),
    ),
)
WIDER = Table("steps", "What was done.", (*STEPS.columns, Column("cpus", pa.int64(), "Processors.", True, 0)))


def rows(run: str, *steps: str, table: Table = STEPS, **more: Any) -> KeptRows:
    """A run with these steps."""
    found = [{"run": run, "step": step, "state": "done", "tags": ["a"]} for step in steps]
    given = {"identity": f"the {run}", "version": "1", "dataset": f"runs/{run}", **more}
    return lake.KeptRows(tables={table: table.rows(found)}, key="run", about=run, **given)


def counted(archive: Archive) -> list[Any]:
    """How many steps each run has."""
    return archive.sql("SELECT run, count(*) FROM steps GROUP BY run ORDER BY run").fetchall()


@pytest.fixture(name="archive")
def _archive(tmp_path: Path) -> Archive:
    return lake.create(tmp_path / "archive", author="ada")


def test_whoever_opens_the_archive_sees_tables_that_others_declared(archive: Archive, tmp_path: Path) -> None:
    assert archive.keep_rows(rows("one", "trim", "align"))
    other = lake.open(tmp_path / "archive", read_only=True)
    assert counted(other) == [("one", 2)]
    assert other.read("steps").num_rows == 2
    assert other.scan("steps").collect().height == 2
    assert other.read("steps").schema.field("step").metadata == {b"about": b"The step."}
    assert other.sql("SELECT name, author FROM kept_tables").fetchall() == [("steps", "ada")]


def test_who_has_it_open_sees_them_as_soon_as_they_are_there(archive: Archive, tmp_path: Path) -> None:
    other = lake.open(tmp_path / "archive")
    with pytest.raises(InvalidOption):
        counted(other)
    with pytest.raises(TableNotFound):
        other.read("steps")
    archive.keep_rows(rows("one", "trim"))
    assert counted(other) == [("one", 1)]


def test_the_same_is_kept_once(archive: Archive, tmp_path: Path) -> None:
    assert archive.keep_rows(rows("one", "trim"))
    commits = sorted((tmp_path / "archive" / "log").iterdir())
    assert not archive.keep_rows(rows("one", "trim"))
    assert sorted((tmp_path / "archive" / "log").iterdir()) == commits


def test_what_is_told_anew_takes_the_place_of_what_was_and_of_nothing_else(archive: Archive) -> None:
    for run in ("one", "two", "three"):
        archive.keep_rows(rows(run, "trim", "align"))
    archive.compact()
    archive.keep_rows(rows("two", "call", version="2"))
    assert counted(archive) == [("one", 2), ("three", 2), ("two", 1)]
    archive.keep_rows(rows("two", version="3"))
    assert counted(archive) == [("one", 2), ("three", 2)]
    assert archive.verify().ok


def test_another_thing_of_the_same_name_is_refused(archive: Archive) -> None:
    archive.keep_rows(rows("one", "trim"))
    with pytest.raises(InvalidOption, match="another run one"):
        archive.keep_rows(rows("one", "call", identity="another", version="9"))
    assert counted(archive) == [("one", 1)]


def test_a_table_may_be_given_more_columns_and_nothing_else(archive: Archive) -> None:
    archive.keep_rows(rows("one", "trim"))
    archive.keep_rows(rows("two", "trim", table=WIDER))
    assert archive.sql("SELECT run, cpus FROM steps ORDER BY run").fetchall() == [("one", None), ("two", None)]
    archive.keep_rows(rows("one", "trim", "align", table=WIDER, version="2"))
    assert counted(archive) == [("one", 2), ("two", 1)]
    other = Table("steps", "Otherwise.", (_RUN, Column("step", pa.int64(), "A number.")))
    with pytest.raises(InvalidOption, match=r"step is int64, and was string.*"):
        archive.keep_rows(lake.KeptRows(tables={other: other.empty()}, key="run", about="x", identity="x", version="1"))
    strict = Table("steps", "What was done.", (*WIDER.columns, Column("must", pa.int64(), "Always there.")))
    with pytest.raises(InvalidOption, match="must is not to be missing"):
        archive.keep_rows(
            lake.KeptRows(tables={strict: strict.empty()}, key="run", about="x", identity="x", version="1")
        )


@pytest.mark.parametrize("name", ["snapshots", "files", "activities", "kept_rows"])
def test_no_table_takes_a_name_that_the_archive_has_for_itself(archive: Archive, name: str) -> None:
    table = Table(name, "Mine.", (_RUN,))
    with pytest.raises(InvalidOption, match="archive's own"):
        archive.keep_rows(lake.KeptRows(tables={table: table.empty()}, key="run", about="x", identity="x", version="1"))


def test_rows_that_break_a_rule_are_refused(archive: Archive) -> None:
    wrong = pa.table({"run": ["one"], "step": ["Trim!"], "state": ["done"], "tags": [None], "at": [None]})
    with pytest.raises(RowsRefused, match="Trim!"):
        archive.keep_rows(lake.KeptRows(tables={STEPS: wrong}, key="run", about="one", identity="x", version="1"))
    with pytest.raises(InvalidOption, match="something else than two"):
        lake.KeptRows(tables={STEPS: rows("one", "a").tables[STEPS]}, key="run", about="two", identity="x", version="1")
    with pytest.raises(InvalidOption, match="no column sample"):
        lake.KeptRows(tables={STEPS: STEPS.empty()}, key="sample", about="two", identity="x", version="1")
    nothing: Any = {"steps": []}
    with pytest.raises(InvalidOption, match=r"lake\.KeptRows"):
        archive.keep_rows(nothing)


def test_a_table_that_is_the_archive_s_to_sort_is_refused(archive: Archive) -> None:
    table = Table("mine", "Sorted.", (_RUN,), sort=("run",))
    with pytest.raises(InvalidOption, match="declare it plainly"):
        archive.keep_rows(lake.KeptRows(tables={table: table.empty()}, key="run", about="x", identity="x", version="1"))


def test_an_archive_that_is_only_read_keeps_nothing(archive: Archive, tmp_path: Path) -> None:
    del archive
    with pytest.raises(ArchiveReadOnly):
        lake.open(tmp_path / "archive", read_only=True).keep_rows(rows("one", "trim"))


def test_many_keep_rows_at_once_and_none_are_lost_or_there_twice(archive: Archive, tmp_path: Path) -> None:
    def keep(n: int) -> None:
        own = lake.open(tmp_path / "archive")
        own.keep_rows(rows(f"run {n % 4}", "trim", "align", dataset=None))

    threads = [threading.Thread(target=keep, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert counted(archive) == [(f"run {n}", 2) for n in range(4)]


def test_rows_of_many_runs_are_merged_and_are_all_there(archive: Archive, tmp_path: Path) -> None:
    for n in range(40):
        archive.keep_rows(rows(f"run {n:02}", "trim", dataset=None))
    assert sum(1 for _ in (tmp_path / "archive" / "tables" / "steps").iterdir()) > 40  # the merged ones beside others
    assert counted(archive) == [(f"run {n:02}", 1) for n in range(40)]


def test_a_copy_has_them_and_its_later_copy_what_came_since(archive: Archive, tmp_path: Path) -> None:
    archive.keep_rows(rows("one", "trim"))
    archive.keep_rows(rows("two", "trim"))
    archive.copy(tmp_path / "copy")
    copy = lake.open(tmp_path / "copy")
    assert counted(copy) == [("one", 1), ("two", 1)]
    assert archive.compare(copy).equal
    archive.keep_rows(rows("one", "trim", "align", version="2"))
    archive.keep_rows(rows("three", "trim"))
    found = archive.compare(copy)
    assert {(each.what, each.where, each.object) for each in found.found} == {
        ("row", "there", "run one"),
        ("row", "there", "run three"),
    }
    archive.sync(copy)
    assert counted(copy) == counted(archive) == [("one", 2), ("three", 1), ("two", 1)]
    assert archive.compare(copy).equal
    copy.sync(archive)
    assert archive.compare(copy).equal
    assert copy.verify().ok


def test_with_some_datasets_go_the_rows_that_go_with_them(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    archive.backup(folder, dataset="runs/one")
    archive.keep_rows(rows("one", "trim"))
    archive.keep_rows(rows("two", "trim"))
    archive.copy(tmp_path / "copy", datasets=["runs/one"])
    assert counted(lake.open(tmp_path / "copy")) == [("one", 1)]


def test_they_stay_when_what_they_speak_of_is_purged(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    archive.backup(folder, dataset="runs/one")
    archive.keep_rows(rows("one", "trim"))
    archive.forget("runs/one@1", reason="space")
    archive.collect()
    assert counted(archive) == [("one", 1)]
    assert archive.verify().ok


def test_a_declaration_that_was_spoiled_says_so() -> None:
    row = {"name": "steps", "version": 1, "declaration": declaration_of(STEPS), "time": NOON, "author": "ada"}
    assert declared_in(KEPT_TABLES.rows([row]))["steps"] == STEPS
    for wrong in ("{", "{}", declaration_of(STEPS).replace('"schema": "', '"schema": "AA')):
        with pytest.raises(LogDamaged, match="steps"):
            declared_in(KEPT_TABLES.rows([{**row, "declaration": wrong}]))
