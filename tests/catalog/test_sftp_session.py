"""A session keeps its requests and their answers together, whatever a server does that the protocol allows."""

from __future__ import annotations

import errno
import random
import struct

import pytest

from holotype.catalog.stores.sftpsession import Session
from holotype.catalog.stores.sftpwire import CREATE, READ, Answer, Attributes

FSYNC = b"fsync@openssh.com"
HELLO = struct.pack(">I", 3) + struct.pack(">I", len(FSYNC)) + FSYNC + struct.pack(">I", 1) + b"1"


def text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class Server:
    """One file, ``content``, served over a channel in memory.

    ``most``: bytes given for one read.  ``shuffled``: answers come in any order, as soon as several are due.
    ``full_at``: writes from there on are refused.  ``piece``: how many bytes the channel takes and gives at a time.
    """

    def __init__(
        self, content: bytes = b"", *, most: int = 1 << 20, shuffled: bool = False, full_at: int | None = None
    ) -> None:
        self.content = bytearray(content)
        self.most = most
        self.random = random.Random(1)
        self.shuffled = shuffled
        self.full_at = full_at
        self.asked: list[tuple[int, bytes]] = []
        self.received = bytearray()
        self.due: list[bytes] = []
        self.piece = 50_000

    def send(self, data: bytes) -> int:
        self.received += data[: self.piece]
        while len(self.received) >= 4:
            (size,) = struct.unpack_from(">I", self.received)
            if len(self.received) < 4 + size:
                break
            packet = bytes(self.received[4 : 4 + size])
            del self.received[: 4 + size]
            self.due.append(self.answer(packet[0], packet[1:5], packet[5:]))
        return min(len(data), self.piece)

    def recv(self, size: int) -> bytes:
        if self.shuffled:
            self.random.shuffle(self.due)
        data = b"".join(struct.pack(">I", len(each)) + each for each in self.due)
        self.due = []
        return data

    def close(self) -> None:
        self.asked.append((0, b"closed"))

    def answer(self, kind: int, number: bytes, body: bytes) -> bytes:
        if kind == 1:
            return b"\2" + HELLO
        self.asked.append((kind, body))
        if kind == 3:
            return b"\x66" + number + text(b"handle")
        if kind == 5:
            at, size = struct.unpack_from(">QI", body, 10)
            found = bytes(self.content[at : at + min(size, self.most)])
            return b"\x67" + number + text(found) if found else self.status(number, 1)
        if kind == 8:
            return b"\x69" + number + struct.pack(">IQ", 1, len(self.content))
        if kind == 6:
            (at,) = struct.unpack_from(">Q", body, 10)
            if self.full_at is not None and at >= self.full_at:
                return self.status(number, 14)
            self.content[at:] = body[22:]
        return self.status(number, 0)

    def status(self, number: bytes, code: int) -> bytes:
        return b"\x65" + number + struct.pack(">I", code) + text(b"no reason") + text(b"")


def opened(server: Server) -> tuple[Session, bytes]:
    session = Session(server)
    (handle,) = session.open((b"/file", READ))
    assert isinstance(handle, bytes)
    return session, handle


@pytest.mark.parametrize("order", ["kept", "shuffled"])
@pytest.mark.parametrize("most", [1 << 20, 32 << 10, 20_000, 7_001])
@pytest.mark.parametrize(("start", "length"), [(0, 10_000_000), (0, 1_000_000), (5, 999_995), (70_001, 333_333)])
def test_what_is_read_is_put_together(order: str, most: int, start: int, length: int) -> None:
    content = random.Random(0).randbytes(1_000_000)
    session, handle = opened(Server(content, most=most, shuffled=order == "shuffled"))
    assert session.read(handle, start, length) == content[start : start + length]
    assert session.settled


@pytest.mark.parametrize(
    ("size", "most"), [(0, 70_000), (5, 70_000), (32 << 10, 70_000), (70_000, 70_000), (90_000, 70_000)]
)
@pytest.mark.parametrize("given", [1 << 20, 7_001])
def test_the_beginning_is_read_with_the_size(size: int, most: int, given: int) -> None:
    content = random.Random(0).randbytes(size)
    session, handle = opened(Server(content, most=given, shuffled=True))
    found, told = session.begin(handle, 0, most)
    assert told == size
    assert content.startswith(found)
    assert len(found) == min(size, most, given if given < most else most)
    found, told = session.begin(handle, 3, 2)
    assert (bytes(found), told) == (content[3:5], size)
    assert session.settled


