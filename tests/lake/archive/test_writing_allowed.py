"""Whether an archive can be written to, found out before there is anything to write."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import ArchiveReadOnly, StorageDenied, StorageFailed

from ...catalog.faults import FaultyStore
from ...scheduling.archiving.stores import new_archive_in
from ..retention.interleaving import SharedStore

if TYPE_CHECKING:
    from pathlib import Path


def test_who_opened_it_for_reading_only_is_told_so_and_nothing_is_tried(tmp_path: Path) -> None:
    assert not lake.create(tmp_path / "archive").read_only
    archive = lake.open(tmp_path / "archive", read_only=True)
    assert archive.read_only
    with pytest.raises(ArchiveReadOnly, match="for reading only"):
        archive.try_writing()


def test_trying_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = lake.create(tmp_path / "archive")
    before = sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file())
    archive.try_writing()
    assert sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file()) == before


def test_what_the_storage_says_is_said(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore(SharedStore())
    archive = new_archive_in(store)
    for kind in StorageDenied, StorageFailed:
        store.error = partial(kind, "this is why")
        store.arm(1)
        with pytest.raises(kind, match="this is why"):
            archive.try_writing()
    # A storage that keeps everything may be written to all the same.
    store.only = frozenset({"delete"})
    store.arm(2)
    with caplog.at_level(logging.WARNING):
        archive.try_writing()
    assert "stay under probes/" in caplog.text
