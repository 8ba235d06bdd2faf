"""The law of an archive: whatever tree is backed up comes back from any snapshot, in bytes and in all else it has."""

from __future__ import annotations

import os
import random
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...effort import share
from .trees import SMALL, Seen, assert_sound, has_xattrs, look, make_socket, new_archive, restored

if TYPE_CHECKING:
    from holotype.lake import Archive

# Few enough that names meet: files that become folders, twins by case, paths that sort otherwise as bytes.
NAMES = st.sampled_from([b"a", b"A", b"b", b"a-b", b"a.b", b"\xff", b"caf\xc3\xa9", b"new\nline", b"x" * 200])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
LIMITS = sorted(
    {size + change for size in (0, 64, 512, 1024, 4096, 8192) for change in (-1, 0, 1) if size + change >= 0}
)
TIMES = st.integers(-(10**18), 4 * 10**18)
FILE_MODES = st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o4755, 0o2644])
FOLDER_MODES = st.sampled_from([0o755, 0o700, 0o1777, 0o2770])


@dataclass(frozen=True)
class Content:
    """A file's bytes: some that repeat, some that do not, and perhaps a hole."""

    seed: int
    size: int
    hole: int = 0

    def write(self, path: bytes) -> None:
        data = random.Random(self.seed).randbytes(self.size)
        with open(path, "wb") as file:
            file.write(data[: self.size // 2])
            file.seek(self.hole, os.SEEK_CUR)
            file.write(data[self.size // 2 :])
            file.truncate(self.size + self.hole)


@dataclass(frozen=True)
class Make:
    """Something made at a path, in place of what was there."""

    kind: str
    path: bytes
    content: Content
    other: bytes
    mode: int
    mtime_ns: int
    xattr: bytes | None


CONTENTS = st.builds(
    Content,
    st.integers(0, 5),
    st.sampled_from(LIMITS) | st.integers(0, 20_000),
    st.sampled_from([0, 0, 0, 4096, 100_000]),
)
KINDS = st.sampled_from(["file"] * 6 + ["folder", "link", "hardlink", "fifo", "socket"])
MAKES = st.builds(
    lambda kind, path, content, other, modes, mtime, xattr: Make(
        kind, path, content, other, modes[kind == "folder"], mtime, xattr
    ),
    KINDS,
    PATHS,
    CONTENTS,
    PATHS,
    st.tuples(FILE_MODES, FOLDER_MODES),
    TIMES,
    st.none() | st.binary(max_size=20),
)


def make(top: bytes, step: Make) -> None:
    path, other = os.path.join(top, step.path), os.path.join(top, step.other)
    clear(top, step.path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if step.kind == "file":
        step.content.write(path)
    elif step.kind == "folder":
        os.mkdir(path)
    elif step.kind == "link":
        os.symlink(step.other, path)
    elif step.kind == "hardlink" and os.path.isfile(other) and not os.path.islink(other):
        os.link(other, path, follow_symlinks=False)
    elif step.kind == "socket" and len(os.path.basename(path)) < 100:
        make_socket(Path(os.fsdecode(path)))
    elif step.kind == "fifo":
        os.mkfifo(path)
    if os.path.lexists(path) and not os.path.islink(path):
        os.chmod(path, step.mode)
        if step.xattr is not None and step.kind in ("file", "folder") and has_xattrs(Path(os.fsdecode(top))):
            os.setxattr(path, b"user.\xc3\xa9", step.xattr)
        os.utime(path, ns=(step.mtime_ns, step.mtime_ns))


def clear(top: bytes, path: bytes) -> None:
    """Take away what is at the path, and what is in the way to it."""
    at = top
    for name in path.split(b"/"):
        at = os.path.join(at, name)
        last = at == os.path.join(top, path)
        if os.path.islink(at) or (os.path.lexists(at) and not os.path.isdir(at)):
            os.unlink(at)
        elif last and os.path.isdir(at):
            shutil.rmtree(at)


def expected_changes(before: dict[bytes, Seen], after: dict[bytes, Seen]) -> dict[str, set[str]]:
    """What a diff has to say, but for files that moved."""
    found: dict[str, set[str]] = {}
    for path in before.keys() | after.keys():
        one, other = before.get(path), after.get(path)
        if one is None or other is None:
            word = "added" if one is None else "removed"
        elif one.kind != other.kind:
            word = "type"
        elif one.content != other.content:
            word = "modified"
        elif one._replace(first=None) != other._replace(first=None):
            word = "metadata"
        else:
            continue
        found.setdefault(word, set()).add(path.decode("utf-8", "backslashreplace"))
    return found


def said_changes(archive: Archive, before: str, after: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in archive.diff(before, after).to_dicts():
        if row["change"] == "moved":
            found.setdefault("added", set()).add(row["path"])
            found.setdefault("removed", set()).add(row["moved_from"])
        else:
            found.setdefault(row["change"], set()).add(row["path"])
    return found


def law(at: Path, archive: Archive, rounds: list[list[Make]]) -> None:
    """Back up, change, back up again, …; then every snapshot is what the folder was."""
    source = at / "source"
    source.mkdir()
    kept: list[dict[bytes, Seen]] = []
    for steps in rounds:
        for step in steps:
            make(os.fsencode(source), step)
        snapshot = archive.backup(source, dataset="run")
        assert snapshot.problems == 0
        kept.append(look(source))
        assert snapshot.entries == len(kept[-1])
        assert snapshot.files == sum(stat.S_ISREG(seen.kind) for seen in kept[-1].values())
    for number, tree in enumerate(kept, 1):
        assert restored(archive, f"run@{number}", at / str(number)) == tree
    for number in range(1, len(kept)):
        said = said_changes(archive, f"run@{number}", f"run@{number + 1}")
        assert said == expected_changes(kept[number - 1], kept[number])
    # What is restored is, to a backup, the same thing again.
    again = archive.backup(at / str(len(kept)), dataset="again")
    assert again.new_bytes == 0
    assert archive.diff(f"run@{len(kept)}", "again@1").is_empty()
    assert_sound(archive)


ROUNDS = st.lists(st.lists(MAKES, max_size=8), min_size=1, max_size=3)
COMMON = settings(
    database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@settings(COMMON, max_examples=share(15))
@given(rounds=ROUNDS)
def test_whatever_is_backed_up_comes_back_from_memory(rounds: list[list[Make]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        law(Path(folder), new_archive(), rounds)


@settings(COMMON, max_examples=share(5))
@given(
    rounds=ROUNDS,
    chunking=st.sampled_from(
        [SMALL, {"min": 64, "average": 256, "max": 1024}, {"min": 4096, "average": 4096, "max": 4096}]
    ),
)
def test_whatever_is_backed_up_comes_back_from_a_disk(rounds: list[list[Make]], chunking: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        law(Path(folder), new_archive(Path(folder) / "archive", chunking=chunking), rounds)
