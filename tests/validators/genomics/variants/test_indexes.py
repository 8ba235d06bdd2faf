"""Indexes by coordinates, alone and beside their files."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
from typing import TYPE_CHECKING, ClassVar

import pytest

from holotype.validators import validate, validate_folder

from ...format_contract import FormatContract
from .bgzf import bgzip, unprotected
from .vcfs import codes, record, write

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("bcftools", "bgzip", "tabix")


def _chunks(*pairs: tuple[int, int]) -> bytes:
    return struct.pack("<i", len(pairs)) + b"".join(struct.pack("<QQ", *pair) for pair in pairs)


def _tbi(
    *,
    names: bytes = b"1\x002\0",
    bins: tuple[int, int] = (4681, 4682),
    chunks: bytes = _chunks((100, 200), (200, 300)),
    linear: tuple[int, ...] = (100, 200),
    column: int = 1,
    count: int = 2,
    more: bytes = b"",
) -> bytes:
    head = b"TBI\x01" + struct.pack("<8i", count, 2, column, 2, 0, 35, 0, len(names)) + names
    one = struct.pack("<i", 2) + b"".join(struct.pack("<I", each) + chunks for each in bins)
    one += struct.pack("<i", len(linear)) + struct.pack(f"<{len(linear)}Q", *linear)
    return head + one * count + more


def _csi(
    *,
    names: bytes = b"1\x002\0",
    bins: tuple[int, int] = (4681, 4682),
    chunks: bytes = _chunks((100, 200), (200, 300)),
    column: int = 1,
    count: int = 2,
    shape: tuple[int, int] = (14, 5),
    more: bytes = b"",
) -> bytes:
    extra = struct.pack("<7i", 2, column, 2, 0, 35, 0, len(names)) + names
    one = struct.pack("<i", 2) + b"".join(struct.pack("<IQ", each, 100) + chunks for each in bins)
    return b"CSI\x01" + struct.pack("<3i", *shape, len(extra)) + extra + struct.pack("<i", count) + one * count + more


class TestTbiFiles(FormatContract):
    """What holds for files of every format."""

    format: ClassVar[str] = "tbi"
    packing: ClassVar[str | None] = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "made.vcf.gz.tbi"
        path.write_bytes(bgzip(_tbi()))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return unprotected(data)


class TestCsiFilesOfTexts(FormatContract):
    """What holds for files of every format."""

    format: ClassVar[str] = "csi"
    packing: ClassVar[str | None] = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "made.vcf.gz.csi"
        path.write_bytes(bgzip(_csi()))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return unprotected(data)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (_tbi(names=b"1\x001\0"), "tabix.names"),
        (_tbi(names=b"1\x002"), "tabix.names"),
        (_tbi(names=b"1\0"), "tabix.names"),
        (_tbi(column=0), "tabix.header"),
        (_tbi(bins=(4681, 4681)), "tabix.bin"),
        (_tbi(bins=(4681, 40000)), "tabix.bin"),
        (_tbi(chunks=_chunks((200, 100))), "tabix.chunk"),
        (_tbi(chunks=_chunks((100, 300), (200, 400))), "tabix.chunk"),
        (_tbi(linear=(200, 100)), "tabix.linear"),
        (_tbi(more=b"\0\0\0"), "tabix.trailing"),
        (_tbi()[:-3], "tabix.cut"),
        (_tbi(count=-1), "tabix.cut"),
        (_csi(names=b"1\x001\0"), "tabix.names"),
        (_csi(names=b"1\x002"), "tabix.names"),
        (_csi(names=b"1\0"), "tabix.names"),
        (_csi(column=0), "tabix.header"),
        (_csi(shape=(14, 12)), "tabix.header"),
        (_csi(bins=(4681, 4681)), "tabix.bin"),
        (_csi(bins=(4681, 40000)), "tabix.bin"),
        (_csi(chunks=_chunks((200, 100))), "tabix.chunk"),
        (_csi(chunks=_chunks((100, 300), (200, 400))), "tabix.chunk"),
        (_csi(more=b"\0\0\0"), "tabix.trailing"),
        (_csi()[:-3], "tabix.cut"),
        (_csi(count=-1), "tabix.cut"),
    ],
)
def test_an_index_that_cannot_be_is_told(made: bytes, code: str) -> None:
    found = set(codes(validate(io.BytesIO(bgzip(made)), name="made")))
    assert code in found
    assert found <= {code, "tabix.names", "tabix.cut"}


def _variants(folder: Path, name: str, *contigs: str) -> Path:
    path = write(
        folder / f"{name}.vcf", *(record(chrom=each, pos=str(place)) for each in contigs for place in (5, 500))
    )
    subprocess.run(["bgzip", path], check=True)
    return folder / f"{name}.vcf.gz"


def test_what_tabix_and_bcftools_make_belongs_to_its_file(tmp_path: Path) -> None:
    one, other = _variants(tmp_path, "one", "1", "2"), _variants(tmp_path, "other", "1", "2")
    subprocess.run(["tabix", "-p", "vcf", one], check=True)
    subprocess.run(["tabix", "-C", "-p", "vcf", other], check=True)
    subprocess.run(["bcftools", "view", "--no-version", "-Ob", "-o", tmp_path / "one.bcf", one], check=True)
    subprocess.run(["bcftools", "index", tmp_path / "one.bcf"], check=True)
    report = validate_folder(tmp_path)
    assert report.findings.to_pylist() == []


FEATURES = "##gff-version 3\n1\t.\tgene\t5\t9\t.\t+\t.\tID=a\n###\n#!next\n2\t.\tgene\t5\t9\t.\t+\t.\tID=b\n"
INTERVALS = "1\t4\t9\n2\t4\t9\n"


@pytest.mark.parametrize("ending", ["tbi", "csi"])
@pytest.mark.parametrize(("preset", "name", "text"), [("gff", "a.gff3", FEATURES), ("bed", "a.bed", INTERVALS)])
def test_features_and_intervals_are_held_against_their_index(
    tmp_path: Path, ending: str, preset: str, name: str, text: str
) -> None:
    path = tmp_path / f"{name}.gz"
    path.write_bytes(bgzip(text.encode()))
    subprocess.run(["tabix", *(["-C"] if ending == "csi" else []), "-p", preset, path], check=True)
    os.utime(path, (1e9, 1e9))
    assert codes(validate_folder(tmp_path)) == []
    swapped = text.replace("1\t", "x\t").replace("2\t", "1\t").replace("x\t", "2\t")
    path.write_bytes(bgzip(swapped.encode()))
    os.utime(path, (1e9, 1e9))
    report = validate_folder(tmp_path)
    assert report.counts["tabix.other"] == 2
    assert report.findings["member"][0].as_py() == f"{name}.gz.{ending}"


@pytest.mark.parametrize("ending", ["tbi", "csi"])
def test_an_index_of_another_file_is_noticed(tmp_path: Path, ending: str) -> None:
    one, other = _variants(tmp_path, "one", "1", "2"), _variants(tmp_path, "other", "2")
    subprocess.run(["tabix", *(["-C"] if ending == "csi" else []), "-p", "vcf", one], check=True)
    index = tmp_path / f"one.vcf.gz.{ending}"
    os.replace(one, tmp_path / "kept.vcf.gz")
    os.replace(other, one)
    os.utime(index, (2e9, 2e9))
    found = codes(validate_folder(tmp_path))
    assert set(found) & {"tabix.other", "tabix.offset"}
    one.write_bytes(bgzip(gzip.decompress((tmp_path / "kept.vcf.gz").read_bytes()), size=90))
    os.utime(one, (1e9, 1e9))
    assert set(codes(validate_folder(tmp_path))) & {"tabix.other", "tabix.offset"}


def test_an_index_that_is_older_or_alone_or_of_a_plain_file_is_noticed(tmp_path: Path) -> None:
    path = _variants(tmp_path, "one", "1")
    subprocess.run(["tabix", "-p", "vcf", path], check=True)
    os.utime(tmp_path / "one.vcf.gz.tbi", (1e9, 1e9))
    assert codes(validate_folder(tmp_path)) == ["tabix.older"]
    os.utime(path, (1e9, 1e9))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    os.utime(path, (1e9, 1e9))
    assert codes(validate_folder(tmp_path)) == ["tabix.packing"]
    path.unlink()
    assert codes(validate_folder(tmp_path)) == ["tabix.alone"]
