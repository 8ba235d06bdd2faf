"""Whether the files that are given are sound, each by itself and together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow.compute

from holotype.validators import FORMATS, Check, Examination, GroupCheck, MatesCheck

from . import codes

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from holotype.validators import Cost, Found, Subject

    from .order import Order

__all__ = ["kinds_of", "look_at_contents"]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute


class _FormatTaken(Check):
    """Holds a file against the formats that its input takes; ``formats``: of each path."""

    name = "run.format"
    codes = (codes.FILE_FORMAT,)

    def __init__(self, formats: dict[str, tuple[str, ...]]) -> None:
        self._formats = formats

    def look(self, subject: Subject, found: Found) -> None:
        wanted = self._formats.get(subject.name, ())
        if wanted and not set(kinds_of(subject.format)) & set(wanted):
            seen = subject.format or "nothing that is known"
            found.add(codes.FILE_FORMAT, f"it is {seen}", seen=seen, expected=" or ".join(wanted))


class _ReferenceTaken(GroupCheck):
    """Holds files of a sample that have nothing of its reference to be of another one, which in a folder of many things
    would only be odd; ``rows``: what was found.
    """

    name = "run.reference"
    codes = (codes.FILE_REFERENCE,)

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        for row in self._rows:
            found.add(codes.FILE_REFERENCE, row["message"], member=row["member"], record=row["record"])


def look_at_contents(order: Order, *, cost: Cost | str) -> Examination:
    """Look at every file that is there, and together at those of each sample with those that all share."""
    formats: dict[str, tuple[str, ...]] = {}
    groups: dict[str | None, list[str]] = {None: []}
    inputs: dict[tuple[str, str], list[str]] = {}
    for sample, name, path in order.files():
        if os.path.isfile(path):  # that it is not, the check of what is given tells
            formats[path] = tuple(order.workflow.inputs[name].formats) if name in order.workflow.inputs else ()
            groups.setdefault(sample, []).append(path)
            if sample is not None:
                inputs.setdefault((sample, name), []).append(path)
    examination = Examination(also=(_FormatTaken(formats),), cost=cost)
    subjects = {path: examination.subject(path, name=path) for path in formats}
    for _ in examination.look_at_all([*subjects.values()]):
        pass  # it is all in its report
    for sample, paths in groups.items():
        together = dict.fromkeys([*groups[None], *paths])
        if sample is not None and len(together) > 1:
            examination.look_together([subjects[path] for path in together], name=sample)
    # A file of another sample, where that of the mates should be, has another name.
    for (sample, _), paths in inputs.items():
        if len(paths) > 1:
            examination.ask(MatesCheck([subjects[path] for path in paths]), name=sample)
    _hold_figures(examination, order, formats)
    others: dict[str, list[dict[str, Any]]] = {}
    findings = examination.report().findings
    for row in findings.filter(pc.equal(findings["code"], "reference.none")).to_pylist():
        others.setdefault(row["path"], []).append(row)
    for sample, rows in others.items():
        examination.ask(_ReferenceTaken(rows), name=sample)
    return examination


def _hold_figures(examination: Examination, order: Order, looked_at: Container[str]) -> None:
    """Hold the figures of files against the thresholds of their inputs."""
    figures: dict[str, list[dict[str, Any]]] = {}
    for row in examination.report().metrics.to_pylist():
        figures.setdefault(row["path"], []).append(row)
    for _, name, path in order.files():
        port = order.workflow.inputs.get(name)
        if port is None or path not in looked_at:
            continue
        for rule in port.thresholds:
            known = [
                row for row in figures.get(path, ()) if row["name"] == rule.metric and rule.of in (None, row["of"])
            ]
            if not known and not rule.optional:
                examination.tell(path, rule.code, f"there is no figure {rule.metric}", column=rule.metric)
            for row in known:
                if expected := rule.broken(row["value"]):
                    said = f"{rule.metric} is {row['value']:g}, and is to be {expected}"
                    examination.tell(path, rule.code, said, column=rule.metric, record=row["of"] or None)


def kinds_of(format: str | None) -> Iterator[str]:
    """A format, and those that it is a kind of."""
    while format is not None:
        yield format
        format = FORMATS[format].within if format in FORMATS else None
