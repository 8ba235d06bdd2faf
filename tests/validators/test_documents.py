"""Databases, PDFs, pickles, plain text, and files of which only their digest can be kept."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import sqlite3
from collections import OrderedDict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import joblib
import numpy
import pytest

from holotype.validators import FORMATS, validate
from holotype.validators.registry import REGISTRY

from .format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


def looked(data: bytes, format: str, **options: Any) -> Report:
    return validate(io.BytesIO(data), name="a", format=format, **options)


def only(report: Report) -> dict[str, Any]:
    (row,) = report.findings.to_pylist()
    return dict(row)


def database(path: Path, rows: int = 200) -> Path:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE reads (name TEXT PRIMARY KEY, length INTEGER NOT NULL)")
        made.executemany("INSERT INTO reads VALUES (?, ?)", ((f"read{number}", number) for number in range(rows)))
    return path


class TestSqlite(FormatContract):
    format = "sqlite"

    def make(self, folder: Path) -> Path:
        return database(folder / "a.sqlite")


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (0, b"X", "sqlite.header"),
        (16, b"\x03\x00", "sqlite.header"),
        (18, b"\x07", "sqlite.header"),
        (20, b"\xff", None),
        (21, b"\x41", "sqlite.header"),
        (44, b"\0\0\0\x09", "sqlite.header"),
        (56, b"\0\0\0\x09", "sqlite.header"),
        (80, b"\x01", "sqlite.header"),
        (28, b"\0\0\0\x63", "sqlite.size"),
        (100, b"\x00", "sqlite.integrity"),
    ],
)
def test_each_rule_of_a_database_is_told(tmp_path: Path, place: int, value: bytes, code: str | None) -> None:
    data = bytearray(database(tmp_path / "a.sqlite").read_bytes())
    data[place : place + len(value)] = value
    codes = looked(bytes(data), "sqlite").codes
    assert code in codes if code else codes


def test_rows_and_indexes_that_do_not_agree_are_told(tmp_path: Path) -> None:
    path = database(tmp_path / "a.sqlite")
    data = bytearray(path.read_bytes())
    place = data.index(b"read77")
    data[place + 4] = ord("9")
    path.write_bytes(data)
    report = validate(path)
    assert set(report.counts) == {"sqlite.integrity"}
    assert validate(path, cost="header").ok


def test_a_database_that_was_cut_off_or_is_packed_is_looked_at(tmp_path: Path) -> None:
    data = database(tmp_path / "a.sqlite").read_bytes()
    assert set(looked(data[:-4096], "sqlite").counts) == {"sqlite.size"}
    (tmp_path / "b.sqlite.gz").write_bytes(gzip.compress(data))
    assert not validate(tmp_path / "b.sqlite.gz").counts


def test_changes_that_lie_beside_a_database_are_noted_and_nothing_is_written(tmp_path: Path) -> None:
    path = database(tmp_path / "a.sqlite")
    (tmp_path / "a.sqlite-wal").write_bytes(b"not yet")
    before = sorted(tmp_path.iterdir())
    row = only(validate(path))
    assert (row["code"], row["severity"], row["member"]) == ("sqlite.journal", "note", "a.sqlite-wal")
    assert sorted(tmp_path.iterdir()) == before


def pdf(*, encrypted: bool = False, stream: bool = False) -> bytes:
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]
    data, places = b"%PDF-1.7\n", list[int]()
    for number, each in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    at = len(data)
    more = b" /Encrypt 9 0 R" if encrypted else b""
    if stream:
        data += b"3 0 obj\n<< /Type /XRef /Size 4 /Root 1 0 R /W [1 1 1] /Length 1 >>\nstream\nx\nendstream\nendobj\n"
    else:
        entries = b"".join(b"%010d 00000 n \n" % place for place in places)
        data += b"xref\n0 3\n0000000000 65535 f \n" + entries
        data += b"trailer\n<< /Size 3 /Root 1 0 R%s >>\n" % more
    return data + b"startxref\n%d\n%%%%EOF\n" % at


class TestPdf(FormatContract):
    format = "pdf"

    def make(self, folder: Path) -> Path:
        path = folder / "a.pdf"
        path.write_bytes(pdf())
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return size == len(data) - 1


def test_a_document_with_a_table_in_a_stream_is_sound() -> None:
    assert not looked(pdf(stream=True), "pdf").counts


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"%PDF-1.7", b"%PDX-1.7", "pdf.header"),
        (b"startxref", b"startxxef", "pdf.end"),
        (b"%%EOF", b"%%EOX", "pdf.end"),
        (b"startxref\n", b"startxref\n9", "pdf.xref"),
        (b"trailer", b"trailed", "pdf.xref"),
        (b"0000000009 00000 n \n", b"0000000009 00000 x \n", "pdf.xref"),
        (b"0000000009", b"0000000010", "pdf.object"),
        (b"2 0 obj", b"4 0 obj", "pdf.object"),
        (b"/Root", b"/Roof", "pdf.trailer"),
        (b"/Size 3", b"", "pdf.trailer"),
    ],
)
def test_each_rule_of_a_document_is_told(old: bytes, new: bytes, code: str) -> None:
    assert pdf().count(old) == 1
    assert set(looked(pdf().replace(old, new), "pdf").counts) == {code}


def test_what_stands_around_a_document_and_that_it_is_encrypted_is_told() -> None:
    assert set(looked(b"junk\n" + pdf(), "pdf").counts) == {"pdf.prepended"}
    assert set(looked(pdf() + b"junk", "pdf").counts) == {"pdf.trailing"}
    assert set(looked(pdf(encrypted=True), "pdf").counts) == {"pdf.encrypted"}


def test_tables_that_name_each_other_are_not_followed_for_ever() -> None:
    at = pdf().index(b"xref\n")
    looped = pdf().replace(b"/Size 3", b"/Prev %d /Size 3" % at)
    assert not looked(looped, "pdf").counts


class Runs:
    """Would start a program when it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("echo loaded",)


