"""The journey that the README offers, on a small folder of somebody's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NEEDS = ("pandas",)

TOUR = Path(__file__).parents[2] / "benchmarks" / "tour.py"


def test_the_tour_goes_through_a_folder_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "notes").mkdir(parents=True)
    for number in range(12):
        (folder / "notes" / f"{number}.txt").write_text(f"note {number}\n" * 100)
    before = {path: path.read_bytes() for path in folder.rglob("*.txt")}
    done = subprocess.run([sys.executable, str(TOUR), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All as promised" in done.stdout
    assert {path: path.read_bytes() for path in folder.rglob("*.txt")} == before
