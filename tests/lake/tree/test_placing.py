"""A restore puts everything back where it belongs, nothing anywhere else, and nothing over anything."""

from __future__ import annotations

import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from .test_attributes import ACL, refusing
from .test_scan import deep
from .trees import copy, entries, nobody, placing, schema, state

if TYPE_CHECKING:
    from pathlib import Path

catalog: Any = import_module("holotype.catalog")
settling: Any = import_module("holotype.lake.restoring.settling")
targets: Any = import_module("holotype.lake.restoring.targets")

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def entry(path: bytes, kind: str = "file", **given: Any) -> Any:
    """An entry of mine."""
    plain = {
        "size": 0,
        "mtime_ns": 10**18,
        "mode": 0o755 if kind == "directory" else 0o644,
        "uid": os.getuid(),
        "gid": os.getgid(),
    }
    return entries.Entry(path=path, kind=kind, **{**plain, **given})


def table(*given: Any) -> pa.Table:
    """Rows of entries."""
    empty = dict.fromkeys(schema.ENTRIES.schema.names)
    rows = []
    for one in given:
        row = {**empty, **one._asdict(), "path": one.path.decode("utf-8", "backslashreplace"), "unsettled": False}
        row |= {"path_bytes": one.path, "ctime_ns": 0, "inode": 0}
        row["xattrs"] = None if one.xattrs is None else [{"name": name, "value": value} for name, value in one.xattrs]
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=schema.ENTRIES.schema)


def everything(target: Path) -> list[str]:
    """What is below a folder."""
    return sorted(str(path.relative_to(target)) for path in target.rglob("*"))


def place_any(placer: Any, what: Any) -> None:
    """Place an entry of any kind."""
    if what.kind == "file":
        placer.place_small(what, b"evil")
    else:
        placer.place(table(what))
        placer.finish()


@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "fifo", "hardlink"])
@pytest.mark.parametrize(
    "path",
    [b"../out", b"a/../../out", b"/etc/out", b"/out", b"a//b", b"./a", b"a/.", b"a/..", b"a\0b", b"a\0/b", b"/", b".."],
)
def test_a_path_that_is_none_below_the_target_is_refused(tmp_path: Path, path: bytes, kind: str) -> None:
    (tmp_path / "target").mkdir()
    with placing.Placer(tmp_path / "target") as placer, pytest.raises(catalog.UnsafePath, match="refused"):
        place_any(placer, entry(path, kind, target=b"x"))
    assert [name for name in everything(tmp_path) if name not in ("target", "target/a")] == []


@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "fifo", "hardlink"])
@pytest.mark.parametrize("target", [b"/tmp", b"..", b"../outside", b"inside", b"."])
def test_nothing_is_written_through_a_link(tmp_path: Path, target: bytes, kind: str) -> None:
    (tmp_path / "outside").mkdir()
    before = everything(tmp_path / "outside")
    with placing.Placer(tmp_path / "target") as placer:
        placer.place(table(entry(b"inside", "directory"), entry(b"link", "symlink", target=target)))
        placer.place_small(entry(b"inside/file"), b"x")
        with pytest.raises(catalog.UnsafePath, match="link or a file"):
            place_any(placer, entry(b"link/evil", kind, target=b"inside/file"))
    assert everything(tmp_path / "target") == ["inside", "inside/file", "link"]
    assert everything(tmp_path / "outside") == before


def test_a_hard_link_to_something_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for target in (b"../secret", os.fsencode(tmp_path / "secret"), b"link/secret"):
        with placing.Placer(tmp_path / "target") as placer:
            if not (tmp_path / "target/link").is_symlink():
                placer.place(table(entry(b"link", "symlink", target=b"..")))
            placer.place(table(entry(b"file", "hardlink", target=target)))
            with pytest.raises(catalog.UnsafePath):
                placer.finish()
    assert everything(tmp_path / "target") == ["link"]


