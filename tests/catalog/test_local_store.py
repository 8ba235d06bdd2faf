"""The store on a local disk keeps the contract, also when the disk fails and when processes race or die."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import LocalStore, ObjectMissing, StorageDenied, StorageFailed, StorageFull, probe

from .racing import race
from .store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class TestLocalStore(StoreContract):
    def make(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "store")


class TestLocalStoreThatDoesNotFlush(StoreContract):
    def make(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "store", durable=False)


class TestLocalStoreWithoutHardLinks(StoreContract):
    def make(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "store")

    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))


class TestLocalStoreOfAPlatformThatLacksMuch(StoreContract):
    """As on Windows: one buffer a call, no positioned reads."""

    def make(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "store")

    @pytest.fixture(autouse=True)
    def _poor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "pread", raising=False)
        monkeypatch.setattr("holotype.catalog.stores.local._WINDOWS", True)
        monkeypatch.setattr("holotype.catalog.stores.local._GATHERS", False)


def failing(code: int) -> Callable[..., Any]:
    """A function of the operating system that fails."""

    def fail(*args: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "store")
    store.put("a/old", [b"old"])
    return store


# What may fail while an object is written, and what has to be said of it.
FAULTS = [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EACCES, StorageDenied)]
FAULTS += [(errno.EROFS, StorageDenied), (errno.EPERM, StorageDenied), (errno.EIO, StorageFailed)]


@pytest.mark.skipif(not hasattr(os, "writev"), reason="the platform writes one buffer a call")
@pytest.mark.parametrize(("code", "kind"), FAULTS)
@pytest.mark.parametrize("call", ["writev", "fsync", "replace"])
def test_a_put_that_fails_leaves_the_old_object(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, call: str, code: int, kind: type[OSError]
) -> None:
    monkeypatch.setattr(os, call, failing(code))
    with pytest.raises(kind) as caught:
        store.put("a/old", [b"new"])
    monkeypatch.undo()
    assert caught.value.key == "a/old"  # type: ignore[attr-defined]
    assert caught.value.backend == store.url  # type: ignore[attr-defined]
    assert "a/old" in str(caught.value)
    assert bytes(store.get("a/old")) == b"old"
    assert [info.key for info in store.list("")] == ["a/old"]
    assert list(store.leftovers()) == []


def test_a_put_that_fails_half_way_leaves_the_old_object(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.writev, 0

    def half(descriptor: int, buffers: list[memoryview]) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, buffers[:1])

    monkeypatch.setattr(os, "writev", half)
    with pytest.raises(StorageFull):
        store.put("a/old", [b"new ", b"and more"])
    assert bytes(store.get("a/old")) == b"old"
    assert list(store.leftovers()) == []


@pytest.mark.parametrize("most", [1, 3, 7])
def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_them_all(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(os, "writev", lambda descriptor, parts: os.write(descriptor, b"".join(parts)[:most]))
    data = [b"ab", b"", b"cdefgh", b"i" * 20]
    assert store.put("a/new", data) == 28
    assert bytes(store.get("a/new")) == b"".join(data)


@pytest.mark.parametrize(("code", "kind"), FAULTS)
def test_a_creation_that_fails_creates_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[OSError]
) -> None:
    monkeypatch.setattr(os, "fsync", failing(code))
    with pytest.raises(kind):
        store.create("a/new", b"new")
    monkeypatch.undo()
    assert not store.exists("a/new")
    assert list(store.leftovers()) == []
    assert store.create("a/new", b"new")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_what_could_not_be_looked_at_is_not_called_missing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    kind = StorageDenied if code == errno.EACCES else StorageFailed
    for call in ("stat", "open", "scandir", "unlink", "lexists"):
        monkeypatch.setattr(os.path if call == "lexists" else os, call, failing(code))
    for look in (store.exists, store.size, store.get):
        with pytest.raises(kind):
            look("a/old")
    with pytest.raises(kind):
        list(store.list(""))
    with pytest.raises(kind):
        store.delete(["a/old"])


def test_a_link_whose_answer_was_lost_is_recognised(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def lost(source: str, target: str) -> None:
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", lost)
    assert store.create("a/new", b"mine") is True
    assert bytes(store.get("a/new")) == b"mine"


def test_a_link_refused_for_another_reason_is_an_error(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EIO))
    with pytest.raises(StorageFailed):
        store.create("a/new", b"mine")
    assert not store.exists("a/new")
    assert list(store.leftovers()) == []


def test_a_file_system_that_cannot_create_exclusively_says_so(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.ENOTSUP))
    monkeypatch.setattr("holotype.catalog.stores.exclusive._primitive", lambda: None)
    with pytest.raises(StorageFailed, match="neither hard links nor an exclusive rename") as caught:
        store.create("a/new", b"mine")
    assert caught.value.errno == errno.ENOTSUP
    assert not probe(store)
    assert [info.key for info in store.list("")] == ["a/old"]
    assert list(store.leftovers()) == []


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_lacks_the_exclusive_rename_says_the_same(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    monkeypatch.setattr("holotype.catalog.stores.exclusive._primitive", lambda: lambda source, target: -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: code)
    with pytest.raises(StorageFailed) as caught:
        store.create("a/new", b"mine")
    assert caught.value.errno == errno.ENOTSUP


def test_what_a_crash_left_behind_is_no_object_and_can_be_found(store: LocalStore, tmp_path: Path) -> None:
    program = f"""
