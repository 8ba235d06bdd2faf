"""Whose next snapshot the results of a run are: the dataset that was said when it was begun."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import EntryNotFound, InvalidName
from holotype.scheduling import archive_run, audit_export

from ..running.making import copying, whole

if TYPE_CHECKING:
    from pathlib import Path

    from .laboratories import Laboratory


def ordered(journal: Path) -> str:
    """What a run was ordered for, by its journal."""
    first = json.loads(journal.read_text(encoding="utf-8").splitlines()[0].partition(" ")[2])
    return str(first["project"])


def two_in_one(laboratory: Laboratory) -> None:
    """Two runs whose results are versions of one dataset; the second takes what the first has made of one sample."""
    with laboratory.scheduler(laboratory.archive) as scheduler:
        for name, count in ("one", 1), ("two", 2):
            samples = laboratory.samples[:count]
            run = scheduler.start(whole(), samples, name=name, project=f"of {name}", dataset="kidney/results")
            scheduler.work()
            assert run.archived == f"kidney/results@{count}"


def test_results_of_runs_are_versions_of_the_dataset_that_was_said(laboratory: Laboratory) -> None:
    two_in_one(laboratory)
    archive = laboratory.archive
    assert archive.datasets()["dataset"].to_list() == ["kidney/results", "reads"]
    assert archive.sql("SELECT run, state FROM runs ORDER BY run").fetchall() == [("one", "done"), ("two", "done")]
    for version, reads in (1, {"a.txt"}), (2, {"a.txt", "b.txt"}):
        up = archive.provenance.upstream(f"kidney/results@{version}/results/run/gather/all.txt")
        assert {path for dataset, path in up.select("dataset", "path").rows() if dataset == "reads"} == reads


def test_one_of_several_runs_of_a_dataset_is_told_again_and_nothing_changes(laboratory: Laboratory) -> None:
    two_in_one(laboratory)
    commits = sorted((laboratory.folder / "archive" / "log").iterdir())
    assert archive_run(laboratory.run("one"), laboratory.archive).snapshot == "kidney/results@1"
    assert sorted((laboratory.folder / "archive" / "log").iterdir()) == commits


def test_an_auditor_is_given_the_run_that_was_asked_for_where_a_dataset_has_several(laboratory: Laboratory) -> None:
    two_in_one(laboratory)
    for name in ("one", "two"):
        audit_export(laboratory.archive, name, to=laboratory.folder / name)
        assert ordered(laboratory.folder / name / "data" / "journal") == f"of {name}"
    laboratory.archive.forget(dataset="kidney/results", keep_last=1)
    with pytest.raises(EntryNotFound, match="were forgotten"):
        audit_export(laboratory.archive, "one", to=laboratory.folder / "again")


def test_what_was_said_holds_for_whoever_goes_on_with_a_run_and_for_one_archived_later(laboratory: Laboratory) -> None:
    slow = whole(change=copying("change", command="sleep 0.2; tr a-z A-Z < {text} > {out}"))
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(slow, laboratory.samples[:1], name="left", dataset="kidney/left")
        scheduler.work(timeout=0.1)
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.resume("left")
        scheduler.work()
        assert run.archived == "kidney/left@1"
    with laboratory.scheduler() as scheduler:
        scheduler.start(whole(), laboratory.samples[:1], name="later", dataset="kidney/later")
        scheduler.work()
    assert archive_run(laboratory.run("later"), laboratory.archive).snapshot == "kidney/later@1"


def test_what_can_name_no_dataset_is_refused_before_anything_runs(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler, pytest.raises(InvalidName, match="ends with"):
        scheduler.start(whole(), laboratory.samples, name="one", dataset="kidney.")
    assert not laboratory.run("one").exists()
