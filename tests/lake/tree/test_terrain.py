"""What a folder can hold is tried out there: on this machine's file systems, and on others that tests play."""

from __future__ import annotations

import errno
import os
import unicodedata
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from .test_attributes import refusing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

catalog: Any = import_module("holotype.catalog")
naming: Any = import_module("holotype.lake.tree.naming")
terrain: Any = import_module("holotype.lake.restoring.terrain")


def text(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A change of text, for what is text."""
    return lambda name: change(name.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def play(
    patch: pytest.MonkeyPatch,
    *,
    stored: Callable[[bytes], bytes] = lambda name: name,
    refused: Callable[[bytes], int] = lambda name: 0,
) -> None:
    """A file system that takes a name for what ``stored`` makes of it, and fails with ``refused`` unless that is 0."""
    real_open, real_lstat = os.open, os.lstat

    def called(path: Any, *, making: bool) -> bytes:
        folder, name = os.path.split(os.fsencode(path))
        if making and (number := refused(name)):
            raise OSError(number, os.strerror(number))
        return os.path.join(folder, stored(name))

    def opening(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        making = bool(flags & os.O_CREAT)
        return real_open(called(path, making=making) if making else path, flags, *arguments, **options)

    def looking(path: Any, **options: Any) -> os.stat_result:
        inside = isinstance(path, bytes) and b"/.holotype-" in path and not os.path.basename(path).startswith(b".holo")
        return real_lstat(called(path, making=False) if inside else path, **options)

    patch.setattr(os, "open", opening)
    patch.setattr(os, "lstat", looking)


def test_a_plain_folder_keeps_everything_and_is_left_as_it_was(tmp_path: Path) -> None:
    assert terrain.rules_for(tmp_path) == naming.POSIX
    assert os.listdir(tmp_path) == []


def test_where_there_is_no_folder_yet_the_one_above_is_asked(tmp_path: Path) -> None:
    assert terrain.rules_for(tmp_path / "not/yet/there") == naming.POSIX
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("stored", "folds", "normalises"),
    [
        (bytes.lower, "simple", False),
        (text(str.lower), "simple", False),
        (text(lambda name: unicodedata.normalize("NFD", name)), None, True),
        (text(lambda name: unicodedata.normalize("NFD", name).casefold()), "full", True),
    ],
)
def test_names_that_are_the_same_are_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stored: Callable[[bytes], bytes],
    folds: str | None,
    *,
    normalises: bool,
) -> None:
    play(monkeypatch, stored=stored)
    rules = terrain.rules_for(tmp_path)
    assert (rules.folds, rules.normalises) == (folds, normalises)
    # A Mac and a Windows may be told apart from what their platform says, too.
    assert terrain.rules_for(tmp_path, platform=naming.WINDOWS).folds == folds
    assert terrain.rules_for(tmp_path, platform=naming.MACOS).normalises is normalises


def test_a_stick_with_fat_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: bytes) -> int:
        try:
            return errno.EINVAL if any(each in name.decode() for each in '<>:"|?*\\\t') else 0
        except UnicodeDecodeError:
            return errno.EILSEQ

    monkeypatch.setattr(os, "chmod", refusing("chmod", errno.EPERM))
    monkeypatch.setattr(os, "chown", refusing("chown", errno.EPERM))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "symlink", refusing("symlink", errno.EPERM))
    monkeypatch.setattr(os, "mkfifo", refusing("mkfifo", errno.EPERM))
    monkeypatch.setattr(os, "link", refusing("link", errno.EPERM))
    monkeypatch.setattr(os, "setxattr", refusing("setxattr", errno.ENOTSUP))
    play(monkeypatch, stored=lambda name: name.lower().rstrip(b". ")[:255], refused=refused)
    rules = terrain.rules_for(tmp_path)
    assert rules == naming.Rules(
        "posix",
        characters=True,
        ends=True,
        unicode=True,
        longest_bytes=255,
        folds="simple",
        symlinks=False,
        hardlinks=False,
        xattrs=False,
        owners=False,
        modes=rules.modes,
        specials=False,
    )
    assert rules.modes


def test_names_may_be_longer_or_shorter_than_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def up_to(most: int) -> Callable[[bytes], int]:
        return lambda name: errno.ENAMETOOLONG if len(name) > most else 0

    with monkeypatch.context() as patch:
        play(patch, refused=up_to(143))
        patch.setattr(os, "pathconf", lambda path, name: 143)
        assert terrain.rules_for(tmp_path).longest_bytes == 143
    with monkeypatch.context() as patch:
        play(patch, refused=up_to(143))
        patch.delattr(os, "pathconf")
        assert terrain.rules_for(tmp_path).longest_bytes == 255
    with monkeypatch.context() as patch:
        # 255 units of whatever length, as NTFS has them; here they are put under a short name.
        patch.setattr(terrain._Trial, "_keeps", lambda trial, name: True)
        rules = terrain.rules_for(tmp_path)
        assert (rules.longest_bytes, rules.longest_units) == (None, 255)


def test_links_are_for_those_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def symlink(*_: object) -> None:
        error = OSError(errno.EBADF, "a required privilege is not held by the client")
        error.winerror = 1314  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(os, "symlink", symlink)
    assert not terrain.rules_for(tmp_path, platform=naming.WINDOWS).symlinks


def test_a_platform_that_lacks_something_is_not_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("setxattr", "chown", "geteuid", "mkfifo", "pathconf"):
        monkeypatch.delattr(os, name)
    rules = terrain.rules_for(tmp_path)
    assert (rules.xattrs, rules.owners, rules.specials, rules.symlinks) == (False, False, False, True)
    assert terrain.rules_for(tmp_path, platform=naming.WINDOWS).modes == naming.WINDOWS.modes


def test_whoever_may_give_nothing_away_is_told_so_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chown", refusing("chown", errno.EPERM))
    assert terrain.rules_for(tmp_path).owners


@pytest.mark.parametrize(
    ("call", "number", "error"),
    [
        ("mkdir", errno.EACCES, "StorageDenied"),
        ("mkdir", errno.EROFS, "StorageDenied"),
        ("open", errno.ENOSPC, "StorageFull"),
        ("open", errno.EIO, "StorageFailed"),
        ("symlink", errno.ENOSPC, "StorageFull"),
    ],
)
def test_a_failure_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: str
) -> None:
    real = os.open
    refuse = refusing(call, number)

    def opening(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        return refuse() if flags & os.O_CREAT else real(path, flags, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, opening if call == "open" else refuse)
        with pytest.raises(getattr(catalog, error)):
            terrain.rules_for(tmp_path)
    assert os.listdir(tmp_path) == []
