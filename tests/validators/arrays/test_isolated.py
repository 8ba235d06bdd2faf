"""What damaged files bring down is read in another process: that one's fate is never a file's fault."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from holotype.validators import Report, validate

if TYPE_CHECKING:
    from pathlib import Path

isolated: Any = import_module("holotype.validators.arrays.isolated")
pq: Any = pyarrow.parquet
LOOK = "import sys; from holotype.validators import validate; print(validate(sys.argv[1]))"


def sound() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, 3]}), file)
    return file.getvalue()


def look() -> Report:
    return validate(io.BytesIO(sound()), name="a.parquet")


def test_nothing_in_the_folder_one_stands_in_is_run_or_makes_a_file_unsound(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(sound())
    (tmp_path / "json.py").write_text("open('ran', 'w').close()\nraise SystemExit(3)\n")
    program = [sys.executable, "-P", "-c", LOOK, "a.parquet"]
    run = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert "nothing found" in run.stdout
    assert not (tmp_path / "ran").exists()


def test_a_child_that_was_ended_while_it_waited_makes_no_file_unsound() -> None:
    assert look().ok
    assert isolated._idle
    for child in isolated._idle:
        child._process.kill()
        child._process.wait()
    assert not look().codes


@pytest.mark.skipif(sys.platform == "win32", reason="there an interrupt goes to all processes of a console or to none")
def test_an_interrupt_that_a_terminal_sends_to_all_ends_no_child() -> None:
    assert look().ok
    child = isolated._idle[-1]._process
    child.send_signal(signal.SIGINT)
    assert not look().codes
    assert child.poll() is None


@pytest.mark.parametrize("interpreter", ["", "/opt/lab/viewer", os.path.join(os.sep, "nowhere", "python3")])
def test_where_no_child_can_be_started_nothing_is_said_of_the_file(
    monkeypatch: pytest.MonkeyPatch, interpreter: str
) -> None:
    isolated._end_all()
    monkeypatch.setattr(sys, "executable", interpreter)
    report = look()
    assert report.codes == {"check.unavailable"}
    assert report.ok
    assert not report.complete


def test_a_child_that_cannot_import_what_it_needs_makes_no_file_unsound(monkeypatch: pytest.MonkeyPatch) -> None:
    isolated._end_all()
    monkeypatch.setattr(isolated, "_BEGIN", "raise SystemExit(1)")
    assert look().codes == {"check.unavailable"}


def test_whoever_is_interrupted_leaves_no_child_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look().ok
    child = isolated._idle[-1]

    def interrupt(timeout: float) -> str:
        raise KeyboardInterrupt

    interrupted = {"get": staticmethod(interrupt), "put": staticmethod(lambda answer: None)}
    monkeypatch.setattr(child, "_answers", type("Interrupted", (), interrupted)())
    with pytest.raises(KeyboardInterrupt):
        look()
    assert child._process.returncode is not None
    assert child not in isolated._idle


def test_many_threads_at_once_leave_few_children_waiting() -> None:
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda: reports.append(look())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.codes for report in reports] == [frozenset()] * 8
    assert len(isolated._idle) <= 4
