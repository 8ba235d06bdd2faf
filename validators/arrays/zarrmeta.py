"""The metadata of a Zarr array, of version 2 or 3, and the names of its chunks."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..findings import Code, Severity
from .held import broken

if TYPE_CHECKING:
    from .zarrstore import Folder

__all__ = ["ArrayMeta", "CODEC", "JSON", "METADATA", "META_CODES", "PICKLE", "array_meta", "loaded"]

_SOURCE = "Zarr 2 and 3"
JSON = Code("zarr.json", Severity.ERROR, "Metadata are an object of JSON, of no more than a few megabytes.", _SOURCE)
METADATA = Code(
    "zarr.metadata", Severity.ERROR, "Metadata have the keys and values that the version asks for.", _SOURCE
)
CODEC = Code(
    "zarr.codec", Severity.WARNING, "Chunks are coded by codecs that are known to be safe, and are at hand.", _SOURCE
)
PICKLE = Code(
    "zarr.pickle",
    Severity.WARNING,
    "Chunks are not pickled: that can run anything when it is loaded, and never is here.",
    _SOURCE,
)

META_CODES = (JSON, METADATA, CODEC, PICKLE)
"""The rules that are applied to metadata."""

_LONGEST = 16 << 20
_CODECS_2 = frozenset(
    [
        "adler32",
        "astype",
        "base64",
        "bitround",
        "blosc",
        "bz2",
        "crc32",
        "crc32c",
        "delta",
        "fixedscaleoffset",
        "fletcher32",
        "gzip",
        "jenkins_lookup3",
        "lz4",
        "lzma",
        "packbits",
        "quantize",
        "shuffle",
        "vlen-array",
        "vlen-bytes",
        "vlen-utf8",
        "zlib",
        "zstd",
        "json2",
        "msgpack2",
        "categorize",
    ]
)
_CODECS_3 = frozenset(
    ["blosc", "bytes", "crc32c", "gzip", "sharding_indexed", "transpose", "vlen-bytes", "vlen-utf8", "zstd"]
)
_KIND_2 = re.compile(r"[<>|](?:[biufcSUV]\d{1,9}|O\d*|[mM]8\[\d{0,9}[A-Za-zμ]{1,2}\])")
_KIND_3 = re.compile(r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128)|r\d+")


@dataclass
class ArrayMeta:
    """One array: the folder it lies in, its shape and that of a chunk, and how chunks are called.

    ``present``: the chunks that are there.  ``readable``: whether they can be decoded here.
    """

    path: str
    version: int
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    itemsize: int
    separator: str
    prefixed: bool
    readable: bool
    present: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])

    @property
    def grid(self) -> tuple[int, ...]:
        """Chunks along each axis."""
        return tuple(-(-size // each) for size, each in zip(self.shape, self.chunks, strict=True))

    @property
    def every(self) -> int:
        """How many chunks there should be."""
        return math.prod(self.grid)

    def file_of(self, index: tuple[int, ...]) -> str:
        """The file of a chunk, from the store's folder."""
        name = self.separator.join(map(str, index))
        if self.prefixed:
            name = f"c{self.separator}{name}" if index else "c"
        elif not index:
            name = "0"
        return f"{self.path}/{name}" if self.path else name

    def index_of(self, name: str) -> tuple[int, ...] | None:
        """Which chunk a file of this name is, if it is one within the shape."""
        if self.prefixed:
            if not name.startswith("c" + self.separator):
                return None
            name = name[2:]
        parts = name.split(self.separator)
        if len(parts) != len(self.shape) or not all(re.fullmatch(r"0|[1-9]\d{0,18}", part) for part in parts):
            return None
        index = tuple(map(int, parts))
        return index if all(at < end for at, end in zip(index, self.grid, strict=True)) else None


def loaded(store: Folder, name: str) -> dict[str, Any]:
    """A document of metadata."""
    if store.files[name] > _LONGEST:
        broken(JSON, "it is longer than metadata are", seen=store.files[name], expected=f"at most {_LONGEST}")
    try:
        told = json.loads(store.read(name))
    except (ValueError, RecursionError) as error:
        broken(JSON, f"it is no JSON: {error}")
    if not isinstance(told, dict):
        broken(JSON, "it is no object", seen=type(told).__name__)
    return told


def array_meta(path: str, told: dict[str, Any], version: int) -> ArrayMeta:
    """What the metadata of an array say; stops at what cannot be."""
    if told.get("zarr_format") != version:
        broken(METADATA, f"it is not of version {version}", column="zarr_format", seen=told.get("zarr_format"))
    return _version_2(path, told) if version == 2 else _version_3(path, told)


