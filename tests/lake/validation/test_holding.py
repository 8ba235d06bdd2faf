"""Files are held to what is declared for them, whoever backs them up, and to the version of their time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from holotype import lake
from holotype.catalog import DataRefused, InvalidOption
from holotype.validators import (
    Action,
    Code,
    Column,
    GroupCheck,
    Policy,
    Reference,
    Severity,
    TableSchema,
    Term,
    Vocabulary,
)

from ..archive.trees import fill
from .digits import STRICT, codes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.validators import Found, Subject

SAMPLES = TableSchema("samples", (Column("id", "string", unique=True), Column("mass", "number", least=0)))
LOOSER = TableSchema("samples", (Column("id", "string"), Column("mass", "number")))
HELD = "table.schema:samples.csv"
SOUND, NEGATIVE = b"id,mass\na,1\nb,2\n", b"id,mass\na,1\nb,-2\n"
RECORD = Policy(error=Action.RECORD)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A study: a table, and a text that is none."""
    return fill(tmp_path / "study", {"samples.csv": SOUND, "a.txt": b"x\n"})


@pytest.fixture
def archive(tmp_path: Path, source: Path) -> Archive:
    """An archive with the study, for whose table a schema is declared since."""
    archive = lake.create(tmp_path / "archive", author="ada")
    archive.backup(source, dataset="study")
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    return archive


def held(archive: Archive, reference: str) -> dict[str, tuple[str, str]]:
    """Which schema's version the last report says each file was held to."""
    rows = archive.report(reference).checked.to_pylist()
    return {row["path"]: (row["check"], row["version"]) for row in rows if row["check"].startswith("table.schema:")}


def codes(archive: Archive, reference: str) -> list[tuple[object, object]]:
    """What the last report found."""
    return codes_of(archive.report(reference).findings.to_pylist())


def version(archive: Archive, number: int) -> str:
    """How reports call a version."""
    return archive.schema("study", version=number).label


def test_a_backup_that_looks_holds_the_files_to_it_and_the_report_names_the_version(
    archive: Archive, source: Path
) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study", validation=lake.Validation())
    assert held(archive, "study@2") == {"samples.csv": (HELD, version(archive, 1))}
    assert ("samples.csv", "table.range") in codes(archive, "study@2")
    assert archive.report("study@2").metric("table.rows", path="samples.csv") == 2
    assert archive.snapshot("study").number == 1
    assert archive.sql("SELECT path, row FROM findings WHERE code = 'table.range'").fetchall() == [("samples.csv", 1)]


