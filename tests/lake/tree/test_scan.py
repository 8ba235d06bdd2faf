"""A scan finds everything that is there, says what it could not read, and never leaves the source."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from .trees import kinds, names, nobody, paths, scanned, scanning

if TYPE_CHECKING:
    from pathlib import Path

catalog: Any = import_module("holotype.catalog")
levels: Any = import_module("holotype.lake.tree.levels")
statuses: Any = import_module("holotype.lake.tree.statuses")


def fill(folder: Path, *files: str) -> None:
    """Make files, each holding its own path."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def status_with(status: os.stat_result, **changed: int) -> Any:
    """A status that differs from another in some fields."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return changed[name] if name in changed else getattr(status, name)

    return Other()


class Calls:
    """Stands in for a function of ``os`` and interferes with some of its calls."""

    def __init__(self, function: Any, interfere: Any) -> None:
        self.function, self.interfere = function, interfere

    def __call__(self, path: Any, *arguments: Any, **options: Any) -> Any:
        name = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
        found = self.interfere(name)
        if isinstance(found, BaseException):
            raise found
        return self.function(path, *arguments, **options) if found is None else found


def test_every_fact_is_what_the_system_says(tmp_path: Path) -> None:
    fill(tmp_path, "a/one", "two")
    os.chmod(tmp_path / "two", 0o4751)
    os.utime(tmp_path / "two", ns=(0, -1_500_000_000))
    os.symlink("some/where", tmp_path / "link")
    table, problems = scanned(tmp_path)
    assert problems == []
    assert table.schema.equals(scanning.SCANNED)
    assert names(table) == ["", "a", "a/one", "link", "two"]
    for row in table.to_pylist():
        status = os.lstat(tmp_path / row["path"])
        assert (row["mtime_ns"], row["ctime_ns"], row["inode"]) == (
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        )
        assert (row["uid"], row["gid"], row["device"]) == (status.st_uid, status.st_gid, status.st_dev)
        assert (row["mode"], row["nlink"]) == (stat.S_IMODE(status.st_mode), status.st_nlink)
        assert row["size"] == (status.st_size if row["path"] not in ("", "a") else 0)
    link = table.to_pylist()[3]
    assert (link["kind"], link["target"], link["size"]) == ("symlink", b"some/where", 10)


def test_a_folder_comes_before_what_it_holds_and_its_neighbours_after(tmp_path: Path) -> None:
    fill(tmp_path, "a/x", "a/y/z", "a-b", "a.txt", "b", "B")
    assert names(scanned(tmp_path)[0]) == ["", "B", "a", "a/x", "a/y", "a/y/z", "a-b", "a.txt", "b"]


def test_a_large_folder_is_taken_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, *(f"f{number:03}" for number in range(50)), "f020x/in", "f041x/in")
    os.symlink("x", tmp_path / "f033x")
    whole, _ = scanned(tmp_path)
    monkeypatch.setattr(scanning, "_AT_ONCE", 7)
    parts = [batch.entries for batch in scanning.scan(tmp_path, batch_rows=10)]
    assert pa.concat_tables(parts).to_pylist() == whole.to_pylist()
    assert max(part.num_rows for part in parts) < 10 + 7


def test_a_single_file_is_a_source(tmp_path: Path) -> None:
    fill(tmp_path, "one.txt")
    os.symlink("one.txt", tmp_path / "link")
    assert kinds(scanned(tmp_path / "one.txt")[0]) == {"one.txt": "file"}
    table, _ = scanned(tmp_path / "link")
    assert kinds(table) == {"link": "file"}
    assert table["size"].to_pylist() == [7]


def test_a_link_to_a_folder_is_followed_at_the_top_only(tmp_path: Path) -> None:
    fill(tmp_path, "real/a", "other/b")
    os.symlink("real", tmp_path / "link")
    os.symlink("../other", tmp_path / "real/other")
    os.symlink("..", tmp_path / "real/up")
    assert kinds(scanned(tmp_path / "link")[0]) == {"": "directory", "a": "file", "other": "symlink", "up": "symlink"}


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "file")
    for path in (tmp_path / "nothing", tmp_path / "file" / "below"):
        with pytest.raises(catalog.SourceNotFound, match=path.name):
            scanning.scan(path)


def test_a_source_that_cannot_be_read_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(catalog.SourceProblem, match="neither"):
        scanning.scan("/dev/null")
    denied = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(levels.os, "listdir", Calls(os.listdir, lambda name: denied))
    with pytest.raises(catalog.SourceProblem, match="Permission denied"):
        scanning.scan(tmp_path)


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(catalog.InvalidOption):
        scanning.scan(tmp_path, batch_rows=0)
    with pytest.raises(catalog.InvalidOption):
        scanning.scan(tmp_path, exclude=["a/../b"])


def test_specials_are_rows_and_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)  # the path of a socket may only be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    table, problems = scanned(tmp_path)
    assert problems == []
    assert kinds(table) == {"": "directory", "fifo": "fifo", "socket": "socket"}
    assert table["size"].to_pylist() == [0, 0, 0]


def test_devices_say_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "device", "strange")
    real = os.stat
    made = {"device": (stat.S_IFBLK | 0o660, os.makedev(8, 1)), "strange": (0o030000, 0)}

    def looked(name: str) -> Any:
        if name in made:
            return status_with(real(tmp_path / name), st_mode=made[name][0], st_rdev=made[name][1], st_size=7)
        return None

    monkeypatch.setattr(levels.os, "stat", Calls(real, looked))
    table, problems = scanned(tmp_path)
    assert kinds(table) == {"": "directory", "device": "block-device"}
    assert (table["target"][1].as_py(), table["size"][1].as_py()) == (b"8:1", 0)
    assert [(one.path, one.problem) for one in problems] == [(b"strange", "special")]


def test_hard_links_name_the_first_of_them(tmp_path: Path) -> None:
    fill(tmp_path, "b/first", "single")
    for name in ("b/second", "c", "d/third"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.link(tmp_path / "b/first", tmp_path / name)
    os.symlink("x", tmp_path / "soft")
    os.link(tmp_path / "soft", tmp_path / "soft2", follow_symlinks=False)
    batches = list(scanning.scan(tmp_path, batch_rows=1))
    table = pa.concat_tables([batch.entries for batch in batches])
    found = {row["path"]: (row["kind"], row["target"]) for row in table.to_pylist()}
    assert found["b/first"] == ("file", None)
    assert {found[name] for name in ("b/second", "c", "d/third")} == {("hardlink", b"b/first")}
    assert found["soft"] == ("symlink", b"x")
    assert found["soft2"] == ("hardlink", b"soft")
    assert found["single"] == ("file", None)


def test_a_group_of_hard_links_is_forgotten_once_complete() -> None:
    links = statuses.Links()
    assert [links.first(1, 5, 3, name) for name in ("a", "b", "c", "d")] == [None, b"a", b"a", None]
    assert links.first(2, 5, 2, "other device") is None


def test_a_folder_that_cannot_be_read_is_recorded_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a", "closed/in", "z")
    denied = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(levels.os, "open", Calls(os.open, lambda name: denied if name == "closed" else None))
    table, problems = scanned(tmp_path)
    assert names(table) == ["", "a", "closed", "z"]
    assert [(one.path, one.problem, one.message) for one in problems] == [
        (b"closed", "unreadable", "Permission denied")
    ]


def test_what_the_user_may_not_read_is_recorded() -> None:
    with nobody() as folder:
        fill(folder, "a", "closed/in", "listed/in", "z")
        os.chmod(folder / "closed", 0o000)
        os.chmod(folder / "listed", 0o600)
        table, problems = scanned(folder)
        os.chmod(folder / "closed", 0o700)
        os.chmod(folder / "listed", 0o700)
    assert names(table) == ["", "a", "closed", "listed", "z"]
    assert [(one.path, one.problem) for one in problems] == [(b"closed", "unreadable"), (b"listed/in", "unreadable")]


@pytest.mark.parametrize("victim", ["b", "folder", "link"])
def test_what_vanishes_during_the_scan_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    fill(tmp_path, "a", "b", "folder/in", "z")
    os.symlink("x", tmp_path / "link")
    gone = FileNotFoundError(errno.ENOENT, "No such file or directory")
    function = {"b": "stat", "folder": "open", "link": "readlink"}[victim]
    monkeypatch.setattr(
        levels.os, function, Calls(getattr(os, function), lambda name: gone if name == victim else None)
    )
    table, problems = scanned(tmp_path)
    assert [(one.path.decode(), one.problem) for one in problems] == [(victim, "vanished")]
    left = [name for name in ("", "a", "b", "folder", "folder/in", "link", "z") if victim not in name]
    assert names(table) == (left if victim != "folder" else ["", "a", "b", "folder", "link", "z"])


def test_a_folder_swapped_for_a_link_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "source/folder/in", "secret/key")
    real = os.open

    def swap(name: str) -> None:
        if name == "folder":
            os.rename(tmp_path / "source/folder", tmp_path / "away")
            os.symlink(tmp_path / "secret", tmp_path / "source/folder")

    monkeypatch.setattr(levels.os, "open", Calls(real, swap))
    table, problems = scanned(tmp_path / "source")
    assert names(table) == ["", "folder"]
    assert [(one.path, one.problem) for one in problems] == [(b"folder", "vanished")]


def test_what_is_excluded_is_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.tmp", "keep", "cache/deep/x", "sub/b.tmp", "sub/cache", "only/c.tmp")
    opened: list[str] = []
    monkeypatch.setattr(levels.os, "open", Calls(os.open, opened.append))
    assert names(scanned(tmp_path, exclude=["*.tmp", "cache/"])[0]) == ["", "keep", "only", "sub", "sub/cache"]
    assert "cache" not in opened


def test_only_what_is_included_is_kept_with_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "reads/a.fastq", "reads/b.txt", "reads/raw/c.fastq", "other/d/e", "whole/x/y", "top", "reads/z")
    opened: list[str] = []
    monkeypatch.setattr(levels.os, "open", Calls(os.open, opened.append))
    table, _ = scanned(tmp_path, include=["/reads/*.fastq", "/whole"], exclude=["y"])
    assert names(table) == ["", "reads", "reads/a.fastq", "whole", "whole/x"]
    assert "other" not in opened
    table, _ = scanned(tmp_path, include=["c.fastq"], batch_rows=1)
    assert names(table) == ["", "reads", "reads/raw", "reads/raw/c.fastq"]
    assert names(scanned(tmp_path, include=["nothing"])[0]) == [""]


def test_the_archive_in_its_own_source_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a", "sub/archive/pack", "sub/b")
    os.symlink("sub/archive", tmp_path / "link")
    archive = tmp_path / "sub/archive"
    for outside in ([archive], [tmp_path / "link"], [archive, tmp_path / "not made yet"]):
        assert names(scanned(tmp_path, outside=outside)[0]) == ["", "a", "link", "sub", "sub/b"]
    with pytest.raises(catalog.SourceProblem, match="itself"):
        scanning.scan(archive, outside=[archive])


def test_one_filesystem_keeps_the_mount_point_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a", "mounted/in", "z/in")
    real = os.stat
    elsewhere = status_with(real(tmp_path / "mounted"), st_dev=99_999)
    monkeypatch.setattr(levels.os, "stat", Calls(real, lambda name: elsewhere if name == "mounted" else None))
    assert names(scanned(tmp_path, one_filesystem=True)[0]) == ["", "a", "mounted", "z", "z/in"]
    assert "mounted/in" in names(scanned(tmp_path)[0])


def test_a_junction_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "junction/in")
    real = os.stat
    reparsed = status_with(real(tmp_path / "junction"), st_reparse_tag=0xA0000003)
    monkeypatch.setattr(levels.os, "stat", Calls(real, lambda name: reparsed if name == "junction" else None))
    table, problems = scanned(tmp_path)
    assert names(table) == ["", "junction"]
    assert [(one.path, one.problem) for one in problems] == [(b"junction", "loop")]


def test_caches_keep_their_tag(tmp_path: Path) -> None:
    fill(tmp_path, "cache/x/y", "fake/x", "fake/CACHEDIR.TAG", "link/x", "a")
    (tmp_path / "cache/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n")
    os.symlink("../cache/CACHEDIR.TAG", tmp_path / "link/CACHEDIR.TAG")
    table, _ = scanned(tmp_path, exclude_caches=True)
    assert names(table) == [
        "",
        "a",
        "cache",
        "cache/CACHEDIR.TAG",
        "fake",
        "fake/CACHEDIR.TAG",
        "fake/x",
        "link",
        "link/CACHEDIR.TAG",
        "link/x",
    ]
    assert "cache/x/y" in names(scanned(tmp_path)[0])


def deep(folder: Path, depth: int, name: str = "n" * 100) -> bytes:
    """A chain of folders too long for one path, a file at its end; the file's path."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    fd = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(fd, b"found")
    os.close(fd)
    os.close(at)
    return b"/".join([name.encode()] * depth + [b"file"])


