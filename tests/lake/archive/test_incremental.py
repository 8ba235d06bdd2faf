"""The second backup: what has not changed is neither read nor stored again, and no change goes unnoticed."""

from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype.catalog import InvalidName, InvalidOption, MemoryStore

from ..making import Clock
from .trees import Meddler, assert_sound, files, fill, look, new_archive, reopened, restored

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive, Progress, Snapshot


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def archive() -> Archive:
    # By this clock every file was last touched long before the first backup, so none has to be read again to be sure.
    return new_archive(clock=Clock(datetime.now(UTC) + timedelta(hours=1)))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tree: dict[str | bytes, bytes | None] = {f"folder{n % 3}/file{n}": noise(n, 400 * n) for n in range(9)}
    return fill(tmp_path / "source", {**tree, "large": noise(50, 200_000), "empty": b"", "nothing": None})


@pytest.fixture
def meddler(monkeypatch: pytest.MonkeyPatch, source: Path) -> Meddler:
    return Meddler(monkeypatch, source)


def again(archive: Archive, source: Path, meddler: Meddler) -> Snapshot:
    """Another backup; the account is of it alone."""
    meddler.forget()
    return archive.backup(source, dataset="run")


def segments(archive: Archive, snapshot: str) -> set[str]:
    digest = archive.snapshot(snapshot).id
    return {row["segment"] for row in archive.read("ranges").to_pylist() if row["snapshot"] == digest}


class TestUnchanged:
    def test_nothing_is_read_and_nothing_stored(self, archive: Archive, source: Path, meddler: Meddler) -> None:
        first = archive.backup(source, dataset="run")
        assert set(meddler.opened) == set(files(look(source)))
        store = MemoryStore(archive.url)
        before = {info.key for info in store.list("")}
        second = again(archive, source, meddler)
        assert meddler.opened == []
        assert (second.number, second.parent, second.new_bytes) == (2, first.id, 0)
        assert (second.entries, second.files, second.bytes) == (first.entries, first.files, first.bytes)
        new = {info.key for info in store.list("")} - before
        assert not [
            key for key in new if key.startswith(("packs/", "tables/entries/", "tables/chunks/", "tables/sessions/"))
        ]
        assert segments(archive, "run@1") == segments(archive, "run@2")
        assert archive.diff("run@1", "run@2").is_empty()

    def test_files_touched_just_before_are_read_again(self, source: Path, meddler: Meddler) -> None:
        """Within the step of the file system's clock a file may change without showing it."""
        archive = new_archive()
        archive.backup(source, dataset="run")
        second = again(archive, source, meddler)
        assert set(meddler.opened) == set(files(look(source)))
        assert second.new_bytes == 0
        assert segments(archive, "run@1") == segments(archive, "run@2"), "what was read again and is the same stays"

    def test_only_what_differs_after_reading_again_is_written(self, source: Path) -> None:
        """Also where the file's looks tell nothing, and where it has more than bytes."""
        archive = new_archive()
        fill(source, {f"more/{n}": b"%d" % n for n in range(500)})
        file, marked = source / "folder1" / "file1", source / "folder1" / "file4"
        os.setxattr(marked, "user.colour", b"red")
        archive.backup(source, dataset="run")
        status = file.stat()
        file.write_bytes(file.read_bytes()[::-1])
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.setxattr(marked, "user.colour", b"blue")
        archive.backup(source, dataset="run", reread=True)
        changed = archive.diff("run@1", "run@2")["path"].to_list()
        assert sorted(changed) == ["folder1/file1", "folder1/file4"]
        (new,) = segments(archive, "run@2") - segments(archive, "run@1")
        rows = [row["rows"] for row in archive.read("ranges").to_pylist() if row["segment"] == new]
        assert rows == [2]

    def test_reread_reads_everything(self, archive: Archive, source: Path, meddler: Meddler) -> None:
        archive.backup(source, dataset="run")
        meddler.forget()
        second = archive.backup(source, dataset="run", reread=True)
        assert set(meddler.opened) == set(files(look(source)))
        assert second.new_bytes == 0
        assert archive.diff("run@1", "run@2").is_empty()
        assert segments(archive, "run@1") == segments(archive, "run@2")


