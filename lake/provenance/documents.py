"""What is recorded, as documents of W3C PROV, with the snapshots that files are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import dicts
from holotype.catalog import provenance as prov

from .holdings import Holdings
from .members import memberships
from .nodes import framed, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from .walks import Walks

__all__ = ["document"]


def document(walks: Walks, start: Sequence[str] | None, *, depth: int | None = None) -> prov.Document:
    """Everything recorded, or all that is said of what ``start`` came from; ``depth``: how many relations away.

    With everything come all snapshots ever made, otherwise those that ``start`` came from, and for each file the first
    live one that has it.  Raises ``EntryNotFound``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    return _everything(walks) if start is None else _about(walks, start, depth)


def _about(walks: Walks, start: Sequence[str], depth: int | None) -> prov.Document:
    context, graph, backups = walks.context, walks.graph, walks.backups
    nodes = walks.past(start, depth=depth)
    ids: list[str] = nodes["id"].to_pylist()
    files = _files(ids)
    about = dict.fromkeys(digest for id in ids for digest in backups.of(id))
    about |= dict.fromkeys(_first_of_each(walks, files))
    told = prov.statements(context.catalog, ids, state=graph.state).records
    kept = backups.records(about)
    there = frozenset([*ids, *(record.id for record in kept if record.id is not None)])
    inside = memberships(context, graph, backups, about.keys(), files)
    # At its edge a document speaks of nothing that is not in it.
    within = [each for each in (*told, *kept, *inside) if each.term in prov.ELEMENTS or _within(each, there)]
    return prov.Document(tuple(dict.fromkeys(within)), prefixes=prov.PREFIXES)


def _first_of_each(walks: Walks, files: pl.DataFrame) -> Iterable[str]:
    """For each file the first live snapshot that has it."""
    if not files.height:
        return []
    rows = walks.backups.live(set(files["dataset"]))
    held = Holdings(walks.context, walks.graph.state, files, rows).ends()
    return held.unique("id", keep="first", maintain_order=True)["snapshot"].unique(maintain_order=True).to_list()


def _everything(walks: Walks) -> prov.Document:
    context, graph, backups = walks.context, walks.graph, walks.backups
    found: dict[str | None, dict[prov.Record, None]] = {None: {}}
    for table, record_of in (("prov_elements", prov.element_of), ("prov_relations", prov.relation_of)):
        for batch in context.catalog.batches(table, state=graph.state):
            for row in dicts(batch):
                found.setdefault(row["bundle"], {})[record_of(row)] = None
    own = found[None]
    files = _files(dict.fromkeys(id for record in own for id in (record.id, *record.arguments) if isinstance(id, str)))
    own |= dict.fromkeys(backups.records(backups.rows))
    own |= dict.fromkeys(memberships(context, graph, backups, backups.rows.keys(), files))
    bundles = tuple(prov.Bundle(id, tuple(records)) for id, records in found.items() if id is not None)
    return prov.Document(tuple(own), bundles, prov.PREFIXES)


def _files(ids: Iterable[str]) -> pl.DataFrame:
    """The versions of files among these."""
    return framed(named([id for id in ids if prov.file_version(id) is not None]))


def _within(record: prov.Record, ids: frozenset[str]) -> bool:
    return all(
        not isinstance(value, str) or value in ids
        for argument, value in zip(prov.TERMS[record.term].arguments, record.arguments, strict=True)
        if argument.refers in prov.ELEMENTS
    )
