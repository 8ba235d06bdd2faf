"""What a regulator is given: all that is known of a run, signed off, and proven to be as it was made."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from holotype import lake
from holotype.catalog import EntryNotFound, InvalidOption, StorageFailed, StorageFull, TargetRefused
from holotype.catalog import provenance as prov
from holotype.scheduling import audit_export, check_audit

from ..running.making import whole
from .laboratories import laboratory_in

if TYPE_CHECKING:
    from .laboratories import Laboratory

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(name="archived", scope="module")
def _archived(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A laboratory with a run that is over, and in the archive."""
    laboratory = laboratory_in(tmp_path_factory.mktemp("archived"))
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one", project="kidney")
        scheduler.work()
        scheduler.mark_bad(run, "join[a]", why="swapped")
        scheduler.work()
    return laboratory


@pytest.fixture(name="exported", scope="module")
def _exported(archived: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export from the archive, made at noon."""
    to = tmp_path_factory.mktemp("exported") / "export"
    audit_export(archived.archive, "one", to=to, operator="grace@authority", clock=lambda: NOON)
    return to


@pytest.fixture(name="export")
def _export(exported: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(exported, tmp_path / "export"))


def rows(path: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_one_call_exports_all_that_is_known_of_a_run(export: Path, archived: Laboratory) -> None:
    data = export / "data"
    assert {path.relative_to(data).parts[0] for path in data.rglob("*")} == {
        "checks.csv", "inputs.csv", "journal", "logs", "machine.json", "order.json", "outputs.csv", "people.csv",
        "provenance.json", "provenance.provn", "reports.csv", "tables", "tools.csv", "workflow.json",
    }  # fmt: skip
    assert "whole" in (data / "workflow.json").read_text(encoding="utf-8")
    for name in ("attempts", "tasks", "decisions", "task_files"):
        assert pq.read_table(data / "tables" / f"{name}.parquet").num_rows == len(rows(data / "tables" / f"{name}.csv"))
    assert len(rows(data / "tables" / "tasks.csv")) == 11
    given = rows(data / "inputs.csv")
    assert [(row["archived"], Path(row["path"]).name) for row in given] == [
        ("reads/a.txt", "a.txt"),
        ("reads/b.txt", "b.txt"),
    ]
    assert all(len(row["sha256"]) == 64 for row in rows(data / "outputs.csv"))
    people = rows(data / "people.csv")
    assert [(row["who"], row["what"], row["why"]) for row in people] == [
        ("ada@lab", "ordered", "kidney"),
        ("ada@lab", "bad", "swapped"),
    ]
    machine = json.loads((data / "machine.json").read_text(encoding="utf-8"))
    assert machine["machine"]
    assert machine["environment"]
    assert (data / "logs" / "run" / "gather.1.err").exists()
    assert archived.archive.verify().ok


def test_the_provenance_in_it_reaches_the_raw_reads_in_both_notations(export: Path) -> None:
    for ending in ("json", "provn"):
        document = prov.read_document(export / "data" / f"provenance.{ending}")
        labels = str([record.attributes for record in document.records])
        assert "gather" in labels
        assert "split[a]" in labels
        assert any("reads" in (record.id or "") for record in document.records)


def test_it_is_signed_off_by_who_when_and_for_which_snapshot(export: Path, archived: Laboratory) -> None:
    said = json.loads((export / "sign-off.json").read_text(encoding="utf-8"))
    snapshot = archived.archive.snapshot("runs/one")
    assert said["signed-by"] == "grace@authority"
    assert said["time"] == "2026-05-01T12:00:00+00:00"
    assert said["archived"]["digest"] == snapshot.id
    found = check_audit(export)
    assert found.ok
    assert (found.run, found.signed_by) == ("one", "grace@authority")
    assert found.files == sum(path.is_file() for path in (export / "data").rglob("*"))


def test_a_run_is_exported_from_its_folder_and_from_hand_as_well(laboratory: Laboratory) -> None:
    with laboratory.scheduler() as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        made = audit_export(run, to=laboratory.folder / "a", logs=False)
    again = audit_export(laboratory.run("one"), to=laboratory.folder / "b")
    assert check_audit(made.path, digest=made.digest).ok
    assert check_audit(again.path, digest=again.digest).ok
    assert not (Path(made.path) / "data" / "logs").exists()
    document = prov.read_document(Path(made.path) / "data" / "provenance.json")
    assert "split[a]" in str(document)
    assert made.files < again.files


def test_a_zip_archive_has_the_same_and_is_checked_as_it_is(
    archived: Laboratory, exported: Path, tmp_path: Path
) -> None:
    made = audit_export(
        archived.archive, "one", to=tmp_path / "one.zip", operator="grace@authority", clock=lambda: NOON
    )
    assert made.digest == check_audit(exported).digest
    assert check_audit(made.path, digest=made.digest).ok
    assert [path.name for path in tmp_path.iterdir()] == ["one.zip"]


@pytest.mark.parametrize("path", ["data/journal", "data/tables/tasks.csv", "bag-info.txt", "bagit.txt"])
def test_a_file_that_was_altered_is_named(export: Path, path: str) -> None:
    data = bytearray((export / path).read_bytes())
    data[0] ^= 1
    (export / path).write_bytes(data)
    found = check_audit(export)
    assert not found.ok
    assert found.altered == (path,)


def test_what_is_missing_and_what_was_added_is_named(export: Path) -> None:
    (export / "data" / "journal").unlink()
    (export / "data" / "mine.csv").write_text("x", encoding="utf-8")
    (export / "note.txt").write_text("x", encoding="utf-8")
    found = check_audit(export)
    assert found.missing == ("data/journal",)
    assert found.added == ("data/mine.csv", "note.txt")
    assert not found.altered


def test_a_manifest_that_was_made_to_fit_is_found_out(export: Path) -> None:
    before = check_audit(export)
    (export / "data" / "tools.csv").write_text("tool,version\n", encoding="utf-8")
    (export / "data" / "tools.csv").write_text("bwa,0\n", encoding="utf-8")
    lines = (export / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    new = hashlib.sha256(b"bwa,0\n").hexdigest()
    text = "".join(f"{new}  data/tools.csv\n" if line.endswith("data/tools.csv") else f"{line}\n" for line in lines)
    (export / "manifest-sha256.txt").write_text(text, encoding="utf-8")
    found = check_audit(export)
    assert found.altered == ("manifest-sha256.txt",)
    assert any("signed off" in each for each in found.wrong)
    tags = "".join(
        f"{hashlib.sha256((export / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "sign-off.json")
    )
    (export / "tagmanifest-sha256.txt").write_text(tags, encoding="utf-8")
    assert not check_audit(export).altered
    found = check_audit(export, digest=before.digest)
    assert any("another export" in each for each in found.wrong)


@pytest.mark.parametrize("name", ["sign-off.json", "manifest-sha256.txt", "tagmanifest-sha256.txt", "bag-info.txt"])
def test_nothing_of_what_proves_it_may_be_missing(export: Path, name: str) -> None:
    (export / name).unlink()
    found = check_audit(export)
    assert name in found.missing
    assert not found.ok


def test_what_is_no_manifest_and_no_sign_off_is_said(export: Path) -> None:
    (export / "manifest-sha256.txt").write_text("nothing\n" + "0" * 64 + "  ../../etc/passwd\n", encoding="utf-8")
    (export / "sign-off.json").write_text("[]", encoding="utf-8")
    found = check_audit(export)
    assert sum("says nothing" in each for each in found.wrong) == 2
    assert any("signs nothing off" in each for each in found.wrong)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links here")
def test_a_link_in_it_is_not_followed(export: Path) -> None:
    (export / "data" / "journal").rename(export.parent / "journal")
    (export / "data" / "journal").symlink_to(export.parent / "journal")
    found = check_audit(export)
    assert found.missing == ("data/journal",)
    assert any("neither a file nor a folder" in each for each in found.wrong)


def test_a_zip_archive_that_was_tampered_with_or_is_none_is_said(archived: Laboratory, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    audit_export(archived.archive, "one", to=path)
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("data/journal", "mine")
    found = check_audit(path)
    assert found.altered == ("data/journal",)
    assert any("2 times" in each for each in found.wrong)
    whole_ = path.read_bytes()
    path.write_bytes(whole_[:200] + bytes(200) + whole_[400:])
    assert not check_audit(path).ok
    path.write_bytes(b"nothing")
    assert "no ZIP archive" in check_audit(path).wrong[0]
    with pytest.raises(InvalidOption, match="no export"):
        check_audit(tmp_path / "nowhere")


def test_it_is_there_whole_or_not_at_all(archived: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("holotype.scheduling.archiving.bag.settle", broken)
    for name in ("export", "export.zip"):
        with pytest.raises(StorageFull, match="No space left"):
            audit_export(archived.archive, "one", to=tmp_path / name)
    monkeypatch.undo()
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        audit_export(archived.archive, "one", to=tmp_path / "file" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nothing_that_is_there_is_written_over(archived: Laboratory, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    made = audit_export(archived.archive, "one", to=tmp_path / "empty")
    with pytest.raises(TargetRefused):
        audit_export(archived.archive, "one", to=made.path)
    (tmp_path / "taken.zip").touch()
    with pytest.raises(TargetRefused):
        audit_export(archived.archive, "one", to=tmp_path / "taken.zip")


def test_a_run_that_there_is_not_is_refused(archived: Laboratory, tmp_path: Path) -> None:
    to = tmp_path / "export"
    with pytest.raises(EntryNotFound, match="two"):
        audit_export(archived.archive, "two", to=to)
    with pytest.raises(EntryNotFound, match="no run"):
        audit_export(lake.create(tmp_path / "new"), "two", to=to)
    with pytest.raises(InvalidOption, match="which run"):
        audit_export(archived.archive, to=to)
    with pytest.raises(InvalidOption, match="this is the run one"):
        audit_export(archived.run("one"), "two", to=to)
    with pytest.raises(InvalidOption, match="there is no run"):
        audit_export(tmp_path / "nowhere", to=to)
    assert not to.exists()


def test_the_folder_of_the_run_may_be_gone(archived: Laboratory, tmp_path: Path) -> None:
    aside = archived.run("one").rename(archived.folder / "aside")
    try:
        made = audit_export(archived.archive, "one", to=tmp_path / "export")
    finally:
        aside.rename(archived.run("one"))
    assert check_audit(made.path).ok
