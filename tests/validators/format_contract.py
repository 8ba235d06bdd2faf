"""What holds for the checks of every format: whole files pass, and whatever is done to one, there is a report.

A format's tests are a subclass that makes a small valid file; the rest is here.  A file is cut, and changed, at some
places of each of its regions; with ``HOLOTYPE_PLACES=100000`` at every one.
"""

from __future__ import annotations

import io
import os
import random
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import pytest

from holotype.validators import FORMATS, Grade, Severity, validate

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

__all__ = ["FormatContract", "errors_of"]

# So many places of a file are cut at, or changed: all of a very small one.  There are some 60 formats, and each place
# is a whole validation.
_PLACES = int(os.environ.get("HOLOTYPE_PLACES", "40"))
# So many at its beginning and at its end, where marks, lengths and checksums of the whole are.
_EDGES = 8


def errors_of(report: Report) -> set[str]:
    """The codes of what is wrong."""
    rows = report.findings.to_pylist()
    return {row["code"] for row in rows if row["severity"] == Severity.ERROR}


class FormatContract(ABC):
    """``format``: its name.  ``packing``: what the file that is made is packed in."""

    format: ClassVar[str]
    packing: ClassVar[str | None] = None

    @abstractmethod
    def make(self, folder: Path) -> Path:
        """A small valid file, of the usual extension."""

    def stays_valid(self, data: bytes, size: int) -> bool:
        """Whether the first ``size`` bytes of the file, which has more, are a valid file as well."""
        del data, size
        return False

    def unprotected(self, data: bytes) -> set[int]:
        """For formats of the grade ``all``: the places of bytes that no checksum covers and that mean nothing."""
        del data
        return set()

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """The valid file."""
        return self.make(tmp_path)

    def test_a_valid_file_is_recognised_and_nothing_is_wrong_with_it(self, file: Path) -> None:
        report = validate(file)
        told = report.checked.to_pylist()[0]
        assert (told["format"], told["packing"]) == (self.format, self.packing)
        assert report.findings.to_pylist() == []
        assert report.complete
        assert len(report.checked) > 1, "no check is for it"

    def test_a_file_object_is_looked_at_as_the_file_is(self, file: Path) -> None:
        given = io.BytesIO(file.read_bytes())
        report = validate(given, name=file.name)
        assert report.findings.to_pylist() == []
        assert not given.closed

    def test_its_header_alone_passes_as_well(self, file: Path) -> None:
        assert validate(file, cost="header").ok
        assert validate(file, cost="sample").ok

    def test_an_empty_file_is_none_unless_the_format_says_so(self, file: Path) -> None:
        file.write_bytes(b"")
        assert validate(file).ok == (FORMATS[self.format].empty and self.packing is None)

    def test_a_file_that_was_cut_off_is_noticed_wherever_that_was(self, file: Path) -> None:
        data = file.read_bytes()
        missed: list[int] = []
        for size in _some(len(data), "cut"):
            file.write_bytes(data[:size])
            report = validate(file, format=self.format)
            assert "check.crashed" not in report.counts, (size, report.findings.to_pylist())
            if report.ok and size and not self.stays_valid(data, size):
                missed.append(size)
        assert not missed

    def test_whatever_byte_is_changed_there_is_a_report_and_the_grade_is_true(self, file: Path) -> None:
        data = file.read_bytes()
        grade = FORMATS[self.packing or self.format].grade
        unprotected = self.unprotected(data) if grade is Grade.ALL else set()
        missed: list[int] = []
        for place in _some(len(data), "change"):
            changed = bytearray(data)
            changed[place] ^= 1 << (place % 8)
            file.write_bytes(changed)
            report = validate(file, format=self.format)
            assert "check.crashed" not in report.counts, (place, report.findings.to_pylist())
            if report.ok and grade is Grade.ALL and place not in unprotected:
                missed.append(place)
        assert not missed

    def test_noise_behind_a_true_beginning_is_no_such_file_and_brings_nothing_down(self, file: Path) -> None:
        data = file.read_bytes()
        noise = random.Random(self.format)
        for size in (4, 16, 64, 256):
            file.write_bytes(data[: min(size, len(data) // 2)] + noise.randbytes(3000))
            report = validate(file, format=self.format)
            assert "check.crashed" not in report.counts, report.findings.to_pylist()
            assert not report.ok


def _some(size: int, what: str) -> list[int]:
    """Places below ``size``: all, or those at the edges and one in each of as many equal regions as there is time for,
    others for each ``what``.
    """
    if size <= _PLACES:
        return list(range(size))
    chance, regions = random.Random(f"{what} {size}"), max(1, _PLACES - 2 * _EDGES)
    begins = [size * number // regions for number in range(regions + 1)]
    inside = (chance.randrange(begin, end) for begin, end in pairwise(begins))
    return sorted({*range(_EDGES), *inside, *range(size - _EDGES, size)})
