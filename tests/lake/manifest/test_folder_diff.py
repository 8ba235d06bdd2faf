"""A snapshot beside a folder: nothing differs in what was restored, and whatever is changed there is named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import SourceNotFound

from ..archive.trees import fill

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with a snapshot of files, links and folders, which was restored beside it."""
    archive = lake.create(tmp_path / "archive")
    source = fill(
        tmp_path / "source",
        {"a.txt": b"as it was", "below/b.txt": b"b" * 5000, "below/c.txt": b"c", "empty": b"", "folder": None},
    )
    os.link(source / "a.txt", source / "below" / "again")
    (source / "link").symlink_to("a.txt")
    archive.backup(source, dataset="run")
    assert archive.restore("run", tmp_path / "restored").ok
    return archive


def changes(archive: Archive, folder: Path) -> list[tuple[str, str]]:
    """What differs: path and change."""
    return archive.diff_folder("run", folder).select("path", "change").rows()


def test_nothing_differs_in_what_was_restored_nor_in_what_it_was_made_of(archive: Archive, tmp_path: Path) -> None:
    assert changes(archive, tmp_path / "restored") == []
    assert changes(archive, tmp_path / "source") == []
    assert archive.diff_folder("run", tmp_path / "restored").columns == archive.diff("run", "run").columns


def test_a_byte_that_was_changed_is_found_though_size_and_time_are_the_same(archive: Archive, tmp_path: Path) -> None:
    victim = tmp_path / "restored" / "below" / "b.txt"
    before = victim.stat()
    victim.write_bytes(b"b" * 4999 + b"B")
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    folder = (tmp_path / "source" / "below").stat()
    os.utime(tmp_path / "restored" / "below", ns=(folder.st_atime_ns, folder.st_mtime_ns))
    (row,) = archive.diff_folder("run", tmp_path / "restored").to_dicts()
    assert (row["path"], row["change"], row["size_before"], row["size_after"]) == (
        "below/b.txt", "modified", 5000, 5000,
    )  # fmt: skip
    assert row["sha256_before"] != row["sha256_after"]


def test_what_is_gone_new_longer_moved_or_of_another_kind_is_named(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "restored"
    (folder / "empty").unlink()
    (folder / "below" / "c.txt").write_bytes(b"longer")
    (folder / "folder").rmdir()
    (folder / "folder").write_bytes(b"a file")
    (folder / "new").write_bytes(b"new")
    found = dict(changes(archive, folder))
    named = ("empty", "below/c.txt", "folder", "new")
    assert {path: found[path] for path in named} == {
        "empty": "removed", "below/c.txt": "modified", "folder": "type", "new": "added",
    }  # fmt: skip
    assert set(found) - set(named) <= {"", "below"}, "their folders have other times, and nothing else differs"


def test_only_what_patterns_choose_is_compared(archive: Archive, tmp_path: Path) -> None:
    fill(tmp_path / "restored", {"a.txt": b"otherwise", "below/c.txt": b"also"})
    found = archive.diff_folder("run", tmp_path / "restored", paths=["below/c.txt"])
    assert "below/c.txt" in found["path"].to_list()
    assert "a.txt" not in found["path"].to_list()


def test_permissions_and_times_are_metadata(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "restored" / "a.txt").chmod(0o600)
    assert ("a.txt", "metadata") in changes(archive, tmp_path / "restored")


def test_a_single_file_is_compared_with_a_dataset_of_one(archive: Archive, tmp_path: Path) -> None:
    archive.backup(tmp_path / "source" / "a.txt", dataset="one")
    assert archive.diff_folder("one", tmp_path / "source" / "a.txt").is_empty()


def test_a_folder_that_is_not_there_is_said_not_to_be_there(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        archive.diff_folder("run", tmp_path / "nowhere")


def test_progress_tells_what_is_read(archive: Archive, tmp_path: Path) -> None:
    told: list[int] = []
    archive.diff_folder("run", tmp_path / "restored", progress=lambda now: told.append(now.files))
    assert told[-1] >= 4
