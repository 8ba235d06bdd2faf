"""The stage that all tests of this folder play on."""

from __future__ import annotations

import pytest

from .world import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Folders, and an archive to begin with."""
    return Stage.build(tmp_path_factory.mktemp("stage"))
