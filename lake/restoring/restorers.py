"""Making a restore's files by workers of an executor: each batch of files is written by whoever takes it.

    manifest ─▶ tasks, in batches ─▶ worker: read packs, check, write below the same target
                     ▲                                        │
                     └────── how many, and every problem ◀────┘

Folders, links and specials are the driver's, before the files that lie in them, and so is what waits for the end.

A batch that was begun before, by a worker who died, finds some of its files there: whole, or the last one half.  They
are replaced, each by a whole one in a single step, so that it does no harm either when that worker is still alive and
only seemed gone.  A batch that is begun for the first time replaces nothing.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..executing import Place, in_order
from ..progress import Ticker
from .placing import Placer
from .remaking import Large, Remaker, Small, Tally
from .workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..context import Context
    from ..executing import Submits
    from ..tree.naming import Rules
    from ..tree.problems import Problem
    from .placing import Owners

__all__ = ["hand_out"]

# One batch: enough to outweigh handing it over, little enough to be done again.
_BATCH_BYTES = 32 << 20


@dataclass(frozen=True)
class _Batch:
    """Files to make, and all that a worker has to know for it."""

    place: Place
    workshop: Workshop
    number: int
    owners: Owners
    rules: Rules
    strict: bool
    tasks: tuple[Small | Large, ...]


@dataclass(frozen=True)
class _Done:
    """What became of a batch."""

    number: int
    files: int
    bytes: int
    problems: list[Problem]


def hand_out(
    executor: Submits,
    context: Context,
    tasks: Iterable[Small | Large],
    *,
    target: bytes,
    owners: Owners,
    rules: Rules,
    tally: Tally,
) -> None:
    """Have files made below ``target``, an absolute path; returns when nobody is at work there any more.

    Raises ``InvalidOption`` and ``TargetRefused`` when a worker does not see the storage or the target, and what
    making them raises.
    """
    workshop = Workshop.make(target)
    place = Place.here(context.store, context.catalog.id)
    batches = (
        _Batch(place, workshop, number, owners, rules, tally.strict, some)
        for number, some in enumerate(_batches(tasks))
    )
    try:
        with closing(in_order(executor, _make, batches, stop=workshop.dismiss)) as results:
            for done in results:
                tally.take(done.files, done.bytes, done.problems)
                workshop.end(done.number)
    except BaseException:
        workshop.dismiss()
        raise
    workshop.remove()


def _batches(tasks: Iterable[Small | Large]) -> Iterator[tuple[Small | Large, ...]]:
    batch: list[Small | Large] = []
    size = 0
    for task in tasks:
        batch.append(task.alone())
        size += task.size
        if size >= _BATCH_BYTES:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)


def _make(batch: _Batch) -> _Done:
    """Make the files of a batch; done by a worker."""
    store = batch.place.storage()
    again = batch.workshop.begin(batch.number)
    tally = Tally(strict=batch.strict, ticker=Ticker("restore", None))
    wanted = partial(batch.workshop.check, batch.number)
    with Placer(
        batch.workshop.target,
        owners=batch.owners,
        on_problem=tally.report,
        workshop=batch.workshop,
        again=again,
        rules=batch.rules,
    ) as placer:
        remaker = Remaker(store, placer, tally)
        for task in batch.tasks:
            wanted()
            if isinstance(task, Small):
                remaker.small(task)
            else:
                remaker.large(task, check=wanted)
    return _Done(batch.number, tally.files, tally.bytes, tally.problems)
