"""Objects in an S3 bucket: of Amazon, or of anything else that speaks its protocol.

s3fs finds the credentials and keeps the connection.  The requests are made one by one through it rather than by its
file functions: those ask before they read, ask again when an object is not there, and do not tell when one of many
objects could not be deleted.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import InvalidOption
from .answers import Answer, Kinds, refusal
from .base import ObjectInfo
from .cloud import CloudStore, all_done
from .keys import check_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["S3Store"]

# A pack, of about 30 MB, is one request.  A larger object goes in parts, so many at a time: what is in memory beside
# the object itself is at most three parts.  S3 allows 10,000 of them, which makes objects of up to 160 GB.
_WHOLE, _PART, _TOGETHER = 32 << 20, 16 << 20, 3
# Seconds: to connect, and to wait for the next bytes.
_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 60}
# So many requests at once, whatever the number of threads; the others wait for a connection.
_CONNECTIONS = 32
# What botocore raises when it finds no credentials, or cannot renew them; some are younger than the oldest version.
_UNPROVEN = (
    "CredentialRetrievalError",
    "LoginError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSOError",
    "TokenRetrievalError",
    "UnknownCredentialError",
)
# Where no endpoint is given, botocore may still find one in the environment or in its configuration.
_AMAZON = "s3.amazonaws.com"


class S3Store(CloudStore):
    """A store below ``s3://bucket/path``, made with the options of ``s3fs.S3FileSystem``.

    The credentials need to allow GetObject, PutObject, DeleteObject, ListBucket and ListBucketMultipartUploads.  In a
    versioned bucket what is deleted stays as an old version until the bucket's own rules remove it.
    """

    scheme, package, extra = "s3", "s3fs", "s3"
    most_deleted = 1000  # S3's limit

    def _connect(self) -> Any:
        given = self._options.get("config_kwargs")
        # One attempt: what else botocore is told, it is told by the user.
        config = {**_TIMEOUTS, "max_pool_connections": _CONNECTIONS, "retries": {"total_max_attempts": 1}}
        config |= given if isinstance(given, Mapping) else {}
        options = {**self._options, "config_kwargs": config, "use_listings_cache": False, "asynchronous": False}
        files = self._package.S3FileSystem(**options)
        files.retries = 1
        files.connect()
        return files

    def _endpoint(self) -> str:
        client = self._options.get("client_kwargs")
        inside = client.get("endpoint_url") if isinstance(client, Mapping) else None
        endpoint = str(self._options.get("endpoint_url") or inside or _AMAZON)
        if "@" in endpoint:
            raise InvalidOption("an endpoint_url holds no credentials: give them as key and secret")
        return endpoint

    async def _put(self, files: Any, name: str, parts: Sequence[memoryview], size: int) -> None:
        if size <= _WHOLE:
            await self._ask(files, "put_object", Key=name, Body=io.BytesIO(b"".join(parts)))
            return
        upload = (await self._ask(files, "create_multipart_upload", Key=name))["UploadId"]
        try:
            tags: list[dict[str, object]] = []
            rest = enumerate(_cut(parts, _PART), 1)
            while together := list(islice(rest, _TOGETHER)):
                tags += await all_done(self._put_part(files, name, upload, number, part) for number, part in together)
            done = {"Parts": tags}
            await self._ask(files, "complete_multipart_upload", Key=name, UploadId=upload, MultipartUpload=done)
        except Exception:
            # What cannot be given up now stays as a leftover; it is the first error that matters.
            await asyncio.gather(self._abort(files, name, upload), return_exceptions=True)
            raise

    async def _put_part(
        self, files: Any, name: str, upload: str, number: int, part: Sequence[memoryview]
    ) -> dict[str, object]:
        where = {"Key": name, "UploadId": upload, "PartNumber": number}
        answer = await self._ask(files, "upload_part", **where, Body=io.BytesIO(b"".join(part)))
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def _create(self, files: Any, name: str, data: bytes) -> bool:
        try:
            await self._ask(files, "put_object", Key=name, Body=io.BytesIO(data), IfNoneMatch="*")
        except Exception as error:
            if _status(error) == 412:
                return False
            raise
        return True

    async def _get(self, files: Any, name: str, start: int, length: int | None) -> bytes:
        if start == 0 and length is None:
            answer = await self._ask(files, "get_object", Key=name)
        else:
            # Nothing can be asked for in no way that S3 understands: one byte tells whether the object is there.
            last = "" if length is None else start + max(length, 1) - 1
            try:
                answer = await self._ask(files, "get_object", Key=name, Range=f"bytes={start}-{last}")
            except Exception as error:
                if _status(error) == 416:  # the object ends before
                    return b""
                raise
        try:
            data: bytes = await answer["Body"].read()
        finally:
            answer["Body"].close()
        return data[:length]

    async def _size(self, files: Any, name: str) -> int:
        # Not by HEAD: its answer has no body, so a 404 does not tell a missing object from a missing bucket.
        try:
            answer = await self._ask(files, "get_object", Key=name, Range="bytes=0-0")
        except Exception as error:
            if _status(error) == 416:
                return 0
            raise
        answer["Body"].close()
        # Without a range it is the whole object: a service may ignore that it was asked for a part.
        return int(answer.get("ContentRange", "").rpartition("/")[2] or answer["ContentLength"])

    async def _delete(self, files: Any, names: Sequence[str]) -> None:
        objects = {"Objects": [{"Key": name} for name in names], "Quiet": True}
        answer = await self._ask(files, "delete_objects", Delete=objects)
        for refused in answer.get("Errors", ()):
            if refused.get("Code") != "NoSuchKey":
                said = Answer(0, refused.get("Code", ""), refused.get("Message", ""))
                raise refusal(said, self._place, str(refused.get("Key", "")).removeprefix(self._root), "deleting")

    def following(self, key: str) -> Sequence[str]:
        folder = f"{check_key(key).rpartition('/')[0]}/".lstrip("/")
        return [info.key for info in self._list(folder, StartAfter=self._name(key))]

    def _list(self, prefix: str, **behind: str) -> Iterator[ObjectInfo]:
        for page in self._pages("list_objects_v2", prefix, {"NextContinuationToken": "ContinuationToken"}, **behind):
            for found in page.get("Contents", ()):
                key = found["Key"][len(self._root) :]
                if not key.endswith("/"):  # what some tools make in place of a folder
                    yield ObjectInfo(key, found["Size"], found["LastModified"].astimezone(UTC))

    def _pages(self, method: str, prefix: str, following: Mapping[str, str], **first: str) -> Iterator[dict[str, Any]]:
        """The answers of a method that lists.  ``following``: what the next one is asked with, by the name that this
        one gives it; ``first``: what only the first one is asked with."""
        at: dict[str, object] = {**first}
        while True:
            ask = partial(self._ask, method=method, Prefix=self._root + prefix, **at)
            page = self._patiently(ask, prefix, "listing")
            yield page
            if not page.get("IsTruncated"):
                return
            at = {name: page[given] for given, name in following.items()}

    # -- uploads that were never completed

    def leftovers(self) -> Iterator[ObjectInfo]:
        """Uploads in parts that were not completed; their sizes are not told."""
        following = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
        for page in self._pages("list_multipart_uploads", "", following):
            for found in page.get("Uploads", ()):
                key = found["Key"][len(self._root) :]
                yield ObjectInfo(f"{key}~{found['UploadId']}", 0, found["Initiated"].astimezone(UTC))

    def _delete_together(self, keys: Sequence[str]) -> None:
        for key in keys:
            if "~" in key:
                begun, _, upload = key.partition("~")
                self._patiently(partial(self._abort, name=self._name(begun), upload=upload), key, "deleting")
        super()._delete_together([key for key in keys if "~" not in key])

    async def _abort(self, files: Any, name: str, upload: str) -> None:
        try:
            await self._ask(files, "abort_multipart_upload", Key=name, UploadId=upload)
        except Exception as error:
            if _status(error) != 404:
                raise

    # -- asking, and what comes back

    async def _ask(self, files: Any, method: str, **request: object) -> dict[str, Any]:
        answer: dict[str, Any] = await files._call_s3(method, Bucket=self._bucket, **request)
        return answer

    def _answer(self, error: BaseException) -> Answer | None:
        said = _response(error)
        if said is None:
            return None
        about = said.get("Error", {})
        return Answer(_status(error), str(about.get("Code", "")), str(about.get("Message", "")))

    def _kinds(self) -> Kinds:
        boto: Any = import_module("botocore.exceptions")
        parsers: Any = import_module("botocore.parsers")
        http: Any = import_module("aiohttp")
        return Kinds(
            unproven=tuple(getattr(boto, name) for name in _UNPROVEN if hasattr(boto, name)),
            lasting=(boto.SSLError,),  # a certificate does not get better by waiting
            passing=(
                boto.ConnectionError,
                boto.HTTPClientError,
                boto.IncompleteReadError,
                boto.FlexibleChecksumError,
                parsers.ResponseParserError,  # what a proxy says for a server that is down
                http.ClientError,
            ),
            wrong=(boto.BotoCoreError,),
        )


def _response(error: BaseException) -> dict[str, Any] | None:
    """What botocore kept of the service's answer; s3fs raises an error of Python's in its place, which it caused."""
    for each in (error, error.__cause__):
        said = getattr(each, "response", None)
        if isinstance(said, dict):
            return said
    return None


def _status(error: BaseException) -> int:
    """The HTTP status of the answer that became ``error``; 0 when there was none."""
    return int((_response(error) or {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _cut(parts: Iterable[memoryview], size: int) -> Iterator[list[memoryview]]:
    """The same bytes in runs of ``size``, the last one shorter; nothing is copied."""
    run: list[memoryview] = []
    room = size
    for part in parts:
        rest = part
        while len(rest):
            run.append(rest[:room])
            rest = rest[room:]
            room -= len(run[-1])
            if not room:
                yield run
                run, room = [], size
    if run:
        yield run
