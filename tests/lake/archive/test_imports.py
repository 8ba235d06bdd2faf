"""What a backup loads is what it needs: importing costs more than looking through an unchanged folder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from holotype import lake

archive = lake.create(sys.argv[1])
archive.backup(sys.argv[2], dataset="run")
archive.backup(sys.argv[2], dataset="run")
archive.restore("run@2", sys.argv[3])
assert archive.verify("run@1").ok and archive.verify().ok
print(*sorted(name for name in ("pandas", "polars", "duckdb", "pandera", "zarr") if name in sys.modules))
"""

RECORDING = """
import sys
from holotype import lake

archive = lake.create(sys.argv[1])
archive.backup(sys.argv[2], dataset="run")
for _ in range(2):
    with archive.activity("look", dataset="run", source=sys.argv[2], listen=False) as activity:
        activity.used(f"{sys.argv[2]}/a")
        activity.generated(f"{sys.argv[2]}/large")
archive.backup(sys.argv[2], dataset="run")
print(*sorted(name for name in ("pandas", "duckdb", "pandera", "zarr") if name in sys.modules))
"""


def test_backup_restore_and_verify_load_no_dataframe_library(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_bytes(b"a" * 1000)
    (source / "large").write_bytes(bytes(range(256)) * 4000)
    arguments = [str(tmp_path / "archive"), str(source), str(tmp_path / "back")]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_recording_loads_no_pandas(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_bytes(b"a" * 1000)
    (source / "large").write_bytes(bytes(range(256)) * 4000)
    arguments = [str(tmp_path / "archive"), str(source)]
    done = subprocess.run([sys.executable, "-c", RECORDING, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
