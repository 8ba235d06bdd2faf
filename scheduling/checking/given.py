"""Whether samples, shared files and parameters are what a workflow takes."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from holotype.validators import GroupCheck

from ..declaring.ports import with_beside
from ..declaring.steps import Setting
from ..graphs.laying import lay_out, taken_by
from . import codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holotype.validators import Found, Subject

    from ..declaring.ports import Input
    from ..graphs.graph import Taken
    from ..samples.sample import Sample
    from .order import Order

__all__ = ["GivenCheck"]

_MISSING = object()
# How indexes are called, and by what in its place the files that they are of: in full, x.bam.bai, or instead, x.bai.
_INDEXES = {
    ".bai": ("", ".bam"),
    ".crai": ("", ".cram"),
    ".csi": ("",),
    ".dict": (".fa", ".fasta", ".fa.gz", ".fasta.gz", ".fna"),
    ".fai": ("",),
    ".gzi": ("",),
    ".tbi": ("",),
}


class GivenCheck(GroupCheck):
    """Looks at what is given to a run; a place's ``record`` names the sample, its ``column`` the input."""

    name = "run.given"
    codes = (
        codes.SAMPLE_NONE,
        codes.SAMPLE_TWICE,
        codes.INPUT_MISSING,
        codes.INPUT_UNKNOWN,
        codes.INPUT_MANY,
        codes.VALUE_MISSING,
        codes.CONDITION,
        codes.PARAMETER_UNKNOWN,
        codes.PARAMETER_MISSING,
        codes.PARAMETER_INVALID,
        codes.FILE_MISSING,
        codes.FILE_UNREADABLE,
        codes.FILE_TWICE,
        codes.FILE_BESIDE,
        codes.FILE_OLDER,
    )

    def __init__(self, order: Order) -> None:
        self._order, self._values = order, order.values()
        self._graph = lay_out(order.workflow, lambda *_: None)  # what is wrong with it its own check tells

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        self._samples(found)
        self._parameters(found)
        order = self._order
        own = {name: port for name, port in order.workflow.inputs.items() if not port.shared}
        for sample in order.samples:
            _inputs(own, {name: sample.paths(name) for name in sample.files}, sample.name, found)
        shared = {name: port for name, port in order.workflow.inputs.items() if port.shared}
        _inputs(shared, order.shared, None, found)
        self._twice(found)

    def _samples(self, found: Found) -> None:
        order = self._order
        if not order.samples:
            found.add(codes.SAMPLE_NONE, "there are no samples")
        seen: dict[str, str] = {}
        for sample in order.samples:
            if sample.name in seen:
                found.add(codes.SAMPLE_TWICE, f"there are two samples {sample.name}", record=sample.name)
            seen[sample.name] = sample.name
        conditions = dict.fromkeys(taken for node in self._graph.nodes.values() for taken in node.taken)
        for sample in order.samples:
            for taken in conditions:
                self._condition(taken, sample, found)

    def _condition(self, taken: Taken, sample: Sample, found: Found) -> None:
        """Work a condition out, as far as that can be done."""
        asked = {part for whole, part in taken.when.members if whole == "sample"}
        for part in sorted(asked - sample.values.keys()):
            found.add(codes.VALUE_MISSING, f"a condition asks for sample.{part}", record=sample.name, column=part)
        given = {name: self._value(each) for name, each in taken.parameters.items()}
        if asked <= sample.values.keys() and _MISSING not in given.values():
            try:
                taken.when.value({**given, "sample": sample.values})
            except ValueError as error:
                found.add(codes.CONDITION, str(error), record=sample.name)

    def _value(self, given: Any) -> Any:
        """What a parameter is in this run; ``_MISSING`` where that was told to be wrong."""
        return self._values.get(given.name, _MISSING) if isinstance(given, Setting) else given

    def _parameters(self, found: Found) -> None:
        declared, given = self._order.workflow.parameters, self._order.parameters
        for name in sorted(given.keys() - declared.keys()):
            found.add(codes.PARAMETER_UNKNOWN, f"there is no parameter {name}", column=name)
        for name, parameter in declared.items():
            if name not in given:
                if parameter.required:
                    found.add(codes.PARAMETER_MISSING, f"{name} has no value", column=name)
                continue
            try:
                parameter.taken(given[name])
            except ValueError as error:
                found.add(codes.PARAMETER_INVALID, f"{name}: {error}", column=name, seen=given[name])
        for node in self._graph.nodes.values():
            for name, each in node.parameters.items():
                if not isinstance(each, Setting) or (value := self._value(each)) is _MISSING:
                    continue
                try:
                    taken_by(node.stage.parameters[name], value, scattered=name in node.scatter)
                except ValueError as error:
                    what = f"{each.name}, which is {name} of {node.name}: {error}"
                    found.add(codes.PARAMETER_INVALID, what, record=node.name, column=each.name, seen=value)

    def _twice(self, found: Found) -> None:
        """The same file for two samples is one of them swapped; twice for one it is counted double."""
        places: dict[tuple[int, int] | str, list[tuple[str | None, str, str]]] = defaultdict(list)
        for sample, name, path in self._order.files():
            try:
                status = os.stat(path)
            except OSError:
                continue  # told above
            # Where a file system has no inodes, the path.
            key = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
            places[key].append((sample, name, path))
        for given in places.values():
            for sample, name, path in given[1:]:
                other, input_, first = given[0]
                whose = f" of {other}" if other is not None and other != sample else ""
                what = f"{path} is {first}, which is {input_}{whose} already"
                found.add(codes.FILE_TWICE, what, member=path, record=sample, column=name)


