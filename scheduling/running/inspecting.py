"""After an attempt: whether it ended well, its inputs are what they were, and its outputs are there and sound."""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from holotype.validators import Check, Code, Examination, Severity

from ..checking.contents import kinds_of
from ..declaring.policies import Failure
from ..declaring.ports import with_beside
from .attempts import clear_away
from .durable import settle, settle_folder
from .happened import Happened, seen_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from holotype.validators import Found, Report, Subject

    from ..declaring.ports import Output
    from ..declaring.resources import Needs
    from ..places.place import Ended, Lost
    from ..tasks.commands import Way
    from .digests import Digests, Seen

__all__ = ["Inspected", "inspect_attempt"]

# The rule of figures that are beyond their thresholds.
_THRESHOLD = "metric.threshold"
# Of what it wrote to its standard error, the last bytes, in which rules look for what they know.
_SAID = 1 << 16
# Names that are told where one was looked for.
_SHOWN = 10
# Bytes that have to be free where it worked: with less there is no room, though it may have had none to say so.
_ROOM = 1 << 16

_FORMAT = Code(
    "task.format", Severity.ERROR, "An output is of the format that its stage says.", "what the stage declares"
)


@dataclass(frozen=True)
class Inspected:
    """``happened``: what went wrong, ``None`` if nothing did.  ``outputs``: by their names, paths within the folder.
    ``seen``: of each of them.  ``report``: what was found in them.  Seconds: ``inspecting`` it all, and ``recording``
    what was made.
    """

    happened: Happened | None
    outputs: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, Seen]
    report: Report | None = None
    inspecting: float = 0.0
    recording: float = 0.0


def inspect_attempt(ended: Ended | Lost, *, scratch: Path, **given: Any) -> Inspected:
    """Look at an attempt that is over, and take away its ``scratch`` folder.  ``given``: as ``_inspected`` takes it."""
    began = time.perf_counter()
    try:
        found = _inspected(ended, **given)
    except OSError as error:
        found = Inspected(Happened(Failure.INVALID, f"what it made cannot be looked at: {error}"), {}, {})
    if found.happened is not None:
        found = replace(found, happened=replace(found.happened, said=_end_of(given["errors"])))
    clear_away(scratch)
    return replace(found, inspecting=time.perf_counter() - began - found.recording)


def _inspected(
    ended: Ended | Lost,
    *,
    way: Way,
    needs: Needs,
    folder: Path,
    errors: Path,
    patterns: Mapping[str, str],
    inputs: Iterable[Seen],
    digests: Digests,
) -> Inspected:
    """What became of it.

    ``folder``: where it worked.  ``errors``: what it wrote to its standard error.  ``patterns``: of its outputs.
    ``inputs``: as they were when it began.  What is an output can only be read from now on.
    """
    full = shutil.disk_usage(folder.parent).free < _ROOM
    happened = seen_of(ended, _end_of(errors), needs, full=full) or _changed(inputs, digests)
    if happened is not None:
        return Inspected(happened, {}, {})
    try:
        outputs = {name: tuple(_found(folder, patterns[name], output)) for name, output in way.stage.outputs.items()}
    except _Wrong as wrong:
        return Inspected(wrong.happened, {}, {})
    every = [path for name, paths in outputs.items() for path in with_beside(paths, way.stage.outputs[name])]
    for path in every:
        settle(folder / path)
        _protect(folder / path)
    for each in {(folder / path).parent for path in every}:
        settle_folder(each)
    report = _looked_at(way, folder, outputs)
    began = time.perf_counter()
    seen = {path: digests.of(str(folder / path)) for path in every}
    took = time.perf_counter() - began
    there = {name: each for name, each in outputs.items() if each}
    return Inspected(_unsound(report), there, seen, report, recording=took)


class _Wrong(Exception):
    def __init__(self, failure: Failure, message: str) -> None:
        self.happened = Happened(failure, message)
        super().__init__(message)


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _SAID))
            return file.read(_SAID).decode("utf-8", "replace")
    except OSError:
        return ""


