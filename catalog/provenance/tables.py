"""The tables of provenance: what was said, and the graph it makes.

``prov_elements`` and ``prov_relations`` hold PROV records.  ``prov_links`` and ``prov_names`` say nothing new: they are
the same as a graph, in a form that is walked where it lies, and are written in the same commit.  An element is known
there by its key: the first eight bytes of a digest, of its identifier or, for content, the content's own.  The links of
an element lie together, those to its future before those to its past, each in the order of terms: what a script came
from is found without looking at the million activities that ran it.

A file version, its content and the activity that wrote it::

    prov_elements   entity    urn:holotype:file:run42:9f86d0…:reads/a.fastq    dataset run42, path reads/a.fastq
                    entity    urn:holotype:content:9f86d0…
                    activity  urn:holotype:activity:41b2…                      began, ended, …
    prov_relations  wasGeneratedBy      the file version, the activity
                    specializationOf    the file version, its content
"""

from __future__ import annotations

import pyarrow as pa

from ..tables import Column, Table
from .model import ELEMENTS, TERMS

__all__ = ["PROV_ELEMENTS", "PROV_LINKS", "PROV_NAMES", "PROV_RELATIONS", "PROV_TABLES"]

_TEXT, _KEY, _CODE = pa.string(), pa.uint64(), pa.int8()
_TIME = pa.timestamp("us", tz="UTC")
_RELATIONS = tuple(name for name in TERMS if name not in ELEMENTS)

PROV_ELEMENTS = Table(
    "prov_elements",
    "Entities, activities and agents, in the terms of W3C PROV: one row each time something was said of one.",
    (
        Column("key", _KEY, "What relations and the graph know it by: eight bytes of a digest of its identifier."),
        Column("term", _TEXT, "What it is.", among=ELEMENTS),
        Column("id", _TEXT, "Its identifier, an IRI."),
        Column("type", _TEXT, "What kind of entity, activity or agent: its first prov:type.", nullable=True),
        Column("label", _TEXT, "What people call it.", nullable=True),
        Column("dataset", _TEXT, "The dataset of a file version.", nullable=True),
        Column("path", _TEXT, "The path of a file version below its dataset's source.", nullable=True),
        Column("sha256", pa.binary(32), "SHA-256 of its bytes, where it has bytes.", nullable=True),
        Column("began", _TIME, "When an activity began.", nullable=True),
        Column("ended", _TIME, "When an activity ended.", nullable=True),
        Column("attributes", _TEXT, "All its attributes, as JSON: pairs of an IRI and a value.", nullable=True),
        Column("bundle", _TEXT, "The bundle that says so.", nullable=True),
        Column("recorded", _TIME, "When it was said."),
        Column("author", _TEXT, "Who said it."),
    ),
    sort=("key",),
)

PROV_RELATIONS = Table(
    "prov_relations",
    "What entities, activities and agents had to do with one another, in the terms of W3C PROV.",
    (
        Column("subject", _KEY, "The key of its first argument: what came later."),
        Column("object", _KEY, "The key of its second argument: what was there before.", nullable=True),
        Column("term", _TEXT, "The relation.", among=_RELATIONS),
        Column("id", _TEXT, "The relation's own identifier, an IRI.", nullable=True),
        Column("time", _TIME, "When it happened.", nullable=True),
        Column("role", _TEXT, "The first prov:role.", nullable=True),
        Column("arguments", _TEXT, "All its arguments, as JSON: by name.", nullable=True),
        Column("attributes", _TEXT, "All its attributes, as JSON: pairs of an IRI and a value.", nullable=True),
        Column("bundle", _TEXT, "The bundle that says so.", nullable=True),
        Column("recorded", _TIME, "When it was said."),
        Column("author", _TEXT, "Who said it."),
    ),
    sort=("subject",),
)

PROV_LINKS = Table(
    "prov_links",
    "The graph that prov_relations make: each link twice, once from either end.",
    (
        Column("node", _KEY, "The key of the element it is seen from."),
        Column("other", _KEY, "The key of the element at the other end."),
        Column("term", _CODE, "The place of the relation in PROV-DM's terms, as model.TERMS has them.", least=0),
        Column("past", pa.bool_(), "Whether the other end is what the node came from."),
        Column("across", pa.bool_(), "Whether it joins a file version and its bytes, so that walks go on at the next."),
    ),
    sort=("node", "past", "term"),
    mapped=True,
)

PROV_NAMES = Table(
    "prov_names",
    "What each key in prov_links stands for: once for each element.",
    (
        Column("key", _KEY, "The element's key."),
        Column("term", _CODE, "Entity, activity or agent: its place in PROV-DM's terms.", least=0),
        Column("id", _TEXT, "The element's identifier, an IRI."),
    ),
    sort=("key",),
    mapped=True,
)

PROV_TABLES = (PROV_ELEMENTS, PROV_LINKS, PROV_NAMES, PROV_RELATIONS)
