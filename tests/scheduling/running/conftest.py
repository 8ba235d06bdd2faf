"""A scheduler for each test, with a place of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import LocalPlace, Scheduler

from .making import site_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from holotype.scheduling import Site


@pytest.fixture(name="scheduling")
def _scheduling(tmp_path: Path) -> Callable[[], AbstractContextManager[Scheduler]]:
    """Something that opens a scheduler of the test's site, as a process that begins does."""

    @contextmanager
    def scheduling(site: Site | None = None) -> Iterator[Scheduler]:
        site = site or site_in(tmp_path)
        place = LocalPlace(tmp_path / "site" / "jobs")
        try:
            with Scheduler(site, place, chance=lambda: 0.5) as scheduler:
                yield scheduler
        finally:
            place.close()

    return scheduling