def _changed(inputs: Iterable[Seen], digests: Digests) -> Happened | None:
    for each in inputs:
        try:
            if digests.unchanged(each):
                continue
            what = f"{each.path} is not what it was when it began"
        except OSError as error:
            what = f"{each.path} cannot be read any more: {error.strerror}"
        return Happened(Failure.INPUT, what)
    return None


def _found(folder: Path, pattern: str, output: Output) -> Iterator[str]:
    """The files of an output, within the folder, in the order of their names."""
    if not output.pattern:
        names = [pattern] if os.path.lexists(folder / pattern) else []
    else:
        names = _fitting(folder, pattern)
    if not names and not output.optional:
        raise _Wrong(Failure.MISSING, f"there is no {pattern}{_instead(folder, pattern)}")
    if len(names) > 1 and not output.many:
        raise _Wrong(Failure.INVALID, f"{pattern} is one file, and there are {len(names)}: {_listed(names)}")
    for name in names:
        for each in with_beside((name,), output):
            _check_file(folder, each)
        yield name


def _fitting(folder: Path, pattern: str) -> list[str]:
    """The files that a pattern stands for, in which ``*`` and ``?`` mean something, and a bracket does not."""
    where, _, last = pattern.rpartition("/")
    there = os.listdir(folder / where) if (folder / where).is_dir() else []
    fits = last.replace("[", "[[]")
    return sorted(f"{where}/{name}" if where else name for name in there if fnmatchcase(name, fits))


def _instead(folder: Path, pattern: str) -> str:
    """What is there, for who wonders why nothing fits."""
    names = _fitting(folder, f"{pattern.rpartition('/')[0]}/*".lstrip("/"))
    return f", only {_listed(names)}" if names else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _check_file(folder: Path, name: str) -> None:
    try:
        mode = os.lstat(folder / name).st_mode
    except OSError as error:
        raise _Wrong(Failure.MISSING, f"there is no {name}: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        # What it leads to is another's, and may change.
        raise _Wrong(Failure.INVALID, f"{name} is a link, and not the file itself")
    if where := os.path.dirname(name):
        within = os.path.join(os.path.realpath(folder), where)
        if os.path.realpath(folder / where) != os.path.normpath(within):
            raise _Wrong(Failure.INVALID, f"{name} lies behind a link to elsewhere")
    if not stat.S_ISREG(mode):
        raise _Wrong(Failure.INVALID, f"{name} is no file")


def _protect(path: Path) -> None:
    """Nobody writes into a result any more."""
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~0o222)


class _Format(Check):
    """Holds outputs against the formats that they are said to be; ``wanted``: by their paths."""

    name = "task.format"
    codes = (_FORMAT,)

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = wanted

    def look(self, subject: Subject, found: Found) -> None:
        wanted = self._wanted.get(subject.name)
        if wanted is not None and wanted not in kinds_of(subject.format):
            seen = subject.format or "nothing that is known"
            found.add(_FORMAT, f"it is {seen}", seen=seen, expected=wanted)


def _looked_at(way: Way, folder: Path, outputs: Mapping[str, tuple[str, ...]]) -> Report | None:
    wanted = {
        path: way.stage.outputs[name].format
        for name, paths in outputs.items()
        for path in paths
        if way.stage.outputs[name].checked
    }
    if not wanted and not way.stage.thresholds:
        return None
    formats = {path: format for path, format in wanted.items() if format is not None}
    examination = Examination(also=(_Format(formats),), thresholds=way.stage.thresholds)
    for path in wanted:
        examination.look(examination.subject(folder / path, name=path))
    examination.hold(way.stage.name)
    return examination.report()


def _unsound(report: Report | None) -> Happened | None:
    """What is wrong with what it made: figures count where it is sound."""
    if report is None or report.ok:
        return None
    wrong = [row for row in report.findings.to_pylist() if row["severity"] == "error"]
    unsound = [row for row in wrong if row["code"] != _THRESHOLD]
    failure, rows, what = (Failure.INVALID, unsound, "code") if unsound else (Failure.QUALITY, wrong, "column")
    first, broken = rows[0], tuple(dict.fromkeys(row[what] for row in rows))
    return Happened(failure, f"{first['path']}: {first['message']}", broken=broken)
