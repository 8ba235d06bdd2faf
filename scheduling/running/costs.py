"""What a run's own records cost: the engine's seconds, beside those of what it has run.

*Recording* is what would not be done if nobody asked afterwards what was done: digests of inputs and outputs, the
journal with its way to the disk, what is remembered of files and results.  *Inspecting*, whether outputs are there,
safely on disk and sound, is a part of the work.  Both are seconds of the clock on the wall, also where a thread had to
wait for a processor or a disk: they are rather too many than too few.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Costs", "Overhead"]


@dataclass(frozen=True)
class Overhead:
    """Seconds: ``recording`` and ``inspecting`` what was done, and ``processing``, all that tasks ran."""

    recording: float
    inspecting: float
    processing: float

    @property
    def share(self) -> float:
        """What recording took, of what processing took; 0 where nothing ran."""
        return self.recording / self.processing if self.processing else 0.0


class Costs:
    """Seconds that are not in the journal yet: ``recording``, of the run as a whole, and of each task that is begun."""

    def __init__(self) -> None:
        self.recording = 0.0
        self._tasks = defaultdict[str, float](float)

    def add(self, seconds: float, tasks: Iterable[str] = ()) -> None:
        """So many were spent, in equal parts on these tasks, or on the run."""
        self.recording += seconds
        among = [*tasks]
        for task in among:
            self._tasks[task] += seconds / len(among)

    def of(self, task: str) -> float:
        """What was spent on one since it was asked last."""
        return self._tasks.pop(task, 0.0)

    def taken(self) -> float:
        """What was spent on all since it was asked last."""
        spent, self.recording = self.recording, 0.0
        return spent
