"""Sources as they really are: missing, unreadable in part, alive, odd.  Whatever they are, the archive stays sound."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import SourceNotFound, SourceProblem

from .trees import (
    LARGE,
    Meddler,
    assert_sound,
    files,
    fill,
    look,
    refused,
    restored,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive, Snapshot


def problems(archive: Archive, reference: str) -> dict[str, str]:
    return {row["path"]: row["problem"] for row in archive.problems(reference).to_dicts()}


def assert_earlier_comes_back(archive: Archive, kept: dict[bytes, Any], target: Path) -> None:
    assert_sound(archive)
    assert restored(archive, "run@1", target) == kept


class TestMissing:
    def test_a_source_that_is_not_there(self, archive: Archive, tmp_path: Path) -> None:
        with pytest.raises(SourceNotFound, match="nowhere"):
            archive.backup(tmp_path / "nowhere", dataset="run")
        assert archive.snapshots().is_empty()
        assert_sound(archive)

    def test_a_source_that_is_not_there_for_an_archive_on_a_disk(self, tmp_path: Path) -> None:
        archive = lake.create(tmp_path / "archive")
        with pytest.raises(SourceNotFound, match="nowhere"):
            archive.backup(tmp_path / "nowhere", dataset="run")
        assert archive.snapshots().is_empty()

    def test_a_source_below_a_file(self, archive: Archive, source: Path) -> None:
        with pytest.raises(SourceNotFound):
            archive.backup(source / "a" / "b", dataset="run")

    def test_a_source_that_is_neither_folder_nor_file(self, archive: Archive, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(SourceProblem, match="pipe"):
            archive.backup(tmp_path / "pipe", dataset="run")
        assert archive.snapshots().is_empty()

    def test_earlier_snapshots_are_as_they_were(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        kept = look(source)
        archive.backup(source, dataset="run")
        source.rename(tmp_path / "away")
        with pytest.raises(SourceNotFound):
            archive.backup(source, dataset="run")
        assert_earlier_comes_back(archive, kept, tmp_path / "back")


class TestUnreadable:
    """Whatever cannot be read is recorded, and the rest is kept."""

    @staticmethod
    def refuse(path: bytes) -> Callable[[bytes], None]:
        def raising(opened: bytes) -> None:
            if opened == path:
                raise refused()

        return raising

    @pytest.mark.parametrize("path", [b"a", b"large", b"folder/b"])
    def test_a_file(
        self, path: bytes, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = look(source)
        archive.backup(source, dataset="run")
        with (source / os.fsdecode(path)).open("ab") as file:
            file.write(b"and more")
        now = files(look(source))
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.refuse(path)
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 1
        row = archive.problems("run@2").to_dicts()[0]
        assert (row["path"], row["problem"]) == (path.decode(), "unreadable")
        assert os.strerror(errno.EACCES) in row["message"]
        # What the file was before is in the snapshot before, and is not given out as what it is now.
        assert files(restored(archive, "run@2", tmp_path / "now")) == {
            name: data for name, data in now.items() if name != path
        }
        assert_earlier_comes_back(archive, kept, tmp_path / "back")
        assert archive.backup(source, dataset="run").problems == 0
        assert files(restored(archive, "run@3", tmp_path / "again")) == now

    @pytest.mark.parametrize("known", [False, True], ids=["new", "known before"])
    def test_a_file_with_several_names(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
    ) -> None:
        """What is kept under another name would lead to nothing: that name is a problem, too."""
        os.link(source / "a", source / "folder" / "a too")
        if known:
            archive.backup(source, dataset="run")
            (source / "a").write_bytes(b"changed")
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.refuse(b"a")
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert problems(archive, "run") == {"a": "unreadable", "folder/a too": "skipped"}
        assert set(files(restored(archive, snapshot.name, tmp_path / "back"))) == {b"large", b"folder/b", b"z"}
        assert_sound(archive)
        last = archive.backup(source, dataset="run")
        assert restored(archive, last.name, tmp_path / "again") == look(source)

    def test_a_folder(self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.refuse(b"folder")
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 1
        assert problems(archive, "run@1") == {"folder": "unreadable"}
        assert set(look(source)) - set(restored(archive, "run@1", tmp_path / "back")) == {b"folder/b"}
        assert_sound(archive)

    @pytest.mark.parametrize("path", [b"a", b"large"])
    def test_a_disk_that_fails_within_a_file(
        self, path: bytes, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(read: bytes) -> None:
            if read == path:
                raise refused(errno.EIO)

        meddler = Meddler(monkeypatch, source)
        meddler.on_read = fail
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert problems(archive, "run") == {path.decode(): "unreadable"}
        assert snapshot.files == 3
        assert set(files(restored(archive, "run@1", tmp_path / "back"))) == {b"a", b"large", b"folder/b", b"z"} - {path}
        assert_sound(archive)

    @pytest.mark.parametrize("path", [b"a", b"folder"])
    def test_the_strict_get_an_error_and_nothing_is_committed(
        self, path: bytes, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = look(source)
        archive.backup(source, dataset="run")
        fill(source, {"a": b"other", "new": b"x" * 5000})
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.refuse(path)
        with pytest.raises(SourceProblem, match="nothing was committed") as caught:
            archive.backup(source, dataset="run", on_problem="raise")
        meddler.stop()
        assert caught.value.about["path"] == path.decode()
        assert archive.snapshots("run").height == 1
        assert_earlier_comes_back(archive, kept, tmp_path / "back")
        assert archive.backup(source, dataset="run", on_problem="raise").number == 2

    def test_the_source_itself(self, archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        meddler = Meddler(monkeypatch, source.parent)
        meddler.on_open = self.refuse(b"source")
        with pytest.raises(SourceProblem, match="cannot be read"):
            archive.backup(source, dataset="run")
        meddler.stop()
        assert archive.snapshots().is_empty()

    def test_attributes_only(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Extended attributes that may not be read are a problem of their own; the bytes are kept."""

        def refuse(*_: object, **__: object) -> bytes:
            raise refused()

        monkeypatch.setattr(os, "listxattr", lambda *_, **__: ["user.secret"], raising=False)
        monkeypatch.setattr(os, "getxattr", refuse, raising=False)
        archive.backup(source / "a", dataset="run")
        monkeypatch.undo()
        assert problems(archive, "run") == {"a": "attributes"}
        assert files(restored(archive, "run@1", tmp_path / "back")) == {b"a": b"first"}