def test_a_file_is_not_written_through_a_link_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    problems: list[Any] = []
    with placing.Placer(tmp_path / "target", on_problem=problems.append) as placer:
        placer.place(table(entry(b"a", "symlink", target=b"../outside"), entry(b"b", "symlink", target=b"../nothing")))
        assert not placer.place_small(entry(b"a"), b"evil")
        assert placer.place_file(entry(b"b")) is None
    assert [(one.path, one.problem) for one in problems] == [(b"a", "skipped"), (b"b", "skipped")]
    assert (tmp_path / "outside").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path / "target", on_problem=problems.append) as placer:
        assert placer.place_small(entry(b"a"), b"first")
        assert not placer.place_small(entry(b"a"), b"second")
        for kind in ("symlink", "fifo"):
            placer.place(table(entry(b"a", kind, target=b"x")))
        placer.place(table(entry(b"b", "hardlink", target=b"a"), entry(b"a", "hardlink", target=b"b")))
        placer.finish()
    assert [(one.path, one.problem) for one in problems] == [
        (b"a", "skipped"),
        (b"a", "skipped"),
        (b"a", "special"),
        (b"a", "skipped"),
    ]
    assert (tmp_path / "target/a").read_bytes() == (tmp_path / "target/b").read_bytes() == b"first"
    with placing.Placer(tmp_path / "target") as placer, pytest.raises(catalog.UnsafePath):
        placer.place(table(entry(b"a", "directory")))


def test_names_that_a_file_system_takes_for_one_end_as_one_and_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open, real_mkdir, real_stat = os.open, os.mkdir, os.stat
    for name, real in (("open", real_open), ("mkdir", real_mkdir), ("stat", real_stat)):

        def folded(path: Any, *arguments: Any, real: Any = real, **options: Any) -> Any:
            inside = options.get("dir_fd") is not None
            return real(path.lower() if inside and isinstance(path, bytes) else path, *arguments, **options)

        monkeypatch.setattr(targets.os, name, folded)
    problems: list[Any] = []
    with placing.Placer(tmp_path / "target", on_problem=problems.append) as placer:
        placer.place(table(entry(b"data", "directory"), entry(b"DATA", "directory"), entry(b"data", "directory")))
        assert placer.place_small(entry(b"data/x"), b"1")
        assert not placer.place_small(entry(b"DATA/X"), b"2")
    assert [(one.path, one.problem) for one in problems] == [(b"DATA", "skipped"), (b"DATA/X", "skipped")]
    assert "same" in problems[0].message
    assert (tmp_path / "target/data/x").read_bytes() == b"1"


@pytest.mark.parametrize(
    "name", [b"a:stream", b"a\\b", b"nul", b"COM1.txt", b"end.", b"end ", b"wh?t", b"\xff", b"new\nline"]
)
def test_names_that_windows_cannot_have_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        monkeypatch.setattr(targets, "_WINDOWS", True)
        assert not placer.place_small(entry(name), b"")
        assert not placer.place_small(entry(name + b"/x"), b"")
        assert placer.place_file(entry(name)) is None
        placer.place(table(entry(name, "directory"), entry(b"fine.txt", "symlink", target=b"x")))
        placer.finish()
    assert {(one.path.partition(b"/")[0], one.problem) for one in problems} == {(name, "skipped")}
    assert everything(tmp_path) == ["fine.txt"]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, "StorageFull"),
        (errno.EDQUOT, "StorageFull"),
        (errno.EACCES, "StorageDenied"),
        (errno.EROFS, "StorageDenied"),
        (errno.EIO, "StorageFailed"),
    ],
)
def test_a_target_that_fails_stops_the_restore_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: str
) -> None:
    with placing.Placer(tmp_path) as placer:
        with monkeypatch.context() as patch:
            patch.setattr(placing.os, "write", refusing("write", number))
            with pytest.raises(getattr(catalog, error), match="'sub/a' cannot be written"):
                placer.place_small(entry(b"sub/a"), b"x")
        with monkeypatch.context() as patch:
            patch.setattr(placing.os, "pwrite", refusing("pwrite", number))
            with pytest.raises(getattr(catalog, error)), placer.place_file(entry(b"sub/b", size=1)) as writer:
                writer.write(b"x")
        with monkeypatch.context() as patch:
            patch.setattr(placing.os, "ftruncate", refusing("ftruncate", number))
            with pytest.raises(getattr(catalog, error)), placer.place_file(entry(b"sub/c", size=1, holes=[0, 1])):
                pass
        with monkeypatch.context() as patch:
            patch.setattr(targets.os, "mkdir", refusing("mkdir", number))
            with pytest.raises(getattr(catalog, error)):
                placer.place(table(entry(b"sub/d", "directory")))
    assert everything(tmp_path) == ["sub"]


