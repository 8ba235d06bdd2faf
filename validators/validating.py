"""Validating: one thing, or all files of a folder, looked at by every check that is for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .check import Check, Cost, GroupCheck
from .errors import InvalidChoice, SubjectNotFound
from .examining import Examination
from .walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from .limits import Limits
    from .metrics import Threshold
    from .report import Report

__all__ = ["Looked", "validate", "validate_folder"]


@dataclass(frozen=True)
class Looked:
    """How far a folder has been looked at: files and bytes done, of how many, and the last one."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    path: str


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
    subject = looking.subject(what, name=name, format=format)
    if subject.folder and subject.format is None:
        raise InvalidChoice(f"{subject.name} is a folder of files: validate_folder looks at each", path=subject.name)
    looking.look(subject)
    looking.hold(subject.name)
    looking.tell_troubles(subject.name)
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

    A threshold is held against the files that a check looked at which could tell its figure, and one that is held
    against none of them is told of once, by the folder's name.

    ``executor``: looks at several at once; when one of its workers dies, what it had not looked at is a finding.  Links
    are noted and not followed.  Folders that cannot be read are findings.  Otherwise as ``validate``.
    """
    top = os.fspath(folder)
    if not os.path.isdir(top):
        raise SubjectNotFound(f"there is no folder {top}", path=top)
    if isinstance(patterns, str):
        raise InvalidChoice(f"patterns are several: [{patterns!r}]", patterns=patterns)
    looking = Examination(checks=checks, also=also, cost=cost, thresholds=thresholds, limits=limits)
    walked = walk(top, tuple(patterns))
    for name, code, why in walked.troubles:
        looking.tell(name, code, why)
    subjects = [looking.subject(os.path.join(top, name), name=name) for name in walked.names]
    done, total = 0, sum(walked.sizes)
    for number, _ in enumerate(looking.look_at_all(subjects, executor)):
        done += walked.sizes[number]
        if progress is not None:
            progress(Looked(number + 1, done, len(subjects), total, subjects[number].name))
    looking.look_together(subjects, name=top)
    looking.hold(top)
    return looking.report()
