"""What the benchmarks do to folders between the jobs they time: copy, warm, weigh, compare, remove."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["age", "contents", "copy", "difference", "remove", "settle", "size", "warm"]

BLOCK = 1 << 20


def copy(source: Path, target: Path) -> None:
    """Copy a folder with its times: by `cp`, which takes seconds where Python takes a minute."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def remove(*folders: Path) -> None:
    """Remove folders, whether or not they are there."""
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


def contents(folder: Path) -> dict[str, os.stat_result]:
    """Everything below `folder` that is not a folder itself, by its path relative to it."""
    return {path[len(str(folder)) + 1 :]: found for path, found in _walk(str(folder))}


def size(folder: Path) -> int:
    """The bytes in all files below `folder`."""
    return sum(found.st_size for _, found in _walk(str(folder)))


def warm(folder: Path) -> None:
    """Read every file once, so that the next program finds it in the page cache."""
    buffer = bytearray(BLOCK)
    for path, found in _walk(str(folder)):
        if not stat.S_ISREG(found.st_mode):
            continue
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def settle() -> None:
    """Wait until what was written so far is on the disk, so that one program does not pay for the one before."""
    os.sync()


def age() -> None:
    """Wait until no file has changed so lately that its times are not to be trusted later on: holotype and borg would
    read such a file again, if they come first."""
    time.sleep(2.5)


def difference(one: Path, other: Path) -> str | None:
    """What differs between two folders, byte for byte, or `None` when they are the same; symlinks are not followed."""
    here, there = contents(one), contents(other)
    if here.keys() != there.keys():
        return f"only on one side: {min(here.keys() ^ there.keys())}"
    for name, found in here.items():
        if not _same(one / name, found, other / name, there[name]):
            return f"not the same bytes: {name}"
    return None


def _same(one: Path, here: os.stat_result, other: Path, there: os.stat_result) -> bool:
    if stat.S_IFMT(here.st_mode) != stat.S_IFMT(there.st_mode) or here.st_size != there.st_size:
        return False
    if stat.S_ISLNK(here.st_mode):
        return os.readlink(one) == os.readlink(other)
    return not stat.S_ISREG(here.st_mode) or _same_bytes(one, other)


def _same_bytes(one: Path, other: Path) -> bool:
    first, second = bytearray(BLOCK), bytearray(BLOCK)
    with open(one, "rb", buffering=0) as here, open(other, "rb", buffering=0) as there:
        while count := here.readinto(first):
            if there.readinto(second) != count or first[:count] != second[:count]:
                return False
    return True


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.path, entry.stat(follow_symlinks=False)
