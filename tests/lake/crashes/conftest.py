"""The laboratory that every verb is tried in, built once for a file of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .everywhere import strangers
from .laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with strangers():
        yield Laboratory.build(tmp_path_factory.mktemp("laboratory"))
