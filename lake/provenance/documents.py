"""What is recorded, as documents of W3C PROV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import dicts
from holotype.catalog import provenance as prov

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Context

__all__ = ["document"]


def document(
    context: Context, graph: prov.Graph, start: Sequence[str] | None, *, depth: int | None = None
) -> prov.Document:
    """Everything recorded, or all that is said of what ``start`` came from; ``depth``: how many relations away.

    Raises ``EntryNotFound``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    if start is not None:
        ids: list[str] = graph.walk(start, past=True, depth=depth).nodes["id"].to_pylist()
        there = frozenset(ids)
        told = prov.statements(context.catalog, ids, state=graph.state).records
        # At its edge a document speaks of nothing that is not in it.
        inside = tuple(each for each in told if each.term in prov.ELEMENTS or _within(each, there))
        return prov.Document(inside, prefixes=prov.PREFIXES)
    found: dict[str | None, dict[prov.Record, None]] = {None: {}}
    for table, record_of in (("prov_elements", prov.element_of), ("prov_relations", prov.relation_of)):
        for batch in context.catalog.batches(table, state=graph.state):
            for row in dicts(batch):
                found.setdefault(row["bundle"], {})[record_of(row)] = None
    bundles = tuple(prov.Bundle(id, tuple(records)) for id, records in found.items() if id is not None)
    return prov.Document(tuple(found[None]), bundles, prov.PREFIXES)


def _within(record: prov.Record, ids: frozenset[str]) -> bool:
    return all(
        not isinstance(value, str) or value in ids
        for argument, value in zip(prov.TERMS[record.term].arguments, record.arguments, strict=True)
        if argument.refers in prov.ELEMENTS
    )
