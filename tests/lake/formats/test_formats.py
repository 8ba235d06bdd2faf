"""An archive of every format version there ever was is read, whole and as it is: nothing in it has to be rewritten."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from holotype import lake
from holotype.catalog import ArchiveReadOnly

from .making import contents

ARCHIVES = sorted(Path(__file__).parent.glob("archive-*"))


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_first_version_is_there() -> None:
    assert "archive-1" in [path.name for path in ARCHIVES]


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name)
def test_an_archive_of_every_version_is_read(path: Path, tmp_path: Path) -> None:
    before = digests(path)
    archive = lake.open(path, read_only=True)
    assert archive.verify().ok
    assert archive.verify(full=False).ok
    restored = archive.restore("run@2", tmp_path / "back", owners="none")
    assert restored.ok
    for name, data in contents().items():
        assert (tmp_path / "back" / name).read_bytes() == data
    assert (tmp_path / "back" / "link").readlink() == Path("notes.txt")
    assert archive.diff("run@1", "run@2").filter(change="modified")["path"].to_list() == ["notes.txt"]
    assert archive.snapshots("run")["number"].to_list() == [1, 2]
    assert archive.trash()["number"].to_list() == [3]
    assert archive.search(tags=["published"]).height == 1
    assert archive.sql("SELECT count(*) FROM files WHERE number = 2").pl().item() == 9
    assert np.asarray(archive.array("run@2", "signal.npy")[5990:]).tolist() == list(range(5990, 6000))
    with pytest.raises(ArchiveReadOnly):
        archive.forget("run@1")
    assert digests(path) == before


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.name)
def test_an_archive_of_every_version_can_be_moved(path: Path, tmp_path: Path) -> None:
    archive = lake.open(path, read_only=True)
    assert archive.copy(tmp_path / "copy").snapshots == ("run@1", "run@2")
    assert archive.compare(tmp_path / "copy", full=True).equal
    assert lake.open(tmp_path / "copy").search(tags=["published"]).height == 1
