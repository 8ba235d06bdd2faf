"""What an archive's tables say of elements, as records of PROV again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..columns import dicts, numbers, plain
from ..lookup import distinct
from .hashing import keys
from .model import Document
from .rows import element_of, relation_of
from .tables import PROV_ELEMENTS, PROV_RELATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ..lookup import Keys
    from ..reading import Reading
    from ..state import State
    from ..tables import Table

__all__ = ["elements", "matching", "relations", "statements"]

# Bytes.  Opening a segment below the first costs more than having its rows at hand, unless all of them are more than
# the second.
_SMALL, _HELD = 64 << 10, 2 << 20


def statements(catalog: Reading, ids: Iterable[str], *, state: State | None = None) -> Document:
    """All that is said of these elements: what each is, and the relations that it is the first argument of.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    wanted = list(dict.fromkeys(ids))
    named = frozenset(wanted)
    found = keys(wanted)
    rows = dicts(elements(catalog, found, state=state))
    said = [element_of(row) for row in rows if row["id"] in named and row["bundle"] is None]
    related = [relation_of(row) for row in dicts(relations(catalog, found, state=state)) if row["bundle"] is None]
    return Document(tuple(dict.fromkeys([*said, *(record for record in related if record.arguments[0] in named)])))


def elements(catalog: Reading, wanted: npt.NDArray[np.uint64], *, state: State | None = None) -> pa.Table:
    """The rows of ``prov_elements`` with these keys; raises as ``statements``."""
    return matching(catalog, PROV_ELEMENTS, wanted, state=state)


def relations(catalog: Reading, wanted: npt.NDArray[np.uint64], *, state: State | None = None) -> pa.Table:
    """The rows of ``prov_relations`` whose subjects have these keys; raises as ``statements``."""
    return matching(catalog, PROV_RELATIONS, wanted, state=state)


def matching(
    catalog: Reading,
    table: Table,
    wanted: npt.NDArray[np.uint64],
    *,
    state: State | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows of a table whose first sorted column is one of ``wanted``, reading only row groups that have some.

    Raises as ``statements``.
    """
    segments = (state or catalog.state).segments(table.name)
    values = distinct(wanted)
    found = [table.empty() if columns is None else table.empty().select(list(columns))]
    if not len(values) or not segments:
        return found[0]
    small = [segment for segment in segments if segment.bytes < _SMALL]
    if sum(segment.bytes for segment in small) > _HELD:
        small = []
    if small:
        found.append(_among(catalog.together(table.name, small), table.sort[0], values, columns))
    for path in catalog.paths([segment for segment in segments if segment not in small]):
        found += _of_file(path, table.sort[0], values, columns)
    return pa.concat_tables(found, promote_options="permissive")


def _among(rows: pa.Table, column: str, values: Keys, columns: Sequence[str] | None) -> pa.Table:
    """Those of ``rows``, which are in the order of ``column``, that have one of ``values`` there."""
    own = plain(rows[column])
    first, last = np.searchsorted(own, values), np.searchsorted(own, values, "right")
    there = [np.arange(begin, end) for begin, end in zip(first.tolist(), last.tolist(), strict=True) if end > begin]
    hits = np.concatenate(there) if there else np.empty(0, np.int64)
    return (rows if columns is None else rows.select(list(columns))).take(numbers(hits))


def _of_file(
    path: str, column: str, values: npt.NDArray[np.uint64], columns: Sequence[str] | None
) -> Iterable[pa.Table]:
    with pq.ParquetFile(path, memory_map=True) as file:
        place = file.schema_arrow.names.index(column)
        for group in range(file.num_row_groups):
            bounds = file.metadata.row_group(group).column(place).statistics
            if bounds is not None and bounds.has_min_max:
                first = np.searchsorted(values, np.uint64(bounds.min))
                if first == len(values) or values[first] > np.uint64(bounds.max):
                    continue
            own = file.read_row_group(group, columns=[column], use_threads=False)[column].to_numpy()
            hits = np.flatnonzero(values[np.minimum(np.searchsorted(values, own), len(values) - 1)] == own)
            if len(hits):
                names = None if columns is None else list(columns)
                yield file.read_row_group(group, columns=names, use_threads=False).take(numbers(hits))
