"""The database of the tables keeps what counts, and not all that ever was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.scheduling.records.folding import Fold
from holotype.scheduling.records.ordered import read_units
from holotype.scheduling.records.store import Store
from holotype.scheduling.running.journal import read_events

from ..running.making import whole
from .making import folder_of, lived, same

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_replaced_is_forgotten_when_it_is_much(tmp_path: Path) -> None:
    with lived(tmp_path, workflow=whole()):
        pass
    folder = folder_of(tmp_path)
    often, once = Store(least=5), Store()
    fold = Fold(folder, read_units(folder))
    answers = []
    for event in read_events(folder / "journal"):
        fold.apply(event)
        often.put("run", fold.take())
        answers.append(often.select("SELECT count(*) FROM tasks"))
    at_once = Fold(folder, read_units(folder))
    for event in read_events(folder / "journal"):
        at_once.apply(event)
    once.put("run", at_once.take())
    names = [name for (name,) in once.select("SELECT table_name FROM duckdb_tables()").fetchall()]
    same({name: often.rows(name) for name in names}, {name: once.rows(name) for name in names})
    assert answers[1].fetchall() == [(1,)]
    assert answers[-1].fetchall() == [(6,)]
    comments = often.select("SELECT count(comment) FROM duckdb_columns() WHERE table_name = 'tasks'").fetchall()
    assert comments == [(18,)]
    often.close()
    once.close()
