"""Validating: one thing, or all files of a folder, looked at by every check that is for it.

A check that falls over is a finding, ``check.crashed``, and the others go on: a report is never lost.
"""

from __future__ import annotations

import fnmatch
import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .check import Check, Cost, GroupCheck
from .errors import LibraryMissing, SubjectNotFound
from .findings import FINDINGS, Code, Severity
from .formats.known import FORMATS
from .found import Found
from .limits import Limits
from .metrics import METRICS, Threshold
from .registry import REGISTRY
from .report import CHECKED, Report
from .streams.codes import STREAM_CODES
from .subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from .findings import Finding

__all__ = ["FRAME_CODES", "Examination", "Looked", "validate", "validate_folder"]

UNREADABLE = Code("file.unreadable", Severity.ERROR, "A file can be read.")
EMPTY = Code("file.empty", Severity.ERROR, "A file of this format has something in it.")
NAMED_OTHERWISE = Code("file.extension", Severity.WARNING, "A file's name says what its content is.")
UNKNOWN = Code("file.unknown", Severity.NOTE, "The format of a file is known.")
CRASHED = Code("check.crashed", Severity.ERROR, "A check comes to an end; what makes it fall over is not sound.")
UNAVAILABLE = Code("check.unavailable", Severity.WARNING, "What a check needs is installed.")
THRESHOLD = tuple(Code("metric.threshold", each, "A figure is what was declared.") for each in Severity)

FRAME_CODES = (UNREADABLE, EMPTY, NAMED_OTHERWISE, UNKNOWN, CRASHED, UNAVAILABLE, THRESHOLD[-1])
"""The rules that are applied to whatever is looked at."""

_FRAME = "file"
_STREAM = {code.name for code in STREAM_CODES}


@dataclass(frozen=True)
class Looked:
    """How far a folder has been looked at: files and bytes done, of how many, and the last one."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    path: str


class Examination:
    """Looks at one thing after another, and makes one report of all; for those who come upon files one by one.

    The options are those of ``validate``.  It belongs to one thread.
    """

    def __init__(
        self,
        *,
        checks: Iterable[Check | GroupCheck | str] | None = None,
        also: Iterable[Check | GroupCheck | str] = (),
        cost: Cost | str = Cost.FULL,
        thresholds: Iterable[Threshold] = (),
        limits: Limits | None = None,
    ) -> None:
        every = (*(REGISTRY.every() if checks is None else map(_check, checks)), *map(_check, also))
        alone = tuple(each for each in every if isinstance(each, Check))
        self.limits, self.cost = limits or Limits(), Cost(cost)
        self._together = [each for each in every if isinstance(each, GroupCheck)]
        self._job = _Job(alone, tuple(thresholds), all_formats=checks is not None)
        self._outcomes: list[_Outcome] = []

    def subject(self, what: Any, *, name: str | None = None, format: str | None = None) -> Subject:
        """Something to look at, with the limits of this examination.  Raises ``SubjectNotFound``, ``InvalidChoice``."""
        return Subject(what, name=name, format=format, cost=self.cost, limits=self.limits)

    def look(self, subject: Subject) -> bool:
        """Look at one thing; whether nothing is wrong with it."""
        return self._take(self._job(subject))

    def look_at_all(self, subjects: Iterable[Subject], executor: Executor | None = None) -> Iterator[bool]:
        """Look at many, by an executor's workers if there are any; whether each is sound, in order."""
        outcomes = map(self._job, subjects) if executor is None else executor.map(self._job, subjects)
        return map(self._take, outcomes)

    def _take(self, outcome: _Outcome) -> bool:
        """Keep what was found elsewhere by the same means."""
        self._outcomes.append(outcome)
        return all(row["severity"] != Severity.ERROR for row in outcome.findings)

    def look_together(self, subjects: Sequence[Subject], *, name: str) -> None:
        """Look at what belongs together: pairs, indexes, references.  ``name``: what the report calls all of them."""
        if subjects:
            self._outcomes += [_look_together(subjects, each, name, self.limits) for each in self._together]

    def report(self) -> Report:
        """All that was found."""
        counts: Counter[str] = Counter()
        for outcome in self._outcomes:
            counts.update(outcome.counts)
        rows = {
            name: [row for outcome in self._outcomes for row in getattr(outcome, name)]
            for name in ("findings", "metrics", "checked")
        }
        return Report(
            pa.Table.from_pylist(rows["findings"], schema=FINDINGS),
            pa.Table.from_pylist(rows["metrics"], schema=METRICS),
            pa.Table.from_pylist(rows["checked"], schema=CHECKED),
            MappingProxyType({code: count for code, count in counts.items() if count}),
        )


