"""A site's records are asked with SQL while its runs go on, and say the same as what is folded afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holotype.catalog import InvalidOption, ObjectDamaged, WorkflowInvalid
from holotype.scheduling import Records, Resources, Scheduler
from holotype.scheduling.records.folding import run_tables
from holotype.scheduling.records.tables import RUN_TABLES

from ...effort import share
from ..running.making import copying, samples_in, site_in, whole
from .making import answered, eventful, folder_of, lived, same
from .test_folding import EVERY, by_size

if TYPE_CHECKING:
    from holotype.scheduling import Run

NAMES = [table.name for table in RUN_TABLES]
GROUPED = "SELECT node, state, count(*) AS count FROM tasks GROUP BY ALL ORDER BY ALL"


@pytest.fixture(name="past", scope="module")
def _past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a run of every kind of end of a sample, that is over."""
    return answered(tmp_path_factory.mktemp("past"), *EVERY, do="skip")


def copied(past: Path, folder: Path, name: str = "run") -> Path:
    """The order and the journal of the past run, as another run; returns the journal."""
    to = folder_of(folder, name)
    to.mkdir(parents=True)
    for each in ("order.json", "journal"):
        shutil.copy(folder_of(past) / each, to / each)
    return to / "journal"


def test_it_is_asked_with_sql_while_it_goes_on(tmp_path: Path) -> None:
    with Scheduler(site_in(tmp_path)) as scheduler, Records(site_in(tmp_path)) as records:
        assert records.runs().is_empty()
        run = scheduler.start(eventful(), samples_in(tmp_path, *EVERY), name="run", check=False)
        seen = list[tuple[str, int]]()

        def look() -> bool:
            run.write()
            counts = records.sql("SELECT state, count(*) FROM tasks GROUP BY state ORDER BY state").fetchall()
            assert dict(counts) == run.outcome().tasks
            seen.extend(counts)
            return False

        scheduler.work(until=look, timeout=120)
        assert len(set(seen)) > 5
        same(records.tables("run"), run_tables(folder_of(tmp_path)))
        (row,) = records.runs().to_dicts()
        assert row["state"] == "held"
        joined = (
            "SELECT node, sum(wall) FROM attempts JOIN tasks USING (run, task) WHERE failure IS NOT NULL GROUP BY 1"
        )
        assert [node for node, wall in records.sql(joined).fetchall() if wall] == ["first"]


def test_what_the_scheduler_itself_is_asked(tmp_path: Path) -> None:
    workflow = whole(change=copying("change", resources=Resources(memory=by_size)))
    with Scheduler(site_in(tmp_path)) as scheduler:
        assert scheduler.sql("SELECT * FROM runs").fetchall() == []
        scheduler.start(workflow, samples_in(tmp_path, "ann"), name="one", check=False)
        assert scheduler.sql(GROUPED).fetchall() == [("split", "ready", 1)]
        scheduler.work(timeout=60)
        assert scheduler.sql("SELECT run, state FROM runs").fetchall() == [("one", "done")]
        assert scheduler.sql("SELECT count(*) FROM tasks WHERE state = $s", parameters={"s": "done"}).fetchall() == [
            (6,)
        ]


@settings(max_examples=share(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 10**6), max_size=6), asked=st.lists(st.sampled_from(NAMES), min_size=1))
def test_following_in_pieces_is_following_at_once(past: Path, cuts: list[int], asked: list[str]) -> None:
    text = (folder_of(past) / "journal").read_bytes()
    folder = past / "pieces"
    shutil.rmtree(folder, ignore_errors=True)
    journal = copied(past, folder)
    with Records(folder / "site") as records:
        for number, cut in enumerate(sorted(each % len(text) for each in cuts)):
            journal.write_bytes(text[:cut])
            records.sql(f"SELECT * FROM {asked[number % len(asked)]}").pl()
        journal.write_bytes(text)
        same(records.tables("run"), run_tables(journal.parent))
    with Records(folder / "site") as records:  # from what was kept
        same(records.tables("run"), run_tables(journal.parent))


