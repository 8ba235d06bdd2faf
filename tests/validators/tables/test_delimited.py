"""CSV and TSV as files: what is broken in one is told with its line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import Column, Limits, SchemaCheck, TableSchema, validate

from ..format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

ROWS = [["id", "name", "note"], *([f"{each}", f"n{each}", "x"] for each in range(8)), ["9", 'a "b", c', "two\nlines"]]


def lines(data: bytes | str, name: str = "t.csv", **limits: int) -> Report:
    """The report on a file with these bytes."""
    given = data.encode() if isinstance(data, str) else data
    return validate(io.BytesIO(given), name=name, checks=["csv"], limits=Limits(**limits))


def told(report: Report) -> list[tuple[str, int | None]]:
    """Codes and lines of what was found."""
    return [(row["code"], row["line"]) for row in report.findings.to_pylist()]


def whole(data: bytes, delimiter: str) -> bool:
    """Whether Python's own reader finds every row as long as the header, and no field open at the end."""
    text = data.decode()
    outside = text.count('"') % 2 == 0
    return outside and len({len(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row}) <= 1


class TestCsv(FormatContract):
    """Commas between columns."""

    format: ClassVar[str] = "csv"

    def make(self, folder: Path) -> Path:
        path = folder / "table.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(ROWS)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return whole(data[:size], ",")


class TestTsv(FormatContract):
    """Tabs between columns."""

    format: ClassVar[str] = "tsv"

    def make(self, folder: Path) -> Path:
        path = folder / "table.tsv"
        path.write_bytes("".join("\t".join(row) + "\n" for row in ROWS[:-1]).encode())
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return whole(data[:size], "\t")


@pytest.mark.parametrize(
    "data",
    [
        "a,b\n1,2\n",
        "a,b\r\n1,2\r\n",
        'a,b\n"1,5","x ""y"" z"\n',
        'a,b\n"1\n2\n3",4\n5,6\n',
        'a,b\n"",""\n"""x""",2\n',
        '# made by an instrument, "so" it says, really\n# twice\na,b\n1,2\n',
        "ä,ö\nü,ß\n",
        "one\n\n1\n2\n",
    ],
)
def test_variants_that_are_allowed_pass(data: str) -> None:
    assert told(lines(data)) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n3\n4,5,6\n7,8\n", [("csv.fields", 3), ("csv.fields", 4)]),
        (b'a,b\n"x\ny",2\n3\n', [("csv.fields", 4)]),
        (b'a,b\n"x\ny",2,3\n', [("csv.fields", 2)]),
        (b"a,b\n1,2,\n3,4\n", [("csv.delimiter.trailing", 2)]),
        (b"a,b,\n1,2,\n3,4\n", [("csv.delimiter.trailing", 1), ("csv.delimiter.trailing", 3)]),
        (b"a,b\n\n1,2\n", [("csv.blank", 2)]),
        (b'a,b\n1,"2\n3,4\n', [("csv.quote.unclosed", 2)]),
        (b'a,b\n1,x"y\n3,4\n', [("csv.quote", 2)]),
        (b'a,b\n1,"x"y\n3,4\n', [("csv.quote", 2), ("csv.quote.unclosed", 2)]),
        (b"a,b\n1,\xe9t\n3,4\n", [("csv.encoding.other", 2)]),
        (b"a,b\n1,\xe9\x81\n3,4\n", [("csv.encoding.invalid", 2)]),
        (b"a,b\n1,\xc3\xa9\n3,\xe9\n", [("csv.encoding.invalid", 3)]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [("csv.bom", 1)]),
        (b"a,b\n1,2\n\xef\xbb\xbfa,b\n", [("csv.bom.inside", 3)]),
        ("a,b\n1,ä\n".encode("utf-16"), [("csv.encoding.other", 1)]),
        ("a,b\n1,ä\n".encode("utf-16-be") * 5, [("csv.encoding.other", 1)]),
        (b"a,b\n1,\0\n", [("csv.nul", 2)]),
        (b"a,b\n1,2\r\n3,4\r\n", [("csv.line_ends", 2)]),
        (b"a,b\r\n1,2\r\n3,4\n", [("csv.line_ends", 3)]),
        (b"a,b\r1,2\r", [("csv.line_ends.cr", 1)]),
        (b"a,b\n1,2", [("csv.last_line", 2)]),
        (b"a;b\n1;2\n", [("csv.delimiter", 1)]),
        (b"a,,b\n1,2,3\n", [("csv.header.empty", 1)]),
        (b"a,b,a\n1,2,3\n", [("csv.header.duplicate", 1)]),
        (b"a, b\n1,2\n", [("csv.header.blanks", 1)]),
        (b"1,2.5\n3,4\n", [("csv.header.absent", 1)]),
        (b"# about\n\n", [("csv.header.empty", 2)]),
    ],
)
def test_what_is_broken_is_told_with_its_line(data: bytes, expected: list[tuple[str, int]]) -> None:
    assert told(lines(data)) == expected


