"""An archived file opens as a file: it reads and seeks as the original did, and fetches what is read of it."""

from __future__ import annotations

import io
import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from holotype.catalog import EntryNotFound, ObjectDamaged, ObjectMissing, open_store
from holotype.lake.manifest import Manifest
from holotype.lake.reading.content import Content
from holotype.lake.reading.nearby import NearManifest, Places
from holotype.lake.reading.opened import open_file
from holotype.lake.records.index import locate
from holotype.lake.records.snapshots import resolve

from .watching import chunks_of, make, new_archive, stored_between, watch

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.lake.context import Context

NOISE = random.Random(1).randbytes(100_000)
TEXT = b"".join(b"reading %d\n" % number for number in range(5_000))


def build(folder: Path) -> Archive:
    """An archive with a folder of files and links in it."""
    source = make(folder / "run", {"noise.bin": NOISE, "reads/a.txt": TEXT, "reads/b.txt": b"second", "empty": b""})
    (source / "reads" / "link.txt").symlink_to("a.txt")
    (source / "up.txt").symlink_to("reads/../reads/b.txt")
    (source / "folder").symlink_to("reads")
    (source / "round").symlink_to("about")
    (source / "about").symlink_to("round")
    (source / "outside").symlink_to("/etc/hostname")
    (source / "beyond").symlink_to("../../secret")
    (source / "broken").symlink_to("reads/gone.txt")
    os.link(source / "reads" / "a.txt", source / "same.txt")
    os.mkfifo(source / "pipe")
    with open(os.fsencode(source) + b"/caf\xe9.txt", "wb") as file:
        file.write(b"latin")
    archive = new_archive()
    archive.backup(source, dataset="run")
    return archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """One for all tests that only read."""
    return build(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def own_archive(tmp_path: Path) -> Archive:
    """One that a test may damage."""
    return build(tmp_path)


def test_it_reads_as_the_file_did(archive: Archive) -> None:
    with archive.open("run@1", "reads/a.txt") as file:
        assert (file.name, file.size, file.mode) == ("reads/a.txt", len(TEXT), "rb")
        assert file.readable()
        assert file.seekable()
        assert not file.writable()
        assert file.readline() == b"reading 0\n"
        assert file.read(3) == b"rea"
        assert file.tell() == 13
        assert file.seek(-5, os.SEEK_END) == len(TEXT) - 5
        assert file.read() == b"4999\n"
        assert file.read() == b""
        assert file.seek(0) == 0
        assert list(file) == TEXT.splitlines(keepends=True)
        assert file.sha256 is not None
        assert len(file.sha256) == 64


def test_text_is_read_through_a_wrapper(archive: Archive) -> None:
    with archive.open("run@1", "reads/a.txt") as file, io.TextIOWrapper(file, "utf-8") as text:
        assert text.read() == TEXT.decode()


def test_an_empty_file_is_empty(archive: Archive) -> None:
    with archive.open("run@1", "empty") as file:
        assert (file.size, file.read(), file.read_at(0, 10)) == (0, b"", b"")


def test_any_part_is_that_part_of_the_file(archive: Archive) -> None:
    chance = random.Random(2)
    with archive.open("run@1", "noise.bin") as file:
        for _ in range(300):
            at, count = chance.randrange(110_000), chance.choice([0, 1, 10, 1_000, 50_000])
            assert file.read_at(at, count) == NOISE[at : at + count]
            if chance.random() < 0.5:
                file.seek(at)
                assert file.read(count) == NOISE[at : at + count]


def test_reading_a_part_fetches_the_chunks_of_that_part_and_no_others(archive: Archive) -> None:
    context, store = watch(archive)
    chunks = chunks_of(context, "run@1", "noise.bin")
    assert len(chunks) > 40
    with open_file(context, "run@1", "noise.bin") as file:
        store.reads.clear()
        file.seek(50_000)
        assert file.read(2_000) == NOISE[50_000:52_000]
        assert store.bytes_of("packs/") <= stored_between(chunks, 50_000, 52_000)
        store.reads.clear()
        assert file.read_at(10_000, 100) == NOISE[10_000:10_100]
        assert store.bytes_of("packs/") <= stored_between(chunks, 10_000, 10_100)


def test_what_was_read_is_not_fetched_again(archive: Archive) -> None:
    context, store = watch(archive)
    with open_file(context, "run@1", "noise.bin") as file:
        file.read_at(10_000, 100)
        store.reads.clear()
        file.read_at(10_000, 100)
        assert not store.reads


def test_reading_on_fetches_what_follows_beforehand(tmp_path: Path) -> None:
    data = random.Random(3).randbytes(24 << 20)
    archive = new_archive(chunking=None)
    archive.backup(make(tmp_path / "run", {"big.bin": data}), dataset="run")
    context, store = watch(archive)
    with open_file(context, "run@1", "big.bin") as file:
        parts = [file.read(100_000) for _ in range(30)]
        file.content.ahead(len(data))  # nothing follows the end
        reached = max(chunk["at"] + chunk["length"] for chunk in chunks_of(context, "run@1", "big.bin")[:3])
        assert store.bytes_of("packs/") > reached
        parts.append(file.read())
    assert b"".join(parts) == data
    assert store.bytes_of("packs/") < 1.1 * len(data)


def test_who_seeks_gets_what_is_asked_for_and_nothing_beforehand(tmp_path: Path) -> None:
    data = random.Random(4).randbytes(8 << 20)
    archive = new_archive(chunking=None)
    archive.backup(make(tmp_path / "run", {"big.bin": data}), dataset="run")
    context, store = watch(archive)
    chunks = chunks_of(context, "run@1", "big.bin")
    with open_file(context, "run@1", "big.bin") as file:
        store.reads.clear()
        for at in range(0, 2 << 20, 64 << 10):
            file.seek(at)
            assert file.read(64 << 10) == data[at : at + (64 << 10)]
        assert store.bytes_of("packs/") <= stored_between(chunks, 0, 2 << 20)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("reads/link.txt", TEXT),
        ("up.txt", b"second"),
        ("folder/b.txt", b"second"),
        ("folder/link.txt", TEXT),
        ("same.txt", TEXT),
        ("./reads//b.txt", b"second"),
        (b"caf\xe9.txt", b"latin"),
        (r"caf\xe9.txt", b"latin"),
    ],
)
def test_links_are_followed_and_names_may_be_any_bytes(archive: Archive, path: str | bytes, data: bytes) -> None:
    with archive.open("run@1", path) as file:
        assert file.read() == data


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("reads/c.txt", r"reads/c\.txt; the nearest are reads/"),
        ("raeds/a.txt", r"no entry raeds/a\.txt; the nearest are reads"),
        ("noise.bin/x", r"noise\.bin is no folder"),
        ("broken", r"no entry reads/gone\.txt \(to which broken leads\)"),
        ("round", "in a circle"),
        ("outside", "/etc/hostname, outside of the snapshot"),
        ("beyond", "leads out of the snapshot"),
        ("reads", "is a folder"),
        ("folder", "is a folder"),
        ("", "is a folder"),
        ("pipe", "is a fifo"),
    ],
)
def test_where_no_file_is_the_error_says_what_is(archive: Archive, path: str, said: str) -> None:
    with pytest.raises(EntryNotFound, match=said) as caught:
        archive.open("run@1", path)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_snapshot_without_entries_has_no_nearest_names(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    archive = new_archive()
    archive.backup(tmp_path / "nothing", dataset="nothing")
    with pytest.raises(EntryNotFound, match="has no entries there"):
        archive.open("nothing", "a.txt")


def test_holes_of_a_sparse_file_read_as_zeros_and_cost_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "run", {})
    source.mkdir(exist_ok=True)
    with open(source / "disk.img", "wb") as file:
        file.seek(1 << 20)
        file.write(NOISE)
        file.seek(100 << 20)
        file.write(TEXT)
        file.truncate(200 << 20)
    archive = new_archive()
    archive.backup(source, dataset="run")
    context, store = watch(archive)
    with open_file(context, "run@1", "disk.img") as opened, open(source / "disk.img", "rb") as original:
        assert opened.size == 200 << 20
        ends = ((1 << 20) - 100, (1 << 20) + len(NOISE) - 50, (100 << 20) - 10, (100 << 20) + len(TEXT) - 5)
        for at in (0, *ends, (200 << 20) - 99):
            original.seek(at)
            assert opened.read_at(at, 5_000) == original.read(5_000)
        assert opened.read_at(50 << 20, 3 << 20) == bytes(3 << 20)
    assert store.bytes_of("packs/") < 50_000


