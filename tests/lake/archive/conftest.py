"""What most of these tests begin with: an empty archive, and a folder to keep in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .trees import LARGE, fill, new_archive

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def archive() -> Archive:
    return new_archive()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fill(tmp_path / "source", {"a": b"first", "large": LARGE, "folder/b": b"second", "z": b"last"})
