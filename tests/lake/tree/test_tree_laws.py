"""The law of trees: what is scanned and placed elsewhere is scanned as the same."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from fnmatch import translate
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...effort import share
from .trees import copy, names, paths, scanned, state

ODD = [
    b"a",
    b"A",
    b"b.txt",
    b"new\nline",
    b"\xff\xfe",
    "\u00e9".encode(),
    "e\u0301".encode(),
    b" ",
    b"-",
    b"a-b",
    b"\\xff",
    b"\xed\xa0\x80",
    b"*?[",
]
NAMES = st.sampled_from(ODD) | st.binary(min_size=1, max_size=9).filter(
    lambda name: name not in (b".", b"..") and not set(name) & set(b"/\0")
)
TIMES = st.integers(0, 4_000_000_000) | st.sampled_from([0, 1, 2**31 * 10**9, 1_700_000_000_123_456_789])
MODES = st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o000, 0o666, 0o4755, 0o2711, 0o1777])


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    kinds = ["file", "file", "sparse", "symlink", "hardlink", "fifo", "socket"]
    kind = draw(st.sampled_from([*kinds, "directory", "directory"] if depth else kinds))
    node: dict[str, Any] = {"kind": kind, "mode": draw(MODES), "mtime": draw(TIMES)}
    if kind == "directory":
        node["mode"] |= 0o700
        node["entries"] = draw(st.dictionaries(NAMES, nodes(depth - 1), max_size=5))
    elif kind == "file":
        node["bytes"] = draw(st.binary(max_size=300))
        node["xattrs"] = draw(
            st.dictionaries(st.sampled_from(["user.a", "user.b\u00fc"]), st.binary(max_size=9), max_size=2)
        )
    elif kind == "sparse":
        node["parts"] = draw(st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=5000)), max_size=3))
        node["size"] = draw(st.integers(0, 300_000))
    elif kind == "symlink":
        node["target"] = draw(st.sampled_from([b".", b"..", b"/", b"nowhere", b"a", b"\xff", b"a/../b"]))
    return node


def make(folder: bytes, node: dict[str, Any], made: list[bytes]) -> None:
    """Make what a folder holds."""
    for name, below in node["entries"].items():
        path = os.path.join(folder, name)
        kind = below["kind"]
        if kind == "directory":
            os.mkdir(path)
            make(path, below, made)
        elif kind == "hardlink":
            if not made:
                continue
            os.link(made[below["mode"] % len(made)], path, follow_symlinks=False)
            continue
        elif kind == "symlink":
            os.symlink(below["target"], path)
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        else:
            with open(path, "wb") as file:
                file.write(below.get("bytes", b""))
                for block, data in below.get("parts", ()):
                    file.seek(block * 4096)
                    file.write(data)
                if "size" in below:
                    file.truncate(below["size"])
            for attribute, value in below.get("xattrs", {}).items():
                os.setxattr(path, attribute, value)
        if kind != "directory":
            made.append(path)
        if kind != "symlink":
            os.chmod(path, below["mode"])
        os.utime(path, ns=(0, below["mtime"]), follow_symlinks=False)
    os.utime(folder, ns=(0, node["mtime"]))


TREES = st.dictionaries(NAMES, nodes(), max_size=6)


@settings(deadline=None, max_examples=share(40), suppress_health_check=[HealthCheck.too_slow])
@given(TREES, TIMES)
def test_any_tree_is_the_same_elsewhere(tree: dict[bytes, Any], mtime: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.mkdir()
        make(os.fsencode(source), {"entries": tree, "mtime": mtime}, [])
        before = state(source)
        _, problems = copy(source, target, piece=1000)
        assert problems == []
        assert state(target) == before


@settings(deadline=None, max_examples=share(25), suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_rows_come_in_the_order_of_keys_whatever_the_batches(tree: dict[bytes, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make(os.fsencode(folder), {"entries": tree, "mtime": 0}, [])
        table, _ = scanned(Path(folder))
        keys = paths.keys(table).to_pylist()
        assert keys == sorted(keys) == [paths.key(path) for path in paths.raw(table).to_pylist()]
        for rows in (1, 2, 5):
            again, _ = scanned(Path(folder), batch_rows=rows)
            assert again.to_pylist() == table.to_pylist()
        found = {
            os.path.relpath(os.path.join(at, name), os.fsencode(folder))
            for at, folders, files in os.walk(os.fsencode(folder))
            for name in folders + files
        }
        assert set(paths.raw(table).to_pylist()) == found | {b""}
        assert names(table)[0] == ""


COMPONENTS = st.sampled_from(
    ["*", "**", "?", "a*", "*.b", "[ab]", "[!a]", "a", "b", "a.b", "\\*", "[a-c]?", "\u00e9", "a b", "-", "{", "a\nb"]
)
PATTERNS = st.builds(
    lambda names, front, back: ("/" if front else "") + "/".join(names) + ("/" if back else ""),
    st.lists(COMPONENTS, min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "\u00e9", "*", "a b", "-", "{", "a\nb", "c"]), max_size=4).map(
    "/".join
)


def by_hand(pattern: str, path: str, *, directory: bool) -> bool:
    """What a pattern means, said once more and slowly."""
    names = [name for name in pattern.split("/") if name]
    if "/" not in pattern.rstrip("/"):
        names = ["**", *names]

    def one(glob: str, name: str) -> bool:
        return bool(re.match(translate(glob.replace("\\*", "[*]")), name))

    def whole(globs: list[str], parts: list[str]) -> bool:
        if not globs:
            return not parts
        if globs[0] == "**":
            if len(globs) == 1:
                return bool(parts)
            return any(whole(globs[1:], parts[at:]) for at in range(len(parts) + 1))
        return bool(parts) and one(globs[0], parts[0]) and whole(globs[1:], parts[1:])

    parts = path.split("/") if path else []
    for length in range(1, len(parts) + 1):
        itself = length == len(parts)
        if pattern.endswith("/") and names[-1] != "**" and itself and not directory:
            continue
        if whole(names, parts[:length]):
            return True
    return False


@settings(deadline=None, max_examples=share(200))
@given(st.lists(PATTERNS, min_size=1, max_size=2), st.lists(st.tuples(PATHS, st.booleans()), max_size=8))
def test_patterns_mean_the_same_to_both_engines(patterns: list[str], rows: list[tuple[str, bool]]) -> None:
    chosen = paths.Patterns(tuple(patterns))
    kinds = ["directory" if directory else "file" for _, directory in rows]
    table = pa.table({"path": pa.array([path for path, _ in rows], pa.string()), "kind": pa.array(kinds, pa.string())})
    singly = [chosen.matches(path, directory=directory) for path, directory in rows]
    assert chosen.mask(table).to_pylist() == singly
    assert singly == [
        any(by_hand(pattern, path, directory=directory) for pattern in patterns) for path, directory in rows
    ]
    for (path, _), matched in zip(rows, singly, strict=True):
        if matched:
            above = path.split("/")[:-1]
            for length in range(len(above) + 1):
                folder = "/".join(above[:length])
                assert chosen.may_contain(folder) or chosen.matches(folder, directory=True)


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map(b"/".join), max_size=9))
def test_a_path_is_kept_byte_for_byte_in_two_columns(found: list[bytes]) -> None:
    text, odd = paths.columns([path.decode("utf-8", "surrogateescape") for path in found])
    table = pa.table({"path": text, "path_bytes": odd})
    assert paths.raw(table).to_pylist() == found
    assert paths.keys(table).to_pylist() == [paths.key(path) for path in found]
    assert [paths.unkey(paths.key(path)) for path in found] == found
    assert paths.keys(table.slice(1)).to_pylist() == [paths.key(path) for path in found[1:]]
