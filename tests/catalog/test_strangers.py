"""An archive is made where nothing is, or where its own creation was interrupted; never among somebody's data."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import ArchiveExists, Catalog, LocalStore, TargetRefused
from holotype.catalog.strangers import refuse_strangers

from .faults import Crash, FaultyStore
from .samples import TABLES, fresh_store, keys

if TYPE_CHECKING:
    from pathlib import Path


def test_an_archive_is_not_made_in_a_folder_with_data(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "counts of liver.csv").write_text("a,b\n")
    with pytest.raises(TargetRefused, match=r"there is below/counts of liver\.csv") as caught:
        Catalog.create(LocalStore(tmp_path), tables=TABLES)
    assert isinstance(caught.value, FileExistsError)
    assert [path.name for path in tmp_path.rglob("*")] == ["below", "counts of liver.csv"]


def test_an_archive_is_not_made_among_other_objects() -> None:
    store = fresh_store()
    store.put("raw/reads.fastq", [b"@r"])
    with pytest.raises(TargetRefused, match=r"there is raw/reads\.fastq"):
        Catalog.create(store, tables=TABLES)
    assert keys(store) == ["raw/reads.fastq"]


def test_where_an_archive_is_that_is_said_whatever_else_is_there() -> None:
    store = fresh_store()
    Catalog.create(store, tables=TABLES)
    store.put("raw/reads.fastq", [b"@r"])
    with pytest.raises(ArchiveExists):
        Catalog.create(store, tables=TABLES)


def test_folders_without_files_and_what_a_file_browser_leaves_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "below" / "empty").mkdir(parents=True)
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    assert Catalog.create(LocalStore(tmp_path), tables=TABLES, name="mine").name == "mine"


def test_a_folder_that_nobody_may_look_into_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive" / "lost+found").mkdir(parents=True)
    real = os.scandir

    def refuse(path: Any) -> Any:
        if os.fspath(path).endswith("lost+found"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refuse_strangers(LocalStore(tmp_path / "archive"))


@pytest.mark.parametrize("answer_lost", [False, True])
def test_a_creation_that_was_killed_anywhere_can_be_done_again(*, answer_lost: bool) -> None:
    calls = killed = 0
    while True:
        calls += 1
        inner = fresh_store()
        store = FaultyStore(inner, fail_at=calls, lasting=True, answer_lost=answer_lost, error=Crash)
        try:
            Catalog.create(store, tables=TABLES)
        except Crash:
            killed += 1
        else:
            break
        if inner.exists("archive.json"):  # it was made, and whoever made it did not live to know
            assert Catalog.open(inner, tables=TABLES).state.version == 0
        else:
            assert Catalog.create(inner, tables=TABLES, name="again").name == "again"
    assert killed > 10


def test_temporary_files_of_a_creation_that_was_killed_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    for name in ("archive.json~1f", "probes/0a-1", "probes/0a-2~77"):
        (tmp_path / name).write_bytes(b"x")
    assert Catalog.create(LocalStore(tmp_path), tables=TABLES, name="again").name == "again"
