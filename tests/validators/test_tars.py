"""A tar is sound when every header is, nothing leads out of it, and it has its end."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate

from .format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

KINDS = {tarfile.USTAR_FORMAT: "ustar", tarfile.GNU_FORMAT: "gnu", tarfile.PAX_FORMAT: "pax"}


def info(name: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname, found.mtime = size, kind, target, 1_700_000_000
    return found


def made(*members: tarfile.TarInfo, format: int = tarfile.PAX_FORMAT) -> bytearray:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as archive:
        for each in members or (info("a.txt", 700), info("b/c.txt", 3)):
            archive.addfile(each, io.BytesIO(b"x" * each.size))
    return bytearray(file.getvalue())


def looked(data: bytes | bytearray, **options: Any) -> Report:
    return validate(io.BytesIO(bytes(data)), name="a.tar", **options)


def only(report: Report) -> dict[str, Any]:
    (row,) = report.findings.to_pylist()
    return dict(row)


def signed(header: bytearray) -> bytearray:
    """A header with the checksum that it should have."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return header


class TestTar(FormatContract):
    format = "tar"

    def make(self, folder: Path) -> Path:
        path = folder / "a.tar"
        path.write_bytes(made())
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return size >= 3 * 512 + 2 * 512 + 2 * 512  # two members, and the two blocks of the end


@pytest.mark.parametrize("format", KINDS)
def test_archives_of_every_kind_are_sound(format: int) -> None:
    members = [
        info("a.txt", 700),
        info("long/" * 25 + "name", 5),
        info("folder", kind=tarfile.DIRTYPE),
        info("folder/link", kind=tarfile.SYMTYPE, target="../a.txt"),
        info("hard", kind=tarfile.LNKTYPE, target="a.txt"),
        info("ä" * 20, 10),
    ]
    if format != tarfile.USTAR_FORMAT:
        members += [info("longer/" * 60 + "name", 5), info("far", kind=tarfile.SYMTYPE, target="away/" * 50)]
    report = looked(made(*members, format=format))
    assert not report.counts, report.findings.to_pylist()
    assert (report.metric("tar.members"), report.metric("tar.content")) == (
        len(members),
        sum(each.size for each in members),
    )


def test_files_with_holes_as_gnu_tar_writes_them_are_sound() -> None:
    header = made(info("holes", 3), format=tarfile.GNU_FORMAT)[:512]
    header[156:157] = b"S"
    header[482] = 1
    more = bytearray(512)
    more[504] = 1
    rest = b"abc".ljust(512, b"\0") + made(info("next"), format=tarfile.GNU_FORMAT)
    assert not looked(signed(header) + more + bytes(512) + rest).counts
    assert set(looked(signed(header) + more[:100]).counts) == {"tar.truncated"}


def test_a_header_whose_checksum_is_wrong_is_told_with_its_place() -> None:
    data = made()
    data[3 * 512 + 5] ^= 1
    row = only(looked(data))
    assert (row["code"], row["offset"]) == ("tar.header", 3 * 512)


@pytest.mark.parametrize(("place", "what"), [(100, "mode"), (108, "owner"), (116, "group"), (136, "time")])
def test_a_field_that_is_no_number_is_told(place: int, what: str) -> None:
    data = made()
    data[place] = ord("9")
    row = only(looked(signed(data)))
    assert (row["code"], row["member"]) == ("tar.header", "a.txt")
    assert what in row["message"]


def test_a_size_that_is_no_number_or_below_nothing_is_told() -> None:
    for field in (b"99999999999\0", b"\xff" * 12, b"\0" * 12):
        data = made()
        data[124:136] = field
        assert set(looked(signed(data)).counts) == {"tar.header"}


def test_a_size_beyond_the_file_is_no_reason_to_hold_anything() -> None:
    data = made()
    data[124:136] = b"\x80" + (1 << 80).to_bytes(11, "big")
    row = only(looked(signed(data)))
    assert (row["code"], row["member"]) == ("tar.truncated", "a.txt")


