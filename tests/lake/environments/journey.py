"""A program: all that an archive is read by, or all that it is used for, with no more rights than it needs.

``python journey.py read ARCHIVE TARGET``, ``… all …`` and, to be refused, ``… write …``, with any of

=============  =====================================================================
``--nobody``   as a user who owns nothing and has no home
``--watched``  with an end as soon as anything in the archive is written
``--offline``  with an end as soon as anything asks for the network
=============  =====================================================================

The target's folder ``source`` is what is kept.  Says in JSON what came of it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from holotype import lake
from holotype.catalog import HolotypeError

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.utime"),
    *("os.chmod", "os.chown", "os.setxattr", "os.removexattr"),
}
ASKS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"}


class Refused(BaseException):
    """Something was done that is not allowed here; no handler of errors hides it."""


def make(source: Path) -> Path:
    """A folder with something of each kind."""
    (source / "folder").mkdir(parents=True)
    (source / "folder/small").write_bytes(b"small")
    (source / "table.csv").write_text("x,y\n1,2\n3,4\n")
    (source / "large").write_bytes(np.random.default_rng(1).bytes(3_000_000))
    np.save(source / "numbers.npy", np.arange(200_000, dtype="<f4"))
    (source / "link").symlink_to("large")
    return source


def fill(archive: lake.Archive, source: Path) -> None:
    """Two snapshots of a folder, and a table."""
    archive.backup(source, dataset="run")
    (source / "folder/small").write_bytes(b"changed")
    archive.backup(source, dataset="run")
    archive.write_table("frame", archive.files("run@1").select("path", "size"))
    archive.annotate("run@2", {"lanes": 4}, tags=["kept"])


def read(archive: lake.Archive, target: Path) -> dict[str, Any]:
    """Everything that reads."""
    with archive.open("run@1", "folder/small") as file:
        small = file.read().decode()
    fetched = archive.filesystem("run@2").cat("folder/small")
    return {
        "snapshots": archive.snapshots().height,
        "files": archive.files("run@2").height,
        "sql": archive.sql("SELECT count(*) FROM files WHERE dataset = 'run'").fetchall(),
        "diff": archive.diff("run@1", "run@2")["path"].to_list(),
        "history": archive.history("run", "folder/small").height,
        "search": archive.search(tags=["kept"]).height,
        "usage": archive.usage().height,
        "open": [small, fetched.decode()],
        "array": np.asarray(archive.array("run", "numbers.npy")[1000:1002]).tolist(),
        "table": archive.table("frame").collect().height,
        "scan": archive.scan("snapshots").collect().height,
        "restore": archive.restore("run@1", target).ok,
        "large": (target / "large").stat().st_size,
        "verify": [archive.verify(full=full).ok for full in (False, True)],
    }


def become_nobody() -> None:
    """Give up every right, for good."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    os.environ["HOME"] = "/nonexistent"


def watch(archive: Path) -> None:
    """Refuse whatever changes something in the archive."""
    top = os.fspath(archive)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            changing = bool((flags or 0) & WRITING) or bool(set(mode or "") & set("wax+"))
        else:
            path, changing = (arguments or ("",))[0], event in CHANGES
        if changing and isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith(top):
            raise Refused(f"{event} {arguments}")

    sys.addaudithook(hook)


def go_offline() -> None:
    """Refuse whatever asks for the network."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ASKS:
            raise Refused(f"{event} {arguments}")

    sys.addaudithook(hook)


def main(what: str, where: str, target: Path, options: set[str]) -> None:
    """Do what is asked for."""
    if "--nobody" in options:
        # Whatever is imported late is imported by this, from where nobody may look.
        with tempfile.TemporaryDirectory() as folder:
            known = lake.create("memory://known")
            fill(known, make(Path(folder) / "source"))
            read(known, Path(folder) / "back")
        become_nobody()
    if "--watched" in options:
        watch(Path(where))
    if "--offline" in options:
        go_offline()
    if what == "write":
        try:
            lake.open(where).backup(target, dataset="run")
        except HolotypeError as error:
            sys.stdout.write(json.dumps({"refused": type(error).__name__}))
        return
    archive = lake.create(where) if what == "all" else lake.open(where)
    if what == "all":
        fill(archive, target / "source")
    said = read(lake.open(where), target / "back")
    if what == "all":
        archive.forget("run@1")
        said["collect"] = archive.collect().purged.height
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), set(sys.argv[4:]))
