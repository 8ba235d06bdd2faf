"""Which packages are installed: for this Python, and in the conda environment that is active, each with a hash.

A wheel's ``RECORD`` lists every file it installed with that file's SHA-256, so the SHA-256 of the list stands for the
whole package.  What was installed for development has a list without its sources; it is marked ``editable``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Package", "conda_owner", "conda_packages", "packages"]

_HEAD = 4096  # bytes of a package's metadata within which its name and version stand


@dataclass(frozen=True)
class Package:
    """An installed package.

    ``sha256``: of the list of its files and their hashes; of conda's, of the archive it came in.  ``commit``: the
    commit it was installed from, where that is known.  ``source``: ``pypi`` or what conda calls its channel;
    ``editable`` when its files may change without being installed again.
    """

    name: str
    version: str
    sha256: str | None = None
    commit: str | None = None
    source: str = "pypi"


def packages() -> tuple[Package, ...]:
    """The packages that this Python finds, by name; looked for again when something was installed."""
    places = tuple(place or os.curdir for place in sys.path)
    return _packages(places, tuple(_changed(place) for place in places))


@lru_cache(maxsize=2)
def _packages(places: tuple[str, ...], changed: tuple[int, ...]) -> tuple[Package, ...]:
    del changed  # something was installed, or taken away
    found: dict[str, Package] = {}
    for folder in _installed(places):
        package = _package(folder)
        # Of several of one name the first is imported.
        if package is not None:
            found.setdefault(re.sub(r"[-_.]+", "-", package.name).lower(), package)
    return tuple(found[name] for name in sorted(found))


def _changed(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except OSError:  # many entries of sys.path are not there
        return 0


def _installed(places: tuple[str, ...]) -> Iterator[str]:
    """The folders that installers leave beside a package's own."""
    for place in places:
        try:
            names = os.listdir(place)
        except OSError:  # many entries of sys.path are not there, or are no folders
            continue
        for name in sorted(names):
            if name.endswith((".dist-info", ".egg-info")):
                yield os.path.join(place, name)


def _package(folder: str) -> Package | None:
    # Parsing all of the metadata, as importlib does, takes ten times as long as reading it.
    head = (_read(folder, "METADATA") or _read(folder, "PKG-INFO") or b"")[:_HEAD].decode("utf-8", "replace")
    name, version = (re.search(rf"^{key}:[ \t]*(\S+)", head, re.MULTILINE) for key in ("Name", "Version"))
    if name is None or version is None:
        return None
    record = _read(folder, "RECORD")
    commit, editable = _origin(_read(folder, "direct_url.json"))
    return Package(
        name[1],
        version[1],
        None if record is None else hashlib.sha256(record).hexdigest(),
        commit,
        "editable" if editable else "pypi",
    )


def _read(folder: str, name: str) -> bytes | None:
    try:
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()
    except OSError:  # not every installer leaves every file
        return None


def _origin(text: bytes | None) -> tuple[str | None, bool]:
    """The commit that a package was installed from, and whether it can be edited where it lies."""
    origin = _mapping(text)
    commit = _mapping(origin.get("vcs_info")).get("commit_id")
    return commit if isinstance(commit, str) else None, _mapping(origin.get("dir_info")).get("editable") is True


def _mapping(value: object) -> dict[str, Any]:
    if isinstance(value, (bytes, str)):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, UnicodeDecodeError):  # written by somebody else, and nothing depends on it
            return {}
    return value if isinstance(value, dict) else {}


def conda_packages(prefix: str | None = None) -> tuple[Package, ...]:
    """The packages of a conda environment, by default the active one, by name; none where there is none."""
    prefix = prefix or os.environ.get("CONDA_PREFIX") or sys.prefix
    folder = os.path.join(prefix, "conda-meta")
    changed = _changed(folder)
    return _conda_packages(folder, changed) if changed else ()


@lru_cache(maxsize=4)
def _conda_packages(folder: str, changed: int) -> tuple[Package, ...]:
    del changed
    return tuple(sorted((package for package, _ in _records(folder)), key=lambda package: package.name))


def _records(folder: str) -> Iterator[tuple[Package, dict[str, Any]]]:
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".json"):
            continue
        record = _mapping(_read(folder, name))
        if isinstance(record.get("name"), str) and isinstance(record.get("version"), str):
            # The channel's last part; the rest may name somebody's server.
            channel = str(record.get("channel") or "conda").rstrip("/").split("/")
            channel = [part for part in channel if part not in ("noarch", record.get("subdir"))]
            digest = record.get("sha256")
            version = f"{record['version']}={record.get('build', '')}".rstrip("=")
            package = Package(record["name"], version, digest if isinstance(digest, str) else None, None, channel[-1])
            yield package, record


@lru_cache(maxsize=256)
def conda_owner(program: str) -> Package | None:
    """The conda package that installed a program, by its path; ``None`` outside conda's environments."""
    prefix = os.path.dirname(os.path.dirname(program))
    folder = os.path.join(prefix, "conda-meta")
    if not os.path.isdir(folder):
        return None
    place = os.path.relpath(program, prefix).replace(os.sep, "/")
    for package, record in _records(folder):
        if place in (record.get("files") or ()):
            return package
    return None
