"""How an activity begins: with a note of it (see ``notes``), which is gone when it is recorded."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from holotype.catalog import HolotypeError

from ..capturing.identity import this_process
from .notes import Note, Noted
from .parameters import kept_parameters
from .settling import keep
from .telling import kept
from .waiting import notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from .telling import Scene

__all__ = ["begin", "breaking_off", "telling"]


def begin(
    scene: Scene,
    activity: str,
    name: str,
    *,
    kind: str,
    began: datetime,
    folder: str,
    dataset: str | None,
    parameters: Mapping[str, Any],
    parent: str | None = None,
    facts: Mapping[str, Any] | None = None,
    command: Mapping[str, Any] | None = None,
) -> Noted:
    """Note that an activity begins in ``folder``; what cannot be noted is the note's ``trouble``.

    ``facts`` and ``command``: as they may be kept.  ``parameters``: as they are.
    """
    context = scene.context
    where, source = scene.around(folder, dataset=dataset)
    note = Note(
        activity,
        name,
        kind,
        began,
        context.author,
        this_process(),
        parent=parent,
        parameters=kept_parameters(parameters, scene.redactor),
        facts=dict(facts or {}),
        command=command,
        dataset=where,
        source=source,
    )
    return Noted(notes_of(context), note)


@contextmanager
def breaking_off(scene: Scene, noted: Noted) -> Iterator[None]:
    """While a command runs: where waiting for it is broken off, which ends it, it is recorded as interrupted."""
    try:
        yield
    except (HolotypeError, OSError):  # it was never begun
        noted.done()
        raise
    except BaseException as error:
        noted.left(outcome="interrupted", ended=scene.context.clock(), error=kept(error, scene.redactor))
        with suppress(HolotypeError):  # then it is settled later
            keep(scene.context, noted.note)
            noted.done()
        raise


@contextmanager
def telling(scene: Scene, noted: Noted, *, outcome: str, ended: datetime, error: str | None = None) -> Iterator[None]:
    """While an activity that ended is recorded: where that fails it is left to be settled, with why."""
    try:
        yield
    except Exception as trouble:
        noted.left(outcome=outcome, ended=ended, error=error, trouble=kept(trouble, scene.redactor))
        raise
    noted.done()
