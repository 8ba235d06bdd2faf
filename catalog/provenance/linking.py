"""What is said of elements, as a graph: the rows of ``prov_links`` and ``prov_names``.

The first argument of a relation came from each of the others that lies in its past; of
``wasAssociatedWith(activity, agent, plan)`` that makes two links, each seen from both of its ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..columns import column, numbers
from .hashing import content_id, content_of, keys
from .links import PLACES
from .model import ELEMENTS, TERMS
from .tables import PROV_LINKS, PROV_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from .model import Record

    Keys = npt.NDArray[np.uint64]

__all__ = ["EMPTY", "graph_rows", "links_of", "names_of"]

# What empty files have in common says nothing of where they came from.
EMPTY = content_id(bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))


def graph_rows(
    records: Iterable[Record], *, known: Callable[[Sequence[str]], npt.NDArray[np.bool_]] | None = None
) -> tuple[pa.Table, pa.Table]:
    """The rows of ``prov_names`` and of ``prov_links`` that ``records`` make.

    ``known``: which elements have a name already (``Graph.known``), by default none.  An element that is only mentioned
    is what the relation takes it for, and an entity where that says nothing.  The same link is there once.
    """
    said: dict[str, str] = {}
    mentioned: dict[str, str] = {}
    links: dict[tuple[str, str, str], None] = {}
    for record in records:
        if record.term in ELEMENTS:
            if record.id is not None:
                said.setdefault(record.id, record.term)
            continue
        node = record.arguments[0]
        for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
            if argument.refers in ELEMENTS and isinstance(value, str):
                mentioned.setdefault(value, argument.refers)
            if argument.past and isinstance(node, str) and isinstance(value, str):
                links[node, value, record.term] = None
    for node, value, _ in links:  # influence says nothing of its kind
        mentioned.setdefault(node, "entity")
        mentioned.setdefault(value, "entity")
    terms = {**mentioned, **said}
    ids = list(terms)
    if known is not None and ids:
        ids = [id for id, there in zip(ids, known(ids).tolist(), strict=True) if not there]
    return names_of(ids, [terms[id] for id in ids]), links_of(
        keys(node for node, _, _ in links),
        keys(other for _, other, _ in links),
        np.array([PLACES[term] for _, _, term in links], np.int8),
        np.array([_across(other, term) for _, other, term in links], np.bool_),
    )


def links_of(node: Keys, other: Keys, term: npt.NDArray[np.int8], across: npt.NDArray[np.bool_]) -> pa.Table:
    """The rows of ``prov_links`` for links from ``node`` to ``other``, which lies in its past, seen from both ends.

    ``term``: places in ``TERMS``.  ``across``: which of them are ``specializationOf`` and lead from a file version to
    its content; never those of an empty file, which have nothing in common (``EMPTY``).
    """
    past = np.repeat(np.array([True, False]), len(node))
    return pa.table(
        [
            numbers(np.concatenate([node, other])),
            numbers(np.concatenate([other, node])),
            numbers(np.concatenate([term, term])),
            numbers(past),
            numbers(np.concatenate([across, across])),
        ],
        schema=PROV_LINKS.schema,
    )


def names_of(ids: Sequence[str], terms: Sequence[str]) -> pa.Table:
    """The rows of ``prov_names`` for elements and what they are: entity, activity or agent."""
    places = np.array([PLACES[term] for term in terms], np.int8)
    return pa.table([numbers(keys(ids)), numbers(places), column(ids, pa.string())], schema=PROV_NAMES.schema)


def _across(general: str, term: str) -> bool:
    return term == "specializationOf" and general != EMPTY and content_of(general) is not None
