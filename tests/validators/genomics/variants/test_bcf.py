"""Variants in binary: each value is of a type and a length that its key may have, and lengths are never believed."""

from __future__ import annotations

import io
import struct
import subprocess
from typing import TYPE_CHECKING, ClassVar

import pytest

from holotype.validators import Limits, validate

from ...format_contract import FormatContract
from .bgzf import bgzip, unprotected
from .vcfs import HEADER, codes, record, text, write

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

NEEDS = ("bcftools",)

_TEXT = text(header=HEADER).encode() + b"\0"
# The numbers of words in the dictionary: PASS is 0, the others follow in the order of the header's lines.
_Q10, _DP, _AF, _DB, _GT, _PL = 1, 2, 3, 4, 7, 8


def _string(value: bytes) -> bytes:
    return bytes([len(value) << 4 | 7]) + value


def _integers(*values: int) -> bytes:
    return bytes([len(values) << 4 | 1]) + struct.pack(f"<{len(values)}b", *values)


def _key(number: int) -> bytes:
    return _integers(number)


_INFO = _key(_DP) + _integers(7) + _key(_AF) + b"\x15" + struct.pack("<f", 0.5)
_FORMAT = _key(_GT) + b"\x21" + bytes([2, 4, 2, 2]) + _key(_PL) + b"\x31" + bytes([10, 0, 90, 0, 27, 99])


def _record(
    *, chrom: int = 0, pos: int = 99, rlen: int = 1, qual: float = 50, alleles: tuple[bytes, ...] = (b"A", b"G"),
    filters: bytes = b"\x11\0", info: bytes = _INFO, n_info: int = 2, each: bytes = _FORMAT, n_format: int = 2,
    samples: int = 2, more: bytes = b"",
) -> bytes:  # fmt: skip
    fixed = struct.pack("<iiifHHI", chrom, pos, rlen, qual, n_info, len(alleles), samples | n_format << 24)
    shared = fixed + _string(b"rs1") + b"".join(map(_string, alleles)) + filters + info + more
    return struct.pack("<II", len(shared), len(each)) + shared + each


def _whole(*records: bytes, header: bytes = _TEXT) -> bytes:
    return b"BCF\x02\x02" + struct.pack("<I", len(header)) + header + b"".join(records)


def _look(data: bytes, **options: object) -> Report:
    return validate(io.BytesIO(bgzip(data)), name="made.bcf", **options)  # type: ignore[arg-type]


class TestBcfFiles(FormatContract):
    """What holds for files of every format."""

    format: ClassVar[str] = "bcf"
    packing: ClassVar[str | None] = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "made.bcf"
        path.write_bytes(bgzip(_whole(_record(), _record(pos=120)), size=700))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return unprotected(data)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (_record(chrom=5), "bcf.chrom.number"),
        (_record(chrom=-1), "bcf.chrom.number"),
        (_record(pos=100_005), "bcf.pos.value"),
        (_record(rlen=-1), "bcf.pos.value"),
        (_record(qual=-1), "bcf.qual.value"),
        (_record(alleles=(), info=_INFO[:4], n_info=1, each=b"", n_format=0), "bcf.alleles"),
        (_record(alleles=(b"R", b"G")), "bcf.alleles"),
        (_record(alleles=(b"A", b"[2:1[")), "bcf.alleles"),
        (_record(filters=_integers(_DP)), "bcf.key"),
        (_record(info=_key(_Q10) + _integers(7) + _key(_DB) + b"\0"), "bcf.key"),
        (_record(info=_key(99) + _integers(7) + _key(_DB) + b"\0"), "bcf.key"),
        (_record(info=_key(_DP) + _string(b"7") + _key(_DB) + b"\0"), "bcf.type"),
        (_record(info=_key(_DP) + _integers(7, 8) + _key(_DB) + b"\0"), "bcf.number"),
        (_record(info=_key(_DP) + _integers(-124) + _key(_DB) + b"\0"), "bcf.reserved"),
        (_record(more=b"\0\0"), "bcf.record.trailing"),
        (_record(each=_FORMAT + b"\0"), "bcf.record.trailing"),
        (_record(n_info=3), "bcf.value"),
        (_record(info=b"\xf1\x13\xff\xff\xff\x7f", n_info=1), "bcf.value"),
        (_record(info=b"\x14\0", n_info=1), "bcf.value"),
        (_record(each=_FORMAT[:-1]), "bcf.value"),
        (_record(each=_key(_GT) + b"\x21" + bytes([2, 6, 2, 2]), n_format=1), "bcf.sample.gt"),
        (_record(each=_key(_GT) + b"\x25" + bytes(16), n_format=1), "bcf.type"),
        (_record(samples=1, each=_key(_GT) + b"\x21" + bytes([2, 2]), n_format=1), "bcf.samples"),
        (struct.pack("<II", 8, 0) + bytes(8), "bcf.record.length"),
        (struct.pack("<II", 4_000_000_000, 0), "bcf.record.length"),
        (_record()[:-3], "bcf.record.cut"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_record_is_told_with_its_place(made: bytes, code: str) -> None:
    report = _look(_whole(_record(pos=5), made))
    (found,) = report.findings.to_pylist()
    assert (found["code"], found["severity"]) == (code, "error")
    assert found["offset"] == len(_whole(_record(pos=5)))


def test_records_are_in_order_and_contigs_in_one_piece() -> None:
    report = _look(_whole(_record(pos=9), _record(pos=8), _record(chrom=1), _record(pos=50)))
    assert codes(report) == ["bcf.pos.sorted", "bcf.chrom.contiguous"]


def test_what_is_no_bcf_and_headers_that_lie_are_told() -> None:
    whole = _whole(_record())
    assert codes(validate(io.BytesIO(b"BCF\x02\x07" + whole[5:]), name="x.bcf")) == ["bcf.magic"]
    assert codes(_look(whole[:5] + struct.pack("<I", 1 << 31) + whole[9:])) == ["bcf.header"]
    assert "bcf.header" in codes(_look(_whole(header=_TEXT.rstrip(b"\0"))))
    wrong = _TEXT.replace(b'below 10"', b'below 10",IDX=2').replace(b'"Depth"', b'"Depth",IDX=2')
    assert "bcf.header.idx" in codes(_look(_whole(header=wrong)))
    assert "vcf.header.fileformat" in codes(_look(_whole(header=_TEXT[3:])))


def test_a_record_larger_than_the_limits_is_not_held_in_memory() -> None:
    report = _look(_whole(_record(), _record(pos=200)), limits=Limits(memory=100))
    assert codes(report) == ["bcf.header"] or "bcf.record.length" in codes(report)
    assert not report.ok


def test_what_bcftools_writes_passes(tmp_path: Path) -> None:
    records = [
        record(info="DP=7;AF=0.5;DB;NOTE=a,b"),
        record(pos="300", alt="G,T", id=".", qual=".", filter="q10", info="AF=0.1,.;END=300", samples="1/2 .:."),
        record(chrom="2", alt=".", info=".", format="GT:DP", samples="0 0/0/0:700"),
    ]
    path = write(tmp_path / "made.vcf", *records)
    for kind in ("b", "u"):
        made = tmp_path / f"made{kind}.bcf"
        subprocess.run(["bcftools", "view", "--no-version", f"-O{kind}", "-o", made, path], check=True)
        report = validate(made)
        assert report.findings.to_pylist() == []
        assert report.metrics.to_pylist()[0]["value"] == 3
