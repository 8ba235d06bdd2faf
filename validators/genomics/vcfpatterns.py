"""Patterns that whole records match when nothing is wrong with them.

One regular expression stands for all records with the same FORMAT and the same number of alternate alleles, made of
what the header declares and of what the file has used so far.  ``vcfmatching`` matches them in time that grows with
the bytes alone; whatever does not match is looked at by ``vcfrecord``, which decides.  A pattern may therefore be too
strict, and never too lax: counts over ``_MOST``, local alleles and odd ploidies are left to the exact way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .vcfspec import genotypes
from .vcfvalues import ALLELE, FLOAT_NEW, FLOAT_OLD, SYMBOL

if TYPE_CHECKING:
    from .vcfrecord import Judge
    from .vcfsample import Shape
    from .vcfspec import Field

__all__ = ["Patterns"]

# Repetitions in a pattern are written out in its program.
_MOST = 120
_SHAPES = 256
_INTEGER, _NATURAL = r"[-+]?[0-9]{1,9}", r"\+?[0-9]{1,9}"
_NOTHING = r"\."
_QUAL = r"(?:\.|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
_BREAKENDS = ALLELE.replace(SYMBOL + "|", "")


class Patterns:
    """The patterns of one file, made again when the file uses what it has not used before."""

    def __init__(self, judge: Judge) -> None:
        self._judge, self._header, self._used = judge, judge.header, judge.used
        self._new = judge.new
        self._made: dict[tuple[tuple[int, ...], bytes | None], tuple[int, str]] = {}

    def of(self, counts: tuple[int, ...], text: bytes | None) -> str | None:
        """The pattern for so many alternate alleles and a FORMAT; ``None`` where there is none, or none yet."""
        shape = None if text is None else self._judge.samples.known(text)
        if (shape is None) != (text is None) or (shape is not None and shape.wrong):
            return None
        key = (counts, text)
        made = self._made.get(key)
        if made is None or made[0] != self._used.grown:
            if len(self._made) >= _SHAPES:
                self._made.clear()
            self._made[key] = made = (self._used.grown, self._record(counts, text, shape))
        return made[1]

    def _record(self, counts: tuple[int, ...], text: bytes | None, shape: Shape | None) -> str:
        chrom = r"[0-9A-Za-z_.][0-9A-Za-z_.+*:|-]*" if self._new else r"[0-9A-Za-z_.][0-9A-Za-z_.+*|-]*"
        symbols = "".join("|" + re.escape(each.decode("latin-1")) for each in sorted(self._used.symbols))
        allele = f"(?:{_BREAKENDS}{symbols})"
        alt = r"\." if counts[0] == 0 else allele + _again("," + allele, counts[0] - 1)
        filters = "".join("|" + re.escape(each.decode("latin-1")) for each in sorted(self._used.filters))
        columns = [chrom, "[0-9]{1,18}", r"[^\s;\x0b]+", "[ACGTNacgtn]+", alt, _QUAL, rf"(?:\.|PASS{filters})"]
        before = "^" + r"\t".join(columns) + r"\t"
        if shape is None or text is None:
            return before + self._infos(counts, r"\r?\n") + "$"
        samples = rf"(?:\t{self._sample(shape, counts)})+" if self._header.samples else ""
        return before + self._infos(counts, r"\t") + re.escape(text.decode("latin-1")) + samples + r"\r?\n?$"

    def ordered(self, text: bytes | None) -> bool:
        """Whether the pattern for a FORMAT lets no key of INFO be there twice.

        It is told from the keys' order, and where INFO ends by what follows: a FORMAT that begins with GT is no sample.
        """
        return self._used.order is not None and (text is None or text.partition(b":")[0] == b"GT")

    def _infos(self, counts: tuple[int, ...], end: str) -> str:
        """INFO and what ends it."""
        known = {name: self._info(name, field, counts) for name, field in self._used.infos.items()}
        if self._used.order is not None:
            keys = "".join(f"(?:{known[name]}(?:;|{end}))?" for name in self._used.order if name in known)
            return rf"(?:\.{end}|{keys})"
        every = "|".join(known.values())
        return rf"(?:\.|(?:{every})(?:;(?:{every}))*){end}"

    def _info(self, name: str, known: Field | None, counts: tuple[int, ...]) -> str:
        key = re.escape(name)
        told = self._used.told
        text = r"\t\n\r;,\x0b\x0c" + ("" if self._new else " ") + ("" if ("equals", name) in told else "=")
        if known is not None and known.type == "Flag":
            return key + ("(?:=[01])?" if ("flag", name) in told else "")
        one = self._one(known, text, name)
        if known is None:
            return f"{key}(?:={_several(one, None)})?"
        if known.type == "?":
            return f"{key}(?:={_several(one, self._numbers(known.number, counts, None))})?"
        return f"{key}={_several(one, self._numbers(known.number, counts, None))}"

    def _one(self, known: Field | None, excluded: str, name: str) -> str:
        match None if known is None else known.type:
            case "Integer":
                return _NATURAL if known is not None and known.least else _INTEGER
            case "Float":
                pattern = FLOAT_NEW if self._new else FLOAT_OLD
                return pattern.replace("[-+]?", r"\+?", 1) if known is not None and known.least else pattern
            case "Character":
                return r"[!-$&-+\--9<>-~]"
            case _ if name == "CIGAR" and known is not None and known.reserved:
                return "(?:[0-9]+[MIDNSHPX=])+"
            case _:
                if self._new and ("percent", name) not in self._used.told:
                    return rf"(?:[^%{excluded}]|%[0-9A-F][0-9A-F])+"
                return rf"[^{excluded}]+"

    def _numbers(self, number: str, counts: tuple[int, ...], ploidy: int | None) -> set[int] | None:
        match number:
            case "A":
                return {*counts}
            case "R":
                return {count + 1 for count in counts}
            case "G":
                return None if ploidy is None else {genotypes(count + 1, ploidy) for count in counts}
            case "P":
                return None if ploidy is None else {ploidy}
            case "LA" | "LR" | "LG" | "M":
                return {0}
            case _:
                return {int(number)} if number.isdigit() and int(number) else None

    def _sample(self, shape: Shape, counts: tuple[int, ...]) -> str:
        if shape.keys[0] != "GT":
            return self._values(shape, counts, 2, 0)
        most = 1 if counts == (0, 1) and ("allele", "1") in self._used.told else counts[0]
        digits = f"[0-{most}]" if most < 10 else "(?:" + "|".join(map(str, range(most, -1, -1))) + ")"
        allele = rf"(?:\.|{digits})"
        before = "[/|]?" if self._header.version >= (4, 4) else ""
        if not any(field is not None and field.number in ("G", "P") for field in shape.fields):
            return rf"(?:{before}{allele}(?:[/|]{allele})*{self._values(shape, counts, None, 1)})"
        return (
            rf"(?:{before}{allele}[/|]{allele}{self._values(shape, counts, 2, 1)}"
            rf"|{before}{digits}{self._values(shape, counts, 1, 1)}|\.{self._values(shape, counts, None, 1)})"
        )

    def _values(self, shape: Shape, counts: tuple[int, ...], ploidy: int | None, first: int) -> str:
        """The values from the key ``first`` on, of which the last ones may be dropped."""
        found = ""
        for key, known in reversed(list(zip(shape.keys[first:], shape.fields[first:], strict=True))):
            one = self._one(known, r"\t\n\r:,\x0b\x0c", key)
            numbers = None if known is None else self._numbers(known.number, counts, ploidy)
            found = f"(?::{_several(one, numbers)}{found})?"
        return found if first else found.removeprefix("(?::").removesuffix(")?")


def _several(one: str, numbers: set[int] | None) -> str:
    """So many values, each of which may be missing, or a dot for all of them."""
    value = rf"(?:\.|{one})"
    if numbers is None:
        return f"{value}(?:,{value})*"
    ways = {value + _again("," + value, number - 1) for number in numbers if 0 < number <= _MOST}
    return "(?:" + "|".join(sorted({_NOTHING, *ways})) + ")"


def _again(what: str, times: int) -> str:
    return "" if times == 0 else f"(?:{what}){{{times}}}"
