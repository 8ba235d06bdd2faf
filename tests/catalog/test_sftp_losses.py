"""A store on an SFTP server that is lost, falls silent, or loses its answers, with a real OpenSSH at the other end."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Patience, SftpStore, StorageFailed
from holotype.catalog.stores.sftpsession import Session

from .sshd import ONCE, SOON, Sshd, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEEDS = ("paramiko", "sshd", "ssh-keygen")


def test_what_was_under_way_when_the_server_died_is_done_when_it_is_back(own_sshd: Sshd, tmp_path: Path) -> None:
    store = opened(own_sshd, tmp_path, patience=SOON)
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
            own_sshd.stop()
            time.sleep(0.2)
            own_sshd.start()
        enough.set()
        writing.result(60)
    assert {info.key for info in store.list("log/")} == {f"log/{n}" for n in written}
    assert {info.size for info in store.list("packs/")} == {len(data)}
    for n in range(5):
        assert bytes(store.get(f"packs/{n}")) == data


def test_reading_goes_on_when_the_server_is_back(own_sshd: Sshd, tmp_path: Path) -> None:
    store = opened(own_sshd, tmp_path, patience=SOON)
    store.put("a", [b"x" * (1 << 20)])
    own_sshd.stop()
    own_sshd.start()
    assert bytes(store.get("a")) == b"x" * (1 << 20)
    assert [info.key for info in store.list("")] == ["a"]


def test_a_server_that_is_gone_for_good_is_a_failure_in_time(own_sshd: Sshd, tmp_path: Path) -> None:
    slept: list[float] = []
    store = opened(own_sshd, tmp_path, patience=Patience(attempts=4, sleep=slept.append))
    store.put("a", [b"x"])
    own_sshd.stop()
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


def test_a_server_that_falls_silent_is_a_failure_in_time(own_sshd: Sshd, tmp_path: Path) -> None:
    store = opened(own_sshd, tmp_path, timeout=0.5)
    store.put("a", [b"x"])
    own_sshd.pause()
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
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, done: str
) -> None:
    store = opened(sshd, tmp_path, patience=SOON)
    store.put("warm", [b"x"])
    lose(monkeypatch, step, done=done)
    assert store.create("log/1", b"mine") is True
    assert bytes(store.get("log/1")) == b"mine"
    lose(monkeypatch, step, done=done)
    assert store.put("a", [b"new"]) == 3
    assert bytes(store.get("a")) == b"new"
    assert {info.key for info in store.list("")} == {"a", "log/1", "warm"}


def test_a_lost_answer_to_a_creation_that_came_too_late_is_found_out(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(sshd, tmp_path, patience=SOON)
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