class TestChanged:
    def test_only_what_changed_is_read(self, archive: Archive, source: Path, meddler: Meddler, tmp_path: Path) -> None:
        kept = look(source)
        archive.backup(source, dataset="run")
        fill(source, {"folder1/file1": b"other", "folder2/new": noise(77, 3000)})
        (source / "folder0" / "file3").unlink()
        second = again(archive, source, meddler)
        assert set(meddler.opened) == {b"folder1/file1", b"folder2/new"}
        assert second.new_bytes == 3005
        changes = {
            row["path"]: row["change"] for row in archive.diff("run@1", "run@2").to_dicts() if row["kind"] == "file"
        }
        assert changes == {"folder1/file1": "modified", "folder2/new": "added", "folder0/file3": "removed"}
        assert restored(archive, "run@2", tmp_path / "second") == look(source)
        assert restored(archive, "run@1", tmp_path / "first") == kept
        assert_sound(archive)

    def test_permissions_alone_read_nothing(
        self, archive: Archive, source: Path, meddler: Meddler, tmp_path: Path
    ) -> None:
        archive.backup(source, dataset="run")
        (source / "large").chmod(0o400)
        (source / "folder1").chmod(0o711)
        second = again(archive, source, meddler)
        assert meddler.opened == []
        assert second.new_bytes == 0
        assert {row["path"]: row["change"] for row in archive.diff("run@1", "run@2").to_dicts()} == {
            "large": "metadata",
            "folder1": "metadata",
        }
        assert restored(archive, "run@2", tmp_path / "back") == look(source)

    def test_touched_files_are_read_and_stored_once(
        self, archive: Archive, source: Path, meddler: Meddler, tmp_path: Path
    ) -> None:
        archive.backup(source, dataset="run")
        os.utime(source / "large", ns=(0, 1_600_000_000_000_000_001))
        second = again(archive, source, meddler)
        assert meddler.opened == [b"large"]
        assert second.new_bytes == 0
        assert restored(archive, "run@2", tmp_path / "back") == look(source)

    def test_a_change_that_hides_behind_its_old_time_is_noticed(
        self, archive: Archive, source: Path, meddler: Meddler, tmp_path: Path
    ) -> None:
        archive.backup(source, dataset="run")
        path = source / "folder1" / "file4"
        status = path.stat()
        with path.open("r+b") as file:
            file.write(b"XXXX")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        again(archive, source, meddler)
        assert meddler.opened == [b"folder1/file4"]
        assert restored(archive, "run@2", tmp_path / "back") == look(source)

    def test_a_renamed_folder_stores_nothing(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        (source / "folder1").rename(source / "renamed")
        second = archive.backup(source, dataset="run")
        assert second.new_bytes == 0
        moved = archive.diff("run@1", "run@2").filter(change="moved")
        assert set(moved["path"]) == {"renamed/file1", "renamed/file4", "renamed/file7"}
        assert set(moved["moved_from"]) == {"folder1/file1", "folder1/file4", "folder1/file7"}
        assert restored(archive, "run@2", tmp_path / "back") == look(source)

    def test_every_change_of_kind(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        (source / "large").unlink()
        fill(source, {"large/now a folder": b"x"})
        shutil.rmtree(source / "folder1")
        (source / "folder1").symlink_to("folder2")
        (source / "empty").unlink()
        os.mkfifo(source / "empty")
        (source / "nothing").rmdir()
        fill(source, {"nothing": b"something"})
        archive.backup(source, dataset="run")
        assert restored(archive, "run@2", tmp_path / "back") == look(source)
        changes = {row["path"]: row["change"] for row in archive.diff("run@1", "run@2").to_dicts()}
        assert [changes[name] for name in ("large", "folder1", "empty", "nothing")] == ["type"] * 4
        assert_sound(archive)

    def test_a_link_that_points_elsewhere(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        (source / "link").symlink_to("large")
        archive.backup(source, dataset="run")
        (source / "link").unlink()
        (source / "link").symlink_to("empty!")
        archive.backup(source, dataset="run")
        assert restored(archive, "run@2", tmp_path / "back") == look(source)

    def test_hard_links_that_come_and_go(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        os.link(source / "large", source / "another")
        archive.backup(source, dataset="run")
        assert restored(archive, "run@1", tmp_path / "1") == look(source)
        os.link(source / "large", source / "aaa")
        archive.backup(source, dataset="run")
        assert restored(archive, "run@2", tmp_path / "2") == look(source)
        (source / "aaa").unlink()
        (source / "another").unlink()
        third = archive.backup(source, dataset="run")
        assert third.new_bytes == 0
        assert restored(archive, "run@3", tmp_path / "3") == look(source)

    def test_everything_goes(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        archive.backup(source, dataset="run")
        shutil.rmtree(source)
        source.mkdir()
        second = archive.backup(source, dataset="run")
        assert (second.entries, second.files, second.bytes) == (1, 0, 0)
        assert restored(archive, "run@2", tmp_path / "back") == look(source)


class TestDeduplication:
    def test_across_files_datasets_and_snapshots(self, archive: Archive, tmp_path: Path) -> None:
        data = noise(1, 50_000)
        one = fill(tmp_path / "one", {"a": data, "b": data, "deep/c": data})
        assert archive.backup(one, dataset="one").new_bytes == len(data)
        two = fill(tmp_path / "two", {"other name": data, "more": noise(2, 1000)})
        assert archive.backup(two, dataset="two").new_bytes == 1000
        (one / "a").write_bytes(b"gone for now")
        archive.backup(one, dataset="one")
        (one / "a").write_bytes(data)
        assert archive.backup(one, dataset="one").new_bytes == 0
        assert restored(archive, "two@1", tmp_path / "back") == look(two)

    def test_an_insertion_stores_only_its_neighbourhood(self, archive: Archive, tmp_path: Path) -> None:
        data = noise(3, 400_000)
        source = fill(tmp_path / "source", {"reads.fastq": data})
        archive.backup(source, dataset="run")
        (source / "reads.fastq").write_bytes(data[:150_000] + b"inserted" * 20 + data[150_000:])
        second = archive.backup(source, dataset="run")
        assert second.new_bytes < 12_000, "a few chunks of at most 4096 bytes"
        assert files(restored(archive, "run@2", tmp_path / "back")) == files(look(source))

    def test_noise_behind_a_header_is_not_compressed(self, tmp_path: Path) -> None:
        """Whether compressing pays is told from the middle of files, not from what they begin with."""
        archive = new_archive(chunking={"min": 65536, "average": 131072, "max": 262144})
        images = {f"{n}.raw": bytes(5000) + noise(n, 20_000) for n in range(4)}
        texts = {f"{n}.txt": b"%d words " % n * 500 for n in range(4)}
        source = fill(tmp_path / "source", {**images, **texts})
        archive.backup(source, dataset="run")
        codecs = {row["length"]: row["codec"] for row in archive.read("chunks").to_pylist()}
        assert codecs == {25_000: "raw", 4000: "zstd"}
        assert restored(archive, "run", tmp_path / "back") == look(source)

    def test_numbers_overwritten_in_place(self, archive: Archive, tmp_path: Path) -> None:
        values = np.cumsum(np.random.default_rng(1).normal(size=100_000)).astype("<f4")
        source = tmp_path / "source"
        source.mkdir()
        np.save(source / "signal.npy", values)
        first = archive.backup(source, dataset="run")
        values[50_000:50_010] = 7
        np.save(source / "signal.npy", values)
        second = archive.backup(source, dataset="run")
        assert second.new_bytes < 10_000 < first.new_bytes
        assert files(restored(archive, "run@2", tmp_path / "back")) == files(look(source))
        row = archive.files("run@2", paths=["signal.npy"]).to_dicts()[0]
        assert (row["dtype"], row["shape"]) == ("<f4", [100_000])


class TestWhatIsKept:
    def test_patterns_leave_out(self, archive: Archive, tmp_path: Path) -> None:
        source = fill(
            tmp_path / "source",
            {"a.tmp": b"1", "a.txt": b"2", "cache/x": b"3", "sub/cache/y": b"4", "sub/b.tmp": b"5", "sub/b": b"6"},
        )
        archive.backup(source, dataset="run", exclude=["*.tmp", "/cache"])
        assert set(files(restored(archive, "run@1", tmp_path / "1"))) == {b"a.txt", b"sub/cache/y", b"sub/b"}
        archive.backup(source, dataset="run", include=["sub/*"], exclude=["cache/"])
        assert set(files(restored(archive, "run@2", tmp_path / "2"))) == {b"sub/b.tmp", b"sub/b"}
        archive.backup(source, dataset="run")
        assert restored(archive, "run@3", tmp_path / "3") == look(source)
        with pytest.raises(InvalidOption):
            archive.backup(source, dataset="run", exclude=["../x"])

    def test_caches(self, archive: Archive, tmp_path: Path) -> None:
        tag = b"Signature: 8a477f597d28d172789f06886806bc55\n"
        source = fill(
            tmp_path / "source",
            {"c/CACHEDIR.TAG": tag, "c/x": b"x", "c/d/y": b"y", "not/CACHEDIR.TAG": b"no", "not/z": b"z"},
        )
        archive.backup(source, dataset="run", exclude_caches=True)
        assert set(files(restored(archive, "run@1", tmp_path / "back"))) == {
            b"c/CACHEDIR.TAG",
            b"not/CACHEDIR.TAG",
            b"not/z",
        }

    @pytest.mark.parametrize("size", [0, 5, 300_000])
    def test_a_single_file(self, size: int, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(tmp_path, {"reads.fastq": noise(size, size), "beside": b"not this one"})
        (tmp_path / "latest").symlink_to("reads.fastq")
        monkeypatch.chdir(tmp_path)
        for number, name in enumerate((f"{tmp_path}/reads.fastq", "reads.fastq", "./reads.fastq", "latest"), 1):
            snapshot = archive.backup(name, dataset="run")
            assert (snapshot.entries, snapshot.problems) == (1, 0)
            back = restored(archive, f"run@{number}", tmp_path / f"back{number}")
            assert files(back) == {os.path.basename(name).encode(): noise(size, size)}
        assert archive.diff("run@1", "run@2").is_empty()

    def test_a_folder_by_any_name(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "link").symlink_to(source)
        monkeypatch.chdir(source.parent)
        for name in (
            source,
            str(source),
            "source",
            "./source/",
            "source/folder1/..",
            tmp_path / "link",
            f"{tmp_path}/link/",
        ):
            archive.backup(name, dataset="run")
            assert archive.snapshot("run").entries == len(look(source))
        monkeypatch.chdir(source)
        last = archive.backup(".", dataset="run")
        assert archive.diff("run@1", last.name).is_empty()
        assert last.new_bytes == 0


class TestWhatIsSaid:
    def test_message_author_clock_and_source(self, source: Path) -> None:
        clock = Clock(datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
        archive = new_archive(author="ada@lab", clock=clock)
        snapshot = archive.backup(source, dataset="rnaseq/liver", message="raw reads, “first” lane")
        assert snapshot == archive.snapshot("rnaseq/liver@1")
        assert (snapshot.name, snapshot.dataset, snapshot.number) == ("rnaseq/liver@1", "rnaseq/liver", 1)
        assert (snapshot.message, snapshot.author, snapshot.kind) == ("raw reads, “first” lane", "ada@lab", "files")
        assert snapshot.source == str(source)
        assert (
            datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
            < snapshot.began
            < snapshot.time
            < datetime(2031, 5, 6, 7, 9, tzinfo=UTC)
        )
        assert reopened(archive).backup(source, dataset="rnaseq/liver").author == "bob@ward"
        assert archive.snapshots("rnaseq/liver")["author"].to_list() == ["ada@lab", "bob@ward"]

    def test_progress_has_sensible_values(self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        archive = new_archive()
        os.link(source / "large", source / "zz")
        clock = iter(range(0, 1_000_000_000, 10))
        monkeypatch.setattr("holotype.lake.progress.time.monotonic", lambda: float(next(clock)))
        seen: list[Progress] = []
        snapshot = archive.backup(source, dataset="run", progress=seen.append)
        check(seen, "backup")
        assert (seen[-1].files, seen[-1].bytes) == (snapshot.files - 1, snapshot.new_bytes)
        stored = sum(
            info.size for info in MemoryStore(archive.url).list("packs/") if not info.key.endswith("zarr.json")
        )
        assert seen[-1].stored == stored
        seen.clear()
        archive.restore("run", tmp_path / "back", progress=seen.append)
        check(seen, "restore")
        assert (
            (seen[-1].files, seen[-1].bytes)
            == (seen[-1].total_files, seen[-1].total_bytes)
            == (snapshot.files, snapshot.bytes)
        )
        seen.clear()
        report = archive.verify(progress=seen.append)
        check(seen, "verify")
        assert (
            (seen[-1].files, seen[-1].bytes)
            == (seen[-1].total_files, seen[-1].total_bytes)
            == (report.objects, report.bytes)
        )

    @pytest.mark.parametrize("name", ["", "/x", "x/", "a//b", "../x", "a b", "x@1", "con", ".x", "é"])
    def test_names_that_cannot_be(self, name: str, archive: Archive, source: Path) -> None:
        with pytest.raises(InvalidName):
            archive.backup(source, dataset=name)
        assert archive.snapshots().is_empty()

    def test_options_that_cannot_be(self, archive: Archive, source: Path) -> None:
        with pytest.raises(InvalidOption, match="on_problem"):
            archive.backup(source, dataset="run", on_problem="ignore")  # type: ignore[arg-type]
        with pytest.raises(InvalidOption, match="compression"):
            archive.backup(source, dataset="run", compression=99)
        with pytest.raises(InvalidOption, match="chunking"):
            new_archive(chunking={"min": 5000, "average": 1024, "max": 4096})


def check(seen: list[Progress], work: str) -> None:
    assert {progress.work for progress in seen} == {work}
    assert [progress.done for progress in seen] == [False] * (len(seen) - 1) + [True]
    for name in ("files", "bytes", "stored", "seconds"):
        values = [getattr(progress, name) for progress in seen]
        assert values == sorted(values)
    last = seen[-1]
    for progress in seen:
        assert progress.files <= last.files
        assert progress.total_files is None or progress.files <= progress.total_files
