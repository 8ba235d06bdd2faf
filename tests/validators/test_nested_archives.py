"""A delivery is an archive of archives and of packed files: what is damaged in there is told, and bombs are none."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.validators import Report

TEXT = bytes(random.Random(5).choices(b"ACGT", k=100_000))


def zipped(members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def damaged(data: bytes) -> bytes:
    return data.replace(TEXT[50:60], TEXT[50:59] + b"X") if TEXT[50:60] in data else data[:-20] + b"?" + data[-19:]


def look(data: bytes, name: str, **options: Any) -> Report:
    return validate(io.BytesIO(data), name=name, **options)


PACKED = gzip.compress(TEXT)
STORED = zipped({"deep/a.txt": TEXT}, method=zipfile.ZIP_STORED)
INNER = {
    "in.zip": (STORED, damaged(STORED), "zip.data", "in.zip/deep/a.txt"),
    "in.xlsx": (STORED, damaged(STORED), "zip.data", "in.xlsx/deep/a.txt"),
    "in.tar": (tarred({"a": TEXT}), b"x" + tarred({"a": TEXT})[1:], "tar.header", "in.tar"),
    "in.tar.gz": (gzip.compress(tarred({"a": TEXT})), gzip.compress(tarred({"/a": TEXT})), "archive.path.escapes",
                  "in.tar.gz//a"),
    "reads.fastq.gz": (PACKED, PACKED[:-8] + b"zero" + PACKED[-4:], "packing.damaged", "reads.fastq.gz"),
}  # fmt: skip
OUTER: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "stored.zip": lambda members: zipped(members, method=zipfile.ZIP_STORED),
    "docx": lambda members: zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<a/>", **members}),
    "tar": tarred,
    "tar.gz": lambda members: gzip.compress(tarred(members)),
}


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("inner", INNER)
def test_what_is_damaged_within_an_archive_of_an_archive_is_told_with_its_path(outer: str, inner: str) -> None:
    whole, broken, code, member = INNER[inner]
    report = look(OUTER[outer]({"notes.txt": b"hello", inner: whole}), f"a.{outer}")
    assert not report.counts, report.findings.to_pylist()
    assert report.complete
    report = look(OUTER[outer]({"notes.txt": b"hello", inner: broken}), f"a.{outer}")
    assert (code, member) in [(row["code"], row["member"]) for row in report.findings.to_pylist()]
    assert not report.ok


def test_the_figures_are_those_of_the_outer_archive() -> None:
    report = look(zipped({"in.zip": STORED, "a": b"1"}), "a.zip")
    assert (report.metric("zip.members"), report.metric("zip.unpacked")) == (2, len(STORED) + 1)


def test_one_level_is_looked_into_and_what_is_deeper_is_not() -> None:
    bad = damaged(STORED)
    assert not look(zipped({"1.zip": bad}), "a.zip").ok
    assert look(zipped({"1.zip": zipped({"2.zip": bad})}), "a.zip").ok


@pytest.mark.parametrize("cost", ["header", "sample"])
def test_less_than_full_cost_looks_at_the_outer_archive_alone(cost: str) -> None:
    assert look(zipped({"in.zip": damaged(STORED)}), "a.zip", cost=cost).ok
    assert look(tarred({"in.zip": damaged(STORED)}), "a.tar", cost=cost).ok


def test_what_only_begins_as_text_does_is_left_alone() -> None:
    members = {"BZ.txt": b"BZ is a file", "zipper": b"PK is a name", "a.csv": b"PK,BZ\n1,2\n", "empty.zip": b""}
    for data, name in ((zipped(members), "a.zip"), (tarred(members), "a.tar")):
        report = look(data, name)
        assert not report.counts, report.findings.to_pylist()


class TestBombs:
    limits = Limits(unpacked_free=4 << 20, ratio=100)

    @pytest.mark.parametrize("outer", OUTER)
    def test_layers_together_become_no_more_than_one_may(self, outer: str) -> None:
        inner = zipped({str(number): bytes(3 << 20) for number in range(40)})
        data = OUTER[outer]({f"{number}.zip": inner for number in range(40)})
        limits = Limits(unpacked_free=4 << 20, ratio=4_000_000 / len(data))
        report = look(data, f"a.{outer}", limits=limits)
        assert report.counts["archive.bomb"] == 1
        assert not report.complete

    def test_a_packed_member_is_stopped_as_a_packed_file_is(self) -> None:
        data = tarred({"a.gz": gzip.compress(bytes(64 << 20))})
        assert set(look(data, "a.tar", limits=self.limits).counts) & {"archive.bomb", "packing.bomb"}

    def test_members_count_together(self) -> None:
        inner = zipped({str(number): b"" for number in range(30)})
        one = zipped({"1.zip": inner})
        assert look(one, "a.zip", limits=Limits(members=40)).ok
        two = zipped({"1.zip": inner, "2.zip": inner})
        report = look(two, "a.zip", limits=Limits(members=40))
        assert report.counts == {"archive.bomb": 1}
        assert report.findings["member"].to_pylist() == ["2.zip"]

    def test_an_archive_that_holds_itself_comes_to_an_end(self) -> None:
        data = b""
        for _ in range(30):
            data = zipped({"a.zip": data or STORED}, method=zipfile.ZIP_STORED)
        assert look(data, "a.zip").ok
