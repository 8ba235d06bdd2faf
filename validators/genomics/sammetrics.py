"""Figures of alignments: what ``samtools flagstat``, ``stats`` and ``depth`` count, counted the same way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .samdepth import Depth

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits
    from .samcolumns import Records
    from .samheader import Header

__all__ = ["Tally"]

# Longer templates are counted as this long, and of all only the shorter 99 % make the mean and the deviation: some at
# the far end would decide both.
_LONGEST, _BULK = 8000, 0.99

_PAIRED, _PROPER, _UNMAPPED, _NEXT_UNMAPPED, _REVERSE, _NEXT_REVERSE = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
_FIRST, _SECONDARY, _FAILED, _DUPLICATE, _SUPPLEMENTARY = 0x40, 0x100, 0x200, 0x400, 0x800


class Tally:
    """What was counted so far."""

    def __init__(self, header: Header, limits: Limits) -> None:
        self._counts: dict[str, int] = {}
        # Inward, outward, and other pairs by their template's length.
        self._sizes = np.zeros((3, _LONGEST + 1), np.int64)
        self._depth = Depth(header, limits)

    def take(self, records: Records, mismatches: npt.NDArray[np.int64]) -> None:
        """One block; ``mismatches``: what NM says, -1 where there is none."""
        flag = records.flag
        primary = (flag & (_SECONDARY | _SUPPLEMENTARY)) == 0
        mapped = records.mapped
        self._add("records", len(records))
        for name, chosen in (
            ("secondary", (flag & _SECONDARY) != 0),
            ("supplementary", (flag & (_SECONDARY | _SUPPLEMENTARY)) == _SUPPLEMENTARY),
            ("mapped_records", mapped),
            ("reads", primary),
            ("mapped", primary & mapped),
            ("paired", primary & ((flag & _PAIRED) != 0)),
            ("proper", primary & ((flag & (_PAIRED | _PROPER | _UNMAPPED)) == (_PAIRED | _PROPER))),
            ("duplicate", primary & ((flag & _DUPLICATE) != 0)),
            ("duplicate_records", (flag & _DUPLICATE) != 0),
            ("failed", primary & ((flag & _FAILED) != 0)),
        ):
            self._add(name, int(np.count_nonzero(chosen)))
        self._bases(records, primary, mapped, mismatches)
        self._templates(records)
        self._depth.take(records)

    def _add(self, name: str, more: int) -> None:
        self._counts[name] = self._counts.get(name, 0) + more

    def _bases(
        self,
        records: Records,
        primary: npt.NDArray[np.bool_],
        mapped: npt.NDArray[np.bool_],
        mismatches: npt.NDArray[np.int64],
    ) -> None:
        whole = primary & (records.bases > 0)
        self._add("bases", int(records.bases[whole].sum()))
        self._add("bases_mapped", int(records.bases[whole & mapped].sum()))
        known = whole & records.qualified
        self._add("quality", records.quality(known))
        self._add("quality_bases", int(records.bases[known].sum()))
        told = mapped & (records.bases > 0) & ((records.flag & _SECONDARY) == 0)
        self._add("aligned", int(records.summed(b"MI=X")[told].sum()))
        self._add("mismatches", int(mismatches[told & (mismatches > 0)].sum()))

    def _templates(self, records: Records) -> None:
        flag = records.flag
        chosen = ((flag & (_PAIRED | _UNMAPPED | _NEXT_UNMAPPED)) == _PAIRED) & (
            (flag & (_SECONDARY | _SUPPLEMENTARY)) == 0
        )
        chosen &= (records.bases > 0) & ((records.template != 0) | (records.reference == records.next_reference))
        flag = flag[chosen]
        size = np.minimum(np.abs(records.template[chosen]), _LONGEST)
        away = np.sign(records.next_position[chosen] - records.position[chosen])
        first = np.where((flag & _FIRST) != 0, 1, -1)
        forward = np.where((flag & _REVERSE) != 0, -1, 1)
        same = ((flag & _REVERSE) != 0) == ((flag & _NEXT_REVERSE) != 0)
        # A pair points inward if the read that lies to the left is the one on the forward strand.
        inward = first * away * (first * forward) > 0
        counted = same | (away != 0)
        kind = np.where(same, 2, np.where(inward, 0, 1))[counted]
        places = kind * (_LONGEST + 1) + size[counted]
        self._sizes += np.bincount(places, minlength=self._sizes.size).reshape(self._sizes.shape)

    def tell(self, found: Found) -> None:
        """All figures that there are."""
        counts = self._counts
        if not counts:
            return
        for name, of in (
            ("records", "records"), ("records.mapped", "mapped_records"), ("records.secondary", "secondary"),
            ("records.supplementary", "supplementary"), ("records.duplicate", "duplicate_records"), ("reads", "reads"),
            ("reads.mapped", "mapped"), ("reads.paired", "paired"), ("reads.proper", "proper"),
            ("reads.duplicate", "duplicate"), ("reads.failed", "failed"), ("bases", "bases"),
            ("bases.mapped", "bases_mapped"), ("bases.aligned", "aligned"), ("bases.mismatched", "mismatches"),
        ):  # fmt: skip
            found.metric(f"sam.{name}", counts[of])
        for name, part, whole in (
            ("mapping_rate", "mapped", "reads"), ("proper_rate", "proper", "paired"),
            ("duplicate_rate", "duplicate", "reads"), ("error_rate", "mismatches", "aligned"),
            ("quality.mean", "quality", "quality_bases"),
        ):  # fmt: skip
            if counts[whole]:
                found.metric(f"sam.{name}", counts[part] / counts[whole])
        self._tell_templates(found)
        self._depth.tell(found)

    def _tell_templates(self, found: Found) -> None:
        pairs = (self._sizes // 2).sum(axis=0)  # each was counted from both ends
        total = int(pairs.sum())
        if not total:
            return
        so_far = np.cumsum(pairs)
        end = min(int(np.searchsorted(so_far, _BULK * total, side="right")) + 1, _LONGEST + 1)
        bulk, sizes = pairs[:end], np.arange(end)
        mean = float((bulk * sizes).sum() / bulk.sum())
        spread = float((bulk[1:] * (sizes[1:] - mean) ** 2).sum() / bulk.sum())
        found.metric("sam.insert_size.mean", mean, unit="{base}")
        found.metric("sam.insert_size.sd", math.sqrt(spread), unit="{base}")
