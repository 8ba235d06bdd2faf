"""A zip is sound when the directory, the headers and the data say the same, and every member has its checksum."""

from __future__ import annotations

import gzip
import io
import random
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from holotype.validators import Limits, validate

from .format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

TEXT = bytes(random.Random(3).choices(b"ACGT", k=300))


def made(
    members: dict[str, bytes] | None = None, *, method: int = zipfile.ZIP_DEFLATED, stream: bool = False
) -> bytearray:
    class Stream(io.BytesIO):
        def tell(self) -> int:
            raise io.UnsupportedOperation("tell")

    file = Stream() if stream else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in (members or {"a.txt": TEXT, "b/c.txt": TEXT[:100]}).items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), data, method)
    return bytearray(file.getvalue())


def looked(data: bytes | bytearray, **options: Any) -> Report:
    return validate(io.BytesIO(bytes(data)), name="a.zip", **options)


def only(report: Report) -> dict[str, Any]:
    (row,) = report.findings.to_pylist()
    return dict(row)


def central(data: bytes | bytearray, which: int = 0) -> int:
    place = -1
    for _ in range(which + 1):
        place = data.index(b"PK\x01\x02", place + 1)
    return place


class TestZip(FormatContract):
    format = "zip"

    def make(self, folder: Path) -> Path:
        path = folder / "a.zip"
        path.write_bytes(made())
        return path

    def unprotected(self, data: bytes) -> set[int]:
        places: set[int] = set()
        for which in range(2):
            at = central(data, which)
            # Who made it, and for whom; what it needs; attributes.
            places |= {at + 4, at + 5, at + 6, at + 7, *range(at + 36, at + 42)}
            local = int.from_bytes(data[at + 42 : at + 46], "little")
            places |= {local + 4, local + 5}
            places |= {local + 30 + len(name) + size - 1 for name, size in [self.sizes(data, at)]}
            # Flags that mean nothing for how it is read, and the first letters of a name.
            places |= {at + 8, at + 9, local + 6, local + 7}
        return places

    def sizes(self, data: bytes, at: int) -> tuple[bytes, int]:
        packed, name = struct.unpack_from("<L", data, at + 20)[0], struct.unpack_from("<H", data, at + 28)[0]
        return data[at + 46 : at + 46 + name], packed


class TestOfficeDocuments(TestZip):
    format = "docx"

    def make(self, folder: Path) -> Path:
        path = folder / "a.docx"
        path.write_bytes(made({"[Content_Types].xml": TEXT, "word/document.xml": TEXT}))
        return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_archives_of_every_kind_are_sound(method: int) -> None:
    for stream in (False, True):
        report = looked(made(method=method, stream=stream))
        assert not report.counts, report.findings.to_pylist()
        assert (report.metric("zip.members"), report.metric("zip.unpacked")) == (2, 400)


def test_empty_archives_comments_folders_and_names_in_other_scripts_are_sound() -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    assert not looked(empty.getvalue()).counts
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = b"PK\x05\x06 in a comment"
        archive.mkdir("folder")
        archive.writestr("folder/größe.txt", TEXT)
        archive.writestr("empty", b"")
    report = looked(file.getvalue())
    assert not report.counts, report.findings.to_pylist()


def test_an_archive_of_zip64_is_sound_and_its_records_are_held_against_each_other() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(TEXT)
    assert not looked(file.getvalue()).counts
    plain = made()
    end = len(plain) - 22
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2LH", plain[end:])
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    wide += struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    whole = plain[:end] + wide + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, size, 0xFFFFFFFF, 0)
    assert not looked(whole).counts
    for place, value in ((end, b"XX"), (end + 4, b"\x2d"), (end + 56 + 8, b"\1"), (end + 56 + 20 + 12, b"\1\1\1\1")):
        broken = bytearray(whole)
        broken[place : place + len(value)] = value
        assert set(looked(broken).counts) == {"zip.zip64"}, place


def test_a_member_whose_data_changed_is_named() -> None:
    data = made(method=zipfile.ZIP_STORED)
    data[data.index(TEXT) + 5] ^= 1
    row = only(looked(data))
    assert (row["code"], row["member"], row["offset"]) == ("zip.data", "a.txt", 0)
    assert row["expected"].endswith(f"{zlib.crc32(TEXT):08x}")


@pytest.mark.parametrize(
    ("place", "what"),
    [(8, "method"), (10, "time"), (14, "checksum"), (18, "packed size"), (22, "size"), (30, "name"), (6, "flags")],
)
def test_a_header_that_says_something_else_than_the_directory_is_told(place: int, what: str) -> None:
    data = made()
    data[place] ^= 1
    rows = looked(data).findings.to_pylist()
    assert rows[0]["code"] == "zip.local"
    assert f"its {what} is another one" in rows[0]["message"]


def test_a_directory_that_points_to_nothing_is_told() -> None:
    data = made()
    data[0] ^= 1
    row = looked(data, format="zip").findings.to_pylist()[0]
    assert (row["code"], row["member"], row["offset"]) == ("zip.local", "a.txt", 0)


def test_members_that_share_bytes_are_told() -> None:
    data = made(method=zipfile.ZIP_STORED)
    at = central(data, 1)
    data[at + 42 : at + 46] = b"\0\0\0\0"
    report = looked(data)
    assert report.counts["zip.overlap"] == 1
    assert report.counts["zip.local"]


def test_another_number_of_entries_than_the_end_says_is_told() -> None:
    data = made()
    data[-12] = data[-14] = 3
    row = only(looked(data))
    assert (row["code"], row["seen"], row["expected"]) == ("zip.central", "2", "3")


