"""Archived files and recorded activities find each other by what files hold: nothing is declared twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from .conftest import Laboratory


def test_what_was_made_before_its_dataset_was_ever_kept_is_known_when_it_is(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.archive.run(["sh", "-c", "sort raw.txt > made.txt"], name="make", cwd=laboratory.data)
    laboratory.keep()
    came_from = laboratory.archive.provenance.upstream("study@1/made.txt")
    assert "make" in came_from["label"].to_list()


def test_a_file_that_was_renamed_keeps_its_history(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "sort raw.txt > made.txt"], name="make", dataset="study")
    laboratory.keep()
    (laboratory.data / "folder").mkdir()
    (laboratory.data / "made.txt").rename(laboratory.data / "folder" / "moved.txt")
    laboratory.keep()
    came_from = laboratory.archive.provenance.upstream("study@3/folder/moved.txt")
    assert "make" in came_from["label"].to_list()
    touched = laboratory.archive.provenance.impact("study@1/raw.txt")
    moved = touched.filter(pl.col("path") == "folder/moved.txt")
    assert moved["snapshots"].to_list() == [["study@3"]]


def test_identical_bytes_in_another_dataset_are_reached_by_a_fault(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "sort raw.txt > made.txt"], name="make", dataset="study")
    other = laboratory.root / "other"
    other.mkdir()
    (other / "copy.txt").write_bytes((laboratory.data / "made.txt").read_bytes())
    laboratory.archive.backup(other, dataset="shared/tables")
    touched = laboratory.archive.provenance.impact("study@1/raw.txt")
    assert ("shared/tables", "copy.txt", ["shared/tables@1"]) in touched.select("dataset", "path", "snapshots").rows()


def test_empty_files_have_nothing_in_common(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "cat raw.txt > /dev/null; : > empty.txt"], name="touch", dataset="study")
    other = laboratory.root / "other"
    other.mkdir()
    (other / "nothing.txt").write_bytes(b"")
    laboratory.archive.backup(other, dataset="other")
    touched = laboratory.archive.provenance.impact("study@1/raw.txt")
    assert "empty.txt" in touched["path"].to_list()
    assert "nothing.txt" not in touched["path"].to_list()


def test_a_copy_of_an_archive_has_its_history_too(laboratory: Laboratory) -> None:
    from holotype import lake

    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "sort raw.txt > made.txt"], name="make", dataset="study")
    laboratory.keep()
    laboratory.archive.copy(laboratory.root / "copy")
    copied = lake.open(laboratory.root / "copy")
    assert copied.provenance.upstream("study/made.txt").equals(laboratory.archive.provenance.upstream("study/made.txt"))
    assert laboratory.archive.compare(copied).equal


def test_nothing_that_was_said_at_one_moment_is_lost_on_the_way(laboratory: Laboratory) -> None:
    from holotype import lake
    from holotype.catalog import provenance

    text = """document
    prefix ex <http://example.org/>
    entity(ex:table, [prov:label="one"])
    entity(ex:table, [prov:label="another"])
    used(ex:plot, ex:table, -, [prov:role="x"])
    used(ex:plot, ex:table, -, [prov:role="y"])
    endDocument"""
    laboratory.keep()
    laboratory.archive.provenance.record(provenance.read_provn(text))
    laboratory.archive.copy(laboratory.root / "copy")
    copied = lake.open(laboratory.root / "copy")
    there = set(copied.provenance.document().records)
    assert there == set(laboratory.archive.provenance.document().records)
    assert there > set(provenance.read_provn(text).records)  # and what is known of snapshots
    assert laboratory.archive.compare(copied).equal
    laboratory.archive.sync(copied)
    assert copied.read("prov_relations").num_rows == 2
