"""Sample sheets: tables of samples with their files, as nf-core's pipelines read them.

::

    sample,fastq_1,fastq_2,sex
    liver,liver_L1_R1.fastq.gz,liver_L1_R2.fastq.gz,f
    liver,liver_L2_R1.fastq.gz,liver_L2_R2.fastq.gz,f
    heart,heart_R1.fastq.gz,,m

Rows of one name are one sample, its files in the order of the rows.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..declaring.problems import Problems
from .sample import Sample, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["read_samples", "rows_of", "value_of"]

_LARGEST = 256 << 20


def read_samples(
    path: str | os.PathLike[str],
    *,
    files: Mapping[str, Sequence[str] | str],
    name: str = "sample",
    folder: str | os.PathLike[str] | None = None,
) -> tuple[Sample, ...]:
    """The samples of a sheet, ``.csv`` or ``.tsv``, in the order in which they appear first.

    ``files``: for each of the workflow's inputs the columns with its files, ``{"reads": ("fastq_1", "fastq_2")}``; an
    empty cell is no file.  ``name``: the column with the sample's name.  ``folder``: where paths that are not absolute
    begin, by default the sheet's.  All other columns are values: whole numbers, numbers, ``true`` and ``false`` as
    such, empty ones ``None``, and everything else as text.

    Raises ``WorkflowInvalid`` that says all that is wrong, with its lines, or ``OSError`` where it cannot be read.
    """
    sheet = Path(path)
    problems = Problems(str(sheet))
    rows = rows_of(sheet, problems)
    columns = {each: (given,) if isinstance(given, str) else tuple(given) for each, given in files.items()}
    if rows:
        there = rows[0][1].keys()
        for each in (name, *(column for given in columns.values() for column in given)):
            if each not in there:
                problems.add(f"there is no column {each}: there is {', '.join(there)}", at="line 1")
    problems.raise_any()
    top = sheet.parent if folder is None else Path(folder)
    found: dict[str, _Rows] = {}
    for line, row in rows:
        called = row[name].strip()
        if not called:
            problems.add("the sample has no name", at=f"line {line}")
            continue
        found.setdefault(called, _Rows(line)).add(line, row, columns, name, problems)
    samples: list[Sample] = []
    for called, given in found.items():
        with problems.catching(at=f"line {given.line}"):
            samples.append(Sample(called, given.paths(top), values=given.values))
    problems.raise_any()
    return tuple(samples)


class _Rows:
    """The rows of one sample."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.values: dict[str, Value] = {}
        self._files: dict[str, list[str]] = {}

    def add(
        self, line: int, row: Mapping[str, str], columns: Mapping[str, Iterable[str]], name: str, problems: Problems
    ) -> None:
        """Take one more, of the same sample."""
        taken = {name}
        for each, given in columns.items():
            taken |= {*given}
            self._files.setdefault(each, []).extend(path for column in given if (path := row[column].strip()))
        values = {column: value_of(text.strip()) for column, text in row.items() if column not in taken}
        if self.values and values != self.values:
            differ = ", ".join(column for column, value in values.items() if value != self.values[column])
            problems.add(f"it is the sample of line {self.line}, and {differ} is another", at=f"line {line}")
        self.values = self.values or values

    def paths(self, top: Path) -> dict[str, tuple[str, ...]]:
        """The files of each input."""
        return {each: tuple(os.path.join(top, path) for path in given) for each, given in self._files.items() if given}


def rows_of(sheet: Path, problems: Problems) -> list[tuple[int, dict[str, str]]]:
    """Its rows, by the columns' names, with their lines."""
    if sheet.stat().st_size > _LARGEST:
        problems.add("no sheet of samples is that long")
        return []
    try:
        # As Excel writes it, it may begin with a mark that says how it is encoded.
        text = sheet.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(f"it is no UTF-8: {error}")
        return []
    reader = csv.reader(
        text.splitlines(keepends=True), "excel-tab" if sheet.suffix.lower() == ".tsv" else "excel", strict=True
    )
    found: list[tuple[int, dict[str, str]]] = []
    head: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if head is None:
                head = [cell.strip() for cell in cells]
                for column in {column for column in head if head.count(column) > 1}:
                    problems.add(f"the column {column!r} is there twice", at=f"line {reader.line_num}")
            elif len(cells) != len(head):
                what = f"it has {len(cells)} cells, and there are {len(head)} columns"
                problems.add(what, at=f"line {reader.line_num}")
            else:
                found.append((reader.line_num, dict(zip(head, cells, strict=True))))
    except csv.Error as error:
        problems.add(str(error), at=f"line {reader.line_num}")
    if not found and not problems.told:
        problems.add("it lists no samples")
    return found


def value_of(text: str) -> Value:
    """What a cell says: a whole number, a number, yes or no, nothing, or else the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    # What begins with a zero is a code, as 007 is.
    if re.fullmatch(r"-?(0|[1-9]\d*)", text):
        return int(text)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+([eE][+-]?\d+)?", text):
        return float(text)
    return text or None
