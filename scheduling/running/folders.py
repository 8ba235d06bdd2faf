"""Where a run keeps its things, below the site's folder.

::

    digests.sqlite                      of files that were read, as long as they are the same
    cache.sqlite                        what was made, by what it was made of
    quotas.lock                         who begins a run, where there are quotas
    jobs/                               the place's
    runs/<run>/order.json               what was ordered
               journal                  what was decided and what happened
               lock                     who has it in hand
               work/<task>.<attempt>/   where an attempt works, and beside it its scratch folder
               logs/<task>.<attempt>.out, .err
               results/<task>/          what came of it: moved there when it is complete and sound
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from ..tasks.task import Task

__all__ = ["Folders"]


class Folders:
    """The folders of one run."""

    def __init__(self, site: str | os.PathLike[str], run: str) -> None:
        self.whole = Path(site) / "runs" / run
        self._work, self._logs, self._results = (f"{self.whole}/{each}" for each in ("work", "logs", "results"))

    @property
    def order(self) -> Path:
        """What was ordered."""
        return self.whole / "order.json"

    @property
    def journal(self) -> Path:
        """What was decided and what happened."""
        return self.whole / "journal"

    @property
    def lock(self) -> Path:
        """Who has it in hand."""
        return self.whole / "lock"

    def work(self, task: Task, attempt: int) -> Path:
        """Where an attempt works."""
        return Path(f"{self._work}/{task.folder}.{attempt}")

    def scratch(self, task: Task, attempt: int) -> Path:
        """What it may throw away."""
        return Path(f"{self._work}/{task.folder}.{attempt}.scratch")

    def output(self, task: Task, attempt: int) -> Path:
        """What it writes to its standard output."""
        return Path(f"{self._logs}/{task.folder}.{attempt}.out")

    def errors(self, task: Task, attempt: int) -> Path:
        """What it writes to its standard error."""
        return Path(f"{self._logs}/{task.folder}.{attempt}.err")

    def results(self, task: Task) -> Path:
        """Where its results are."""
        return Path(f"{self._results}/{task.folder}")
