"""The store on an SFTP server keeps the contract, with a real OpenSSH at the other end, also when that dies."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

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
from holotype.catalog.stores.sftpsession import Session

from .racing import race
from .sshd import SOON, Sshd, opened
from .store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("paramiko", "sshd", "ssh-keygen")


@pytest.fixture
def store(sshd: Sshd, tmp_path: Path) -> SftpStore:
    store = opened(sshd, tmp_path)
    store.put("a/old", [b"old"])
    return store


class TestSftpStore(StoreContract):
    rounds = 60

    @pytest.fixture(autouse=True)
    def _server(self, sshd: Sshd) -> None:
        self.sshd = sshd

    def make(self, tmp_path: Path) -> SftpStore:
        return opened(self.sshd, tmp_path)


class TestSftpStoreOnAPlainServer(TestSftpStore):
    """Without any of OpenSSH's extensions: what is renamed refuses to replace, and nothing can be flushed."""

    replaces = False

    @pytest.fixture(autouse=True)
    def _plain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Session, "offers", lambda session, extension: False)


# -- who is let in


def test_a_wrong_key_is_refused_with_what_to_do(sshd: Sshd, tmp_path: Path) -> None:
    store = opened(sshd, tmp_path, patience=SOON, key_filename=str(sshd.other_key))
    with pytest.raises(StorageDenied, match=f"does not let {sshd.user} in") as caught:
        store.get("a")
    assert "key_filename" in str(caught.value)
    assert caught.value.backend == store.url.removesuffix(str(tmp_path / "store"))


def test_a_locked_key_wants_its_passphrase(sshd: Sshd, tmp_path: Path) -> None:
    locked = shutil.copy(sshd.client_key, tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "open sesame", "-f", locked], check=True, stdout=subprocess.DEVNULL)
    for wrong in (None, "open barley"):
        with pytest.raises(StorageDenied, match="passphrase"):
            opened(sshd, tmp_path, key_filename=[locked], passphrase=wrong).exists("a")
    assert not opened(sshd, tmp_path, key_filename=[locked], passphrase="open sesame").exists("a")


def test_a_wrong_password_is_refused_and_never_shown(sshd: Sshd, tmp_path: Path) -> None:
    url = sshd.url(tmp_path).replace("sftp://", f"sftp://{sshd.user}:s3cr%20et@")
    options = {name: sshd.options[name] for name in ("known_hosts", "allow_agent", "look_for_keys")}
    store = open_store(url, storage_options=options)
    with pytest.raises(StorageDenied) as caught:
        list(store.list(""))
    error: BaseException | None = caught.value
    said = [store.url, repr(store), store.url]
    while error is not None:
        said += [str(error), repr(error), repr(getattr(error, "about", ""))]
        error = error.__cause__
    assert not [text for text in said if "s3cr" in text]
    assert f"sftp://{sshd.user}@127.0.0.1" in store.url


def test_no_way_to_log_in_is_no_reason_to_try_again(sshd: Sshd, tmp_path: Path) -> None:
    options = {name: sshd.options[name] for name in ("known_hosts", "allow_agent", "look_for_keys")}
    store = SftpStore(sshd.url(tmp_path), storage_options=options, patience=SOON)
    with pytest.raises(StorageDenied, match="does not let"):
        store.exists("a")


