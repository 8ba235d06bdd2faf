"""Damage to any object of an archive: named, never a library's traceback, and whatever is sound is given back."""

from __future__ import annotations

import json
import os
import random
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype import lake
from holotype.catalog import (
    ArchiveNotFound,
    DamageError,
    FormatTooNew,
    HolotypeError,
    LogDamaged,
    MemoryStore,
)
from holotype.catalog.sealed import wrap

from .trees import files, fill, look, new_archive, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda data: None,
    "truncated": lambda data: data[: len(data) // 2],
    "flipped": flipped,
    "emptied": lambda data: b"",
}


class Damaged:
    """An archive in memory with three snapshots, of which any object can be damaged."""

    def __init__(self, source: Path) -> None:
        self.trees: dict[str, dict[bytes, bytes]] = {}
        archive = new_archive()
        self.url = archive.url
        self.store = MemoryStore(self.url)
        numbers = np.cumsum(np.random.default_rng(1).normal(size=(64, 512)), axis=0).astype("<f4")
        fill(source, {"noise": noise(1, 9000), "folder/text": b"some words, " * 900, "small": b"small", "empty": b""})
        np.save(source / "numbers.npy", numbers)
        os.link(source / "noise", source / "other name")
        self.keep(archive, source, "run")
        (source / "noise").write_bytes(noise(2, 9000))
        fill(source, {"new": noise(3, 5000)})
        self.keep(archive, source, "run")
        (source / "small").write_bytes(b"grown")
        self.keep(archive, source, "other/set")
        archive.backup(source, dataset="gone")
        archive.forget("gone@1")
        archive.annotate("run", {"sample": 7})
        self.whole = {info.key: bytes(self.store.get(info.key)) for info in self.store.list("")}

    def keep(self, archive: Archive, source: Path, dataset: str) -> None:
        self.trees[archive.backup(source, dataset=dataset).name] = files(look(source))

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.whole if key.startswith(prefix))

    def damage(self, key: str, how: str) -> None:
        data = DAMAGES[how](self.whole[key])
        if data is None:
            self.store.delete([key])
        else:
            self.store.put(key, [data])

    def mend(self) -> None:
        for key, data in self.whole.items():
            self.store.put(key, [data])

    def open(self) -> Archive:
        return lake.open(self.url)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    return Damaged(tmp_path_factory.mktemp("damage") / "source")


@pytest.fixture(autouse=True)
def _whole_again(damaged: Damaged) -> object:
    yield
    damaged.mend()


def assert_what_comes_back_is_right(damaged: Damaged, archive: Archive, target: Path) -> dict[str, set[bytes]]:
    """Restore every snapshot: each file is whole, or reported and absent; gives what was lost."""
    lost: dict[str, set[bytes]] = {}
    for number, (name, kept) in enumerate(damaged.trees.items()):
        result = archive.restore(name, target / str(number))
        back = files(look(target / str(number)))
        assert back.items() <= kept.items()
        lost[name] = kept.keys() - back.keys()
        assert lost[name] == {problem.path for problem in result.problems}
        assert {problem.problem for problem in result.problems} <= {"damaged", "skipped"}
    return lost