def test_a_line_that_was_cut_off_and_taken_away_again_never_was(past: Path, tmp_path: Path) -> None:
    journal = copied(past, tmp_path)
    text = journal.read_bytes()
    lines = text.splitlines(keepends=True)
    with Records(tmp_path / "site") as records:
        journal.write_bytes(b"".join(lines[:20]) + lines[20][:50])
        assert records.sql("SELECT count(*) FROM run_events").fetchall() == [(20,)]
        journal.write_bytes(b"".join(lines[:20]))
        assert records.sql("SELECT count(*) FROM run_events").fetchall() == [(20,)]
        journal.write_bytes(b"".join(lines[:24]))
        assert records.sql("SELECT count(*) FROM run_events").fetchall() == [(24,)]
        # Where no room was left, whole lines are taken back as well, and others may come instead.
        journal.write_bytes(b"".join(lines[:22]))
        same(records.tables("run"), run_tables(journal.parent))
        journal.unlink()
        assert records.sql("SELECT count(*) FROM run_events").fetchall() == [(0,)]
        journal.write_bytes(text)
        same(records.tables("run"), run_tables(journal.parent))


def test_an_answer_is_of_the_moment_it_was_asked_in(past: Path, tmp_path: Path) -> None:
    journal = copied(past, tmp_path)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:20]))
    with Records(tmp_path / "site") as records:
        answer = records.sql(GROUPED)
        journal.write_bytes(b"".join(lines))
        later = records.sql(GROUPED).fetchall()
        assert answer.fetchall() != later
        assert sum(count for *_, count in answer.fetchall()) < sum(count for *_, count in later)
        assert answer.pl()["count"].sum() == sum(count for *_, count in answer.fetchall())


def test_nothing_can_be_changed_and_nothing_outside_be_read(past: Path) -> None:
    with Records(past / "site") as records:
        for text in ("DELETE FROM tasks", "CREATE TABLE t (a int)", "SELECT 1; SELECT 2", "SELEC", "COPY tasks TO 'x'"):
            with pytest.raises(InvalidOption):
                records.sql(text)
        with pytest.raises(duckdb.Error, match="Cannot access file"):
            records.sql(f"SELECT * FROM read_text('{past}/well.txt')")
        with pytest.raises(InvalidOption, match="refuses"):
            records.sql("SELECT * FROM nothing")
        columns = records.sql("SELECT comment FROM duckdb_columns() WHERE table_name = 'tasks'").fetchall()
        assert all(comment for (comment,) in columns)


def test_what_is_over_is_kept_in_its_folder_and_not_folded_again(past: Path, tmp_path: Path) -> None:
    journal = copied(past, tmp_path)
    folder = journal.parent
    with Records(tmp_path / "site") as records:
        before = records.tables("run")
    kept = sorted(each.name for each in (folder / "records").iterdir())
    assert kept == sorted(f"{table.name}.parquet" for table in RUN_TABLES if table.name != "run_events")

    order = (folder / "order.json").read_bytes()
    (folder / "order.json").write_bytes(b"not asked for")
    with Records(tmp_path / "site") as records:
        assert records.sql("SELECT state FROM runs").fetchall() == [("degraded",)]
        same(records.tables("run"), before)

    # What is half of it, or another version's, or of an earlier journal, does not count.
    (folder / "order.json").write_bytes(order)
    (folder / "records" / "tasks.parquet").write_bytes(b"PAR1")
    with Records(tmp_path / "site") as records:
        same(records.tables("run"), before)
    cut = (folder / "records" / "attempts.parquet").read_bytes()
    (folder / "records" / "attempts.parquet").write_bytes(cut[:4] + b"\0" * 400 + cut[404:])  # where the rows are
    with Records(tmp_path / "site") as records:
        same(records.tables("run"), before)
    (folder / "records" / "runs.parquet").unlink()
    with Records(tmp_path / "site") as records:
        same(records.tables("run"), before)
        shutil.rmtree(folder / "records")
    (folder / "records").write_bytes(b"in the way")
    with Records(tmp_path / "site") as records:
        same(records.tables("run"), before)


def test_what_is_said_of_a_run_that_is_over_is_seen(tmp_path: Path) -> None:
    with lived(tmp_path, workflow=whole()) as (scheduler, run):
        for _ in range(2):
            with Records(tmp_path / "site") as records:
                assert records.sql("SELECT count(bad) FROM tasks").fetchall() == [(0,)]
        with Records(tmp_path / "site") as records, Records(tmp_path / "site") as other:
            records.refresh()
            other.refresh()
            scheduler.mark_bad(run, "gather", why="the wrong letters")
            assert records.sql("SELECT bad FROM tasks WHERE node = 'gather'").fetchall() == [("the wrong letters",)]
            # What another one keeps meanwhile is of the longer journal.
            same(other.tables("run"), run_tables(folder_of(tmp_path)))


