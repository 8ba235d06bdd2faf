"""Headers of alignments: each line's rules, alone and together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate

from ..format_contract import errors_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


def look(path: Path, *lines: str) -> Report:
    """What is found in a header of these lines, and no record."""
    path = path / "header.sam"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return validate(path, format="sam")


@pytest.mark.parametrize(
    "line",
    [
        "@HD\tVN:1.6\tGO:none", "@HD\tSS:queryname:natural\tVN:1.6",
        "@HD\tVN:1.6\tSO:unsorted\tSS:unsorted:MI:coordinate",
        "@SQ\tSN:HLA-A*01:01\tLN:2147483647", "@SQ\tLN:1\tSN:a\tAN:b,c*\tAH:*\tSP:C. elegans\tDS:→",
        "@SQ\tSN:a\tLN:1\tAH:b:1-2",
        "@RG\tID:1\tDT:2020-06-23\tPI:300\tFO:*\tKS:TCAG\tPL:ONT", "@RG\tID:e\tDS:é",
        "@PG\tID:bwa\tCL:echo 🐟", "@CO\t", "@CO\tanything → \tat all",
    ],
)  # fmt: skip
def test_what_the_specification_allows_passes(tmp_path: Path, line: str) -> None:
    assert not look(tmp_path, line).counts


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("@HD\tVN:1", "sam.header.value", "@HD VN"), ("@HD\tSO:unsorted", "sam.header.missing", "@HD VN"),
        ("@HD\tVN:1.6\tSO:sorted", "sam.header.value", "@HD SO"),
        ("@HD\tVN:1.6\tGO:name", "sam.header.value", "@HD GO"),
        ("@HD\tVN:1.6\tSS:natural", "sam.header.value", "@HD SS"), ("@SQ\tLN:1", "sam.header.missing", "@SQ SN"),
        ("@SQ\tSN:a", "sam.header.missing", "@SQ LN"), ("@SQ\tSN:*\tLN:1", "sam.header.value", "@SQ SN"),
        ("@SQ\tSN:=a\tLN:1", "sam.header.value", "@SQ SN"), ("@SQ\tSN:a,b\tLN:1", "sam.header.value", "@SQ SN"),
        ("@SQ\tSN:a\tLN:0", "sam.header.value", "@SQ LN"), ("@SQ\tSN:a\tLN:2147483648", "sam.header.value", "@SQ LN"),
        ("@SQ\tSN:a\tLN:x", "sam.header.value", "@SQ LN"), ("@SQ\tSN:a\tLN:1\tM5:abc", "sam.header.value", "@SQ M5"),
        ("@SQ\tSN:a\tLN:1\tTP:round", "sam.header.value", "@SQ TP"),
        ("@SQ\tSN:a\tLN:1\tAN:b,", "sam.header.value", "@SQ AN"),
        ("@SQ\tSN:a\tLN:1\tLN:2", "sam.header.twice", "@SQ LN"),
        ("@SQ\tSN:a\tLN:1\tAN:a", "sam.header.sq.distinct", "@SQ AN"),
        ("@RG\tSM:x", "sam.header.missing", "@RG ID"), ("@RG\tID:1\tDT:2020-23-06", "sam.header.value", "@RG DT"),
        ("@RG\tID:1\tPI:1.5", "sam.header.value", "@RG PI"), ("@RG\tID:1\tPL:454", "sam.header.value", "@RG PL"),
        ("@RG\tID:1\tFO:ACGE", "sam.header.value", "@RG FO"), ("@RG\tID:1\tSM:é", "sam.header.text", "@RG SM"),
        ("@RG\tID:", "sam.header.field", "@RG ID"), ("@RG\tID:1\t", "sam.header.field", "@RG "),
        ("@RG\tID:1\tSMx", "sam.header.field", "@RG SM"), ("@PG\tPN:x", "sam.header.missing", "@PG ID"),
        ("@PG\tID:1\tPP:2", "sam.header.pg.previous", "@PG PP"), ("@PG\tID:1\tPP:1", "sam.header.pg.cycle", "@PG PP"),
        ("@XX\tID:1", "sam.header.line", None), ("@SQ SN:a LN:1", "sam.header.line", None),
        ("@CO", "sam.header.line", None),
    ],
)  # fmt: skip
def test_each_line_is_held_against_its_rules(tmp_path: Path, line: str, code: str, column: str | None) -> None:
    head = line.startswith("@HD")
    report = look(tmp_path, line) if head else look(tmp_path, "@HD\tVN:1.6", line)
    assert code in errors_of(report)
    first = next(row for row in report.findings.to_pylist() if row["code"] == code)
    assert first["column"] == column
    assert first["line"] == (1 if head else 2)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("@HD\tVN:1.6\tSO:coordinate\tSS:queryname:x", "sam.header.hd.subsort"),
        ("@HD\tVN:1.6\tSO:coordinate\tGO:query", "sam.header.hd.both"),
        ("@RG\tID:1\tPL:illumina", "sam.header.spelling"),
        ("@SQ\tSN:a\tLN:1\tM5:" + "A" * 32, "sam.header.spelling"),
        ("@RG\tID:1\tDT:2020-06-23 ", "sam.header.spelling"),
    ],
)  # fmt: skip
def test_what_is_only_spelled_or_advised_otherwise_is_a_warning(tmp_path: Path, line: str, code: str) -> None:
    report = look(tmp_path, line)
    assert report.ok
    assert report.counts == {code: 1}


@pytest.mark.parametrize(
    ("lines", "code", "at"),
    [
        (("@CO\tx", "@HD\tVN:1.6"), "sam.header.hd.first", 2), (("@HD\tVN:1.6",) * 2, "sam.header.hd.once", 2),
        (("@SQ\tSN:a\tLN:1",) * 2, "sam.header.sq.distinct", 2),
        (("@SQ\tSN:a\tLN:1\tAN:x", "@SQ\tSN:b\tLN:1\tAN:y,x"), "sam.header.sq.distinct", 2),
        (("@RG\tID:1",) * 2, "sam.header.rg.distinct", 2), (("@PG\tID:1",) * 2, "sam.header.pg.distinct", 2),
        (("@PG\tID:1\tPP:3", "@PG\tID:2\tPP:1", "@PG\tID:3\tPP:2"), "sam.header.pg.cycle", 1),
    ],
)  # fmt: skip
def test_lines_are_held_against_each_other(tmp_path: Path, lines: tuple[str, ...], code: str, at: int) -> None:
    report = look(tmp_path, *lines)
    assert [(row["code"], row["line"]) for row in report.findings.to_pylist()] == [(code, at)]


def test_names_before_version_1_6_may_have_any_punctuation(tmp_path: Path) -> None:
    assert look(tmp_path, "@HD\tVN:1.5", "@SQ\tSN:a(b)\tLN:1").ok
    assert not look(tmp_path, "@HD\tVN:1.6", "@SQ\tSN:a(b)\tLN:1").ok
