"""What is in an HDF5 file, as its library reads it; this runs in a child process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..check import Cost
from ..found import Found
from ..limits import Limits
from .hdf5 import ATTRIBUTE, CLASS, CYCLE, DEEP, HDF5_CODES, LINK, NETCDF, OBJECT, OUTSIDE
from .hdf5chunks import TROUBLE, Budget, read_dataset
from .values import ValueRules

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["look"]


def look(
    *, path: str, kind: str, cost: str, rules: tuple[bool, float | None, float | None], limits: Mapping[str, int]
) -> dict[str, Any]:
    """Look at every object of a file; what was found, as JSON can say it."""
    import h5py

    bounds = Limits(**limits)
    found = Found("hdf5", HDF5_CODES, limits=bounds)
    finite, least, most = rules
    budget = Budget(Cost(cost), bounds, os.path.getsize(path), ValueRules(finite=finite, least=least, most=most))
    try:
        with h5py.File(path, "r", locking=False) as file:
            _Walk(h5py, file, kind, budget, found).walk()
    except TROUBLE as error:
        found.add(OBJECT, f"the HDF5 library cannot open it: {error}", member="/")
        found.partly()
    return _told(found)


def _told(found: Found) -> dict[str, Any]:
    findings = []
    for each in found.findings:
        place = {name: getattr(each.place, name) for name in each.place.__slots__}
        about = {"code": each.code.name, "message": each.message, "seen": each.seen, "expected": each.expected, **place}
        findings.append({name: value for name, value in about.items() if value is not None})
    kept: dict[str, int] = {}
    for each in found.findings:
        kept[each.code.name] = kept.get(each.code.name, 0) + 1
    return {
        "findings": findings,
        "more": {
            code.name: count - kept.get(code.name, 0)
            for code, count in found.counts.items()
            if count > kept.get(code.name, 0)
        },
        # JSON has no numbers that are none.
        "metrics": [{"name": each.name, "value": repr(each.value), "of": each.of} for each in found.metrics],
        "complete": found.complete,
    }


class _Walk:
    """Goes to every object once."""

    def __init__(self, h5py: Any, file: Any, kind: str, budget: Budget, found: Found) -> None:
        self.h5py, self.file, self.kind, self.budget, self.found = h5py, file, kind, budget, found
        self.seen: set[int] = set()

    def walk(self) -> None:
        """From the root on."""
        root = self.file["/"]
        self._attributes(root, "/")
        address = self._address(root)
        self.seen.add(address)
        waiting = [("/", root, frozenset({address}))]
        while waiting:
            path, group, above = waiting.pop()
            for name, child in self._children(path, group):
                inner = path.rstrip("/") + "/" + name
                try:
                    address = self._address(child)
                except TROUBLE as error:
                    self.found.add(OBJECT, f"it cannot be opened: {error}", member=inner)
                    continue
                if address in above:
                    self.found.add(CYCLE, "it is a group that it lies in itself", member=inner)
                if address in self.seen:
                    continue
                self.seen.add(address)
                if len(self.seen) > self.budget.limits.members or len(above) > self.budget.limits.depth:
                    self.found.add(DEEP, "there are more objects, or deeper ones, than the limits allow", member=inner)
                    self.found.partly()
                    return
                self._object(inner, child, top=path == "/")
                if isinstance(child, self.h5py.Group):
                    waiting.append((inner, child, above | {address}))

    def _address(self, thing: Any) -> int:
        return int(self.h5py.h5o.get_info(thing.id).addr)

    def _children(self, path: str, group: Any) -> list[tuple[str, Any]]:
        """What a group holds itself; links that are none are told of."""
        found: list[tuple[str, Any]] = []
        try:
            names = list(group)
        except TROUBLE as error:
            self.found.add(OBJECT, f"its links cannot be read: {error}", member=path)
            return found
        for name in names:
            inner = path.rstrip("/") + "/" + name
            try:
                link = group.get(name, getlink=True)
                if isinstance(link, self.h5py.ExternalLink):
                    self.found.add(
                        OUTSIDE,
                        "it is a link to another file, which is not followed",
                        member=inner,
                        seen=f"{link.filename}: {link.path}",
                    )
                elif isinstance(link, self.h5py.SoftLink):
                    self._soft(inner, group, link.path)
                else:
                    found.append((name, group[name]))
            except TROUBLE as error:
                self.found.add(OBJECT, f"it cannot be opened: {error}", member=inner)
        return found

    def _soft(self, inner: str, group: Any, path: str) -> None:
        wrong = self._leads(group, path, 0)
        if wrong == "outside":
            self.found.add(
                OUTSIDE, "it is a link through one to another file, which is not followed", member=inner, seen=path
            )
        elif wrong is not None:
            self.found.add(LINK, wrong, member=inner, seen=path)

    def _leads(self, group: Any, path: str, depth: int) -> str | None:
        """What is wrong with where a soft link leads, without leaving the file."""
        if depth > 32:
            return "it is a link that leads to itself"
        here = self.file["/"] if path.startswith("/") else group
        for name in filter(lambda each: each not in ("", "."), path.split("/")):
            if not isinstance(here, self.h5py.Group):
                return "it is a link through what is no group"
            link = self._link(here, name)
            if link is None:
                return "it is a link to nothing"
            if isinstance(link, self.h5py.ExternalLink):
                return "outside"
            if isinstance(link, self.h5py.SoftLink):
                wrong = self._leads(here, link.path, depth + 1)
                if wrong is not None:
                    return wrong
            here = here[name]
        return None

    def _link(self, group: Any, name: str) -> Any:
        try:
            return group.get(name, getlink=True)
        except KeyError:
            return None

    def _object(self, path: str, thing: Any, *, top: bool) -> None:
        self._attributes(thing, path)
        if isinstance(thing, self.h5py.Dataset):
            try:
                read_dataset(self.h5py, path, thing, self.budget, self.found)
                if self.kind == "netcdf4":
                    self._scales(path, thing)
            except TROUBLE as error:
                self.found.add(OBJECT, f"it cannot be read: {error}", member=path)
        if self.kind == "mat73" and top and not path.startswith("/#") and "MATLAB_class" not in thing.attrs:
            self.found.add(CLASS, "it has no MATLAB_class", member=path)

    def _attributes(self, thing: Any, path: str) -> None:
        try:
            names = list(thing.attrs.keys())
        except TROUBLE as error:
            self.found.add(ATTRIBUTE, f"its attributes cannot be read: {error}", member=path)
            return
        for name in names:
            try:
                attribute = self.h5py.h5a.open(thing.id, name.encode("utf-8", "surrogateescape"))
                # Of an attribute without values h5py takes the size, zero, for a failure.
                size = attribute.get_storage_size() if attribute.get_space().get_simple_extent_npoints() else 0
                if size > self.budget.size:
                    self.found.add(ATTRIBUTE, "it would be longer than the file", member=path, column=name, seen=size)
                else:
                    _ = thing.attrs[name]
            except TROUBLE as error:
                self.found.add(ATTRIBUTE, f"it cannot be read: {error}", member=path, column=name)

    def _scales(self, path: str, dataset: Any) -> None:
        """NetCDF: each axis names its dimension, which has its length."""
        if "DIMENSION_LIST" not in dataset.attrs:
            return
        listed = dataset.attrs["DIMENSION_LIST"]
        if len(listed) != len(dataset.shape):
            self.found.add(
                NETCDF,
                "it has not as many dimensions as axes",
                member=path,
                seen=len(listed),
                expected=len(dataset.shape),
            )
            return
        for axis, (references, length) in enumerate(zip(listed, dataset.shape, strict=True)):
            for reference in references:
                scale = self.file[reference]
                # An unlimited dimension without values of its own stays as short as it was made.
                if scale.shape and scale.maxshape[0] is not None and scale.shape[0] < length:
                    self.found.add(
                        NETCDF,
                        f"its axis {axis} is longer than the dimension {scale.name}",
                        member=path,
                        seen=length,
                        expected=scale.shape[0],
                    )
