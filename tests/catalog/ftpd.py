"""A real FTP server, aioftp's, in a process of its own on a free port, for one user and one folder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "not-a-secret"

# It says its port when it listens, and ends with its standard input.  Like FTP servers on Windows it does not rename
# over a file that is there.
PROGRAM = f"""
import asyncio, sys
import aioftp

async def serve():
    server = aioftp.Server([aioftp.User("tester", {PASSWORD!r}, base_path=sys.argv[1])])
    await server.start("127.0.0.1", int(sys.argv[2]))
    print(server.server_port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.close()

asyncio.run(serve())
"""


class Ftpd:
    """An FTP server of ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def options(self) -> dict[str, object]:
        """Storage options with which it lets one in."""
        return {"username": "tester", "password": PASSWORD, "timeout": 2}

    def url(self, path: str) -> str:
        """The URL of a path below the folder."""
        return f"ftp://127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        """Start it, on the port it had, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.folder), str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Ftpd:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
