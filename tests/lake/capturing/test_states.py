"""What was written is found by comparing what lay there before and after, wherever nothing better is possible."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import InvalidOption
from holotype.lake.capturing.processes import alive
from holotype.lake.capturing.states import difference, look
from holotype.lake.capturing.watching import watch

from .commands import marks, one, run

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("sh",)


def program(folder: Path, text: str) -> str:
    """A program that stands where strace should."""
    path = folder / "strace"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_what_was_written_moved_and_removed_is_found(tmp_path: Path) -> None:
    for name in ("kept", "changed", "moved", "removed", "added to", "touched"):
        (tmp_path / name).write_text(name)
    script = """
cat kept > new; echo x > changed; mv moved there; rm removed; echo >> 'added to'; chmod 600 touched; ln kept twin
"""
    watched = run(tmp_path, script, how="states")
    assert watched.how == "states"
    assert watched.note is None
    assert marks(watched.seen, tmp_path) == {
        "new": "w",
        "changed": "w",
        "moved": "d",
        "there": "w",
        "removed": "d",
        "added to": "w",
        "twin": "w",
    }
    assert one(watched, tmp_path / "there").renamed_from == os.path.realpath(tmp_path / "moved")
    seen = one(watched, tmp_path / "changed")
    assert seen.before is not None
    assert seen.after is not None
    assert (seen.before.size, seen.after.size) == (7, 2)


def test_a_change_of_the_same_size_right_after_another_is_found(tmp_path: Path) -> None:
    for _ in range(5):
        (tmp_path / "file").write_text("a")
        watched = watch(["/bin/sh", "-c", "printf b > file"], cwd=tmp_path, roots=[tmp_path], how="states")
        assert marks(watched.seen, tmp_path) == {"file": "w"}


def test_what_is_known_without_looking_is_said_too(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("1\n")
    (tmp_path / "step.sh").write_text("cat; echo 2 >> in\n")
    watched = watch(["sh", "step.sh"], cwd=tmp_path, roots=[tmp_path], how="states", stdin="in", stdout="out")
    assert marks(watched.seen, tmp_path) == {"in": "rw", "step.sh": "rx", "out": "w"}
    assert [each.executed for each in watched.outside] == [True]
    assert (tmp_path / "out").read_text() == "1\n"
    (process,) = watched.processes
    assert (process.argv, process.parent, process.returncode) == (("sh", "step.sh"), os.getpid(), 0)


def test_a_command_that_a_signal_ended_is_said_to_be(tmp_path: Path) -> None:
    watched = run(tmp_path, "echo 1 > first; kill -9 $$; echo 2 > second", how="states")
    assert (watched.returncode, watched.signal) == (-9, "SIGKILL")
    assert marks(watched.seen, tmp_path) == {"first": "w"}


def test_a_child_that_outlives_the_command_is_named(tmp_path: Path) -> None:
    script = "(sleep 0.3; echo 1 > soon; exec sleep 1.2) > /dev/null 2>&1 & echo 0 > now"
    watched = run(tmp_path, script, how="states", linger=0.8)
    assert marks(watched.seen, tmp_path) == {"now": "w", "soon": "w"}
    (survivor,) = watched.survivors
    assert survivor.argv == ("sleep", "1.2")
    assert survivor.returncode is None
    assert alive(survivor.pid)


def test_a_survivor_that_keeps_the_streams_holds_nobody_up(tmp_path: Path) -> None:
    began = time.monotonic()
    watched = run(tmp_path, "sleep 3 & echo said", how="states", linger=0.2)
    assert time.monotonic() - began < 2.5
    assert watched.stdout == b"said\n"


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    watched = run(
        tmp_path, "sleep 60 & echo $! > pid; trap '' TERM; wait; sleep 60", how="states", timeout=0.4, grace=0.4
    )
    assert watched.timed_out
    assert watched.signal == "SIGKILL"
    assert not alive(int((tmp_path / "pid").read_text()))
    assert watched.survivors == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo 'strace: attach: Operation not permitted' >&2; exit 1", "Operation not permitted"),
        ("echo 'strace: unrecognized option --seccomp-bpf' >&2; exit 1", "unrecognized option"),
        ("exit 0", "no reason"),
        (
            'while [ "$1" != -o ]; do shift; done; printf "1 1.0 execve(...\\n1 1.0 +++ exited with 0 +++\\n" > "$2";'
            " cat /proc/self/status",
            "seccomp",
        ),
    ],
)
def test_where_strace_may_not_watch_states_are_compared_and_the_reason_said(
    tmp_path: Path, text: str, reason: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    strace = program(tmp_path, text)
    watched = run(root, "echo 1 > out", how=None, strace=strace)
    assert watched.how == "states"
    assert watched.note is not None
    assert reason in watched.note
    assert marks(watched.seen, root) == {"out": "w"}
    with pytest.raises(InvalidOption, match=reason):
        run(root, "echo 1 > never", how="strace", strace=strace)
    assert not (root / "never").exists()


def test_where_strace_is_missing_states_are_compared(tmp_path: Path) -> None:
    watched = run(tmp_path, "echo 1 > out", how=None, strace="no-such-strace")
    assert (watched.how, watched.note) == ("states", "no-such-strace is not installed")


def test_a_look_leaves_out_what_is_no_file_and_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "link").symlink_to("a")
    for name in ("__pycache__", "site-packages", "folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("")
    os.mkfifo(tmp_path / "pipe")
    top = os.path.realpath(tmp_path)
    found = look((top,))
    assert set(found.files) == {f"{top}/a", f"{top}/folder/x"}
    assert found.complete
    assert set(look((f"{top}/a",)).files) == {f"{top}/a"}
    assert not look((f"{top}/none",)).files


def test_a_look_that_would_be_too_long_holds_what_was_declared(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / str(n)).write_text("")
    top = os.path.realpath(tmp_path)
    found = look((top,), limit=4, declared=[f"{top}/3", f"{top}/none"])
    assert not found.complete
    assert set(found.files) == {f"{top}/3"}
    assert not found.lacked(f"{top}/none")
    assert look((top,), limit=5).complete
    assert look((top,), limit=5).lacked(f"{top}/none")


def test_nothing_differs_between_two_looks_at_the_same(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / str(n)).write_text("")
    top = os.path.realpath(tmp_path)
    assert difference(look((top,)), look((top,))) == ()
