"""A place of this machine for each test."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import LocalPlace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[LocalPlace]:
    with closing(LocalPlace(tmp_path / "place")) as made:
        yield made
