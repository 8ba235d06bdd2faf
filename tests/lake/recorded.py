"""What an archive has recorded of how things came about: what was said, and whether its tables hang together.

It reads rows, with nothing of what writes them: what PROV-DM says of each relation stands here once more.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from holotype.catalog.provenance import Document

    Rows = Sequence[Mapping[str, Any]]

__all__ = ["TABLES", "Said", "disagreements", "makers", "outcomes", "said_in", "said_of"]

TABLES = ("prov_elements", "prov_relations", "prov_links", "prov_names")

# The codes of terms are their places here; none of them ever changes.
_CODES = (
    *("entity", "activity", "agent", "wasGeneratedBy", "used", "wasInformedBy", "wasStartedBy", "wasEndedBy"),
    *("wasInvalidatedBy", "wasDerivedFrom", "wasAttributedTo", "wasAssociatedWith", "actedOnBehalfOf"),
    *("wasInfluencedBy", "specializationOf", "alternateOf", "hadMember", "mentionOf"),
)
# What came later; what it came from; what is mentioned besides.
_ENDS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "wasGeneratedBy": ("entity", ("activity",), ()),
    "used": ("activity", ("entity",), ()),
    "wasInformedBy": ("informed", ("informant",), ()),
    "wasStartedBy": ("activity", ("trigger", "starter"), ()),
    "wasEndedBy": ("activity", ("trigger", "ender"), ()),
    "wasInvalidatedBy": ("entity", ("activity",), ()),
    "wasDerivedFrom": ("generatedEntity", ("usedEntity", "activity"), ()),
    "wasAttributedTo": ("entity", ("agent",), ()),
    "wasAssociatedWith": ("activity", ("agent", "plan"), ()),
    "actedOnBehalfOf": ("delegate", ("responsible",), ("activity",)),
    "wasInfluencedBy": ("influencee", ("influencer",), ()),
    "specializationOf": ("specificEntity", ("generalEntity",), ()),
    "alternateOf": ("alternate1", ("alternate2",), ()),
    "hadMember": ("collection", ("entity",), ()),
    "mentionOf": ("specificEntity", ("generalEntity",), ()),
}
_CONTENT = re.compile("urn:holotype:content:([0-9a-f]{64})")
# Snapshots, and the backups that made them, which have their digests.
_OF_SNAPSHOTS = re.compile("urn:holotype:(?:snapshot:.*|activity:[0-9a-f]{64})")
_OUTCOME = "urn:holotype:ns:outcome"
# SHA-256 of nothing: empty files have nothing in common.
_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Said(NamedTuple):
    """A statement, without its attributes: a relation has the elements it relates by the names of its arguments."""

    term: str
    id: str | None
    ends: tuple[tuple[str, str], ...] = ()


def _key(id: str) -> int:
    match = _CONTENT.fullmatch(id)
    digest = bytes.fromhex(match[1]) if match is not None else blake3(id.encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _ends(arguments: Mapping[str, object], term: str) -> tuple[tuple[str, str], ...]:
    first, past, others = _ENDS[term]
    return tuple((name, str(arguments[name])) for name in (first, *past, *others) if arguments.get(name) is not None)


def said_of(elements: Rows, relations: Rows) -> frozenset[Said]:
    """What rows of elements and relations say."""
    return frozenset(Said(row["term"], row["id"]) for row in elements) | frozenset(
        Said(row["term"], row["id"], _ends(json.loads(row["arguments"]), row["term"])) for row in relations
    )


def said_in(document: Document) -> frozenset[Said]:
    """What a document says, but for what is known of snapshots and is in no table of provenance."""
    found = set[Said]()
    for _, record in document:
        spoken_of = (record.id, *record.arguments)
        if any(isinstance(each, str) and _OF_SNAPSHOTS.fullmatch(each) for each in spoken_of):
            continue
        ends: tuple[tuple[str, str], ...] = ()
        if record.term in _ENDS:
            first, past, others = _ENDS[record.term]
            ends = _ends({name: record[name] for name in (first, *past, *others)}, record.term)
        found.add(Said(record.term, record.id, ends))
    return frozenset(found)


def makers(relations: Rows) -> Mapping[str, frozenset[str]]:
    """The activities that are said to have made each entity, outside of bundles."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in relations:
        if row["term"] == "wasGeneratedBy" and row["bundle"] is None:
            arguments = json.loads(row["arguments"])
            if "activity" in arguments:
                found[arguments["entity"]].add(arguments["activity"])
    return {entity: frozenset(activities) for entity, activities in found.items()}


def outcomes(elements: Rows) -> Mapping[str, str]:
    """How each activity ended of which that is said."""
    return {
        row["id"]: value
        for row in elements
        if row["term"] == "activity"
        for name, value in json.loads(row["attributes"])
        if name == _OUTCOME
    }


def disagreements(rows_of: Callable[[str], Rows]) -> list[str]:
    """What is wrong with the tables of provenance, in words: nothing, if all is well; ``rows_of``: a table's rows.

    Elements have their keys, and each that is spoken of one name, once; the graph's links are those that relations
    make, and no others; an entity has one maker.
    """
    elements, relations, links, names = (rows_of(table) for table in TABLES)
    said: dict[str, set[str]] = defaultdict(set)
    wrong = [
        f"{row['id']} has a key that is not its own" for row in (*elements, *names) if row["key"] != _key(row["id"])
    ]
    for row in elements:
        said[row["id"]].add(row["term"])
    wanted = set[tuple[int, int, int, bool, bool]]()
    for row in relations:
        ends = dict(_ends(json.loads(row["arguments"]), row["term"]))
        wrong += _misplaced(row, ends)
        first, past, _ = _ENDS[row["term"]]
        for id in ends.values():
            said.setdefault(id, set())
        for other in (ends[name] for name in past if name in ends):
            wanted |= _links(ends[first], other, row["term"])
    wrong += _misnamed(names, said)
    there = {(row["node"], row["other"], row["term"], row["past"], row["across"]) for row in links}
    wrong += [f"the link {each} is missing" for each in sorted(wanted - there)]
    wrong += [f"the link {each} is there, which nobody spoke of" for each in sorted(there - wanted)]
    wrong += [f"{id} has {len(each)} makers: {sorted(each)}" for id, each in makers(relations).items() if len(each) > 1]
    return wrong


def _misplaced(row: Mapping[str, Any], ends: Mapping[str, str]) -> Iterable[str]:
    """Whether a relation stands under the keys of its first two arguments."""
    first, past, others = _ENDS[row["term"]]
    second = ends.get((*past, *others)[0])
    if row["subject"] != _key(ends[first]) or row["object"] != (None if second is None else _key(second)):
        yield f"{row['term']} of {ends} stands under other keys"


def _links(node: str, other: str, term: str) -> set[tuple[int, int, int, bool, bool]]:
    content = _CONTENT.fullmatch(other)
    across = term == "specializationOf" and content is not None and content[1] != _NOTHING
    one, two, code = _key(node), _key(other), _CODES.index(term)
    return {(one, two, code, True, across), (two, one, code, False, across)}


def _misnamed(names: Rows, said: Mapping[str, set[str]]) -> Iterable[str]:
    once = set[str]()
    for row in names:
        id, term = row["id"], _CODES[row["term"]]
        if id in once:
            yield f"{id} is named twice"
        once.add(id)
        if id not in said:
            yield f"{id} is named, and nobody spoke of it"
        elif said[id] and term not in said[id]:
            yield f"{id} is named as an {term}, and was said to be {sorted(said[id])}"
    yield from (f"{id} is spoken of, and has no name" for id in said.keys() - once)
