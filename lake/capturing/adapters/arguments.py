"""From an argument that says where something lies to paths and URLs.

Libraries take paths as text or objects, URLs, open files, fsspec's files, lists of all these, and objects of their own
that hold one.  What is nothing of the kind (a frame, a buffer, a database's connection) leads nowhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..remote import local_path, scheme_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["argument", "places_of"]

# Lists in lists end somewhere.
_DEPTH = 3
_MANY = 100_000
# Where objects of libraries keep what they were made from.
_HOLDERS = ("_pl_partition_by", "_pl_partitioning", "base_path", "_base_path", "files", "paths", "path")


def argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], place: int, names: Iterable[str]) -> Any:
    """An argument by its place, or by one of its names; ``None`` where it was not given."""
    if len(args) > place:
        return args[place]
    for name in names:
        if name in kwargs:
            return kwargs[name]
    return None


def places_of(value: Any, *, filesystem: Any = None, take_bytes: bool = False) -> list[str]:
    """The paths and URLs that a value stands for.

    ``filesystem``: what the paths are on, of fsspec or of Arrow, where the call says so.  ``take_bytes``: whether bytes
    are a path; to most libraries they are what a file holds.
    """
    found: list[str] = []
    _gather(value, found, take_bytes=take_bytes, depth=0)
    return [_on(filesystem, place) for place in found] if filesystem is not None else found


def _gather(value: Any, found: list[str], *, take_bytes: bool, depth: int) -> None:
    if isinstance(value, str):
        found.append(_place(value))
    elif isinstance(value, bytes):
        if take_bytes:
            found.append(os.fsdecode(value))
    elif isinstance(value, os.PathLike):
        path = os.fspath(value)
        # A path that knows more than its text, such as universal-pathlib's, is a URL as text.
        text = str(value)
        found.append(_place(text if scheme_of(text) and isinstance(path, str) else os.fsdecode(path)))
    elif depth >= _DEPTH or value is None or isinstance(value, (int, float, bytearray, memoryview)):
        return
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in list(value)[:_MANY]:
            _gather(each, found, take_bytes=take_bytes, depth=depth + 1)
    elif (filesystem := getattr(value, "fs", None)) is not None and isinstance(getattr(value, "path", None), str):
        found.append(_on(filesystem, value.path))  # a file of fsspec, open or to be opened
    elif isinstance(tensor := _text_of_tensor(value), (str, list)):
        _gather(tensor, found, take_bytes=take_bytes, depth=depth + 1)
    else:
        _gather_held(value, found, depth=depth)


def _gather_held(value: Any, found: list[str], *, depth: int) -> None:
    """What an object was made from: an open file has a name, a data set has its files."""
    if (name := _name_of_file(value)) is not None:
        found.append(name)
        return
    for name in _HOLDERS:
        held = getattr(value, name, None)
        if isinstance(held, (str, os.PathLike, list)) or (held is not None and name.startswith("_pl_")):
            _gather(held, found, take_bytes=False, depth=depth + 1)
            return


def _name_of_file(value: Any) -> str | None:
    """The name of an open file, where it is one: a member of a ZIP has a name as well, and lies nowhere."""
    name = getattr(value, "name", None)
    if not isinstance(name, (str, bytes)) or not callable(getattr(value, "fileno", None)):
        return None
    try:
        same = os.path.samestat(os.fstat(value.fileno()), os.stat(name))
    except (OSError, ValueError):  # no file of the system's, or gone, or closed
        return None
    return os.fsdecode(name) if same else None


def _place(text: str) -> str:
    return local_path(text) or text


def _text_of_tensor(value: Any) -> str | list[str] | None:
    """The text in a tensor of TensorFlow that has a value already; in a graph there is none yet."""
    if type(value).__name__ not in ("EagerTensor", "ResourceVariable"):
        return None
    content = value.numpy()
    many = content.ravel().tolist() if hasattr(content, "ravel") else [content]
    return [each.decode("utf-8", "surrogateescape") for each in many if isinstance(each, bytes)]


def _on(filesystem: Any, path: str) -> str:
    """A path on a filesystem: as it is where that is the computer's own, otherwise as a URL."""
    if scheme_of(path):
        return _place(path)
    kind = type(filesystem).__name__
    if kind == "SubTreeFileSystem":
        return _on(filesystem.base_fs, f"{filesystem.base_path.rstrip('/')}/{path.lstrip('/')}")
    if kind == "LocalFileSystem":
        return path
    if callable(unstrip := getattr(filesystem, "unstrip_protocol", None)):
        return _place(str(unstrip(path)))
    name = getattr(filesystem, "type_name", kind).removeprefix("py::fsspec+")
    return f"{name}://{path.lstrip('/')}"
