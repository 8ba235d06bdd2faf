"""One thing is looked at by every check that is for it, and whatever happens there is a report."""

from __future__ import annotations

import errno
import gzip
import io
import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holotype.validators import (
    Check,
    CheckRefused,
    Code,
    Column,
    Cost,
    Found,
    InvalidChoice,
    LibraryMissing,
    Severity,
    Subject,
    SubjectNotFound,
    TableSchema,
    Threshold,
    validate,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ODD = Code("lab.odd", Severity.ERROR, "A line has an even number of letters.")


class Even(Check):
    """A lab's own check, of a few lines."""

    name, version, formats, tables = "lab.even", "3", frozenset({"text"}), False
    codes = (ODD,)

    def look(self, subject: Subject, found: Found) -> None:
        for lines in subject.lines(found):
            for index in range(len(lines)):
                if len(lines[index]) % 2:
                    found.add(ODD, "odd", line=lines.number(index), offset=lines.place(index), seen=lines[index])
        found.metric("lab.lines", 2, of="all")


class Doing(Check):
    """Does whatever a test wants."""

    name, tables, codes = "lab.doing", True, (ODD,)

    def __init__(self, what: Callable[[Subject, Found], object]) -> None:
        self._what = what

    def look(self, subject: Subject, found: Found) -> None:
        self._what(subject, found)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(b"ab\nabc\nabcd\n")
    return path


def raising(error: BaseException) -> Doing:
    def fall(subject: Subject, found: Found) -> None:
        raise error

    return Doing(fall)


def test_a_check_of_ones_own_tells_what_is_wrong_and_where(text: Path) -> None:
    report = validate(text, checks=[Even()])
    (row,) = report.findings.to_pylist()
    assert (row["path"], row["check"], row["code"], row["severity"]) == (str(text), "lab.even", "lab.odd", "error")
    assert (row["line"], row["offset"], row["seen"]) == (2, 3, "abc")
    assert not report.ok
    assert report.counts == {"lab.odd": 1}
    assert report.metric("lab.lines", of="all") == 2
    told = {each["check"]: each for each in report.checked.to_pylist()}
    assert (told["lab.even"]["version"], told["lab.even"]["format"], told["lab.even"]["size"]) == ("3", "text", 12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"also": [TableSchema("s", (Column("a"),))]}, r"not a TableSchema; SchemaCheck\(schema\) is one"),
        ({"checks": [Even]}, "not the class Even"),
        ({"also": [None]}, "not a NoneType"),
        ({"checks": "text"}, r"checks are several: \['text'\]"),
        ({"also": Even()}, "checks are several"),
        ({"thresholds": ["lab.lines"]}, "a threshold is a Threshold"),
        ({"thresholds": Threshold("lab.lines", least=1)}, "thresholds are several"),
    ],
)
def test_what_is_no_check_or_threshold_is_refused_and_never_passed_over(
    text: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidChoice, match=message):
        validate(text, **options)


def test_a_check_looks_only_at_files_of_its_formats_named_or_not_unless_the_caller_says_what_a_file_is(
    text: Path, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    table.write_bytes(b"abc\n")
    assert "lab.odd" not in validate(table, checks=[Even()]).codes
    assert "lab.odd" not in validate(table, also=[Even()]).codes
    assert "lab.odd" in validate(table, checks=[Even()], format="text").codes
    assert "lab.odd" in validate(text, checks=[Even()]).codes
    assert "lab.odd" in validate(text, also=[Even()]).codes


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), KeyError("x"), OSError(errno.EINVAL, "bad seek")])
def test_a_check_that_falls_over_is_a_finding_and_the_others_go_on(text: Path, error: Exception) -> None:
    report = validate(text, checks=[raising(error), Even()])
    assert report.codes == {"check.crashed", "lab.odd"}
    (row,) = [row for row in report.findings.to_pylist() if row["code"] == "check.crashed"]
    assert row["record"] == "lab.doing"
    assert type(error).__name__ in row["message"]
    assert "test_looking.py" in row["message"]
    assert not report.complete


