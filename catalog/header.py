"""``archive.json``: what an archive is, said once when it is created and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from .errors import ArchiveNotFound, LogDamaged, ObjectMissing
from .sealed import sha256, unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .stores.base import ObjectStore

__all__ = ["HEADER", "Header", "read_header"]

HEADER = "archive.json"

_WRITERS: Mapping[str, Literal["many", "one"]] = {"many": "many", "one": "one"}


@dataclass(frozen=True, slots=True)
class Header:
    """An archive's id, name, day of creation, and the settings it keeps for ever.  ``hash``: SHA-256 of
    ``archive.json``.  ``writers``: whether its storage lets many write at a time, or one."""

    id: str
    name: str
    created: datetime
    settings: Mapping[str, Any] = field(hash=False)
    hash: str = ""
    writers: Literal["many", "one"] = "many"

    def encode(self) -> bytes:
        """The bytes of ``archive.json``."""
        return wrap(
            {
                "id": self.id,
                "name": self.name,
                "created": self.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "settings": dict(self.settings),
                # Many is the rule, and goes without saying.
                **({} if self.writers == "many" else {"writers": self.writers}),
            }
        )

    @staticmethod
    def decode(data: bytes) -> Header:
        """The header that was written as ``data``; raises ``LogDamaged`` and ``FormatTooNew``."""
        fields = unwrap(data, HEADER)
        try:
            created = datetime.strptime(fields["created"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
            writers = _WRITERS[fields.get("writers", "many")]
            settings = dict(fields["settings"])
            return Header(str(fields["id"]), str(fields["name"]), created, settings, sha256(data), writers)
        except (KeyError, TypeError, ValueError) as error:
            raise LogDamaged(f"{HEADER} is damaged: {error!r}", key=HEADER) from error


def read_header(store: ObjectStore) -> Header:
    """The header of the archive in ``store``.

    Raises ``ArchiveNotFound``, ``LogDamaged``, ``FormatTooNew``, or what the store raises.
    """
    try:
        data = bytes(store.get(HEADER))
    except ObjectMissing as error:
        if next(iter(store.list("log/")), None) is not None:
            raise LogDamaged(f"{HEADER} is missing from {store.url}, which has a commit log", key=HEADER) from error
        raise ArchiveNotFound(f"there is no archive at {store.url}", url=store.url) from error
    return Header.decode(data)
