"""The SFTP sessions of a store, which its threads take and give back, all on one connection.

There is one connection, made when it is first needed and made again when it was lost: making one takes several round
trips and some arithmetic, and servers count those who are not logged in yet.  On it each thread that is at work has a
session of its own, because a server carries out what is asked of one session one after the other.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..errors import StorageDenied, StorageFailed
from .extras import load_extra
from .sftpsession import Session
from .ssh import Server, connect, is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Connections"]

# Sessions on one connection; OpenSSH allows 10 unless it was told otherwise.
_SESSIONS = 8
# Bytes that may be on their way from the server to one session: as many as are asked for ahead, and some.
_WINDOW = 8 << 20


class Connections:
    """The sessions of one store, all on one connection to ``server``.

    Safe to share between threads.  A process that was forked starts anew, and leaves alone what it inherited.
    """

    def __init__(self, server: Server, *, most: int = _SESSIONS, connect: Callable[[Server], Any] = connect) -> None:
        self._server = server
        self._most = most
        self._connect = connect
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()  # guards all of these
        self._client: Any = None
        self._idle: list[tuple[Any, Session]] = []
        self._there = 0  # sessions, idle or at work
        self._starting = False

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session to be used in the ``with`` block, by one thread.

        Raises what connecting raises; ``StorageFailed`` or ``StorageDenied`` when no session can be had.
        """
        client, session = self._take()
        try:
            yield session
        except (ConnectionError, TimeoutError):
            # What one session found out the others need not find out one by one.
            client.close()
            raise
        finally:
            self._give_back(client, session)

    def close(self) -> None:
        """End the connection; it is made again when a session is wanted."""
        with self._changed:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _take(self) -> tuple[Any, Session]:
        while True:
            with self._changed:
                while not self._idle and (self._starting or self._there >= self._most):
                    self._changed.wait()
                if self._idle:
                    client, session = self._idle.pop()
                    if is_alive(client):
                        return client, session
                    self._there -= 1
                    continue
                # One at a time: paramiko keeps one reason for what is refused on a connection, whoever asked.
                self._starting = True
            started = None
            try:
                started = self._start()
            finally:
                with self._changed:
                    self._starting = False
                    if started:
                        self._there += 1
                    self._changed.notify_all()
            if started:
                return started

    def _start(self) -> tuple[Any, Session] | None:
        """A new session with its client, or nothing when those that are there have to do."""
        paramiko = load_extra("paramiko", extra="sftp")
        client = self._client
        if client is None or not is_alive(client):
            client = self._client = self._connect(self._server)
        try:
            transport = client.get_transport()
            if transport is None:
                raise ConnectionResetError("it was lost in the meantime")
            channel = transport.open_session(window_size=_WINDOW, timeout=self._server.timeout)
            channel.settimeout(self._server.timeout)
            channel.invoke_subsystem("sftp")
            return client, Session(_Channel(channel, paramiko.SSHException))
        except paramiko.ChannelException as error:
            with self._changed:
                if self._there:
                    self._most = self._there
                    return None
            said = f"{self._server.url} gives no session: {error.text}"
            raise StorageDenied(said, backend=self._server.url) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            said = f"{self._server.url} gives no SFTP session: {str(error) or type(error).__name__}"
            raise StorageFailed(said, backend=self._server.url, transient=True) from error

    def _give_back(self, client: Any, session: Session) -> None:
        settled = session.settled
        if not settled:
            session.close()
        with self._changed:
            if settled:
                self._idle.append((client, session))
            else:
                self._there -= 1
            self._changed.notify_all()

    def begin_anew(self) -> None:
        """Begin anew in a process that shares the connection with the one it was forked from."""
        _inherited.append((self._client, self._idle))
        if self._client is not None and (transport := self._client.get_transport()):
            # One word on the shared connection would break it for the other process.
            transport.active = False
            transport.sock.close()
        self._begin()


class _Channel:
    """A channel of paramiko that raises ``OSError`` and nothing else when the connection is lost.

    ``lost``: what paramiko raises then, or one of the things.
    """

    def __init__(self, channel: Any, lost: type[Exception]) -> None:
        self._channel = channel
        self._lost = lost, EOFError

    def send(self, data: bytes) -> int:
        """As a socket's."""
        try:
            return int(self._channel.send(data))
        except self._lost as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error)) from error

    def recv(self, size: int) -> bytes:
        """As a socket's."""
        try:
            return bytes(self._channel.recv(size))
        except self._lost as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error)) from error

    def close(self) -> None:
        """As a socket's."""
        try:
            self._channel.close()
        except self._lost:
            return  # then it is closed already


_all: WeakSet[Connections] = WeakSet()
# What a forked process must not close properly, which is what would happen if it were let go.
_inherited: list[object] = []


def _after_fork() -> None:
    for connections in _all:
        connections.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
