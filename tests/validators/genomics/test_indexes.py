"""Indexes of alignments, alone and beside the file that they are of."""

from __future__ import annotations

import gzip
import os
import struct
from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate, validate_folder

from ..format_contract import FormatContract, errors_of
from .alignments import HEAD, RECORDS, bam, bgzf, header_of, same_inside
from .crams import container, cram, data_blocks, definition, header_container

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

# A small BAM is one block, so that places in it are places within that.
BEGIN, LATER = len(header_of(HEAD)), len(header_of(HEAD)) + 200
Bins = dict[int, list[tuple[int, int]]]
BINS: Bins = {4681: [(BEGIN, LATER)], 37450: [(BEGIN, LATER), (3, 0)]}


def bai(*references: tuple[Bins, list[int]], unplaced: bytes = struct.pack("<Q", 1)) -> bytes:
    """An index, of bins and intervals for each reference."""
    parts = [b"BAI\1", struct.pack("<I", len(references))]
    for bins, intervals in references:
        parts.append(struct.pack("<I", len(bins)))
        for number, chunks in bins.items():
            parts += [struct.pack("<II", number, len(chunks)), *(struct.pack("<QQ", *chunk) for chunk in chunks)]
        parts.append(struct.pack(f"<I{len(intervals)}Q", len(intervals), *intervals))
    return b"".join(parts) + unplaced


def csi(bins: Bins, *, shift: int = 14, depth: int = 5, extra: int = 0) -> bytes:
    """The same for one reference more, of no bins, packed."""
    parts = [b"CSI\1", struct.pack("<iii", shift, depth, extra), struct.pack("<II", 2, len(bins))]
    for number, chunks in bins.items():
        parts += [struct.pack("<IQI", number, BEGIN, len(chunks)), *(struct.pack("<QQ", *chunk) for chunk in chunks)]
    return bgzf(b"".join(parts) + struct.pack("<IQ", 0, 1))


WHOLE = bai((BINS, [BEGIN]), ({}, []))
PLACE = len(definition() + header_container())
DATA = container(*data_blocks())
LANDMARK = len(data_blocks()[0])
ENTRY = f"0\t1\t100\t{PLACE}\t{LANDMARK}\t{len(b''.join(data_blocks())) - LANDMARK}\n"


class TestBai(FormatContract):
    format = "bai"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.bam.bai"
        path.write_bytes(WHOLE)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return size == len(data) - 8  # how many have no place need not be said


class TestCsi(FormatContract):
    format = "csi"
    packing = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.bam.csi"
        path.write_bytes(csi(BINS))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return same_inside(data)


class TestCrai(FormatContract):
    format = "crai"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.cram.crai"
        path.write_bytes(ENTRY.encode() * 3)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return data[:size].endswith(b"\n")


def look(folder: Path, data: bytes, name: str = "one.bai") -> Report:
    """What is found in an index alone."""
    path = folder / name
    path.write_bytes(data)
    return validate(path)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bai(({37449: [(1, 2)]}, [])), "index.bin"), (bai(({99999: [(1, 2)]}, [])), "index.bin"),
        (bai(({0: [(5, 3)]}, [])), "index.chunk"), (bai(({}, [9, 5])), "index.linear"),
        (bai(({37450: [(1, 2)]}, [])), "index.summary"),
        (bai(({0: [(1, 9)], 37450: [(2, 9), (1, 1)]}, [])), "index.summary"),
        (WHOLE + b"x", "index.trailing"), (WHOLE[:-5], "index.trailing"), (WHOLE[:-20], "index.truncated"),
        (b"BAI\1" + struct.pack("<i", -1), "index.count"), (b"BAI\1" + struct.pack("<i", 1 << 30), "index.truncated"),
        (b"BAI\1" + struct.pack("<ii", 1, 50_000), "index.count"),
        (b"BAI\1" + struct.pack("<iiIi", 1, 1, 0, -2), "index.count"), (b"BAI\2", "index.magic"),
    ],
)  # fmt: skip
def test_each_rule_of_bai(tmp_path: Path, data: bytes, code: str) -> None:
    assert code in errors_of(look(tmp_path, data))


def test_a_bin_that_is_there_twice_is_told_with_its_place(tmp_path: Path) -> None:
    twice = b"BAI\1" + struct.pack("<ii", 1, 2) + struct.pack("<II", 5, 0) * 2 + struct.pack("<I", 0)
    (row,) = look(tmp_path, twice).findings.to_pylist()
    assert (row["code"], row["offset"], row["row"]) == ("index.bin", 20, 0)


