"""A real OpenSSH server on a free port of this machine, with keys of its own, that lets in who runs the tests."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from holotype.catalog import Patience, SftpStore

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds.
_START, _STOP = 20.0, 10.0

ONCE = Patience(attempts=1)
# Long enough for a server that is started again, and no longer.
SOON = Patience(first=0.05, factor=1.5, longest=0.5, within=20)


class Sshd:
    """An SSH server in ``folder`` that ``start`` starts and ``stop`` ends, as often as one likes, on one port.

    ``command``: what serves files, with its arguments: ``-R`` makes it read-only.
    """

    def __init__(self, folder: Path, *, command: str = "internal-sftp", settings: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.user = getpass.getuser()
        self.port = _free_port()
        self.client_key = _new_key(folder / "client")
        self.other_key = _new_key(folder / "stranger")
        self.host_key = " ".join(_new_key(folder / "host").with_suffix(".pub").read_text().split()[:2])
        (folder / "authorized").write_text(self.client_key.with_suffix(".pub").read_text())
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder / 'host'}",
            f"AuthorizedKeysFile {folder / 'authorized'}",
            "StrictModes no",  # the folder of a test may be anybody's
            "UsePAM no",
            "PermitRootLogin yes",
            "PidFile none",
            f"Subsystem sftp {command}",
            *settings,
        ]
        (folder / "config").write_text("".join(f"{line}\n" for line in lines))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> dict[str, object]:
        """Storage options with which it lets one in."""
        return {
            "username": self.user,
            "key_filename": str(self.client_key),
            "known_hosts": str(self.known_hosts),
            "allow_agent": False,
            "look_for_keys": False,
        }

    def url(self, path: Path) -> str:
        """The URL of a folder of this machine through this server."""
        return f"sftp://127.0.0.1:{self.port}{path.as_posix()}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if os.getuid() == 0:  # where it gives up its privileges, which it does only as root
            os.makedirs("/run/sshd", exist_ok=True)
        program = shutil.which("sshd")
        assert program is not None
        with (self.folder / "log").open("ab") as log:
            command = [program, "-D", "-e", "-f", str(self.folder / "config")]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START
        while not _listens(self.port):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def pause(self) -> None:
        """Let it, and every process that serves one of its connections, do nothing more, until it is stopped."""
        self._signal(signal.SIGSTOP)

    def stop(self) -> None:
        """Kill it, and every process that serves one of its connections."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait(_STOP)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        for process in [self._process.pid, *_descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def opened(sshd: Sshd, tmp_path: Path, *, patience: Patience = ONCE, **options: object) -> SftpStore:
    """The store of a test on this server."""
    return SftpStore(sshd.url(tmp_path / "store"), storage_options={**sshd.options, **options}, patience=patience)


def _new_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _descendants(ancestor: int) -> Iterator[int]:
    """The processes that ``ancestor`` started, and they, as Linux tells; gathered before any of them ends."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything.
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    found = {ancestor}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    yield from found - {ancestor}