def test_a_target_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(targets.os, "makedirs", refusing("makedirs", errno.EACCES))
        with pytest.raises(catalog.StorageDenied):
            placing.Placer(tmp_path / "new")
    real = os.open
    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:

        def probe(path: Any, *arguments: Any, **options: Any) -> int:
            if b"probe" in os.fsencode(path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(path, *arguments, **options)

        patch.setattr(targets.os, "open", probe)
        with pytest.raises(catalog.StorageFull):
            placing.Placer(tmp_path / "new")
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(catalog.InvalidOption):
        placing.Placer(tmp_path, owners="mine")


def test_whoever_is_strict_stops_the_restore(tmp_path: Path) -> None:
    def strict(problem: Any) -> None:
        raise catalog.SourceProblem(problem.message, path=problem.path)

    with placing.Placer(tmp_path, on_problem=strict) as placer:
        placer.place_small(entry(b"a"), b"")
        with pytest.raises(catalog.SourceProblem):
            placer.place_small(entry(b"a"), b"")
        with pytest.raises(catalog.SourceProblem):
            placer.place_small(entry(b"b", mtime_ns=2**62, xattrs=[(b"nonsense", b"")]), b"")
        with pytest.raises(catalog.SourceProblem), placer.place_file(entry(b"c", xattrs=[(b"nonsense", b"")])):
            pass
    assert everything(tmp_path) == ["a"]


def test_a_block_that_fails_takes_its_file_away(tmp_path: Path) -> None:
    with placing.Placer(tmp_path) as placer:
        with pytest.raises(ZeroDivisionError), placer.place_file(entry(b"a", size=2)) as writer:
            writer.write(b"x" * (1 // 0))
        with placer.place_file(entry(b"a", size=2)) as writer:
            writer.write(b"xy")
    assert (tmp_path / "a").read_bytes() == b"xy"


def test_a_sparse_file_stays_sparse(tmp_path: Path) -> None:
    size = 5 << 30
    holes = [0, 1 << 20, (1 << 20) + 8192, size - (1 << 20) - 8192]
    with placing.Placer(tmp_path) as placer, placer.place_file(entry(b"a", size=size, holes=holes)) as writer:
        writer.write(b"x" * 5000)
        writer.write(memoryview(b"y" * 3192))
    status = os.stat(tmp_path / "a")
    assert status.st_size == size
    assert status.st_blocks * 512 <= 1 << 16
    with open(tmp_path / "a", "rb") as file:
        file.seek(1 << 20)
        assert file.read(8200) == b"x" * 5000 + b"y" * 3192 + bytes(8)


def test_bytes_can_be_written_anywhere_and_from_any_thread(tmp_path: Path) -> None:
    with (
        placing.Placer(tmp_path) as placer,
        placer.place_file(entry(b"a", size=8000)) as writer,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda at: writer.write_at(bytes([at % 251]) * 10, at * 10), range(800)))
    assert (tmp_path / "a").read_bytes() == b"".join(bytes([at % 251]) * 10 for at in range(800))


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, real_at = os.write, os.pwrite
    monkeypatch.setattr(placing.os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    monkeypatch.setattr(placing.os, "pwrite", lambda fd, data, offset: real_at(fd, bytes(data)[:3], offset))
    with placing.Placer(tmp_path) as placer:
        placer.place_small(entry(b"a"), b"0123456789")
        with placer.place_file(entry(b"b", size=10)) as writer:
            writer.write(b"0123456789")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"0123456789"


def test_many_threads_place_into_the_same_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_OPEN_FOLDERS", 3)
    before = len(os.listdir("/proc/self/fd"))
    problems: list[Any] = []
    files = [entry(f"d{number % 17}/e{number % 5}/f{number}".encode()) for number in range(2000)]
    start = threading.Barrier(8)

    def work(part: int) -> None:
        start.wait()
        for one in files[part::8]:
            assert placer.place_small(one, one.path)

    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert len(os.listdir("/proc/self/fd")) < before + 20
    assert problems == []
    assert len(os.listdir("/proc/self/fd")) == before
    for one in files:
        assert (tmp_path / os.fsdecode(one.path)).read_bytes() == one.path


def test_folders_get_their_modes_and_times_last_whatever_the_order(tmp_path: Path) -> None:
    with placing.Placer(tmp_path / "target") as placer:
        placer.place_small(entry(b"a/b/c/file"), b"x")
        placer.place(
            table(entry(b"a/b/c", "directory", mode=0o500, mtime_ns=3), entry(b"a/d", "directory", mtime_ns=4))
        )
        placer.place(
            table(entry(b"", "directory", mtime_ns=1, mode=0o711), entry(b"a", "directory", mode=0o2770, mtime_ns=2))
        )
        placer.place_small(entry(b"a/d/late"), b"x")
        placer.place(table(entry(b"a/d/link", "hardlink", target=b"a/d/late")))
        placer.finish()
    found = {name: os.stat(tmp_path / "target" / name) for name in ("", "a", "a/b/c", "a/d")}
    assert [status.st_mtime_ns for status in found.values()] == [1, 2, 3, 4]
    assert [stat.S_IMODE(status.st_mode) for status in found.values()] == [0o711, 0o2770, 0o500, 0o755]
    assert os.stat(tmp_path / "target/a/d/link").st_nlink == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_umask_has_no_say_and_is_left_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with placing.Placer(tmp_path / "target") as placer:
            for mode in (0o777, 0o644, 0o400, 0o000, 0o1644):
                placer.place_small(entry(oct(mode).encode(), mode=mode), b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    for name in os.listdir(tmp_path / "target"):
        assert oct(stat.S_IMODE(os.stat(tmp_path / "target" / name).st_mode)) == name


def test_a_time_that_cannot_be_set_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        monkeypatch.setattr(settling.os, "utime", refusing("utime", errno.EPERM))
        assert placer.place_small(entry(b"a"), b"x")
    assert [(one.path, one.problem) for one in problems] == [(b"a", "attributes")]


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_owners_by_number_by_name_or_not_at_all(tmp_path: Path) -> None:
    other = entry(b"a", uid=12, gid=34, mode=0o6755, owner="root", group="no such group")
    problems: list[Any] = []
    found = {}
    for owners in (None, "numbers", "names", "none"):
        target = tmp_path / str(owners)
        with placing.Placer(target, owners=owners, on_problem=problems.append) as placer:
            placer.place_small(other, b"x")
            placer.place(table(other._replace(path=b"b", kind="symlink", target=b"x", mode=0o777)))
        status = os.stat(target / "a")
        found[owners] = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        assert (os.lstat(target / "b").st_uid, os.lstat(target / "b").st_gid) == found[owners][:2]
    assert found == {
        None: (12, 34, 0o6755),
        "numbers": (12, 34, 0o6755),
        "names": (0, 34, 0o6755),
        "none": (0, 0, 0o755),
    }
    assert [(one.path, one.problem) for one in problems] == [(b"a", "attributes")]


def test_someone_without_rights_restores_all_but_the_owner() -> None:
    with nobody() as folder:
        source = folder / "source"
        (source / "closed/sub").mkdir(parents=True)
        (source / "closed/sub/file").write_bytes(b"x")
        (source / "read only").write_bytes(b"y")
        os.setxattr(source / "read only", "user.a", b"b")
        os.symlink("nowhere", source / "link")
        os.link(source / "read only", source / "twin")
        os.mkfifo(source / "fifo", 0o644)
        os.chmod(source / "read only", 0o444)
        for closed in ("closed/sub", "closed"):
            os.chmod(source / closed, 0o555)
        _, problems = copy(source, folder / "target")
        assert problems == []
        assert state(folder / "target") == state(source)
        with placing.Placer(folder / "other", on_problem=problems.append) as placer:
            placer.place_small(entry(b"given", uid=1, gid=1, mode=0o6755), b"")
        with placing.Placer(folder / "other", on_problem=problems.append, owners="numbers") as placer:
            placer.place_small(entry(b"taken", uid=1, gid=1, mode=0o6755), b"")
        assert [(one.path, one.problem) for one in problems] == [(b"given", "attributes"), (b"taken", "attributes")]
        assert {stat.S_IMODE((folder / "other" / name).stat().st_mode) for name in ("given", "taken")} == {0o755}
        for root in ("source", "target"):
            os.chmod(folder / root / "closed", 0o755)
            os.chmod(folder / root / "closed/sub", 0o755)


@pytest.mark.skipif(not ROOT, reason="only root makes devices")
def test_devices_are_made_again_where_that_is_permitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def mknod(*arguments: Any, **options: Any) -> None:
        made.append(arguments)
        (tmp_path / "null").touch()

    monkeypatch.setattr(placing.os, "mknod", mknod)
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        placer.place(
            table(entry(b"null", "character-device", target=b"1:3"), entry(b"disk", "block-device", target=b"x"))
        )
        monkeypatch.setattr(placing.os, "mknod", refusing("mknod", errno.EPERM))
        placer.place(table(entry(b"refused", "character-device", target=b"1:3")))
    assert made == [(b"null", stat.S_IFCHR | 0o600, os.makedev(1, 3))]
    assert [(one.path, one.problem) for one in problems] == [(b"disk", "special"), (b"refused", "special")]


def test_a_platform_without_specials_records_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        monkeypatch.setattr(placing, "_MAKES_SPECIALS", False)
        placer.place(table(entry(b"fifo", "fifo")))
    assert [(one.path, one.problem) for one in problems] == [(b"fifo", "special")]


def test_a_link_whose_file_is_not_there_is_a_problem(tmp_path: Path) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        placer.place(table(entry(b"link", "hardlink", target=b"missing")))
        placer.finish()
    assert [(one.path, one.problem) for one in problems] == [(b"link", "skipped")]


def test_what_is_made_does_not_inherit_the_acls_around_it(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.setxattr(shared, "system.posix_acl_default", ACL)
    for whole in (False, True):
        target = shared / str(whole)
        with placing.Placer(target) as placer:
            if whole:
                placer.place(table(entry(b"", "directory")))
            placer.place_small(entry(b"sub/a"), b"")
            placer.finish()
        assert os.listxattr(target / "sub") == os.listxattr(target / "sub/a") == []
        kept = ["system.posix_acl_access", "system.posix_acl_default"]
        assert sorted(os.listxattr(target)) == ([] if whole else kept)


def test_where_nothing_has_a_descriptor_paths_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").write_bytes(b"x")
    (source / "a/large").write_bytes(b"y" * 70_000)
    os.link(source / "a/large", source / "twin")
    os.symlink("a", source / "link")
    os.chmod(source / "a/b/file", 0o640)
    os.chmod(source / "a/b", 0o700)
    monkeypatch.setattr(targets, "_BY_DESCRIPTOR", False)
    monkeypatch.setattr(settling, "_BY_DESCRIPTOR", False)
    _, problems = copy(source, tmp_path / "target")
    assert problems == []
    assert state(tmp_path / "target") == state(source)
    with placing.Placer(tmp_path / "other") as placer:
        placer.place(table(entry(b"link", "symlink", target=b"../source")))
        with pytest.raises(catalog.UnsafePath):
            placer.place_small(entry(b"link/evil"), b"x")


def test_a_path_longer_than_the_system_takes_is_placed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    deep(tmp_path / "source", 45)
    _, problems = copy(tmp_path / "source", tmp_path / "target")
    assert problems == []
    assert state(tmp_path / "target") == state(tmp_path / "source")


def test_a_name_that_is_too_long_is_a_problem(tmp_path: Path) -> None:
    problems: list[Any] = []
    with placing.Placer(tmp_path, on_problem=problems.append) as placer:
        assert not placer.place_small(entry(b"x" * 300), b"")
        placer.place(table(entry(b"y" * 300, "directory"), entry(b"z" * 300, "symlink", target=b"x")))
        assert not placer.place_small(entry(b"y" * 300 + b"/a"), b"")
        placer.finish()
    assert {one.problem for one in problems} == {"skipped"}
    assert len(problems) == 4
