"""The README's Python is true: its blocks run, in order, as one program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .source import ROOMS, TOP

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# The README reads archived files with pandas.
NEEDS = ("pandas",)

README = TOP / "README.md"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_blocks_of_the_readme_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = README.read_text("utf-8")
    namespace: dict[str, object] = {"__name__": "readme"}
    for block in BLOCK.finditer(text):
        # Blank lines in front make a traceback's line numbers the README's own.
        lines_before = text.count("\n", 0, block.start("code"))
        exec(compile("\n" * lines_before + block["code"], str(README), "exec"), namespace)


def test_the_readme_names_every_folder() -> None:
    text = README.read_text("utf-8")
    assert not [name for name in (*ROOMS, "tests", "benchmarks") if f"`{name}/`" not in text]
