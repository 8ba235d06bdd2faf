"""The store in an S3 bucket when the server is slow, goes away or loses answers, and when many use it at once."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from holotype.catalog import Catalog, Patience, S3Store, StorageFailed

from .buckets import USES, uses
from .proxies import first
from .racing import race
from .samples import SAMPLES, counted, each, samples
from .servers import free_ports

if TYPE_CHECKING:
    from .buckets import Buckets
    from .proxies import Proxy
    from .servers import SeaweedFS


@pytest.fixture
def store(buckets: Buckets) -> S3Store:
    return buckets.store()


# -- a server that is not always there


@pytest.fixture(scope="module")
def nowhere() -> str:
    """An address where nobody answers."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.mark.parametrize("use", USES)
def test_a_server_that_is_not_there_fails_in_the_end(
    buckets: Buckets, nowhere: str, use: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = buckets.store(endpoint=nowhere)
    began = time.monotonic()
    with pytest.raises(StorageFailed, match=rf"at {nowhere} failed: .*tried 4 times") as caught:
        uses(store)[use]()
    assert time.monotonic() - began < 10
    assert caught.value.transient is True
    assert caught.value.backend == store.url
    assert "secret-key" not in f"{caught.value} {caught.value.about} {caplog.text}"


@pytest.mark.parametrize("use", USES)
def test_a_server_that_comes_back_is_waited_for(buckets: Buckets, proxy: Proxy, use: str) -> None:
    store = buckets.store(endpoint=proxy.url, patience=Patience(first=0.1, longest=0.2))
    store.put("a", [b"there"])
    with ThreadPoolExecutor(1) as pool, proxy.away():
        going_on = pool.submit(uses(store)[use])
        time.sleep(0.4)
        assert not going_on.done()
        proxy.requests.clear()
    going_on.result()
    assert proxy.requests


def test_a_server_that_stops_in_the_middle_is_waited_for(store: S3Store, seaweed: SeaweedFS) -> None:
    store.put("a", [b"there"])
    seaweed.pause()
    try:
        with ThreadPoolExecutor(3) as pool:
            read = pool.submit(store.get, "a")
            made = pool.submit(store.create, "b", b"mine")
            written = pool.submit(store.put, "c", [b"x" * (20 << 20)])
            time.sleep(0.5)
            assert not read.done()
            assert not made.done()
            assert not written.done()
            seaweed.resume()
            assert bytes(read.result()) == b"there"
            assert made.result() is True
            assert written.result() == 20 << 20
    finally:
        seaweed.resume()
    assert {info.key for info in store.list("")} == {"a", "b", "c"}


def test_an_answer_that_takes_too_long_is_asked_for_again(buckets: Buckets, seaweed: SeaweedFS) -> None:
    options = buckets.options() | {"config_kwargs": {"read_timeout": 0.2}}
    store = S3Store(f"s3://{buckets.shared}/{uuid4().hex}", storage_options=options)
    store.put("a", [b"there"])
    seaweed.pause()
    try:
        with ThreadPoolExecutor(2) as pool:
            read = pool.submit(store.get, "a")
            made = pool.submit(store.create, "b", b"mine")
            time.sleep(0.8)
            seaweed.resume()
            assert bytes(read.result()) == b"there"
            assert made.result() is True
    finally:
        seaweed.resume()
    assert bytes(store.get("b")) == b"mine"
    assert store.create("b", b"yours") is False


def test_a_server_that_is_busy_is_asked_again(through: S3Store, proxy: Proxy) -> None:
    busy = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    left = [busy, busy]
    proxy.instead = lambda request: left.pop() if left else b""
    assert bytes(through.get("a")) == b"0123456789"
    assert len(proxy.requests) == 3


# -- answers that are lost


@pytest.mark.parametrize("how", ["lose", "refuse"])
def test_a_creation_whose_answer_was_lost_counts_exactly_once(through: S3Store, proxy: Proxy, how: str) -> None:
    setattr(proxy, how, first(1, "PUT"))
    assert through.create("log/1", b"mine") is True
    assert bytes(through.get("log/1")) == b"mine"
    assert through.create("log/1", b"yours") is False
    setattr(proxy, how, first(1, "PUT"))
    assert through.create("log/1", b"yours") is False
    assert bytes(through.get("log/1")) == b"mine"


def test_a_creation_of_which_nothing_is_heard_again_fails(through: S3Store, proxy: Proxy) -> None:
    proxy.lose = lambda request: True
    with pytest.raises(StorageFailed, match="creating log/1"):
        through.create("log/1", b"mine")
    proxy.lose = lambda request: False
    assert bytes(through.get("log/1")) == b"mine"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_whose_answer_was_lost_is_done_again(through: S3Store, proxy: Proxy, method: str) -> None:
    proxy.lose = first(1, method)
    assert through.put("large", [bytes(20 << 20), b"x" * (13 << 20)]) == 33 << 20
    assert through.size("large") == 33 << 20
    # Where the answer to its beginning was lost, nobody knows its name.
    assert len(list(through.leftovers())) == (method == "POST")


def test_an_upload_that_was_complete_but_nobody_heard_is_done_again(through: S3Store, proxy: Proxy) -> None:
    completed = iter([True])
    proxy.lose = lambda request: request.startswith("POST") and "uploadId" in request and next(completed, False)
    assert through.put("large", [b"x" * (33 << 20)]) == 33 << 20
    assert through.size("large") == 33 << 20
    assert list(through.leftovers()) == []


def test_a_deletion_whose_answer_was_lost_is_done(through: S3Store, proxy: Proxy) -> None:
    proxy.lose = first(1, "POST")
    through.delete(["a"])
    assert not through.exists("a")


# -- threads, processes


def test_stores_are_equal_when_they_name_the_same_place(buckets: Buckets) -> None:
    store = buckets.store("x")
    assert store == buckets.store("x", who="reader")
    assert store != buckets.store("y")
    assert store != buckets.store("x", endpoint="http://127.0.0.1:1")
    assert repr(store) == f"S3Store('s3://{buckets.shared}/x', endpoint='{buckets.server.url}')"


RACE = """
import pickle, sys
store = pickle.loads(bytes.fromhex(sys.argv[1]))
store.exists("a")
print("ready", flush=True)
sys.stdin.readline()
print(*(n for n in range(8) if store.create(f"race/{n}", f"{sys.argv[2]} {n}".encode())))
"""


def test_of_several_processes_exactly_one_creates(store: S3Store) -> None:
    won = [[int(n) for n in said.split()] for said in race(RACE, pickle.dumps(store).hex(), runners=3)]
    assert sorted(n for each_won in won for n in each_won) == list(range(8))
    for me, mine in enumerate(won):
        for n in mine:
            assert bytes(store.get(f"race/{n}")) == b"%d %d" % (me, n)


FORK = """
import os, pickle, sys
store = pickle.loads(bytes.fromhex(sys.argv[1]))
store.put("parent", [b"before"])
child = os.fork()
if not child:
    assert bytes(store.get("parent")) == b"before"
    assert store.create("child", b"made")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert bytes(store.get("child")) == b"made"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_a_forked_process_uses_the_store_too(store: S3Store) -> None:
    travelling = pickle.dumps(store).hex()
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, travelling]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")


# -- what it is for


def test_a_catalog_lives_in_a_bucket(through: S3Store, proxy: Proxy) -> None:
    through.delete(["a"])  # an archive is made where nothing else is
    catalog = Catalog.create(through, tables=[SAMPLES])
    proxy.lose = lambda request: "log/" in request and request.startswith("PUT") and len(proxy.requests) % 2 == 0
    for n in range(6):
        catalog.commit(add=[catalog.write("samples", samples(n))], operation="test")
    proxy.lose = lambda request: False
    again = Catalog.open(through, tables=[SAMPLES])
    assert counted(again) == each(range(6))
    assert len(list(again.entries())) == 6
    assert list(again.audit()) == []