class TestPickle(FormatContract):
    format = "pickle"

    def make(self, folder: Path) -> Path:
        path = folder / "a.pkl"
        path.write_bytes(pickle.dumps({"name": ["a", 1, 2.5, None, b"x", (1, 2)], "deep": [[], {}]}))
        return path


@pytest.mark.parametrize("protocol", range(2, 6))
def test_what_a_pickle_would_import_or_run_is_told_and_not_done(
    protocol: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = looked(pickle.dumps([Runs(), OrderedDict(a=1), OrderedDict()], protocol), "pickle").findings.to_pylist()
    told = {(row["code"], row["record"]) for row in rows}
    assert ("pickle.globals", "collections.OrderedDict") in told
    assert {record for code, record in told if code == "pickle.dangerous"} <= {"posix.system", "nt.system"}
    assert len(told) == 2
    assert "loaded" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["builtins eval", "subprocess Popen", "os system", "importlib import_module"])
def test_what_starts_programs_is_an_error(name: str) -> None:
    row = only(looked(b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n.", "pickle"))
    assert (row["code"], row["record"], row["offset"]) == ("pickle.dangerous", name.replace(" ", "."), 2)


def test_arrays_that_joblib_writes_between_operations_are_noted(tmp_path: Path) -> None:
    joblib.dump({"a": numpy.arange(50), "b": [1]}, tmp_path / "a.joblib")
    report = validate(tmp_path / "a.joblib", format="pickle")
    assert report.ok
    assert report.counts["pickle.joblib"] == 1
    assert not report.complete


def test_a_pickle_that_is_broken_or_goes_on_behind_its_end_is_told() -> None:
    data = pickle.dumps([1, 2, 3])
    assert set(looked(data[:-1], "pickle").counts) == {"pickle.broken"}
    assert set(looked(data + b"more", "pickle").counts) == {"pickle.trailing"}
    assert set(looked(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f", "pickle").counts) == {"pickle.broken"}


class TestText(FormatContract):
    format = "text"

    def make(self, folder: Path) -> Path:
        path = folder / "a.txt"
        path.write_text("Größe\nzwei\n", encoding="utf-8")
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return True

    def test_noise_behind_a_true_beginning_is_no_such_file_and_brings_nothing_down(self, file: Path) -> None:
        file.write_bytes(file.read_bytes() + b"\xff\xfe\0\x01")
        assert not validate(file).ok


@pytest.mark.parametrize(
    ("data", "code", "line", "offset"),
    [
        (b"ab\ncd\xff\n", "text.encoding", 2, 5),
        (b"ab\ncd\xc3", "text.encoding", 2, 5),
        (b"ab\nc\0\0\0d\n", "text.nul", 2, 4),
        (b"ab\nc\x07d\n", "text.control", 2, 4),
        (b"\xef\xbb\xbfab\n", "text.bom", 1, 0),
        ("ab\n".encode("utf-16"), "text.utf16", 1, 0),
        (b"ab\ncd\r\nef\n", "text.line_ends", 2, None),
        (b"ab\rcd\r\n", "text.line_ends", 1, None),
    ],
)
def test_each_rule_of_text_is_told_with_its_place(data: bytes, code: str, line: int, offset: int | None) -> None:
    row = only(looked(data, "text"))
    assert (row["code"], row["line"], row["offset"]) == (code, line, offset)


@pytest.mark.parametrize("shift", range(4))
def test_letters_and_line_ends_across_blocks_are_whole(shift: int) -> None:
    text = b"x" * ((1 << 20) - shift - 3) + "ä\r\nä\r\n".encode() * 300_000
    assert not looked(text, "text").counts
    at = len(text) - 8
    row = only(looked(text[:at] + b"\xff" + text[at + 1 :], "text"))
    assert row["offset"] == at
    assert row["line"] == text.count(b"\n", 0, at) + 1


HEADS = {
    "thermo-raw": b"\x01\xa1F\0i\0n\0n\0i\0g\0a\0n\0",
    "agilent-ch": b"\x03179\0",
    "leica-lif": b"p\0\0\0\x10\0\0\0*",
    "zeiss-czi": b"ZISRAWFILE\0",
    "nikon-nd2": b"\xda\xce\xbe\x0a",
    "olympus-oir": b"OLYMPUSRAWFORMAT",
    "pod5": b"\x8bPOD\r\n\x1a\n",
    "spss": b"$FL2@(#)",
    "sas7bdat": bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011"),
    "stata": b"<stata_dta><header>",
    "rds": b"X\n\0\0\0\x03",
    "rdata": b"RDX3\n",
    "ole2": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "bigwig": b"\x26\xfc\x8f\x88",
    "fcs": b"FCS3.1    ",
    "mrc": bytes(208) + b"MAP ",
}


@pytest.mark.parametrize("format", HEADS)
def test_files_of_instruments_are_known_and_their_digest_is_kept(format: str) -> None:
    data = HEADS[format] + bytes(range(256)) * 4
    report = validate(io.BytesIO(data), name="data")
    row = only(report)
    assert (row["code"], row["severity"], row["record"]) == ("opaque.content", "note", format)
    assert row["seen"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert report.metric("opaque.size") == len(data)
    assert 7 < (report.metric("opaque.entropy") or 0) <= 8
    assert report.checked["grade"][0].as_py() == "none"


def test_kinds_of_compound_files_are_told_by_their_names() -> None:
    data = HEADS["ole2"] + bytes(range(256))
    for name, format in {"a.xls": "xls", "a.oib": "olympus-oib", "a.doc": "doc", "a": "ole2"}.items():
        assert validate(io.BytesIO(data), name=name).checked["format"][0].as_py() == format


def test_objects_of_r_are_packed_and_read_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "a.rds"
    path.write_bytes(gzip.compress(HEADS["rds"] + bytes(range(256))))
    report = validate(path)
    assert set(report.counts) == {"opaque.content"}
    assert report.checked["check"].to_pylist() == ["file", "opaque", "packed"]
    path.write_bytes(path.read_bytes()[:-3])
    assert not validate(path).ok


def test_a_file_that_does_not_begin_as_its_name_says_is_told(tmp_path: Path) -> None:
    for name in ("a.czi", "a.xls"):
        (tmp_path / name).write_bytes(b"\x01\x02\x03 what is this")
        assert set(validate(tmp_path / name).counts) == {"opaque.signature", "opaque.content"}


def test_zeros_where_data_should_be_are_told() -> None:
    whole = validate(io.BytesIO(bytes(5000)), name="data.unheardof")
    assert set(whole.counts) == {"file.unknown", "opaque.content", "opaque.blank"}
    assert whole.metric("opaque.entropy") == 0
    half = validate(io.BytesIO(b"\x01\x02\x03\xff" * 50_000 + bytes(100_000)), name="data.unheardof")
    row = next(row for row in half.findings.to_pylist() if row["code"] == "opaque.tail")
    assert (row["offset"], row["seen"]) == (200_000, "100000")


def test_every_format_of_instruments_has_a_check() -> None:
    opaque: Any = REGISTRY.named("opaque")
    assert opaque.formats - {"unknown"} <= set(FORMATS)
