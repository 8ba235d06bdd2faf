"""One session with an SFTP server, over one channel of an SSH connection, as far as a store needs it.

paramiko brings a client of its own; this one is here because that one forgets the number of a refusal ("no such file"
and "no room" look alike), does not tell which extensions a server offers, and reads ahead in a way that takes time with
the square of the size (64 MiB at 2 MB/s on a loopback).

Every request has a number, and its answer the same one: many are on their way at once, so that a round trip is paid
once and not for every 32 KiB.  What is asked of one file is carried out in the order in which it was asked.
"""

from __future__ import annotations

import errno
import struct
from collections import deque
from typing import TYPE_CHECKING

from .sftpwire import BLOCK, Answer, Ask, Reply, blocks, extensions, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sftpwire import Attributes, Channel

__all__ = ["Session"]

# Requests on their way: 4 MiB of blocks, which is 40 MB/s where a round trip takes 0.1 s.
_AHEAD = 128
# Of requests for names, each of which is answered by about a hundred.
_AHEAD_OF_NAMES = 16
# Bytes that are gathered before they are sent: more than an SSH packet takes, so that packets are full.
_GATHERED = 256 << 10
# No answer is longer than one block or the names of one request; a length beyond this is no length.
_LONGEST = 16 << 20
_FSYNC = b"fsync@openssh.com"