def test_a_path_longer_than_the_system_takes_is_scanned_and_opened(tmp_path: Path) -> None:
    path = deep(tmp_path, 150)
    (tmp_path / ("n" * 100) / "zz").mkdir()
    (tmp_path / ("n" * 100) / "zz" / "last").touch()
    before = len(os.listdir("/proc/self/fd"))
    most = 0
    found = []
    for batch in scanning.scan(tmp_path, batch_rows=1):
        most = max(most, len(os.listdir("/proc/self/fd")))
        assert batch.problems == ()
        found += paths.raw(batch.entries).to_pylist()
    assert path in found
    assert found[-1] == b"n" * 100 + b"/zz/last"
    assert len(found) == 154
    assert most - before < 80
    assert len(os.listdir("/proc/self/fd")) == before
    fd = scanning.open_below(tmp_path, path)
    assert os.read(fd, 10) == b"found"
    os.close(fd)
    with pytest.raises(FileNotFoundError):
        scanning.open_below(tmp_path, path + b"x")
    opener = levels.Opener(os.fsencode(tmp_path) + b"/")
    for wanted, data in ((path, b"found"), (b"n" * 100 + b"/zz/last", b""), (path, b"found")):
        fd = opener.open(wanted)
        assert os.read(fd, 10) == data
        os.close(fd)
    with pytest.raises(FileNotFoundError):
        opener.open(b"n" * 100 + b"/zz/none")
    opener.close()
    opener.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_moves_away_above_the_walk_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_OPEN_FOLDERS", 3)
    fill(tmp_path, "a/b/c/d/e/f", "a/b/z/x", "a/y/x", "z")
    walk = scanning.scan(tmp_path, batch_rows=1)
    seen: list[str] = []
    problems: list[Any] = []
    for batch in walk:
        seen += names(batch.entries)
        problems += batch.problems
        if "a/b/c/d/e/f" in seen and (tmp_path / "a/b").exists():
            os.rename(tmp_path / "a/b", tmp_path / "moved")
    assert [(one.path, one.problem) for one in problems] == [(b"a/b/z", "vanished")]
    assert seen[-2:] == ["a/y/x", "z"]