def test_a_server_nobody_vouches_for_is_refused(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.stores.ssh._KNOWN_HOSTS", (str(tmp_path / "none"),))
    stranger = opened(sshd, tmp_path, patience=SOON, known_hosts=None)
    with pytest.raises(StorageDenied, match="not known here") as caught:
        stranger.exists("a")
    assert caught.value.host_key == sshd.host_key
    known = opened(sshd, tmp_path, known_hosts=None, host_key=str(caught.value.host_key))
    assert not known.exists("a")


def test_the_users_own_known_hosts_vouch(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd.known_hosts, tmp_path / ".ssh")
    assert not opened(sshd, tmp_path, known_hosts=None).exists("a")


def test_a_server_with_another_key_than_the_known_one_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    other = " ".join(sshd.other_key.with_suffix(".pub").read_text().split()[:2])
    with pytest.raises(StorageDenied, match="somebody may stand between"):
        opened(sshd, tmp_path, patience=SOON, known_hosts=None, host_key=other).exists("a")


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
def test_an_option_that_cannot_be_used_is_named(sshd: Sshd, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(InvalidOption, match=option):
        opened(sshd, tmp_path, patience=SOON, **{option: value}).exists("a")


def test_a_damaged_list_of_known_hosts_is_named(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("[127.0.0.1]:22 ssh-ed25519 AAAA\n")
    with pytest.raises((InvalidOption, StorageDenied)):
        opened(sshd, tmp_path, patience=SOON, known_hosts=tmp_path / "hosts").exists("a")


def test_a_read_only_server_lets_read_and_nothing_else(store: SftpStore, tmp_path: Path) -> None:
    with Sshd(tmp_path / "server", command="internal-sftp -R") as sshd:
        locked = opened(sshd, tmp_path, patience=SOON)
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
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(ExtraMissing, match=r'pip install "holotype\[sftp\]"'):
        opened(sshd, tmp_path).exists("a")


# -- many at once


def test_of_many_processes_exactly_one_creates(sshd: Sshd, tmp_path: Path) -> None:
    program = f"""
import sys
from holotype.catalog import SftpStore
store = SftpStore({sshd.url(tmp_path / "store")!r}, storage_options={sshd.options!r})
store.exists("a")
print("ready", flush=True)
sys.stdin.readline()
print(*(int(store.create(f"race/{{n}}", sys.argv[1].encode())) for n in range(100)))
"""
    results = [[int(won) for won in said.split()] for said in race(program, runners=3)]
    assert [sum(won) for won in zip(*results, strict=True)] == [1] * 100
    store = opened(sshd, tmp_path)
    for n in range(100):
        assert results[int(bytes(store.get(f"race/{n}")))][n] == 1


def test_a_forked_process_leaves_its_parents_connection_alone(sshd: Sshd, tmp_path: Path) -> None:
    program = f"""
import os, sys, warnings
from holotype.catalog import SftpStore
warnings.simplefilter("ignore")  # paramiko has threads
store = SftpStore({sshd.url(tmp_path / "store")!r}, storage_options={sshd.options!r})
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
    before = logins(sshd)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("41\n", "")
    assert logins(sshd) - before == 2


def test_threads_share_one_connection(sshd: Sshd, tmp_path: Path) -> None:
    before = logins(sshd)
    store = opened(sshd, tmp_path)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: store.put(f"a/{n}", [b"x" * n]), range(100)))
    assert logins(sshd) - before == 1


def test_a_store_that_nobody_needs_any_more_ends_its_connection(sshd: Sshd, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    store = opened(sshd, tmp_path)
    store.put("a", [b"x"])
    (thread,) = set(threading.enumerate()) - before
    del store
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_that_allows_few_sessions_is_enough(tmp_path: Path, most: int) -> None:
    with Sshd(tmp_path / "server", settings=(f"MaxSessions {most}",)) as sshd:
        store = opened(sshd, tmp_path)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: store.put(f"a/{n}", [b"x" * n]), range(100)))
        assert len(list(store.list("a/"))) == 100
        assert logins(sshd) == 1


def test_a_server_that_gives_no_session_says_so(tmp_path: Path) -> None:
    with (
        Sshd(tmp_path / "server", settings=("MaxSessions 0",)) as sshd,
        pytest.raises(StorageDenied, match="no session"),
    ):
        opened(sshd, tmp_path).exists("a")


def logins(sshd: Sshd) -> int:
    return (sshd.folder / "log").read_text().count("Accepted publickey")


# -- files


def test_a_crash_while_writing_leaves_something_that_is_no_object(store: SftpStore, sshd: Sshd, tmp_path: Path) -> None:
    program = f"""
import os
from holotype.catalog import SftpStore
from holotype.catalog.stores.sftpsession import Session
store = SftpStore({sshd.url(tmp_path / "store")!r}, storage_options={sshd.options!r})
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
    store: SftpStore, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, real, sweeps = opened(sshd, tmp_path), Session.replace, [1]

    def replace(session: Session, path: bytes, target: bytes) -> None:
        if sweeps[0]:
            sweeps[0] -= 1
            other.delete([left.key for left in other.leftovers()])
        real(session, path, target)

    monkeypatch.setattr(Session, "replace", replace)
    opened(sshd, tmp_path, patience=SOON).put("a/once", [b"new"])
    assert bytes(store.get("a/once")) == b"new"
    assert not sweeps[0]
    sweeps[0] = 1000
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


def test_a_path_may_lie_in_the_home_of_who_logs_in(sshd: Sshd, tmp_path: Path) -> None:
    home = os.path.expanduser(f"~{sshd.user}")
    relative = os.path.relpath(tmp_path / "store", home)
    with pytest.raises(InvalidOption):  # from there no path leads upwards
        SftpStore(f"sftp://127.0.0.1:{sshd.port}/~/{relative}")
    store = SftpStore(f"sftp://127.0.0.1:{sshd.port}/~/nowhere/at/all", storage_options=sshd.options)
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


def test_an_archive_lives_on_a_server(sshd: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "reads.fastq").write_bytes(os.urandom(300_000))
    (source / "deep" / "notes.txt").write_text("a note")
    archive = lake.create(sshd.url(tmp_path / "archive"), name="remote", storage_options=sshd.options)
    assert archive.writers == "many"
    archive.backup(source, dataset="run")
    (source / "deep" / "notes.txt").write_text("another note")
    lake.open(archive.url, storage_options=sshd.options | {"username": sshd.user}).backup(source, dataset="run")
    assert archive.verify().ok
    archive.restore("run@2", tmp_path / "back")
    assert (tmp_path / "back" / "reads.fastq").read_bytes() == (source / "reads.fastq").read_bytes()
    assert (tmp_path / "back" / "deep" / "notes.txt").read_text() == "another note"
    archive.forget("run@1")
    archive.collect()
    assert archive.verify("run@2").ok
    assert not (tmp_path / "archive" / "probes").exists()