def test_what_was_kept_may_be_replaced_before_it_is_read(past: Path, tmp_path: Path) -> None:
    journal = copied(past, tmp_path)
    for _ in range(2):
        with Records(tmp_path / "site") as records:
            records.refresh(["runs"])
            shutil.rmtree(journal.parent / "records")
            same(records.tables("run"), run_tables(journal.parent))


def test_runs_come_and_go(past: Path, tmp_path: Path) -> None:
    with Records(tmp_path / "site") as records:
        copied(past, tmp_path, "one")
        copied(past, tmp_path, "two")
        (folder_of(tmp_path, "begun")).mkdir()  # by somebody who died before there was an order
        assert records.runs()["run"].to_list() == ["one", "two"]
        each = records.tables("two")["tasks"].height
        counted = records.sql("SELECT run, count(*) FROM tasks GROUP BY run ORDER BY run").fetchall()
        assert counted == [("one", each), ("two", each)]
        assert each > 30
        shutil.rmtree(folder_of(tmp_path, "one"))
        assert records.runs()["run"].to_list() == ["two"]
        assert records.sql("SELECT DISTINCT run FROM tasks").fetchall() == [("two",)]
        with pytest.raises(InvalidOption, match="there is no run one"):
            records.tables("one")


def test_a_run_that_cannot_be_read_is_told_or_left_out(past: Path, tmp_path: Path) -> None:
    copied(past, tmp_path, "well")
    journal = copied(past, tmp_path, "damaged")
    text = bytearray(journal.read_bytes())
    text[len(text) // 2] ^= 1
    journal.write_bytes(text)
    with Records(tmp_path / "site") as records, pytest.raises(ObjectDamaged, match="not as it was written"):
        records.runs()
    with Records(tmp_path / "site", strict=False) as records:
        for _ in range(2):
            assert records.runs()["run"].to_list() == ["well"]
            assert list(records.left_out) == ["damaged"]
            with pytest.raises(ObjectDamaged, match="not as it was written"):
                records.tables("damaged")
        assert records.sql("SELECT DISTINCT run FROM tasks").fetchall() == [("well",)]
        text[len(text) // 2] ^= 1
        journal.write_bytes(text[: text.index(b"\n") + 1])
        assert records.runs()["run"].to_list() == ["damaged", "well"]
        assert not records.left_out


def test_workflows_that_no_document_holds_are_given(tmp_path: Path) -> None:
    workflow = whole(change=copying("change", resources=Resources(memory=by_size)))
    run: Run
    with lived(tmp_path, workflow=workflow) as (_, run):
        with Records(tmp_path / "site") as records, pytest.raises(WorkflowInvalid, match="give the workflow itself"):
            records.runs()
        with Records(tmp_path / "site", workflows=[eventful(), workflow]) as records:
            assert records.tables("run")["tasks"].select("task", "state").equals(run.tasks().select("task", "state"))


PROGRAM = """
import sys
from pathlib import Path
from tests.scheduling.records.making import eventful, lived
with lived(Path(sys.argv[1]), *sys.argv[2:], workflow=eventful()) as (_, run):
    print(run.tasks().select("task", "state", "attempts").sort("task").write_json())
"""


def test_of_a_run_that_another_process_has_in_hand(tmp_path: Path) -> None:
    top = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *EVERY], cwd=top, stdout=subprocess.PIPE, text=True
    )
    seen = set[int]()
    with child, Records(tmp_path / "site") as records:
        while child.poll() is None:
            seen |= {count for (count,) in records.sql("SELECT count(*) FROM run_events").fetchall()}
            records.sql(GROUPED).fetchall()
        assert child.stdout is not None
        told = pl.read_json(child.stdout.read().encode())
        assert len(seen) > 3
        same(records.tables("run"), run_tables(folder_of(tmp_path)))
        tasks = records.tables("run")["tasks"].select("task", "state", "attempts").sort("task")
        assert tasks.rows() == told.rows()
