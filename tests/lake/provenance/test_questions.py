"""Questions: what came from where, what a fault touches, and doing it again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from holotype.catalog import EntryNotFound, InvalidName, InvalidOption, ProvenanceRefused, TargetRefused, provenance

if TYPE_CHECKING:
    from .conftest import Laboratory


@pytest.fixture
def chain(laboratory: Laboratory) -> Laboratory:
    """a.txt → b.txt → c.txt, each by a command, and d.txt by itself."""
    (laboratory.data / "a.txt").write_text("a\n")
    (laboratory.data / "d.txt").write_text("d\n")
    laboratory.keep()
    laboratory.archive.run(["sh", "-c", "cat a.txt a.txt > b.txt"], dataset="study", name="double")
    laboratory.archive.run(["sh", "-c", "cat b.txt b.txt > c.txt"], dataset="study", name="again")
    laboratory.keep()
    return laboratory


def test_a_question_goes_as_far_as_it_is_asked_to(chain: Laboratory) -> None:
    near = chain.archive.provenance.upstream("study/c.txt", depth=2)
    assert "b.txt" in near["path"].to_list()
    assert "a.txt" not in near["path"].to_list()
    assert near["depth"].max() == 2


def test_a_way_leads_from_one_to_the_other_and_back(chain: Laboratory) -> None:
    provenance = chain.archive.provenance
    back = provenance.path("study/c.txt", "study/a.txt")
    assert back["label"].to_list() == ["c.txt", "again", "b.txt", "double", "a.txt"]
    assert provenance.path("study/a.txt", "study/c.txt")["id"].to_list() == back["id"].to_list()[::-1]
    assert provenance.path("study/a.txt", "study/c.txt")["depth"].to_list() == [0, 1, 2, 3, 4]


def test_a_snapshot_came_from_what_its_files_came_from(chain: Laboratory) -> None:
    came_from = chain.archive.provenance.upstream("study@2")
    assert {"a.txt", "b.txt", "c.txt"} <= set(came_from["path"].drop_nulls())
    assert {"double", "again"} <= set(came_from["label"])


def test_what_nothing_is_known_of_is_said_with_what_is_most_like_it(chain: Laboratory) -> None:
    provenance = chain.archive.provenance
    with pytest.raises(EntryNotFound):
        provenance.upstream("study/d.txt")
    with pytest.raises(EntryNotFound) as caught:
        provenance.upstream("study/bb.txt")
    assert "b.txt" in str(caught.value)
    known = provenance.entity("study/b.txt")
    with pytest.raises(EntryNotFound) as caught:
        provenance.downstream(known[:-3] + "tx")
    assert known in str(caught.value)


@pytest.mark.parametrize("depth", ["1", -1, 1.5, True])
def test_a_depth_that_is_no_number_of_relations_is_refused(chain: Laboratory, depth: Any) -> None:
    for ask in (chain.archive.provenance.upstream, chain.archive.provenance.document):
        with pytest.raises(InvalidOption, match="depth is a number of relations"):
            ask("study/c.txt", depth=depth)


@pytest.mark.parametrize("what", [None, 3, b"study/c.txt", ["study/c.txt"]])
def test_what_names_no_entity_is_refused_with_what_would(chain: Laboratory, what: Any) -> None:
    with pytest.raises(InvalidName, match=r"say 'run42@2/reads/a\.fastq'"):
        chain.archive.provenance.upstream(what)


def test_what_is_no_document_is_not_recorded(chain: Laboratory) -> None:
    path: Any = "history.provn"
    with pytest.raises(InvalidOption, match="read_document"):
        chain.archive.provenance.record(path)


def test_options_of_other_kinds_are_refused_with_what_they_are(chain: Laboratory) -> None:
    term: Any = "used"
    hours: Any = 3
    with pytest.raises(InvalidOption, match=r"terms are several: \['used'\]"):
        chain.archive.provenance.upstream("study/c.txt", terms=term)
    with pytest.raises(InvalidOption, match="timedelta"):
        chain.archive.provenance.settle(dead_after=hours)


def test_a_pack_that_is_damaged_touches_what_came_of_its_files(chain: Laboratory) -> None:
    packs = [path for path in (chain.root / "archive" / "packs").rglob("*") if path.is_file()]
    for path in packs:
        data = bytearray(path.read_bytes())
        for place in range(len(data) // 4, 3 * len(data) // 4):
            data[place] ^= 0xFF
        path.chmod(0o644)
        path.write_bytes(data)
    found = chain.archive.verify()
    assert not found.ok
    touched = chain.archive.provenance.impact(found)
    damaged = set(found.damage["path"].drop_nulls())
    assert damaged
    assert damaged <= set(touched.filter(pl.col("depth") == 0)["path"])
    assert {"b.txt", "c.txt"} <= set(touched["path"].drop_nulls())
    assert chain.archive.provenance.impact(found.damage).height == touched.height


def test_a_fault_that_nobody_used_is_its_own_impact(chain: Laboratory) -> None:
    touched = chain.archive.provenance.impact("study/d.txt")
    assert touched.filter(pl.col("kind") == "file").select("path", "snapshots").rows() == [
        ("d.txt", ["study@1", "study@2"])
    ]
    assert touched.filter(pl.col("kind") == "snapshot")["snapshots"].to_list() == [["study@1"], ["study@2"]]
    assert chain.archive.provenance.impact(["study/d.txt", "study/c.txt"])["path"].to_list().count("c.txt") == 1
    with pytest.raises(InvalidOption):
        chain.archive.provenance.impact(42)  # type: ignore[arg-type]


def test_what_means_the_same_is_equivalent_and_what_does_not_is_different(laboratory: Laboratory) -> None:
    (laboratory.data / "a.txt").write_text("a\n")
    laboratory.keep()
    stamp = (
        "import gzip, time; now = time.time_ns() // 10**6 % 2**31;"
        "open('a.gz', 'wb').write(gzip.compress(open('a.txt', 'rb').read(), mtime=now))"
    )
    other = "import time; open('t.txt','w').write(open('a.txt').read() + str(time.time_ns()))"
    for name, program in (("pack", stamp), ("time", other)):
        assert laboratory.archive.run([sys.executable, "-c", program], name=name, dataset="study").ok
    laboratory.keep()
    packed = laboratory.archive.provenance.reproduce("study/a.gz", to=laboratory.root / "one")
    assert (packed.verdict, packed.ok) == ("equivalent", True)
    timed = laboratory.archive.provenance.reproduce("study/t.txt", to=laboratory.root / "two")
    assert (timed.verdict, timed.ok) == ("different", False)


def test_a_file_that_was_changed_in_place_is_for_each_step_what_it_was_then(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw\n")
    (laboratory.data / "list.txt").write_text("old\n")
    laboratory.keep()
    for name, line in (
        ("begin", "cat raw.txt > list.txt"),
        ("first look", "cat list.txt > first.txt"),
        ("add", "echo more >> list.txt"),
        ("second look", "cat list.txt first.txt > second.txt"),
    ):
        assert laboratory.archive.run(["sh", "-c", line], name=name, dataset="study").ok
    laboratory.keep()
    done = laboratory.archive.provenance.reproduce("study/second.txt", to=laboratory.root / "again")
    assert done.verdict == "exact", (done.files, done.steps)
    assert sorted(done.files["path"]) == ["first.txt", "list.txt", "list.txt", "second.txt"]
    assert (laboratory.root / "again" / "study" / "second.txt").read_text() == "raw\nmore\nraw\n"


def test_two_versions_of_an_input_are_each_brought_for_its_step(laboratory: Laboratory) -> None:
    for content, name in (("one\n", "a.txt"), ("two\n", "b.txt")):
        (laboratory.data / "raw.txt").write_text(content)
        laboratory.keep()
        assert laboratory.archive.run(["sh", "-c", f"cat raw.txt > {name}"], name=name, dataset="study").ok
    assert laboratory.archive.run(["sh", "-c", "cat a.txt b.txt > both.txt"], name="both", dataset="study").ok
    laboratory.keep()
    assert laboratory.archive.provenance.reproduce("study/both.txt", to=laboratory.root / "again").verdict == "exact"


def test_a_step_that_read_from_outside_of_every_dataset_is_not_done_again(laboratory: Laboratory) -> None:
    (laboratory.root / "outside.txt").write_text("o")
    laboratory.keep()
    assert laboratory.archive.run(["cat"], stdin=laboratory.root / "outside.txt", stdout="made.txt", dataset="study").ok
    laboratory.keep()
    done = laboratory.archive.provenance.reproduce("study/made.txt", to=laboratory.root / "again")
    assert done.verdict == "incomplete"
    assert "outside" in done.steps["why"][0]


def test_what_cannot_be_done_again_says_why(laboratory: Laboratory) -> None:
    (laboratory.root / "outside.txt").write_text("o")
    laboratory.keep()
    line = f"cat '{laboratory.root}/outside.txt' > made.txt"
    assert laboratory.archive.run(["sh", "-c", line], name="take", dataset="study").ok
    laboratory.keep()
    done = laboratory.archive.provenance.reproduce("study/made.txt", to=laboratory.root / "again")
    assert done.verdict == "incomplete"
    assert "outside.txt" in done.steps["why"][0]
    (laboratory.root / "full").mkdir()
    (laboratory.root / "full" / "x").write_text("x")
    with pytest.raises(TargetRefused):
        laboratory.archive.provenance.reproduce("study/made.txt", to=laboratory.root / "full")


def test_a_document_goes_in_and_comes_out_and_what_cannot_be_true_is_refused(chain: Laboratory) -> None:
    text = """document
    prefix ex <http://example.org/>
    entity(ex:figure)
    activity(ex:plot, 2024-05-01T10:00:00Z, 2024-05-01T11:00:00Z)
    wasGeneratedBy(ex:figure, ex:plot, 2024-05-01T10:30:00Z)
    used(ex:plot, ex:table, -)
    endDocument"""
    provenance_of = chain.archive.provenance
    provenance_of.record(provenance.read_provn(text))
    assert "http://example.org/table" in provenance_of.upstream("http://example.org/figure")["id"].to_list()
    assert {record.term for record in provenance_of.document("http://example.org/figure").records} == {
        "entity",
        "activity",
        "wasGeneratedBy",
        "used",
    }
    before = chain.archive.read("prov_relations").num_rows
    for broken, constraint in (
        ("wasDerivedFrom(ex:table, ex:figure, -, -, -)\nwasDerivedFrom(ex:figure, ex:table, -, -, -)", "derivation"),
        ("activity(ex:figure, -, -)", "disjoint"),
        ("activity(ex:late, 2024-05-02T10:00:00Z, 2024-05-01T10:00:00Z)", "start-precedes-end"),
        ("wasGeneratedBy(ex:figure, ex:plot, 2025-05-01T10:30:00Z)", "generation"),
    ):
        lines = f"document\nprefix ex <http://example.org/>\n{broken}\nendDocument"
        with pytest.raises(ProvenanceRefused) as caught:
            provenance_of.record(provenance.read_provn(lines))
        constraints = caught.value.about["constraints"]
        assert isinstance(constraints, tuple)
        assert any(constraint in each for each in constraints), constraints
    assert chain.archive.read("prov_relations").num_rows == before


def test_a_cycle_through_what_was_said_before_is_refused(chain: Laboratory) -> None:
    def derived(new: str, old: str) -> provenance.Document:
        return provenance.Document((provenance.Record("wasDerivedFrom", None, (f"urn:x:{new}", f"urn:x:{old}")),))

    for new, old in (("b", "a"), ("c", "b"), ("d", "c")):
        chain.archive.provenance.record(derived(new, old))
    with pytest.raises(ProvenanceRefused):
        chain.archive.provenance.record(derived("a", "d"))
    chain.archive.provenance.record(derived("e", "a"))


def test_what_lay_in_no_dataset_is_named_where_it_is_missed(laboratory: Laboratory) -> None:
    (laboratory.root / "my script.sh").write_text("echo one > one.txt")
    laboratory.archive.run(["sh", str(laboratory.root / "my script.sh")], name="one", dataset="study")
    laboratory.keep()
    done = laboratory.archive.provenance.reproduce("study/one.txt", to=laboratory.root / "again")
    assert done.verdict == "incomplete"
    assert done.steps["why"].to_list() == [
        "it needs {outside}/my script.sh: it lay in no dataset, and so was not archived"
    ]
