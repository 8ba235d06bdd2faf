"""A block of Python, or a function: what it used and made is kept, however it ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from holotype import lake
from holotype.catalog import ArchiveReadOnly, Catalog, Conflict, EntryNotFound, InvalidOption, provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.catalog import Entry

    from .conftest import Laboratory


def told(laboratory: Laboratory, name: str) -> dict[str, object]:
    """What was said of the activity with this name, by the last word of each attribute."""
    rows = laboratory.archive.read("prov_elements").to_pylist()
    (row,) = [row for row in rows if row["term"] == "activity" and row["label"] == name]
    record = provenance.element_of(row)
    return {name.removeprefix(provenance.HOLOTYPE): provenance.plain_value(value) for name, value in record.attributes}


def test_what_a_block_reads_and_writes_is_heard(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.csv").write_text("a,b\n1,2\n")
    laboratory.keep()
    with laboratory.archive.activity("double"):
        frame = pl.read_csv("raw.csv")
        (frame * 2).write_csv("doubled.csv")
    (edge,) = laboratory.edges()["double"]
    assert {"raw.csv"} == edge[0] - {"{outside}/pytest"}
    assert edge[1] == {"doubled.csv"}
    assert told(laboratory, "double")["outcome"] == "completed"


def test_a_function_is_an_activity_each_time_it_is_called_with_its_arguments(laboratory: Laboratory) -> None:
    laboratory.keep()

    @laboratory.archive.activity("scale")
    def scale(factor: float, *, name: str = "scaled.txt") -> float:
        """Multiplies."""
        (laboratory.data / name).write_text(str(factor))
        return factor * 2

    assert (scale(1.5), scale(2.0, name="other.txt")) == (3.0, 4.0)
    assert scale.__doc__ == "Multiplies."
    assert [made for _, made in laboratory.edges()["scale"]] == [{"scaled.txt"}, {"other.txt"}]
    laboratory.keep()
    (parameters,) = laboratory.archive.provenance.explain("study/other.txt")["parameters"]
    assert json.loads(parameters) == {"factor": 2.0, "name": "other.txt"}


def test_a_block_that_raises_is_kept_as_failed_with_what_it_had_made(laboratory: Laboratory) -> None:
    def half() -> None:
        (laboratory.data / "half.txt").write_text("half")
        raise ValueError("no more for token=abcdef0123456789abcdef0123456789")

    laboratory.keep()
    with pytest.raises(ValueError, match="no more"), laboratory.archive.activity("half"):
        half()
    facts = told(laboratory, "half")
    assert facts["outcome"] == "failed"
    assert "ValueError" in str(facts["error"])
    assert "abcdef0123456789" not in str(facts["error"])
    assert [made for _, made in laboratory.edges()["half"]] == [{"half.txt"}]


def test_a_file_changed_in_place_is_two_versions_of_which_one_came_of_the_other(laboratory: Laboratory) -> None:
    path = laboratory.data / "list.txt"
    path.write_text("one\n")
    first = laboratory.keep()
    with laboratory.archive.activity("add"), open("list.txt", "r+") as file:
        file.read()
        file.write("two\n")
    laboratory.keep()
    came_from = laboratory.archive.provenance.upstream("study/list.txt", terms=["wasDerivedFrom"], depth=1)
    versions = came_from.filter(pl.col("kind") == "file")
    assert versions["path"].to_list() == ["list.txt", "list.txt"]
    assert versions["id"].to_list()[1] == laboratory.archive.provenance.entity(f"{first.name}/list.txt")


def test_what_nobody_can_hear_is_said(laboratory: Laboratory) -> None:
    (laboratory.data / "reference.csv").write_text("r\n")
    kept = laboratory.keep()
    (laboratory.root / "elsewhere.bin").write_bytes(b"from a machine")
    with laboratory.archive.activity("measure", listen=False) as activity:
        activity.used(f"{kept.name}/reference.csv")
        activity.used(laboratory.root / "elsewhere.bin", role="measurement")
        (laboratory.data / "measured.txt").write_text("42")
        activity.generated("measured.txt")
        activity.generated("https://doi.org/10.5555/12345", role="publication")
    laboratory.keep()
    came_from = laboratory.archive.provenance.upstream("study/measured.txt")
    assert {"reference.csv", "{outside}/elsewhere.bin"} <= set(came_from["label"])
    reached = laboratory.archive.provenance.downstream(f"{kept.name}/reference.csv")
    assert "https://doi.org/10.5555/12345" in reached["id"].to_list()


def test_where_files_outside_of_every_dataset_lie_is_nobodys_business(laboratory: Laboratory) -> None:
    secret = laboratory.root / "secret place"
    secret.mkdir()
    (secret / "notes.txt").write_text("n")
    with laboratory.archive.activity("read"):
        (secret / "notes.txt").read_text()
        (secret / "made.txt").write_text("m")
    everything = json.dumps(
        [str(row) for t in ("prov_elements", "prov_relations") for row in laboratory.archive.read(t).to_pylist()]
    )
    assert "notes.txt" in everything
    assert "secret place" not in everything
    assert "secret%20place" not in everything


def test_an_activity_within_another_was_started_by_it(laboratory: Laboratory) -> None:
    laboratory.keep()
    with laboratory.archive.activity("outer") as outer, laboratory.archive.activity("inner") as inner:
        (laboratory.data / "x.txt").write_text("x")
    laboratory.keep()
    ids = laboratory.archive.provenance.upstream("study/x.txt")["id"].to_list()
    assert {outer.id, inner.id} <= set(ids)
    assert [made for _, made in laboratory.edges()["inner"]] == [{"x.txt"}]
    assert all("x.txt" not in made for _, made in laboratory.edges()["outer"])


def test_activities_in_two_threads_do_not_mix(laboratory: Laboratory) -> None:
    laboratory.keep()
    together = threading.Barrier(2)

    def work(name: str) -> None:
        with laboratory.archive.activity(name):
            together.wait()
            (laboratory.data / f"{name}.txt").write_text(name)
            together.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    edges = laboratory.edges()
    assert [made for _, made in edges["left"]] == [{"left.txt"}]
    assert [made for _, made in edges["right"]] == [{"right.txt"}]


def test_the_same_bytes_made_twice_are_two_entities_with_one_content(laboratory: Laboratory) -> None:
    laboratory.keep()
    for _ in range(2):
        with laboratory.archive.activity("write"):
            (laboratory.data / "same.txt").write_text("same")
    elements = laboratory.archive.read("prov_elements").to_pylist()
    made = [row for row in elements if row["path"] == "same.txt"]
    assert len({row["id"] for row in made}) == 2
    assert len({row["sha256"] for row in made}) == 1
    with laboratory.archive.activity("use"):
        (laboratory.data / "same.txt").read_text()
        (laboratory.data / "out.txt").write_text("o")
    laboratory.keep()
    writes = laboratory.archive.provenance.explain("study/out.txt").filter(pl.col("name") == "write")
    assert writes.height == 1  # the later one


def test_an_activity_is_entered_once_and_told_while_it_is_open(laboratory: Laboratory) -> None:
    activity = laboratory.archive.activity("once")
    with pytest.raises(InvalidOption):
        activity.used("raw.csv")
    with activity:
        pass
    with pytest.raises(InvalidOption), activity:
        pass
    with pytest.raises(InvalidOption):
        laboratory.archive.activity("")


def test_an_archive_that_may_only_be_read_says_so_before_the_work_is_done(laboratory: Laboratory) -> None:
    archive = lake.open(laboratory.root / "archive", read_only=True)
    with pytest.raises(ArchiveReadOnly), archive.activity("vain"):
        pytest.fail("the work was begun")


def test_what_is_not_there_cannot_have_been_used(laboratory: Laboratory) -> None:
    (laboratory.data / "reads.csv").write_text("r")
    laboratory.keep()
    with laboratory.archive.activity("look") as activity, pytest.raises(EntryNotFound) as caught:
        activity.used("study@1/read.csv")
    assert "reads.csv" in str(caught.value)


def test_nothing_secret_is_kept_of_parameters(laboratory: Laboratory) -> None:
    secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    given = {"api_key": "hunter2hunter2", "address": f"https://me:{secret}@host/x", "nested": [{"password": 12345678}]}
    with laboratory.archive.activity("fetch", parameters={**given, "alpha": 0.5, "home": Path.home() / "notes"}):
        pass
    everything = str([laboratory.archive.read(table).to_pylist() for table in ("prov_elements", "prov_relations")])
    for hidden in (secret, "hunter2", "12345678", str(Path.home() / "notes")):
        assert hidden not in everything
    assert "0.5" in everything


def test_a_coroutine_is_an_activity_until_it_is_done_and_a_generator_is_refused(laboratory: Laboratory) -> None:
    laboratory.keep()

    @laboratory.archive.activity("wait")
    async def write(name: str) -> str:
        await asyncio.sleep(0)
        (laboratory.data / name).write_text(name)
        return name

    assert asyncio.run(write("late.txt")) == "late.txt"
    assert [made for _, made in laboratory.edges()["wait"]] == [{"late.txt"}]

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(InvalidOption):
        laboratory.archive.activity("count")(numbers)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_that_leaves_the_block_records_nothing(laboratory: Laboratory) -> None:
    program = """
