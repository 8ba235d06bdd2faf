"""What changed is told apart, and in doubt a file is read."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

changes: Any = import_module("holotype.lake.tree.changes")
statuses: Any = import_module("holotype.lake.tree.statuses")
UNCHANGED, METADATA, CHANGED, NEW = changes.UNCHANGED, changes.METADATA, changes.CHANGED, changes.NEW

PLAIN: dict[str, Any] = {
    "path_bytes": None,
    "kind": "file",
    "size": 5,
    "mtime_ns": 10,
    "ctime_ns": 20,
    "inode": 7,
    "mode": 0o644,
    "uid": 1,
    "gid": 1,
    "target": None,
    "device": 1,
    "nlink": 1,
}


def rows(*given: dict[str, Any]) -> pa.Table:
    """Rows like ``PLAIN`` but for what is given."""
    return pa.Table.from_pylist([{"path": "a", **PLAIN, **row} for row in given], schema=statuses.SCANNED)


def status_of(now: dict[str, Any], **options: Any) -> int:
    """The status of a row that was ``PLAIN`` but for its kind and target."""
    before = {name: now[name] for name in ("kind",) if name in now}
    found = changes.compare(rows(now), rows(before), **options)
    assert found.previous.tolist() == [0]
    return int(found.status[0])


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ({}, UNCHANGED),
        ({"mode": 0o600, "ctime_ns": 21}, METADATA),
        ({"uid": 2, "ctime_ns": 21}, METADATA),
        ({"gid": 2, "ctime_ns": 21}, METADATA),
        ({"mode": 0o600}, METADATA),
        ({"ctime_ns": 21}, CHANGED),  # a time that was set back, a rename, an attribute
        ({"mtime_ns": 11}, CHANGED),
        ({"mtime_ns": 9, "mode": 0o600}, CHANGED),
        ({"size": 6}, CHANGED),
        ({"inode": 8}, CHANGED),
        ({"kind": "directory", "mtime_ns": 11, "ctime_ns": 21}, METADATA),
        ({"kind": "symlink", "target": b"x"}, METADATA),
        ({"kind": "fifo"}, UNCHANGED),
    ],
)
def test_what_differs_decides(now: dict[str, Any], status: int) -> None:
    assert status_of(now) == status


def test_another_kind_is_another_entry() -> None:
    assert changes.compare(rows({"kind": "symlink", "target": b"x"}), rows({})).status.tolist() == [CHANGED]
    assert changes.compare(rows({}), rows({"kind": "hardlink", "target": b"x"})).status.tolist() == [CHANGED]


def test_a_file_touched_too_late_is_not_trusted() -> None:
    assert status_of({}, trusted_before_ns=20) == CHANGED
    assert status_of({"mode": 0}, trusted_before_ns=20) == CHANGED
    assert status_of({}, trusted_before_ns=21) == UNCHANGED
    assert status_of({"kind": "directory"}, trusted_before_ns=20) == UNCHANGED


def test_rows_that_came_and_went() -> None:
    now = rows({"path": "b"}, {"path": "c"}, {"path": "e"})
    before = rows({"path": "a"}, {"path": "b"}, {"path": "d"}, {"path": "e", "size": 6})
    found = changes.compare(now, before)
    assert found.status.tolist() == [UNCHANGED, NEW, CHANGED]
    assert found.previous.tolist() == [1, -1, 3]
    assert found.removed.tolist() == [0, 2]
    assert found.rows(NEW).tolist() == [1]
    assert not found.nothing


def test_names_that_look_alike_are_told_apart() -> None:
    now = rows({"path": "\\xff"}, {"path": "\\xff", "path_bytes": b"\xff"})
    assert changes.compare(now, now).nothing
    only = changes.compare(now, now.slice(1))
    assert only.status.tolist() == [NEW, UNCHANGED]


def test_nothing_beside_something() -> None:
    some = rows({"path": "a"}, {"path": "b"})
    assert changes.compare(some, some.slice(0, 0), trusted_before_ns=5).status.tolist() == [NEW, NEW]
    gone = changes.compare(some.slice(0, 0), some)
    assert gone.removed.tolist() == [0, 1]
    assert changes.compare(some.slice(0, 0), some.slice(0, 0)).nothing


ROW = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["file", "file", "symlink", "directory"]),
        "mtime_ns": st.integers(0, 1),
        "ctime_ns": st.integers(0, 3),
        "mode": st.integers(0, 1),
        "target": st.sampled_from([None, b"x", b"y"]),
    }
)
SIDE = st.dictionaries(st.sampled_from("abcdefgh"), ROW)


def singly(now: dict[str, Any], then: dict[str, Any] | None, trusted: int) -> int:
    """The rules, for one row."""
    if then is None:
        return int(NEW)
    file = now["kind"] == "file"
    if now["kind"] != then["kind"] or (file and (now["mtime_ns"] != then["mtime_ns"] or then["ctime_ns"] >= trusted)):
        return int(CHANGED)
    if now == then:
        return int(UNCHANGED)
    return int(METADATA if not file or now["mode"] != then["mode"] else CHANGED)


@given(SIDE, SIDE, st.integers(0, 4))
def test_columns_and_single_rows_agree(now: dict[str, Any], then: dict[str, Any], trusted: int) -> None:
    left = rows(*({"path": path, **now[path]} for path in sorted(now)))
    right = rows(*({"path": path, **then[path]} for path in sorted(then)))
    found = changes.compare(left, right, trusted_before_ns=trusted)
    assert found.status.tolist() == [singly(now[path], then.get(path), trusted) for path in sorted(now)]
    assert [sorted(then)[index] for index in found.removed] == sorted(set(then) - set(now))
    assert found.status.dtype == np.uint8
