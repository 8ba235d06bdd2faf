"""What the tests of this room share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.catalog import MemoryStore

from .proxies import Proxy
from .servers import SeaweedFS
from .sshd import Sshd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holotype.catalog import S3Store

    from .buckets import Buckets


@pytest.fixture(autouse=True)
def _forget_what_is_in_memory() -> Iterator[None]:
    """All of ``memory://`` is one dictionary, and listing looks through it: what is left slows down later tests."""
    yield
    store = MemoryStore("catalog-tests")
    store.delete([info.key for info in store.list("")])


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedFS]:
    """A real S3 server."""
    server = SeaweedFS()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def buckets(seaweed: SeaweedFS) -> Buckets:
    """Its buckets."""
    from .buckets import Buckets  # it needs a package that a plain installation has not

    return Buckets(seaweed)


@pytest.fixture(scope="session")
def one_proxy(seaweed: SeaweedFS) -> Iterator[Proxy]:
    """One for all tests: a store connects anew to every new address, which takes longer than most tests."""
    proxy = Proxy(seaweed.port)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(one_proxy: Proxy) -> Proxy:
    """What stands between the server and a store that uses the proxy's URL; it hands everything on, until told."""
    one_proxy.reset()
    return one_proxy


@pytest.fixture
def through(buckets: Buckets, proxy: Proxy) -> S3Store:
    """A store whose requests go through the proxy, connected, with one object of ten bytes."""
    store = buckets.store(endpoint=proxy.url)
    store.put("a", [b"0123456789"])
    proxy.requests.clear()
    return store


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A real SSH server."""
    with Sshd(tmp_path_factory.mktemp("sshd") / "server") as server:
        yield server


@pytest.fixture
def own_sshd(tmp_path: Path) -> Iterator[Sshd]:
    """One that a test may kill."""
    with Sshd(tmp_path / "server") as server:
        yield server