class Session:
    """One session with an SFTP server, for one thread at a time.

    What the server refuses is an ``OSError`` whose ``errno`` says why.  A lost server is a ``ConnectionResetError`` or
    a ``TimeoutError``; after that, and after a call that was left half-way, the session is not ``settled`` and of no
    more use.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._gathered = bytearray()  # to be sent
        self._received = bytearray()
        self._number = 0
        self._awaited: set[int] = set()
        self._unawaited: set[int] = set()  # requests whose answers nobody waits for
        self._early: dict[int, Answer] = {}  # answers that came before one that was waited for
        self._broken = False
        self._gathered += struct.pack(">IBI", 5, Ask.INIT, 3)
        kind, body = self._packet()
        if kind != Reply.VERSION:
            raise self._lost("it does not speak SFTP")
        self._extensions = extensions(body)

    @property
    def settled(self) -> bool:
        """Whether every answer that was waited for has come."""
        return not (self._broken or self._awaited or self._early)

    def offers(self, extension: str) -> bool:
        """Whether the server announced ``extension``, such as ``fsync@openssh.com``."""
        return extension.encode() in self._extensions

    def close(self) -> None:
        """End the session."""
        self._broken = True
        self._channel.close()

    # -- files

    def open(self, *files: tuple[bytes, int]) -> list[bytes | OSError]:
        """Open files, each a path and how, in one round trip; for each its handle, or why it was refused."""
        numbers = [self._ask(Ask.OPEN, packed(path), struct.pack(">II", how, 0)) for path, how in files]
        return [answer.refusal or answer.text() for answer in map(self._wait, numbers)]

    def forget(self, handle: bytes) -> None:
        """Close a handle, without waiting for it."""
        self._ask(Ask.CLOSE, packed(handle), awaited=False)

    def attributes(self, handle: bytes) -> Attributes:
        """What the server says of an open file."""
        return self._wait(self._ask(Ask.FSTAT, packed(handle))).good().attributes()

    def look(self, *paths: bytes) -> list[Attributes | OSError]:
        """What the server says of files or folders, in one round trip; for each, that, or why it was refused."""
        numbers = [self._ask(Ask.STAT, packed(path)) for path in paths]
        return [answer.refusal or answer.attributes() for answer in map(self._wait, numbers)]

    def begin(self, handle: bytes, start: int, most: int) -> tuple[bytearray, int]:
        """Up to ``most`` bytes of an open file from ``start``, and the file's size, in one round trip.

        A server that gives less at a time may give less than there is.
        """
        asked = self._ask(Ask.FSTAT, packed(handle))
        sizes = [min(BLOCK, most - at) for at in range(0, most, BLOCK)]
        places = struct.Struct(">QI")
        reads = [
            self._ask(Ask.READ, packed(handle), places.pack(start + n * BLOCK, size)) for n, size in enumerate(sizes)
        ]
        told, *answers = [self._wait(number) for number in (asked, *reads)]
        found = bytearray()
        for answer, size in zip(answers, sizes, strict=True):
            data = b"" if answer.is_end else answer.good().text()
            found += data
            if len(data) < size:
                break
        return found, told.good().attributes().size

    def read(self, handle: bytes, start: int, length: int) -> bytearray:
        """The bytes of an open file from ``start``: ``length`` of them, or as many as there are."""
        found, end = bytearray(length), length
        todo = deque((at, min(BLOCK, length - at)) for at in range(0, length, BLOCK))
        sent: dict[int, tuple[int, int]] = {}
        while todo or sent:
            while todo and len(sent) < _AHEAD:
                at, size = todo.popleft()
                sent[self._ask(Ask.READ, packed(handle), struct.pack(">QI", start + at, size))] = at, size
            answer = self._next()
            at, size = sent.pop(answer.number)
            data = b"" if answer.is_end else answer.good().text()
            found[at : at + len(data)] = data
            if not data:
                end = min(end, at)
            elif len(data) < size:  # the file ends here, or the server gives less at a time
                todo.append((at + len(data), size - len(data)))
        return found if end == length else found[:end]

    def write(self, handle: bytes, parts: Sequence[memoryview], *, flush: bool) -> int:
        """Write ``parts`` from the beginning of an open file; with ``flush`` the server's disk has them then.

        Returns their size.
        """
        at = 0
        refused: OSError | None = None
        for block in blocks(parts):
            self._ask(Ask.WRITE, packed(handle), struct.pack(">Q", at), packed(block))
            at += len(block)
            while len(self._awaited) >= _AHEAD:
                refused = self._next().refusal or refused
            if refused:
                break
        if flush:
            self._ask(Ask.EXTENDED, packed(_FSYNC), packed(handle))
        while self._awaited:
            refused = self._next().refusal or refused
        if refused:
            raise refused
        return at

    def flush(self, handle: bytes) -> None:
        """Wait until the server's disk has what is open as ``handle``."""
        self._wait(self._ask(Ask.EXTENDED, packed(_FSYNC), packed(handle))).good()

    # -- names

    def rename(self, path: bytes, target: bytes) -> None:
        """Give ``path`` the name ``target``, which nothing has.

        The protocol says that a server refuses where something has it; whether this one does has to be tried.
        """
        self._wait(self._ask(Ask.RENAME, packed(path), packed(target))).good()

    def replace(self, path: bytes, target: bytes) -> None:
        """Give ``path`` the name ``target``, in place of what has it; an extension."""
        self._wait(self._ask(Ask.EXTENDED, packed(b"posix-rename@openssh.com"), packed(path), packed(target))).good()

    def link(self, path: bytes, target: bytes) -> None:
        """Give ``path`` the second name ``target``, which nothing has; an extension."""
        self._wait(self._ask(Ask.EXTENDED, packed(b"hardlink@openssh.com"), packed(path), packed(target))).good()

    def discard(self, path: bytes) -> None:
        """Remove a file, without waiting for it."""
        self._ask(Ask.REMOVE, packed(path), awaited=False)

    def remove(self, paths: Sequence[bytes]) -> list[OSError | None]:
        """Remove files; for each, why it was refused."""
        return self._each(Ask.REMOVE, paths)

    def remove_folders(self, paths: Sequence[bytes]) -> list[OSError | None]:
        """Remove empty folders; for each, why it was refused."""
        return self._each(Ask.RMDIR, paths)

    def make_folder(self, path: bytes) -> None:
        """Make a folder in one that is there."""
        self._wait(self._ask(Ask.MKDIR, packed(path), struct.pack(">I", 0))).good()

    def entries(self, folders: Sequence[bytes]) -> list[list[tuple[bytes, Attributes]] | OSError]:
        """What is in each of some folders, by name, or why a folder cannot be read.

        A symbolic link has its own attributes.
        """
        numbers = [self._ask(Ask.OPENDIR, packed(folder)) for folder in folders]
        opened = [self._wait(number) for number in numbers]
        found: list[list[tuple[bytes, Attributes]] | OSError] = [answer.refusal or [] for answer in opened]
        reading = {n: answer.text() for n, answer in enumerate(opened) if not answer.refusal}
        while reading:
            ahead = max(1, _AHEAD_OF_NAMES // len(reading))
            sent = [(n, self._ask(Ask.READDIR, packed(handle))) for n, handle in reading.items() for _ in range(ahead)]
            for n, number in sent:
                answer, names = self._wait(number), found[n]
                if not answer.refusal and isinstance(names, list):
                    names += answer.names()
                elif handle := reading.pop(n, None):
                    self.forget(handle)
                    found[n] = names if answer.is_end else answer.refusal or names
        return found

    def room(self, path: bytes) -> int | None:
        """How many bytes an ordinary user can still write where ``path`` is; ``None`` where the server cannot say."""
        if not self.offers("statvfs@openssh.com"):
            return None
        answer = self._wait(self._ask(Ask.EXTENDED, packed(b"statvfs@openssh.com"), packed(path)))
        if answer.refusal:
            return None
        _, unit, _, _, blocks, files, _, nodes, *_ = struct.unpack_from(">11Q", answer.body)
        return 0 if files and not nodes else int(unit * blocks)

    # -- requests and answers

    def _each(self, kind: int, paths: Sequence[bytes]) -> list[OSError | None]:
        found: list[OSError | None] = []
        for at in range(0, len(paths), _AHEAD):
            numbers = [self._ask(kind, packed(path)) for path in paths[at : at + _AHEAD]]
            found += [self._wait(number).refusal for number in numbers]
        return found

    def _ask(self, kind: int, *fields: bytes, awaited: bool = True) -> int:
        """Make a request, which is sent at the latest when an answer is waited for; returns its number."""
        if self._broken and not awaited:
            return 0  # there is nobody to tidy up for
        self._number = self._number + 1 & 0xFFFFFFFF
        size = 5 + sum(map(len, fields))
        self._gathered += b"".join((struct.pack(">IBI", size, kind, self._number), *fields))
        (self._awaited if awaited else self._unawaited).add(self._number)
        if len(self._gathered) >= _GATHERED:
            self._send()
        return self._number

    def _wait(self, number: int) -> Answer:
        while number not in self._early:
            answer = self._next()
            self._early[answer.number] = answer
        return self._early.pop(number)

    def _next(self) -> Answer:
        """The next answer that somebody waits for."""
        while True:
            kind, body = self._packet()
            number = int.from_bytes(body[:4], "big")
            if number in self._awaited:
                self._awaited.remove(number)
                return Answer(number, kind, body[4:])
            if number not in self._unawaited:
                raise self._lost("it answers what nobody asked")
            self._unawaited.remove(number)

    def _packet(self) -> tuple[int, memoryview]:
        self._send()
        size = int.from_bytes(self._take(4), "big")
        if not 5 <= size <= _LONGEST:
            raise self._lost("it does not speak SFTP")
        packet = memoryview(self._take(size))
        return packet[0], packet[1:]

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            try:
                data = self._channel.recv(1 << 20)
            except OSError as error:
                raise self._lost("it gave no answer", error) from error
            if not data:
                raise self._lost("it closed the connection")
            self._received += data
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    def _send(self) -> None:
        data, self._gathered = memoryview(self._gathered), bytearray()
        while data:
            try:
                sent = self._channel.send(bytes(data[: 1 << 16]))
            except OSError as error:
                raise self._lost("it takes no requests", error) from error
            if not sent:
                raise self._lost("it closed the connection")
            data = data[sent:]

    def _lost(self, why: str, error: OSError | None = None) -> OSError:
        self._broken = True
        if isinstance(error, TimeoutError):
            return TimeoutError(errno.ETIMEDOUT, f"the server was lost: {why} in time")
        return ConnectionResetError(errno.ECONNRESET, f"the server was lost: {why}")
