"""The parts of adlfs and gcsfs that their stores use, in memory: what the clouds' documentation says they answer.

They show that a store asks for what it means and understands what it is told, and nothing about the services, nor
about the packages: those stand in for themselves only where they are installed and there is a server.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import fsspec.asyn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

# Each container's or bucket's objects, by name: their bytes and when they were written.
Objects = dict[str, tuple[bytes, datetime]]


def install(monkeypatch: pytest.MonkeyPatch, **modules: object) -> None:
    """Let these be what ``import`` finds, whether or not the real ones are there; ``__`` stands for a dot."""
    for name, parts in modules.items():
        module = ModuleType(name.replace("__", "."))
        vars(module).update(vars(parts))
        monkeypatch.setitem(sys.modules, module.__name__, module)


# -- Azure


class HttpResponseError(Exception):
    """The service said no."""

    def __init__(self, status_code: int | None = None, error_code: str = "", words: str = "no") -> None:
        super().__init__(f"{words}\nRequestId:1")
        self.status_code, self.error_code = status_code, error_code


class ResourceExistsError(HttpResponseError):
    """There is one already."""


class ClientAuthenticationError(HttpResponseError):
    """No credentials, or wrong ones."""


class ServiceRequestError(Exception):
    """The request could not be sent."""


AZURE_ERRORS = SimpleNamespace(
    HttpResponseError=HttpResponseError,
    ResourceExistsError=ResourceExistsError,
    ClientAuthenticationError=ClientAuthenticationError,
    ServiceRequestError=ServiceRequestError,
    ServiceResponseError=ServiceRequestError,
    IncompleteReadError=ServiceRequestError,
)


class Client:
    """A container's client, or with a name a blob's."""

    def __init__(self, cloud: FakeAzure, container: str, name: str = "") -> None:
        self._cloud, self._container, self._name = cloud, container, name

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    @property
    def _objects(self) -> Objects:
        self._cloud.asked()
        if self._container not in self._cloud.containers:
            raise HttpResponseError(404, "ContainerNotFound")
        return self._cloud.containers[self._container]

    def _found(self, name: str) -> bytes:
        objects = self._objects
        if name not in objects:
            raise HttpResponseError(404, "BlobNotFound")
        return objects[name][0]

    async def upload_blob(self, data: bytes, *, overwrite: bool, **options: object) -> None:
        assert options["retry_total"] == 0
        objects = self._objects
        if self._name in objects and not overwrite:
            raise ResourceExistsError(409, "BlobAlreadyExists")
        objects[self._name] = data, datetime.now(UTC)

    async def download_blob(self, *, offset: int, length: int | None, **options: object) -> Any:
        assert options["retry_total"] == 0
        data = self._found(self._name)
        if length == 0 or (offset and offset >= len(data)):
            raise HttpResponseError(416, "InvalidRange")

        async def readall() -> bytes:
            return data[offset:] if length is None else data[offset : offset + length]

        return SimpleNamespace(readall=readall)

    async def get_blob_properties(self, **options: object) -> Any:
        return SimpleNamespace(size=len(self._found(self._name)))

    async def delete_blob(self, name: str, **options: object) -> None:
        self._found(name)
        del self._objects[name]

    def list_blobs(self, *, name_starts_with: str | None, include: list[str], **options: object) -> Client:
        assert include == ["metadata"]
        self._name = name_starts_with or ""
        return self

    def by_page(self, continuation_token: str | None) -> Client:
        self._at = int(continuation_token or 0)
        return self

    async def __anext__(self) -> AsyncIterator[Any]:
        objects = self._objects
        names = sorted(name for name in objects if name.startswith(self._name))
        page = names[self._at : self._at + 7]
        self.continuation_token = str(self._at + 7) if self._at + 7 < len(names) else None

        async def blobs() -> AsyncIterator[Any]:
            for name in page:
                data, time = objects[name]
                yield SimpleNamespace(name=name, size=len(data), last_modified=time, metadata=None)
            if self._at == 0:
                folder = {"hdi_isfolder": "true"}
                yield SimpleNamespace(name=f"{self._name}folder", size=0, last_modified=None, metadata=folder)

        return blobs()


class FakeAzure:
    """What stands for ``adlfs.AzureBlobFileSystem``, and for the account behind it."""

    def __init__(self) -> None:
        self.containers: dict[str, Objects] = {"box": {}}
        self.failures: list[Exception] = []
        self.options: list[dict[str, object]] = []

    def asked(self) -> None:
        if self.failures:
            raise self.failures.pop()

    def open(self, **options: object) -> Any:
        self.options.append(options)
        client = SimpleNamespace(
            get_blob_client=lambda container, blob: Client(self, container, blob),
            get_container_client=lambda container: Client(self, container),
        )
        return SimpleNamespace(loop=fsspec.asyn.get_loop(), service_client=client)


# -- Google


class HttpError(Exception):
    """What gcsfs raises for an answer that it knows no better name for."""

    def __init__(self, code: int, words: str = "no") -> None:
        super().__init__(words)
        self.code = code


GOOGLE_ERRORS = SimpleNamespace(
    DefaultCredentialsError=type("DefaultCredentialsError", (Exception,), {}),
    RefreshError=type("RefreshError", (Exception,), {}),
    TransportError=type("TransportError", (Exception,), {}),
)


class FakeGoogle:
    """What stands for ``gcsfs.core.GCSFileSystem``, and for the service behind it."""

    def __init__(self) -> None:
        self.buckets: dict[str, Objects] = {"box": {}}
        self.failures: list[Exception] = []
        self.options: list[dict[str, object]] = []
        self.loop = fsspec.asyn.get_loop()

    def open(self, **options: object) -> FakeGoogle:
        self.options.append(options)
        return self

    def url(self, path: str) -> str:
        return f"download/{path}"

    def _bucket(self, name: str) -> Objects:
        if self.failures:
            raise self.failures.pop()
        if name not in self.buckets:
            raise FileNotFoundError(f"b/{name}")
        return self.buckets[name]

    async def _pipe_file(self, path: str, data: bytes, mode: str = "overwrite") -> None:
        bucket, _, name = path.partition("/")
        objects = self._bucket(bucket)
        if mode == "create" and name in objects:
            raise FileExistsError(path)
        objects[name] = data, datetime.now(UTC)

    async def _call(
        self, method: str, path: str, *names: str, headers: dict[str, str] | None = None, **asked: Any
    ) -> Any:
        if path.startswith("download/"):
            bucket, _, name = path.removeprefix("download/").partition("/")
            return {}, self._download(self._found(bucket, name), headers or {})
        if path == "b/{}/o":
            return self._page(self._bucket(*names), asked)
        data = self._found(*names)
        if method == "DELETE":
            del self.buckets[names[0]][names[1]]
        return {"size": str(len(data))}

    def _found(self, bucket: str, name: str) -> bytes:
        objects = self._bucket(bucket)
        if name not in objects:
            raise FileNotFoundError(f"b/{bucket}/o/{name}")
        return objects[name][0]

    def _download(self, data: bytes, headers: dict[str, str]) -> bytes:
        if "Range" not in headers:
            return data
        first, _, last = headers["Range"].removeprefix("bytes=").partition("-")
        if int(first) >= len(data) or (last and int(last) < int(first)):
            raise HttpError(416, "the range is not satisfiable")
        return data[int(first) : int(last) + 1 if last else None]

    def _page(self, objects: Objects, asked: dict[str, Any]) -> dict[str, Any]:
        names = sorted(name for name in objects if name.startswith(asked.get("prefix", "")))
        at = int(asked.get("pageToken", 0))
        items = [
            {"name": name, "size": str(len(objects[name][0])), "updated": f"{objects[name][1]:%Y-%m-%dT%H:%M:%S.%fZ}"}
            for name in names[at : at + 7]
        ]
        folder = {"name": f"{asked.get('prefix', '')}folder/", "size": "0", "updated": ""}
        more = {"nextPageToken": str(at + 7)} if at + 7 < len(names) else {}
        return {"items": [*items, folder] if at == 0 else items, **more}
