"""Every verb works where the platform lacks what others have; each call has a twin, and the twin is run here."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..archive.trees import files, fill, look, new_archive, restored

if TYPE_CHECKING:
    import pytest

attributes: Any = import_module("holotype.lake.tree.attributes")
context: Any = import_module("holotype.lake.context")


def test_every_verb_where_everything_is_missing_that_may_be(tmp_path: Path) -> None:
    program = Path(__file__).with_name("poor.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "author": "unknown",
        "backup": [0, 0, 7],
        "restore": [True, True],
        "workers": [True, True],
        "open": True,
        "array": [1000.0, 1001.0],
        "sql": [[2]],
        "diff": 1,
        "collect": 1,
        "verify": True,
    }


def test_without_extended_attributes_each_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    source = fill(tmp_path / "source", {"a": b"1"})
    os.setxattr(source / "a", "user.note", b"kept")
    archive.backup(source, dataset="run")
    monkeypatch.setattr(attributes, "_HAS_XATTRS", False)
    assert archive.backup(source, dataset="other", reread=True).problems == 0
    assert files(restored(archive, "other", tmp_path / "other")) == {b"a": b"1"}
    assert attributes.apply(os.fsencode(source / "a"), mtime_ns=0, xattrs=[(b"user.note", b"x")]) == [
        "the extended attribute user.note could not be set: this platform has none"
    ]
    monkeypatch.delattr(os, "setxattr")
    result = archive.restore("run", tmp_path / "back")
    assert [one.message for one in result.problems] == ["the extended attributes of 1 entries cannot be kept here"]
    assert files(look(tmp_path / "back")) == {b"a": b"1"}


def test_without_a_way_to_ask_for_holes_they_are_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fill(tmp_path / "source", {"hole": b""})
    os.truncate(source / "hole", 1 << 20)
    monkeypatch.delattr(os, "SEEK_HOLE")
    archive = new_archive()
    assert archive.backup(source, dataset="run").problems == 0
    assert restored(archive, "run", tmp_path / "back")[b"hole"].content == bytes(1 << 20)


def test_without_links_of_its_own_a_link_is_not_followed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be opened without following, the scan has the word."""
    levels: Any = import_module("holotype.lake.tree.levels")
    targets: Any = import_module("holotype.lake.restoring.targets")
    monkeypatch.setattr(levels, "_NOFOLLOW", 0)
    monkeypatch.setattr(levels, "_BY_DESCRIPTOR", False)
    monkeypatch.setattr(targets, "_NOFOLLOW", 0)
    monkeypatch.setattr(targets, "_BY_DESCRIPTOR", False)
    source = fill(tmp_path / "source", {"a": b"1", "folder/b": b"2"})
    (source / "link").symlink_to("folder")
    archive = new_archive()
    archive.backup(source, dataset="run")
    back = restored(archive, "run", tmp_path / "back")
    assert back == look(source)
    assert back[b"link"].content == b"folder"


def test_a_user_whom_nobody_can_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, and no database of users: Python says so in three ways."""
    for error in (KeyError("uid"), OSError(errno.ENOENT, "no such user"), ModuleNotFoundError("No module named 'pwd'")):

        def unknown(error: Exception = error) -> str:
            raise error

        monkeypatch.setattr("getpass.getuser", unknown)
        assert context.author_here().startswith("unknown@")
        assert new_archive(author=None).backup(Path(__file__), dataset="x").author.startswith("unknown@")
