"""Laboratories: a site, and an archive that has the raw reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holotype import lake
from holotype.scheduling import Scheduler

from ..running.making import samples_in, site_in

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.scheduling import Sample

__all__ = ["Laboratory", "laboratory_in"]


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


def laboratory_in(folder: Path) -> Laboratory:
    """A new one."""
    reads = folder / "reads"
    reads.mkdir()
    samples = tuple(samples_in(reads, "a", "b"))
    archive = lake.create(folder / "archive", author="ada@lab")
    archive.backup(reads, dataset="reads")
    return Laboratory(folder, archive, samples)
