"""A site with a scheduler, and an archive that has the raw reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.scheduling import Scheduler

from ..running.making import samples_in, site_in

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.scheduling import Sample


@dataclass(frozen=True)
class Laboratory:
    """A folder with a site and raw reads, which ``archive`` has as the dataset ``reads``."""

    folder: Path
    archive: Archive
    samples: tuple[Sample, ...]

    def scheduler(self, archive: Archive | None = None, **more: Any) -> Scheduler:
        """A scheduler of the site, as a process that begins has it."""
        return Scheduler(site_in(self.folder), chance=lambda: 0.5, operator="ada@lab", archive=archive, **more)

    def run(self, name: str) -> Path:
        """The folder of a run."""
        return self.folder / "site" / "runs" / name


@pytest.fixture(name="laboratory")
def _laboratory(tmp_path: Path) -> Laboratory:
    reads = tmp_path / "reads"
    reads.mkdir()
    samples = tuple(samples_in(reads, "a", "b"))
    archive = lake.create(tmp_path / "archive", author="ada@lab")
    archive.backup(reads, dataset="reads")
    return Laboratory(tmp_path, archive, samples)
