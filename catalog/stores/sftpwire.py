"""What is said in the SFTP protocol, version 3: the numbers of requests and answers, and what an answer holds.

Source: draft-ietf-secsh-filexfer-02; for what ends in ``@openssh.com`` the file PROTOCOL of OpenSSH.
"""

from __future__ import annotations

import errno
import stat
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "BLOCK",
    "CREATE",
    "READ",
    "Answer",
    "Ask",
    "Attributes",
    "Channel",
    "Reply",
    "blocks",
    "extensions",
    "packed",
]

# Bytes of a file that every server takes or gives in one request.
BLOCK = 32 << 10
# How a file is opened: to read it, or to write one that was not there.
READ, CREATE = 1, 2 | 8 | 32


class Ask(IntEnum):
    """The kinds of requests that a store makes."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    STAT = 17
    RENAME = 18
    EXTENDED = 200


class Reply(IntEnum):
    """The kinds of answers that are told apart; any other is what its request asked for."""

    VERSION = 2
    STATUS = 101


_OK, _EOF = 0, 1
# The number of a refusal; 9 and above are of later versions, which some servers use all the same.
_ERRNO = {
    2: errno.ENOENT,
    3: errno.EACCES,
    4: errno.EIO,  # the server's word for everything that has no number
    5: errno.EINVAL,
    6: errno.ECONNRESET,
    7: errno.ECONNRESET,
    8: errno.ENOTSUP,
    9: errno.EBADF,
    10: errno.ENOENT,
    11: errno.EEXIST,
    12: errno.EROFS,
    13: errno.EIO,
    14: errno.ENOSPC,
    15: getattr(errno, "EDQUOT", errno.ENOSPC),  # Windows has no quotas
}


class Channel(Protocol):
    """The bytes to and from the server."""

    def send(self, data: bytes, /) -> int:
        """How many of ``data`` were sent, none when the server has gone; raises ``OSError``, also ``TimeoutError``."""
        ...

    def recv(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none when the server has gone; raises ``OSError``, also ``TimeoutError``."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server says of a file: size in bytes, mode as in ``stat``, when it was written (seconds since 1970)."""

    size: int
    mode: int
    modified: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the request ``number``: what it is, and its fields."""

    number: int
    kind: int
    body: memoryview

    @property
    def refusal(self) -> OSError | None:
        """Why the request was refused; none when it was carried out."""
        if self.kind != Reply.STATUS:
            return None
        (code,) = struct.unpack_from(">I", self.body)
        text = bytes(_run_at(self.body, 4)).decode("utf-8", "replace") if len(self.body) > 4 else ""
        return None if code == _OK else OSError(_ERRNO.get(code, errno.EIO), text or f"SFTP status {code}")

    @property
    def is_end(self) -> bool:
        """Whether there was nothing more to read."""
        return self.kind == Reply.STATUS and struct.unpack_from(">I", self.body) == (_EOF,)

    def good(self) -> Answer:
        """Itself, unless it is a refusal, which is raised."""
        if refused := self.refusal:
            raise refused
        return self

    def text(self) -> bytes:
        """Its only field, a run of bytes."""
        return bytes(_run_at(self.body, 0))

    def attributes(self) -> Attributes:
        """Its only field, the attributes of a file."""
        return _attributes_at(self.body, 0)[0]

    def names(self) -> Iterator[tuple[bytes, Attributes]]:
        """The entries of a folder that it tells, without the two every folder has."""
        at = 4
        for _ in range(int.from_bytes(self.body[:4], "big")):
            name = bytes(_run_at(self.body, at))
            at += 4 + len(name)
            at += 4 + len(_run_at(self.body, at))  # the entry as ``ls -l`` shows it
            attributes, at = _attributes_at(self.body, at)
            if name not in (b".", b".."):
                yield name, attributes


def packed(data: bytes) -> bytes:
    """A run of bytes as a field of a request."""
    return struct.pack(">I", len(data)) + data


def blocks(parts: Iterable[memoryview]) -> Iterator[bytes]:
    """The bytes of ``parts``, one block after the other: those of many small parts together."""
    gathered = bytearray()
    for part in parts:
        at = 0
        while at < len(part):
            taken = part[at : at + BLOCK - len(gathered)]
            gathered += taken
            at += len(taken)
            if len(gathered) == BLOCK:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)


def _run_at(body: memoryview, at: int) -> memoryview:
    (size,) = struct.unpack_from(">I", body, at)
    return body[at + 4 : at + 4 + size]


def extensions(body: memoryview) -> frozenset[bytes]:
    """What the server's first answer says it can do beyond the protocol."""
    found: list[bytes] = []
    at = 4  # behind the version
    while at < len(body):
        found.append(bytes(_run_at(body, at)))
        at += 4 + len(found[-1])
        at += 4 + len(_run_at(body, at))
    return frozenset(found)


def _attributes_at(body: memoryview, at: int) -> tuple[Attributes, int]:
    """The attributes at a place in an answer, and where they end; what a server leaves out is 0."""
    (flags,) = struct.unpack_from(">I", body, at)
    at += 4
    values: dict[int, tuple[int, ...]] = {}
    for flag, form in ((1, ">Q"), (2, ">II"), (4, ">I"), (8, ">II")):  # size, owner, mode, times of access and writing
        if flags & flag:
            values[flag] = struct.unpack_from(form, body, at)
            at += struct.calcsize(form)
    if flags & 0x80000000:
        (pairs,) = struct.unpack_from(">I", body, at)
        at += 4
        for _ in range(2 * pairs):
            at += 4 + len(_run_at(body, at))
    (size,), (mode,), (_, modified) = values.get(1, (0,)), values.get(4, (0,)), values.get(8, (0, 0))
    return Attributes(size, mode, modified), at
