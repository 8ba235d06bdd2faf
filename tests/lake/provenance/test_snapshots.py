"""Snapshots and the backups that made them are part of what is known of where things came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from holotype import lake
from holotype.catalog import EntryNotFound, ProvenanceRefused, check_prov, provenance
from holotype.catalog.provenance.checking import check

if TYPE_CHECKING:
    from .conftest import Laboratory

HOLOTYPE, PROV = provenance.HOLOTYPE, provenance.PROV


@pytest.fixture
def chain(laboratory: Laboratory) -> Laboratory:
    """raw.txt → clean.txt → result.txt, each by a command; kept before, between and after."""
    (laboratory.data / "raw.txt").write_text("raw\n")
    (laboratory.data / "other.txt").write_text("other\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "cat raw.txt raw.txt > clean.txt"], dataset="study", name="clean")
    laboratory.keep()
    laboratory.archive.run(
        ["sh", "-c", "cat clean.txt > result.txt; echo . >> result.txt"], dataset="study", name="end"
    )
    laboratory.archive.backup(laboratory.data, dataset="study", message="with results")
    return laboratory


def labels(frame: pl.DataFrame) -> list[str]:
    """What the elements are called, in order."""
    return frame["label"].to_list()


def said(document: provenance.Document, term: str) -> set[tuple[object, ...]]:
    """The arguments of all relations of a term."""
    return {record.arguments for record in document.records if record.term == term}


def facts(document: provenance.Document, id: str) -> dict[str, object]:
    """What a document says of an element, by the last words of its attributes."""
    return {
        name.removeprefix(HOLOTYPE).removeprefix(PROV): provenance.plain_value(value)
        for record in document.records
        if record.id == id
        for name, value in record.attributes
    }


def test_a_snapshot_came_from_its_backup_by_a_person_and_from_what_its_files_came_from(chain: Laboratory) -> None:
    came_from = chain.archive.provenance.upstream("study@3")
    assert labels(came_from)[:2] == ["study@3", "backup of study@3"]
    kept = chain.archive.snapshot("study@3")
    backup = came_from.row(1, named=True)
    assert (backup["kind"], backup["type"]) == ("activity", "backup")
    assert (backup["began"], backup["ended"]) == (kept.began, kept.time)
    (person,) = came_from.filter(pl.col("kind") == "person").to_dicts()
    assert (person["label"], person["depth"]) == (kept.author, 2)
    assert came_from.row(0, named=True)["dataset"] == "study"
    assert {"raw.txt", "clean.txt", "result.txt", "clean", "end", "sh"} <= set(labels(came_from))
    assert "other.txt" not in labels(came_from)  # nobody has said anything of it


def test_the_version_before_is_told_and_not_all_that_it_came_from(chain: Laboratory) -> None:
    provenance_of = chain.archive.provenance
    came_from = provenance_of.upstream("study@3")
    assert "study@2" in labels(came_from)
    assert not {"study@1", "backup of study@2"} & set(labels(came_from))
    versions = provenance_of.upstream("study@3", terms=["wasDerivedFrom"])
    assert labels(versions.filter(pl.col("kind") == "snapshot")) == ["study@3", "study@2", "study@1"]
    later = provenance_of.downstream("study@1", terms=["wasDerivedFrom"]).filter(pl.col("kind") == "snapshot")
    assert labels(later) == ["study@1", "study@2", "study@3"]


def test_what_came_of_a_file_or_an_activity_is_also_the_snapshots_that_have_it(chain: Laboratory) -> None:
    provenance_of = chain.archive.provenance
    reached = provenance_of.downstream("study@2/clean.txt")
    assert set(reached.filter(pl.col("kind") == "snapshot")["label"]) == {"study@2", "study@3"}
    (step,) = reached.filter(pl.col("label") == "end")["id"]
    made = provenance_of.downstream(step)
    assert labels(made) == ["end", "result.txt", "study@3"]
    assert made["depth"].to_list() == [0, 1, 2]
    assert labels(provenance_of.downstream(step, depth=1)) == ["end", "result.txt"]
    assert labels(provenance_of.downstream(step, terms=["wasGeneratedBy"])) == ["end", "result.txt"]


def test_a_file_that_is_gone_is_in_no_later_snapshot(chain: Laboratory) -> None:
    (chain.data / "clean.txt").unlink()
    chain.keep()
    reached = chain.archive.provenance.downstream("study@2/clean.txt", depth=1)
    assert set(reached.filter(pl.col("kind") == "snapshot")["label"]) == {"study@2", "study@3"}


def test_what_nobody_said_anything_of_is_in_snapshots_all_the_same(chain: Laboratory) -> None:
    provenance_of = chain.archive.provenance
    reached = provenance_of.downstream("study/other.txt")
    assert labels(reached)[0] == "other.txt"
    assert set(labels(reached)[1:]) == {"study@1", "study@2", "study@3"}
    with pytest.raises(EntryNotFound, match=r"^study/other\.txt is archived, but nothing is recorded of where"):
        provenance_of.upstream("study/other.txt")
    with pytest.raises(EntryNotFound):
        provenance_of.downstream(provenance_of.entity("study/other.txt") + "x")


def test_what_a_person_did_is_also_the_backups(chain: Laboratory) -> None:
    person = provenance.person_id(chain.archive.snapshot("study@1").author)
    did = labels(chain.archive.provenance.downstream(person))
    assert {f"backup of study@{number}" for number in (1, 2, 3)} <= set(did)
    assert {"study@1", "study@2", "study@3", "clean", "end"} <= set(did)


def test_a_way_leads_from_a_snapshot_to_an_input_and_back(chain: Laboratory) -> None:
    way = chain.archive.provenance.path
    assert labels(way("study@3", "study@1/raw.txt")) == ["study@3", "raw.txt"]
    (chain.data / "raw.txt").unlink()
    chain.keep()
    back = way("study@4", "study@1/raw.txt")
    assert labels(back) == ["study@4", "clean.txt", "clean", "raw.txt"]
    assert way("study@1/raw.txt", "study@4")["id"].to_list() == back["id"].to_list()[::-1]
    assert labels(way("study@4", "study@4/other.txt")) == ["study@4", "other.txt"]
    assert labels(way("study@4", "study@2")) == ["study@4", "study@3", "study@2"]
    (person,) = chain.archive.provenance.upstream("study@4").filter(pl.col("kind") == "person")["id"]
    assert labels(way("study@4", person))[:2] == ["study@4", "backup of study@4"]


def test_a_way_leads_from_a_snapshot_to_what_came_of_its_files(chain: Laboratory) -> None:
    forth = chain.archive.provenance.path("study@1", "study@3/result.txt")
    assert labels(forth) == ["study@1", "raw.txt", "clean", "clean.txt", "end", "result.txt"]
    with pytest.raises(EntryNotFound):
        chain.archive.provenance.path("study@1", provenance.snapshot_id("0" * 64))


def test_whoever_used_a_snapshot_used_its_files(chain: Laboratory) -> None:
    archive = chain.archive
    other = chain.root / "other"
    other.mkdir()
    with archive.activity("summarise", listen=False, dataset="summary", source=other) as activity:
        activity.used("study@3")
        (other / "summary.txt").write_text("3 files")
        activity.generated(other / "summary.txt")
    archive.backup(other, dataset="summary")
    provenance_of = archive.provenance
    came_from = provenance_of.upstream("summary/summary.txt")
    assert {"backup of study@3", "result.txt", "end", "clean", "raw.txt"} <= set(labels(came_from))
    deepest = dict(zip(labels(came_from), came_from["depth"].to_list(), strict=True))
    assert (deepest["study@3"], deepest["result.txt"], deepest["end"]) == (2, 3, 4)
    shallow = provenance_of.upstream("summary/summary.txt", depth=2)
    assert "result.txt" not in labels(shallow)
    reached = provenance_of.downstream("study@1/raw.txt")
    assert {"study@3", "summarise", "summary.txt", "summary@1"} <= set(labels(reached))
    assert "summary.txt" in provenance_of.impact("study@2/clean.txt")["path"].to_list()
    way = provenance_of.path("summary@1", "study@1/raw.txt")
    assert labels(way)[:4] == ["summary@1", "summary.txt", "summarise", "study@3"]
    assert "backup of study@3" in provenance_of.explain("summary/summary.txt")["name"].to_list()
    assert check(provenance_of.document()) == ()


def test_the_recipe_of_a_snapshot_ends_with_its_backup(chain: Laboratory) -> None:
    recipe = chain.archive.provenance.explain("study@3")
    assert recipe["name"].to_list() == ["clean", "end", "backup of study@3"]
    last = recipe.row(2, named=True)
    assert last["outputs"] == ["study@3"]
    assert set(last["inputs"]) == {"study/raw.txt", "study/clean.txt", "study/result.txt"}
    assert (last["kind"], last["outcome"]) == ("backup", "completed")
    # What is done again is what made the files, and backups are no difference between them.
    assert chain.archive.provenance.reproduce("study@3", to=chain.root / "again").verdict == "exact"
    assert "backup of study@2" not in chain.archive.provenance.compare("study@2", "study@3")["step"].to_list()


def test_everything_that_is_recorded_has_every_snapshot(chain: Laboratory) -> None:
    document = chain.archive.provenance.document()
    assert check(document) == ()
    made = {number: chain.archive.snapshot(f"study@{number}") for number in (1, 2, 3)}
    ids = {number: provenance.snapshot_id(snapshot.id) for number, snapshot in made.items()}
    backups = {number: provenance.backup_id(snapshot.id) for number, snapshot in made.items()}
    for number, snapshot in made.items():
        told = facts(document, ids[number])
        assert (told["label"], told["dataset"], told["number"]) == (f"study@{number}", "study", number)
        assert (told["entries"], told["files"], told["bytes"]) == (snapshot.entries, snapshot.files, snapshot.bytes)
        assert (ids[number], backups[number], snapshot.time) in said(document, "wasGeneratedBy")
        assert any(
            arguments[:2] == (backups[number], provenance.person_id(snapshot.author))
            for arguments in said(document, "wasAssociatedWith")
        )
    assert facts(document, ids[3])["message"] == "with results"
    assert (ids[3], ids[2], backups[3], None, None) in said(document, "wasDerivedFrom")
    types = {value for record in document.records if record.id == ids[1] for value in record.values(PROV + "type")}
    assert types == {provenance.Name(PROV + "Collection"), provenance.Name(HOLOTYPE + "snapshot")}
    revised = [r for r in document.records if r.term == "wasDerivedFrom" and r.arguments[0] == ids[3]]
    assert revised[0].values(PROV + "type") == (provenance.Name(PROV + "Revision"),)
    raw = chain.archive.provenance.entity("study@1/raw.txt")
    assert {collection for collection, file in said(document, "hadMember") if file == raw} == set(ids.values())


def test_what_led_to_a_file_says_in_which_snapshot_each_was_first(chain: Laboratory) -> None:
    document = chain.archive.provenance.document("study@3/result.txt")
    assert check(document) == ()
    entity = chain.archive.provenance.entity
    ids = {number: provenance.snapshot_id(chain.archive.snapshot(f"study@{number}").id) for number in (1, 2, 3)}
    inside = said(document, "hadMember")
    assert {(ids[1], entity("study/raw.txt")), (ids[2], entity("study/clean.txt"))} <= inside
    assert (ids[3], entity("study/result.txt")) in inside
    assert entity("study/other.txt") not in {file for _, file in inside}
    near = chain.archive.provenance.document("study@2")
    assert {record.id for record in near.records if (record.id or "").startswith(ids[1][:22])} == {ids[1], ids[2]}


def test_a_snapshot_that_is_forgotten_says_so_and_one_that_is_gone_is_invalid(chain: Laboratory) -> None:
    archive = chain.archive
    first, second = (archive.snapshot(f"study@{number}") for number in (1, 2))
    archive.forget("study@1")
    document = archive.provenance.document()
    assert facts(document, provenance.snapshot_id(first.id))["state"] == "forgotten"
    assert said(document, "wasInvalidatedBy") == set()
    assert "state" not in facts(document, provenance.snapshot_id(second.id))
    archive.recover("study@1")
    assert "state" not in facts(archive.provenance.document(), provenance.snapshot_id(first.id))
    archive.forget("study@1", reason="no longer needed")
    archive.collect()
    document = archive.provenance.document()
    assert check(document) == ()
    assert facts(document, provenance.snapshot_id(first.id))["state"] == "purged"
    ((id, collection, time),) = said(document, "wasInvalidatedBy")
    assert id == provenance.snapshot_id(first.id)
    assert time is not None
    assert any(arguments[0] == collection for arguments in said(document, "wasAssociatedWith"))
    gone = archive.provenance.upstream(provenance.snapshot_id(first.id))
    assert {"study@1", "backup of study@1", "collect"} <= set(labels(gone))
    assert "study@1" in labels(archive.provenance.upstream("study@2"))
    assert "study@1" not in labels(archive.provenance.downstream("study@2/raw.txt"))


def test_tables_and_arrays_were_written(laboratory: Laboratory) -> None:
    laboratory.archive.write_table("counts", pl.DataFrame({"x": [1, 2]}))
    laboratory.archive.write_array("mask", np.ones(10))
    for name, kind in (("counts@1", "write-table"), ("mask@1", "write-array")):
        made = laboratory.archive.provenance.upstream(name).row(1, named=True)
        assert (made["term"], made["type"]) == ("activity", kind)
        assert name in made["label"]


def test_of_bytes_that_were_made_again_a_snapshot_has_those_that_were_made_last(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.keep()
    for name in ("first", "second"):
        laboratory.archive.run(["sh", "-c", "cat raw.txt raw.txt > made.txt"], dataset="study", name=name)
        laboratory.keep()
    provenance_of = laboratory.archive.provenance
    steps = {number: provenance_of.explain(f"study@{number}")["name"].to_list() for number in (2, 3)}
    assert steps == {2: ["first", "backup of study@2"], 3: ["second", "backup of study@3"]}
    document = provenance_of.document()
    made = {file for _, file in said(document, "hadMember") if "made.txt" in str(file)}
    assert len(made) == 2
    assert check(document) == ()


def test_a_backup_stores_nothing_of_it(chain: Laboratory, laboratory: Laboratory) -> None:
    fresh = lake.create(laboratory.root / "fresh")
    for _ in range(3):
        fresh.backup(laboratory.data, dataset="study")
    assert all(not fresh.read(table).num_rows for table in ("prov_elements", "prov_relations", "prov_links"))
    assert labels(fresh.provenance.upstream("study@2"))[:2] == ["study@2", "backup of study@2"]
    # Nor does the archive when it is told what it said itself.
    before = chain.archive.read("prov_elements").num_rows
    chain.archive.provenance.record(chain.archive.provenance.document("study@1"))
    ids = chain.archive.read("prov_elements")["id"].to_pylist()
    assert not [id for id in ids if "urn:holotype:snapshot" in id]
    assert len(ids) <= before + 3


def test_what_contradicts_what_is_known_of_snapshots_is_refused(chain: Laboratory) -> None:
    ids = {number: provenance.snapshot_id(chain.archive.snapshot(f"study@{number}").id) for number in (1, 2, 3)}
    record = chain.archive.provenance.record
    for wrong in (
        provenance.Record("wasDerivedFrom", None, (ids[1], ids[3])),
        provenance.Record("activity", ids[2]),
        provenance.Record("entity", provenance.backup_id(chain.archive.snapshot("study@1").id)),
    ):
        with pytest.raises(ProvenanceRefused):
            record(provenance.Document((wrong,)))
    record(provenance.Document((provenance.Record("wasDerivedFrom", None, ("urn:x:paper", ids[3])),)))
    assert {"study@3", "raw.txt", "clean"} <= set(labels(chain.archive.provenance.upstream("urn:x:paper")))
    assert "urn:x:paper" in chain.archive.provenance.downstream("study@1/raw.txt")["id"].to_list()


def test_a_copy_says_the_same_of_its_snapshots(chain: Laboratory) -> None:
    chain.archive.copy(chain.root / "copy")
    copied = lake.open(chain.root / "copy", author="somebody@else")
    assert set(copied.provenance.document().records) == set(chain.archive.provenance.document().records)
    assert copied.provenance.upstream("study@3").equals(chain.archive.provenance.upstream("study@3"))


def test_a_million_memberships_are_not_told(chain: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        chain.keep()
    raw = chain.archive.provenance.entity("study@1/raw.txt")

    def having(document: provenance.Document) -> int:
        return len([file for _, file in said(document, "hadMember") if file == raw])

    assert having(chain.archive.provenance.document()) == 7
    monkeypatch.setattr("holotype.lake.provenance.members._MANY", 5)
    document = chain.archive.provenance.document()
    assert having(document) == 2
    assert check(document) == ()


def test_a_message_keeps_no_secret_in_a_document(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw")
    secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    laboratory.archive.backup(laboratory.data, dataset="study", message=f"fetched with --token {secret}")
    text = provenance.write_provn(laboratory.archive.provenance.document())
    assert "fetched with" in text
    assert secret not in text


def test_what_is_written_is_valid(chain: Laboratory) -> None:
    chain.archive.run([sys.executable, "-c", "print(open('raw.txt').read())"], dataset="study", name="look")
    for number, of in enumerate((None, "study@3", "study@3/result.txt")):
        path = chain.root / f"{number}.provn"
        path.write_text(provenance.write_provn(chain.archive.provenance.document(of)), "utf-8")
        assert check_prov(path) == ()
