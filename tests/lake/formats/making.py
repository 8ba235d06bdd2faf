"""How the archives in this folder were made: one of each format version, by the first release that wrote it.

Run as a program it makes the one of the present version, in a folder ``archive-N`` that must not exist yet.  An archive
that is here is never made again: it shows that what was written then is still read.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from holotype import lake
from holotype.lake.backup import backup

if TYPE_CHECKING:
    from holotype.lake.context import Context

CHUNKING = {"min": 256, "average": 1024, "max": 4096}


def contents() -> dict[str, bytes]:
    """The files of the second snapshot."""
    table = b"gene,count\n" + b"".join(b"G%05d,%d\n" % (row, row * row % 97) for row in range(900))
    return {
        "notes.txt": b"as it was\n" * 40,
        "reads/a.fastq": b"".join(b"@r%d\nACGTTGCA\n+\nIIIIHHHH\n" % row for row in range(300)),
        "reads/empty": b"",
        "counts.csv": table,
        "noise.bin": np.random.default_rng(1).bytes(3000),
        "signal.npy": header() + np.arange(6000, dtype="<f4").tobytes(),
    }


def header() -> bytes:
    """The header of an ``.npy`` file of 6,000 floats, as NumPy writes it."""
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (6000,), }"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117).encode() + b"\n"


def make(where: Path) -> None:
    """Make the archive at ``where``."""
    times = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(10_000))
    with (
        TemporaryDirectory() as folder,
        patch("holotype.lake.backup.host_here", lambda: "host"),
        patch("holotype.lake.retention.sessions.host_here", lambda: "host"),
        patch("os.getpid", lambda: 1),
    ):
        source = Path(folder)
        for name, data in contents().items():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_bytes(data)
        (source / "notes.txt").write_bytes(b"as it was before\n")
        (source / "link").symlink_to("notes.txt")
        archive = lake.create(where, name="format", author="author", chunking=CHUNKING, clock=lambda: next(times))
        context: Context = archive._context  # pyright: ignore[reportPrivateUsage]
        backup(context, source, dataset="run", message="first", name_source="source")
        (source / "notes.txt").write_bytes(contents()["notes.txt"])
        backup(context, source, dataset="run", message="second", name_source="source")
        backup(context, source, dataset="run", message="third", name_source="source")
        archive.annotate("run@2", {"instrument": "sequencer", "lanes": 4}, tags=["published"])
        archive.forget("run@3", reason="not needed")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
