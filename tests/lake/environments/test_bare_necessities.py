"""Reading an archive writes nothing into it and needs no right to; and nothing needs a network that is not its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import StorageFull, open_store

from ..archive.trees import files, fill, look, new_archive
from .journey import fill as fill_archive
from .journey import make
from .journey import read as read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

catalog_files: Any = import_module("holotype.catalog.files")
catalog_sql: Any = import_module("holotype.catalog.sql")

PROGRAM = Path(__file__).with_name("journey.py")
EXPECTED = {
    "snapshots": 3,
    "files": 7,
    "sql": [[14]],
    "history": 2,
    "search": 1,
    "usage": 2,
    "open": ["small", "changed"],
    "array": [1000.0, 1001.0],
    "table": 7,
    "scan": 3,
    "restore": True,
    "large": 3_000_000,
    "verify": [True, True],
}


def journey(*arguments: object, prefix: str = "") -> dict[str, Any]:
    """What the program says, run by ``prefix`` where there is one."""
    command = [*shlex.split(prefix), sys.executable, str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def works(*command: str) -> bool:
    """Whether this machine, and this user's rights, let a command succeed."""
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may look into and write to."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@pytest.fixture
def closed(place: Path) -> Path:
    """An archive in which nobody may write anything."""
    fill_archive(lake.create(place / "archive", storage_options={"durable": False}), make(place / "source"))
    for path in [place / "archive", *(place / "archive").rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    (place / "target").mkdir()
    (place / "target").chmod(0o777)
    return place / "archive"


def assert_all_was_read(said: dict[str, Any]) -> None:
    """The answers are those of an archive with all rights."""
    said = dict(said)
    assert "folder/small" in said.pop("diff")
    said.pop("collect", None)
    assert said == EXPECTED


def test_whoever_may_only_look_reads_all_of_it(closed: Path, place: Path) -> None:
    before = look(closed)
    assert_all_was_read(journey("read", closed, place / "target", "--nobody", "--watched"))
    assert look(closed) == before


def test_a_disk_that_cannot_be_written_is_enough(closed: Path, place: Path) -> None:
    """Where this user may mount one; elsewhere whatever would write is found by another way."""
    archive = shlex.quote(str(closed))
    script = f"mount --bind {archive} {archive} && mount -o remount,bind,ro {archive}"
    prefix = ""
    if works("unshare", "-m", "sh", "-c", script):
        prefix = f"""unshare -m sh -c {shlex.quote(f'{script} && ! touch {archive}/x 2>/dev/null && exec "$@"')} sh"""
    assert_all_was_read(journey("read", closed, place / "target", "--watched", prefix=prefix))


def test_whoever_may_only_look_is_told_so_when_writing(closed: Path, place: Path) -> None:
    assert journey("write", closed, place / "source", "--nobody") == {"refused": "StorageDenied"}


def test_nothing_asks_for_a_network(place: Path) -> None:
    make(place / "source")
    prefix = "unshare -n" if works("unshare", "-n", "true") else ""
    said = journey("all", place / "archive", place, "--offline", prefix=prefix)
    assert said["collect"] == 1
    assert_all_was_read(said)


def test_where_no_temporary_file_can_be_made_a_local_archive_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = new_archive(tmp_path / "archive")
    fill_archive(archive, make(tmp_path / "source"))

    def nowhere(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    kept = catalog_files.scratch, catalog_sql._shared
    for cached in kept:
        cached.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", nowhere)
        patch.setattr(tempfile, "NamedTemporaryFile", nowhere)
        patch.setattr(tempfile, "TemporaryFile", nowhere)
        assert read_all(lake.open(tmp_path / "archive"), tmp_path / "back")["sql"]
    for cached in kept:
        cached.cache_clear()


def test_where_no_temporary_file_can_be_made_a_distant_archive_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = new_archive()
    archive.backup(fill(tmp_path / "source", {"a": b"1"}), dataset="run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "NamedTemporaryFile", full)
        with pytest.raises(StorageFull, match="set TMPDIR"):
            archive.sql("SELECT * FROM snapshots").fetchall()
        archive.restore("run", tmp_path / "back")
    assert files(look(tmp_path / "back")) == {b"a": b"1"}
    assert open_store(archive.url).exists("archive.json")
