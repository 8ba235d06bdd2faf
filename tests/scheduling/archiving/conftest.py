"""A laboratory for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .laboratories import laboratory_in

if TYPE_CHECKING:
    from pathlib import Path

    from .laboratories import Laboratory


@pytest.fixture(name="laboratory")
def _laboratory(tmp_path: Path) -> Laboratory:
    return laboratory_in(tmp_path)
