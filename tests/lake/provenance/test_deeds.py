"""What others did, as an archive is told of it: activities by the thousand, their files, their grades."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import InvalidOption, ProvenanceRefused

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive, Deed, DeedFile

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def file(path: Path, text: str | None = None, **more: Any) -> DeedFile:
    """A file as it is, or as it would be with this text."""
    data = path.read_bytes() if text is None else text.encode()
    return lake.DeedFile(path=path, sha256=hashlib.sha256(data).hexdigest(), size=len(data), **more)


def deed(unique: str, *, at: int = 0, **more: Any) -> Deed:
    """One that took a second."""
    began = NOON + timedelta(seconds=at)
    given: dict[str, Any] = {"name": unique, "began": began, "ended": began + timedelta(seconds=1), **more}
    return lake.Deed(unique=unique, **given)


@pytest.fixture(name="archive")
def _archive(tmp_path: Path) -> Archive:
    """An archive that has the folder ``reads``."""
    reads = tmp_path / "reads"
    reads.mkdir()
    for name in "ab":
        (reads / f"{name}.fastq").write_text(f"@{name}\n", encoding="utf-8")
    archive = lake.create(tmp_path / "archive", author="ada")
    archive.backup(reads, dataset="reads")
    return archive


def chain(folder: Path, count: int, **last: Any) -> list[Deed]:
    """Deeds each of which takes what the one before it made; the first takes the reads of a."""
    files = [file(folder / "run" / f"{n}.txt", f"{n}", role="out") for n in range(count)]
    first = file(folder / "reads" / "a.fastq", role="reads")
    return [
        deed(
            f"step {n}",
            at=n,
            used=(files[n - 1] if n else first,),
            generated=(files[n],),
            **(last if n == count - 1 else {}),
        )
        for n in range(count)
    ]


def test_lineage_goes_from_the_last_file_to_the_archived_reads(archive: Archive, tmp_path: Path) -> None:
    told = archive.record_activities(chain(tmp_path, 3), dataset="run", source=tmp_path / "run")
    assert told == 3
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "2.txt").write_text("2", encoding="utf-8")
    archive.backup(tmp_path / "run", dataset="run")
    up = archive.provenance.upstream("run@1/2.txt")
    assert ("reads", "a.fastq") in up.select("dataset", "path").rows()
    assert up.filter(up["term"] == "activity")["label"].to_list() == ["step 2", "step 1", "step 0"]
    bad = archive.provenance.impact("reads@1/a.fastq")
    assert {"0.txt", "1.txt", "2.txt"} <= set(bad["path"].drop_nulls())


def test_files_that_are_archived_later_are_the_same_as_those_that_were_told_of(
    archive: Archive, tmp_path: Path
) -> None:
    raw = tmp_path / "more"
    raw.mkdir()
    (raw / "c.fastq").write_text("@c\n", encoding="utf-8")
    made = file(tmp_path / "run" / "c.txt", "c")
    archive.record_activities(
        [deed("align", used=(file(raw / "c.fastq"),), generated=(made,))], dataset="run", source=tmp_path / "run"
    )
    archive.backup(raw, dataset="more")
    future = archive.provenance.downstream("more@1/c.fastq")
    assert "c.txt" in future["path"].to_list()


def test_what_is_told_twice_is_there_once(archive: Archive, tmp_path: Path) -> None:
    deeds = chain(tmp_path, 3)
    archive.record_activities(deeds, dataset="run", source=tmp_path / "run")
    before = {name: archive.read(name).num_rows for name in ("prov_elements", "prov_relations", "prov_links")}
    assert archive.record_activities(deeds, dataset="run", source=tmp_path / "run") == 0
    assert before == {name: archive.read(name).num_rows for name in before}
    assert archive.record_activities([*deeds, deed("another", at=9)]) == 1


def test_all_that_is_known_of_an_activity_is_found_again(archive: Archive, tmp_path: Path) -> None:
    told = deed(
        "align",
        kind="task",
        outcome="failed",
        person="grace",
        command=("bwa", "mem", "--token=x3t", f"{tmp_path}/reads/a.fastq"),
        folder=str(tmp_path / "reads"),
        parameters={"k": 19, "api_key": "x3t"},
        programs={"bwa": "0.7.17"},
        used=(file(tmp_path / "reads" / "a.fastq", role="reads"),),
        facts={"machine": "node3", "wall": 1.5, "attempt": 2, "nothing": None},
        within="the run",
        after=("trim",),
    )
    archive.record_activities([told, deed("the run", kind="workflow", at=-1, here=True), deed("trim", at=-1)])
    row = archive.sql("SELECT name, kind, outcome, author, seconds FROM activities WHERE name = 'align'").fetchall()
    assert row == [("align", "task", "failed", "grace", 1.0)]
    document = archive.provenance.document()
    said = {record.id: record for record in document.records if record.id is not None}
    (own,) = (record for record in said.values() if record.term == "activity" and "align" in str(record.attributes))
    words = str(own.attributes)
    assert "node3" in words
    assert "nothing" not in words
    assert "x3t" not in str(document)
    labels = archive.sql("SELECT label FROM prov_elements").fetchall()
    assert ("bwa 0.7.17",) in labels
    assert any(record.term == "wasInformedBy" for record in document.records)
    assert any(record.term == "wasStartedBy" for record in document.records)
    assert archive.sql("SELECT count(*) FROM prov_elements WHERE type = 'environment'").fetchall()[0] == (1,)


def test_a_grade_goes_into_every_result_that_is_built_on_what_has_it(archive: Archive, tmp_path: Path) -> None:
    first, *rest = chain(tmp_path, 3)
    graded = lake.Deed(
        unique="graded", name="graded", began=first.began, ended=first.ended, used=first.used, grades=("downsampled",),
        generated=(file(tmp_path / "run" / "0.txt", "0", grades=("downsampled",), facts={"sample": "a"}),),
    )  # fmt: skip
    archive.record_activities([graded, *rest], dataset="run", source=tmp_path / "run")
    last = rest[-1].generated[0]
    id = f"urn:holotype:file:run:{last.sha256}:2.txt"
    up = archive.provenance.upstream(id)
    assert up.filter(up["kind"] == "grade")["label"].to_list() == ["downsampled"]
    built = archive.provenance.downstream("urn:holotype:grade:downsampled")
    assert {"0.txt", "1.txt", "2.txt"} <= set(built["path"].drop_nulls())
    (said,) = archive.sql("SELECT attributes FROM prov_elements WHERE path = '0.txt'").fetchall()
    assert "downsampled" in said[0]


def test_the_same_bytes_made_once_more_are_another_file_of_the_same_content(archive: Archive, tmp_path: Path) -> None:
    made = file(tmp_path / "run" / "x.txt", "x")
    archive.record_activities([deed("one", generated=(made,))], dataset="run", source=tmp_path / "run")
    archive.record_activities([deed("two", at=5, generated=(made,))], dataset="run", source=tmp_path / "run")
    up = archive.provenance.upstream(f"urn:holotype:file:run:{made.sha256}:x.txt")
    assert up["label"].to_list().count("one") == 1
    twice = archive.sql("SELECT id FROM prov_elements WHERE path = 'x.txt'").fetchall()
    assert len(twice) == 2
    assert sum("#" in id for (id,) in twice) == 1


def test_thousands_are_told_in_a_few_commits(archive: Archive, tmp_path: Path) -> None:
    before = archive.sql("SELECT count(*) FROM activities").fetchall()[0]
    log = tmp_path / "archive" / "log"
    commits = len([*log.iterdir()])
    assert archive.record_activities(chain(tmp_path, 2500), dataset="run", source=tmp_path / "run") == 2500
    assert len([*log.iterdir()]) - commits <= 4
    after = archive.sql("SELECT count(*) FROM activities").fetchall()[0]
    assert after == (before[0] + 2500,)


def test_what_cannot_be_true_is_refused_and_nothing_is_kept(archive: Archive, tmp_path: Path) -> None:
    made = file(tmp_path / "x.txt", "x")
    wrong = deed("b", used=(made,), ended=NOON - timedelta(seconds=5))
    with pytest.raises(ProvenanceRefused):
        archive.record_activities([deed("a", at=5, generated=(made,)), wrong])
    assert archive.sql("SELECT count(*) FROM activities WHERE kind = 'task'").fetchall()[0] == (0,)


@pytest.mark.parametrize(
    ("wrong", "about"),
    [
        ({"unique": ""}, "tells it from others"),
        ({"outcome": "perhaps"}, "perhaps"),
        ({"began": datetime(2026, 5, 1)}, "zone"),  # noqa: DTZ001 - that is what is wrong
    ],
)
def test_what_is_no_activity_is_refused(wrong: dict[str, Any], about: str) -> None:
    wrong = dict(wrong)
    with pytest.raises(InvalidOption, match=about):
        deed(wrong.pop("unique", "a"), **wrong)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="SHA-256"):
        lake.DeedFile(path=tmp_path / "x", sha256="nothing")
    with pytest.raises(InvalidOption, match="absolute"):
        lake.DeedFile(path="x", sha256="0" * 64)


def test_two_that_cannot_be_told_apart_and_what_is_none_are_refused(archive: Archive) -> None:
    with pytest.raises(InvalidOption, match="two activities"):
        archive.record_activities([deed("a"), deed("a")])
    nothing: Any = ["align"]
    with pytest.raises(InvalidOption, match=r"lake\.Deed"):
        archive.record_activities(nothing)


def test_a_file_whose_size_nobody_knows_has_none(archive: Archive, tmp_path: Path) -> None:
    made = lake.DeedFile(path=tmp_path / "run" / "x.txt", sha256="ab" * 32)
    archive.record_activities([deed("one", generated=(made,))], dataset="run", source=tmp_path / "run")
    (said,) = archive.sql("SELECT attributes FROM prov_elements WHERE path = 'x.txt'").fetchall()
    assert "size" not in said[0]
