"""What a command took is counted: without the watching, and where it can be seen."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from holotype.lake.capturing.watching import watch

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("strace",)


def test_time_is_counted_without_the_watching(tmp_path: Path) -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"
    watched = watch([sys.executable, "-ISB", "-c", code], cwd=tmp_path, roots=[tmp_path], how="strace")
    assert 0.25 < watched.user_seconds + watched.system_seconds < 2


def test_memory_is_counted_where_it_is_more_than_the_watching_process_ever_had(tmp_path: Path) -> None:
    # In a process of its own, for this one may have had more than any command.
    program = """
import sys
from holotype.lake.capturing.watching import watch
def most(size):
    code = f"held = bytearray({size})"
    return watch([sys.executable, "-ISB", "-c", code], cwd=sys.argv[1], roots=[], how="strace").max_rss
print(most(400_000_000))
own = bytearray(600_000_000)
print(most(400_000_000))
"""
    told = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    alone, hidden = map(int, told.stdout.split())
    assert 400_000_000 < alone < 600_000_000
    assert hidden == 0
