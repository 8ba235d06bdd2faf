"""Zarr, versions 2 and 3: a folder of metadata in JSON and of chunks, each a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from .base import ValueCheck
from .held import broken, telling
from .values import VALUE_CODES, Figures
from .zarrmeta import (
    META_CODES,
    METADATA,
    ArrayMeta,
    array_meta,
    loaded,
)
from .zarrstore import Folder, trouble_with

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Zarr"]

_SOURCE = "Zarr 2 and 3"
LINK = Code(
    "zarr.link", Severity.ERROR, "There are no links in a store: they lead elsewhere, and are not followed.", _SOURCE
)
STRAY = Code("zarr.stray", Severity.WARNING, "Every file is metadata, or a chunk within its array's shape.", _SOURCE)
MISSING = Code(
    "zarr.chunks_missing", Severity.NOTE, "Every chunk is there; where one is not, all is fill value.", _SOURCE
)
CHUNK = Code(
    "zarr.chunk", Severity.ERROR, "Every chunk is decoded, has its checksum where one is kept, and its size.", _SOURCE
)
LARGE = Code("zarr.chunk_size", Severity.WARNING, "A chunk is no larger than the limits allow.", _SOURCE)
CONSOLIDATED = Code(
    "zarr.consolidated", Severity.ERROR, "Consolidated metadata are those of the arrays and groups.", _SOURCE
)

_ALL = {".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json"}


class Zarr(ValueCheck):
    """The metadata of every array and group, and its chunks: which are missing or stray, and what they hold."""

    name = "zarr"
    formats = frozenset({"zarr"})
    codes = (LINK, STRAY, MISSING, CHUNK, LARGE, CONSOLIDATED, *META_CODES, *VALUE_CODES)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at it."""
        if not subject.folder or subject.path is None:
            found.add(METADATA, "a Zarr store is a folder", expected="a folder with zarr.json, .zgroup or .zarray")
            return
        store = Folder(subject.path, limits=subject.limits)
        for link in store.links:
            found.add(LINK, "it is a link, which is not followed", member=link)
        if store.cut:
            found.add(LARGE, "there are more files than the limits allow", seen=subject.limits.members)
            found.partly()
        metas, arrays = _metadata(store, found)
        _consolidated(metas, found)
        known = _keys(store, arrays, found)
        for name in sorted(store.files.keys() - known):
            found.add(STRAY, "it belongs to no array", member=name)
        left = subject.limits.sample
        for array in arrays:
            with telling(found, member=array.path or "/"):
                left = self._chunks(store, array, left, subject, found)

    def _chunks(self, store: Folder, array: ArrayMeta, left: int, subject: Subject, found: Found) -> int:
        """Decode the chunks of one array; how much of a sample is left."""
        figures = Figures(found, self.values, member=array.path or "/")
        if subject.cost is Cost.HEADER or not array.readable:
            found.partly()
            return left
        if math.prod(array.chunks) * max(1, array.itemsize) > subject.limits.memory:
            found.add(LARGE, "its chunks are larger than the limits allow", member=array.path or "/", seen=array.chunks)
            found.partly()
            return left
        import zarr

        try:
            opened: Any = zarr.open_array(str(store.top / array.path), mode="r", zarr_format=cast("Any", array.version))
        except Exception as error:  # noqa: BLE001 - Zarr raises of many kinds at metadata that it does not like
            broken(METADATA, f"Zarr cannot open it: {type(error).__name__}: {error}")
        for index in array.present:
            if subject.cost is Cost.SAMPLE and left < 0:
                found.partly()
                break
            box = tuple(
                slice(at * each, min((at + 1) * each, size))
                for at, each, size in zip(index, array.chunks, array.shape, strict=True)
            )
            wrong, values = trouble_with(opened.__getitem__, box or ...)
            if wrong is not None:
                found.add(CHUNK, f"it cannot be decoded: {wrong}", member=array.file_of(index), record=str(index))
                continue
            values = np.asarray(values)
            left -= values.nbytes
            if values.dtype.kind != "O" and values.dtype.fields is None:
                figures.add(np.ascontiguousarray(values))
        figures.tell()
        return left


def _metadata(store: Folder, found: Found) -> tuple[dict[str, Any], list[ArrayMeta]]:
    """Every document of metadata by its path, and every array."""
    metas: dict[str, Any] = {}
    arrays: list[ArrayMeta] = []
    for name in sorted(store.files):
        folder, _, last = name.rpartition("/")
        if last not in _ALL:
            continue
        with telling(found, member=name):
            metas[name] = told = loaded(store, name)
            if last == ".zarray" or (last == "zarr.json" and told.get("node_type") == "array"):
                arrays.append(array_meta(folder, told, 2 if last == ".zarray" else 3))
            elif last == "zarr.json" and told.get("node_type") != "group":
                broken(METADATA, "it is neither a group nor an array", column="node_type", seen=told.get("node_type"))
            elif last == ".zgroup" and told.get("zarr_format") != 2:
                broken(METADATA, "it is not of version 2", column="zarr_format", seen=told.get("zarr_format"))
            elif last == "zarr.json" and told.get("zarr_format") != 3:
                broken(METADATA, "it is not of version 3", column="zarr_format", seen=told.get("zarr_format"))
    return metas, arrays


def _consolidated(metas: dict[str, Any], found: Found) -> None:
    """Hold what was put together against what it was put together from."""
    for name, told in metas.items():
        folder, _, last = name.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        if last == ".zmetadata":
            copies = told.get("metadata")
            pairs = {prefix + key: value for key, value in copies.items()} if isinstance(copies, dict) else {}
        elif last == "zarr.json" and isinstance(told.get("consolidated_metadata"), dict):
            copies = told["consolidated_metadata"].get("metadata")
            pairs = (
                {f"{prefix}{key}/zarr.json": value for key, value in copies.items()} if isinstance(copies, dict) else {}
            )
        else:
            continue
        for key, value in pairs.items():
            original = metas.get(key)
            if isinstance(original, dict) and isinstance(value, dict):
                original = {inner: each for inner, each in original.items() if inner != "consolidated_metadata"}
                value = {inner: each for inner, each in value.items() if inner != "consolidated_metadata"}
            if original != value:
                what = "it has another copy in the consolidated metadata" if key in metas else "it is not there itself"
                found.add(CONSOLIDATED, what, member=key, record=name)


def _keys(store: Folder, arrays: list[ArrayMeta], found: Found) -> set[str]:
    """Give each array its chunks; the files that belong to something."""
    known = {name for name in store.files if name.rpartition("/")[2] in _ALL}
    for array in arrays:
        prefix = f"{array.path}/" if array.path else ""
        if not array.shape:
            name = array.file_of(())
            array.present = [()] if name in store.files else []
            known.update({name} & store.files.keys())
        else:
            for name in store.below(prefix):
                index = array.index_of(name.removeprefix(prefix))
                if index is not None:
                    known.add(name)
                    array.present.append(index)
        array.present.sort()
        missing = array.every - len(array.present)
        if missing > 0 and array.every:
            found.add(
                MISSING,
                f"{missing:,} of {array.every:,} chunks are not there: all in them is fill value",
                member=array.path or "/",
                seen=len(array.present),
                expected=array.every,
            )
            found.metric("zarr.chunks_missing", missing, of=array.path or "/")
    return known


CHECKS = (Zarr,)
