"""Small graphs for the tests of this room, and a walk that looks at every link in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from holotype.catalog import Catalog, MemoryStore
from holotype.catalog.provenance.graph import Graph
from holotype.catalog.provenance.hashing import content_id, content_of
from holotype.catalog.provenance.linking import EMPTY, graph_rows
from holotype.catalog.provenance.model import Record
from holotype.catalog.provenance.tables import PROV_TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from holotype.catalog import ObjectStore

    # What came later, what was there before, the relation.
    Link = tuple[str, str, str]

__all__ = ["bytes_of", "catalog_of", "graph_of", "ids", "keep", "model", "new_catalog", "record", "reverse"]


def bytes_of(text: str) -> str:
    """The identifier of some content."""
    return content_id(text.encode().ljust(32, b"-"))


def record(link: Link) -> Record:
    """One link as it is said in PROV."""
    later, earlier, term = link
    if term == "plan":
        return Record("wasAssociatedWith", None, (later, None, earlier))
    return Record(term, None, (later, earlier))


def new_catalog(store: ObjectStore | None = None) -> Catalog:
    """An empty catalog of the tables of provenance, which merges nothing by itself."""
    return Catalog.create(store or MemoryStore(f"catalog-tests/{uuid4().hex}"), tables=PROV_TABLES, compact_above=None)


def keep(catalog: Catalog, records: Iterable[Record]) -> None:
    """One commit with the graph that these records make."""
    names, links = graph_rows(records, known=Graph(catalog).known)
    parts = [catalog.write(name, rows) for name, rows in (("prov_names", names), ("prov_links", links)) if len(rows)]
    catalog.commit(add=parts, operation="test")


def catalog_of(links: Sequence[Link], *, commits: int = 1) -> Catalog:
    """A catalog with these links, in so many commits."""
    catalog = new_catalog()
    for n in range(commits):
        keep(catalog, map(record, links[n::commits]))
    return catalog


def graph_of(links: Sequence[Link], *, commits: int = 1) -> Graph:
    """The graph of these links."""
    return Graph(catalog_of(links, commits=commits))


def ids(graph: Graph, start: str, *, past: bool, depth: int | None = None) -> list[str]:
    """What a walk comes to, in its order."""
    found: list[str] = graph.walk([start], past=past, depth=depth).nodes["id"].to_pylist()
    return found


def reverse(links: Iterable[Link]) -> list[Link]:
    """The same graph with time going backwards."""
    return [(earlier, later, term) for later, earlier, term in links]


def model(
    links: Collection[Link],
    start: str,
    *,
    past: bool,
    depth: int | None = None,
    terms: Collection[str] | None = None,
    across: bool = True,
) -> dict[str, int]:
    """How far from ``start`` each element is that a walk comes to, by the rules as they are written down."""
    follow = [link for link in links if terms is None or link[2] in terms]
    files = [
        (file, content)
        for file, content, term in follow
        if across and term == "specializationOf" and content_of(content) and content != EMPTY
    ]
    others = [(one, other) for one, other, term in follow if across and term == "alternateOf"]
    made = {later for later, _, term in links if term in ("wasGeneratedBy", "wasDerivedFrom")}
    found = {start: 0}
    frontier, crossed = {start}, {start} & {content for _, content in files}
    every: set[str] = set(crossed)
    level = 0
    while (frontier or crossed) and (depth is None or level < depth):
        level += 1
        new: set[str] = set()
        crossing: set[str] = set()
        for each in frontier:
            if past:
                new |= {earlier for later, earlier, _ in follow if later == each}
                if each not in made:
                    new |= {one for one, other in others if other == each}
                    crossing |= {content for file, content in files if file == each}
            else:
                new |= {later for later, earlier, _ in follow if earlier == each}
                new |= {other for one, other in others if one == each}
                new |= {content for file, content in files if file == each}
        new |= {file for file, content in files if content in crossed}
        crossed = crossing - every
        every |= crossing
        frontier = new - found.keys()
        found |= dict.fromkeys(frontier, level)
    return found