def test_a_folder_that_moves_away_before_its_last_names_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_OPEN_FOLDERS", 3)
    monkeypatch.setattr(scanning, "_AT_ONCE", 1)
    fill(tmp_path, "a/b/c/d/e/f", "a/b/x", "z")
    seen: list[str] = []
    problems: list[Any] = []
    for batch in scanning.scan(tmp_path, batch_rows=1):
        seen += names(batch.entries)
        problems += batch.problems
        if "a/b/c/d/e/f" in seen and (tmp_path / "a/b").exists():
            os.rename(tmp_path / "a/b", tmp_path / "a/moved")
    assert [(one.path, one.problem) for one in problems] == [(b"a/b", "vanished")]
    assert seen[-1] == "z"


def test_a_walk_that_is_given_up_closes_its_folders(tmp_path: Path) -> None:
    fill(tmp_path, "a/b/c", "d")
    before = len(os.listdir("/proc/self/fd"))
    walk = scanning.scan(tmp_path, batch_rows=1)
    next(walk)
    next(walk)
    assert len(os.listdir("/proc/self/fd")) > before
    walk.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_names_that_differ_in_little_are_all_kept(tmp_path: Path) -> None:
    given = [
        b"a",
        b"A",
        b"new\nline",
        b"\xff",
        b"\\xff",
        "\u00e9".encode(),
        "e\u0301".encode(),
        b"\xed\xb3\xbf",
        "\U0001f9ec".encode(),
        b"\xef\xbf\xbd",
    ]
    for name in given:
        os.close(os.open(os.path.join(os.fsencode(tmp_path), name), os.O_CREAT | os.O_WRONLY))
    table, problems = scanned(tmp_path)
    assert problems == []
    assert paths.raw(table).to_pylist() == [b"", *sorted(given)]
    assert dict(zip(names(table), table["path_bytes"].to_pylist(), strict=True))["\\xed\\xb3\\xbf"] == b"\xed\xb3\xbf"


