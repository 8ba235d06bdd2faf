"""The namespace ``archive.provenance``: one method per question."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import provenance as prov

from ..lineage.naming import entity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..context import Context
    from ..verify import Verified
    from .reproduce import Reproduced
    from .steps import Step

__all__ = ["Provenance"]

Entity = str | os.PathLike[str]


class Provenance:
    """Where things came from, and what came of them.

    An entity is named as ``run42@2/reads/a.fastq`` (a file as a snapshot has it), ``run42/reads/a.fastq`` (in the
    latest), ``run42@2`` (a snapshot with all its files), by its identifier (``urn:…``, ``pkg:…``, ``https://…``), or
    as a file of this machine, which is meant as it is now.  A question about something that nothing is recorded of
    raises ``EntryNotFound`` with what is named most like it.
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

        graph = self.graph()
        nodes = graph.walk(self._starts(graph, entity), past=past, depth=depth, terms=terms).nodes
        found = framed(nodes)
        if not whole:
            # Unless the question was about it.
            found = found.filter((pl.col("depth") == 0) | ~pl.col("kind").fill_null("").is_in(["package", "content"]))
        return described(self._context, found)

    def path(self, a: Entity, b: Entity) -> pl.DataFrame:
        """The shortest way from ``a`` to ``b``, all of it back in time or all of it forward; empty when there is none.

        Columns as those of ``upstream``, with ``depth`` counted from ``a``.
        """
        from .nodes import described, framed, named

        graph = self.graph()
        nodes = named(graph.path(self.entity(a), self.entity(b)))
        return described(self._context, framed(nodes))

    # -- how, and again

    def explain(self, entity: Entity) -> pl.DataFrame:
        """The recipe of an entity: every step that led to it, in an order in which they can be done.  See
        ``lake/provenance/explain.py``.
        """
        from .explain import explained

        return explained(self._steps(entity))

    def reproduce(self, entity: Entity, *, to: str | os.PathLike[str], timeout: float | None = None) -> Reproduced:
        """Do all of that again below the folder ``to``, and hold what comes out against what was recorded: exact,
        equivalent or different.  See ``lake/provenance/reproduce.py``.
        """
        from .reproduce import reproduce

        return reproduce(self._context, self.graph(), self._steps(entity), to, timeout=timeout)

    def compare(self, a: Entity, b: Entity) -> pl.DataFrame:
        """What differs between the histories of two results: inputs, code, parameters, versions.  See
        ``lake/provenance/contrast.py``.
        """
        from .contrast import contrasted

        return contrasted(self._steps(a), self._steps(b))

    def impact(self, damage: Entity | Verified | pl.DataFrame | Iterable[Entity]) -> pl.DataFrame:
        """Everything that something bad has touched, with the snapshots that hold it: a file, several, a retracted
        input, or what ``verify`` found damaged.  See ``lake/provenance/impact.py``.
        """
        from .impact import impact

        return impact(self._context, self.graph(), damage)

    def _steps(self, entity: Entity) -> list[Step]:
        from .steps import steps_to

        graph = self.graph()
        return steps_to(self._context, graph, self._starts(graph, entity))

    def _starts(self, graph: prov.Graph, entity: Entity) -> list[str]:
        from .nodes import starts

        return starts(self._context, graph, self.entity(entity))

    # -- as documents

    def document(self, entity: Entity | None = None, *, depth: int | None = None) -> prov.Document:
        """Everything recorded, or what led to an entity, as a document of W3C PROV."""
        from .documents import document

        graph = self.graph()
        return document(self._context, graph, None if entity is None else self._starts(graph, entity), depth=depth)

    def record(self, document: prov.Document, *, message: str = "") -> None:
        """Keep what a document of W3C PROV says, if it can be true together with what is recorded already.

        Raises ``ProvenanceRefused`` with the constraints that it breaks and the records that break them.
        """
        from ..lineage.telling import keep

        self._context.catalog.check_writable()
        keep(self._context, lambda graph: document, operation="provenance", message=message)
