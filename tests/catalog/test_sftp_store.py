"""The store on an SFTP server keeps the contract, with a real OpenSSH at the other end, also when that dies."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import (
    ExtraMissing,
    InvalidOption,
    SftpStore,
    StorageDenied,
    StorageFailed,
    StorageFull,
    open_store,
    probe,
)
from holotype.catalog.stores.patience import Patience
from holotype.catalog.stores.sftpsession import Session

from .sshd import Sshd
from .store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEEDS = ("paramiko", "sshd", "ssh-keygen")

ONCE = Patience(attempts=1)
# Long enough for a server that is started again, and no longer.
SOON = Patience(first=0.05, factor=1.5, longest=0.5, within=20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd") / "server") as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Sshd]:
    """A server that a test may kill."""
    with Sshd(tmp_path / "server") as server:
        yield server


@pytest.fixture
def store(server: Sshd, tmp_path: Path) -> SftpStore:
    store = opened(server, tmp_path)
    store.put("a/old", [b"old"])
    return store


def opened(server: Sshd, tmp_path: Path, *, patience: Patience = ONCE, **options: object) -> SftpStore:
    """The store of a test on this server."""
    return SftpStore(server.url(tmp_path / "store"), storage_options={**server.options, **options}, patience=patience)


class TestSftpStore(StoreContract):
    rounds = 60

    @pytest.fixture(autouse=True)
    def _server(self, server: Sshd) -> None:
        self.server = server

    def make(self, tmp_path: Path) -> SftpStore:
        return opened(self.server, tmp_path)


class TestSftpStoreOnAPlainServer(TestSftpStore):
    """Without any of OpenSSH's extensions: what is renamed refuses to replace, and nothing can be flushed."""

    replaces = False

    @pytest.fixture(autouse=True)
    def _plain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Session, "offers", lambda session, extension: False)


# -- who is let in


def test_a_wrong_key_is_refused_with_what_to_do(server: Sshd, tmp_path: Path) -> None:
    store = opened(server, tmp_path, patience=SOON, key_filename=str(server.other_key))
    with pytest.raises(StorageDenied, match=f"does not let {server.user} in") as caught:
        store.get("a")
    assert "key_filename" in str(caught.value)
    assert caught.value.backend == store.url.removesuffix(str(tmp_path / "store"))


def test_a_locked_key_wants_its_passphrase(server: Sshd, tmp_path: Path) -> None:
    locked = shutil.copy(server.client_key, tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "open sesame", "-f", locked], check=True, stdout=subprocess.DEVNULL)
    for wrong in (None, "open barley"):
        with pytest.raises(StorageDenied, match="passphrase"):
            opened(server, tmp_path, key_filename=[locked], passphrase=wrong).exists("a")
    assert not opened(server, tmp_path, key_filename=[locked], passphrase="open sesame").exists("a")


def test_a_wrong_password_is_refused_and_never_shown(server: Sshd, tmp_path: Path) -> None:
    url = server.url(tmp_path).replace("sftp://", f"sftp://{server.user}:s3cr%20et@")
    options = {name: server.options[name] for name in ("known_hosts", "allow_agent", "look_for_keys")}
    store = open_store(url, storage_options=options)
    with pytest.raises(StorageDenied) as caught:
        list(store.list(""))
    error: BaseException | None = caught.value
    said = [store.url, repr(store), store.url]
    while error is not None:
        said += [str(error), repr(error), repr(getattr(error, "about", ""))]
        error = error.__cause__
    assert not [text for text in said if "s3cr" in text]
    assert f"sftp://{server.user}@127.0.0.1" in store.url


def test_no_way_to_log_in_is_no_reason_to_try_again(server: Sshd, tmp_path: Path) -> None:
    options = {name: server.options[name] for name in ("known_hosts", "allow_agent", "look_for_keys")}
    store = SftpStore(server.url(tmp_path), storage_options=options, patience=SOON)
    with pytest.raises(StorageDenied, match="does not let"):
        store.exists("a")


