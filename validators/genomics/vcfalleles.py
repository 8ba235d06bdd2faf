"""Kinds of change: which of a record's alternate alleles is a substitution, an insertion, a deletion or something else.

The words are those of ``bcftools stats``, so that figures can be held against its figures; breakends are counted among
what is neither a substitution nor an insertion or a deletion, whatever they begin with.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Kinds", "kinds_of", "trimmed"]

_TRANSITIONS = frozenset(((b"A", b"G"), (b"G", b"A"), (b"C", b"T"), (b"T", b"C")))
_ACGT = (b"A", b"C", b"G", b"T")
# Alleles that are told apart in genotypes, as bits of a number.
_CALLED = 60


@dataclass(frozen=True)
class Kinds:
    """What a record's alternate alleles are: whether any is of a kind, and how many are transitions or transversions.

    ``same``: whether one is the reference or another one.  ``substituted`` and ``kept``: the alleles, as bits, that are
    substitutions, and those that are no change at all, the reference among them; -1 where each allele is either.
    """

    snv: bool
    mnv: bool
    indel: bool
    other: bool
    nothing: bool
    transitions: int
    transversions: int
    same: bool
    substituted: int
    kept: int


def kinds_of(ref: bytes, alt: bytes) -> Kinds:
    """The kinds of a record's alternate alleles, which stand in ``alt`` with commas between them."""
    ref = ref.upper()
    alts = [each if each[:1] == b"<" else each.upper() for each in alt.split(b",")]
    kinds = [_kind(ref, each) for each in alts]
    steps = [(ref[:1], each[:1]) for each, kind in zip(alts, kinds, strict=True) if kind == "snv"]
    steps = [(one, other) for one, other in steps if one in _ACGT and other in _ACGT and one != other]
    transitions = sum(step in _TRANSITIONS for step in steps)
    bases = [each for each in alts if each[:1] not in (b"<", b".")]
    return Kinds(
        "snv" in kinds,
        "mnv" in kinds,
        "indel" in kinds,
        "other" in kinds or "breakend" in kinds,
        all(kind == "nothing" for kind in kinds),
        transitions,
        len(steps) - transitions,
        ref in bases or len(set(bases)) < len(bases),
        sum(2 << place for place, kind in enumerate(kinds[:_CALLED]) if kind == "snv"),
        -1
        if {*kinds} <= {"snv", "nothing"}
        else 1 + sum(2 << i for i, kind in enumerate(kinds[:_CALLED]) if kind == "nothing"),
    )


def _kind(ref: bytes, alt: bytes) -> str:
    if alt in (b".", b"<*>", b"<X>", b"<NON_REF>", b"*", ref) or (len(ref) == 1 and alt == b"X"):
        return "nothing" if alt != b"*" else "overlap"
    if alt[:1] in b"<[]" or b"[" in alt or b"]" in alt:
        return "other" if alt[:1] == b"<" else "breakend"
    first = 0
    while first < len(ref) and first < len(alt) and ref[first] == alt[first]:
        first += 1
    one, other = ref[first:], alt[first:]
    if not one or not other:
        return "indel"
    last = 0
    while last < len(one) - 1 and last < len(other) - 1 and one[-1 - last] == other[-1 - last]:
        last += 1
    one, other = one[: len(one) - last], other[: len(other) - last]
    if len(one) == len(other):
        return "snv" if len(one) == 1 else "mnv"
    return "indel" if min(len(one), len(other)) == 1 and one[-1] == other[-1] else "other"


def trimmed(position: int, ref: bytes, alt: bytes) -> tuple[int, bytes, bytes]:
    """A change without the bases that both alleles share, wherever they were added for context."""
    ref, alt = ref.upper(), alt.upper()
    least = min(len(ref), len(alt))
    last = 0
    while last < least and ref[-1 - last] == alt[-1 - last]:
        last += 1
    ref, alt = ref[: len(ref) - last], alt[: len(alt) - last]
    first = 0
    while first < min(len(ref), len(alt)) and ref[first] == alt[first]:
        first += 1
    return position + first, ref[first:], alt[first:]
