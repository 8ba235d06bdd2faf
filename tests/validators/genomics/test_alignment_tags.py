"""MD, NM and SA tell an alignment a second time: what they tell is the alignment's, in text as in BAM."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate

from ..format_contract import errors_of
from .alignments import HEAD, bam, record, sam

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

UNSORTED = tuple(line.replace("SO:coordinate", "SO:unsorted") for line in HEAD)


def aligned(chance: random.Random, *, bases: str = "ACGT") -> str:
    """A read against a reference, with MD and NM counted base by base."""
    read, md, cigar, differences, run = "", "", "", 0, 0
    last = ""
    for _ in range(chance.randint(1, 8)):
        kind = chance.choice([each for each in "M=XIDN" if each != last])
        last, size = kind, chance.randint(1, 30)
        cigar += f"{size}{kind}"
        for at in range(size):
            base = chance.choice(bases)
            other = chance.choice([each for each in "ACGT" if each != base.upper()])
            if kind == "I":
                read, differences = read + base, differences + 1
            elif kind == "D":
                md += (f"{run}^" if not at else "") + other
                run, differences = 0, differences + 1
            elif kind == "X" or (kind == "M" and chance.random() < 0.2):
                read, md, run, differences = read + base, f"{md}{run}{other}", 0, differences + 1
            elif kind in "M=":
                read, run = read + base, run + 1
    clips = [chance.randint(0, 3) for _ in "123"]
    cigar = (f"{clips[0]}H" if clips[0] else "") + (f"{clips[1]}S" if clips[1] else "") + cigar
    cigar += f"{clips[2]}S" if clips[2] else ""
    read = "A" * clips[1] + read + "C" * clips[2]
    return record(cigar=cigar, seq=read or "*", qual="*", tags=f"NM:i:{differences}\tMD:Z:{md}{run}")


def look(folder: Path, *records: str, head: tuple[str, ...] = UNSORTED, kind: str = "sam") -> Report:
    """What is found in some records."""
    path = folder / f"a.{kind}"
    path.write_bytes(sam(*records, head=head) if kind == "sam" else bam(*records, head=head))
    return validate(path)


def md(tags: str, *, cigar: str = "4M2D4M1I1M", seq: str = "ACGTACGTAC") -> str:
    return record(cigar=cigar, seq=seq, tags=tags)


@pytest.mark.parametrize(("kind", "bases"), [("sam", "ACGT"), ("sam", "ACGTacgt"), ("bam", "ACGT")])
def test_whatever_alignment_is_told_as_it_is_nothing_is_wrong(tmp_path: Path, kind: str, bases: str) -> None:
    chance = random.Random(bases)
    report = look(tmp_path, *(aligned(chance, bases=bases) for _ in range(2000)), kind=kind)
    assert {code for code in report.counts if code.startswith("sam.tag")} == set(), report.findings.to_pylist()[:3]


@pytest.mark.parametrize("kind", ["sam", "bam"])
@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ("MD:Z:9^AC0", "sam.tag.md"), ("MD:Z:4^AC4", "sam.tag.md"), ("MD:Z:4^A5", "sam.tag.md"),
        ("MD:Z:11", "sam.tag.md"), ("MD:Z:99999999999999999999", None), ("MD:Z:4^AC6", "sam.tag.md"),
        ("MD:Z:3A0^AC5", None), ("MD:Z:3T0^AC5", "sam.tag.md.bases"), ("MD:Z:4^AC0T4", None),
        ("MD:Z:4^AC0A4", "sam.tag.md.bases"), ("MD:Z:4^AC4G0", None), ("MD:Z:4^AC4C0", "sam.tag.md.bases"),
        ("NM:i:3\tMD:Z:4^AC5", None), ("NM:i:4\tMD:Z:4^AC5", "sam.tag.nm.md"), ("NM:i:4\tMD:Z:3A0^AC5", None),
        ("NM:i:3\tMD:Z:3A0^AC5", "sam.tag.nm.md"), ("NM:i:2\tMD:Z:4^AC5", "sam.tag.nm"),
    ],
)  # fmt: skip
def test_what_differs_from_the_alignment_is_told(tmp_path: Path, kind: str, tags: str, code: str | None) -> None:
    report = look(tmp_path, record(), md(tags), record(), kind=kind)
    assert set(report.counts) == {code} - {None}
    if code is not None:
        (row,) = report.findings.to_pylist()
        assert (row["record"], row["column"]) == ("read", tags[:2])
        assert row["line"] == (len(HEAD) + 2 if kind == "sam" else None)


@pytest.mark.parametrize("kind", ["sam", "bam"])
def test_ambiguity_codes_count_as_who_made_it_would_have_it(tmp_path: Path, kind: str) -> None:
    for tags in ("NM:i:0\tMD:Z:10", "NM:i:2\tMD:Z:10", "NM:i:2\tMD:Z:2N3N3", "NM:i:0\tMD:Z:2N3R3", "NM:i:1\tMD:Z:2A7"):
        report = look(tmp_path, record(seq="ACNTACNTAC", tags=tags), kind=kind)
        assert not report.counts, (tags, report.findings.to_pylist())
    assert set(look(tmp_path, record(seq="ACNTACNTAC", tags="NM:i:3\tMD:Z:10"), kind=kind).counts) == {"sam.tag.nm.md"}


@pytest.mark.parametrize("kind", ["sam", "bam"])
def test_what_cannot_be_held_against_an_alignment_is_left_alone(tmp_path: Path, kind: str) -> None:
    alone = (
        record(flag=4, rname="*", pos=0, mapq=0, cigar="*", tags="MD:Z:3"), record(cigar="4M2P6M", tags="MD:Z:8"),
        record(seq="*", qual="*", tags="NM:i:2\tMD:Z:10"), record(seq="*", qual="*", tags="MD:Z:4A5"),
    )  # fmt: skip
    assert not look(tmp_path, *alone, kind=kind).counts
    assert errors_of(look(tmp_path, record(seq="*", qual="*", tags="MD:Z:9"), kind=kind)) == {"sam.tag.md"}
    placeholder = record(cigar="10S90N", tags="CG:B:I,160\tMD:Z:10")
    assert "sam.tag.md" not in look(tmp_path, placeholder, kind=kind).counts


@pytest.mark.parametrize("kind", ["sam", "bam"])
@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("chr1,100000,+,5S5M,60,0;", False), ("chr2,1,-,5H5M,255,0;chr1,7,+,*,0,3;", False),
        ("chr9,1,+,5S5M,60,0;", True), ("chr2,5001,+,5S5M,60,0;", True), ("chr1,0,+,5S5M,60,0;", True),
        ("chr1,1,+,5S5M,256,0;", True), ("chr1,1,+,5S5M,60,0;two,1,+,5S5M,60,0;", True),
    ],
)  # fmt: skip
def test_the_other_alignments_of_a_chimeric_read_are_where_they_can_be(
    tmp_path: Path, kind: str, value: str, *, wrong: bool
) -> None:
    report = look(tmp_path, record(), record(tags=f"SA:Z:{value}"), kind=kind)
    assert set(report.counts) == ({"sam.tag.sa"} if wrong else set())
    assert report.ok


QUERY = ("@HD\tVN:1.6\tGO:query", *HEAD[1:])
REFERENCE = ("@HD\tVN:1.6\tGO:reference", *HEAD[1:])


@pytest.mark.parametrize("kind", ["sam", "bam"])
@pytest.mark.parametrize(
    ("names", "grouped"), [("aabbc", True), ("cba", True), ("a*b*c*", True), ("aba", False), ("abbcab", False)]
)
def test_records_that_are_grouped_by_name_are_side_by_side(
    tmp_path: Path, kind: str, names: str, *, grouped: bool
) -> None:
    records = [record(qname=name) for name in names]
    report = look(tmp_path, *records, head=QUERY, kind=kind)
    assert errors_of(report) == (set() if grouped else {"sam.order.group"})
    if not grouped:
        assert report.findings["record"][0].as_py() == "a"
    assert look(tmp_path, *records, head=("@HD\tVN:1.6\tGO:none", *HEAD[1:]), kind=kind).ok


@pytest.mark.parametrize("kind", ["sam", "bam"])
def test_records_that_are_grouped_by_place_are_side_by_side(tmp_path: Path, kind: str) -> None:
    at = [record(qname=str(number), pos=pos) for number, pos in enumerate((9, 9, 5, 7))]
    unplaced = record(flag=4, rname="*", pos=0, mapq=0, cigar="*")
    assert look(tmp_path, *at, unplaced, record(pos=8), unplaced, head=REFERENCE, kind=kind).ok
    report = look(tmp_path, *at, record(pos=5), head=REFERENCE, kind=kind)
    assert errors_of(report) == {"sam.order.group"}


def test_groups_go_on_from_block_to_block(tmp_path: Path) -> None:
    many = [record(qname=f"r{number // 2}") for number in range(40_000)]
    assert look(tmp_path, *many, head=QUERY).ok
    report = look(tmp_path, *many, many[3], head=QUERY)
    assert report.counts == {"sam.order.group": 1}
    assert report.findings["line"].to_pylist() == [len(HEAD) + 40_001]


def test_what_was_sorted_since_is_held_against_its_order_and_the_two_are_told_of_together(tmp_path: Path) -> None:
    head = ("@HD\tVN:1.6\tSO:coordinate\tGO:query", *HEAD[1:])
    records = [record(qname=name, pos=pos) for pos, name in enumerate("aba", 1)]
    assert look(tmp_path, *records, head=head).counts == {"sam.header.hd.both": 1}
