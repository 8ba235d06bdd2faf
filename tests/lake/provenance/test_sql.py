"""Provenance is asked by SQL: what had to do with what, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from holotype import lake
from holotype.catalog import provenance

if TYPE_CHECKING:
    from holotype.lake import Archive

    from .conftest import Laboratory


@pytest.fixture
def told(laboratory: Laboratory) -> Laboratory:
    """A result by a command, a block that failed, three snapshots of which one was purged, and a foreign record."""
    archive = laboratory.archive
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    archive.run(["sh", "-c", "cat raw.txt raw.txt > made.txt"], dataset="study", name="double")
    with pytest.raises(ValueError, match="no"), archive.activity("half", dataset="study"):
        raise ValueError('no "more"')
    laboratory.keep()
    archive.write_table("counts", pl.DataFrame({"x": [1]}))
    archive.forget("study@1")
    archive.collect()
    text = """document
    prefix ex <http://example.org/>
    entity(ex:table)
    activity(ex:plot, 2024-05-01T10:00:00Z, 2024-05-01T10:00:30Z)
    agent(ex:ada, [prov:label="Ada"])
    wasStartedBy(ex:plot, -, ex:night, -)
    wasAssociatedWith(ex:plot, ex:ada, ex:recipe)
    used(ex:plot, ex:table, 2024-05-01T10:00:10Z, [prov:role="x"])
    wasGeneratedBy(ex:lost, -, -)
    endDocument"""
    archive.provenance.record(provenance.read_provn(text))
    return laboratory


def rows(archive: Archive, query: str, **parameters: object) -> list[tuple[object, ...]]:
    """What SQL answers."""
    found: list[tuple[object, ...]] = archive.sql(query, parameters=parameters or None).pl().rows()
    return found


def test_what_had_to_do_with_what_is_there_by_its_identifiers(told: Laboratory) -> None:
    entity = told.archive.provenance.entity
    made, raw = entity("study/made.txt"), entity("study/raw.txt")
    ((step, role),) = rows(
        told.archive,
        "SELECT object, role FROM provenance WHERE subject = $made AND term = 'wasGeneratedBy'",
        made=made,
    )
    assert role == "output"
    used = "SELECT object FROM provenance WHERE subject = $step AND term = 'used' AND role = 'input'"
    assert rows(told.archive, used, step=step) == [(raw,)]


def test_every_statement_of_a_document_is_a_row_and_so_is_a_third_thing_it_speaks_of(told: Laboratory) -> None:
    foreign = rows(
        told.archive,
        """
        SELECT subject, term, object, role, time IS NOT NULL FROM provenance
        WHERE subject LIKE 'http://example.org/%' ORDER BY ALL
        """,
    )
    ex = "http://example.org/"
    assert foreign == [
        (ex + "lost", "wasGeneratedBy", None, None, False),
        (ex + "plot", "used", ex + "table", "x", True),
        (ex + "plot", "wasAssociatedWith", ex + "ada", None, False),
        (ex + "plot", "wasAssociatedWith", ex + "recipe", "plan", False),
        (ex + "plot", "wasStartedBy", ex + "night", "starter", False),
    ]


def test_all_of_it_is_what_the_document_of_everything_says(told: Laboratory) -> None:
    document = told.archive.provenance.document()
    said = {
        (record.arguments[0], record.term, other)
        for record in document.records
        if record.term not in (*provenance.ELEMENTS, "hadMember")
        for argument, other in zip(provenance.TERMS[record.term].arguments[1:], record.arguments[1:], strict=True)
        if isinstance(other, str)
        and argument.refers in (*provenance.ELEMENTS, "influence")
        and not (record.term == "wasDerivedFrom" and "snapshot" in str(record.arguments[0]) and "activity" in other)
    }
    found = rows(
        told.archive,
        "SELECT DISTINCT subject, term, object FROM provenance WHERE object IS NOT NULL AND term <> 'hadMember'",
    )
    assert set(found) == said


def test_what_was_done_is_a_row_each(told: Laboratory) -> None:
    done = {
        name: (kind, outcome, error)
        for name, kind, outcome, error in rows(told.archive, "SELECT name, kind, outcome, error FROM activities")
    }
    assert done == {
        "double": ("run", "completed", None),
        "half": ("python", "failed", 'ValueError: no "more"'),
        "backup of study@1": ("backup", "completed", None),
        "backup of study@2": ("backup", "completed", None),
        "writing of the table counts@1": ("write-table", "completed", None),
        "collect": ("collect", "completed", None),
        None: (None, None, None),
    }
    ((seconds, author),) = rows(told.archive, "SELECT seconds, author FROM activities WHERE began < '2025-01-01'")
    assert (seconds, author) == (30.0, "Ada")
    mine = rows(told.archive, "SELECT DISTINCT author FROM activities WHERE kind IN ('run', 'python', 'backup')")
    assert mine == [(told.archive.snapshot("study@2").author,)]
    took = rows(told.archive, "SELECT count(*) FROM activities WHERE seconds >= 0 AND kind = 'run' AND ended >= began")
    assert took == [(1,)]


def test_an_activity_is_called_as_everywhere_else(told: Laboratory) -> None:
    frame = told.archive.provenance.upstream("study@2")
    called = frame.filter(pl.col("term") == "activity").select("id", "label", "type", "began", "ended")
    for id, label, kind, began, ended in called.iter_rows():
        query = "SELECT name, kind, began, ended FROM activities WHERE id = $id"
        assert rows(told.archive, query, id=id) == [(label, kind, began, ended)]


def test_people_are_called_as_everywhere_else(laboratory: Laboratory) -> None:
    for author in ("Ada Löve@lab:7", "https://orcid.org/0000-0002-1825-0097", "ann-b_c.d~e@host"):
        archive = lake.open(laboratory.archive.url, author=author)
        archive.backup(laboratory.data, dataset="study")
    objects = "SELECT DISTINCT object FROM provenance WHERE term = 'wasAssociatedWith'"
    said = {provenance.person_id(str(author)) for (author,) in rows(laboratory.archive, "SELECT author FROM snapshots")}
    assert {id for (id,) in rows(laboratory.archive, objects)} == said


def test_what_was_said_of_an_activity_later_is_what_holds(laboratory: Laboratory) -> None:
    for outcome in ("interrupted", "completed"):
        facts = ((provenance.HOLOTYPE + "outcome", provenance.literal(outcome)),)
        record = provenance.Record("activity", "urn:x:act", (), facts)
        laboratory.archive.provenance.record(provenance.Document((record,)))
    assert rows(laboratory.archive, "SELECT outcome FROM activities") == [("completed",)]