def test_the_end_is_two_blocks_of_zeros() -> None:
    data = made()
    whole = 5 * 512
    while data[:whole].count(0) and any(data[whole - 512 : whole]):
        whole += 512
    body = data[: whole - 512]
    assert set(looked(body).counts) == {"tar.end"}
    assert set(looked(body + bytes(512)).counts) == {"tar.end"}
    assert not looked(body + bytes(1024)).counts
    assert set(looked(body + bytes(512) + body + bytes(1024)).counts) == {"tar.end"}


def test_something_behind_the_end_is_told() -> None:
    data = made()
    row = only(looked(data + made()))
    assert (row["code"], row["severity"]) == ("tar.trailing", "warning")


@pytest.mark.parametrize(
    "records", [b"nonsense\n", b"99 path=a\n", b"12 path=abc", b"0 path=a\n", b"11 path=abc", b"9 size=x\n"]
)
def test_extended_headers_are_records(records: bytes) -> None:
    header = signed(made(info("pax", len(records), kind=b"x"))[:512])
    header[156:157] = b"x"
    data = signed(header) + records.ljust(512, b"\0") + made()
    row = only(looked(data))
    assert row["code"] == "tar.pax"
    assert row["offset"] == 512


def test_extended_headers_say_the_path_that_counts() -> None:
    data = made(info("../" * 50 + "up", 4))
    assert set(looked(data).counts) == {"archive.path.escapes"}
    header = made(info("pax", kind=b"x"))[:512]
    header[124:136] = b"77777777777\0"
    header[156:157] = b"x"
    assert set(looked(signed(header) + made()).counts) == {"tar.pax"}


@pytest.mark.parametrize(
    ("member", "code"),
    [
        (info("../up"), "archive.path.escapes"),
        (info("a\\b"), "archive.path.odd"),
        (info("null", kind=tarfile.CHRTYPE), "tar.device"),
        (info("pipe", kind=tarfile.FIFOTYPE), "tar.device"),
        (info("what", kind=b"Z"), "tar.type"),
        (info("l", kind=tarfile.SYMTYPE, target="../out"), "archive.link.escapes"),
        (info("l", kind=tarfile.SYMTYPE, target="/etc/passwd"), "archive.link.escapes"),
        (info("deep/l", kind=tarfile.LNKTYPE, target="../out"), "archive.link.escapes"),
    ],
)
def test_members_that_are_dangerous_to_unpack_are_told(member: tarfile.TarInfo, code: str) -> None:
    row = only(looked(made(member)))
    assert (row["code"], row["member"], row["offset"]) == (code, member.name, 156 if code == "tar.type" else 0)


def test_absolute_paths_are_told() -> None:
    data = made(info("/etc/passwd"))
    assert set(looked(data).counts) == {"archive.path.escapes"}


def test_two_members_of_one_path_are_told() -> None:
    assert set(looked(made(info("a"), info("a"))).counts) == {"archive.path.twice"}


def test_more_members_than_may_be_are_told() -> None:
    data = made(*(info(str(number)) for number in range(30)))
    assert set(looked(data, limits=Limits(members=20)).counts) == {"tar.many"}


def test_a_packed_archive_is_read_on_the_way_and_a_sample_of_it_is_not_cut_off(tmp_path: Path) -> None:
    data = made(info("a", 3_000_000), info("b", 10))
    for name in ("a.tar.gz", "b.tgz"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(data))
        report = validate(path)
        assert not report.counts
        assert report.metric("tar.members") == 2
        assert report.checked["check"].to_pylist() == ["file", "tar"]
        part = validate(path, cost="sample", limits=Limits(sample=100_000))
        assert not part.counts
        assert not part.complete
    path.write_bytes(gzip.compress(data[:-12_000]))
    assert "tar.truncated" in validate(path).counts or "tar.end" in validate(path).counts
