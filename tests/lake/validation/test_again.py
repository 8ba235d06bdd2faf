"""Files that stay as they are: what was found in them is taken over, and they are looked at again where less is known
than is asked for now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import DataRefused
from holotype.lake import Validation
from holotype.validators import (
    Action,
    Check,
    Code,
    Column,
    Cost,
    LibraryMissing,
    Policy,
    SchemaCheck,
    Severity,
    TableSchema,
    Threshold,
)

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.validators import Found, Subject

BROKEN = "@r\nACGT\n+\nII\n"
READ = "@r{n}\nACGT\n+\nIIII\n"
LATE = "".join(READ.format(n=n) for n in range(20_000)) + BROKEN


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A table, and reads that end too early."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "bad.fastq").write_text(BROKEN)
    (folder / "table.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return lake.create(tmp_path / "archive")


def last(archive: Archive) -> dict[str, Any]:
    return archive.reports("study").sort("time").to_dicts()[-1]


def codes(archive: Archive) -> set[str]:
    return set(archive.report(last(archive)["report"]).codes)


SEEN: list[str] = []


class Looked(Check):
    """Notes what it looks at in ``SEEN``: of its own it has nothing but what it is made with."""

    name, version = "lab.looked", "1"
    codes = (ODD := Code("lab.odd", Severity.WARNING, "It is not odd."),)

    def look(self, subject: Subject, found: Found) -> None:
        SEEN.append(subject.name)
        found.add(self.ODD, "it is odd")


def seen(archive: Archive, study: Path, *also: Check) -> list[str]:
    """What a backup with these checks looks at; one of them has to be a ``Looked``."""
    SEEN.clear()
    archive.backup(study, dataset="study", validation=Validation(also=also))
    return sorted(SEEN)


class Later(Looked):
    """Its next version."""

    version = "2"


def test_files_that_nobody_has_looked_at_are_looked_at(study: Path, archive: Archive) -> None:
    archive.backup(study, dataset="study")
    (study / "new.csv").write_text("a\n1\n")
    with pytest.raises(DataRefused, match="ends within its qualities"):
        archive.backup(study, dataset="study", validation=Validation(policy=Policy(error=Action.REFUSE)))
    archive.backup(study, dataset="study", validation=Validation())
    assert last(archive)["files"] >= 3
    assert archive.quarantined().height == 1


def test_a_look_at_some_files_makes_nobody_forget_the_others(study: Path, archive: Archive) -> None:
    archive.backup(study, dataset="study", validation=Validation())
    assert archive.validate("study@1", paths=["*.csv"]).report.ok
    (study / "new.csv").write_text("a\n1\n")
    archive.backup(study, dataset="study", validation=Validation())
    assert codes(archive) == {"fastq.record.truncated"}
    assert archive.quarantined()["number"].sort().to_list() == [1, 2]


def test_whoever_asks_for_more_gets_more(study: Path, archive: Archive) -> None:
    (study / "bad.fastq").write_text(LATE)
    archive.backup(study, dataset="study", validation=Validation(cost=Cost.HEADER))
    assert not codes(archive)
    archive.backup(study, dataset="study", validation=Validation(cost=Cost.FULL))
    assert codes(archive) == {"fastq.record.truncated"}


def test_whoever_asks_for_less_makes_nobody_forget(study: Path, archive: Archive) -> None:
    (study / "bad.fastq").write_text(LATE)
    archive.backup(study, dataset="study", validation=Validation())
    threshold = Threshold("fastq.reads", least=1, optional=True)
    archive.backup(study, dataset="study", validation=Validation(cost=Cost.HEADER, thresholds=(threshold,)))
    assert codes(archive) == {"fastq.record.truncated"}
    assert archive.quarantined()["number"].sort().to_list() == [1, 2]


def test_all_findings_are_counted_though_some_are_kept(study: Path, archive: Archive) -> None:
    (study / "bad.fastq").write_text(READ.format(n=1) * 5000)
    archive.backup(study, dataset="study", validation=Validation())
    found = archive.report(last(archive)["report"])
    assert found.counts["fastq.name.duplicate"] > found.findings.num_rows == 100
    (study / "new.csv").write_text("a\n1\n")
    archive.backup(study, dataset="study", validation=Validation())
    assert archive.report(last(archive)["report"]).counts == found.counts
    assert archive.report(last(archive)["report"]).of("bad.fastq").counts == found.counts


def test_other_thresholds_are_held_against_files_that_stayed(study: Path, archive: Archive) -> None:
    (study / "bad.fastq").write_text(READ.format(n=1))
    few, many = Threshold("fastq.reads", least=1, optional=True), Threshold("fastq.reads", least=2, optional=True)
    archive.backup(study, dataset="study", validation=Validation(thresholds=(few,)))
    assert not codes(archive)
    archive.backup(study, dataset="study", validation=Validation(thresholds=(many,)))
    assert codes(archive) == {"metric.threshold"}
    archive.backup(study, dataset="study", validation=Validation())
    assert not codes(archive)


def test_a_check_that_is_new_or_newer_looks_at_files_that_stayed_and_no_other_does(
    study: Path, archive: Archive
) -> None:
    every = ["bad.fastq", "table.csv"]
    archive.backup(study, dataset="study", validation=Validation())
    for check, expected in ((Looked(), every), (Looked(), []), (Later(), every), (Later(), [])):
        assert seen(archive, study, check) == expected
        assert codes(archive) == {"fastq.record.truncated", "lab.odd"}
        assert archive.report(last(archive)["report"]).counts["lab.odd"] == 2
    (study / "table.csv").write_text("a,b\n3,4\n")
    assert seen(archive, study, Later()) == ["table.csv"]
    assert archive.report(last(archive)["report"]).counts["lab.odd"] == 2


def test_a_file_that_could_not_be_looked_at_is_tried_again(
    study: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(self: Looked, subject: Subject, found: Found) -> None:
        raise LibraryMissing("there is no such library")

    with monkeypatch.context() as patch:
        patch.setattr(Looked, "look", missing)
        archive.backup(study, dataset="study", validation=Validation(also=(Looked(),)))
    assert "check.unavailable" in codes(archive)
    assert len(seen(archive, study, Looked())) == 2
    assert codes(archive) == {"fastq.record.truncated", "lab.odd"}


class Listed(Looked):
    """One that is made with something."""

    def __init__(self, *names: object) -> None:
        self.names = names


def test_a_check_that_is_made_with_something_else_looks_again(study: Path, archive: Archive) -> None:
    every = ["bad.fastq", "table.csv"]
    for check, expected in ((Listed("a"), every), (Listed("a"), []), (Listed("b"), every), (Listed("b"), [])):
        assert seen(archive, study, check) == expected
    for _ in range(2):  # what nobody can tell the making of
        assert seen(archive, study, Listed(lambda: 1)) == every


def test_another_schema_is_held_against_tables_that_stayed(study: Path, archive: Archive) -> None:
    loose = SchemaCheck(TableSchema("t", (Column("a", "integer"), Column("b", "integer"))), files=["*.csv"])
    tight = SchemaCheck(TableSchema("t", (Column("a", "integer", least=5), Column("b", "integer"))), files=["*.csv"])
    assert seen(archive, study, Looked(), loose) == ["bad.fastq", "table.csv"]
    assert seen(archive, study, Looked(), loose) == []
    assert seen(archive, study, Looked(), tight) == ["table.csv"]
    assert "table.range" in codes(archive)
    assert seen(archive, study, Looked(), loose, tight) == ["table.csv"]
    assert seen(archive, study, Looked(), loose, tight) == []
    assert "table.range" in codes(archive)


def test_what_a_schema_found_that_is_held_to_no_more_is_forgotten(study: Path, archive: Archive) -> None:
    tight = SchemaCheck(TableSchema("t", (Column("a", "integer", least=5), Column("b", "integer"))), files=["*.csv"])
    loose = SchemaCheck(TableSchema("t", (Column("a", "integer"), Column("b", "integer"))), files=["*.csv"])
    for schema, broken in ((tight, True), (loose, False), (tight, True), (loose, False)):
        assert "table.csv" in seen(archive, study, Looked(), schema)
        assert ("table.range" in codes(archive)) is broken


def test_what_is_declared_for_some_files_has_no_others_looked_at(study: Path, archive: Archive) -> None:
    (study / "other.csv").write_text("x\n1\n")
    archive.backup(study, dataset="study")
    schema = TableSchema("t", (Column("a", "integer"), Column("b", "integer")))
    archive.declare_schema("study", schema, files="table.csv")
    assert seen(archive, study, Looked()) == ["bad.fastq", "other.csv", "table.csv"]
    assert seen(archive, study, Looked()) == []
