"""Everything a folder can hold besides plain files: links, pipes, odd names, holes, attributes, the archive itself."""

from __future__ import annotations

import os
import socket
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import SourceProblem

from .trees import (
    LARGE,
    Meddler,
    assert_sound,
    files,
    fill,
    has_xattrs,
    look,
    make_socket,
    new_archive,
    restored,
)

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


class TestKinds:
    """Everything that is not a file or a folder."""

    def test_pipes_sockets_and_devices_are_recorded_and_never_opened(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.mkfifo(source / "pipe", 0o620)
        make_socket(source / "socket")
        made = {b"pipe", b"socket"}
        if os.geteuid() == 0:
            os.mknod(source / "null", 0o640 | stat.S_IFCHR, os.makedev(1, 3))
            os.mknod(source / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 200))
            made |= {b"null", b"disk"}
        kept = look(source)
        meddler = Meddler(monkeypatch, source)
        finished = threading.Event()

        def back_up() -> None:
            archive.backup(source, dataset="run")
            finished.set()

        threading.Thread(target=back_up, daemon=True).start()
        assert finished.wait(60), "it waits for somebody to write into the pipe"
        meddler.stop()
        assert not made & set(meddler.opened)
        kinds = {row["path"]: row["kind"] for row in archive.files("run").to_dicts()}
        assert kinds["pipe"] == "fifo"
        assert kinds["socket"] == "socket"
        assert kinds.get("null", "character-device") == "character-device"
        assert kinds.get("disk", "block-device") == "block-device"
        assert restored(archive, "run@1", tmp_path / "back") == kept
        assert_sound(archive)

    def test_a_socket_that_somebody_listens_on(
        self, archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(source)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("live")
            listener.listen()
            assert archive.backup(source, dataset="run").problems == 0

    def test_links_that_loop_dangle_or_lead_out_are_kept_as_links(
        self, archive: Archive, source: Path, tmp_path: Path
    ) -> None:
        for name, target in {
            "self": "self",
            "one": "two",
            "two": "one",
            "up": "..",
            "folder/here": ".",
            "dangling": "no/where",
            "out": "/etc",
            "long": "x/" * 1000,
        }.items():
            (source / name).symlink_to(target)
        os.symlink(b"bytes \xff\n", os.fsencode(source / "odd"))
        kept = look(source)
        snapshot = archive.backup(source, dataset="run")
        assert snapshot.problems == 0
        assert snapshot.entries == len(kept)
        assert restored(archive, "run@1", tmp_path / "back") == kept
        assert_sound(archive)

    def test_empty_files_and_folders(self, archive: Archive, tmp_path: Path) -> None:
        source = fill(
            tmp_path / "source", {"empty": b"", "folder/empty": b"", "nothing": None, "deep/er/nothing": None}
        )
        kept = look(source)
        snapshot = archive.backup(source, dataset="run")
        assert (snapshot.files, snapshot.bytes, snapshot.new_bytes) == (2, 0, 0)
        assert restored(archive, "run@1", tmp_path / "back") == kept
        assert_sound(archive)

    def test_an_empty_source(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir(mode=0o750)
        snapshot = archive.backup(tmp_path / "source", dataset="run")
        assert (snapshot.entries, snapshot.files) == (1, 0)
        assert restored(archive, "run@1", tmp_path / "back") == look(tmp_path / "source")
        assert_sound(archive)

    def test_names_of_any_bytes(self, archive: Archive, tmp_path: Path) -> None:
        names = [
            *(
                b"new\nline",
                b"tab\t",
                b"Case",
                b"case",
                b"CASE",
                b"\xff\xfe",
                b"caf\xe9",
                "café".encode(),
                "cafe\u0301".encode(),
            ),
            *(b"back\\slash", b"\\xff", b" ", b"-rf", b"*", b"a" * 255, b"~", b"..."),
            *(b"sub\xff/\xc3\x28", b"sub\xff/ok", b"sub\nfolder/\x01\x7f"),
        ]
        source = fill(tmp_path / "source", {name: name for name in names})
        kept = look(source)
        snapshot = archive.backup(source, dataset="run")
        assert snapshot.problems == 0
        assert restored(archive, "run@1", tmp_path / "back") == kept
        shown = archive.files("run@1")["path"].to_list()
        assert "caf\\xe9" in shown
        assert "new\nline" in shown
        for name in names:
            with archive.open("run@1", name) as file:
                assert file.read() == name
        assert archive.backup(source, dataset="run").new_bytes == 0
        assert_sound(archive)

    def test_paths_longer_than_the_system_takes_at_once(self, archive: Archive, tmp_path: Path) -> None:
        top = tmp_path / "source"
        top.mkdir()
        at = os.open(top, os.O_RDONLY)
        for depth in range(25):
            name = f"{depth:02}" + "n" * 200
            os.mkdir(name, dir_fd=at)
            below = os.open(name, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        with open(os.open("deep", os.O_WRONLY | os.O_CREAT, dir_fd=at), "wb") as file:
            file.write(b"down here")
        with open(os.open("large", os.O_WRONLY | os.O_CREAT, dir_fd=at), "wb") as file:
            file.write(LARGE)
        os.close(at)
        snapshot = archive.backup(top, dataset="run")
        assert snapshot.files == 2
        # Extended attributes cannot be asked for by so long a path; everything else can.
        assert set(archive.problems("run")["problem"].to_list()) <= {"attributes"}
        archive.restore("run@1", tmp_path / "back")
        again = archive.backup(tmp_path / "back", dataset="again")
        assert again.files == 2
        difference = archive.diff("run@1", "again@1")
        assert difference.is_empty(), difference
        assert_sound(archive)

    def test_permissions_owners_times_and_attributes(self, archive: Archive, tmp_path: Path) -> None:
        source = fill(
            tmp_path / "source",
            {"run.sh": b"#!", "private": b"x", "set": b"x", "shared/x": b"x", "future": b"x", "old": b"x"},
        )
        (source / "run.sh").chmod(0o755)
        (source / "private").chmod(0o600)
        (source / "set").chmod(0o4755)
        os.utime(source / "future", ns=(0, 4_102_444_800_123_456_789))
        os.utime(source / "old", ns=(0, -1_000_000_001))
        if os.geteuid() == 0:
            os.chown(source / "private", 12345, 54321)
            os.chown(source / "shared", 12345, 0)
        if has_xattrs(source):
            os.setxattr(source / "run.sh", "user.sample", b"\0\xff binary")
            os.setxattr(source / "shared", "user.folder", b"")
        (source / "shared").chmod(0o3770)
        (source / "locked").mkdir()
        (source / "locked" / "inside").write_bytes(b"x")
        (source / "locked").chmod(0o500)
        kept = look(source)
        assert archive.backup(source, dataset="run").problems == 0
        assert restored(archive, "run@1", tmp_path / "back") == kept

    def test_hard_links_stay_one_file(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        for name in ("folder/other", "zz"):
            os.link(source / "large", source / name)
        os.link(source / "a", source / "folder" / "a too")
        snapshot = archive.backup(source, dataset="run")
        back = restored(archive, "run@1", tmp_path / "back")
        assert back == look(source)
        assert back[b"zz"].first == b"folder/other"
        assert snapshot.new_bytes == len(LARGE) + len(b"firstsecondlast")

    def test_links_across_what_was_left_out(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        os.link(source / "large", source / "zz")
        archive.backup(source, dataset="run", exclude=["/large"])
        assert files(restored(archive, "run@1", tmp_path / "back"))[b"zz"] == LARGE


class TestSparse:
    """Holes are neither read nor stored."""

    @staticmethod
    def sparse(path: Path, size: int) -> None:
        with path.open("wb") as file:
            file.write(b"header")
            file.seek(size // 2)
            file.write(LARGE)
            file.truncate(size)

    def holds_little(self, path: Path) -> bool:
        return path.stat().st_blocks * 512 < 1 << 20

    def test_a_large_file_of_holes(self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = fill(tmp_path / "source", {"x": b"x"})
        self.sparse(source / "image", 200 << 20)
        assert self.holds_little(source / "image"), "this file system has no holes"
        meddler = Meddler(monkeypatch, source)
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.bytes == (200 << 20) + 1
        assert snapshot.new_bytes < 100_000
        assert meddler.reads.count(b"image") < 20
        archive.restore("run@1", tmp_path / "back")
        assert (tmp_path / "back" / "image").stat().st_size == 200 << 20
        assert self.holds_little(tmp_path / "back" / "image")
        again = archive.backup(tmp_path / "back", dataset="again")
        assert again.new_bytes == 0
        assert (
            archive.files("again", paths=["/image"])["sha256"].item()
            == archive.files("run", paths=["/image"])["sha256"].item()
        )
        assert archive.verify(full=False).ok

    def test_five_gibibytes(self, archive: Archive, tmp_path: Path) -> None:
        """What takes time is only the SHA-256 of so many zeros."""
        source = fill(tmp_path / "source", {})
        self.sparse(source / "image", 5 << 30)
        snapshot = archive.backup(source, dataset="run")
        assert (snapshot.bytes, snapshot.problems) == (5 << 30, 0)
        assert snapshot.new_bytes < 100_000
        with archive.open("run", "image") as file:
            assert file.read(10) == b"header\0\0\0\0"
            file.seek((5 << 30) // 2 - 10)
            assert file.read(10 + len(LARGE)) == bytes(10) + LARGE
            file.seek(-10, os.SEEK_END)
            assert file.read() == bytes(10)
        assert_sound(archive)

    def test_nothing_but_a_hole(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        with (tmp_path / "source" / "hole").open("wb") as file:
            file.truncate(1_000_000)
        snapshot = archive.backup(tmp_path / "source", dataset="run")
        assert (snapshot.bytes, snapshot.new_bytes) == (1_000_000, 0)
        assert restored(archive, "run@1", tmp_path / "back") == look(tmp_path / "source")
        assert self.holds_little(tmp_path / "back" / "hole")
        assert_sound(archive)

    def test_holes_at_both_ends_and_between(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        with (tmp_path / "source" / "image").open("wb") as file:
            for at in (100_000, 300_000, 700_001):
                file.seek(at)
                file.write(LARGE)
            file.truncate(1_000_000)
        archive.backup(tmp_path / "source", dataset="run")
        assert restored(archive, "run@1", tmp_path / "back") == look(tmp_path / "source")
        with archive.open("run@1", "image") as file:
            assert file.read() == (tmp_path / "source" / "image").read_bytes()
        assert_sound(archive)


class TestItsOwnSource:
    def test_an_archive_inside_what_it_keeps_is_left_out(self, source: Path, tmp_path: Path) -> None:
        kept = look(source)
        archive = new_archive(source / "folder" / "archive")
        for number in (1, 2):
            snapshot = archive.backup(source, dataset="run")
            assert snapshot.problems == 0
            back = restored(archive, f"run@{number}", tmp_path / f"back{number}")
            assert files(back) == files(kept)
            assert not [path for path in back if b"archive" in path]
        assert_sound(archive)

    def test_reached_through_a_link(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(source)
        archive = new_archive(tmp_path / "link" / "archive")
        archive.backup(source, dataset="run")
        assert not archive.files("run")["path"].str.contains("archive").any()

    def test_the_archive_itself_cannot_be_the_source(self, tmp_path: Path) -> None:
        archive = new_archive(tmp_path / "archive")
        with pytest.raises(SourceProblem, match="archive itself"):
            archive.backup(tmp_path / "archive", dataset="run")
        assert_sound(archive)
