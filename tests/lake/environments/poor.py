"""A program: every verb, on a platform that lacks all that some platform lacks.

``python poor.py FOLDER``, where nothing is yet.  Windows is not emulated: its calls are missing, and what Python knows
of descriptors is unsaid, so that everything has to go the other way.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

# Python's own modules, and those of others, see the platform as it is.
OTHERS = (
    *("blake3", "duckdb", "fsspec.implementations.local", "numcodecs", "pandera.polars", "polars", "pyarrow.dataset"),
    *("pyarrow.parquet", "pyfastcdc", "zarr", "concurrent.futures.process", "getpass", "multiprocessing.spawn"),
    *("shutil", "tempfile"),
)
CALLS = [
    "chown",
    "geteuid",
    "getuid",
    "getxattr",
    "listxattr",
    "major",
    "makedev",
    "minor",
    "mkfifo",
    "mknod",
    "pathconf",
    "pread",
    "preadv",
    "pwrite",
    "readv",
    "register_at_fork",
    "removexattr",
    "setxattr",
    "sysconf",
    "writev",
    "posix_fadvise",
    "sendfile",
    "copy_file_range",
    "statvfs",
    "O_CLOEXEC",
    "O_DIRECTORY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "SEEK_DATA",
    "SEEK_HOLE",
]


def impoverish() -> None:
    """Take away what not every platform has."""
    for name in OTHERS:
        import_module(name)
    for name in CALLS:
        if hasattr(os, name):
            delattr(os, name)
    for capable in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        capable.clear()
    for name in ("fcntl", "grp", "pwd", "resource", "termios"):
        sys.modules[name] = None  # type: ignore[assignment]
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        os.environ.pop(name, None)


def make(source: Path) -> Path:
    """A folder with something of everything that there is everywhere."""
    (source / "folder/deep").mkdir(parents=True)
    (source / "folder/deep/small").write_bytes(b"small")
    (source / "large").write_bytes(np.random.default_rng(1).bytes(6_000_000))
    (source / "empty").touch()
    np.save(source / "numbers.npy", np.arange(500_000, dtype="<f4"))
    with open(source / "hole", "wb") as file:
        file.truncate(3 << 20)
        file.seek(2 << 20)
        file.write(b"data")
    os.link(source / "large", source / "folder/twin")
    (source / "link").symlink_to("folder")
    return source


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same."""
    paths = [sorted(path.relative_to(top) for path in top.rglob("*")) for top in (one, other)]
    return paths[0] == paths[1] and all(
        os.readlink(one / path) == os.readlink(other / path)
        if (one / path).is_symlink()
        else (one / path).is_dir() == (other / path).is_dir()
        and (one / path).stat().st_mtime_ns == (other / path).stat().st_mtime_ns
        and ((one / path).is_dir() or (one / path).read_bytes() == (other / path).read_bytes())
        for path in paths[0]
    )


def main(top: Path) -> None:
    """Do everything once, and say what came of it."""
    source = make(top / "source")
    impoverish()
    from concurrent.futures import ThreadPoolExecutor

    from holotype import lake

    said: dict[str, object] = {}
    archive = lake.create(top / "archive")
    first = archive.backup(source, dataset="run")
    said["author"] = first.author.partition("@")[0]
    (source / "folder/deep/small").write_bytes(b"changed")
    with ThreadPoolExecutor(2) as executor:
        second = archive.backup(source, dataset="run", executor=executor)
    said["backup"] = [first.problems, second.problems, second.new_bytes]
    again = lake.open(top / "archive")
    said["restore"] = [again.restore("run", top / "back").ok, same(source, top / "back")]
    with ThreadPoolExecutor(2) as executor:
        result = again.restore("run", top / "workers", executor=executor)
    said["workers"] = [result.ok, same(source, top / "workers")]
    with again.open("run", "large") as file:
        file.seek(4_000_000)
        said["open"] = file.read(100) == (source / "large").read_bytes()[4_000_000:4_000_100]
    said["array"] = np.asarray(again.array("run", "numbers.npy")[1000:1002]).tolist()
    said["sql"] = again.sql("SELECT count(*) FROM snapshots").fetchall()
    said["diff"] = again.diff("run@1", "run@2", paths=["small"]).height
    again.forget("run@1")
    said["collect"] = again.collect().purged.height
    report = again.verify()
    said["verify"] = report.ok or str(report.damage.to_dicts())
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
