"""What elements are called: names by key, and the names that are most like one that there is not."""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from ..columns import numbers, plain, scalar
from ..errors import InvalidName, ObjectDamaged
from ..lookup import Lookup, View, in_order
from .hashing import keys
from .tables import PROV_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ..lookup import Keys
    from ..reading import Reading
    from ..state import State

__all__ = ["Names"]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute

# So many bytes of names are looked through for one that is like another, and so many names closely.
_LOOKED, _CLOSELY = 64 << 20, 100
# A slip of the finger adds or drops this many letters at most.
_SLIP = 2
# How alike two names are is first estimated by what they have in common of so many letters in a row, at some eight
# places in their last 32.
_GRAM, _GRAMS, _END = 4, 8, 32
_ALIKE = 0.75


class NameView(View):
    """Names in the order of their keys."""

    def __init__(self, rows: pa.Table) -> None:
        super().__init__(rows)
        self.terms: npt.NDArray[np.int8] = plain(rows["term"])
        ids = rows["id"]
        self.ids: pa.Array = ids.chunk(0) if ids.num_chunks else pa.nulls(0, pa.string())


class Names:
    """The names in one state."""

    def __init__(self, catalog: Reading, state: State) -> None:
        self._lookup = Lookup(catalog, PROV_NAMES, state, NameView)

    def beside(self, rows: pa.Table) -> Names:
        """The same with further names: rows of ``prov_names`` in any order, which are kept nowhere."""
        found = copy(self)
        found._lookup = self._lookup.beside(in_order(rows, PROV_NAMES))
        return found

    def name(self, key: int) -> str | None:
        """The identifier that has this key.  Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises."""
        for view in self._lookup.holding(key):
            row = bisect_left(view.fast, key)
            if row < len(view.fast) and view.fast[row] == key:
                return str(view.ids[row].as_py())
        return None

    def of(self, keys: Keys) -> tuple[pa.Array, npt.NDArray[np.int8]]:
        """The identifiers of different keys, and the places of their terms.

        Raises ``ObjectDamaged`` also when one has no name, for then the tables do not fit each other.
        """
        order = np.argsort(keys)
        parts: list[pa.Array] = [pa.nulls(0, pa.string())]
        terms = np.zeros(len(keys), np.int8)
        place = np.full(len(keys), -1, np.int64)
        at = 0
        for view, places, rows in self._rows(keys[order]):
            new = place[order[places]] < 0
            where, rows = order[places[new]], rows[new]
            parts.append(view.ids.take(numbers(rows)))
            terms[where] = view.terms[rows]
            place[where] = np.arange(at, at + len(rows))
            at += len(rows)
        if at < len(keys):
            unnamed = int(keys[np.flatnonzero(place < 0)[0]])
            raise ObjectDamaged(f"the element {unnamed:016x} has links and no name", key=PROV_NAMES.name)
        return pa.concat_arrays(parts).take(numbers(place)), terms

    def known(self, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of these have a name already.

        Raises ``InvalidName`` for one whose key is another's, and as ``name``.
        """
        wanted = keys(ids)
        order = np.argsort(wanted)
        found = np.zeros(len(ids), np.bool_)
        for view, places, rows in self._rows(wanted[order]):
            where = order[places]
            for given, there in zip(where.tolist(), view.ids.take(numbers(rows)).to_pylist(), strict=True):
                if ids[given] != there:
                    raise InvalidName(f"{ids[given]!r} has the key of {there!r}: call it otherwise", name=ids[given])
            found[where] = True
        return found

    def has(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which of these keys have a name; raises as ``name``."""
        order = np.argsort(keys)
        found = np.zeros(len(keys), np.bool_)
        for _, places, _ in self._rows(keys[order]):
            found[order[places]] = True
        return found

    def _rows(self, sorted_keys: Keys) -> Iterator[tuple[NameView, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Where names are: a view, places among the keys, and the rows."""
        for view, start, part in self._lookup.touching(sorted_keys):
            rows = np.searchsorted(view.keys, part)
            there = np.flatnonzero(view.keys[np.minimum(rows, len(view.keys) - 1)] == part)
            if len(there):
                yield view, there + start, rows[there]

    def nearest(self, id: str, *, most: int = 3) -> tuple[str, ...]:
        """The names that are most like ``id``, the best first; of a very large graph only a part is looked through.

        Raises as ``name``.
        """
        candidates: set[tuple[int, str]] = set()
        left = _LOOKED
        for view in self._lookup.every():
            candidates = set(sorted(candidates.union(_candidates(view.ids, id)), reverse=True)[:_CLOSELY])
            left -= view.ids.nbytes
            if left < 0:
                break
        alike = sorted(((-_likeness(each, id), each) for _, each in candidates))
        return tuple(each for likeness, each in alike[:most] if -likeness >= _ALIKE)


def _candidates(ids: pa.Array, id: str) -> list[tuple[int, str]]:
    """Of some names those that end as this one does, or are about as long: how much they have in common, and each."""
    ending = ids.filter(pc.ends_with(ids, id)).slice(0, _CLOSELY).to_pylist()
    lengths = pc.binary_length(ids)
    size = len(id.encode())
    low, high = (scalar(max(0, size + slip), lengths.type) for slip in (-_SLIP, _SLIP))
    near = ids.filter(pc.and_(pc.greater_equal(lengths, low), pc.less_equal(lengths, high)))
    score = np.zeros(len(near), np.int64)
    first, last = max(0, len(id) - _END), len(id) - _GRAM
    for start in range(first, last + 1, max(1, (last - first) // _GRAMS)):
        score += plain(pc.match_substring(near, id[start : start + _GRAM]))
    best = np.argsort(-score, kind="stable")[:_CLOSELY]
    return [
        *((_END, each) for each in ending),
        *zip(score[best].tolist(), near.take(numbers(best)).to_pylist(), strict=True),
    ]


def _likeness(name: str, id: str) -> float:
    if name.endswith(id):
        return 1.0
    match = SequenceMatcher(None, name, id, autojunk=False)
    return match.ratio() if match.quick_ratio() >= _ALIKE else 0.0
