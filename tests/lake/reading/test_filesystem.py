"""The archive is a filesystem like any other to fsspec and to what reads through it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from holotype.catalog import (
    ArchiveNotFound,
    ArchiveReadOnly,
    DatasetNotFound,
    EntryNotFound,
    HolotypeError,
    InvalidOption,
    SnapshotNotFound,
    StorageFailed,
)
from holotype.lake.manifest import Sizes
from holotype.lake.reading.filesystem import HolotypeFileSystem, filesystem

from ..making import keep
from ..making import new_archive as new_context
from .watching import make, new_archive, read, watch, watch_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive

FILES = {
    "notes.txt": b"first\n",
    "reads/a.fastq": b"@a\nACGT\n",
    "reads/b.fastq": b"@b\nTTTT\n",
    "reads/old/a.fastq": b"@old\n",
    "reads-old/c.fastq": b"@c\n",
    "readme.md": b"# run\n",
}


def build(folder: Path) -> tuple[Archive, Path]:
    """An archive with two datasets, the first in two versions, and the folder they are of, with an empty one in it."""
    source = make(folder / "run", FILES)
    (source / "empty").mkdir()
    archive = new_archive()
    archive.backup(source, dataset="rnaseq/liver")
    (source / "notes.txt").write_bytes(b"second\n")
    archive.backup(source, dataset="rnaseq/liver")
    archive.backup(source, dataset="run42")
    return archive, source


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, Path]:
    """One archive for all tests that only read."""
    return build(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def archive(built: tuple[Archive, Path]) -> Archive:
    """The archive."""
    return built[0]


@pytest.fixture
def source(built: tuple[Archive, Path]) -> Path:
    """The folder that was archived."""
    return built[1]


def names(found: list[Any]) -> list[str]:
    return sorted(info["name"] for info in found)


def test_a_snapshot_lists_as_the_folder_did(archive: Archive, source: Path) -> None:
    there: Any = LocalFileSystem()
    here = archive.filesystem("run42@1")
    top = str(source)
    assert here.find("") == [os.path.relpath(path, top) for path in there.find(top)]
    assert here.find("reads") == [os.path.relpath(path, top) for path in there.find(f"{top}/reads")]
    assert here.find("", maxdepth=1) == [os.path.relpath(path, top) for path in there.find(top, maxdepth=1)]
    assert sorted(here.ls("", detail=False)) == sorted(os.listdir(top))
    for pattern in ("*", "**", "reads/*", "*/*.fastq", "reads*/**", "**/a.fastq", "r[e]ad*", "nothing/*"):
        expected = [os.path.relpath(path, top) for path in there.glob(f"{top}/{pattern}") if path != top]
        assert [path for path in here.glob(pattern) if path] == expected, pattern
    walked = {at: (sorted(folders), sorted(files)) for at, folders, files in here.walk("")}
    expected_walk = {
        os.path.relpath(at, top).replace(".", "", 1) if at == top else os.path.relpath(at, top): (
            sorted(dirs),
            sorted(files),
        )
        for at, dirs, files in os.walk(top)
    }
    assert walked == expected_walk


def test_what_is_known_of_a_file(archive: Archive, source: Path) -> None:
    files = archive.filesystem("run42@1")
    status = (source / "reads/a.fastq").stat()
    info = files.info("reads/a.fastq")
    assert (info["name"], info["type"], info["size"]) == ("reads/a.fastq", "file", 8)
    assert (info["mode"], info["uid"], info["gid"]) == (status.st_mode & 0o7777, status.st_uid, status.st_gid)
    assert files.modified("reads/a.fastq") == datetime.fromtimestamp(status.st_mtime_ns / 1e9, UTC)
    assert files.created("reads/a.fastq") == files.created("") == files.modified("")
    assert files.ukey("reads/a.fastq") == info["sha256"]
    assert files.checksum("reads/a.fastq") == int(info["sha256"], 16)
    assert files.checksum("reads") != files.checksum("empty")
    assert files.info("reads") == next(info for info in files.ls("") if info["name"] == "reads")
    assert files.ls("reads/a.fastq") == [info]
    assert [files.isfile(path) for path in ("notes.txt", "reads", "nothing")] == [True, False, False]
    assert [files.isdir(path) for path in ("notes.txt", "reads", "nothing", "")] == [False, True, False, True]


def test_files_are_read_whole_and_in_part(archive: Archive, tmp_path: Path) -> None:
    files = archive.filesystem("run42@1")
    assert files.cat_file("readme.md") == FILES["readme.md"]
    assert files.cat_file("readme.md", 2) == files.cat_file("readme.md", -4) == b"run\n"
    assert files.cat_file("readme.md", 2, -1) == b"run"
    assert files.cat_file("readme.md", 5, 2) == b""
    assert files.cat("reads/*.fastq") == {name: FILES[name] for name in ("reads/a.fastq", "reads/b.fastq")}
    assert (files.head("reads/a.fastq", 2), files.tail("reads/a.fastq", 2)) == (b"@a", b"T\n")
    assert files.read_text("notes.txt") == "second\n"
    with files.open("notes.txt", "rt") as text:
        assert list(text) == ["second\n"]
    parts = files.cat_ranges(["readme.md", "reads/a.fastq", "readme.md", "gone"], [0, 3, 2, 0], [1, 7, 5, 1])
    assert parts[:3] == [b"#", b"ACGT", b"run"]
    assert isinstance(parts[3], EntryNotFound)
    assert files.cat_ranges(["readme.md", "notes.txt"], 0, 3) == [b"# r", b"sec"]
    with pytest.raises(EntryNotFound):
        files.cat_ranges(["gone"], 0, 3, on_error="raise")
    with pytest.raises(InvalidOption):
        files.cat_ranges(["readme.md"], [0, 1], [1, 2])
    files.get("", str(tmp_path / "out"), recursive=True)
    assert (tmp_path / "out/reads/old/a.fastq").read_bytes() == b"@old\n"
    assert (tmp_path / "out/empty").is_dir()


def test_links_lead_where_they_led_and_no_walk_goes_round(tmp_path: Path) -> None:
    source = make(tmp_path / "run", {"data/a.csv": b"x\n1\n"})
    (source / "latest").symlink_to("data")
    (source / "table.csv").symlink_to("data/a.csv")
    (source / "data" / "up").symlink_to("..")
    (source / "gone").symlink_to("nothing")
    os.link(source / "data/a.csv", source / "same.csv")
    archive = new_archive()
    archive.backup(source, dataset="run")
    files = archive.filesystem("run@1")
    assert files.find("") == ["data/a.csv", "same.csv", "table.csv"]
    assert {info["name"]: info["type"] for info in files.ls("")} == {
        "data": "directory",
        "gone": "link",
        "latest": "link",
        "same.csv": "file",
        "table.csv": "file",
    }
    assert files.info("table.csv")["size"] == 4
    assert files.info("table.csv")["destination"] == "data/a.csv"
    assert files.info("table.csv")["sha256"] == files.info("data/a.csv")["sha256"] == files.ukey("same.csv")
    assert files.isdir("latest")
    assert files.info("gone")["type"] == "link"
    assert names(files.ls("latest")) == ["latest/a.csv", "latest/up"]
    assert files.find("latest") == ["latest/a.csv"]
    assert files.cat_file("latest/up/data/a.csv") == b"x\n1\n"


def test_the_archive_lists_its_datasets_and_their_versions(archive: Archive) -> None:
    files = filesystem(watch(archive)[0])
    assert names(files.ls("")) == ["rnaseq", "run42@1"]
    assert names(files.ls("rnaseq")) == ["rnaseq/liver@1", "rnaseq/liver@2"]
    assert files.info("rnaseq")["type"] == files.info("rnaseq/liver@1")["type"] == files.info("")["type"] == "directory"
    assert names(files.ls("rnaseq/liver@1/reads")) == [
        "rnaseq/liver@1/reads/a.fastq",
        "rnaseq/liver@1/reads/b.fastq",
        "rnaseq/liver@1/reads/old",
    ]
    assert files.glob("rnaseq/*@*/notes.txt") == ["rnaseq/liver@1/notes.txt", "rnaseq/liver@2/notes.txt"]
    assert len(files.find("")) == 3 * len(FILES)
    with pytest.raises(EntryNotFound):
        files.created("rnaseq")
    with pytest.raises(EntryNotFound, match="is a folder"):
        files.open("rnaseq")


def test_a_path_names_the_version_or_means_the_latest(archive: Archive) -> None:
    files = filesystem(watch(archive)[0])
    digest = archive.filesystem("rnaseq/liver@1").info("")["snapshot"]
    for version in ("rnaseq/liver@1", f"rnaseq/liver@{digest[:12]}", digest):
        assert files.cat_file(f"{version}/notes.txt") == b"first\n"
    for version in ("rnaseq/liver@2", "rnaseq/liver@latest", "rnaseq/liver"):
        assert files.cat_file(f"{version}/notes.txt") == b"second\n"
        assert files.cat_file(f"holotype://{version}/notes.txt") == b"second\n"
    assert files.find("rnaseq/liver/reads/old") == ["rnaseq/liver/reads/old/a.fastq"]


def test_a_dataset_may_lie_below_another(tmp_path: Path) -> None:
    archive, source = build(tmp_path)
    archive.backup(source / "reads", dataset="rnaseq")
    files = filesystem(watch(archive)[0])
    assert names(files.ls("rnaseq"))[:3] == ["rnaseq/a.fastq", "rnaseq/b.fastq", "rnaseq/liver@1"]
    assert files.cat_file("rnaseq@1/a.fastq") == files.cat_file("rnaseq/a.fastq") == FILES["reads/a.fastq"]
    assert files.cat_file("rnaseq/liver/readme.md") == b"# run\n"


def test_a_name_with_an_at_sign_is_a_name(tmp_path: Path) -> None:
    archive = new_archive()
    archive.backup(make(tmp_path / "run", {"mail/me@lab.txt": b"hello"}), dataset="run")
    files = filesystem(watch(archive)[0])
    assert files.cat_file("run/mail/me@lab.txt") == files.cat_file("run@1/mail/me@lab.txt") == b"hello"


def test_what_is_latest_stays_what_it_was_for_one_filesystem(tmp_path: Path) -> None:
    archive, source = build(tmp_path)
    url = f"holotype://run42@latest/notes.txt::{archive.url}"
    files, path = fsspec.core.url_to_fs(url)
    assert files.cat_file(path) == b"second\n"
    (source / "notes.txt").write_bytes(b"third\n")
    archive.backup(source, dataset="run42")
    assert files.cat_file(path) == b"second\n"
    assert pickle.loads(pickle.dumps(files)).cat_file(path) == b"second\n"
    assert read(url) == b"third\n"


def test_a_filesystem_travels(archive: Archive) -> None:
    for files in (archive.filesystem("run42@1"), fsspec.filesystem("holotype", fo=archive.url)):
        again = pickle.loads(pickle.dumps(files))
        assert again == files
        assert hash(again) == hash(files)
        assert again.ls("") == files.ls("")
    assert archive.filesystem("run42@1") != archive.filesystem("rnaseq/liver@1")


def test_another_process_reads_through_it(tmp_path: Path) -> None:
    archive = new_archive(str(tmp_path / "archive"))
    archive.backup(make(tmp_path / "run", FILES), dataset="run")
    files = pickle.dumps(archive.filesystem("run@latest"))
    program = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).cat_file('readme.md').decode())"
    done = subprocess.run(
        [sys.executable, "-c", program], input=files, capture_output=True, check=True, env={**os.environ}
    )
    assert done.stdout.decode().strip() == "# run"


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "local://{path}"])
def test_a_chained_url_names_file_and_archive(tmp_path: Path, form: str) -> None:
    archive = new_archive(str(tmp_path / "my archive"))
    archive.backup(make(tmp_path / "run", FILES), dataset="rnaseq/liver")
    url = f"holotype://rnaseq/liver@1/reads/*.fastq::{form.format(path=tmp_path / 'my archive')}"
    opened = fsspec.open_files(url)
    with opened as files:
        assert [file.read() for file in files] == [FILES["reads/a.fastq"], FILES["reads/b.fastq"]]
    assert read(url.replace("*", "a"), file={"durable": False}) == FILES["reads/a.fastq"]


def test_other_filesystems_may_stand_before_it(archive: Archive, tmp_path: Path) -> None:
    url = f"simplecache::holotype://run42@1/readme.md::{archive.url}"
    assert read(url, simplecache={"cache_storage": str(tmp_path)}) == b"# run\n"
    found = fsspec.get_mapper(f"holotype://run42@1/reads::{archive.url}")
    assert sorted(found) == ["a.fastq", "b.fastq", "old/a.fastq"]
    assert found["a.fastq"] == FILES["reads/a.fastq"]


@pytest.mark.parametrize(
    ("path", "error", "said"),
    [
        ("run43@1/notes.txt", DatasetNotFound, "nearest are run42"),
        ("run43", DatasetNotFound, "nearest are run42"),
        ("run42@7/notes.txt", SnapshotNotFound, "run42@1"),
        ("run42@1/note.txt", EntryNotFound, "nearest are notes.txt"),
        ("run42@1/reads", EntryNotFound, "is a folder"),
        ("run42@nonsense/notes.txt", HolotypeError, "after the '@'"),
    ],
)
def test_errors_are_the_archives_own(archive: Archive, path: str, error: type[Exception], said: str) -> None:
    files = filesystem(watch(archive)[0])
    with pytest.raises(error, match=said):
        files.open(path)
    assert not files.exists(path) or "reads" in path


def test_an_archive_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ArchiveNotFound):
        read(f"holotype://run@1/x::{tmp_path}")
    with pytest.raises(InvalidOption, match="which archive"):
        read("holotype://run@1/x")
    with pytest.raises(HolotypeError):
        read("holotype://run@1/x::zip://inner::/some.zip")


def test_another_archive_at_the_same_place_is_seen(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        archive = new_archive(str(tmp_path / text.decode()))
        archive.backup(make(tmp_path / f"run-{text.decode()}", {"a": text}), dataset="run")
    url = f"holotype://run@1/a::{tmp_path / 'here'}"
    (tmp_path / "one").rename(tmp_path / "here")
    assert read(url) == b"one"
    (tmp_path / "here").rename(tmp_path / "gone")
    (tmp_path / "two").rename(tmp_path / "here")
    assert read(url) == b"two"


def test_nothing_can_be_written(archive: Archive, source: Path) -> None:
    files = archive.filesystem("run42@1")
    attempts: tuple[Callable[[], Any], ...] = (
        lambda: files.open("new.txt", "wb"),
        lambda: files.open("notes.txt", "ab"),
        lambda: files.pipe_file("new.txt", b""),
        lambda: files.put(str(source / "notes.txt"), "new.txt"),
        lambda: files.rm("notes.txt"),
        lambda: files.mv("notes.txt", "new.txt"),
        lambda: files.cp_file("notes.txt", "new.txt"),
        lambda: files.mkdir("new"),
        lambda: files.makedirs("new/newer"),
        lambda: files.rmdir("empty"),
        lambda: files.touch("notes.txt"),
    )
    for attempt in attempts:
        with pytest.raises(ArchiveReadOnly):
            attempt()
    assert files.cat_file("notes.txt") == b"second\n"


def test_storage_that_fails_is_not_taken_for_nothing_there(archive: Archive) -> None:
    context, store = watch(archive)
    files = filesystem(context, "run42@1")
    store.broken = True
    for ask in (files.exists, files.isdir, files.isfile, files.find, files.ls, lambda path: list(files.walk(path))):
        with pytest.raises(StorageFailed):
            ask("reads")
    store.broken = False
    assert files.exists("reads")


def test_a_folder_is_listed_without_reading_what_lies_elsewhere_or_below() -> None:
    context = new_context()
    tree: dict[str, Any] = {"": None, "few": None, "few/a": [b"a"], "many": None, "z": [b"z"]}
    for folder in range(40):
        tree[f"many/{folder:02}"] = None
        tree.update({f"many/{folder:02}/{number:03}": [b"%d %d" % (folder, number)] for number in range(100)})
    keep(context, "run", tree, sizes=Sizes(target_rows=64, min_rows=16, max_rows=128))
    watched, store = watch_store(context.store)
    segments = sum(1 for _ in store.list("tables/entries/"))
    assert segments > 40
    files = filesystem(watched, "run@1")
    assert len(files.ls("many/17")) == 100
    assert len(store.keys_of("tables/entries/")) <= 5
    store.reads.clear()
    assert names(files.ls("")) == ["few", "many", "z"]
    assert len(store.keys_of("tables/entries/")) <= 3
    assert len(files.find("many")) == 4_000
    store.reads.clear()
    files.ls("")
    assert not store.reads


def test_it_is_found_by_its_protocol() -> None:
    assert fsspec.get_filesystem_class("holotype") is HolotypeFileSystem
