"""Files that each of two archives saw made by itself: the same bytes at the same path, by two activities.

Either archive calls its own by the usual name, and whatever else made the same by a name of its own (see
``lineage/telling``)::

    here    …:counts.csv made by one        there    …:counts.csv made by other
                                                     …:counts.csv#one made by one     what becomes of it on the way

So what travels is called as the other end calls it, and nothing has two makers there; what is there already under that
name is known again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, numbers, scalar
from holotype.catalog import provenance as prov

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .inventory import End

__all__ = ["Renaming", "renaming"]

# What an archive names by itself, and may name otherwise.
_OURS = re.compile(r"urn:holotype:(?:file|outside|unread):")
_KEYS = {
    "prov_elements": ("key",),
    "prov_relations": ("subject", "object"),
    "prov_names": ("key",),
    "prov_links": ("node", "other"),
}


@dataclass(frozen=True)
class Renaming:
    """What elements of one archive are called in another, where that is something else: by their identifiers."""

    names: Mapping[str, str]

    def of(self, table: str, rows: pa.Table) -> pa.Table:
        """Rows of a table, as the other archive has them."""
        if not self.names:
            return rows
        old, new = (numbers(prov.keys(ids)) for ids in (self.names.keys(), self.names.values()))
        for name in _KEYS[table]:
            rows = _put(rows, name, _swapped(rows[name], old, new))
        if "id" in rows.column_names and table != "prov_relations":
            ids = (column(list(each), pa.string()) for each in (self.names.keys(), self.names.values()))
            rows = _put(rows, "id", _swapped(rows["id"], *ids))
        if "arguments" in rows.column_names:
            told: list[str | None] = rows["arguments"].to_pylist()
            rows = _put(rows, "arguments", column(list(self._told(told)), pa.string()))
        return rows

    def _told(self, arguments: Iterable[str | None]) -> Iterable[str | None]:
        quoted = {json.dumps(old): json.dumps(new) for old, new in self.names.items()}
        any_of_them = re.compile("|".join(map(re.escape, quoted)))
        for text in arguments:
            yield None if text is None else any_of_them.sub(lambda found: quoted[found[0]], text)


def renaming(here: End, there: End) -> Renaming:
    """What files that were made are called there, where it is not what they are called here.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what a store raises.
    """
    theirs = _makers(there)
    if not theirs.height:
        return Renaming({})
    mine = _makers(here)
    # Most were made by the same there, or nobody there has heard of them or of who made them.
    unlike = mine.join(theirs, on=["subject", "object"], how="anti")
    unlike = pl.concat([unlike.join(theirs, on=end, how="semi") for end in ("subject", "object")])
    unlike = unlike.unique(maintain_order=True)
    if not unlike.height:
        return Renaming({})
    alike = theirs.join(unlike, on="object", how="semi")
    known = {(_usual(id), maker): id for id, maker in _named(there, alike)}
    taken = set(theirs["subject"].to_list())
    names: dict[str, str] = {}
    for id, maker in _named(here, unlike):
        if _OURS.match(id) is None:
            continue
        usual = _usual(id)
        if (usual, maker) in known:
            names[id] = known[usual, maker]
        elif prov.key(id) in taken:
            names[id] = f"{usual}#{quote(maker.removeprefix(_ACTIVITY), safe='/-._~')}"
    return Renaming({old: new for old, new in names.items() if old != new})


_ACTIVITY = prov.activity_id(b"")


def _makers(end: End) -> pl.DataFrame:
    """Pairs of what was made and by what, as keys: ``subject`` and ``object``."""
    rows = end.read("prov_relations", columns=["subject", "object", "term", "bundle"])
    made = pc.and_(pc.equal(rows["term"], scalar("wasGeneratedBy")), pc.is_null(rows["bundle"]))
    rows = rows.filter(pc.and_(made, pc.is_valid(rows["object"])))
    return pl.DataFrame(rows.select(["subject", "object"])).unique(maintain_order=True)


def _named(end: End, pairs: pl.DataFrame) -> list[tuple[str, str]]:
    graph = prov.Graph(end.context.catalog, state=end.state)
    made, makers = (graph.ids(pairs[name].to_numpy()) for name in ("subject", "object"))
    return list(zip(made, makers, strict=True))


def _usual(id: str) -> str:
    """What a file is called by whoever made it first."""
    return id.partition("#")[0]


def _put(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, rows.schema.field(name), values)


def _swapped(values: pa.ChunkedArray, old: pa.Array, new: pa.Array) -> pa.ChunkedArray:
    """``values`` with what is among ``old`` replaced by what stands at the same place of ``new``."""
    return pc.coalesce(new.take(pc.index_in(values, value_set=old)), values)