def test_a_check_that_recurses_for_ever_is_a_finding(text: Path) -> None:
    def fall(subject: Subject, found: Found) -> None:
        fall(subject, found)

    assert validate(text, checks=[Doing(fall)]).codes == {"check.crashed"}


def test_what_a_user_interrupts_is_interrupted(text: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        validate(text, checks=[raising(KeyboardInterrupt())])


def test_a_library_that_is_not_there_is_a_warning_that_says_how_to_get_it(text: Path) -> None:
    report = validate(text, checks=[raising(LibraryMissing("h5py is missing; pip install 'holotype[hdf5]'"))])
    assert report.ok
    assert not report.complete
    assert report.counts == {"check.unavailable": 1}
    assert "pip install" in report.findings["message"][0].as_py()


def test_a_disk_that_cannot_be_read_on_is_told_as_that_and_not_as_a_fault_of_the_check(text: Path) -> None:
    report = validate(text, checks=[raising(OSError(errno.EIO, os.strerror(errno.EIO)))])
    assert report.codes == {"file.unreadable"}
    assert not report.ok
    assert not report.complete


def test_a_file_that_cannot_be_opened_is_a_finding(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Subject) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Subject, "open", refuse)
    report = validate(text)
    assert report.counts == {"file.unreadable": 1}
    assert "Permission denied" in report.findings["message"][0].as_py()
    assert not report.ok


def test_a_link_that_leads_nowhere_is_unreadable(tmp_path: Path) -> None:
    link = tmp_path / "a.txt"
    link.symlink_to(tmp_path / "gone")
    assert validate(link).codes == {"file.unreadable"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    assert validate(pipe).codes == {"file.unreadable"}


def test_what_is_not_there_and_what_cannot_be_looked_at_are_errors_of_the_caller(text: Path) -> None:
    with pytest.raises(SubjectNotFound):
        validate(text.with_name("b.txt"))
    with pytest.raises(SubjectNotFound):
        validate("a\0b")
    with pytest.raises(InvalidChoice, match="validate_folder"):
        validate(text.parent)
    with pytest.raises(InvalidChoice, match="no path"):
        validate(12)
    with pytest.raises(InvalidChoice, match="text"):
        validate(io.StringIO("abc"))
    closed = io.BytesIO(b"abc")
    closed.close()
    with pytest.raises(InvalidChoice, match="closed"):
        validate(closed)
    with pytest.raises(InvalidChoice, match="format"):
        validate(text, format="cuneiform")
    with pytest.raises(InvalidChoice, match="cost"):
        validate(text, cost="everything")
    with pytest.raises(CheckRefused, match="no check"):
        validate(text, checks=["lab.nobody"])


def test_a_file_object_is_looked_at_from_its_beginning_and_left_open() -> None:
    given = io.BytesIO(b"ab\nabc\n")
    given.seek(3)
    report = validate(given, name="x.txt", checks=[Even()])
    assert (report.findings["path"][0].as_py(), report.findings["line"][0].as_py()) == ("x.txt", 2)
    assert not given.closed


def test_a_file_object_that_cannot_seek_is_a_finding() -> None:
    class Pipe(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            raise io.UnsupportedOperation("seek")

    assert validate(Pipe(b"abc"), name="a.txt").codes == {"file.unreadable"}


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame, pa.table])
def test_dataframes_of_every_library_are_looked_at_by_checks_of_tables_alone(make: Callable[[Any], Any]) -> None:
    seen: list[object] = []
    # A column that is called name, or path, is no name of the table.
    report = validate(
        make({"name": ["a", "b"], "path": [1, 2]}),
        checks=[Doing(lambda subject, found: seen.append(subject.table.shape)), Even()],
    )
    assert seen == [(2, 2)]
    assert report.ok
    assert set(report.checked["path"].to_pylist()) == {"table"}