def test_nothing_is_handed_out_of_a_chunk_that_is_damaged(own_archive: Archive) -> None:
    context, _ = watch(own_archive)
    chunk = chunks_of(context, "run@1", "noise.bin")[7]
    store = open_store(own_archive.url)
    data = bytearray(store.get(chunk["object"]))
    data[chunk["offset"] + chunk["stored"] // 2] ^= 1
    store.put(chunk["object"], [data])
    with open_file(context, "run@1", "noise.bin") as file:
        assert file.read_at(0, chunk["at"]) == NOISE[: chunk["at"]]
        with pytest.raises(ObjectDamaged, match="cannot be read from pack"):
            file.read_at(chunk["at"], 10)
        file.seek(chunk["at"])
        with pytest.raises(ObjectDamaged):
            file.read(10)


def test_a_pack_that_is_gone_is_named(own_archive: Archive) -> None:
    context, _ = watch(own_archive)
    chunk = chunks_of(context, "run@1", "noise.bin")[0]
    with open_file(context, "run@1", "noise.bin") as file:
        open_store(own_archive.url).delete([chunk["object"]])
        with pytest.raises(ObjectMissing, match=chunk["object"]):
            file.read()


def test_what_a_collection_moved_meanwhile_is_found_where_it_is_now(archive: Archive) -> None:
    context, _ = watch(archive)
    manifest: Any = NearManifest.load(context.catalog, resolve(context, "run@1").id)

    class Stale(Places):
        """Where everything lay before."""

        def locate(self, ids: pa.Array) -> pa.Table:
            places = super().locate(ids)
            at = places.schema.get_field_index("object")
            return places.set_column(at, "object", pa.array(["packs/moved.parquet"] * len(places)))

    content = noise_in(context, manifest, places=Stale(context, manifest))
    assert content.read_at(0, len(NOISE)) == NOISE


def noise_in(context: Context, manifest: Manifest, **options: Any) -> Content:
    """The content of ``noise.bin``."""
    row = manifest.find("noise.bin")
    assert row is not None
    return Content(context, name="noise.bin", size=row["size"], chunks=row["chunks"], **options)


def test_a_manifest_that_contradicts_the_index_is_damage(archive: Archive) -> None:
    context, _ = watch(archive)
    manifest = Manifest.load(context.catalog, resolve(context, "run@1").id)
    row = manifest.find("noise.bin")
    assert row is not None
    with pytest.raises(ObjectDamaged, match="it should have 5"):
        Content(context, name="noise.bin", size=5, chunks=row["chunks"])
    with pytest.raises(ObjectMissing, match="1 of its"):
        Content(context, name="noise.bin", size=row["size"], chunks=[*row["chunks"], bytes(32)])
    assert len(locate(context.catalog, row["chunks"])) == len(set(row["chunks"]))


def test_many_threads_read_one_file(archive: Archive) -> None:
    with archive.open("run@1", "noise.bin") as file, ThreadPoolExecutor(8) as pool:
        places = [random.Random(at).randrange(90_000) for at in range(200)]
        for at, data in zip(places, pool.map(lambda at: file.read_at(at, 3_000), places), strict=True):
            assert data == NOISE[at : at + 3_000]


def test_a_closed_file_reads_no_more(archive: Archive) -> None:
    file = archive.open("run@1", "noise.bin")
    file.close()
    file.close()
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read(1)
    with pytest.raises(ValueError, match="closed"):
        file.read_at(0, 1)


def test_a_place_before_the_file_is_refused(archive: Archive) -> None:
    with archive.open("run@1", "noise.bin") as file:
        with pytest.raises(ValueError, match="seek"):
            file.seek(-1)
        with pytest.raises(ValueError, match="no bytes at"):
            file.read_at(-1, 5)
        assert "noise.bin" in repr(file)
