"""What is said in the SFTP protocol, version 3: the numbers of requests and answers, and what an answer holds.

Source: draft-ietf-secsh-filexfer-02; for what ends in ``@openssh.com`` the file PROTOCOL of OpenSSH.
"""

from __future__ import annotations

import errno
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CREATE", "READ", "Answer", "Attributes", "Ask", "Reply", "extensions", "packed"]

# How a file is opened: to read it, or to write one that was not there.
READ, CREATE = 1, 2 | 8 | 32


class Ask:
    """The kinds of requests."""

    INIT, OPEN, CLOSE, READ, WRITE, FSTAT, OPENDIR, READDIR = 1, 3, 4, 5, 6, 8, 11, 12
    REMOVE, MKDIR, RMDIR, STAT, RENAME, EXTENDED = 13, 14, 15, 17, 18, 200


class Reply:
    """The kinds of answers that are told apart; any other is what its request asked for."""

    VERSION, STATUS = 2, 101


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
        code, size = struct.unpack_from(">II", self.body)  # an old server sends no text
        text = bytes(self.body[8 : 8 + size]).decode("utf-8", "replace")
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