def test_an_archive_that_says_it_is_one_of_several_is_told() -> None:
    data = made()
    data[-18] = 1
    assert set(looked(data).counts) == {"zip.disks"}


def test_what_stands_before_between_and_behind_is_told() -> None:
    data = made()
    assert set(looked(b"#!/bin/sh\n" + data, format="zip").counts) == {"zip.prepended"}
    assert looked(b"#!/bin/sh\n" + data, format="zip").ok
    assert set(looked(data + b"more").counts) == {"zip.trailing"}
    hidden = made({"a": TEXT, "b": TEXT, "c": TEXT})
    first, second = central(hidden), central(hidden, 1)
    end = len(hidden) - 22
    without = hidden[:first] + hidden[second:end]
    size = struct.unpack_from("<L", hidden, end + 12)[0] - (second - first)
    without += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, size, first, 0)
    assert set(looked(without).counts) == {"zip.gap"}


def test_extra_fields_have_the_sizes_they_say() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("a.txt", (2024, 5, 6, 7, 8, 10))
        info.extra = struct.pack("<2H", 0x7875, 4) + b"abcd"
        archive.writestr(info, TEXT)
    data = bytearray(file.getvalue())
    assert not looked(data).counts
    data[30 + 5 + 2] = 9
    assert set(looked(data).counts) >= {"zip.extra"}


def test_what_follows_the_data_agrees_as_well() -> None:
    data = made(stream=True)
    at = data.index(b"PK\x07\x08")
    data[at + 5] ^= 1
    report = looked(data)
    assert report.findings["code"][0].as_py() == "zip.descriptor"
    assert report.findings["member"][0].as_py() == "a.txt"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../up", "archive.path.escapes"),
        ("a/../../up", "archive.path.escapes"),
        ("/etc/passwd", "archive.path.escapes"),
        ("C:/windows", "archive.path.escapes"),
        ("c:up", "archive.path.escapes"),
        ("a\\..\\up", "archive.path.escapes"),
        ("\\server\\x", "archive.path.escapes"),
        ("a\\b", "archive.path.odd"),
        ("a\nb", "archive.path.odd"),
    ],
)
def test_paths_that_lead_elsewhere_are_told(name: str, code: str) -> None:
    data = made({name: TEXT})
    row = next(row for row in looked(data, cost="header").findings.to_pylist() if row["code"] == code)
    assert row["member"] == name.replace("\n", "\\n")


@pytest.mark.parametrize("name", ["..a", "a..b/c", "a/...", "ab:c", "deep/er"])
def test_paths_that_only_look_odd_are_left_alone(name: str) -> None:
    assert not looked(made({name: TEXT})).counts


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_path_are_told() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    row = only(looked(file.getvalue()))
    assert (row["code"], row["member"]) == ("archive.path.twice", "a")


@pytest.mark.parametrize(
    ("target", "told"), [("b.txt", False), ("../b.txt", False), ("../../b", True), ("/etc/passwd", True)]
)
def test_links_that_lead_out_are_told(target: str, told: bool) -> None:  # noqa: FBT001 - a parameter of the test
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("deep/link")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    assert ("archive.link.escapes" in looked(file.getvalue()).counts) == told


def test_encrypted_members_are_noted_and_those_packed_in_unknown_ways_are_a_warning() -> None:
    data = made()
    for place in (6, central(data) + 8):
        data[place] |= 1
    report = looked(data)
    assert set(report.counts) == {"zip.encrypted"}
    assert not report.complete
    data = made()
    for place in (8, central(data) + 10):
        data[place] = 97
    assert set(looked(data).counts) == {"zip.method"}


class TestBombs:
    limits: ClassVar[Limits] = Limits(unpacked_free=1 << 20, ratio=50)

    def test_a_member_that_becomes_too_much_is_not_unpacked_to_its_end(self) -> None:
        data = made({"a": bytes(64 << 20)})
        row = only(looked(data, limits=self.limits))
        assert (row["code"], row["member"]) == ("zip.bomb", "a")

    def test_a_member_that_says_a_size_beyond_the_limits_is_not_begun(self) -> None:
        assert only(looked(made({"a": bytes(1 << 16)}), limits=Limits(unpacked=1000)))["code"] == "zip.bomb"

    def test_a_member_that_becomes_more_than_it_says_is_not_unpacked_further(self) -> None:
        data = made({"a": bytes(32 << 20)})
        for place in (22, central(data) + 24):
            data[place : place + 4] = struct.pack("<L", 100)
        row = only(looked(data))
        assert row["code"] == "zip.data"
        assert int(row["seen"].split()[0].replace(",", "")) < 1 << 20

    def test_more_members_than_may_be_are_told(self) -> None:
        data = made({str(number): b"" for number in range(50)})
        assert only(looked(data, limits=Limits(members=20)))["code"] == "zip.bomb"


def test_a_sample_reads_some_members_and_says_so() -> None:
    data = made({"a": TEXT * 100, "b": TEXT}, method=zipfile.ZIP_STORED)
    report = looked(data, cost="sample", limits=Limits(sample=1000))
    assert not report.counts
    assert not report.complete


def test_a_packed_archive_is_unpacked_first(tmp_path: Path) -> None:
    data = made(method=zipfile.ZIP_STORED)
    data[data.index(TEXT) + 5] ^= 1
    (tmp_path / "a.zip.gz").write_bytes(gzip.compress(data))
    assert set(validate(tmp_path / "a.zip.gz").counts) == {"zip.data"}
    assert not validate(tmp_path / "a.zip.gz", cost="header").counts