def test_a_backup_that_was_not_asked_to_look_holds_them_to_it_all_the_same(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    snapshot = archive.backup(source, dataset="study")
    assert codes(archive, "study@2") == [("samples.csv", "table.range")]
    assert set(archive.report("study@2").checked["path"].to_pylist()) == {"samples.csv"}, "and does nothing else"
    assert archive.quarantined()["snapshot"].to_list() == [snapshot.id]
    assert archive.snapshot("study").number == 1
    fill(source, {"samples.csv": SOUND})
    archive.backup(source, dataset="study")
    assert archive.snapshot("study").number == 3
    assert archive.report("study@3").ok


def test_a_dataset_for_which_nothing_is_declared_is_backed_up_as_ever(archive: Archive, source: Path) -> None:
    archive.backup(source, dataset="other")
    assert archive.reports("other").is_empty()
    archive.declare_schema("study", SAMPLES, files="nothing like it/*.csv")
    archive.backup(source, dataset="study")
    assert set(held(archive, "study@2")) == {"samples.csv"}, "a pattern that matches nothing is no mistake"


def test_data_that_break_it_are_refused_where_that_is_asked_for(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    asked = lake.Validation(checks=(), policy=Policy(error=Action.REFUSE))
    with pytest.raises(DataRefused, match=r"the first: samples\.csv: it is out of its range"):
        archive.backup(source, dataset="study", validation=asked)
    assert archive.snapshots("study").height == 1


def test_a_dataframe_is_held_to_it_too(archive: Archive) -> None:
    archive.write_table("counts", pl.DataFrame({"id": ["a"], "mass": [1.0]}))
    archive.declare_schema("counts", SAMPLES)
    archive.write_table("counts", pl.DataFrame({"id": ["a", "a"], "mass": [1.0, -1.0]}))
    assert {code for _, code in codes(archive, "counts@2")} == {"table.range", "table.unique"}
    assert archive.table("counts").collect().height == 1, "the last sound one is the latest"


def test_files_that_stay_are_looked_at_again_when_another_version_holds(archive: Archive, source: Path) -> None:
    stricter = TableSchema("samples", (Column("id", "string", among=("a",)), Column("mass", "number")))
    for validation in (None, lake.Validation()):
        before = archive.backup(source, dataset="study", validation=validation)
        assert archive.report(before.name).ok
        archive.declare_schema("study", stricter, breaking=True)
        after = archive.backup(source, dataset="study", validation=validation)
        assert after.new_bytes == 0
        assert ("samples.csv", "table.value") in codes(archive, after.name)
        assert held(archive, after.name)["samples.csv"] == (HELD, archive.schema("study").label)
        archive.declare_schema("study", LOOSER)
        last = archive.backup(source, dataset="study", validation=validation)
        assert archive.report(last.name).ok, "what the version before found is not taken over"
        assert archive.report(last.name).metrics.num_rows == archive.report(before.name).metrics.num_rows


def test_files_that_stay_are_not_looked_at_again_while_the_same_version_holds(archive: Archive, source: Path) -> None:
    for validation in (None, lake.Validation()):
        first, second = (archive.backup(source, dataset="study", validation=validation) for _ in range(2))
        rows = [
            [row for row in archive.report(made.name).checked.to_pylist() if row["check"] == HELD]
            for made in (first, second)
        ]
        assert rows[0] == rows[1], "it took as long, so it is the same look"


def test_a_snapshot_that_was_not_held_to_it_does_not_keep_the_next_from_it(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study", validation=lake.Validation(checks=(), schemas="none"))
    assert archive.report("study@2").ok
    archive.backup(source, dataset="study")
    assert codes(archive, "study@3") == [("samples.csv", "table.range")]


def test_what_was_withdrawn_is_not_held_to_and_what_it_found_is_forgotten(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study")
    archive.withdraw_schema("study", reason="they send anything")
    archive.backup(source, dataset="study")
    assert archive.snapshot("study").number == 3
    assert archive.reports("study@3").is_empty()
    archive.backup(source, dataset="study", validation=lake.Validation())
    assert held(archive, "study@4") == {}
    assert archive.schemas("study@3").is_empty()
    assert archive.schemas("study@2")["version"].to_list() == [1]


def test_what_a_withdrawn_schema_found_is_not_taken_over(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study", validation=lake.Validation())
    archive.withdraw_schema("study", reason="they send anything")
    archive.backup(source, dataset="study", validation=lake.Validation())
    assert archive.report("study@3").ok
    assert held(archive, "study@3") == {}


def test_what_stays_unsound_keeps_later_snapshots_in_quarantine(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study")
    fill(source, {"a.txt": b"y\n"})
    archive.backup(source, dataset="study")
    assert codes(archive, "study@3") == [("samples.csv", "table.range")]
    (source / "samples.csv").unlink()
    archive.backup(source, dataset="study")
    assert archive.snapshot("study").number == 4


def test_patterns_and_checks_choose_among_the_others(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE, "a.txt": b"z\n", "b.log": b"z\n"})
    asked = lake.Validation(checks=STRICT.checks, patterns=("*.txt",))
    archive.backup(source, dataset="study", validation=asked)
    assert set(codes(archive, "study@2")) == {("a.txt", "test.digits.letters"), ("samples.csv", "table.range")}


def test_what_is_no_table_is_a_finding(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": b'{"id": 1}\n'})
    archive.backup(source, dataset="study")
    assert ("samples.csv", "table.format") in codes(archive, "study@2")


def test_a_single_file_is_held_to_it(tmp_path: Path, archive: Archive) -> None:
    path = fill(tmp_path / "alone", {"samples.csv": NEGATIVE}) / "samples.csv"
    archive.declare_schema("one", SAMPLES, files="samples.csv", ahead=True)
    archive.backup(path, dataset="one")
    assert codes(archive, "one@1") == [("samples.csv", "table.range")]


REFERS = TableSchema(
    "visits",
    (Column("donor", "string"), Column("cell", "string", vocabulary="cells")),
    (Reference(("donor",), "donors", ("id",)),),
)
CELLS = Vocabulary("cells", [Term("C:1", "T cell")])


@pytest.fixture
def visits(archive: Archive, tmp_path: Path) -> Path:
    """A folder with a table that refers to another one, and to terms, as declared."""
    archive.declare_schema(
        "visits", REFERS, files="v/*.csv", tables={"donors": "d/d.csv"}, vocabularies={"cells": CELLS}, ahead=True
    )
    return fill(tmp_path / "visits", {"v/1.csv": b"donor,cell\nx,C:1\n", "d/d.csv": b"id\nx\n"})


def test_what_a_table_refers_to_is_looked_for_in_its_dataset(archive: Archive, visits: Path, tmp_path: Path) -> None:
    archive.backup(visits, dataset="visits")
    assert archive.report("visits@1").ok
    fill(visits, {"d/d.csv": b"id\ny\n"})
    archive.backup(visits, dataset="visits")
    wrong = [("v/1.csv", "table.reference")]
    assert codes(archive, "visits@2") == wrong, "though it did not change itself"
    assert archive.validate("visits@1").ok
    assert codes_of(archive.validate("visits@2").report.findings.to_pylist()) == wrong
    asked = lake.Validation(policy=RECORD, checks=())
    restored = [archive.restore(f"visits@{number}", tmp_path / f"{number}", validation=asked) for number in (1, 2)]
    assert [codes_of(each.report.findings.to_pylist()) for each in restored if each.report] == [[], wrong]


def test_terms_are_those_that_were_declared(archive: Archive, visits: Path) -> None:
    fill(visits, {"v/1.csv": b"donor,cell\nx,C:9\n"})
    archive.backup(visits, dataset="visits")
    assert codes(archive, "visits@1") == [("v/1.csv", "table.term.unknown")]


def test_a_table_that_is_referred_to_and_is_not_there_is_a_finding(archive: Archive, visits: Path) -> None:
    (visits / "d" / "d.csv").unlink()
    archive.backup(visits, dataset="visits")
    assert codes(archive, "visits@1") == [("v/1.csv", "table.reference")]
    assert codes_of(archive.validate("visits@1").report.findings.to_pylist()) == [("v/1.csv", "table.reference")]


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
def test_no_link_leads_out_of_what_is_backed_up(archive: Archive, visits: Path, tmp_path: Path) -> None:
    fill(tmp_path / "secret", {"d.csv": b"id\nx\n"})
    (visits / "d" / "d.csv").unlink()
    (visits / "d" / "d.csv").symlink_to(tmp_path / "secret" / "d.csv")
    archive.backup(visits, dataset="visits")
    (finding,) = archive.report("visits@1").findings.to_pylist()
    assert "leads out of" in finding["message"]


def test_old_snapshots_are_held_to_the_version_of_their_time(archive: Archive, source: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study", validation=lake.Validation(policy=RECORD))
    archive.declare_schema("study", LOOSER)
    archive.backup(source, dataset="study")
    asked = lake.Validation(policy=RECORD)
    assert not archive.validate("study@2", validation=asked).ok
    assert held(archive, "study@2")["samples.csv"] == (HELD, version(archive, 1))
    assert archive.validate("study@3", validation=asked).ok
    assert archive.validate("study@2", validation=lake.Validation(schemas="current")).ok
    assert held(archive, "study@2")["samples.csv"] == (HELD, version(archive, 2))
    assert archive.validate("study@2", validation=lake.Validation(schemas="none")).ok
    assert held(archive, "study@2") == {}
    assert archive.validate("study@1").ok
    assert held(archive, "study@1")["samples.csv"] == (HELD, version(archive, 2)), "it is older than all of them"


def test_what_is_restored_is_held_to_the_version_of_its_time(archive: Archive, source: Path, tmp_path: Path) -> None:
    fill(source, {"samples.csv": NEGATIVE})
    archive.backup(source, dataset="study")
    archive.declare_schema("study", LOOSER)
    restored = archive.restore("study@2", tmp_path / "back", validation=lake.Validation(policy=RECORD))
    assert restored.report is not None
    assert "table.range" in restored.report.codes


def test_which_versions_are_held_to_is_one_of_three_words() -> None:
    wrong: Any = "now"
    with pytest.raises(InvalidOption, match="schemas is 'then', 'current' or 'none', not 'now'"):
        lake.Validation(schemas=wrong)


ODD = Code("test.pair", Severity.ERROR, "There are two files.")


class Pair(GroupCheck):
    """Finds that there are not two files."""

    name, codes = "test.pair", (ODD,)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        if len(subjects) != 2:
            found.add(ODD, "there are others")


def test_what_was_found_of_files_together_is_looked_for_again(archive: Archive, source: Path) -> None:
    asked = lake.Validation(checks=(Pair(),), policy=RECORD)
    fill(source, {"b.txt": b"y\n"})
    archive.backup(source, dataset="study", validation=asked)
    assert archive.validate("study@2", validation=asked).report.codes == {"test.pair"}
    (source / "b.txt").unlink()
    archive.backup(source, dataset="study", validation=asked)
    assert archive.report("study@3").ok


def test_what_a_restore_found_is_not_taken_over(archive: Archive, source: Path, tmp_path: Path) -> None:
    archive.backup(source, dataset="study", validation=lake.Validation(checks=()))
    archive.restore("study@2", tmp_path / "back", validation=lake.Validation(checks=STRICT.checks, policy=RECORD))
    assert not archive.report("study@2").ok
    archive.backup(source, dataset="study", validation=lake.Validation(checks=()))
    assert archive.report("study@3").ok
