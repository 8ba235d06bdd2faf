"""Every file of a folder is looked at, by as many workers as there are, and one report says it all."""

from __future__ import annotations

import errno
import gzip
import multiprocessing
import os
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import (
    Check,
    Code,
    Found,
    GroupCheck,
    InvalidChoice,
    Looked,
    Severity,
    Subject,
    SubjectNotFound,
    Threshold,
    validate_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PAIR = Code("lab.pair", Severity.ERROR, "Mates have the same number of lines.")


class Paired(GroupCheck):
    """Mates are of one length."""

    name, codes = "lab.paired", (PAIR,)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        sizes = {subject.name: len(b"".join(subject.blocks(found))) for subject in subjects}
        for name, size in sizes.items():
            mate = name.replace("_1.", "_2.")
            if mate != name and sizes.get(mate, size) != size:
                found.add(PAIR, "of another length", member=mate, seen=sizes[mate], expected=size)


class Gone(Check):
    """Takes the file away under the next."""

    name = "lab.gone"

    def look(self, subject: Subject, found: Found) -> None:
        assert subject.path is not None
        for each in subject.path.parent.glob("*.txt"):
            each.unlink(missing_ok=True)


class Dying(Executor):
    """Its workers die at once."""

    def __init__(self, after: int) -> None:
        self._left = after

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._left -= 1
        future: Future[Any] = Future()
        if self._left >= 0:
            future.set_result(fn(*args, **kwargs))
        elif self._left == -1:
            future.set_exception(BrokenProcessPool("a process was killed"))
        else:
            raise BrokenProcessPool("the pool is broken")
        return future


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "run"
    for name, data in {
        "a.bin.gz": gzip.compress(b"abc"),
        "deep/er/b.bin.gz": gzip.compress(b"abc")[:-2],
        "deep/c.txt": b"abc\n",
        "odd/d": b"\x01",
        "odd/e.bin.gz": gzip.compress(b"abc" * 100)[:-20],
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    return top


EXPECTED = {
    "a.bin.gz": set[str](),
    "deep/c.txt": set[str](),
    "deep/er/b.bin.gz": {"packing.truncated"},
    "odd/d": {"file.unknown"},
    "odd/e.bin.gz": {"packing.truncated"},
}


def told(report: Any) -> dict[str, set[str]]:
    # What looks at files together is told of the folder, by its own path.
    paths = [path for path in report.checked["path"].to_pylist() if not os.path.isabs(path)]
    found: dict[str, set[str]] = {path: set() for path in paths}
    for row in report.findings.to_pylist():
        if not row["code"].startswith("opaque."):
            found[row["path"]].add(row["code"])
    return found


def test_every_file_is_looked_at_by_its_path_below_the_folder(folder: Path) -> None:
    report = validate_folder(folder)
    assert told(report) == EXPECTED
    assert list(told(report)) == sorted(EXPECTED)
    assert report.of("deep/c.txt").ok
    assert not report.ok


def test_threads_and_processes_find_the_same(folder: Path) -> None:
    plain = validate_folder(folder)
    with ThreadPoolExecutor(3) as threads:
        assert validate_folder(folder, executor=threads).findings.equals(plain.findings)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert validate_folder(folder, executor=processes).findings.equals(plain.findings)


def test_more_files_than_an_executor_is_given_at_a_time_come_in_order(tmp_path: Path) -> None:
    for number in range(700):
        (tmp_path / f"{number:04}.txt").write_bytes(b"abc\n")
    with ThreadPoolExecutor(4) as threads:
        report = validate_folder(tmp_path, executor=threads)
    assert list(told(report)) == [f"{number:04}.txt" for number in range(700)]


def test_progress_says_how_many_files_and_bytes_of_how_many_are_done(folder: Path) -> None:
    seen: list[Looked] = []
    validate_folder(folder, progress=seen.append)
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert [each.path for each in seen] == sorted(EXPECTED)
    assert [each.files for each in seen] == [1, 2, 3, 4, 5]
    assert {(each.total_files, each.total_bytes) for each in seen} == {(5, total)}
    assert seen[-1].bytes == total


def test_patterns_choose_files_by_their_paths(folder: Path) -> None:
    assert set(told(validate_folder(folder, patterns=["deep/*"]))) == {"deep/c.txt", "deep/er/b.bin.gz"}
    assert set(told(validate_folder(folder, patterns=["*.txt", "odd/d"]))) == {"deep/c.txt", "odd/d"}
    assert told(validate_folder(folder, patterns=["*.bam"])) == {}
    with pytest.raises(InvalidChoice, match="several"):
        validate_folder(folder, patterns="*.txt")


def test_what_belongs_together_is_looked_at_together(tmp_path: Path) -> None:
    for name, text in {"r_1.txt": "ab\n", "r_2.txt": "abc\n", "s_1.txt": "ab\n", "s_2.txt": "ab\n"}.items():
        (tmp_path / name).write_text(text)
    report = validate_folder(tmp_path, checks=[Paired()])
    (row,) = report.findings.to_pylist()
    assert (row["path"], row["code"], row["member"]) == (str(tmp_path), "lab.pair", "r_2.txt")


def test_links_are_noted_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("abc\n")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "lost.txt").symlink_to(tmp_path / "gone.txt")
    (folder / "loop").symlink_to(folder)
    report = validate_folder(folder)
    links = {name: {"file.link"} for name in ("link.txt", "lost.txt", "loop")}
    assert told(report) == EXPECTED | links
    assert report.counts["file.link"] == 3


def test_a_folder_that_cannot_be_read_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if os.fspath(path).endswith("deep"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = validate_folder(folder)
    assert told(report)["deep"] == {"file.unreadable"}
    assert not report.ok


def test_a_file_that_goes_while_others_are_looked_at_is_a_finding(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("abc\n")
    assert told(validate_folder(tmp_path, checks=[Gone()])) == {"a.txt": set(), "b.txt": {"file.unreadable"}}


def test_when_workers_die_the_report_says_what_was_not_looked_at(folder: Path) -> None:
    report = validate_folder(folder, executor=Dying(2))
    assert told(report) == {
        name: codes if number < 2 else {"check.crashed"} for number, (name, codes) in enumerate(EXPECTED.items())
    }
    assert not report.ok
    assert not report.complete


def test_a_folder_that_is_not_there_is_an_error_of_the_caller(folder: Path) -> None:
    for path in (folder / "gone", folder / "a.bin.gz"):
        with pytest.raises(SubjectNotFound):
            validate_folder(path)


def test_an_empty_folder_has_nothing_wrong(tmp_path: Path) -> None:
    assert validate_folder(tmp_path).ok


def test_a_group_check_that_falls_over_is_a_finding(folder: Path) -> None:
    class Falls(GroupCheck):
        name = "lab.falls"

        def look(self, subjects: Sequence[Subject], found: Found) -> None:
            raise ValueError("no")

    assert validate_folder(folder, checks=[Falls()]).counts["check.crashed"] == 1


def test_thresholds_are_for_files_that_could_have_the_figure(tmp_path: Path) -> None:
    (tmp_path / "good.fastq").write_text("@r\nACGT\n+\nIIII\n")
    (tmp_path / "bad.fastq").write_text("@r\nACGT\n+\n####\n")
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "README.md").write_text("# About\n")
    report = validate_folder(tmp_path, thresholds=[Threshold("fastq.q30", least=0.5)])
    assert [row["path"] for row in report.findings.to_pylist() if row["code"] == "metric.threshold"] == ["bad.fastq"]


def test_reads_without_a_figure_that_others_have_break_its_threshold(tmp_path: Path) -> None:
    (tmp_path / "good.fastq").write_text("@r\nACGT\n+\nIIII\n")
    (tmp_path / "none.fastq").write_text("")
    report = validate_folder(tmp_path, thresholds=[Threshold("fastq.q30", least=0.5)])
    assert [row["path"] for row in report.findings.to_pylist()] == ["none.fastq"]


def test_a_figure_that_no_file_of_a_folder_has_is_told_once_on_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "README.md").write_text("# About\n")
    rules = [Threshold("fastq.q30", least=0.5), Threshold("fasta.gc", least=0.5, optional=True)]
    report = validate_folder(tmp_path, thresholds=rules)
    (row,) = report.findings.to_pylist()
    assert (row["path"], row["code"], row["column"]) == (str(tmp_path), "metric.threshold", "fastq.q30")
    assert not report.ok
