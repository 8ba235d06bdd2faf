"""Restore: into a folder of its own, whole or by patterns, and never anywhere else, whatever a manifest says."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import (
    EntryNotFound,
    HolotypeError,
    InvalidOption,
    RowsRefused,
    SourceProblem,
    TargetRefused,
    TargetUnfit,
    UnsafePath,
)
from holotype.lake.schema import ENTRIES
from holotype.lake.tree.paths import columns as path_columns

from ..making import keep, rows_of
from .trees import assert_sound, files, fill, has_xattrs, look, make_socket, new_archive, refused, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from holotype.lake import Archive
    from holotype.lake.restoring.placing import Owners


@pytest.fixture
def archive() -> Archive:
    return new_archive()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tree = {
        "reads/a.fastq": b"A" * 3000,
        "reads/b.fastq": b"B" * 100,
        "reads/deep/c.fastq": b"C",
        "notes.txt": b"notes",
        "x/y/z": b"z",
    }
    folder = fill(tmp_path / "source", {**tree, "empty": None})
    (folder / "reads").chmod(0o750)
    os.utime(folder / "reads", ns=(0, 1_500_000_000_000_000_000))
    return folder


class TestPatterns:
    @pytest.mark.parametrize(
        ("patterns", "expected"),
        [
            (["reads/*.fastq"], {"reads/a.fastq", "reads/b.fastq"}),
            (["*.fastq"], {"reads/a.fastq", "reads/b.fastq", "reads/deep/c.fastq"}),
            (["reads"], {"reads/a.fastq", "reads/b.fastq", "reads/deep/c.fastq"}),
            (["/notes.txt", "x/y"], {"notes.txt", "x/y/z"}),
            (["reads/*", "reads/deep/*"], {"reads/a.fastq", "reads/b.fastq", "reads/deep/c.fastq"}),
            (["reads/deep/*", "reads/?.fastq"], {"reads/a.fastq", "reads/b.fastq", "reads/deep/c.fastq"}),
            (["**/z"], {"x/y/z"}),
            (["**"], {"reads/a.fastq", "reads/b.fastq", "reads/deep/c.fastq", "notes.txt", "x/y/z"}),
        ],
    )
    def test_what_matches_comes_back_with_the_folders_it_lies_in(
        self, patterns: list[str], expected: set[str], archive: Archive, source: Path, tmp_path: Path
    ) -> None:
        whole = look(source)
        archive.backup(source, dataset="run")
        back = restored(archive, "run", tmp_path / "back", paths=patterns)
        assert {os.fsdecode(path) for path in files(back)} == expected
        for path, seen in back.items():
            assert seen == whole[path], path
        listed = archive.files("run", paths=patterns)
        assert set(listed.filter(kind="file")["path"]) == expected

    def test_an_empty_folder_by_name(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        assert set(restored(archive, "run", tmp_path / "back", paths=["empty"])) == {b"", b"empty"}

    def test_nothing_matches(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        with pytest.raises(EntryNotFound, match=r"run@1 has no entry that matches \*\.bam"):
            archive.restore("run", tmp_path / "back", paths=["*.bam"])
        assert not files(look(tmp_path / "back")) if (tmp_path / "back").exists() else True

    def test_a_pattern_that_cannot_be(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        for wrong in (["../x"], [""], "reads"):
            with pytest.raises(InvalidOption):
                archive.restore("run", tmp_path / "back", paths=wrong)
            with pytest.raises(InvalidOption):
                archive.files("run", paths=wrong)
            with pytest.raises(InvalidOption):
                archive.diff("run", "run", paths=wrong)
            with pytest.raises(InvalidOption):
                archive.backup(source, dataset="run", exclude=wrong)
        assert not (tmp_path / "back").exists()

    def test_a_hard_link_whose_first_name_is_left_out(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        for name in ("x/first", "x/second", "x/y/third"):
            os.link(source / "reads" / "a.fastq", source / name)
        archive.backup(source, dataset="run")
        back = restored(archive, "run", tmp_path / "back", paths=["x/**"])
        assert files(back) == {
            b"x/first": b"A" * 3000,
            b"x/second": b"A" * 3000,
            b"x/y/third": b"A" * 3000,
            b"x/y/z": b"z",
        }
        assert [back[path].first for path in (b"x/first", b"x/second", b"x/y/third")] == [b"x/first"] * 3
        one = restored(archive, "run", tmp_path / "one", paths=["x/second"])
        assert files(one) == {b"x/second": b"A" * 3000}
        assert one[b"x/second"].mtime_ns == (source / "x" / "second").stat().st_mtime_ns

    def test_names_of_any_bytes(self, archive: Archive, tmp_path: Path) -> None:
        source = fill(tmp_path / "source", {b"caf\xe9/x": b"1", b"new\nline": b"2", b"star*": b"3", b"plain": b"4"})
        archive.backup(source, dataset="run")
        assert set(files(restored(archive, "run", tmp_path / "1", paths=["caf\\\\xe9/*"]))) == {b"caf\xe9/x"}
        assert set(files(restored(archive, "run", tmp_path / "2", paths=["new\nline", "star\\*"]))) == {
            b"new\nline",
            b"star*",
        }

    def test_specials_and_links(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        os.mkfifo(source / "x" / "pipe")
        make_socket(source / "x" / "socket")
        (source / "x" / "link").symlink_to("../notes.txt")
        whole = look(source)
        archive.backup(source, dataset="run")
        back = restored(archive, "run", tmp_path / "back", paths=["pipe", "socket", "link"])
        assert set(back) == {b"", b"x", b"x/pipe", b"x/socket", b"x/link"}
        assert all(seen == whole[path] for path, seen in back.items())


class TestTargets:
    def test_what_it_says_it_did(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        result = archive.restore("run@latest", tmp_path / "new" / "folder")
        assert (result.snapshot, result.target) == ("run@1", str(tmp_path / "new" / "folder"))
        assert (result.files, result.bytes, result.problems, result.ok) == (5, 3107, (), True)
        assert look(tmp_path / "new" / "folder") == look(source)

    def test_an_empty_folder_and_a_link_to_one(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        (tmp_path / "empty").mkdir()
        assert restored(archive, "run", tmp_path / "empty") == look(source)
        (tmp_path / "other").mkdir()
        (tmp_path / "link").symlink_to("other")
        archive.restore("run", tmp_path / "link")
        assert look(tmp_path / "other") == look(source)

    def test_one_that_is_not_empty(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        before = look(source)
        with pytest.raises(TargetRefused, match="not empty"):
            archive.restore("run", source)
        with pytest.raises(TargetRefused, match="not a folder"):
            archive.restore("run", source / "notes.txt")
        assert look(source) == before

    def test_inside_the_archive_or_around_it(self, source: Path, tmp_path: Path) -> None:
        archive = new_archive(tmp_path / "above" / "archive")
        archive.backup(source, dataset="run")
        kept = look(tmp_path / "above")
        (tmp_path / "alias").symlink_to(tmp_path / "above" / "archive")
        for target in ("above/archive", "above/archive/new", "above", "alias/new", "."):
            with pytest.raises(TargetRefused, match="archive"):
                archive.restore("run", tmp_path / target)
        assert look(tmp_path / "above") == kept
        assert_sound(archive)

    def test_options_that_cannot_be(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        with pytest.raises(InvalidOption):
            archive.restore("run", tmp_path / "back", on_problem="ignore")  # type: ignore[arg-type]
        with pytest.raises(InvalidOption):
            archive.restore("run", tmp_path / "back", owners="me")  # type: ignore[arg-type]
        with pytest.raises(InvalidOption):
            archive.restore("run", tmp_path / "back", unfit="rename")  # type: ignore[arg-type]
        assert not (tmp_path / "back").exists() or not os.listdir(tmp_path / "back")

    def test_an_empty_snapshot(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        archive.backup(tmp_path / "source", dataset="run")
        result = archive.restore("run", tmp_path / "back")
        assert result.ok
        assert os.listdir(tmp_path / "back") == []


class TestOwners:
    def test_whose_the_files_become(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        root = os.geteuid() == 0
        if root:
            os.chown(source / "notes.txt", 12345, 23456)
        (source / "notes.txt").chmod(0o4711)
        archive.backup(source, dataset="run")
        theirs = (12345, 23456)
        every: dict[Owners | None, tuple[int, int]] = {"numbers": theirs, "names": theirs, "none": (0, 0), None: theirs}
        for owners, wanted in every.items():
            target = tmp_path / str(owners)
            result = archive.restore("run", target, owners=owners)
            status = (target / "notes.txt").stat()
            assert (status.st_uid, status.st_gid) == (wanted if root else (os.geteuid(), os.getegid()))
            # A set-user-id file that would be somebody else's is not made.
            mine = not root or owners != "none"
            assert stat.S_IMODE(status.st_mode) == (0o4711 if mine else 0o711)
            assert result.ok == mine


class TestProblems:
    """What cannot be put back as it was is reported, and the rest is there."""

    def test_attributes_that_cannot_be_set(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive.backup(source, dataset="run")
        with monkeypatch.context() as patch:
            patch.setattr(os, "utime", _refusing(os.utime))
            result = archive.restore("run", tmp_path / "back")
        assert {problem.problem for problem in result.problems} == {"attributes"}
        assert {problem.path for problem in result.problems} >= {b"notes.txt", b"reads", b"reads/a.fastq"}
        assert not result.ok
        assert files(look(tmp_path / "back")) == files(look(source))

    def test_links_that_cannot_be_made(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.link(source / "notes.txt", source / "second name")
        (source / "soft").symlink_to("notes.txt")
        archive.backup(source, dataset="run")
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", _refusing(os.link))
            patch.setattr(os, "symlink", _refusing(os.symlink))
            with pytest.raises(TargetUnfit, match="'soft': no links"):
                archive.restore("run", tmp_path / "back")
            assert not (tmp_path / "back").exists()
            result = archive.restore("run", tmp_path / "back", unfit="skip")
        assert {problem.path: problem.problem for problem in result.problems} == {b"": "attributes", b"soft": "skipped"}
        assert result.problems[0].message == "the hard links of 1 entries cannot be kept here"
        # Each name is a file of its own then, and no bytes are missing.
        back = look(tmp_path / "back")
        assert files(back) == files(look(source))
        assert not any(seen.first for seen in back.values())

    def test_the_strict_get_an_error(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (source / "soft").symlink_to("notes.txt")
        archive.backup(source, dataset="run")
        monkeypatch.setattr(os, "symlink", _refusing(os.symlink))
        with pytest.raises(SourceProblem, match="soft"):
            archive.restore("run", tmp_path / "back", on_problem="raise", unfit="skip")
        assert not (tmp_path / "back").exists()

    def test_devices_without_the_right_to_make_them(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.mkfifo(source / "pipe")
        archive.backup(source, dataset="run")
        monkeypatch.setattr(os, "mknod", _refusing(os.mknod, supported=os.supports_dir_fd))
        result = archive.restore("run", tmp_path / "back")
        monkeypatch.undo()
        assert [(problem.path, problem.problem) for problem in result.problems] == [(b"pipe", "special")]
        assert files(look(tmp_path / "back")) == files(look(source))

    def test_attributes_of_files_that_are_read_only(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        if has_xattrs(source):
            os.setxattr(source / "notes.txt", "user.note", b"kept")
        (source / "notes.txt").chmod(0o400)
        (source / "reads").chmod(0o500)
        archive.backup(source, dataset="run")
        assert restored(archive, "run", tmp_path / "back") == look(source)


def _refusing(call: Callable[..., Any], *, supported: set[Any] | None = None) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise refused(errno.EPERM)

    # Python lists what takes a descriptor by the function itself.
    for known in (
        (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks) if supported is None else (supported,)
    ):
        if call in known:
            known.add(refuse)
    return refuse


class TestEscapes:
    """Entries that no scan would make, committed by somebody who means harm, or by a mistake."""

    @staticmethod
    def hostile(archive: Archive, monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str, bytes | None]) -> None:
        """Commit a snapshot with a harmless file and these rows: path, kind, target."""

        def rows(tree: Any) -> pa.Table:
            del tree
            names = [path for path, _, _ in entries] + ["harmless"]
            made = rows_of({f"{number:02}": [b"payload"] for number in range(len(names))}).to_pylist()
            path, odd = path_columns(names)
            for row, name, raw, (_, kind, target) in zip(
                made, path.to_pylist(), odd.to_pylist(), [*entries, ("harmless", "file", None)], strict=True
            ):
                row |= {"path": name, "path_bytes": raw, "kind": kind, "target": target}
                if kind != "file":
                    row |= {"chunks": None, "sha256": None, "size": 0}
            return ENTRIES.rows(made)

        with monkeypatch.context() as patch:
            patch.setitem(keep.__globals__, "rows_of", rows)
            keep(archive._context, "run", {"x": [b"payload"]})  # pyright: ignore[reportPrivateUsage]

    @pytest.mark.parametrize(
        "path",
        [
            "../escaped",
            "a/../../escaped",
            "/tmp/holotype-escaped",
            "..",
            ".",
            "a/./b",
            "a//b",
            "a/",
            "a/..",
            "\0",
            "a\0b",
        ],
    )
    @pytest.mark.parametrize("kind", ["file", "directory", "symlink", "fifo", "hardlink"])
    def test_a_path_that_leads_out(
        self, kind: str, path: str, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = {"symlink": b"/etc/passwd", "hardlink": b"harmless"}.get(kind)
        self.hostile(archive, monkeypatch, (path, kind, target))
        before = look(tmp_path)
        with pytest.raises(UnsafePath):
            archive.restore("run", tmp_path / "deep" / "back")
        assert_nothing_outside(tmp_path, before, "deep")
        assert not os.path.lexists("/tmp/holotype-escaped")

    @pytest.mark.parametrize("first", ["/etc/passwd", "../outside", "../../outside"])
    def test_a_hard_link_to_something_outside(
        self, first: str, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "outside").write_bytes(b"private")
        self.hostile(archive, monkeypatch, ("copy", "hardlink", first.encode()))
        before = look(tmp_path)
        with pytest.raises(UnsafePath):
            archive.restore("run", tmp_path / "deep" / "back")
        assert_nothing_outside(tmp_path, before, "deep")
        assert (tmp_path / "outside").stat().st_nlink == 1

    @pytest.mark.parametrize("kind", ["file", "directory", "fifo", "symlink", "hardlink"])
    def test_through_a_link(self, kind: str, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A link and then an entry below it: the entry is not made where the link leads."""
        (tmp_path / "outside").mkdir()
        target = {"symlink": b"/etc/passwd", "hardlink": b"harmless"}.get(kind)
        self.hostile(
            archive, monkeypatch, ("door", "symlink", os.fsencode(tmp_path / "outside")), ("door/x", kind, target)
        )
        before = look(tmp_path)
        try:
            result = archive.restore("run", tmp_path / "deep" / "back")
        except HolotypeError:
            pass
        else:
            assert not result.ok
        assert_nothing_outside(tmp_path, before, "deep")
        assert os.listdir(tmp_path / "outside") == []

    def test_one_path_twice_cannot_even_be_committed(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(RowsRefused):
            self.hostile(archive, monkeypatch, ("same", "symlink", b"/etc/passwd"), ("same", "file", None))
        assert archive.snapshots().is_empty()


def assert_nothing_outside(folder: Path, before: dict[bytes, Any], below: str) -> None:
    """Everything but one folder is as it was (of the folder itself, all but its time)."""
    after = {path: seen for path, seen in look(folder).items() if path and not path.startswith(os.fsencode(below))}
    assert after == {path: seen for path, seen in before.items() if path}


def test_reading_restores_nothing_else(archive: Archive, source: Path) -> None:
    """A snapshot that is opened read-only can be restored, and nothing is written to the archive."""
    archive.backup(source, dataset="run")
    reader = lake.open(archive.url, read_only=True)
    target = source.parent / "back"
    assert restored(reader, "run", target) == look(source)