class TestPacks:
    @pytest.mark.parametrize("how", ["missing", "truncated", "flipped"])
    def test_a_damaged_pack_is_named_with_every_file_it_touches(
        self, how: str, damaged: Damaged, tmp_path: Path
    ) -> None:
        packs = [key for key in damaged.keys("packs/") if not key.endswith("zarr.json")]
        assert any(key.endswith("c/0/0") for key in packs), "no pack of numbers"
        for number, key in enumerate(packs[:4]):
            damaged.damage(key, how)
            archive = damaged.open()
            report = archive.verify()
            assert not report.ok
            assert set(report.damage["object"]) == {key}
            lost = assert_what_comes_back_is_right(damaged, archive, tmp_path / str(number))
            named = {name: set[bytes]() for name in damaged.trees}
            for row in report.damage.drop_nulls("path").to_dicts():
                named[row["snapshot"]].add(row["path"].encode())
                assert row["snapshot"].startswith(row["dataset"] + "@")
                assert key in row["problem"] or "chunk" in row["problem"]
            assert named == lost
            if how == "missing":
                assert any(lost.values())
            one = archive.verify("run@2")
            assert set(one.damage["path"].drop_nulls()) == {path.decode() for path in lost["run@2"]}
            assert one.ok or set(one.damage["object"]) == {key}
            quick = archive.verify(full=False)
            assert quick.ok == (how == "flipped"), "sizes alone show what is missing, or not whole"
            if not quick.ok:
                assert set(quick.damage["object"]) == {key}
                assert set(zip(quick.damage["snapshot"], quick.damage["path"], strict=True)) >= {
                    (name, path.decode()) for name, missed in lost.items() for path in missed
                }
            damaged.mend()

    def test_the_strict_get_the_error(self, damaged: Damaged, tmp_path: Path) -> None:
        for key in damaged.keys("packs/"):
            damaged.damage(key, "missing")
        with pytest.raises(DamageError):
            damaged.open().restore("run@1", tmp_path / "back", on_problem="raise")

    def test_the_description_of_a_pack_of_numbers(self, damaged: Damaged, tmp_path: Path) -> None:
        """Without it no Zarr reader opens the pack; its chunks are still read."""
        for how in ("missing", "truncated", "flipped"):
            (key,) = [key for key in damaged.keys("packs/") if key.endswith("zarr.json")]
            damaged.damage(key, how)
            archive = damaged.open()
            report = archive.verify()
            assert not report.ok
            assert not any(assert_what_comes_back_is_right(damaged, archive, tmp_path / how).values())
            assert archive.verify(full=False).ok == (how == "flipped")
            damaged.mend()

    def test_every_pack_at_once(self, damaged: Damaged, tmp_path: Path) -> None:
        for key in damaged.keys("packs/"):
            damaged.damage(key, "missing")
        archive = damaged.open()
        lost = assert_what_comes_back_is_right(damaged, archive, tmp_path)
        assert all(
            missed == {path for path, data in damaged.trees[name].items() if data} for name, missed in lost.items()
        )
        for full in (True, False):
            report = archive.verify(full=full)
            assert set(report.damage["snapshot"].drop_nulls()) == set(damaged.trees)

    def test_files_that_lost_nothing_are_read_in_place(self, damaged: Damaged) -> None:
        packs = [key for key in damaged.keys("packs/") if not key.endswith("zarr.json")]
        for key in packs[:4]:
            damaged.damage(key, "flipped")
            archive = damaged.open()
            wrong = {row["path"] for row in archive.verify("run@2").damage.to_dicts()}
            for path, data in damaged.trees["run@2"].items():
                with archive.open("run@2", path) as file:
                    if path.decode() in wrong:
                        with pytest.raises(DamageError):
                            file.read()
                    else:
                        assert file.read() == data
            damaged.mend()