WINDOWS = "Probe;Größe (µm);Temp (°C)\nMüller;1,5;20\nJosé;2,5;21\n"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_a_table_in_one_other_encoding_throughout_is_a_warning_that_names_it(encoding: str) -> None:
    report = lines(WINDOWS.encode(encoding) + b"x;1;2\n" * 200_000 + "Åse;1;2\n".encode(encoding))
    assert told(report) == [("csv.delimiter", 1), ("csv.encoding.other", 1)]
    row = report.findings.to_pylist()[1]
    assert (row["seen"], row["expected"], row["severity"]) == ("windows-1252", "utf-8", "warning")
    assert "windows-1252" in row["message"]
    assert report.ok


def test_names_in_another_encoding_are_not_taken_for_the_same() -> None:
    assert told(lines("ä,ö\n1,2\n".encode("cp1252"))) == [("csv.encoding.other", 1)]


def test_text_of_another_script_is_not_called_western() -> None:
    (row,) = lines("имя,город\nАнна,Москва\nПётр,Казань\n".encode("cp1251")).findings.to_pylist()
    assert (row["code"], row["severity"]) == ("csv.encoding.other", "warning")
    assert "windows-1251" in row["message"]


@pytest.mark.parametrize(
    "bad",
    [b"\xff\xd8\xff\xe0\x00\x10", b"\x81\x8d\x90", b"\x83\x86\x87\x88\x95\xac", b"\xe9\n3,\xc3\xa9", b"\x1b\xe9\xe9"],
)
def test_bytes_that_are_no_text_or_of_two_encodings_stay_an_error(bad: bytes) -> None:
    report = lines(b"a,b\n1," + bad + b"\n5,6\n")
    assert ("csv.encoding.invalid", 2) in told(report)
    assert "csv.encoding.other" not in report.codes
    assert not report.ok


def test_every_line_that_is_no_text_is_counted() -> None:
    report = lines(b"a,b\n" + b"1,\x81\n" * 5000)
    assert report.counts["csv.encoding.invalid"] == 5000


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_names_of_rows_that_r_writes_without_a_header_are_told_once(delimiter: str) -> None:
    data = "S1 S2 S3\n" + "".join(f"gene{place} 1 2 3\n" for place in range(300))
    report = lines(data.replace(" ", delimiter), "t.tsv" if delimiter == "\t" else "t.csv")
    assert told(report) == [("csv.header.short", 1)]
    assert report.ok
    broken = lines((data + "gene 1 2\n").replace(" ", delimiter), "t.tsv" if delimiter == "\t" else "t.csv")
    assert told(broken) == [("csv.header.short", 1), ("csv.fields", 302)]
    assert told(lines("a,b\n1,2,3\n4,5,6\n7,8\n")) == [("csv.fields", 2), ("csv.fields", 3)], "not every row"


PLATE = "Instrument,Tecan\nDate,2024-01-01\n\n,1,2,3\nA,0.1,0.2,0.3\nB,0.2,0.3,0.4\n"


def test_what_an_instrument_writes_before_the_table_is_told_once_with_the_line_of_the_header() -> None:
    report = lines(PLATE)
    assert told(report) == [("csv.preamble", 1), ("csv.header.empty", 4)]
    assert "begins in line 4" in report.findings["message"][0].as_py()
    assert report.ok
    titled = "Absorbance of 12 May\nwell;od;time\nA1;0.5;1\nA2;0.6;1\n"
    assert told(lines(titled)) == [("csv.preamble", 1), ("csv.delimiter", 2)]


@pytest.mark.parametrize(
    "data",
    [
        "a,b,c\n1,2,3\n4,5\n6,7,8\n",
        "a,c\n1,2,3,4\n4,5,6,4\n7,8,9,4\n",
        "a\n1,2,3\n4,5,6\n7,8,9\n",
        "x,y\nu,v\n\na,b,c\n1,2,3\n1,2\n",
    ],
)
def test_a_broken_header_or_table_is_no_preamble(data: str) -> None:
    assert "csv.fields" in lines(data).codes
    assert "csv.preamble" not in lines(data).codes


