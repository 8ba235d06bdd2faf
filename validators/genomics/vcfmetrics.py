"""Figures of a VCF file, counted as ``bcftools stats`` counts them.

A homozygous or a heterozygous genotype is counted when one of its alleles is a substitution, or none is a change at
all; missing ones and depths are counted wherever they are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .digits import whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ..found import Found

    Numbers = npt.NDArray[np.int64]

__all__ = ["Figures", "words"]

_MISSING, _HOM_REF, _HET, _HOM_ALT, _HAPLOID_REF, _HAPLOID_ALT = range(1, 7)
_UNCOUNTED = 7
_TAB = 9
# For each class a number whose byte, of eight, is 1: numbers added up count all classes at once.
_PACKED = np.uint64(1) << np.arange(0, 64, 8, dtype=np.uint64)
_AFTER = b":\t\n\r\0"
_GENOTYPE = re.compile(rb"[/|]?[0-9.]+(?:[/|][0-9.]+)*")


def words(data: bytes, size: int) -> npt.NDArray[Any]:
    """The ``size`` bytes from each byte of ``data`` on, as a number; ``data`` has eight more than are asked of."""
    return np.ndarray((len(data) - 7,), f"<u{size}", buffer=data, strides=(1,))


@cache
def _diploid() -> npt.NDArray[np.uint8]:
    """The class of a genotype by its first three bytes, 0 for what is none.  Few of its pages are ever touched."""
    table = np.zeros(1 << 24, np.uint8)
    for one in b".0123456789":
        for other in b".0123456789":
            for mark in b"/|":
                if 46 in (one, other):
                    kind = _MISSING
                elif one == other:
                    kind = _HOM_REF if one == 48 else _HOM_ALT
                else:
                    kind = _HET
                table[one | mark << 8 | other << 16] = kind
    return table


@cache
def _haploid() -> npt.NDArray[np.uint8]:
    table = np.zeros(1 << 16, np.uint8)
    for one in b".0123456789":
        for after in _AFTER:
            table[one | after << 8] = _MISSING if one == 46 else _HAPLOID_REF if one == 48 else _HAPLOID_ALT
    return table


@cache
def _ends() -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(_AFTER)] = True
    return table


class Figures:
    """Adds up what records have, a block at a time."""

    def __init__(self, samples: tuple[str, ...]) -> None:
        self._names = samples
        self.counts: dict[str, int] = dict.fromkeys(
            (
                "records",
                "snvs",
                "mnvs",
                "indels",
                "others",
                "unchanged",
                "multiallelic",
                "transitions",
                "transversions",
            ),
            0,
        )
        self._classes = np.zeros((len(samples), 8), np.int64)
        self._depth = np.zeros(len(samples), np.float64)
        self._depths = np.zeros(len(samples), np.int64)

    def add(self, name: str, more: int) -> None:
        """So many more of something."""
        self.counts[name] += int(more)

    def genotypes(self, padded: bytes, starts: Numbers, alleles: Numbers) -> None:
        """Genotypes that begin at ``starts`` (records by samples).  ``alleles`` (records by 2): the alleles that are
        substitutions, and those that are no change, as bits (-1 where each is one or the other).
        """
        word = words(padded, 4)[starts]
        kinds = _diploid()[word & 0xFFFFFF]
        kinds *= _ends()[word >> 24]
        if not kinds.all():
            other = kinds == 0
            kinds[other] = _haploid()[word[other] & 0xFFFF]
            for row, column in np.argwhere(kinds == 0).tolist():
                substituted, kept = alleles[row].tolist()
                kinds[row, column] = _class_of(padded, int(starts[row, column]), substituted, kept)
        self._classify(word, kinds, alleles)

    def even(self, padded: bytes, starts: Numbers, ends: Numbers, alleles: Numbers) -> npt.NDArray[np.bool_]:
        """Genotypes of records whose samples, from ``starts`` to ``ends``, are nothing but diploid genotypes of one
        digit each; where that is so.  Of the others nothing is counted.
        """
        width = 4 * len(self._names)
        even: npt.NDArray[np.bool_] = ends - starts == width - 1
        rows = np.flatnonzero(even)
        if not len(rows):
            return even
        spans = zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
        word = np.frombuffer(b"".join([padded[start : end + 1] for start, end in spans]), "<u4").reshape(len(rows), -1)
        kinds = _diploid().take(word & 0xFFFFFF, mode="clip")
        good = kinds.all(axis=1) & (word[:, :-1] >> 24 == _TAB).all(axis=1)
        if not good.all():
            even[rows[~good]] = False
            word, kinds, rows = word[good], kinds[good], rows[good]
        self._classify(word, kinds, alleles[rows])
        return even

    def _classify(self, word: Any, kinds: npt.NDArray[np.uint8], alleles: Numbers) -> None:
        """Count classes of genotypes (records by samples), whose first four bytes are ``word``."""
        mixed = np.flatnonzero(alleles[:, 1] != -1)
        if len(mixed):
            kinds[mixed] = _counted(word[mixed], kinds[mixed], alleles[mixed])
        for first in range(0, len(kinds), 255):  # what a byte counts to
            packed = _PACKED.take(kinds[first : first + 255], mode="clip").sum(axis=0, dtype=np.uint64)
            self._classes += packed.astype("<u8").view(np.uint8).reshape(-1, 8)

    def depths(self, padded: bytes, starts: Numbers, ends: Numbers) -> None:
        """Whole numbers from ``starts`` to ``ends`` (records by samples); what is none is left out."""
        value, whole = whole_numbers(padded, starts, ends, digits=9)
        self._depth += value.sum(axis=0)
        self._depths += whole.sum(axis=0)

    def tell(self, found: Found) -> None:
        """Hand over the figures."""
        for name, value in self.counts.items():
            found.metric(f"vcf.{name}", value)
        if self.counts["transversions"]:
            found.metric("vcf.ti_tv", self.counts["transitions"] / self.counts["transversions"])
        called = self._classes[:, 1:].sum(axis=1)
        if called.any():
            self._ratio(found.metric, "vcf.het_hom", self._classes[:, _HET], self._classes[:, _HOM_ALT])
            self._ratio(
                found.metric, "vcf.missing", self._classes[:, _MISSING], np.full(len(called), self.counts["records"])
            )
        if self._depths.any():
            self._ratio(found.metric, "vcf.depth", self._depth, self._depths)

    def _ratio(self, metric: Callable[..., None], name: str, parts: Any, wholes: Any) -> None:
        if wholes.sum():
            metric(name, parts.sum() / wholes.sum())
        for sample, part, whole in zip(self._names, parts.tolist(), wholes.tolist(), strict=True):
            if whole:
                metric(name, part / whole, of=sample)


def _counted(word: Any, kinds: npt.NDArray[np.uint8], alleles: Numbers) -> npt.NDArray[np.uint8]:
    """The classes without those of diploid genotypes that do not count, as their alleles are changes of other kinds."""
    bit = np.left_shift(1, np.arange(16, dtype=np.int64))
    called = bit[word & 0xF] | bit[(word >> 16) & 0xF]
    counts = ((called & alleles[:, :1]) != 0) | ((called & ~alleles[:, 1:]) == 0)
    changed = (_diploid()[word & 0xFFFFFF] != 0) & _ends()[word >> 24] & ((kinds == _HET) | (kinds == _HOM_ALT))
    return np.where(changed & ~counts, np.uint8(_UNCOUNTED), kinds)


def _class_of(padded: bytes, start: int, substituted: int, kept: int) -> int:
    """The class of a genotype that is neither diploid with one digit each nor haploid with one."""
    found = _GENOTYPE.match(padded, start, start + 4096)
    if found is None:
        return 0
    alleles = re.split(rb"[/|]", found[0].lstrip(b"/|"))
    if not all(each.isdigit() for each in alleles):
        return _MISSING
    numbers = [int(each[:4]) for each in alleles]
    if len(numbers) == 1:
        return _HAPLOID_ALT if numbers[0] else _HAPLOID_REF
    if not any(numbers):
        return _HOM_REF
    called = 0
    for number in numbers:
        called |= 1 << min(number, 62)
    if not called & substituted and called & ~kept:
        return _UNCOUNTED
    return _HOM_ALT if len(set(numbers)) == 1 else _HET
