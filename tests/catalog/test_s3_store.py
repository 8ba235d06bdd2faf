"""The store in an S3 bucket keeps the contract, at one request a call, and says what is wrong."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import (
    ExtraMissing,
    InvalidOption,
    ObjectMissing,
    S3Store,
    StorageDenied,
    StorageFailed,
    StorageNotFound,
    open_store,
)

from .buckets import USES, uses
from .store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from .buckets import Buckets
    from .proxies import Proxy


@pytest.fixture
def store(buckets: Buckets) -> S3Store:
    return buckets.store()


class TestS3Store(StoreContract):
    rounds = 5  # threads that race for one name keep each other waiting in this server, a second at a time

    @pytest.fixture(autouse=True)
    def _server(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def make(self, tmp_path: Path) -> S3Store:
        return self.buckets.store(tmp_path.name)


# -- what it costs


def test_each_call_is_one_request(through: S3Store, proxy: Proxy) -> None:
    def requests() -> list[str]:
        made = [request.partition(" ")[0] for request in proxy.requests]
        proxy.requests.clear()
        return made

    through.get("a")
    assert requests() == ["GET"]
    through.get("a", 2, 3)
    assert requests() == ["GET"]
    through.get("a", 100)
    assert requests() == ["GET"]
    through.size("a")
    assert requests() == ["GET"]
    through.exists("a")
    assert requests() == ["GET"]
    through.exists("never")
    assert requests() == ["GET"]
    with pytest.raises(ObjectMissing):
        through.get("never")
    assert requests() == ["GET"]
    through.put("b", [b"x" * 1_000_000] * 16)
    assert requests() == ["PUT"]
    assert through.create("c", b"x")
    assert requests() == ["PUT"]
    assert not through.create("c", b"y")
    assert requests() == ["PUT", "GET"]  # whose is it?
    assert len(list(through.list(""))) == 3
    assert requests() == ["GET"]
    through.delete(f"many/{n}" for n in range(1001))
    assert requests() == ["POST", "POST"]
    through.delete([])
    assert requests() == []


def test_a_large_object_goes_in_parts(through: S3Store, proxy: Proxy) -> None:
    # Not a multiple of the parts' size, in buffers that end elsewhere than the parts do.
    block = bytes(range(256)) * 4096 * 3
    parts = [memoryview(block)] * 21 + [memoryview(b"end")]
    assert through.put("large", parts) == 66_060_291
    methods = [request.partition(" ")[0] for request in proxy.requests]
    assert (methods.count("POST"), methods.count("PUT")) == (2, 4)
    assert bytes(through.get("large")) == b"".join(parts)
    assert bytes(through.get("large", 66_060_286)) == block[-2:] + b"end"
    assert [info.size for info in through.list("") if info.key == "large"] == [66_060_291]


def test_a_listing_of_many_pages_is_whole(store: S3Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.put(f"many/{n}", [b"x"]), range(1010)))
    assert {info.key for info in store.list("many/")} == {f"many/{n}" for n in range(1010)}
    store.delete(info.key for info in store.list(""))
    assert list(store.list("")) == []


def test_a_listing_sees_what_others_did_a_moment_ago(store: S3Store, buckets: Buckets) -> None:
    other = buckets.store(store.url.rpartition("/")[2])
    assert list(store.list("")) == []
    for n in range(3):
        other.put(f"a/{n}", [b"x"])
        assert len(list(store.list("a/"))) == n + 1
    other.delete(["a/1"])
    assert {info.key for info in store.list("")} == {"a/0", "a/2"}
    assert not store.exists("a/1")


def test_a_bucket_itself_is_a_store_too(buckets: Buckets) -> None:
    bucket = buckets.new()
    store = S3Store(f"s3://{bucket}", storage_options=buckets.options())
    store.put("a/b", [b"x"])
    assert [info.key for info in store.list("")] == ["a/b"]
    assert store.url == f"s3://{bucket}"
    assert store == open_store(f"s3a://{bucket}/", storage_options=buckets.options())


# -- uploads that were never completed


def test_an_upload_that_was_interrupted_is_no_object_and_can_be_found(through: S3Store, proxy: Proxy) -> None:
    proxy.refuse = lambda request: "uploadId" in request
    with pytest.raises(StorageFailed):
        through.put("large", [bytes(33 << 20)])
    proxy.refuse = lambda request: False
    assert [info.key for info in through.list("")] == ["a"]
    left = list(through.leftovers())
    assert left
    assert all(info.key.startswith("large~") for info in left)
    through.delete([*(info.key for info in left), "a"])
    assert list(through.leftovers()) == []
    assert list(through.list("")) == []


def test_an_upload_that_fails_half_way_leaves_the_old_object(through: S3Store, proxy: Proxy) -> None:
    proxy.refuse = lambda request: "partNumber=2" in request
    with pytest.raises(StorageFailed, match="tried 4 times"):
        through.put("a", [bytes(33 << 20)])
    assert bytes(through.get("a")) == b"0123456789"
    assert list(through.leftovers()) == []


# -- errors


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_who_is_not_known_is_denied_at_once(buckets: Buckets, proxy: Proxy, use: str, wrong: str) -> None:
    options = buckets.options(endpoint=proxy.url) | {wrong: "not-the-right-one"}
    store = S3Store(f"s3://{buckets.shared}/x", storage_options=options)
    with pytest.raises(StorageDenied, match=store.url) as caught:
        uses(store)[use]()
    assert len(proxy.requests) == 1
    told = f"{caught.value} {caught.value.about} {store} {store.url} {vars(caught.value)}"
    assert not [text for text in map(str, options.values()) if text in told and not text.startswith("http")]


@pytest.mark.parametrize("use", USES)
def test_a_bucket_that_is_missing_is_named(buckets: Buckets, proxy: Proxy, use: str) -> None:
    store = S3Store("s3://no-such-bucket/x", storage_options=buckets.options(endpoint=proxy.url))
    with pytest.raises(StorageNotFound, match="no bucket or container no-such-bucket at http://127") as caught:
        uses(store)[use]()
    assert caught.value.bucket == "no-such-bucket"
    assert len(proxy.requests) == 1


def test_who_may_only_read_is_denied_the_rest(store: S3Store, buckets: Buckets) -> None:
    store.put("a", [b"there"])
    reader = buckets.store(store.url.rpartition("/")[2], who="reader")
    assert bytes(reader.get("a")) == b"there"
    assert reader.exists("a")
    assert [info.key for info in reader.list("")] == ["a"]
    for use in ("put", "create", "delete"):
        with pytest.raises(StorageDenied, match="AccessDenied"):
            uses(reader)[use]()
    with pytest.raises(StorageDenied):
        reader.put("large", [bytes(33 << 20)])
    assert [info.key for info in store.list("")] == ["a"]


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://", {}),
        ("s3:///folder", {}),
        ("s3://bucket/../other", {}),
        ("s3://key:a-password@bucket/x", {}),
        ("s3://bucket/x", {"endpoint_url": "http://me:a-password@127.0.0.1"}),
    ],
)
def test_a_place_that_cannot_be_is_refused_at_once(url: str, options: dict[str, object]) -> None:
    with pytest.raises(InvalidOption) as caught:
        S3Store(url, storage_options=options)
    assert "a-password" not in f"{caught.value} {caught.value.about}"


@pytest.mark.parametrize(
    "options",
    [{"endpoint_url": "nonsense"}, {"no_such_option": "a-password"}, {"config_kwargs": {"no_such_option": 1}}],
    ids=str,
)
def test_options_that_cannot_be_are_refused(buckets: Buckets, options: dict[str, object]) -> None:
    store = S3Store("s3://bucket/x", storage_options=buckets.options() | options)
    with pytest.raises(
        InvalidOption, match=r"connecting to s3://bucket/x failed: .*; correct the URL or the options"
    ) as caught:
        store.exists("a")
    assert "a-password" not in str(caught.value)


def test_a_bucket_that_cannot_be_is_refused(buckets: Buckets) -> None:
    with pytest.raises(InvalidOption, match="no bucket!"):
        S3Store("s3://no bucket!/x", storage_options=buckets.options()).exists("a")


def test_without_credentials_it_says_where_to_give_them(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = S3Store("s3://bucket/x", storage_options={"endpoint_url": buckets.server.url})
    with pytest.raises(StorageDenied, match="give them in storage_options"):
        store.exists("a")


def test_without_its_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ExtraMissing, match=r'pip install "holotype\[s3\]"'):
        open_store("s3://bucket/archive")