def validate(
    what: Any,
    *,
    checks: Iterable[Check | GroupCheck | str] | None = None,
    also: Iterable[Check | GroupCheck | str] = (),
    format: str | None = None,
    cost: Cost | str = Cost.FULL,
    name: str | None = None,
    thresholds: Iterable[Threshold] = (),
    limits: Limits | None = None,
) -> Report:
    """Look at a file (a path, or a binary file object that can seek), a folder that is one thing (a Zarr group), or a
    dataframe of polars, pandas or pyarrow.

    ``checks``: these and no others, by default all that are for its format; ``also``: these too.  ``format``: what it
    is, where the caller knows better than its content.  ``cost``: how much to look at: ``header``, ``sample``, or
    ``full``.  ``name``: what the report calls it.  ``thresholds``: what figures have to be.

    What is wrong with it is in the report, unreadable files included.  Raises ``SubjectNotFound``, ``InvalidChoice``,
    or ``CheckRefused`` for a check that there is not.
    """
    looking = Examination(checks=checks, also=also, cost=cost, thresholds=thresholds, limits=limits)
    looking.look(looking.subject(what, name=name, format=format))
    return looking.report()


def validate_folder(
    folder: str | os.PathLike[str],
    *,
    patterns: Iterable[str] = ("*",),
    checks: Iterable[Check | GroupCheck | str] | None = None,
    also: Iterable[Check | GroupCheck | str] = (),
    cost: Cost | str = Cost.FULL,
    thresholds: Iterable[Threshold] = (),
    limits: Limits | None = None,
    executor: Executor | None = None,
    progress: Callable[[Looked], object] | None = None,
) -> Report:
    """Look at every file below a folder whose path below it one of ``patterns`` matches, and at what belongs together:
    pairs, indexes, references.  The report calls each file by its path below the folder, with slashes.

    ``executor``: looks at several at once.  Links are not followed.  Otherwise as ``validate``.
    """
    top = os.fspath(folder)
    if not os.path.isdir(top):
        raise SubjectNotFound(f"there is no folder {top}", path=top)
    wanted = tuple(patterns)
    names = [name for name in _names(top) if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)]
    looking = Examination(checks=checks, also=also, cost=cost, thresholds=thresholds, limits=limits)
    subjects = [looking.subject(os.path.join(top, name), name=name) for name in names]
    sizes = [subject.size or 0 for subject in subjects]
    done = 0
    for number, _ in enumerate(looking.look_at_all(subjects, executor)):
        done += sizes[number]
        if progress is not None:
            progress(Looked(number + 1, done, len(names), sum(sizes), names[number]))
    looking.look_together(subjects, name=top)
    return looking.report()


@dataclass(frozen=True)
class _Outcome:
    """What was found in one thing: rows of the report's tables, and how many there are in truth."""

    findings: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    checked: list[dict[str, Any]]
    counts: dict[str, int]


@dataclass(frozen=True)
class _Job:
    """What to do with each; an executor may send it to another process."""

    checks: tuple[Check, ...]
    thresholds: tuple[Threshold, ...]
    all_formats: bool

    def __call__(self, subject: Subject) -> _Outcome:
        return _look(subject, self.checks, self.thresholds, all_formats=self.all_formats)


def _check(given: Check | GroupCheck | str) -> Check | GroupCheck:
    return REGISTRY.named(given) if isinstance(given, str) else given


def _names(top: str) -> list[str]:
    """The files below a folder, and folders that are one thing, as paths with slashes, in order."""
    found: list[str] = []
    for place, folders, files in os.walk(top):
        below = os.path.relpath(place, top)
        prefix = "" if below == os.curdir else below.replace(os.sep, "/") + "/"
        whole = [name for name in folders if name.lower().endswith(".zarr")]
        folders[:] = sorted(set(folders).difference(whole))
        found += [prefix + name for name in (*files, *whole)]
    return sorted(found)


def _look(
    subject: Subject, checks: Sequence[Check], thresholds: Sequence[Threshold], *, all_formats: bool = False
) -> _Outcome:
    """One subject, by those of ``checks`` that are for it; by all of them with ``all_formats``."""
    frame = Found(_FRAME, (*FRAME_CODES, *THRESHOLD), limits=subject.limits)
    began = time.perf_counter()
    parts = [(_FRAME, "1", frame, began)]
    if _can_be_read(subject, frame):
        fitting = [each for each in checks if _fits(each, subject, all_formats=all_formats)]
        for check in fitting:
            started = time.perf_counter()
            found = Found(check.name, (*check.codes, *STREAM_CODES), limits=subject.limits)
            _guarded(lambda check=check, found=found: check.look(subject, found), check.name, found, frame)  # type: ignore[misc]
            parts.append((check.name, check.version, found, time.perf_counter() - started))
    _hold(frame, [found for _, _, found, _ in parts], thresholds)
    parts[0] = (_FRAME, "1", frame, time.perf_counter() - began)
    return _outcome(subject.name, parts, subject)


