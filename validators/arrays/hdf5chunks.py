"""A dataset of HDF5: where its chunks lie, and what they hold, a slab at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from .hdf5 import CHUNK, FILTER, OUTSIDE, SHAPE
from .values import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from .values import ValueRules

__all__ = ["Budget", "TROUBLE", "read_dataset"]

# Whatever h5py says of files that HDF5 does not like.
TROUBLE = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
)

_SLAB = 8 << 20
# Values of variable length are Python objects, some hundred bytes each.
_OBJECTS = 1 << 16


@dataclass
class Budget:
    """How much may be looked at: ``size`` is that of the file, ``taken`` counts what was read."""

    cost: Cost
    limits: Limits
    size: int
    rules: ValueRules
    taken: int = 0

    def spent(self) -> bool:
        """Whether a sample is large enough."""
        return self.cost is Cost.SAMPLE and self.taken >= self.limits.sample


_Slab = tuple[slice, ...]


def read_dataset(h5py: Any, path: str, dataset: Any, budget: Budget, found: Found) -> None:
    """Look at one; tells what cannot be read."""
    plist = dataset.id.get_create_plist()
    if plist.get_external_count() or dataset.is_virtual:
        if not dataset.is_virtual or any(each.file_name != "." for each in dataset.virtual_sources()):
            found.add(OUTSIDE, "its values are in other files, which are not looked at", member=path)
        found.partly()
        return
    if dataset.shape is None:
        return
    if not _filters(h5py, path, plist, found):
        found.partly()
        return
    kind = dataset.dtype
    length = math.prod(dataset.shape) * kind.itemsize
    if not _stored(path, dataset, length, budget, found):
        return
    if budget.cost is Cost.HEADER:
        found.partly()
        return
    fields = Fields(kind, found, budget.rules, member=path)
    for slab in _slabs(dataset, budget):
        if budget.spent():
            found.partly()
            break
        _read(path, dataset, slab, fields, found)
        budget.taken += math.prod(part.stop - part.start for part in slab) * kind.itemsize
    fields.tell()


def _filters(h5py: Any, path: str, plist: Any, found: Found) -> bool:
    """Whether all filters are at hand."""
    fine = True
    for number in range(plist.get_nfilters()):
        code, _, _, name = plist.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            what = "its chunks are packed by a filter that is not at hand, and are not looked at"
            found.add(FILTER, what, member=path, seen=f"{code} {name.decode('utf-8', 'replace')}")
            fine = False
    return fine


def _stored(path: str, dataset: Any, length: int, budget: Budget, found: Found) -> bool:
    """Whether what is stored lies in the file and is as much as the shape says."""
    if dataset.chunks is None:
        stored, place = dataset.id.get_storage_size(), dataset.id.get_offset()
        if stored and (stored < length or stored > budget.size or (place is not None and place + stored > budget.size)):
            found.add(
                SHAPE,
                "there is less stored than the shape says",
                member=path,
                offset=place,
                seen=stored,
                expected=length,
            )
            return False
        return bool(stored > 0)  # what was never written is all fill value
    each = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if each > budget.limits.memory:
        found.add(
            SHAPE, "a chunk is larger than the limits allow", member=path, seen=each, expected=budget.limits.memory
        )
        found.partly()
        return False
    return True


def _slabs(dataset: Any, budget: Budget) -> Iterator[_Slab]:
    """Parts of a dataset that are read at once, of some megabytes: whole chunks that were written."""
    shape, size = dataset.shape, max(1, dataset.dtype.itemsize)
    if not shape:
        yield ()
        return
    if 0 in shape:
        return
    if dataset.dtype.hasobject:
        size = max(size, _SLAB // _OBJECTS)
    if dataset.chunks is None:
        yield from _boxes((slice(0, each) for each in shape), shape, size)
        return
    places: list[tuple[int, ...]] = []
    wrong: list[Any] = []

    def take(info: Any) -> None:
        if info.byte_offset is not None and info.byte_offset + info.size > budget.size:
            wrong.append(info)
        places.append(info.chunk_offset)

    dataset.id.chunk_iter(take)
    chunks = dataset.chunks
    every = math.prod(-(-length // each) for length, each in zip(shape, chunks, strict=True))
    row = math.prod(shape[1:]) * chunks[0] * size
    if len(places) == every and not wrong and row <= _SLAB:
        step = max(1, _SLAB // row) * chunks[0]
        for first in range(0, shape[0], step):
            yield (slice(first, min(first + step, shape[0])), *(slice(0, each) for each in shape[1:]))
        return
    for place in sorted(places):
        box = [slice(at, min(at + each, length)) for at, each, length in zip(place, chunks, shape, strict=True)]
        if all(each.start < each.stop for each in box):
            yield tuple(box)


def _boxes(box: Any, shape: tuple[int, ...], size: int) -> Iterator[_Slab]:
    """A box in parts of some megabytes: of the first axis that is short enough below, some at a time."""
    whole = tuple(box)
    axis = next((at for at in range(len(shape)) if math.prod(shape[at + 1 :]) * size <= _SLAB), len(shape) - 1)
    step = max(1, _SLAB // max(1, math.prod(shape[axis + 1 :]) * size))
    for index in product(*(range(length) for length in shape[:axis])):
        for first in range(0, shape[axis], step):
            part = slice(first, min(first + step, shape[axis]))
            yield (*(slice(at, at + 1) for at in index), part, *whole[axis + 1 :])


def _read(path: str, dataset: Any, slab: _Slab, fields: Fields, found: Found) -> None:
    try:
        fields.add(dataset[slab] if slab else np.asarray(dataset[...]))
        return
    except TROUBLE as error:
        reason = error
    if dataset.chunks is None:
        found.add(CHUNK, f"values cannot be read: {reason}", member=path, record=_named(slab))
        return
    ranges = (range(part.start, part.stop, chunk) for part, chunk in zip(slab, dataset.chunks, strict=True))
    for place in product(*ranges):
        box = tuple(
            slice(at, min(at + chunk, part.stop)) for at, chunk, part in zip(place, dataset.chunks, slab, strict=True)
        )
        try:
            fields.add(dataset[box])
        except TROUBLE as error:
            found.add(CHUNK, f"a chunk cannot be read: {error}", member=path, record=_named(box))


def _named(box: _Slab) -> str:
    return "[" + ", ".join(f"{part.start}:{part.stop}" for part in box) + "]"
