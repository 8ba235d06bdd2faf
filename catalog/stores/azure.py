"""Objects in a container of Azure Blob Storage.

adlfs finds the credentials and makes the service's client, which is then asked directly: the file functions of adlfs
look for folders where an object is missing, and find nothing where the container is.

It was run against Azurite, the emulator that Azure's makers use themselves, but not yet against the real service.
"""

from __future__ import annotations

import os
import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .answers import Answer, Kinds
from .base import ObjectInfo
from .cloud import CloudStore, all_done

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["AzureStore"]

# Every request is made once; seconds, to connect and to wait for the next bytes.
_ONCE = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 60}
# Blocks of an object too large for one request that are on their way at once.
_TOGETHER = 3


class AzureStore(CloudStore):
    """A store below ``az://container/path``, made with the options of ``adlfs.AzureBlobFileSystem``.

    ``abfs://container@account.dfs.core.windows.net/path`` names the account in the URL; otherwise the options or the
    environment do.
    """

    scheme, package, extra = "az", "adlfs", "azure"
    # Each by a request of its own: the emulator does not understand how the client asks for several at once.
    most_deleted = 32

    def _bucket_of(self, authority: str) -> str:
        container, _, host = authority.rpartition("@")
        if not container:
            return authority
        self._options.setdefault("account_name", host.partition(".")[0])
        return container

    def _connect(self) -> Any:
        options = {**self._options, "use_listings_cache": False, "asynchronous": False}
        return self._package.AzureBlobFileSystem(**options)

    def _endpoint(self) -> str:
        string = str(self._options.get("connection_string") or os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
        found = re.search(r"(?:BlobEndpoint|AccountName)=([^;]+)", string)
        account = self._options.get("account_host") or self._options.get("account_name")
        return str(account or (found and found[1]) or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "azure"))

    async def _put(self, files: Any, name: str, parts: Sequence[memoryview], size: int) -> None:
        async with self._blob(files, name) as blob:
            await blob.upload_blob(b"".join(parts), overwrite=True, max_concurrency=_TOGETHER, **_ONCE)

    async def _create(self, files: Any, name: str, data: bytes) -> bool:
        errors: Any = import_module("azure.core.exceptions")
        async with self._blob(files, name) as blob:
            try:
                await blob.upload_blob(data, overwrite=False, **_ONCE)
            except errors.ResourceExistsError:
                return False
        return True

    async def _get(self, files: Any, name: str, start: int, length: int | None) -> bytes:
        errors: Any = import_module("azure.core.exceptions")
        # A range of no bytes cannot be asked for: one byte tells whether the object is there.
        wanted = None if length is None else max(length, 1)
        async with self._blob(files, name) as blob:
            try:
                stream = await blob.download_blob(offset=start, length=wanted, max_concurrency=1, **_ONCE)
                data: bytes = await stream.readall()
            except errors.HttpResponseError as error:
                if error.status_code == 416:  # the object ends before
                    return b""
                raise
        return data[:length]

    async def _size(self, files: Any, name: str) -> int:
        async with self._blob(files, name) as blob:
            return int((await blob.get_blob_properties(**_ONCE)).size)

    async def _delete(self, files: Any, names: Sequence[str]) -> None:
        async with self._container(files) as container:
            await all_done(self._delete_one(container, name) for name in names)

    async def _delete_one(self, container: Any, name: str) -> None:
        try:
            await container.delete_blob(name, **_ONCE)
        except Exception as error:
            said = self._answer(error)
            if said is None or said.code != "BlobNotFound":
                raise

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        following: str | None = None
        while True:
            ask = partial(self._page, prefix=self._root + prefix, at=following)
            found, following = self._patiently(ask, prefix, "listing")
            for blob in found:
                # Accounts with real folders list those as well.
                if (blob.metadata or {}).get("hdi_isfolder") != "true":
                    yield ObjectInfo(blob.name[len(self._root) :], blob.size, blob.last_modified)
            if not following:
                return

    async def _page(self, files: Any, prefix: str, at: str | None) -> tuple[list[Any], str | None]:
        async with self._container(files) as container:
            blobs = container.list_blobs(name_starts_with=prefix or None, include=["metadata"], **_ONCE)
            pages = blobs.by_page(continuation_token=at)
            return [blob async for blob in await anext(pages)], pages.continuation_token

    def _blob(self, files: Any, name: str) -> Any:
        return files.service_client.get_blob_client(container=self._bucket, blob=name)

    def _container(self, files: Any) -> Any:
        return files.service_client.get_container_client(self._bucket)

    def _answer(self, error: BaseException) -> Answer | None:
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return None
        code = getattr(error, "error_code", None)
        words = str(error).partition("\n")[0]  # identifiers and times follow
        return Answer(status, str(getattr(code, "value", code) or ""), words)

    def _kinds(self) -> Kinds:
        errors: Any = import_module("azure.core.exceptions")
        http: Any = import_module("aiohttp")
        return Kinds(
            unproven=(errors.ClientAuthenticationError,),
            passing=(
                errors.ServiceRequestError,
                errors.ServiceResponseError,
                errors.IncompleteReadError,
                http.ClientError,
            ),
        )