def _can_be_read(subject: Subject, frame: Found) -> bool:
    """Tell what the file itself is; whether there is anything for checks to look at."""
    try:
        found = subject.identified
        empty = subject.size == 0
    except OSError as error:
        frame.add(UNREADABLE, f"it cannot be read: {error.strerror or error}")
        return False
    if not found.agrees:
        frame.add(
            NAMED_OTHERWISE, f"its name says {found.claimed}, its content {found.format}", seen=found.format,
            expected=found.claimed,
        )  # fmt: skip
    if found.format is None:
        frame.add(UNKNOWN, "neither its content nor its name tell what it is", seen=subject.head[:16].hex(" "))
    elif empty and not FORMATS[found.format].empty:
        frame.add(EMPTY, f"a file of the format {found.format} cannot be empty")
        return False
    return True


def _fits(check: Check, subject: Subject, *, all_formats: bool) -> bool:
    if check.cost.rank > subject.cost.rank:
        return False
    if subject.table is not None:
        return check.tables
    return (all_formats and not check.formats) or not check.formats or subject.format in check.formats


def _guarded(look: Callable[[], object], name: str, found: Found, frame: Found) -> None:
    """Let a check look; whatever it raises is a finding."""
    try:
        look()
    except LibraryMissing as error:
        found.partly()
        frame.add(UNAVAILABLE, f"the check {name} could not look: {error}", record=name)
    except Exception as error:  # noqa: BLE001 - a check that falls over is a finding, and no report is lost
        found.partly()
        where = _where(error)
        frame.add(CRASHED, f"the check {name} fell over at {where}: {type(error).__name__}: {error}", record=name)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _hold(frame: Found, parts: Sequence[Found], thresholds: Sequence[Threshold]) -> None:
    """Hold figures against what they have to be."""
    for rule in thresholds:
        code = THRESHOLD[rule.severity.rank]
        figures = [
            metric
            for part in parts
            for metric in part.metrics
            if metric.name == rule.metric and rule.of in (None, metric.of)
        ]
        if not figures and not rule.optional:
            frame.add(code, f"there is no figure {rule.metric}", column=rule.metric, record=rule.of)
        for metric in figures:
            expected = rule.broken(metric.value)
            if expected is not None:
                of = f" of {metric.of}" if metric.of else ""
                frame.add(
                    code, f"{metric.name}{of} is {metric.value:g}", column=metric.name, record=metric.of or None,
                    seen=f"{metric.value:g}", expected=expected,
                )  # fmt: skip


def _look_together(subjects: Sequence[Subject], check: GroupCheck, name: str, limits: Limits) -> _Outcome:
    began = time.perf_counter()
    frame = Found(_FRAME, FRAME_CODES, limits=limits)
    found = Found(check.name, (*check.codes, *STREAM_CODES), limits=limits)
    _guarded(lambda: check.look(subjects, found), check.name, found, frame)
    taken = time.perf_counter() - began
    return _outcome(name, [(_FRAME, "1", frame, 0.0), (check.name, check.version, found, taken)], None)


def _outcome(name: str, parts: Sequence[tuple[str, str, Found, float]], subject: Subject | None) -> _Outcome:
    findings: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    told: set[str] = set()
    for _, _, found, _ in parts:
        # What is wrong with a file's packing every check meets that reads it: it is told once.
        mine = {code.name for code in found.counts}
        left_out = mine & told & _STREAM
        told |= mine
        findings += [_row(name, each) for each in found.findings if each.code.name not in left_out]
        for code, count in found.counts.items():
            counts[code.name] += 0 if code.name in left_out else count
    metrics: list[dict[str, Any]] = [
        {"path": name, "name": metric.name, "of": metric.of, "value": metric.value, "unit": metric.unit}
        for _, _, found, _ in parts
        for metric in found.metrics
    ]
    return _Outcome(findings, metrics, [_checked(name, part, subject) for part in parts], dict(counts))


def _row(name: str, finding: Finding) -> dict[str, object]:
    place = finding.place
    return {
        "path": name,
        "check": finding.check,
        "code": finding.code.name,
        "severity": finding.code.severity.value,
        "member": place.member,
        "offset": place.offset,
        "line": place.line,
        "row": place.row,
        "column": place.column,
        "record": place.record,
        "message": finding.message,
        "seen": finding.seen,
        "expected": finding.expected,
    }


def _checked(name: str, part: tuple[str, str, Found, float], subject: Subject | None) -> dict[str, object]:
    check, version, found, seconds = part
    about: dict[str, object] = {"format": None, "packing": None, "grade": None, "size": None, "cost": Cost.FULL.value}
    if subject is not None:
        about["cost"] = subject.cost.value
        with suppress(OSError):  # it is told as a finding
            about |= {"format": subject.format, "packing": subject.packing, "size": subject.size}
            known = FORMATS.get(subject.packing or subject.format or "")
            about["grade"] = None if known is None else known.grade.value
    return {"path": name, "check": check, "version": version, "complete": found.complete, "seconds": seconds, **about}
