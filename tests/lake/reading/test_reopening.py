"""An archive that is kept open for one user is not handed to another."""

from __future__ import annotations

import pickle

from holotype.catalog import LocalStore, S3Store
from holotype.lake.reopening import fingerprint

NEEDS = ("s3fs",)


def store(key: str) -> S3Store:
    return S3Store("s3://bucket/archive", storage_options={"key": key, "secret": "s", "endpoint_url": "http://[::1]:1"})


def test_users_of_one_place_are_told_apart() -> None:
    assert store("ada") == store("bob")
    assert (
        fingerprint(store("ada")) == fingerprint(store("ada")) == fingerprint(pickle.loads(pickle.dumps(store("ada"))))
    )
    assert fingerprint(store("ada")) != fingerprint(store("bob"))


def test_so_are_other_options() -> None:
    assert fingerprint(LocalStore("/a")) != fingerprint(LocalStore("/a", durable=False))
    assert b"/a" not in fingerprint(LocalStore("/a"))


def test_a_store_that_cannot_travel_is_only_itself() -> None:
    class Local(LocalStore):
        def __reduce__(self) -> tuple[object, ...]:
            raise TypeError("not this one")

    one, other = Local("/a"), Local("/a")
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
