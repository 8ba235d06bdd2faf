"""From a URL to the store it names."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import InvalidOption
from .local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .base import ObjectStore

__all__ = ["open_store"]

_PROTOCOL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
# A user and a password in a URL, which no message may show.
_USER = re.compile(r"//[^/]*@")
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]+\]")  # of IP version 6, which may hold a ::
# Where the store for a protocol is: its module and its class, loaded when it is used.
_STORES = {
    "abfs": ("azure", "AzureStore"),
    "abfss": ("azure", "AzureStore"),
    "az": ("azure", "AzureStore"),
    "gcs": ("gcs", "GCSStore"),
    "gs": ("gcs", "GCSStore"),
    "s3": ("s3", "S3Store"),
    "s3a": ("s3", "S3Store"),
    "sftp": ("sftp", "SftpStore"),
    "ssh": ("sftp", "SftpStore"),
}
_ANY = ("generic", "GenericStore")


def open_store(url: str | os.PathLike[str], *, storage_options: Mapping[str, object] | None = None) -> ObjectStore:
    """The object store at ``url``: a path, ``file:///…``, ``memory://…``, ``s3://…``, ``sftp://…``, or any other that
    fsspec knows.

    Nothing is made there yet.  ``storage_options``: what the backend wants to know beside the URL, such as credentials.
    A local store knows ``durable``; what fsspec reaches gets the options of its file system.  Raises ``InvalidOption``
    for a URL whose protocol nobody knows, and for options the store does not know; ``ExtraMissing`` for a protocol
    whose package is not installed.
    """
    text = os.fspath(url)
    options = dict(storage_options or {})
    found = _PROTOCOL.match(text)
    protocol = found[1].lower() if found and not isinstance(url, os.PathLike) else "file"
    shown = _USER.sub("//", text)
    if found and "::" in _ADDRESS.sub("", text):
        raise InvalidOption(f"{shown}: an archive lies at one URL, without ::", url=shown)
    store: ObjectStore
    if protocol in ("file", "local"):
        durable = options.pop("durable", True)
        store = LocalStore(_local(text) if found else text, durable=bool(durable))
    elif protocol == "memory":
        from .memory import MemoryStore  # fsspec is not needed for a local archive

        store = MemoryStore(text)
    else:
        module, name = _STORES.get(protocol, _ANY)
        return _class(module, name)(text, storage_options=options)
    if options:
        raise InvalidOption(f"{store.url} does not know {', '.join(sorted(options))}", options=tuple(sorted(options)))
    return store


def _class(module: str, name: str) -> Callable[..., ObjectStore]:
    found: Callable[..., ObjectStore] = getattr(import_module(f".{module}", __package__), name)
    return found


def _local(url: str) -> str:
    """The path in a ``file:`` URL.  As in fsspec nothing in it is percent-decoded."""
    path = url.partition(":")[2]
    path = path[2:] if path.startswith("//") else path
    path = re.sub(r"^/(?=[A-Za-z]:)", "", path) if os.name == "nt" else path
    if not path:
        raise InvalidOption(f"{url} names no folder", url=url)
    return path