def _numbers(told: object, what: str, *, least: int, count: int | None = None) -> tuple[int, ...]:
    right = isinstance(told, list) and all(type(each) is int and least <= each < 1 << 63 for each in told)
    if not right or not isinstance(told, list) or (count is not None and len(told) != count):
        broken(METADATA, f"{what} is no list of numbers of at least {least}, one for each axis", column=what, seen=told)
    return tuple(told)


def _version_2(path: str, told: dict[str, Any]) -> ArrayMeta:
    for key in ("shape", "chunks", "dtype", "compressor", "fill_value", "order", "filters"):
        if key not in told:
            broken(METADATA, f"{key} is missing", column=key)
    shape = _numbers(told["shape"], "shape", least=0)
    chunks = _numbers(told["chunks"], "chunks", least=1, count=len(shape))
    if told["order"] not in ("C", "F"):
        broken(METADATA, "order is neither C nor F", column="order", seen=told["order"])
    separator = told.get("dimension_separator", ".")
    if separator not in (".", "/"):
        broken(METADATA, "the separator is neither . nor /", column="dimension_separator", seen=separator)
    kind = told["dtype"]
    if not isinstance(kind, list) and not (isinstance(kind, str) and _KIND_2.fullmatch(kind)):
        broken(METADATA, "there is no such data type", column="dtype", seen=kind)
    try:
        size = np.dtype(kind if isinstance(kind, str) else [tuple(each) for each in kind]).itemsize
    except (TypeError, ValueError) as error:
        broken(METADATA, f"there is no such data type: {error}", column="dtype", seen=kind)
    codecs = [*(told["filters"] or ()), *([told["compressor"]] if told["compressor"] is not None else ())]
    names = [each.get("id") if isinstance(each, dict) else None for each in codecs]
    _hold(names, _CODECS_2)
    return ArrayMeta(path, 2, shape, chunks, size, separator, False, True)


def _version_3(path: str, told: dict[str, Any]) -> ArrayMeta:
    for key in ("shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs"):
        if key not in told:
            broken(METADATA, f"{key} is missing", column=key)
    shape = _numbers(told["shape"], "shape", least=0)
    grid, keys = told["chunk_grid"], told["chunk_key_encoding"]
    if not isinstance(grid, dict) or grid.get("name") != "regular" or not isinstance(grid.get("configuration"), dict):
        broken(METADATA, "the grid of chunks is not regular", column="chunk_grid", seen=grid)
    chunks = _numbers(grid["configuration"].get("chunk_shape"), "chunk_shape", least=1, count=len(shape))
    if not isinstance(keys, dict) or keys.get("name") not in ("default", "v2"):
        broken(METADATA, "chunks are called as nothing here calls them", column="chunk_key_encoding", seen=keys)
    prefixed = keys["name"] == "default"
    options = keys.get("configuration", {})
    separator = options.get("separator", "/" if prefixed else ".") if isinstance(options, dict) else None
    if separator not in (".", "/"):
        broken(METADATA, "the separator is neither . nor /", column="chunk_key_encoding", seen=separator)
    kind = told["data_type"]
    match = _KIND_3.fullmatch(kind) if isinstance(kind, str) else None
    bits = re.search(r"\d+$", kind) if match is not None else None
    size = int(bits[0]) // 8 if bits is not None else 16 if match is None else 1
    _hold(_names_3(told["codecs"], 0), _CODECS_3)
    return ArrayMeta(path, 3, shape, chunks, size, separator, prefixed, True)


def _names_3(codecs: object, depth: int) -> list[object]:
    """The names of codecs, with those within shards."""
    if not isinstance(codecs, list) or not codecs or depth > 8:
        broken(METADATA, "codecs are no list of some", column="codecs", seen=codecs)
    found: list[object] = []
    for each in codecs:
        name = each.get("name") if isinstance(each, dict) else each
        found.append(name)
        options = each.get("configuration") if isinstance(each, dict) else None
        if name == "sharding_indexed" and isinstance(options, dict):
            found += _names_3(options.get("codecs"), depth + 1)
            found += _names_3(options.get("index_codecs"), depth + 1)
    return found


def _hold(names: list[Any], known: frozenset[str]) -> None:
    for name in names:
        if name == "pickle" or (isinstance(name, str) and name.endswith("pickle")):
            broken(PICKLE, "its chunks are pickled, and are not loaded", seen=name)
        plain = name.removeprefix("numcodecs.") if isinstance(name, str) else None
        if plain not in known and (plain == name or plain not in _CODECS_2):
            broken(CODEC, "its chunks are coded by a codec that is not known, and are not looked at", seen=name)
