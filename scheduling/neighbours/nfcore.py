"""Sample sheets of nf-core's pipelines, as rnaseq, chipseq and sarek take them.

::

    sample,fastq_1,fastq_2,replicate,strandedness
    liver,L1_R1.fastq.gz,L1_R2.fastq.gz,1,auto
    liver,L2_R1.fastq.gz,L2_R2.fastq.gz,1,auto
    liver,L3_R1.fastq.gz,L3_R2.fastq.gz,2,auto

are two samples, ``liver_REP1``, sequenced twice, and ``liver_REP2``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..declaring.problems import Problems
from ..samples.sample import Sample, Value
from ..samples.sheets import rows_of, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_nfcore"]

_READS = ("fastq_1", "fastq_2")
# What some pipelines start from instead of reads: an input each, called as the column is.
_OTHERS = ("bam", "bai", "cram", "crai", "vcf", "table")
# They say which of its rows a row is, and so differ between the rows of one sample.
_ROWS = ("lane", "run", "run_accession", "library", "flowcell")
_STRANDED = ("auto", "forward", "reverse", "unstranded")
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def read_nfcore(
    path: str | os.PathLike[str], *, reads: str = "reads", folder: str | os.PathLike[str] | None = None
) -> tuple[Sample, ...]:
    """The samples of a sheet, ``.csv`` or ``.tsv``, in the order in which they appear first.

    ``reads``: the workflow's input that takes ``fastq_1`` and ``fastq_2``, pair after pair in the order of the rows;
    columns such as ``bam``, ``cram`` and ``vcf`` are inputs of those names.  Rows of one ``sample``, and of one
    ``replicate`` where there is such a column, are one sample, called ``liver_REP1`` then, and its ``group`` is
    ``liver``.  ``folder``: where paths that are not absolute begin, by default the sheet's.  All other columns are
    values; of those that tell rows apart, as ``lane``, all of them, with commas between; and ``paired`` says whether
    there are two files of each.

    Raises ``WorkflowInvalid`` that says all that is wrong, with its lines, or ``OSError`` where it cannot be read.
    """
    sheet = Path(path)
    problems = Problems(str(sheet))
    rows = rows_of(sheet, problems)
    there = rows[0][1].keys() if rows else ()
    if rows and "sample" not in there:
        problems.add(f"there is no column sample: there is {', '.join(there)}", at="line 1")
    if rows and not {*_READS, *_OTHERS} & {*there}:
        problems.add(f"there is no column with files, as {', '.join((*_READS, *_OTHERS))}", at="line 1")
    problems.raise_any()
    found: dict[str, _Rows] = {}
    files: dict[str, int] = {}
    for line, row in rows:
        cells = {name: cell.strip() for name, cell in row.items()}
        if (name := _name(cells, line, problems)) is not None:
            _files(cells, line, files, problems)
            found.setdefault(name, _Rows(line)).add(line, cells, problems)
    top = sheet.parent if folder is None else Path(folder)
    samples: list[Sample] = []
    for name, given in found.items():
        with problems.catching(at=f"line {given.line}"):
            samples.append(Sample(name, given.paths(top, reads), values=given.said()))
    problems.raise_any()
    return tuple(samples)


def _name(cells: Mapping[str, str], line: int, problems: Problems) -> str | None:
    """What the sample of a row is called."""
    name, replicate = cells["sample"], cells.get("replicate", "")
    if not name or re.search(r"\s", name):
        what = "the sample has no name" if not name else f"{name!r} is no name of a sample there: it has spaces"
        problems.add(what, at=f"line {line}")
        return None
    if replicate and not (replicate.isdecimal() and int(replicate)):
        problems.add(f"{replicate!r} is no replicate: they are counted from 1", at=f"line {line}")
        return None
    return f"{name}_REP{int(replicate)}" if replicate else name


def _files(cells: Mapping[str, str], line: int, seen: dict[str, int], problems: Problems) -> None:
    """Tell of what is wrong with the files of a row."""
    at = f"line {line}"
    given = [(column, cells[column]) for column in (*_READS, *_OTHERS) if cells.get(column)]
    if not given:
        problems.add("it has no files", at=at)
    if cells.get("fastq_2") and not cells.get("fastq_1"):
        problems.add("fastq_2 is there, and fastq_1 is not", at=at)
    for column, path in given:
        if _ELSEWHERE.match(path):
            problems.add(f"{column}: {path} is somewhere else: it has to be fetched before", at=at)
        elif column in _READS and path in seen:
            problems.add(f"{column}: {path} is there already, in line {seen[path]}", at=at)
        else:
            seen[path] = line
    if (strand := cells.get("strandedness")) and strand not in _STRANDED:
        problems.add(f"strandedness: {strand!r} is none of {', '.join(_STRANDED)}", at=at)


@dataclass
class _Rows:
    """The rows of one sample."""

    line: int
    values: dict[str, Value] = field(default_factory=dict)
    _paired: set[bool] = field(default_factory=set)
    _reads: list[str] = field(default_factory=list)
    _others: dict[str, list[str]] = field(default_factory=dict)
    _apart: dict[str, list[str]] = field(default_factory=dict)

    def add(self, line: int, cells: Mapping[str, str], problems: Problems) -> None:
        """Take one more, of the same sample."""
        if cells.get("fastq_1"):
            self._paired.add(bool(cells.get("fastq_2")))
            if len(self._paired) > 1:
                what = f"it is the sample of line {self.line}, and of one are pairs, and of the other are none"
                problems.add(what, at=f"line {line}")
                self._paired = {bool(cells.get("fastq_2"))}
        self._reads += [cells[column] for column in _READS if cells.get(column)]
        for column in _OTHERS:
            if cells.get(column):
                self._others.setdefault(column, []).append(cells[column])
        for column in _ROWS:
            if cells.get(column):
                self._apart.setdefault(column, []).append(cells[column])
        values = self._values(cells)
        if self.values and values != self.values:
            differ = ", ".join(column for column, value in values.items() if value != self.values[column])
            problems.add(f"it is the sample of line {self.line}, and {differ} is another", at=f"line {line}")
        self.values = self.values or values

    def _values(self, cells: Mapping[str, str]) -> dict[str, Value]:
        files = {"sample", *_READS, *_OTHERS, *_ROWS}
        values = {column: value_of(cell) for column, cell in cells.items() if column not in files}
        return {**values, "group": cells["sample"]} if cells.get("replicate") else values

    def said(self) -> dict[str, Value]:
        """What is known of the sample."""
        paired: dict[str, Value] = {"paired": self._paired == {True}} if self._paired else {}
        apart = {column: ",".join(dict.fromkeys(cells)) for column, cells in self._apart.items()}
        return {**paired, **self.values, **apart}

    def paths(self, top: Path, reads: str) -> dict[str, tuple[str, ...]]:
        """The files of each input."""
        given = {reads: self._reads, **self._others}
        return {name: tuple(os.path.join(top, path) for path in paths) for name, paths in given.items() if paths}
