"""Stands between a store and its server: counts requests, loses answers, and goes away."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = re.compile(rb"([A-Z]+) (/\S*) HTTP/1\.1\r\n")


class Proxy:
    """Hands everything on to ``port`` of this machine.

    ``requests``: what was asked for, as ``"PUT /bucket/key"``.  Asked once for each: ``lose``, whether its answer is
    lost after the server has given it; ``refuse``, whether it never reaches the server; ``instead``, what is answered
    in the server's place, if anything.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self.reset()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Forget what was asked, and hand on everything."""
        self.requests: list[str] = []
        self.lose: Callable[[str], bool] = lambda request: False
        self.refuse: Callable[[str], bool] = lambda request: False
        self.instead: Callable[[str], bytes] = lambda request: b""

    def close(self) -> None:
        """Go away: what is open is closed, and what comes is refused."""
        end(self._listener)
        while self._connections:
            end(self._connections.pop())

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be away for a while."""
        self.close()
        yield
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._connections += [client, server]
                connection = Connection(self, client, server)
                for pump in (connection.ask, connection.answer):
                    threading.Thread(target=pump, daemon=True).start()


class Connection:
    """One connection through the proxy; a request begins where the client speaks first, or after an answer."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._losing = False

    def ask(self) -> None:
        """Hand on what the client says."""
        with suppress(OSError):
            while data := self._client.recv(1 << 16):
                if found := REQUEST.match(data):
                    request = f"{found[1].decode()} {found[2].decode()}"
                    self._proxy.requests.append(request)
                    self._losing = self._proxy.lose(request)
                    if self._proxy.refuse(request):
                        break
                    if said := self._proxy.instead(request):
                        self._client.sendall(said)
                        break
                self._server.sendall(data)
        self._end()

    def answer(self) -> None:
        """Hand on what the server says, or lose it."""
        with suppress(OSError):
            while data := self._server.recv(1 << 16):
                if self._losing and not data.startswith(b"HTTP/1.1 100 "):
                    break
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        end(self._client)
        end(self._server)


def end(connection: socket.socket) -> None:
    """Close it, and wake who waits for it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def first(count: int, method: str) -> Callable[[str], bool]:
    """True for the first so many requests of a method."""
    left = [None] * count

    def chosen(request: str) -> bool:
        if left and request.startswith(f"{method} "):
            left.pop()
            return True
        return False

    return chosen
