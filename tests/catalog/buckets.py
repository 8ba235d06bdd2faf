"""Stores on a real S3 server, for the tests: an empty place of their own in a bucket, as whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import s3fs

from holotype.catalog import Patience, S3Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from .servers import SeaweedFS

# Enough for a server that is away for a moment, and soon over when it is gone.
SHORT = Patience(attempts=4, first=0.05, longest=0.2)


class Buckets:
    """The buckets of one server."""

    def __init__(self, server: SeaweedFS) -> None:
        self.server = server
        self._files: Any = s3fs.S3FileSystem(**self.options(), skip_instance_cache=True)
        self.shared = self.new()

    def options(self, who: str = "admin", *, endpoint: str | None = None) -> dict[str, Any]:
        """The ``storage_options`` of somebody that the server knows."""
        return {
            "key": f"{who}-access-key",
            "secret": f"{who}-secret-key",
            "endpoint_url": endpoint or self.server.url,
        }

    def new(self) -> str:
        """A new bucket; its first object takes a fifth of a second, so most tests have a folder in a shared one."""
        name = f"bucket-{uuid4().hex}"
        self._files.call_s3("create_bucket", Bucket=name)
        return name

    def store(
        self,
        folder: str | None = None,
        *,
        who: str = "admin",
        endpoint: str | None = None,
        patience: Patience = SHORT,
    ) -> S3Store:
        """A store in the folder, by default an empty one that no other test has, as one of those the server knows."""
        url = f"s3://{self.shared}/{folder or uuid4().hex}"
        return S3Store(url, storage_options=self.options(who, endpoint=endpoint), patience=patience)


def uses(store: S3Store) -> dict[str, Callable[[], object]]:
    """Every use of a store, by its name."""
    return {
        "get": lambda: store.get("a"),
        "size": lambda: store.size("a"),
        "exists": lambda: store.exists("a"),
        "list": lambda: list(store.list("")),
        "leftovers": lambda: list(store.leftovers()),
        "put": lambda: store.put("a", [b"x"]),
        "create": lambda: store.create("b", b"x"),
        "delete": lambda: store.delete(["a"]),
    }


USES = ["get", "size", "exists", "list", "leftovers", "put", "create", "delete"]