def _inputs(ports: dict[str, Input], given: dict[str, tuple[str, ...]], sample: str | None, found: Found) -> None:
    for name in sorted(given.keys() - ports.keys()):
        what = "shared by all samples" if sample is None else "of each sample by itself"
        there = f"there is {', '.join(sorted(ports))}" if ports else "there is none"
        found.add(codes.INPUT_UNKNOWN, f"{name} is no input {what}: {there}", record=sample, column=name)
    for name, port in ports.items():
        paths = given.get(name, ())
        if not paths and not port.optional:
            found.add(codes.INPUT_MISSING, f"{name} has no file", record=sample, column=name)
        if len(paths) > 1 and not port.many:
            found.add(codes.INPUT_MANY, f"{name} takes one file, and has {len(paths)}", record=sample, column=name)
        for path in paths:
            _file(path, port, sample, name, found)


def _file(path: str, port: Input, sample: str | None, name: str, found: Found) -> None:
    try:
        with open(path, "rb"):
            made = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        found.add(codes.FILE_MISSING, f"{path} is not there", member=path, record=sample, column=name)
        return
    except OSError as error:
        what = f"{path} cannot be read: {error.strerror}"
        found.add(codes.FILE_UNREADABLE, what, member=path, record=sample, column=name)
        return
    for other in _indexed(path):
        # Given as a file of its own, it lies beside what it is an index of.
        if os.path.isfile(other) and os.stat(other).st_mtime_ns > made:
            what = f"{path} is older than {other}"
            found.add(codes.FILE_OLDER, what, member=path, record=sample, column=name)
    for other in [*with_beside((path,), port)][1:]:
        try:
            if os.stat(other).st_mtime_ns < made:
                what = f"{other} is older than {path}"
                found.add(codes.FILE_OLDER, what, member=other, record=sample, column=name)
        except OSError:
            found.add(codes.FILE_BESIDE, f"{other} is not there", member=other, record=sample, column=name)


def _indexed(path: str) -> Iterator[str]:
    """The files that one may be an index of, by how it is called."""
    for ending, others in _INDEXES.items():
        if path.endswith(ending):
            yield from (path.removesuffix(ending) + other for other in others)