import os, sys
from holotype import lake
archive = lake.open(sys.argv[1])
with archive.activity("fork") as activity:
    child = os.fork()
if child:
    os.waitpid(child, 0)
"""
    subprocess.run([sys.executable, "-c", program, str(laboratory.root / "archive")], check=True)
    assert [len(runs) for name, runs in laboratory.edges().items() if name == "fork"] == [1]
    activities = laboratory.archive.sql("SELECT count(*) FROM prov_elements WHERE term = 'activity'").fetchall()
    assert activities == [(1,)]


def test_what_was_used_is_what_it_was_when_that_was_said(laboratory: Laboratory) -> None:
    laboratory.keep()
    path = laboratory.data / "reading.txt"
    path.write_text("first")
    with laboratory.archive.activity("measure", listen=False) as activity:
        activity.used(path)
        path.write_text("later and longer")
    digests = {row["sha256"] for row in laboratory.archive.read("prov_elements").to_pylist() if row["path"]}
    assert digests == {hashlib.sha256(b"first").digest()}


def test_what_was_done_is_kept_though_a_collection_came_first(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = Catalog.commit
    lost: list[str] = []

    def loses(self: Catalog, **given: Any) -> Entry:
        if given["operation"] == "activity" and len(lost) < 2:
            lost.append(given["operation"])
            raise Conflict("condemned meanwhile")
        return committed(self, **given)

    monkeypatch.setattr(Catalog, "commit", loses)
    with laboratory.archive.activity("long work"):
        pass
    assert len(lost) == 2
    assert "long work" in laboratory.edges()


def test_an_activity_outlives_the_snapshots_that_were_there_when_it_began(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw")
    laboratory.keep()
    with laboratory.archive.activity("wait", listen=False) as activity:
        # Days go by; somebody else keeps another version, and lets go of the first.
        other = lake.open(laboratory.archive.url)
        (laboratory.data / "more.txt").write_text("more")
        other.backup(laboratory.data, dataset="study")
        other.forget("study@1")
        other.collect()
        activity.used("raw.txt")
        (laboratory.data / "made.txt").write_text("made")
        activity.generated("made.txt")
    assert laboratory.edges()["wait"] == [(frozenset({"raw.txt"}), frozenset({"made.txt"}))]


def test_a_snapshot_that_was_made_after_an_activity_began_can_be_used_in_it(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw")
    with laboratory.archive.activity("keep and use", listen=False) as activity:
        lake.open(laboratory.archive.url).backup(laboratory.data, dataset="study")
        activity.used("study@1/raw.txt")
    assert laboratory.edges()["keep and use"] == [(frozenset({"raw.txt"}), frozenset())]


def test_two_who_make_the_same_bytes_at_one_path_made_two_things(laboratory: Laboratory) -> None:
    (laboratory.data / "raw.txt").write_text("raw")
    laboratory.keep()
    (laboratory.data / "made.txt").write_text("made")
    archives = [lake.open(laboratory.archive.url) for _ in range(2)]
    for archive in archives:
        with archive.activity("make", listen=False) as activity:
            activity.used("raw.txt")
            activity.generated("made.txt")
    told = laboratory.archive.provenance.document().records
    makers = [each for each in told if each.term == "wasGeneratedBy" and provenance.file_version(str(each["entity"]))]
    assert len({record["entity"] for record in makers}) == len(makers) == 2
    # A plain file has the makers of all that has its bytes.
    laboratory.keep()
    touched = laboratory.archive.provenance.downstream("study@1/raw.txt")
    assert set(touched.filter(pl.col("path") == "made.txt")["id"]) == {str(record["entity"]) for record in makers}


def test_an_archived_file_that_is_said_to_be_made_has_the_maker_it_had(laboratory: Laboratory) -> None:
    (laboratory.data / "made.txt").write_text("made")
    laboratory.keep()
    for name in ("first", "second"):
        with laboratory.archive.activity(name, listen=False) as activity:
            activity.generated("study@1/made.txt")
    usual = laboratory.archive.provenance.entity("study@1/made.txt")
    document = laboratory.archive.provenance.document()
    makers = [record for record in document.records if record.term == "wasGeneratedBy"]
    made = [record["entity"] for record in makers if provenance.file_version(str(record["entity"])) is not None]
    assert made == [usual, f"{usual}#{activity.id.rpartition(':')[2]}"]
