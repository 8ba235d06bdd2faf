"""Rows of entries in key order: finding a key, clipping to an interval, and laying edits over rows.

What a key is, ``paths`` says.  Rows always come in key order, each key once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import scalar

from ..tree.paths import key, keys, raw_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    # From the first key, up to and without the second; None is without a bound.
    Interval = tuple[bytes | None, bytes | None]

__all__ = [
    "KEY_COLUMNS",
    "both",
    "clip",
    "concat",
    "in_order",
    "interval",
    "is_some",
    "key",
    "key_at",
    "keys",
    "overlay",
    "rank",
]

KEY_COLUMNS = ("path", "path_bytes")
# A name without wildcards, but for escaped ones.
_PLAIN = re.compile(r"(?:[^*?\[\\]|\\.)*")


def key_at(rows: pa.Table, row: int) -> bytes:
    """The key of one row."""
    return key(raw_path(rows["path"][row].as_py(), rows["path_bytes"][row].as_py()))


class _Keys:
    """Rows as a sequence of keys, made one at a time as a search asks for them."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __getitem__(self, row: int) -> bytes:
        return key_at(self._rows, row)


def rank(rows: pa.Table, value: bytes, *, after: bool = False) -> int:
    """How many rows lie before the key ``value``; with ``after``, how many lie before or at it."""
    return (bisect_right if after else bisect_left)(_Keys(rows), value)


def clip(rows: pa.Table, low: bytes | None, high: bytes | None) -> pa.Table:
    """The rows with ``low <= key < high``; ``None`` is without a bound.  Copies nothing."""
    start = rank(rows, low) if low is not None and rows.num_rows and key_at(rows, 0) < low else 0
    stop = rows.num_rows
    if high is not None and stop > start and key_at(rows, stop - 1) >= high:
        stop = rank(rows, high)
    return rows.slice(start, max(0, stop - start))


def interval(pattern: str) -> Interval:
    """Keys between which everything lies that a pattern matches: from the first, up to and without the second.

    What a pattern names before its first wildcard is where its matches are; one that has no slash may match anywhere.
    """
    names: list[str] = []
    if "/" in pattern.rstrip("/"):
        for name in pattern.split("/"):
            if name in ("", "."):
                continue
            plain = re.sub(r"\\(.)", r"\1", name)
            # A backslash that is meant may be how a path that is not UTF-8 is shown.
            if not _PLAIN.fullmatch(name) or "\\" in plain:
                break
            names.append(plain)
    if not names:
        return None, None
    # A folder and what is below it: no name has a byte between the zero that follows the folder and 1.
    low = key("/".join(names).encode("utf-8", "surrogatepass"))
    return low, low + b"\1"


def both(one: Interval, other: Interval) -> Interval:
    """What lies in two intervals."""
    lows = [low for low in (one[0], other[0]) if low is not None]
    highs = [high for high in (one[1], other[1]) if high is not None]
    return max(lows, default=None), min(highs, default=None)


def is_some(keys: Interval) -> bool:
    """Whether a key can lie in an interval."""
    low, high = keys
    return high is None or (low or b"") < high


def in_order(rows: pa.Table) -> bool:
    """Whether rows are in key order, each key once."""
    values = keys(rows)
    return len(values) < 2 or bool(pc.all(pc.less(values[:-1], values[1:])).as_py())


def concat(tables: Iterable[pa.Table], empty: pa.Table) -> pa.Table:
    """The tables as one; ``empty`` when there are none."""
    parts = [table for table in tables if table.num_rows]
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts) if parts else empty


def overlay(rows: pa.Table, edits: pa.Table, *, drop_removed: bool = True) -> pa.Table:
    """``rows`` with ``edits`` in the place of the rows of the same keys, in key order.

    An edit of the kind ``removed`` takes its row away, or stands in its place when ``drop_removed`` is off (then the
    result is itself a set of edits).  Both tables need the columns of ``rows``, and among them ``path``, ``path_bytes``
    and ``kind``.
    """
    if not edits.num_rows:
        return rows
    edits = edits.select(rows.column_names)
    # Few edits are spliced in; the others cost one pass over all keys.
    if edits.num_rows <= 32:
        return _splice(rows, edits, drop_removed=drop_removed)
    kept = rows.filter(pc.invert(pc.is_in(keys(rows), value_set=keys(edits))))
    put = edits.filter(pc.not_equal(edits["kind"], scalar("removed"))) if drop_removed else edits
    if not put.num_rows:
        return kept
    merged = pa.concat_tables([kept, put]).combine_chunks()
    return merged.take(pc.sort_indices(keys(merged)))


def _splice(rows: pa.Table, edits: pa.Table, *, drop_removed: bool) -> pa.Table:
    """``overlay`` by slices of ``rows``; what is not touched is not looked at."""
    parts: list[pa.Table] = []
    done = 0
    for row, kind in enumerate(edits["kind"].to_pylist()):
        this = key_at(edits, row)
        at = rank(rows, this)
        parts.append(rows.slice(done, at - done))
        if not (drop_removed and kind == "removed"):
            parts.append(edits.slice(row, 1))
        done = at + (at < rows.num_rows and key_at(rows, at) == this)
    parts.append(rows.slice(done))
    return concat(parts, rows.slice(0, 0))