@pytest.mark.parametrize(("cost", "looked"), [("header", False), ("sample", True), ("full", True)])
def test_a_check_looks_only_where_the_caller_allows_what_it_costs(text: Path, cost: str, looked: bool) -> None:  # noqa: FBT001
    check = Doing(lambda subject, found: found.add(ODD, "looked"))
    type(check).cost = Cost.SAMPLE
    try:
        assert bool(validate(text, checks=[check], cost=cost).counts) == looked
    finally:
        type(check).cost = Cost.HEADER


def test_an_empty_file_is_wrong_where_its_format_has_something_in_every_file(tmp_path: Path) -> None:
    for name, codes in {
        "a.txt": set[str](),
        "a.fastq": set[str](),
        "a.png": {"file.empty"},
        "a.fastq.gz": {"file.empty"},
        "a.gz": {"file.empty"},
    }.items():
        (tmp_path / name).write_bytes(b"")
        assert {*validate(tmp_path / name, checks=[Even()]).codes} == codes, name


def test_a_threshold_that_is_not_met_has_the_severity_it_was_given(text: Path) -> None:
    rules = [
        Threshold("lab.lines", least=3),
        Threshold("lab.lines", most=1, of="all", severity=Severity.WARNING),
        Threshold("lab.lines", least=1, most=2),
        Threshold("lab.reads", least=1, severity=Severity.NOTE),
        Threshold("lab.reads", least=1, optional=True),
        Threshold("lab.lines", least=9, of="others", optional=True),
    ]
    report = validate(text, checks=[Even()], thresholds=rules)
    rows = [row for row in report.findings.to_pylist() if row["code"] == "metric.threshold"]
    assert [(row["severity"], row["column"], row["expected"]) for row in rows] == [
        ("error", "lab.lines", "at least 3"),
        ("warning", "lab.lines", "at most 1"),
        ("note", "lab.reads", None),
    ]


def test_a_figure_that_is_no_number_meets_no_threshold(text: Path) -> None:
    check = Doing(lambda subject, found: found.metric("lab.mean", float("nan")))
    assert not validate(text, checks=[check], thresholds=[Threshold("lab.mean", least=0)]).ok


def test_a_figure_that_nobody_could_tell_of_a_file_is_missing_from_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    report = validate(tmp_path / "a.csv", thresholds=[Threshold("fastq.q30", least=0.5)])
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["column"], row["path"]) == ("metric.threshold", "fastq.q30", str(tmp_path / "a.csv"))
    optional = Threshold("fastq.q30", least=0.5, optional=True)
    assert not validate(tmp_path / "a.csv", thresholds=[optional]).counts


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_told_as_well_as_it_can_be(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")
    try:
        with open(path, "wb") as file:
            file.write(b"abc\n")
    except OSError:
        pytest.skip("this file system takes none")
    report = validate(path, checks=[Even()])
    assert report.findings["path"][0].as_py().endswith("\\xff.txt")


def test_what_is_wrong_with_a_packing_is_told_once_however_many_checks_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"ab\n" * 9)[:-3])

    def read(subject: Subject, found: Found) -> None:
        assert b"".join(subject.blocks(found)) == b"ab\n" * 9

    class Again(Doing):
        name = "lab.again"

    report = validate(path, checks=[Doing(read), Again(read)])
    assert report.counts == {"packing.truncated": 1}


def test_what_no_check_has_read_to_its_end_is_unpacked_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(os.urandom(3 << 20))[:-3])

    def read_little(subject: Subject, found: Found) -> None:
        next(iter(subject.blocks(found)))

    report = validate(path, checks=[Doing(read_little), "packed"])
    assert report.counts == {"packing.truncated": 1}
    assert report.checked["check"].to_pylist() == ["file", "lab.doing", "packed"]
    assert report.metric("packed.unpacked") == 3 << 20


def test_what_a_check_has_read_to_its_end_is_not_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"ab\n"))
    assert validate(path, checks=[Even(), "packed"]).checked["check"].to_pylist() == ["file", "lab.even"]
