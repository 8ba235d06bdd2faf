"""Where a restore may write: into a folder that is new or empty, and has nothing to do with the archive."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from .test_attributes import refusing
from .trees import placing

if TYPE_CHECKING:
    from pathlib import Path

catalog: Any = import_module("holotype.catalog")
targets: Any = import_module("holotype.lake.restoring.targets")


def test_a_target_may_be_new_or_empty_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    os.symlink("empty", tmp_path / "link")
    for fine in ("new", "new/deeper", "empty", "link"):
        placing.check_target(tmp_path / fine)
    with pytest.raises(catalog.TargetRefused, match="'file'"):
        placing.check_target(tmp_path / "full")
    with pytest.raises(catalog.TargetRefused, match="not a folder"):
        placing.check_target(tmp_path / "full/file")
    with pytest.raises(catalog.TargetRefused, match="not a folder"):
        placing.check_target(tmp_path / "full/file/below")


def test_a_target_in_the_archive_or_around_it_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    (archive / "packs").mkdir(parents=True)
    os.symlink("archive", tmp_path / "link")
    for inside in (archive, archive / "packs", archive / "new", tmp_path / "link/new/deeper"):
        with pytest.raises(catalog.TargetRefused, match="lies in the archive"):
            placing.check_target(inside, archive=archive)
    with pytest.raises(catalog.TargetRefused, match="holds the archive"):
        placing.check_target(tmp_path, archive=tmp_path / "link")
    placing.check_target(tmp_path / "archive2", archive=archive)


def test_a_target_that_may_not_be_looked_into_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.os, "scandir", refusing("scandir", errno.EACCES))
    with pytest.raises(catalog.StorageDenied):
        placing.check_target(tmp_path)
