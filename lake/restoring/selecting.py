"""Selecting entries of a snapshot by patterns, reading only the ranges that can hold them."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import row_table, scalar

from ..schema import ENTRIES
from ..tree.paths import Patterns, key, parents, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..manifest import Manifest

__all__ = ["Relinked", "selected", "unchosen", "with_folders"]

_NEEDED = ("path", "path_bytes", "kind")
# What makes a component of a pattern more than a name.
_SPECIAL = re.compile(r"[\\*?\[]")


def selected(manifest: Manifest, patterns: Patterns, *, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows that match, or all where there are no patterns, in key order, a range at a time.

    ``columns``: what to read of them; ``path``, ``path_bytes`` and ``kind`` always come too.
    """
    wanted = None if columns is None else list(dict.fromkeys((*_NEEDED, *columns)))
    low, high = _bounds(patterns)
    for rows in manifest.rows(columns=wanted, low=low, high=high):
        found = rows.filter(patterns.mask(rows)) if patterns else rows
        if found.num_rows:
            yield found


def with_folders(manifest: Manifest, found: Iterable[pa.Table], *, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of all folders that the found entries lie in and that are not among them, in key order."""
    above: set[bytes] = set()
    there: set[bytes] = set()
    for rows in found:
        folders = rows.filter(pc.equal(rows["kind"], scalar("directory")))
        there.update(raw(folders).to_pylist())
        above |= parents(raw(rows).to_pylist())
    wanted = [manifest.find(path, columns=columns) for path in sorted(above - there, key=key)]
    schema = ENTRIES.schema if columns is None else ENTRIES.empty().select(list(columns)).schema
    return row_table([row for row in wanted if row is not None], schema)


def unchosen(chosen: Sequence[pa.Table]) -> frozenset[bytes]:
    """The files that hard links of a selection (``kind`` and ``target``) lead to and that were not selected."""
    wanted = {
        target
        for rows in chosen
        for target in rows.filter(pc.equal(rows["kind"], scalar("hardlink")))["target"].to_pylist()
    }
    return frozenset(wanted - {path for rows in chosen for path in raw(rows).to_pylist()} if wanted else ())


class Relinked:
    """Hard links of a selection: a link whose file is not there becomes that file, and the links after it links to it.

    ``absent``: whether a path is not there.  ``columns``: those of the rows.  ``links``: whether there are any; else
    each becomes a file.
    """

    def __init__(
        self, manifest: Manifest, absent: Callable[[bytes], bool], *, columns: Sequence[str], links: bool = True
    ) -> None:
        self._manifest, self._columns, self._links = manifest, columns, links
        self._absent = absent if links else lambda path: True
        self._instead: dict[bytes, bytes] = {}

    def apply(self, rows: pa.Table) -> pa.Table:
        """The rows as they are to be placed."""
        links = rows.filter(pc.equal(rows["kind"], scalar("hardlink")))
        if not any(self._absent(target or b"") for target in links["target"].to_pylist()):
            return rows
        found = []
        for row, path in zip(rows.to_pylist(), raw(rows).to_pylist(), strict=True):
            if row["kind"] == "hardlink" and self._absent(row["target"] or b""):
                target = row["target"]
                if target in self._instead:
                    row = {**row, "target": self._instead[target]}
                else:
                    if self._links:
                        self._instead[target] = path
                    first = self._manifest.find(target, columns=self._columns)
                    if first is not None:
                        row = {**first, "path": row["path"], "path_bytes": row["path_bytes"]}
            found.append(row)
        return row_table(found, rows.schema)


def _bounds(patterns: Patterns) -> tuple[bytes | None, bytes | None]:
    """The keys between which every match lies, ``None`` where there is no bound."""
    prefixes = []
    for pattern in patterns.patterns:
        components = [name for name in pattern.split("/") if name not in ("", ".")]
        plain = list(itertools.takewhile(lambda name: _SPECIAL.search(name) is None, components))
        if "/" not in pattern.rstrip("/") or not plain:
            return None, None
        prefixes.append(key("/".join(plain).encode("utf-8", "surrogateescape")))
    if not prefixes:
        return None, None
    # The keys at and below a path begin with its key, then end or go on with a zero byte.
    return min(prefixes), max(prefix + b"\x01" for prefix in prefixes)
