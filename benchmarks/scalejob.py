"""One job of the scale benchmark in a process of its own: ``python -m benchmarks.scalejob JOB …``.

It prints one line of JSON: the ``seconds`` of the work itself, without the interpreter's start and imports, and what
else is to be known of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import synthetic
from holotype import lake

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JOBS"]

_BLOCK = 64 << 20
_LINE = 100  # bytes


def create(archive: str) -> dict[str, Any]:
    """An empty archive."""
    return {"made": lake.create(archive, name="scale", storage_options=_options()).name}


# -- real files


def backup(archive: str, source: str, dataset: str = "scale") -> dict[str, Any]:
    """A backup, as it comes."""
    made = lake.open(archive, storage_options=_options()).backup(source, dataset=dataset)
    return {"files": made.files, "bytes": made.bytes, "new": made.new_bytes}


def restore(archive: str, target: str, *patterns: str) -> dict[str, Any]:
    """The files that the patterns select."""
    done = lake.open(archive).restore("scale@latest", target, paths=patterns)
    return {"files": done.files, "bytes": done.bytes, "ok": done.ok}


def copy(archive: str, target: str) -> dict[str, Any]:
    """All of it to another place, and whether both are the same."""
    source = lake.open(archive)
    began = time.perf_counter()
    done = source.copy(target)
    rate = done.bytes / (time.perf_counter() - began)
    return {"ok": source.compare(lake.open(target)).equal, "bytes": done.bytes, "rate": rate}


def verify(archive: str) -> dict[str, Any]:
    """Every byte."""
    return {"ok": lake.open(archive).verify().ok}


def read(archive: str, path: str) -> dict[str, Any]:
    """One file from its beginning to its end."""
    seen = hashlib.sha256()
    opened = lake.open(archive)
    with opened.open("scale@latest", path) as file:
        while data := file.read(1 << 20):
            seen.update(data)
    row = opened.files("scale@latest", paths=[path])
    return {"ok": row["sha256"].item() == seen.hexdigest()}


def stream(path: str, size: str) -> dict[str, Any]:
    """A file of so many bytes as instruments write them: numbers, text and what no compression makes smaller."""
    random = np.random.default_rng(int(size))
    left = int(size)
    with open(path, "wb") as file:
        while left:
            kind = random.integers(0, 3)
            if kind == 0:
                walk = random.integers(-8, 9, _BLOCK // 2, np.int16).cumsum(dtype=np.int16)
                data = walk.tobytes()
            elif kind == 1:
                data = random.choice(np.frombuffer(b"ACGT", np.uint8), _BLOCK).tobytes()
            else:
                data = random.bytes(_BLOCK)
            file.write(data[:left])
            left -= min(left, len(data))
    return {"bytes": os.path.getsize(path)}


# -- records of files that are not there


def first(archive: str, rows: str) -> dict[str, Any]:
    """A snapshot of so many files."""
    synthetic.add_first(synthetic.context(Path(archive)), int(rows))
    return {}


def second(archive: str, rows: str) -> dict[str, Any]:
    """Another, some of whose files have changed."""
    synthetic.add_second(synthetic.context(Path(archive)), int(rows))
    return {}


def opened(archive: str) -> dict[str, Any]:
    """Open it."""
    lake.open(archive)
    return {}


def sums(archive: str) -> dict[str, Any]:
    """Count and sum up all files of a snapshot in SQL."""
    query = "SELECT count(*), sum(size) FROM files WHERE dataset = 'synthetic' AND number = 2"
    return {"found": lake.open(archive).sql(query).fetchall()[0][0]}


def one_path(archive: str) -> dict[str, Any]:
    """Find one path in SQL."""
    query = "SELECT sha256 FROM files WHERE dataset = 'synthetic' AND number = 2 AND path = 'd00007/f007.dat'"
    return {"found": len(lake.open(archive).sql(query).fetchall())}


def one_folder(archive: str) -> dict[str, Any]:
    """List one folder."""
    return {"found": lake.open(archive).files("synthetic@2", paths=["d00007/*"]).height}


def difference(archive: str) -> dict[str, Any]:
    """Compare both snapshots."""
    return {"found": lake.open(archive).diff("synthetic@1", "synthetic@2").height}


def usage(archive: str) -> dict[str, Any]:
    """What each dataset takes."""
    return {"found": lake.open(archive).usage().height}


def garbage(archive: str) -> dict[str, Any]:
    """What a collection would take away."""
    return {"found": len(lake.open(archive).collect(dry_run=True).packs)}


def commits(archive: str, count: str) -> dict[str, Any]:
    """So many commits, each of which says something of a dataset."""
    writing = lake.open(archive)
    writing.write_array("scale", np.zeros(1))
    for n in range(int(count) - 2):
        writing.annotate("scale", {"reading": n})
    return {}


def _options() -> dict[str, Any]:
    return dict(json.loads(os.environ.get("SCALE_STORAGE_OPTIONS", "{}")))


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    job.__name__: job
    for job in (
        *(create, backup, restore, copy, verify, read, stream, first, second, opened, sums, one_path, one_folder),
        *(difference, usage, garbage, commits),
    )
}


if __name__ == "__main__":
    began = time.perf_counter()
    said = JOBS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps({"seconds": time.perf_counter() - began, **said}))
