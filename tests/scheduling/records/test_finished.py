"""What is over is let go of while a run is followed, and the tables say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Records
from holotype.scheduling.records.folding import Fold, run_tables
from holotype.scheduling.records.ordered import read_units
from holotype.scheduling.records.store import Store
from holotype.scheduling.records.tables import RUN_TABLES
from holotype.scheduling.running.journal import read_events

from .making import answered, eventful, folder_of, lived, same
from .test_folding import EVERY

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [table.name for table in RUN_TABLES]


@pytest.fixture(name="past", scope="module")
def _past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with every kind of end of a sample."""
    return folder_of(answered(tmp_path_factory.mktemp("past"), *EVERY, do="stop_sample"))


@pytest.mark.parametrize("often", [1, 4, 25])
def test_tables_of_a_run_of_which_tasks_were_let_go_are_the_same(often: int, past: Path) -> None:
    fold, store = Fold(past, read_units(past), lasting=False), Store(least=20)
    most = 0
    for number, event in enumerate(read_events(past / "journal")):
        fold.apply(event)
        most = max(most, len(fold.progress.tasks))
        if number % often == 0:
            store.put("run", fold.take(final=number % 2 == 0))
            store.compress()
    store.put("run", fold.take())
    same({name: store.rows(name) for name in NAMES}, run_tables(past))
    # Of these something may still be told.
    assert {state.state.value for state in fold.progress.tasks.values()} == {"stopped"}
    assert most < run_tables(past)["tasks"].num_rows
    store.close()


def test_an_answer_stays_what_it_was_while_what_it_is_from_is_compressed(past: Path) -> None:
    fold, store = Fold(past, read_units(past)), Store()
    for event in read_events(past / "journal"):
        fold.apply(event)
    store.put("run", fold.take())
    answer = store.select("SELECT count(*), count(DISTINCT task) FROM attempts")
    store.forget("run")
    store.compress()
    rows = run_tables(past)["attempts"]
    assert answer.fetchall() == [(rows.num_rows, len(rows["task"].unique()))]
    assert store.select("SELECT count(*) FROM attempts").fetchall() == [(0,)]
    store.close()


def test_what_is_said_of_a_task_that_was_let_go_is_seen(tmp_path: Path) -> None:
    with (
        lived(tmp_path, "well", "held", workflow=eventful()) as (scheduler, run),
        Records(tmp_path / "site") as records,
    ):
        assert records.tables("run")["runs"]["state"].to_list() == ["held"]
        for task in ("first[well]", "change[well].0"):
            scheduler.mark_bad(run, task, why="the wrong letters")
            assert (task, "the wrong letters") in records.sql("SELECT task, bad FROM tasks").fetchall()
        same(records.tables("run"), run_tables(folder_of(tmp_path)))
        scheduler.answer(run, "first[held]", "skip", who="ada", why="it does not matter")
        scheduler.work(timeout=60)
        same(records.tables("run"), run_tables(folder_of(tmp_path)))