def test_the_line_in_which_excel_names_the_delimiter_is_no_header() -> None:
    assert told(lines("sep=,\na,b\n1,2\n")) == []
    report = lines("sep=;\r\nName;Wert\r\nA;1,5\r\nB;2,5\r\n")
    assert told(report) == [("csv.delimiter", 2)]
    assert told(lines("sep=;\nName;Wert\nA;1;5\n")) == [("csv.delimiter", 2), ("csv.fields", 3)]


def test_tables_below_such_lines_are_read_by_schemas_as_well() -> None:
    plain = {"sep=;\nname;value\nA;1\nB;2\n", "Instrument,Tecan,12\nBy,ada,13\n\nname,value\nA,1\nB,2\nC,3\n"}
    for text in plain:
        schema = TableSchema("t", (Column("name", "string"), Column("value", "integer")))
        report = validate(io.BytesIO(text.encode()), name="t.csv", checks=[SchemaCheck(schema)])
        assert not report.counts, text
    schema = TableSchema("t", (Column("", "string"), Column("S1", "integer"), Column("S2", "integer")))
    text = "S1,S2\ng1,1,2\ng2,3,4\n"
    assert not validate(io.BytesIO(text.encode()), name="t.csv", checks=[SchemaCheck(schema)]).counts


def test_fields_and_quotes_are_followed_over_blocks_of_a_large_file() -> None:
    long = "x" * 700_000
    data = f'a,b\n"{long}\n{long}\n{long}",2\n1\n"{long}\n{long}\n3,4\n'
    assert told(lines(data)) == [("csv.fields", 5), ("csv.quote.unclosed", 6)]


@pytest.mark.parametrize("before", [b"", b"# by a sequencer\n# in spring\n"])
def test_a_header_of_very_many_columns_is_read_to_its_end(before: bytes) -> None:
    names = [f"gene{place}" for place in range(30_000)]
    data = before + ",".join(names).encode() + b"\n" + b"1," * 29_999 + b"1\n"
    assert not lines(data).counts
    assert told(lines(data + b"1,2\n")) == [("csv.fields", data.count(b"\n") + 1)]
    twice = lines(data.replace(b"gene29999", b"gene0"))
    assert [row["column"] for row in twice.findings.to_pylist()] == ["gene0"]


def test_a_table_without_a_header_is_told_as_that_and_not_as_one_whose_names_come_twice() -> None:
    junctions = "chr1\t100\t250\t1\t1\t0\t1\nchr1\t300\t450\t1\t1\t0\t2\n"
    assert told(lines(junctions, "SJ.out.tab")) == [("csv.header.absent", 1)]
    assert told(lines("gene,gene\nA,1\n")) == [("csv.header.duplicate", 1)]


def test_places_in_bytes_are_told_as_well() -> None:
    (row,) = lines(b"a,b\n1,2\n3\n").findings.to_pylist()
    assert (row["offset"], row["seen"], row["expected"]) == (8, "1", "2")


def test_millions_of_ragged_rows_are_counted_and_some_told() -> None:
    report = lines("a,b\n" + "1\n" * 200_000)
    assert report.counts["csv.fields"] == 200_000
    assert len(report.findings) == 100


def test_tabs_in_a_tsv_are_not_quoted_unless_whole_fields_are() -> None:
    assert told(lines('a\tb\n5"\t6\n', "t.tsv")) == []
    assert told(lines('a\tb\n"x\ty"\t6\n', "t.tsv")) == []


def test_a_line_without_end_is_told_and_not_held_in_memory() -> None:
    report = lines(b"a,b\n" + b"1" * 3_000_000, line=1_000_000)
    assert "text.line_too_long" in report.codes


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=6),
                     min_size=width, max_size=width),
            min_size=1, max_size=8,
        )
    ),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)  # fmt: skip
def test_whatever_a_proper_writer_writes_has_fields_and_quotes_in_order(rows: list[list[str]], quoting: int) -> None:
    table = [[f"column{place}" for place in range(len(rows[0]))], *rows]
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(table)  # type: ignore[arg-type]
    found = lines(text.getvalue()).codes
    assert not found & {"csv.fields", "csv.quote", "csv.quote.unclosed", "csv.delimiter.trailing", "check.crashed"}
