"""What a block heard, in a form that is easily compared, and scripts that listen to themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from holotype.lake.capturing.hooks import Heard
    from holotype.lake.capturing.seen import Seen

# Longer than files keep their times when they are changed again.
SETTLED = 0.025

_REPORT = """
import json as _json
with open({report!r}, "w") as _file:
    _json.dump({{
        "seen": [[s.path, s.read, s.written, s.removed, s.executed, list(s.by)] for s in heard.seen],
        "notes": heard.notes, "commands": heard.commands, "seeds": heard.seeds, "remote": heard.remote,
    }}, _file)
"""


def fill(folder: Path, files: dict[str, str]) -> Path:
    """Files with these texts, old enough that a change of theirs shows."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    time.sleep(SETTLED)
    return folder


def marks(seen: Iterable[Seen], folder: Path) -> dict[str, str]:
    """What was done with each file below a folder, by its path there: r(ead), w(ritten), d (removed), x (run)."""
    top = os.path.realpath(folder)
    return {
        os.path.relpath(each.path, top): "".join(
            letter
            for letter, is_so in zip("rwdx", (each.read, each.written, each.removed, each.executed), strict=True)
            if is_so
        )
        for each in seen
        if each.path.startswith(top + os.sep)
    }


def one(heard: Heard, path: Path) -> Seen:
    """What was heard of one file."""
    (found,) = [each for each in heard.seen if each.path == os.path.realpath(path)]
    return found


def users(heard: Heard, folder: Path) -> dict[str, tuple[str, ...]]:
    """What used each file below a folder."""
    top = os.path.realpath(folder)
    return {os.path.relpath(each.path, top): each.by for each in heard.seen if each.path.startswith(top + os.sep)}


def script(folder: Path, text: str, *, options: str = "", warnings: str = "error", name: str = "main.py") -> Any:
    """What a script, in a process of its own, has heard of itself; its block is the variable ``heard``.

    The text runs in ``folder``; ``begin()`` and ``end()`` are where it listens.
    """
    head = f"""
        import sys
        from holotype.lake.capturing.hooks import listening
        block = listening({options})
        def begin():
            global heard
            heard = block.__enter__()
        def end():
            block.__exit__(None, None, None)
    """
    report = folder / "report.json"
    body = textwrap.dedent(head) + textwrap.dedent(text) + _REPORT.format(report=str(report))
    (folder / name).write_text(body)
    run = subprocess.run(
        [sys.executable, "-W", warnings, name], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(report.read_text())
    top = os.path.realpath(folder)
    found["marks"] = {
        os.path.relpath(path, top): "".join(letter for letter, is_so in zip("rwdx", done, strict=True) if is_so)
        for path, *done, _ in found["seen"]
        if path.startswith(top + os.sep)
    }
    found["by"] = {os.path.relpath(path, top): by for path, *_, by in found["seen"] if path.startswith(top + os.sep)}
    return found