def test_a_server_nobody_vouches_for_is_refused(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.stores.ssh._KNOWN_HOSTS", (str(tmp_path / "none"),))
    stranger = opened(server, tmp_path, patience=SOON, known_hosts=None)
    with pytest.raises(StorageDenied, match="not known here") as caught:
        stranger.exists("a")
    assert caught.value.host_key == server.host_key
    known = opened(server, tmp_path, known_hosts=None, host_key=str(caught.value.host_key))
    assert not known.exists("a")


def test_the_users_own_known_hosts_vouch(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    shutil.copy(server.known_hosts, tmp_path / ".ssh")
    assert not opened(server, tmp_path, known_hosts=None).exists("a")


def test_a_server_with_another_key_than_the_known_one_is_refused(server: Sshd, tmp_path: Path) -> None:
    other = " ".join(server.other_key.with_suffix(".pub").read_text().split()[:2])
    with pytest.raises(StorageDenied, match="somebody may stand between"):
        opened(server, tmp_path, patience=SOON, known_hosts=None, host_key=other).exists("a")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("key_filename", "/nowhere/id"),
        ("known_hosts", "/nowhere/known_hosts"),
        ("host_key", "no key"),
        ("host_key", "ssh-ed25519 AAAA"),
        ("host_key", "ssh-ed25519 ???"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(server: Sshd, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(InvalidOption, match=option):
        opened(server, tmp_path, patience=SOON, **{option: value}).exists("a")


def test_a_damaged_list_of_known_hosts_is_named(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("[127.0.0.1]:22 ssh-ed25519 AAAA\n")
    with pytest.raises((InvalidOption, StorageDenied)):
        opened(server, tmp_path, patience=SOON, known_hosts=tmp_path / "hosts").exists("a")


def test_a_read_only_server_lets_read_and_nothing_else(store: SftpStore, tmp_path: Path) -> None:
    with Sshd(tmp_path / "server", command="internal-sftp -R") as server:
        locked = opened(server, tmp_path, patience=SOON)
        assert bytes(locked.get("a/old")) == b"old"
        for write in (
            lambda: locked.put("a/old", [b"new"]),
            lambda: locked.put("b/new", [b"new"]),
            lambda: locked.create("a/new", b"new"),
            lambda: locked.delete(["a/old"]),
        ):
            with pytest.raises(StorageDenied):
                write()
        assert [info.key for info in locked.list("")] == ["a/old"]


def test_without_its_package_the_line_that_installs_it_is_said(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(ExtraMissing, match=r'pip install "holotype\[sftp\]"'):
        opened(server, tmp_path).exists("a")


# -- when the server is lost


def test_what_was_under_way_when_the_server_died_is_done_when_it_is_back(own_server: Sshd, tmp_path: Path) -> None:
    store = opened(own_server, tmp_path, patience=SOON)
    data = os.urandom(3 << 20)
    written: list[int] = []
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            n = len(written)
            store.put(f"packs/{n % 5}", [data])
            assert store.create(f"log/{n}", b"%d" % n)
            written.append(n)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        for _ in range(3):
            before = len(written)
            while len(written) < before + 3 and not writing.done():
                time.sleep(0.01)
            own_server.stop()
            time.sleep(0.2)
            own_server.start()
        enough.set()
        writing.result(60)
    assert {info.key for info in store.list("log/")} == {f"log/{n}" for n in written}
    assert {info.size for info in store.list("packs/")} == {len(data)}
    for n in range(5):
        assert bytes(store.get(f"packs/{n}")) == data


def test_reading_goes_on_when_the_server_is_back(own_server: Sshd, tmp_path: Path) -> None:
    store = opened(own_server, tmp_path, patience=SOON)
    store.put("a", [b"x" * (1 << 20)])
    own_server.stop()
    own_server.start()
    assert bytes(store.get("a")) == b"x" * (1 << 20)
    assert [info.key for info in store.list("")] == ["a"]


def test_a_server_that_is_gone_for_good_is_a_failure_in_time(own_server: Sshd, tmp_path: Path) -> None:
    slept: list[float] = []
    store = opened(own_server, tmp_path, patience=Patience(attempts=4, sleep=slept.append))
    store.put("a", [b"x"])
    own_server.stop()
    calls: list[Callable[[], object]] = [
        lambda: store.get("a"),
        lambda: store.put("a", [b"y"]),
        lambda: store.create("b", b"y"),
        lambda: store.delete(["a"]),
        lambda: list(store.list("")),
    ]
    for call in calls:
        slept.clear()
        with pytest.raises(StorageFailed, match=r"tried 4 times"):
            call()
        assert len(slept) == 3


def test_a_server_that_says_nothing_is_a_failure_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"sftp://user@127.0.0.1:{silent.getsockname()[1]}{tmp_path}"
        began = time.monotonic()
        with pytest.raises(StorageFailed, match="cannot be reached"):
            SftpStore(url, storage_options={"timeout": 0.2}, patience=ONCE).exists("a")
        assert time.monotonic() - began < 5


def test_a_server_that_falls_silent_is_a_failure_in_time(own_server: Sshd, tmp_path: Path) -> None:
    store = opened(own_server, tmp_path, timeout=0.5)
    store.put("a", [b"x"])
    own_server.pause()
    with pytest.raises(StorageFailed, match="no answer"):
        store.get("a")


def test_a_host_that_does_not_exist_is_not_tried_again(tmp_path: Path) -> None:
    slept: list[float] = []
    store = SftpStore("sftp://user@no-such-host.invalid/a", patience=Patience(attempts=2, sleep=slept.append))
    with pytest.raises(StorageFailed, match="cannot be reached"):
        store.exists("a")
    assert len(slept) <= 1  # a name server that is not there itself may be there in a moment


@pytest.mark.parametrize("step", ["link", "replace", "write", "flush"])
@pytest.mark.parametrize("done", ["before", "after"])
def test_a_lost_answer_is_found_out(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, done: str
) -> None:
    store = opened(server, tmp_path, patience=SOON)
    store.put("warm", [b"x"])
    lose(monkeypatch, step, done=done)
    assert store.create("log/1", b"mine") is True
    assert bytes(store.get("log/1")) == b"mine"
    lose(monkeypatch, step, done=done)
    assert store.put("a", [b"new"]) == 3
    assert bytes(store.get("a")) == b"new"
    assert {info.key for info in store.list("")} == {"a", "log/1", "warm"}


def test_a_lost_answer_to_a_creation_that_came_too_late_is_found_out(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(server, tmp_path, patience=SOON)
    store.put("log/1", [b"theirs"])
    lose(monkeypatch, "link", done="after")
    assert store.create("log/1", b"mine") is False


def lose(monkeypatch: pytest.MonkeyPatch, step: str, *, done: str) -> None:
    """The next ``step`` of a session loses the connection, before or after it is carried out."""
    real, left = getattr(Session, step), [1]

    def losing(session: Session, *arguments: Any, **options: Any) -> Any:
        if not left:
            return real(session, *arguments, **options)
        left.clear()
        try:
            if done == "after":
                real(session, *arguments, **options)
        finally:
            session.close()
        raise ConnectionResetError(errno.ECONNRESET, "the server was lost")

    monkeypatch.setattr(Session, step, losing)


# -- many at once


def test_of_many_processes_exactly_one_creates(server: Sshd, tmp_path: Path) -> None:
    program = f"""
import sys
from holotype.catalog import SftpStore
store = SftpStore({server.url(tmp_path / "store")!r}, storage_options={server.options!r})
store.exists("a")
print("ready", flush=True)
sys.stdin.readline()
print(*(int(store.create(f"race/{{n}}", sys.argv[1].encode())) for n in range(100)))
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(me)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for me in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    results = [[int(won) for won in child.communicate()[0].split()] for child in children]
    assert [sum(won) for won in zip(*results, strict=True)] == [1] * 100
    store = opened(server, tmp_path)
    for n in range(100):
        assert results[int(bytes(store.get(f"race/{n}")))][n] == 1


def test_a_forked_process_leaves_its_parents_connection_alone(server: Sshd, tmp_path: Path) -> None:
    program = f"""
import os, sys, warnings
from holotype.catalog import SftpStore
warnings.simplefilter("ignore")  # paramiko has threads
store = SftpStore({server.url(tmp_path / "store")!r}, storage_options={server.options!r})
store.put("a", [b"x"])
child = os.fork()
if child == 0:
    for n in range(20):
        store.put(f"child/{{n}}", [b"x"])
    del store
    sys.exit(7)
for n in range(20):
    store.put(f"parent/{{n}}", [b"x"])
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print(len(list(store.list(""))))
"""
    before = logins(server)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("41\n", "")
    assert logins(server) - before == 2


def test_threads_share_one_connection(server: Sshd, tmp_path: Path) -> None:
    before = logins(server)
    store = opened(server, tmp_path)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: store.put(f"a/{n}", [b"x" * n]), range(100)))
    assert logins(server) - before == 1


def test_a_store_that_nobody_needs_any_more_ends_its_connection(server: Sshd, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    store = opened(server, tmp_path)
    store.put("a", [b"x"])
    (thread,) = set(threading.enumerate()) - before
    del store
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_that_allows_few_sessions_is_enough(tmp_path: Path, most: int) -> None:
    with Sshd(tmp_path / "server", settings=(f"MaxSessions {most}",)) as server:
        store = opened(server, tmp_path)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: store.put(f"a/{n}", [b"x" * n]), range(100)))
        assert len(list(store.list("a/"))) == 100
        assert logins(server) == 1


def test_a_server_that_gives_no_session_says_so(tmp_path: Path) -> None:
    with (
        Sshd(tmp_path / "server", settings=("MaxSessions 0",)) as server,
        pytest.raises(StorageDenied, match="no session"),
    ):
        opened(server, tmp_path).exists("a")


def logins(server: Sshd) -> int:
    return (server.folder / "log").read_text().count("Accepted publickey")


# -- files


def test_a_crash_while_writing_leaves_something_that_is_no_object(
    store: SftpStore, server: Sshd, tmp_path: Path
) -> None:
    program = f"""
import os
from holotype.catalog import SftpStore
from holotype.catalog.stores.sftpsession import Session
store = SftpStore({server.url(tmp_path / "store")!r}, storage_options={server.options!r})
Session.replace = lambda *arguments: os._exit(9)  # the power goes out before the new name is given
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


def test_a_full_disk_is_told_from_other_failures(store: SftpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> int:
        raise OSError(errno.EIO, "Failure")  # all that OpenSSH says

    monkeypatch.setattr(Session, "write", refuse)
    with pytest.raises(StorageFailed, match="Failure"):
        store.put("a/old", [b"new"])
    monkeypatch.setattr(Session, "room", lambda session, path: 2)
    with pytest.raises(StorageFull, match="make room"):
        store.put("a/old", [b"new"])
    assert bytes(store.get("a/old")) == b"old"
    assert list(store.leftovers()) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOTSUP])
def test_a_file_system_without_hard_links_cannot_create_exclusively(
    store: SftpStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Session, "link", refuse)
    with pytest.raises(StorageFailed) as caught:
        store.create("a/new", b"new")
    assert caught.value.errno == errno.ENOTSUP
    assert store.create("a/old", b"new") is False
    assert not probe(store)
    assert [info.key for info in store.list("")] == ["a/old"]
    assert list(store.leftovers()) == []


def test_a_creation_refused_for_another_reason_is_a_failure(store: SftpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EIO, "Failure")

    monkeypatch.setattr(Session, "link", refuse)
    with pytest.raises(StorageFailed, match="Failure"):
        store.create("a/new", b"new")


def test_an_answer_that_makes_no_sense_is_a_failure(store: SftpStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "look", lambda session, *paths: [struct.unpack(">I", b"")])
    with pytest.raises(StorageFailed, match="makes no sense"):
        store.exists("a/old")


def test_a_temporary_file_that_somebody_removed_is_a_failure_to_try_again(
    store: SftpStore, server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, real = opened(server, tmp_path), Session.replace

    def replace(session: Session, path: bytes, target: bytes) -> None:
        other.delete([left.key for left in other.leftovers()])
        real(session, path, target)

    monkeypatch.setattr(Session, "replace", replace)
    with pytest.raises(StorageFailed, match="try again"):
        store.put("a/old", [b"new"])
    assert bytes(store.get("a/old")) == b"old"


def test_a_big_object_is_read_whole_and_in_parts(store: SftpStore) -> None:
    data = os.urandom(9_000_001)
    assert store.put("big", [data[:1], data[1:5_000_000], data[5_000_000:]]) == len(data)
    assert bytes(store.get("big")) == data
    assert bytes(store.get("big", 3)) == data[3:]
    assert bytes(store.get("big", 70_000, 100_000)) == data[70_000:170_000]
    assert bytes(store.get("big", 1, 1 << 40)) == data[1:]
    assert bytes(store.get("big", 8_999_000, 5_000)) == data[8_999_000:]


def test_a_folder_with_many_files_is_listed_whole(store: SftpStore, tmp_path: Path) -> None:
    folder = tmp_path / "store" / "many"
    folder.mkdir()
    for n in range(1500):
        (folder / f"n{n}").write_bytes(b"x" * (n % 7))
    for n in range(70):
        (folder / f"f{n}").mkdir()
        (folder / f"f{n}" / "a").touch()
    assert len({info.key for info in store.list("many/")}) == 1570


def test_links_are_followed_and_what_is_no_file_is_no_object(store: SftpStore, tmp_path: Path) -> None:
    root = tmp_path / "store"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_bytes(b"four")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "pipe")
    assert {(info.key, info.size) for info in store.list("")} == {("a/old", 3), ("linked/x", 4)}
    assert bytes(store.get("linked/x")) == b"four"
    assert not store.exists("pipe")
    assert not store.exists("broken")


def test_folders_that_became_empty_go_and_come_back(store: SftpStore, tmp_path: Path) -> None:
    store.put("packs/s-1/deep/a", [b"x"])
    store.delete(["packs/s-1/deep/a"])
    assert not (tmp_path / "store" / "packs").exists()
    store.put("packs/s-1/deep/a", [b"y"])
    shutil.rmtree(tmp_path / "store")  # and when somebody else takes them away
    store.put("packs/s-1/deep/b", [b"z"])
    assert [info.key for info in store.list("")] == ["packs/s-1/deep/b"]


def test_an_object_below_another_is_a_failure(store: SftpStore) -> None:
    with pytest.raises(StorageFailed):
        store.put("a/old/below", [b"x"])
    assert bytes(store.get("a/old")) == b"old"


def test_a_path_may_lie_in_the_home_of_who_logs_in(server: Sshd, tmp_path: Path) -> None:
    home = os.path.expanduser(f"~{server.user}")
    relative = os.path.relpath(tmp_path / "store", home)
    with pytest.raises(InvalidOption):  # from there no path leads upwards
        SftpStore(f"sftp://127.0.0.1:{server.port}/~/{relative}")
    store = SftpStore(f"sftp://127.0.0.1:{server.port}/~/nowhere/at/all", storage_options=server.options)
    assert list(store.list("")) == []
    assert store.url.endswith("/~/nowhere/at/all")


# -- URLs and options


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://host/a/b", "sftp://host/a/b"),
        ("ssh://host/a/b/", "sftp://host/a/b"),
        ("sftp://ada@host:22//a//b", "sftp://ada@host/a/b"),
        ("SFTP://ada:secret@host:2222/a", "sftp://ada@host:2222/a"),
        ("sftp://[::1]:2222/a", "sftp://[::1]:2222/a"),
        ("sftp://host/", "sftp://host/"),
        ("sftp://host/~/a", "sftp://host/~/a"),
        ("sftp://host/with space/ünïcode", "sftp://host/with space/ünïcode"),
    ],
)
def test_a_url_names_a_store_and_is_its_own(url: str, shown: str) -> None:
    store = open_store(url)
    assert isinstance(store, SftpStore)
    assert store.url == shown
    assert open_store(store.url) == store
    assert "secret" not in repr(store)


@pytest.mark.parametrize("url", ["sftp://", "sftp://host", "sftp://host:port/a", "sftp://host/a/../b", "sftp://host/~"])
def test_a_url_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidOption, match="sftp://user@host:port/path"):
        open_store(url)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token": 1, "secret": 2}, "secret, token"),
        ({"port": "many"}, "port"),
        ({"password": b"hidden"}, "password must be str"),
        ({"key_filename": 3}, "key_filename"),
        ({"username": "grace"}, "differ in username"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidOption, match=said) as caught:
        open_store("sftp://ada@host/a", storage_options=options)
    assert "hidden" not in str(caught.value)


# -- through the front door


def test_an_archive_lives_on_a_server(server: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "reads.fastq").write_bytes(os.urandom(300_000))
    (source / "deep" / "notes.txt").write_text("a note")
    archive = lake.create(server.url(tmp_path / "archive"), name="remote", storage_options=server.options)
    assert archive.writers == "many"
    archive.backup(source, dataset="run")
    (source / "deep" / "notes.txt").write_text("another note")
    lake.open(archive.url, storage_options=server.options | {"username": server.user}).backup(source, dataset="run")
    assert archive.verify().ok
    archive.restore("run@2", tmp_path / "back")
    assert (tmp_path / "back" / "reads.fastq").read_bytes() == (source / "reads.fastq").read_bytes()
    assert (tmp_path / "back" / "deep" / "notes.txt").read_text() == "another note"
    archive.forget("run@1")
    archive.collect()
    assert archive.verify("run@2").ok
    assert not (tmp_path / "archive" / "probes").exists()
