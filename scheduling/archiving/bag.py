"""Bags: folders in which nothing can be missing, added or altered unnoticed (BagIt 1.0, RFC 8493).

::

    bagit.txt                  what this is
    bag-info.txt               of which run, by whom, when
    data/…                     what it is about
    manifest-sha256.txt        the SHA-256 of every file in data
    sign-off.json              who signs for that, when, and the SHA-256 of the manifest
    tagmanifest-sha256.txt     the SHA-256 of these files themselves

A bag is made beside the place where it is to be, and put there in one step; a file ``.zip`` has the same in it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import HolotypeError, StorageFailed, StorageFull, TargetRefused

from ..running.durable import settle, settle_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BAGIT", "MANIFEST", "TAG_MANIFEST", "Bag", "digest_of", "lines_of", "new_bag", "path_of"]

MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
# Not all that Python takes for the end of a line: a name may have some of it.
_BREAK = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"([0-9a-f]{64})[ \t]+(\S.*)")
# A ZIP archive knows no earlier time; what is the same is the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Bag:
    """A bag that is being made in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self.bytes = 0

    def write(self, path: str, data: bytes | str) -> None:
        """A file in ``data``."""
        self._digests[f"data/{path}"] = self._put(f"data/{path}", data)

    def copy(self, path: str, source: Any) -> None:
        """A file in ``data``, from an open file."""
        target = self._new(f"data/{path}")
        digest = hashlib.sha256()
        with target.open("xb") as file:
            while block := source.read(_BLOCK):
                digest.update(block)
                file.write(block)
                self.bytes += len(block)
        self._digests[f"data/{path}"] = digest.hexdigest()

    def tag(self, path: str, data: bytes | str) -> None:
        """A file about the bag."""
        self._tags[path] = self._put(path, data)

    def manifest(self) -> str:
        """Write the digests of all that is in ``data``; returns the digest of that."""
        self.tag(MANIFEST, _lines(self._digests))
        return self._tags[MANIFEST]

    def close(self) -> str:
        """Write the digests of the files about the bag, which ends it; returns the digest of that."""
        text = _lines(self._tags)
        self._put(TAG_MANIFEST, text)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def count(self) -> int:
        """How many files are in ``data``."""
        return len(self._digests)

    def _put(self, path: str, data: bytes | str) -> str:
        given = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        target = self._new(path)
        with target.open("xb") as file:
            file.write(given)
        self.bytes += len(given) if path.startswith("data/") else 0
        return hashlib.sha256(given).hexdigest()

    def _new(self, path: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


@contextmanager
def new_bag(to: str | os.PathLike[str]) -> Iterator[Bag]:
    """A bag that is at ``to``, a folder that is empty or not there yet, or a new file ``.zip``, when all of it is made;
    where that fails, nothing is.

    Raises ``TargetRefused`` where something is there, ``StorageFull`` or ``StorageFailed``.
    """
    target = Path(os.path.abspath(os.fspath(to)))
    _refuse(target)
    aside = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        with _said(target):
            aside.mkdir(parents=True)
        with _said(target):
            yield (bag := Bag(aside))
        with _said(target):
            _place(bag.folder, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def digest_of(file: Any) -> str:
    """The SHA-256 of an open file."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def lines_of(text: str) -> tuple[dict[str, str], list[str]]:
    """The digests of a manifest by paths, and the lines that are none, or that name a path once more."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    lines = _BREAK.split(text)
    for line in lines if lines[-1] else lines[:-1]:
        match = _LINE.fullmatch(line)
        path = path_of(match[2]) if match is not None else None
        if match is None or path is None or path in found:
            wrong.append(line)
        else:
            found[path] = match[1]
    return found, wrong


def path_of(written: str) -> str | None:
    """A path as a manifest has it, where line breaks and percent signs are encoded; nothing for one that leads out."""
    path = written.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    parts = path.split("/")
    return None if path.startswith("/") or any(part in ("", ".", "..") for part in parts) else path


def _lines(digests: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {_written(path)}\n" for path, digest in sorted(digests.items()))


def _written(path: str) -> str:
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _refuse(target: Path) -> None:
    if os.path.lexists(target) and (target.suffix == ".zip" or not target.is_dir() or any(target.iterdir())):
        raise TargetRefused(f"{target} is there already: name another place", path=str(target))


@contextmanager
def _said(target: Path) -> Iterator[None]:
    """What the disk says, in our own errors."""
    try:
        yield
    except FileExistsError as error:
        raise TargetRefused(f"{target} is there already: name another place", path=str(target)) from error
    except HolotypeError:
        raise
    except OSError as error:
        full = error.errno in _FULL
        kind = StorageFull if full else StorageFailed
        raise kind(f"{target} cannot be written: {error.strerror or error}", path=str(target)) from error


def _place(folder: Path, target: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            settle(path)
    if target.suffix != ".zip":
        if target.is_dir():
            target.rmdir()
        folder.rename(target)
        settle_folder(target.parent)
        return
    packed = folder.with_name(f"{folder.name}.zip")
    try:
        _pack(folder, packed)
        os.link(packed, target)
        settle_folder(target.parent)
    finally:
        packed.unlink(missing_ok=True)


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "x", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                about = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                about.compress_type = zipfile.ZIP_DEFLATED
                about.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(about, "w", force_zip64=True) as entry:
                    shutil.copyfileobj(source, entry, _BLOCK)
    settle(packed)
