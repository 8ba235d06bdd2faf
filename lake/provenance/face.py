"""The namespace ``archive.provenance``: one method per question."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from holotype.catalog import InvalidOption, ObjectMissing
from holotype.catalog import provenance as prov

from ..lineage.naming import entity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ..context import Context
    from ..verify import Verified
    from .reproduce import Reproduced
    from .steps import Step
    from .walks import Walks

__all__ = ["Provenance"]

Entity = str | os.PathLike[str]
_T = TypeVar("_T")


def _check_depth(depth: object) -> None:
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise InvalidOption(f"depth is a number of relations, or None for all, not {depth!r}", option="depth")


def _check_kind(given: object, kind: Any, wanted: str) -> None:
    if not isinstance(given, kind):
        raise InvalidOption(f"{wanted}, and not {given!r}")


class Provenance:
    """Where things came from, and what came of them.

    An entity is named as ``run42@2/reads/a.fastq`` (a file as a snapshot has it), ``run42/reads/a.fastq`` (in the
    latest), ``run42@2`` (a snapshot with all its files), by its identifier (``urn:…``, ``pkg:…``, ``https://…``), or
    as a file of this machine, which is meant as it is now.  A question about something that nothing is recorded of
    raises ``EntryNotFound`` with what is named most like it.

    Of snapshots nothing has to be recorded: each came from a backup, is a revision of the one before, and has files.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._held: prov.Graph | None = None

    def graph(self) -> prov.Graph:
        """The graph as it is now."""
        state = self._context.catalog.refresh()
        if self._held is None or self._held.state.version != state.version:
            self._held = prov.Graph(self._context.catalog, state=state)
        return self._held

    def entity(self, what: Entity) -> str:
        """The identifier of the entity that is meant."""
        return entity_of(self._context, what, state=self._context.catalog.refresh())

    # -- from where, to where

    def upstream(
        self, entity: Entity, *, depth: int | None = None, terms: Collection[str] | None = None, whole: bool = False
    ) -> pl.DataFrame:
        """Everything that an entity came from: what it was made of, by what, with what, by whom, nearest first.

        ``depth``: how many relations away at most.  ``terms``: only along these relations of PROV.  ``whole``: with
        what is left out otherwise, the packages of environments and the contents of files.  Columns: ``depth``,
        ``term`` (entity, activity or agent), ``kind``, ``dataset``, ``path``, ``sha256`` (hex), ``id``, ``label``,
        ``type``, ``began``, ``ended``.
        """
        return self._walk(entity, past=True, depth=depth, terms=terms, whole=whole)

    def downstream(
        self, entity: Entity, *, depth: int | None = None, terms: Collection[str] | None = None, whole: bool = False
    ) -> pl.DataFrame:
        """Everything that came of an entity, nearest first; as ``upstream``."""
        return self._walk(entity, past=False, depth=depth, terms=terms, whole=whole)

    def _walk(
        self, entity: Entity, *, past: bool, depth: int | None, terms: Collection[str] | None, whole: bool
    ) -> pl.DataFrame:
        from .nodes import described, framed

        _check_depth(depth)
        if isinstance(terms, str):
            raise InvalidOption(f"terms are several: [{terms!r}]", option="terms")

        def ask(walks: Walks) -> pl.DataFrame:
            start = [self.entity(entity)]
            walk = walks.past if past else walks.future
            found = framed(walk(start, depth=depth, terms=terms))
            if not whole:
                # Unless the question was about it.
                plain = ~pl.col("kind").fill_null("").is_in(["package", "content"])
                found = found.filter((pl.col("depth") == 0) | plain)
            return described(self._context, walks.backups, found)

        return self._asked(ask)

    def path(self, a: Entity, b: Entity) -> pl.DataFrame:
        """The shortest way from ``a`` to ``b``, all of it back in time or all of it forward; empty when there is none.

        Columns as those of ``upstream``, with ``depth`` counted from ``a``.
        """
        from .nodes import described, framed, named

        def ask(walks: Walks) -> pl.DataFrame:
            nodes = named(walks.way(self.entity(a), self.entity(b)))
            return described(self._context, walks.backups, framed(nodes))

        return self._asked(ask)

    # -- how, and again

    def explain(self, entity: Entity) -> pl.DataFrame:
        """The recipe of an entity: every step that led to it, in an order in which they can be done.  See
        ``lake/provenance/explain.py``.
        """
        from .explain import explained

        return self._asked(lambda walks: explained(self._steps(entity, walks, backups=True), walks.backups))

    def reproduce(self, entity: Entity, *, to: str | os.PathLike[str], timeout: float | None = None) -> Reproduced:
        """Do all of that again below the folder ``to``, and hold what comes out against what was recorded: exact,
        equivalent or different.  See ``lake/provenance/reproduce.py``.
        """
        from .reproduce import reproduce

        graph, steps = self._asked(lambda walks: (walks.graph, self._steps(entity, walks)))
        return reproduce(self._context, graph, steps, to, timeout=timeout)

    def compare(self, a: Entity, b: Entity) -> pl.DataFrame:
        """What differs between the histories of two results: inputs, code, parameters, versions.  See
        ``lake/provenance/contrast.py``.
        """
        from .contrast import contrasted

        return self._asked(lambda walks: contrasted(self._steps(a, walks), self._steps(b, walks)))

    def impact(self, damage: Entity | Verified | pl.DataFrame | Iterable[Entity]) -> pl.DataFrame:
        """Everything that something bad has touched, with the snapshots that hold it: a file, several, a retracted
        input, or what ``verify`` found damaged.  See ``lake/provenance/impact.py``.
        """
        from .impact import impact

        given = list(damage) if isinstance(damage, Iterator) else damage  # it may be gone through twice
        return self._asked(lambda walks: impact(walks, given))

    def _steps(self, entity: Entity, walks: Walks, *, backups: bool = False) -> list[Step]:
        from .steps import steps_to

        return steps_to(walks, [self.entity(entity)], backups=backups)

    def _walks(self) -> Walks:
        from .walks import Walks

        return Walks(self._context, self.graph())

    def _asked(self, ask: Callable[[Walks], _T]) -> _T:
        """The answer to a question about the archive as it is now; when a collection took away meanwhile what there was
        to read, as it is then.
        """
        while True:
            walks = self._walks()
            try:
                return ask(walks)
            except ObjectMissing:
                if self._context.catalog.refresh().version == walks.graph.state.version:
                    raise

    # -- as documents

    def document(self, entity: Entity | None = None, *, depth: int | None = None) -> prov.Document:
        """Everything recorded, or what led to an entity, as a document of W3C PROV; with the snapshots that have the
        files it speaks of, what made them, and whose they are.  See ``lake/provenance/documents.py``.
        """
        from .documents import document

        _check_depth(depth)
        return self._asked(
            lambda walks: document(walks, None if entity is None else [self.entity(entity)], depth=depth)
        )

    # -- what was broken off

    def interrupted(self) -> pl.DataFrame:
        """The activities of this machine whose processes were gone before they were recorded, and that are not yet
        settled: one row each, oldest first.

        Columns: ``activity``, ``name``, ``kind``, ``began``, ``author``, ``host``, ``process``, ``dataset``, and
        ``certain``: false where nothing tells from here whether the process still runs.
        """
        from .interrupted import interrupted

        return interrupted(self._context)

    def settle(self, *, dead_after: timedelta | None = None) -> pl.DataFrame:
        """Record them, as far as is known, with the outcome ``interrupted``; returns those that this call recorded, as
        ``interrupted`` does.  The next activity, run or backup on this machine does the same.

        ``dead_after``: how long after it began an activity is taken for interrupted whose process ran on another
        machine, or in another container; by default it is left alone.  Raises ``ArchiveReadOnly``, or what the store
        raises.  See ``lake/lineage/settling.py``.
        """
        from .interrupted import settled

        _check_kind(dead_after, timedelta | None, "dead_after is a timedelta, such as timedelta(hours=6)")
        return settled(self._context, dead_after=dead_after)

    # -- what others say

    def record(self, document: prov.Document, *, message: str = "") -> None:
        """Keep what a document of W3C PROV says, if it can be true together with what is recorded already, and with
        what is known of snapshots.

        Raises ``ProvenanceRefused`` with the constraints that it breaks and the records that break them, and
        ``InvalidOption`` for what is no document.
        """
        from ..lineage.telling import keep

        _check_kind(
            document, prov.Document, "record takes a document, such as provenance.read_document reads from a file"
        )
        self._context.catalog.check_writable()
        keep(self._context, lambda graph: self._walks().news(document), operation="provenance", message=message)
