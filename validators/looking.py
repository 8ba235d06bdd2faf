"""Looking at one thing by every check that is for it, and what is told of it.

A check that falls over is a finding, ``check.crashed``, and the others go on: a report is never lost.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections import Counter
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from .check import Cost
from .errors import LibraryMissing
from .findings import Code, Severity
from .formats.known import FORMATS
from .found import Found
from .metrics import BROKEN, MORE
from .report import Report
from .streams.codes import STREAM_CODES
from .tabled import CHECKED, FINDINGS, METRICS
from .walking import LINK, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .check import Check, GroupCheck
    from .findings import Finding
    from .limits import Limits
    from .metrics import Threshold
    from .subjects import Subject

__all__ = [
    "CRASHED",
    "FRAME",
    "FRAME_CODES",
    "UNAVAILABLE",
    "fits_file",
    "frame_version",
    "look_at",
    "look_together",
    "only_the_frame",
    "unheld",
]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute

EMPTY = Code("file.empty", Severity.ERROR, "A file of this format has something in it.")
NAMED_OTHERWISE = Code("file.extension", Severity.WARNING, "A file's name says what its content is.")
UNKNOWN = Code("file.unknown", Severity.NOTE, "The format of a file is known.")
CRASHED = Code("check.crashed", Severity.ERROR, "A check comes to an end; what makes it fall over is not sound.")
UNAVAILABLE = Code("check.unavailable", Severity.WARNING, "What a check needs is installed.")

FRAME_CODES = (UNREADABLE, EMPTY, NAMED_OTHERWISE, UNKNOWN, CRASHED, UNAVAILABLE, LINK, BROKEN)
"""The rules that are applied to whatever is looked at."""

FRAME = "file"
"""What the frame is called in reports: what it tells is of every file."""
_STREAM = {code.name for code in STREAM_CODES}
# What the system says when it cannot read, rather than a library when it does not understand.
_CANNOT_READ = frozenset({errno.EIO, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESTALE, errno.ETIMEDOUT})


def look_at(subject: Subject, checks: Sequence[Check], thresholds: Sequence[Threshold]) -> Report:
    """One subject, by those of ``checks`` that are for it."""
    frame = Found(FRAME, FRAME_CODES, limits=subject.limits)
    began = time.perf_counter()
    version = frame_version(thresholds)
    parts = [(FRAME, version, frame, began)]
    looked: list[Check] = []
    if _can_be_read(subject, frame):
        fitting = [each for each in checks if _fits(each, subject) and each.suits(subject.name)]
        for check in sorted(fitting, key=lambda each: each.last):
            if check.last and subject.read_through:
                continue
            started = time.perf_counter()
            found = Found(check.name, (*check.codes, *STREAM_CODES), limits=subject.limits)
            _guarded(lambda check=check, found=found: check.look(subject, found), check.name, found, frame)  # type: ignore[misc]
            parts.append((check.name, check.edition, found, time.perf_counter() - started))
            looked.append(check)
    _hold(frame, [found for _, _, found, _ in parts], thresholds, looked)
    parts[0] = (FRAME, version, frame, time.perf_counter() - began)
    return _report(subject.name, parts, subject)


def frame_version(thresholds: Sequence[Threshold]) -> str:
    """What a report says is the version of the frame: it is another with other thresholds, which are its to hold."""
    if not thresholds:
        return "1"
    told = "\n".join(sorted(map(repr, thresholds)))
    return f"1+{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _can_be_read(subject: Subject, frame: Found) -> bool:
    """Tell what the file itself is; whether there is anything for checks to look at."""
    try:
        found = subject.identified
        empty = subject.size == 0
    except OSError as error:
        frame.partly()
        frame.add(UNREADABLE, f"it cannot be read: {error.strerror or error}")
        return False
    if not found.agrees:
        frame.add(
            NAMED_OTHERWISE, f"its name says {found.claimed}, its content {found.format}", seen=found.format,
            expected=found.claimed,
        )  # fmt: skip
    if found.format is None:
        frame.add(UNKNOWN, "neither its content nor its name tell what it is", seen=subject.head[:16].hex(" "))
    elif empty and (found.packing is not None or not FORMATS[found.format].empty):
        frame.add(EMPTY, f"a file of the format {found.packing or found.format} cannot be empty")
        return False
    return True


def _fits(check: Check, subject: Subject) -> bool:
    if subject.table is not None:
        return check.tables and check.cost.rank <= subject.cost.rank
    if check.last and check.cost.rank <= subject.cost.rank:
        return subject.format in check.formats or subject.packing in check.formats
    return check.cost.rank <= subject.cost.rank and fits_file(check, subject.format)


def fits_file(check: Check, format: str | None) -> bool:
    """Whether a check is for files of a format."""
    return not check.formats or (format or "unknown") in check.formats


def _guarded(look: Callable[[], object], name: str, found: Found, frame: Found) -> None:
    """Let a check look; whatever it raises is a finding."""
    try:
        look()
    except LibraryMissing as error:
        found.partly()
        frame.add(UNAVAILABLE, f"the check {name} could not look: {error}", record=name)
    except OSError as error:
        found.partly()
        if error.errno in _CANNOT_READ:
            frame.add(UNREADABLE, f"the check {name} could not read on: {error.strerror or error}", record=name)
        else:
            _crashed(error, name, frame)
    except Exception as error:  # noqa: BLE001 - a check that falls over is a finding, and no report is lost
        found.partly()
        _crashed(error, name, frame)


def _crashed(error: Exception, name: str, frame: Found) -> None:
    where = _where(error)
    frame.add(CRASHED, f"the check {name} fell over at {where}: {type(error).__name__}: {error}", record=name)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _hold(frame: Found, parts: Sequence[Found], thresholds: Sequence[Threshold], looked: Sequence[Check]) -> None:
    """Hold figures against what they have to be.  One that is not there is told of where a check looked that could have
    told it: a table beside reads has none of their figures.
    """
    for rule in thresholds:
        code = rule.code
        figures = [
            metric
            for part in parts
            for metric in part.metrics
            if metric.name == rule.metric and rule.of in (None, metric.of)
        ]
        if not figures and not rule.optional and any(each.tells(rule.metric) for each in looked):
            frame.add(code, f"there is no figure {rule.metric}", column=rule.metric, record=rule.of)
        for metric in figures:
            expected = rule.broken(metric.value)
            if expected is not None:
                of = f" of {metric.of}" if metric.of else ""
                frame.add(
                    code, f"{metric.name}{of} is {metric.value:g}", column=metric.name, record=metric.of or None,
                    seen=f"{metric.value:g}", expected=expected,
                )  # fmt: skip


def unheld(report: Report, thresholds: Sequence[Threshold]) -> list[Threshold]:
    """The thresholds that were held against nothing in a report: no figure, and none that is told to be missing."""
    wanted = [rule for rule in thresholds if not rule.optional]
    if not wanted:
        return []
    figures = set(_pairs(report.metrics.select(["name", "of"])))
    broken = report.findings.filter(pc.equal(report.findings["code"], BROKEN.name))
    told = {*_pairs(broken.select(["column", "record"]))}
    names = {name for name, _ in figures}
    return [
        rule
        for rule in wanted
        if not (rule.metric in names if rule.of is None else (rule.metric, rule.of) in figures)
        and (rule.metric, rule.of) not in told
    ]


def _pairs(columns: pa.Table) -> Iterable[tuple[str, str | None]]:
    """The rows of two columns, each once."""
    rows = columns.group_by(columns.column_names).aggregate([])
    return zip(*(rows[name].to_pylist() for name in columns.column_names), strict=True)


def look_together(subjects: Sequence[Subject], check: GroupCheck, name: str, limits: Limits) -> Report:
    began = time.perf_counter()
    frame = Found(FRAME, FRAME_CODES, limits=limits)
    found = Found(check.name, (*check.codes, *STREAM_CODES), limits=limits)
    _guarded(lambda: check.look(subjects, found), check.name, found, frame)
    taken = time.perf_counter() - began
    return _report(name, [(FRAME, "1", frame, 0.0), (check.name, check.version, found, taken)], None)


def only_the_frame(
    name: str,
    told: Sequence[tuple[Code, str, str | None]],
    *,
    limits: Limits,
    subject: Subject | None = None,
    complete: bool = True,
    column: str | None = None,
) -> Report:
    """A report of what no check has found: rules, why each is broken, and the record it speaks of; ``column``: of all
    of them.
    """
    frame = Found(FRAME, FRAME_CODES, limits=limits)
    frame.complete = complete
    for code, why, record in told:
        frame.add(code, why, column=column, record=record)
    return _report(name, [(FRAME, "1", frame, 0.0)], subject)


def _report(name: str, parts: Sequence[tuple[str, str, Found, float]], subject: Subject | None) -> Report:
    name = os.fsencode(name).decode("utf-8", "backslashreplace")  # a file's name may be no text, and Arrow's is
    findings: list[dict[str, object]] = []
    counts: Counter[str] = Counter()
    more: Counter[str] = Counter()
    told: set[str] = set()
    for _, _, found, _ in parts:
        # What is wrong with a file's packing every check meets that reads it: it is told once.
        mine = {code.name for code in found.counts}
        left_out = mine & told & _STREAM
        told |= mine
        findings += [_row(name, each) for each in found.findings if each.code.name not in left_out]
        kept = Counter(each.code.name for each in found.findings)
        for code, count in found.counts.items():
            if code.name not in left_out:
                counts[code.name] += count
                more[code.name] += count - kept[code.name]
    metrics = [
        {"path": name, "name": metric.name, "of": metric.of, "value": metric.value, "unit": metric.unit}
        for _, _, found, _ in parts
        for metric in found.metrics
    ]
    metrics += [
        {"path": name, "name": MORE, "of": code, "value": float(count), "unit": "1"}
        for code, count in more.items()
        if count
    ]
    checked = [_checked(name, part, subject) for part in parts]
    return Report(
        pa.Table.from_pylist(findings, schema=FINDINGS),
        pa.Table.from_pylist(metrics, schema=METRICS),
        pa.Table.from_pylist(checked, schema=CHECKED),
        MappingProxyType({code: count for code, count in counts.items() if count}),
    )


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