def test_many_requests_are_on_their_way_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(bytes(20 << 20))
    server.piece = 1 << 30
    session, handle = opened(server)
    most, real = 0, server.recv

    def recv(size: int) -> bytes:
        nonlocal most
        most = max(most, len(server.due))
        return real(size)

    monkeypatch.setattr(server, "recv", recv)
    session.read(handle, 0, 20 << 20)
    assert most == 128


@pytest.mark.parametrize("sizes", [[], [0], [1], [3, 0, 70_000], [32 << 10] * 3, [5] * 20_000, [6 << 20]])
def test_what_is_written_is_flushed_after_its_last_byte(sizes: list[int]) -> None:
    server = Server(shuffled=True)
    session, handle = opened(server)
    parts = [random.Random(n).randbytes(size) for n, size in enumerate(sizes)]
    assert session.write(handle, [memoryview(part) for part in parts], flush=True) == sum(sizes)
    assert server.content == b"".join(parts)
    kinds = [kind for kind, _ in server.asked]
    assert kinds == [3] + [6] * -(-sum(sizes) // (32 << 10)) + [200]
    assert session.settled


def test_a_write_that_is_refused_says_why_and_leaves_the_session_usable() -> None:
    server = Server(full_at=3 << 20)
    session, handle = opened(server)
    with pytest.raises(OSError, match="no reason") as caught:
        session.write(handle, [memoryview(bytes(50 << 20))], flush=True)
    assert caught.value.errno == errno.ENOSPC
    assert session.settled
    assert len(server.asked) < 400  # the rest was not sent
    session.forget(handle)
    assert len(session.read(handle, 0, 10)) == 10


def test_answers_nobody_waits_for_are_passed_over() -> None:
    server = Server(b"content", shuffled=True)
    session, handle = opened(server)
    for _ in range(300):
        session.forget(handle)
        session.discard(b"/other")
        assert session.read(handle, 0, 7) == b"content"
    assert session.settled


def test_a_call_that_was_left_half_way_unsettles_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(bytes(1 << 20))
    session, handle = opened(server)

    def interrupted(size: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "recv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.read(handle, 0, 1 << 20)
    assert not session.settled


def test_refusals_say_why() -> None:
    class Refusing(Server):
        code = 0
        terse = False

        def status(self, number: bytes, code: int) -> bytes:
            return super().status(number, code)[:9] if self.terse else super().status(number, code)

        def answer(self, kind: int, number: bytes, body: bytes) -> bytes:
            return super().answer(kind, number, body) if kind == 1 else self.status(number, self.code)

    server = Refusing()
    session = Session(server)
    assert session.settled
    server.terse = True
    server.code = 2
    with pytest.raises(FileNotFoundError, match="SFTP status 2"):
        session.make_folder(b"/folder")
    server.terse = False
    known = [(2, errno.ENOENT), (3, errno.EACCES), (4, errno.EIO), (5, errno.EINVAL), (8, errno.ENOTSUP)]
    for code, number in [*known, (11, errno.EEXIST), (12, errno.EROFS), (99, errno.EIO)]:
        server.code = code
        (refused,) = session.open((b"/file", CREATE))
        assert isinstance(refused, OSError)
        assert refused.errno == number
        with pytest.raises(OSError, match="no reason"):
            session.make_folder(b"/folder")
    assert session.settled


def test_attributes_are_found_among_others() -> None:
    everything = struct.pack(">IQIIIII", 0x8000000F, 1 << 40, 7, 8, 0o100644, 9, 10)
    everything += struct.pack(">I", 1) + text(b"name") + text(b"value")
    names = struct.pack(">I", 3) + text(b".") + text(b"") + everything
    names += text(b"a") + text(b"-rw-r--r-- a") + everything + text(b"b") + text(b"") + struct.pack(">I", 0)
    assert Answer(1, 105, memoryview(everything)).attributes() == Attributes(1 << 40, 0o100644, 10)
    assert list(Answer(1, 104, memoryview(names)).names()) == [
        (b"a", Attributes(1 << 40, 0o100644, 10)),
        (b"b", Attributes(0, 0, 0)),
    ]


NONSENSE = {
    "a greeting in words": b"Welcome to the cluster!\n",
    "an answer to nobody": b"\0\0\0\x09\x65\xff\xff\xff\xff\0\0\0\0",
    "the end": b"",
    "an empty packet": b"\0\0\0\0",
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_server_that_does_not_speak_sftp_is_lost(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    server = Server(b"content")
    session, handle = opened(server)
    monkeypatch.setattr(server, "recv", lambda size: said)
    with pytest.raises(ConnectionResetError, match="the server was lost"):
        session.read(handle, 0, 7)
    assert not session.settled
    session.forget(handle)  # there is nothing to tidy up any more
    session.discard(b"/other")
    with pytest.raises(ConnectionResetError):
        Session(server)
