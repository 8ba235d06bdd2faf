"""Letting go of what is over in a run that is followed, so that what is in memory is what may still change.

::

    unit is over, and its rows were taken ─▶ its tasks go, with all that was known of them
    … and so is every one that takes what it made ─▶ the paths go as well

What is left of a unit is that it is over, and what its results are marked with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..running.progress import Progress

__all__ = ["Finished"]


class Finished:
    """The units of a run that are over and were not let go of; ``count``: how many tasks were.

    ``makers``: the tasks that made files, by their paths, which go with them.
    """

    def __init__(self, progress: Progress, makers: dict[str, str]) -> None:
        self.count = 0
        self._progress, self._makers = progress, makers
        self._units = [*progress.made]
        # Of what is made for all samples together, how many are still to take it.
        whole = [unit for unit in progress.units if unit.sample is None]
        self._takers = {unit.name: sum(1 for _ in progress.units.takers(unit)) for unit in whole}

    def add(self, units: Iterable[str]) -> None:
        """Further ones are over."""
        self._units += units

    def were(self, task: str) -> bool:
        """Whether a task that there is not may be one that was let go of."""
        return bool(self.count) and not {task, task.rpartition(".")[0]}.isdisjoint(self._progress.states)

    def let_go(self) -> list[str]:
        """Let go of all that can be; returns the tasks that are gone."""
        units, self._units = self._units, []
        gone: list[str] = []
        for unit in units:
            tasks = self._progress.let_go(unit)
            if tasks is None:
                continue  # it was stopped, and something may still be told of it
            gone += tasks
            for need in self._progress.states[unit].unit.needs:
                if need in self._takers:
                    self._takers[need] -= 1
                self._files_go(need)
            self._files_go(unit)
        self.count += len(gone)
        return gone

    def _files_go(self, unit: str) -> None:
        if self._is_gone(unit) and not self._is_wanted(unit):
            for path in self._progress.let_files_go(unit):
                self._makers.pop(path, None)

    def _is_gone(self, unit: str) -> bool:
        state = self._progress.states[unit]
        return state.made is not None and not state.tasks

    def _is_wanted(self, unit: str) -> bool:
        """Whether there are units that may still take what one has made."""
        if unit in self._takers:
            return self._takers[unit] > 0
        takers = self._progress.units.takers(self._progress.states[unit].unit)
        return not all(map(self._is_gone, takers))