def test_each_rule_of_csi(tmp_path: Path) -> None:
    assert not look(tmp_path, csi({9: [(1, 2)]}, depth=2, shift=20), "one.csi").counts
    for data, code in (
        (csi(BINS, depth=40), "index.shape"), (csi(BINS, shift=0), "index.shape"), (csi(BINS, extra=-1), "index.shape"),
        (csi(BINS, extra=1 << 30), "index.truncated"), (csi({100: [(1, 2)]}, depth=1), "index.bin"),
    ):  # fmt: skip
        assert errors_of(look(tmp_path, data, "one.csi")) == {code}


def test_chunks_out_of_order_are_a_warning(tmp_path: Path) -> None:
    report = look(tmp_path, bai(({0: [(5, 9), (1, 3)]}, [])))
    assert report.ok
    assert report.counts == {"index.chunk.order": 1}


def test_the_counts_of_an_index_are_figures(tmp_path: Path) -> None:
    report = look(tmp_path, WHOLE)
    assert [report.metric(f"index.{name}") for name in ("mapped", "unmapped", "unplaced")] == [3, 0, 1]


def test_each_rule_of_crai(tmp_path: Path) -> None:
    assert not look(tmp_path, ENTRY.encode(), "one.crai").counts
    for text, code in (
        ("1\t2\t3\n", "crai.line"), ("a\t1\t1\t1\t1\t1\n", "crai.line"), ("-3\t1\t1\t1\t1\t1\n", "crai.number"),
        ("0\t1\t1\t-1\t1\t1\n", "crai.number"), (ENTRY[:-1], "crai.line.unfinished"),
    ):  # fmt: skip
        assert errors_of(look(tmp_path, text.encode(), "one.crai")) == {code}
    assert look(tmp_path, b"0\t1\t1\t9\t1\t1\n0\t1\t1\t8\t1\t1\n", "one.crai").counts == {"crai.order": 1}


def beside(folder: Path, name: str, data: bytes, *, file: str = "a.bam") -> Report:
    """What is found in a folder with a file and an index."""
    (folder / file).write_bytes(cram(DATA) if file.endswith("cram") else bam(*RECORDS))
    index = folder / name
    index.write_bytes(data)
    os.utime(folder / file, (1_000_000, 1_000_000))
    return validate_folder(folder)


@pytest.mark.parametrize("name", ["a.bam.bai", "a.bai"])
def test_an_index_belongs_to_the_file_of_its_name(tmp_path: Path, name: str) -> None:
    assert not beside(tmp_path, name, WHOLE).counts


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bai((BINS, [])), "index.references"), (bai(({0: [(BEGIN, 99 << 16)]}, []), ({}, [])), "index.place"),
        (bai(({0: [(BEGIN, 1 << 40)]}, []), ({}, [])), "index.place"),
        (bai(({0: [(BEGIN, 60_000)]}, []), ({}, [])), "index.place"),
    ],
)  # fmt: skip
def test_an_index_of_another_file_is_told(tmp_path: Path, data: bytes, code: str) -> None:
    report = beside(tmp_path, "a.bam.bai", data)
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["member"]) == (code, "a.bam.bai")


def test_a_csi_belongs_to_its_file_as_well(tmp_path: Path) -> None:
    assert not beside(tmp_path, "a.bam.csi", csi(BINS)).counts


def test_an_index_that_is_older_than_its_file_is_a_warning(tmp_path: Path) -> None:
    beside(tmp_path, "a.bam.bai", WHOLE)
    os.utime(tmp_path / "a.bam.bai", (999_999, 999_999))
    report = validate_folder(tmp_path)
    assert report.ok
    assert report.counts == {"index.older": 1}


def test_an_index_of_cram_points_to_its_containers_and_slices(tmp_path: Path) -> None:
    assert not beside(tmp_path, "a.cram.crai", gzip.compress(ENTRY.encode()), file="a.cram").counts
    numbers = [int(number) for number in ENTRY.split("\t")]
    for column, value in ((0, 1), (3, PLACE + 1), (3, 1 << 40), (4, 3), (5, 1 << 20)):
        changed = [value if index == column else number for index, number in enumerate(numbers)]
        line = "\t".join(map(str, changed)) + "\n"
        report = beside(tmp_path, "a.cram.crai", gzip.compress(line.encode()), file="a.cram")
        assert errors_of(report) == {"index.slice"}, column


def test_an_index_beside_a_file_that_is_broken_brings_nothing_down(tmp_path: Path) -> None:
    beside(tmp_path, "a.bam.bai", WHOLE)
    (tmp_path / "a.bam").write_bytes(bam(*RECORDS)[:50])
    report = validate_folder(tmp_path)
    assert not report.ok
    assert "check.crashed" not in report.counts
