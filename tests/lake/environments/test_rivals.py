"""Others at the same place: who creates an archive at the same moment, and who meddles with its log."""

from __future__ import annotations

import errno
import json
import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import ArchiveExists, LogDamaged, SingleWriterWarning

from ...catalog.racing import race
from ..archive.trees import SMALL, assert_sound, fill, look, new_archive, outcome, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CREATE = """
import sys
from holotype import lake
from holotype.catalog import ArchiveExists
url, me = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
try:
    print("made", lake.create(url, name=f"archive {me}", storage_options={"durable": False}).id)
except ArchiveExists as error:
    print("told", error)
"""


def test_of_those_who_create_an_archive_at_once_one_does_and_the_others_are_told(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    said = [line.split(" ", 1) for line in race(CREATE, str(place), runners=4)]
    ((_, made),) = [each for each in said if each[0] == "made"]
    assert [told for word, told in said if word == "told"] == [
        f"there is an archive at file://{place} already: open it\n"
    ] * 3
    archive = lake.open(place)
    assert archive.id == made.strip()
    archive.backup(fill(tmp_path / "source", {"a": b"1"}), dataset="run")
    assert_sound(archive)


def test_a_network_disk_without_locks_and_links_has_one_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock is ever taken; what is missing here is a way to create that refuses, and it says so."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr("holotype.catalog.stores.exclusive._primitive", lambda: None)
    for name in ("lockf", "flock"):
        with suppress(AttributeError, ImportError):
            monkeypatch.setattr(f"fcntl.{name}", refuse)
    with pytest.warns(SingleWriterWarning, match="has one writer"):
        archive = lake.create(tmp_path / "archive", chunking=SMALL, storage_options={"durable": False})
    assert archive.writers == "one"
    source = fill(tmp_path / "source", {"a": random.Random(1).randbytes(9000)})
    archive.backup(source, dataset="run")
    with pytest.raises(ArchiveExists):
        lake.create(tmp_path / "archive")
    with pytest.warns(SingleWriterWarning):
        again = lake.open(tmp_path / "archive")
    again.forget("run@1")
    again.recover("run@1")
    assert restored(again, "run", tmp_path / "back") == look(source)
    assert lake.open(tmp_path / "archive", read_only=True).verify().ok


def rewritten(data: bytes) -> bytes:
    """An entry with another message and a seal that is right: only the chain can tell."""
    from holotype.catalog.sealed import wrap

    fields = json.loads(data)
    del fields["seal"], fields["format"]
    return wrap({**fields, "message": "it was never different"})


MEDDLING: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "rewritten": lambda path: path.write_bytes(rewritten(path.read_bytes())),
    "emptied": lambda path: path.write_bytes(b""),
    "exchanged": lambda path: path.write_bytes((path.parent / f"{2:020d}.json").read_bytes()),
}


@pytest.mark.parametrize("meddle", MEDDLING)
@pytest.mark.parametrize("version", [1, 3])
def test_an_entry_of_the_log_that_somebody_deleted_or_rewrote_is_named(
    version: int, meddle: str, tmp_path: Path
) -> None:
    archive = new_archive(tmp_path / "archive")
    source = tmp_path / "source"
    for number in range(3):
        archive.backup(fill(source, {"a": b"%d" % number}), dataset="run")
    MEDDLING[meddle](tmp_path / f"archive/log/{version:020d}.json")
    # Whoever opens it is told, and whoever has it open, when they look; the entry named is this one, or the next,
    # which says what this one was.
    named = {f"log/{each:020d}.json" for each in (version, version + 1)}
    opened = outcome(lambda: lake.open(tmp_path / "archive"))
    assert isinstance(opened, LogDamaged)
    assert opened.about["key"] in named
    assert str(opened.about["key"]) in str(opened)
    assert named & set(archive.verify().damage["object"])


def test_the_newest_entry_rewritten_is_known_to_whoever_has_seen_it(tmp_path: Path) -> None:
    archive = new_archive(tmp_path / "archive")
    archive.backup(fill(tmp_path / "source", {"a": b"1"}), dataset="run")
    last = max((tmp_path / "archive/log").iterdir())
    MEDDLING["rewritten"](last)
    assert f"log/{last.name}" in set(archive.verify().damage["object"])
    # A backup upon the other history would make two of them: it is refused.
    result = outcome(lambda: archive.backup(fill(tmp_path / "source", {"a": b"2"}), dataset="run"))
    if isinstance(result, BaseException):
        assert isinstance(result, LogDamaged)
    else:
        assert isinstance(outcome(lambda: lake.open(tmp_path / "archive")), LogDamaged)