import os
from holotype.catalog import LocalStore
store = LocalStore({str(tmp_path / "store")!r})
os.replace = lambda *paths: os._exit(9)  # the power goes out before the new name is given
store.put("a/old", [b"new"])
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert bytes(store.get("a/old")) == b"old"
    assert [info.key for info in store.list("")] == ["a/old"]
    (left,) = store.leftovers()
    assert left.key.startswith("a/old~")
    assert left.size == 3
    store.delete([left.key])
    assert list(store.leftovers()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the platform has no kill")
def test_a_writer_that_is_killed_leaves_whole_objects_only(tmp_path: Path) -> None:
    program = f"""
from holotype.catalog import LocalStore
store = LocalStore({str(tmp_path / "store")!r})
print("ready", flush=True)
for n in range(10**9):
    store.put(f"a/{{n % 7}}", [bytes([n % 251]) * 100_000] * 5)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.2)
        child.kill()
    store = LocalStore(tmp_path / "store")
    for info in store.list(""):
        data = bytes(store.get(info.key))
        assert len(data) == info.size == 500_000
        assert len(set(data)) == 1


def test_of_many_processes_exactly_one_creates(tmp_path: Path) -> None:
    program = f"""
import sys
from holotype.catalog import LocalStore
store = LocalStore({str(tmp_path / "store")!r}, durable=False)
print("ready", flush=True)
sys.stdin.readline()
print(*(int(store.create(f"race/{{n}}", sys.argv[1].encode())) for n in range(200)))
"""
    results = [[int(won) for won in said.split()] for said in race(program, runners=4)]
    assert [sum(won) for won in zip(*results, strict=True)] == [1] * 200
    store = LocalStore(tmp_path / "store")
    for n in range(200):
        assert results[int(bytes(store.get(f"race/{n}")))][n] == 1


def test_folders_that_became_empty_go_and_come_back(store: LocalStore, tmp_path: Path) -> None:
    store.put("packs/s-1/deep/a", [b"x"])
    store.delete(["packs/s-1/deep/a"])
    assert not (tmp_path / "store" / "packs").exists()
    store.put("packs/s-1/deep/a", [b"y"])
    assert bytes(store.get("packs/s-1/deep/a")) == b"y"


def test_a_temporary_file_that_somebody_removed_is_a_failure_to_try_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", failing(errno.ENOENT))
    with pytest.raises(StorageFailed, match="try again"):
        store.put("a/old", [b"new"])
    assert bytes(store.get("a/old")) == b"old"


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the platform takes no such advice")
@pytest.mark.parametrize("taken", [True, False])
def test_what_is_large_is_let_go_from_memory_where_the_system_takes_advice(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    advised = list[int]()

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        advised.append(advice)
        if not taken:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    store.put("small", [b"x"])
    assert not advised
    data = os.urandom(9 << 20)
    store.put("large", [data])
    assert advised == [os.POSIX_FADV_DONTNEED]
    assert bytes(store.get("large")) == data


@pytest.mark.parametrize("call", ["replace", "link"])
def test_what_was_being_written_when_it_was_swept_away_is_written_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """By a collector, say, whose clock is far ahead."""
    real, swept = getattr(os, call), list[str]()

    def sweeping(source: str, target: str) -> None:
        if not swept:
            swept.extend(left.key for left in store.leftovers())
            store.delete(swept)
        real(source, target)

    monkeypatch.setattr(os, call, sweeping)
    if call == "replace":
        store.put("a/new", [b"ne", b"w"])
    else:
        assert store.create("a/new", b"new")
    assert len(swept) == 1
    assert bytes(store.get("a/new")) == b"new"
    assert not list(store.leftovers())


def test_a_folder_that_goes_away_again_and_again_is_a_failure(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "makedirs", lambda *args, **options: None)
    with pytest.raises(StorageFailed):
        store.put("b/new", [b"new"])


def test_an_object_below_another_is_a_failure(store: LocalStore) -> None:
    with pytest.raises(StorageFailed):
        store.put("a/old/below", [b"x"])
    assert bytes(store.get("a/old")) == b"old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes with names")
def test_what_is_no_file_is_no_object(store: LocalStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "store" / "a" / "pipe")
    assert not store.exists("a/pipe")
    with pytest.raises(ObjectMissing):
        store.size("a/pipe")
    assert [info.key for info in store.list("")] == ["a/old"]


def test_a_broken_link_is_no_object(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "store" / "a" / "broken").symlink_to(tmp_path / "nowhere")
    assert not store.exists("a/broken")
    assert [info.key for info in store.list("")] == ["a/old"]


def test_new_folders_are_made_durable_up_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            names = [p for p in (tmp_path, *tmp_path.rglob("*")) if p.is_dir() and p.stat().st_ino == found.st_ino]
            flushed.append(names[0].relative_to(tmp_path).as_posix())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = LocalStore(tmp_path / "store")
    store.put("tables/snapshots/a", [b"x"])
    assert flushed == ["store/tables/snapshots", "store/tables", "store", "."]
    flushed.clear()
    store.put("tables/snapshots/b", [b"x"])
    assert flushed == ["store/tables/snapshots"]


def test_a_file_system_that_cannot_flush_a_folder_is_left_alone(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.put("a/new", [b"x"])
    assert bytes(store.get("a/new")) == b"x"


def test_a_big_object_is_written_and_read_in_pieces(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.stores.local._BYTES", 1000)
    monkeypatch.setattr("holotype.catalog.stores.local._PARTS", 3)
    parts = [os.urandom(n * 377) for n in range(12)]
    assert store.put("big", parts) == sum(map(len, parts))
    assert bytes(store.get("big")) == b"".join(parts)
    assert bytes(store.get("big", 500, 2500)) == b"".join(parts)[500:3000]


def test_a_rename_that_refuses_fails_for_other_reasons_too(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.ENOSYS))
    monkeypatch.setattr("holotype.catalog.stores.exclusive._primitive", lambda: lambda source, target: -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.ENOSPC)
    with pytest.raises(StorageFull):
        store.create("a/new", b"mine")
    assert list(store.leftovers()) == []


def test_where_renaming_refuses_by_itself_that_is_enough(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(source: str, target: str) -> None:  # as on Windows
        if os.path.exists(target):
            raise FileExistsError(errno.EEXIST, "File exists")
        os.replace(source, target)

    monkeypatch.setattr(os, "link", failing(errno.ENOSYS))
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    monkeypatch.setattr("holotype.catalog.stores.exclusive._RENAME_REFUSES", True)
    assert store.create("a/new", b"mine") is True
    assert store.create("a/new", b"yours") is False
    assert bytes(store.get("a/new")) == b"mine"


def test_the_drives_own_cache_is_flushed_where_that_takes_another_call(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    flushed: list[int] = []
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda descriptor, command: flushed.append(command))
    monkeypatch.setattr("holotype.catalog.stores.local._FULL_FLUSH", True)
    store.put("a/new", [b"x"])
    assert flushed == [51]
    monkeypatch.setattr(fcntl, "fcntl", failing(errno.ENOTSUP))  # a network file system may not know it
    store.put("a/new", [b"y"])
    assert bytes(store.get("a/new")) == b"y"


def test_objects_that_vanish_while_listing_are_left_out(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a/new", [b"x"])
    real = os.scandir

    class Vanished:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.is_dir = entry.name, entry.is_dir

        def stat(self) -> os.stat_result:
            if self.name == "new":
                raise FileNotFoundError(errno.ENOENT, "gone")
            return os.stat(f"{store.path('a/old')}")

    @contextmanager
    def scandir(folder: str) -> Iterator[list[Vanished]]:
        with real(folder) as entries:
            yield [Vanished(entry) for entry in entries]

    monkeypatch.setattr(os, "scandir", scandir)
    assert [info.key for info in store.list("")] == ["a/old"]


def test_an_object_that_shrinks_while_it_is_read_ends_where_it_ends(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pread", lambda descriptor, length, start: b"")
    assert bytes(store.get("a/old")) == b""
