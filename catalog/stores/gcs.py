"""Objects in a bucket of Google Cloud Storage.

gcsfs finds the credentials, keeps the connection and makes the requests, whose names are those of Google's JSON API.
It repeats what fails for a moment by itself, for about half a minute, and cannot be told not to.

It was written after the API's and gcsfs's documentation, and has not been run against the real service yet.
"""

from __future__ import annotations

import os
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .answers import Answer, Kinds, refusal
from .base import ObjectInfo
from .cloud import CloudStore, all_done

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import HolotypeError

__all__ = ["GCSStore"]

_NO_BUCKET = Answer(404, "NoSuchBucket")


class GCSStore(CloudStore):
    """A store below ``gs://bucket/path``, made with the options of ``gcsfs.GCSFileSystem``."""

    # Not gcsfs itself, whose file system first asks, by another protocol, of which kind a bucket is.
    scheme, package, extra = "gs", "gcsfs.core", "gcs"
    most_deleted = 32  # each by a request of its own
    _seen = False

    def _connect(self) -> Any:
        options = {**self._options, "use_listings_cache": False, "asynchronous": False}
        return self._package.GCSFileSystem(**options)

    def _endpoint(self) -> str:
        return str(
            self._options.get("endpoint_url") or os.environ.get("STORAGE_EMULATOR_HOST") or "storage.googleapis.com"
        )

    async def _put(self, files: Any, name: str, parts: Sequence[memoryview], size: int) -> None:
        try:
            await files._pipe_file(f"{self._bucket}/{name}", b"".join(parts))
        except FileNotFoundError as error:
            raise self._no_bucket() from error

    async def _create(self, files: Any, name: str, data: bytes) -> bool:
        try:
            await files._pipe_file(f"{self._bucket}/{name}", data, mode="create")
        except FileExistsError:
            return False
        except FileNotFoundError as error:
            raise self._no_bucket() from error
        return True

    async def _get(self, files: Any, name: str, start: int, length: int | None) -> bytes:
        # A range of no bytes cannot be asked for: one byte tells whether the object is there.
        last = "" if length is None else start + max(length, 1) - 1
        wanted = {} if start == 0 and length is None else {"Range": f"bytes={start}-{last}"}
        try:
            _, data = await files._call("GET", files.url(f"{self._bucket}/{name}"), headers=wanted)
        except FileNotFoundError:
            await self._look(files)
            raise
        except Exception as error:
            said = self._answer(error)
            if said is not None and said.status == 416:  # the object ends before
                return b""
            raise
        found: bytes = data[:length]
        return found

    async def _size(self, files: Any, name: str) -> int:
        try:
            found = await files._call("GET", "b/{}/o/{}", self._bucket, name, fields="size", json_out=True)
        except FileNotFoundError:
            await self._look(files)
            raise
        return int(found["size"])

    async def _delete(self, files: Any, names: Sequence[str]) -> None:
        await all_done(self._delete_one(files, name) for name in names)

    async def _delete_one(self, files: Any, name: str) -> None:
        try:
            await files._call("DELETE", "b/{}/o/{}", self._bucket, name)
        except FileNotFoundError:
            await self._look(files)

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        at: dict[str, str] = {}
        while True:
            page = self._patiently(partial(self._page, prefix=self._root + prefix, **at), prefix, "listing")
            for found in page.get("items", ()):
                key = found["name"][len(self._root) :]
                if not key.endswith("/"):  # what some tools make in place of a folder
                    yield ObjectInfo(key, int(found["size"]), datetime.fromisoformat(found["updated"]))
            if "nextPageToken" not in page:
                return
            at = {"pageToken": page["nextPageToken"]}

    async def _page(self, files: Any, **wanted: object) -> dict[str, Any]:
        try:
            page: dict[str, Any] = await files._call("GET", "b/{}/o", self._bucket, **wanted, json_out=True)
        except FileNotFoundError as error:
            raise self._no_bucket() from error
        return page

    async def _look(self, files: Any) -> None:
        """Raise when it is the bucket that is missing: of an answer gcsfs only keeps that something is."""
        if not self._seen:
            await self._page(files, maxResults=1, fields="kind")
            self._seen = True

    def _no_bucket(self) -> HolotypeError:
        return refusal(_NO_BUCKET, self._place, "", "reaching")

    def _answer(self, error: BaseException) -> Answer | None:
        words = str(error)
        if isinstance(error, FileNotFoundError):
            return Answer(404, words=words)
        if isinstance(error, OSError) and words.startswith("Forbidden"):
            return Answer(403, words=words.partition("\n")[2])
        code = str(getattr(error, "code", ""))
        return Answer(int(code), words=words) if code.isdecimal() else None

    def _kinds(self) -> Kinds:
        google: Any = import_module("google.auth.exceptions")
        http: Any = import_module("aiohttp")
        requests: Any = import_module("requests")
        return Kinds(
            unproven=(google.DefaultCredentialsError, google.RefreshError),
            passing=(google.TransportError, http.ClientError, requests.RequestException),
            wrong=(ValueError,),  # what gcsfs makes of an answer that says invalid
        )