def test_where_folders_have_no_descriptors_paths_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/one", "a/b/two", "three", "cache/x")
    (tmp_path / "cache/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    os.symlink("three", tmp_path / "link")
    expected, _ = scanned(tmp_path, exclude_caches=True)
    monkeypatch.setattr(levels, "_BY_DESCRIPTOR", False)
    monkeypatch.setattr(scanning, "_OPEN_FOLDERS", 1)
    table, problems = scanned(tmp_path, exclude_caches=True)
    assert problems == []
    assert table.to_pylist() == expected.to_pylist()


LATIN = """
import sys
from holotype.lake.tree.paths import UTF8, raw
from holotype.lake.tree.scan import scan
[batch] = scan(sys.argv[1])
print(UTF8, raw(batch.entries).to_pylist(), batch.entries["target"].to_pylist())
"""


def test_an_old_locale_changes_nothing(tmp_path: Path) -> None:
    for name in ("\u00e9".encode(), b"\xff"):
        os.close(os.open(os.path.join(os.fsencode(tmp_path), name), os.O_CREAT | os.O_WRONLY))
    os.symlink(b"\xfe", os.path.join(os.fsencode(tmp_path), "\u00e8".encode()))
    environment = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = subprocess.run(
        [sys.executable, "-c", LATIN, str(tmp_path)], env=environment, capture_output=True, check=True, text=True
    )
    expected = [b"", "\u00e8".encode(), "\u00e9".encode(), b"\xff"]
    assert said.stdout.strip() == f"False {expected} {[None, bytes([254]), None, None]}"


def test_numbers_that_do_not_fit_become_the_nearest(tmp_path: Path) -> None:
    status = status_with(
        os.stat(tmp_path), st_mtime_ns=2**70, st_ctime_ns=-(2**70), st_ino=2**63 + 5, st_dev=2**66, st_uid=-1
    )
    row = statuses.to_table(["x"], [status], {}, statuses.Links()).to_pylist()[0]
    assert (row["mtime_ns"], row["ctime_ns"]) == (np.iinfo(np.int64).max, np.iinfo(np.int64).min)
    assert (row["inode"], row["device"], row["uid"]) == (2**63 + 5, 2**64 - 1, 0)


def test_batches_follow_each_other(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{folder}/{name}" for folder in "abc" for name in "xyz"))
    batches = [batch.entries for batch in scanning.scan(tmp_path, batch_rows=2)]
    ends = [(paths.keys(rows)[0].as_py(), paths.keys(rows)[-1].as_py()) for rows in batches]
    assert all(before[1] < after[0] for before, after in pairwise(ends))
