"""Whether a process still runs is told by more than its number."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holotype.lake.capturing.identity import Process, still_runs, this_process
from holotype.lake.lineage.notes import state_folder

BEGAN = time.time() - 5


@pytest.fixture(params=["as it is", "without /proc"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine that tells all, and one on which only ``ps`` tells of processes: of this one, and no other."""

    def ps(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if words[-1] != str(os.getpid()):
            return subprocess.CompletedProcess(words, 1, "", "")
        return subprocess.CompletedProcess(words, 0, time.strftime("%a %b %d %H:%M:%S %Y\n", time.localtime(BEGAN)), "")

    if request.param != "as it is":
        monkeypatch.setattr("holotype.lake.capturing.identity._boot", lambda: None)
        monkeypatch.setattr("holotype.lake.capturing.identity._namespace", lambda: None)
        monkeypatch.setattr("holotype.lake.capturing.identity.os.path.isdir", lambda path: False)
        monkeypatch.setattr(subprocess, "run", ps)
    return str(request.param)


def ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
        return process.pid


def test_this_process_runs_and_one_that_has_ended_does_not(system: str) -> None:
    mine = this_process()
    assert still_runs(mine) is True
    assert still_runs(replace(mine, number=ended(), began="1")) is False


def test_a_number_that_was_given_away_is_another_process(system: str) -> None:
    mine = this_process()
    assert still_runs(replace(mine, began="1", noted=time.time() - 86400 * 400)) is False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="nothing tells here how a process is")
def test_a_process_that_nobody_asked_how_it_ended_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        mine = this_process()
        stat = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b") ")[2].split()
        other = replace(mine, number=process.pid, began=stat[19].decode())
        assert still_runs(other) is True
        process.stdin.write(b"\n")
        process.stdin.close()
        deadline = time.monotonic() + 30
        while still_runs(other) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert still_runs(other) is False
        process.stdin = None


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"boot": "before"}, False),
        ({"boot": "before", "host": "node7"}, None),
        ({"host": "node7"}, True),  # the machine was given another name
        ({"host": "node7", "boot": None}, None),
        ({"namespace": "pid:[1]"}, None),
        ({"namespace": "pid:[1]", "boot": "before"}, False),
        ({"began": None}, None),
    ],
)
def test_what_cannot_be_told_from_here_is_not_guessed(other: dict[str, str | None], expected: object) -> None:
    fields: dict[str, Any] = {**vars(this_process()), **other}
    assert still_runs(Process(**fields)) is expected


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "~/.local/state/holotype"),
        ("linux", {"XDG_STATE_HOME": "/var/state"}, "/var/state/holotype"),
        ("linux", {"XDG_STATE_HOME": "not absolute"}, "~/.local/state/holotype"),
        ("darwin", {}, "~/Library/Application Support/holotype"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/holotype"),
        ("win32", {}, "~/AppData/Local/holotype"),
        ("linux", {"HOLOTYPE_STATE": "/own"}, "/own"),
    ],
)
def test_notes_lie_where_programs_keep_such_things(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOLOTYPE_STATE", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert state_folder() == Path(os.path.expanduser(expected))
