"""A file is known by its content, and by its name where the content does not tell."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import FORMATS, validate
from holotype.validators.formats.identify import identify, named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADS = {
    "bam": b"BAM\x01\0\0\0\0",
    "npy": b"\x93NUMPY\x01\0",
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "parquet": b"PAR1",
    "fits": b"SIMPLE  =                    T",
    "dicom": b"\0" * 128 + b"DICM",
    "vcf": b"##fileformat=VCFv4.3\n",
    "sam": b"@HD\tVN:1.6\n",
    "fastq": b"@r\nACGT\n+\nIIII\n",
    "fasta": b">s\nACGT\n",
    "json": b'{"a": 1}',
    "notebook": b'{"cells": [], "nbformat": 4}',
    "tar": b"a" + b"\0" * 256 + b"ustar\0",
    "png": b"\x89PNG\r\n\x1a\n",
    "pdf": b"junk before it\n%PDF-1.7\n",
    "sqlite": b"SQLite format 3\0",
    "pickle": b"\x80\x04\x95",
}
PACKINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": (".gz", gzip.compress),
    "bzip2": (".bz2", bz2.compress),
    "xz": (".xz", lzma.compress),
    "zstd": (".zst", lambda data: pa.Codec("zstd").compress(data, asbytes=True)),
}


@pytest.mark.parametrize("format", HEADS)
def test_content_tells_what_a_file_is_whatever_it_is_called(format: str) -> None:
    assert identify(HEADS[format], "data").format == format
    assert identify(HEADS[format], "data.csv").format == format


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("format", HEADS)
def test_what_is_packed_is_known_as_well(format: str, packing: str) -> None:
    extension, pack = PACKINGS[packing]
    told = identify(pack(HEADS[format]), "data" + extension)
    assert (told.format, told.packing) == (format, packing)


@pytest.mark.parametrize("packing", PACKINGS)
def test_of_what_is_packed_and_unknown_inside_the_packing_is_the_format(packing: str) -> None:
    extension, pack = PACKINGS[packing]
    told = identify(pack(b"\x01\x02\x03"), "data.run7" + extension)
    assert (told.format, told.packing, told.agrees) == (packing, None, True)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.vcf", "vcf"),
        ("A.VCF", "vcf"),
        ("a.ome.tif", "ome-tiff"),
        ("a.tif", "tiff"),
        ("a.csv", "csv"),
        ("a.nc", "netcdf4"),
        ("a.gz", "gzip"),
        ("a.unheardof", None),
        ("a", None),
        ("", None),
    ],
)
def test_a_name_says_a_format_by_its_longest_extension(name: str, format: str | None) -> None:
    assert named(name) == format


def test_a_name_chooses_among_the_kinds_of_what_the_content_is() -> None:
    assert identify(HEADS["hdf5"], "a.nc").format == "netcdf4"
    assert identify(b"II*\0", "a.ome.tif").format == "ome-tiff"
    assert identify(b"CDF\x01", "a.nc").agrees
    assert identify(HEADS["json"], "a.jsonl").format == "jsonl"


def test_a_name_that_says_something_else_than_the_content_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.bam"
    path.write_bytes(HEADS["fasta"])
    row = next(row for row in validate(path).findings.to_pylist() if row["code"] == "file.extension")
    assert (row["seen"], row["expected"], row["severity"]) == ("fasta", "bam", "warning")


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("notes.txt", b"It says %PDF-1.4 in the first line.\n", "text"),
        ("make.py", b'HEAD = b"%PDF-1.4"\nprint(HEAD)\n', "text"),
        ("SampleSheet.csv", b"[Header]\nIEMFileVersion,4\n\n[Reads]\n151\n\n[Data]\nID,i7\nS1,ACG\n", "sample-sheet"),
        ("SampleSheet.csv", b"[Header],,\r\nFileFormatVersion,2,\r\n[BCLConvert_Data],,\r\na,b,c\r\n", "sample-sheet"),
        ("settings.toml", b"[Header]\na = 1\n", "text"),
        ("genotypes.bed", b"\x6c\x1b\x01\xdc\x0f", "plink-bed"),
        ("peaks.bed", b"chr1\t0\t10\n", "bed"),
        ("._a.csv", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", None),
        ("folder/._a.bam", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", None),
        ("~$book.xlsx", b"\x05Peter" + b" " * 159, None),
        (".~lock.a.csv#", b",me,host,date;", None),
        ("a.fa.gz.gzi", bytes(8), None),
    ],
)  # fmt: skip
def test_what_lies_beside_data_in_every_laboratory_is_not_called_unsound(
    tmp_path: Path, name: str, content: bytes, format: str | None
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    report = validate(path)
    assert report.checked["format"][0].as_py() == format
    assert report.codes <= {"file.unknown", "opaque.content"}


def test_a_file_that_nothing_tells_of_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"\x01\x02\x03")
    report = validate(path)
    assert report.counts["file.unknown"] == 1
    assert report.findings.filter([code == "file.unknown" for code in report.findings["code"].to_pylist()])[
        "seen"
    ].to_pylist() == ["01 02 03"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_whose_first_byte_is_wrong_does_not_pass_as_something_unknown(
    packing: str, tmp_path: Path
) -> None:
    extension, pack = PACKINGS[packing]
    for name in ("a.fastq", "a.unheardof", "a"):
        path = tmp_path / (name + extension)
        data = bytearray(pack(HEADS["fastq"]))
        data[0] ^= 1
        path.write_bytes(data)
        report = validate(path)
        assert "packing.damaged" in report.counts, name
        assert not report.ok


def test_plain_text_that_only_its_name_calls_packed_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.fastq.gz"
    path.write_bytes(HEADS["fastq"])
    report = validate(path)
    assert report.checked["format"][0].as_py() == "fastq"
    assert report.counts == {"file.extension": 1}


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (b"[section]\nkey = 1\n", None),
        (b"[12:03:44] began\n", None),
        (b"[2024-05-06] began\n", None),
        (b"[1] Author, Title\n", None),
        (b"[numpy]\n", None),
        (b"[1, 2]", "json"),
        (b"[-1.5e3]\n", "json"),
        (b"[]", "json"),
        (b"[true, false]", "json"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b'{\n"a": 1}\n', "json"),
    ],
)
def test_what_only_begins_like_json_is_not_taken_for_it(text: bytes, format: str | None) -> None:
    assert identify(text, "data").format == format


@given(st.binary(max_size=300), st.text(max_size=20), st.sampled_from(["", *HEADS]))
def test_whatever_a_file_begins_with_it_is_identified_or_not_and_nothing_falls_over(
    head: bytes, name: str, format: str
) -> None:
    told = identify(HEADS.get(format, b"") + head, name)
    assert told.format is None or told.format in FORMATS


def test_formats_are_declared_well() -> None:
    for name, format in FORMATS.items():
        assert name == format.name
        assert format.about
        assert all("." in end and end == end.lower() for end in format.extensions), name
        assert format.within is None or format.within in FORMATS, name


@pytest.mark.parametrize(
    "head",
    [
        b"> As she said\nand so it is\n",
        b">quoted\nand so it is\n",
        b"> quoted\nYes\n",
        b">quoted\nYes\n\nMore of a letter, and its end.\n",
        b">>> print(1)\n1\n",
        b">quoted\n",
        b"; a setting\n[section]\na=1\n",
        b">\nACGT\n",
    ],
)
def test_text_that_begins_as_sequences_do_is_text(head: bytes) -> None:
    assert identify(head, "README.md").format == identify(head, "notes.txt").format == identify(b"a\n", "a.txt").format
    assert identify(head, "data").format != "fasta"
    assert identify(head, "data.fasta").format == "fasta", "its name says so, and its check what is wrong"


@pytest.mark.parametrize(
    "head",
    [
        b">sp|P1|ONE_HUMAN One\nMKVL*\n\n>two\r\nac-gt.\r\n",
        b">chr1\n" + b"ACGTACGTAC\n" * 9000,
        b"; of old\n>a\nACGT",
        ">größe\nACGT\n".encode(),
    ],
)
def test_sequences_are_known_by_their_content(head: bytes) -> None:
    assert identify(head[: 64 << 10], "data").format == "fasta"