class TestRecords:
    """Segments, the log, checkpoints, ``archive.json``."""

    @pytest.mark.parametrize("how", ["missing", "truncated", "flipped"])
    @pytest.mark.parametrize(
        "table", ["annotations", "chunks", "entries", "packs", "ranges", "retention", "sessions", "snapshots"]
    )
    def test_a_damaged_segment_is_found_and_never_believed(
        self, table: str, how: str, damaged: Damaged, tmp_path: Path
    ) -> None:
        keys = damaged.keys(f"tables/{table}/")
        assert keys
        for number, key in enumerate(keys[:2]):
            damaged.damage(key, how)
            archive = damaged.open()
            report = archive.verify()
            assert key in set(report.damage["object"])
            assert report.damage.filter(object=key)["what"].unique().item() == "segment"
            one = archive.verify("run@2")
            assert set(one.damage["object"]) <= {key}
            quick = archive.verify(full=False)
            if how != "flipped":
                assert key in set(quick.damage["object"])
            kept = damaged.trees["run@2"]
            result = outcome(partial(archive.restore, "run@2", tmp_path / str(number)))
            if isinstance(result, BaseException):
                assert isinstance(result, DamageError), result
                assert key in str(result)
            else:
                back = files(look(tmp_path / str(number)))
                assert back.items() <= kept.items()
                assert result.problems or back == kept
            damaged.mend()

    def test_chunks_and_packs_of_other_segments_still_come_back(self, damaged: Damaged, tmp_path: Path) -> None:
        """One segment of the index is gone; files whose chunks the other segments know are restored."""
        second = damaged.keys("tables/chunks/")[1]
        damaged.damage(second, "flipped")
        archive = damaged.open()
        result = archive.restore("run@1", tmp_path / "first")
        assert result.ok
        assert files(look(tmp_path / "first")) == damaged.trees["run@1"]
        result = archive.restore("run@2", tmp_path / "second")
        assert {problem.path for problem in result.problems} == {b"new", b"noise", b"other name"}
        assert all(second in problem.message for problem in result.problems if problem.path != b"other name")
        back = files(look(tmp_path / "second"))
        assert back.items() < damaged.trees["run@2"].items()

    @pytest.mark.parametrize("how", DAMAGES)
    def test_a_damaged_log_entry_is_named(self, how: str, damaged: Damaged, tmp_path: Path) -> None:
        keys = damaged.keys("log/")
        for number, key in enumerate(keys):
            damaged.damage(key, how)
            archive = outcome(damaged.open)
            if isinstance(archive, BaseException):
                assert isinstance(archive, LogDamaged), archive
                assert key in str(archive)
            else:
                last = key == keys[-1] and how == "missing"  # that is an older state of the archive, not damage to it
                report = archive.verify()
                assert last or key in set(report.damage["object"])
                if not last:
                    assert_what_comes_back_is_right(damaged, archive, tmp_path / str(number))
            damaged.mend()

    def test_an_archive_already_open_goes_on_and_says_so(self, damaged: Damaged, tmp_path: Path) -> None:
        archive = damaged.open()
        key = damaged.keys("log/")[2]
        damaged.damage(key, "flipped")
        assert key in set(archive.verify().damage["object"])
        assert not any(assert_what_comes_back_is_right(damaged, archive, tmp_path).values())

    @pytest.mark.parametrize("how", DAMAGES)
    def test_the_header(self, how: str, damaged: Damaged) -> None:
        archive = damaged.open()
        damaged.damage("archive.json", how)
        assert "archive.json" in set(archive.verify().damage["object"])
        with pytest.raises(HolotypeError) as caught:
            damaged.open()
        assert isinstance(caught.value, LogDamaged)
        assert "archive.json" in str(caught.value)

    def test_a_newer_format_is_refused_by_name(self, damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
        fields = json.loads(damaged.whole["archive.json"])
        newer = fields.pop("format") + 1
        del fields["seal"]
        with monkeypatch.context() as later:
            later.setattr("holotype.catalog.sealed.FORMAT", newer)
            damaged.store.put("archive.json", [wrap(fields)])
        with pytest.raises(FormatTooNew, match=f"format {newer}.* install a newer"):
            damaged.open()

    def test_no_archive_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveNotFound, match="nothing-here"):
            lake.open(tmp_path / "nothing-here")
        assert not (tmp_path / "nothing-here").exists()

    def test_verify_is_clean_where_nothing_is_wrong(self, damaged: Damaged) -> None:
        archive = damaged.open()
        for reference in (None, *damaged.trees):
            for full in (True, False):
                report = archive.verify(reference, full=full)
                assert report.ok
                assert report.damage.is_empty()
                assert report.damage.columns == ["what", "object", "problem", "dataset", "snapshot", "path"]
                assert report.objects > 0
                assert (report.chunks > 0) == full


def test_backup_after_damage_stores_again_what_it_needs(tmp_path: Path) -> None:
    """A pack is lost; what is still in the source goes into the next snapshot when it is read again."""
    archive = new_archive()
    source = fill(tmp_path / "source", {"a": noise(1, 9000)})
    archive.backup(source, dataset="run")
    store = MemoryStore(archive.url)
    (key,) = [info.key for info in store.list("packs/")]
    whole = bytes(store.get(key))
    store.delete([key])
    assert not archive.verify().ok
    store.put(key, [whole])
    assert archive.verify().ok