class TestAlive:
    """A source that changes while it is read."""

    @staticmethod
    def once(path: bytes, act: Callable[[], object]) -> Callable[[bytes], None]:
        done: list[bool] = []

        def acting(touched: bytes) -> None:
            if touched == path and not done:
                done.append(True)
                act()

        return acting

    @pytest.mark.parametrize("name", ["a", "large"])
    @pytest.mark.parametrize("when", ["on_open", "on_read"])
    @pytest.mark.parametrize("change", [b"", b"shorter", b"X" * 20_000], ids=["emptied", "shorter", "longer"])
    def test_a_file_that_changes_once_is_read_again(
        self,
        name: str,
        when: str,
        change: bytes,
        archive: Archive,
        source: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = source / name
        meddler = Meddler(monkeypatch, source)
        setattr(meddler, when, self.once(name.encode(), lambda: path.write_bytes(change)))
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 0
        assert restored(archive, "run@1", tmp_path / "back") == look(source)
        assert_sound(archive)

    @pytest.mark.parametrize("name", ["a", "large"])
    def test_the_same_size_but_other_bytes(
        self, name: str, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = source / name
        meddler = Meddler(monkeypatch, source)
        meddler.on_read = self.once(name.encode(), lambda: path.write_bytes(path.read_bytes()[::-1]))
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 0
        assert restored(archive, "run@1", tmp_path / "back") == look(source)

    @pytest.mark.parametrize("name", ["a", "large"])
    @pytest.mark.parametrize("step", [b"grows", None], ids=["grows", "shrinks"])
    def test_a_file_that_never_holds_still_is_kept_as_read_and_marked(
        self,
        name: str,
        step: bytes | None,
        archive: Archive,
        source: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = source / name
        path.write_bytes(LARGE[: 300 if name == "a" else None])

        def change(touched: bytes) -> None:
            if touched == name.encode():
                if step is None:
                    os.truncate(path, max(0, path.stat().st_size - 3))
                else:
                    with path.open("ab") as file:
                        file.write(step)

        meddler = Meddler(monkeypatch, source)
        meddler.on_read = change
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 1
        assert problems(archive, "run@1") == {name: "changed"}
        row = archive.files("run@1", paths=[f"/{name}"]).to_dicts()[0]
        assert row["unsettled"]
        assert not archive.files("run@1", paths=["/z"])["unsettled"].item()
        back = restored(archive, "run@1", tmp_path / "back")
        kept = files(back)[name.encode()]
        assert len(kept) == row["size"]
        assert kept.startswith(LARGE[:200])
        with archive.open("run@1", name) as file:
            assert file.read() == kept
        assert_sound(archive)
        # Once it does hold still it is read again, and the mark is gone.
        assert archive.backup(source, dataset="run").problems == 0
        assert restored(archive, "run@2", tmp_path / "later") == look(source)
        assert not archive.files("run@2")["unsettled"].any()

    def test_a_sparse_file_cut_short_while_it_is_read(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = source / "sparse"
        with path.open("wb") as file:
            file.write(b"begin")
            file.seek(1 << 20)
            file.write(b"end")
        left = [1 << 20, 300_000, 100_000]

        def cut(touched: bytes) -> None:
            if touched == b"sparse" and left:
                os.truncate(path, left.pop(0))

        meddler = Meddler(monkeypatch, source)
        meddler.on_read = cut
        archive.backup(source, dataset="run")
        meddler.stop()
        back = files(restored(archive, "run@1", tmp_path / "back"))[b"sparse"]
        row = archive.files("run@1", paths=["/sparse"]).to_dicts()[0]
        assert len(back) == row["size"]
        assert back.rstrip(b"\0") in (b"begin", b"begin" + bytes((1 << 20) - 5) + b"end")
        assert_sound(archive)

    @pytest.mark.parametrize("path", [b"a", b"large", b"folder/b"])
    def test_a_file_that_vanishes_before_it_is_read(
        self, path: bytes, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = look(source)
        archive.backup(source, dataset="run")
        (source / os.fsdecode(path)).write_bytes(b"changed so that it has to be read")
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.once(path, lambda: os.unlink(source / os.fsdecode(path)))
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert snapshot.problems == 1
        assert problems(archive, "run@2") == {path.decode(): "vanished"}
        assert files(restored(archive, "run@2", tmp_path / "now")) == files(look(source))
        assert_earlier_comes_back(archive, kept, tmp_path / "back")

    def test_a_file_deleted_while_it_is_read_is_kept_whole(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        meddler = Meddler(monkeypatch, source)
        meddler.on_read = self.once(b"large", lambda: os.unlink(source / "large"))
        archive.backup(source, dataset="run")
        meddler.stop()
        assert files(restored(archive, "run@1", tmp_path / "back"))[b"large"] == LARGE

    def test_a_folder_that_vanishes_during_the_walk(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.once(b"folder", lambda: (source / "folder").rename(tmp_path / "elsewhere"))
        archive.backup(source, dataset="run")
        meddler.stop()
        assert problems(archive, "run") == {"folder": "vanished"}
        assert set(files(restored(archive, "run@1", tmp_path / "back"))) == {b"a", b"large", b"z"}

    @pytest.mark.parametrize("kind", ["fifo", "symlink", "folder"])
    @pytest.mark.parametrize("name", ["a", "large"])
    def test_a_file_that_becomes_something_else_is_never_followed_and_never_waited_for(
        self, name: str, kind: str, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "secret").write_bytes(b"not part of the source")
        path = source / name

        def swap() -> None:
            path.unlink()
            if kind == "fifo":
                os.mkfifo(path)
            elif kind == "symlink":
                path.symlink_to(tmp_path / "secret")
            else:
                path.mkdir()

        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.once(name.encode(), swap)
        archive.backup(source, dataset="run")
        meddler.stop()
        assert set(problems(archive, "run")) == {name}
        assert set(files(restored(archive, "run@1", tmp_path / "back"))) == {b"a", b"large", b"folder/b", b"z"} - {
            name.encode()
        }
        assert_sound(archive)
        assert archive.backup(source, dataset="run").problems == 0
        assert restored(archive, "run@2", tmp_path / "later") == look(source)

    def test_a_folder_swapped_for_a_link_leads_nowhere(
        self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = fill(tmp_path / "source", {"folder/b": b"mine", "folder/large": LARGE})
        fill(tmp_path / "secret", {"b": b"another's", "large": b"another's" * 1000})

        def swap() -> None:
            (source / "folder").rename(tmp_path / "away")
            (source / "folder").symlink_to(tmp_path / "secret")

        meddler = Meddler(monkeypatch, source)
        meddler.on_open = self.once(b"folder/b", swap)
        archive.backup(source, dataset="run")
        meddler.stop()
        assert all(b"another" not in data for data in files(restored(archive, "run@1", tmp_path / "back")).values())

    def test_a_folder_made_anew_is_read_as_it_is_now(
        self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also while the one that was there before is still open."""
        source = fill(tmp_path / "source", {"folder/a": b"a", "folder/b": b"old", "folder/c": b"c"})

        def replace() -> None:
            shutil.rmtree(source / "folder")
            fill(source, {"folder/a": b"another", "folder/b": b"new", "folder/c": b"new too"})

        meddler = Meddler(monkeypatch, source)
        meddler.on_read = self.once(b"folder/a", replace)
        archive.backup(source, dataset="run")
        meddler.stop()
        assert archive.problems("run").is_empty()
        found = files(restored(archive, "run@1", tmp_path / "back"))
        assert found == {b"folder/a": b"another", b"folder/b": b"new", b"folder/c": b"new too"}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not list what is open")
@pytest.mark.parametrize("strict", [False, True])
def test_nothing_stays_open(
    strict: bool,  # noqa: FBT001 - given by name
    archive: Archive,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive.backup(source, dataset="warm")
    before = len(os.listdir("/proc/self/fd"))

    def refuse(path: bytes) -> None:
        if path == b"folder/b":
            raise refused()

    meddler = Meddler(monkeypatch, source)
    meddler.on_open = refuse
    for _ in range(3):
        with pytest.raises(SourceProblem) if strict else nullcontext():
            archive.backup(source, dataset="run", on_problem="raise" if strict else "record")
    meddler.stop()
    assert len(os.listdir("/proc/self/fd")) == before


def test_every_problem_is_counted(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: bytes) -> None:
        if path in (b"a", b"z", b"folder"):
            raise refused()

    meddler = Meddler(monkeypatch, source)
    meddler.on_open = refuse
    snapshot: Snapshot = archive.backup(source, dataset="run")
    meddler.stop()
    assert snapshot.problems == 3
    assert archive.snapshot("run@1").problems == 3
    assert problems(archive, "run@1") == {"a": "unreadable", "folder": "unreadable", "z": "unreadable"}
    assert archive.problems("run@1").columns == ["path", "problem", "message"]
