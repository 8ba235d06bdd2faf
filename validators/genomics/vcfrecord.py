"""One record of a VCF file, looked at exactly: what the patterns of ``vcfpatterns`` do not take for granted.

It tells what is wrong, and remembers what the file uses (keys, filters, symbols), so that the next record which uses
the same is known by its pattern.  What is worth one word in a file and not one a record is told the first time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING

from . import vcfcodes as codes
from .vcfcodes import mild
from .vcfheader import COLUMNS
from .vcfsample import Samples
from .vcfspec import Field, reserved_info
from .vcfvalues import ALLELE, CHROM_NEW, CHROM_OLD, FLOAT_NEW, FLOAT_OLD, SYMBOL, pieces, wrong_percent, wrong_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..findings import Code
    from .vcfheader import Header

__all__ = ["Alleles", "Judge", "Used", "alleles_of"]

_ALLELE, _SYMBOL = re.compile(ALLELE.encode()), re.compile(SYMBOL.encode())
_BASES = re.compile(rb"[ACGTNacgtn]+")
_SPACE = re.compile(rb"[\s\x0b\x0c]")
_INFO_NAME = re.compile(rb"[A-Za-z_][0-9A-Za-z_.]*|1000G")
_INFO_OLD = re.compile(rb"[^\s;=,]+")
# So many different things are remembered of a file; what it uses beyond them is looked at again and again.
_REMEMBERED = 4096


@dataclass
class Used:
    """What records have used so far, each checked once: keys of INFO, whole FILTER columns, symbolic alleles, and what
    has been told of and is let pass (``told``).  ``order``: one in which all records have the keys of INFO so far,
    ``None`` where there is none; ``before``: which keys stand right before each.  ``grown``: counts what was added.
    """

    infos: dict[str, Field | None] = field(default_factory=dict)
    filters: set[bytes] = field(default_factory=set)
    symbols: set[bytes] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)
    order: tuple[str, ...] | None = ()
    before: dict[str, set[str]] = field(default_factory=dict)
    grown: int = 0

    def once(self, what: str, which: str) -> bool:
        """Whether this is the first time."""
        if (what, which) in self.told or len(self.told) >= 1 << 20:
            return False
        self.told.add((what, which))
        self.grown += 1
        return True

    def follow(self, keys: Sequence[str]) -> None:
        """Learn from a record in which order keys of INFO stand."""
        new = [key for key in keys if key not in self.before]
        self.before |= {key: set() for key in new}
        pairs = [(one, other) for one, other in pairwise(keys) if one not in self.before[other]]
        for one, other in pairs:
            self.before[other].add(one)
        if self.order is not None and (new or pairs):
            try:
                self.order = tuple(TopologicalSorter(self.before).static_order())
            except CycleError:
                self.order = None
            self.grown += 1


@dataclass(frozen=True)
class Alleles:
    """REF, ALT, and how many alternate alleles that may stand for: a lone dot is none, and is met counted as one."""

    ref: bytes
    alts: Sequence[bytes]
    counts: tuple[int, ...]


def alleles_of(ref: bytes, alt: bytes) -> Alleles:
    """The alleles of a record."""
    alts = alt.split(b",")
    return Alleles(ref, alts, (0, 1) if alts == [b"."] else (len(alts),))


class Judge:
    """Looks at records of one file, one by one; ``add`` is ``Found.add``."""

    def __init__(self, header: Header, add: Callable[..., None]) -> None:
        self.header, self.used = header, Used()
        self.new = header.version >= (4, 3)
        self._add = add
        self._line, self._record = 0, ""
        self._chrom = re.compile((CHROM_NEW if self.new else CHROM_OLD).encode())
        self._float = re.compile((FLOAT_NEW if self.new else FLOAT_OLD).encode())
        self.samples = Samples(header, self.used, self._tell)

    def _tell(self, code: Code, message: str, column: str, *, seen: object = None, expected: object = None) -> None:
        self._add(code, message, line=self._line, column=column, record=self._record, seen=seen, expected=expected)

    def record(self, line: bytes, number: int) -> None:
        """Tell what is wrong with a record, which has as many fields as there are columns."""
        parts = line.removesuffix(b"\r").split(b"\t", 9)
        self._line = number
        self._record = b":".join(each[:80] for each in parts[:2]).decode("utf-8", "backslashreplace")
        for name, part in zip((*COLUMNS, "FORMAT"), parts, strict=False):
            if not part:
                self._tell(codes.EMPTY, "a field is empty", name.lstrip("#"))
        chrom, pos, names, ref, alt, qual, filters, info = parts[:8]
        alleles = alleles_of(ref, alt)
        if chrom and not self._chrom.fullmatch(chrom):
            self._tell(codes.CHROM, "CHROM has characters that it may not have", "CHROM", seen=chrom)
        position = self._position(pos)
        if names not in (b"", b"."):
            self._names(names)
        if ref and not _BASES.fullmatch(ref):
            self._tell(codes.REF, "REF is not of the bases A, C, G, T and N", "REF", seen=ref, expected="ACGTN")
        self._alts(alleles)
        self._quality(qual)
        self._filters(filters)
        if info not in (b"", b"."):
            self._info(info, alleles, position)
        if len(parts) > 8 and parts[8]:
            self.samples.check(parts[8], parts[9] if len(parts) > 9 else None, alleles)

    def _position(self, pos: bytes) -> int | None:
        if pos.isdigit() and len(pos) < 20:
            return int(pos)
        if pos:
            self._tell(codes.POS, "POS is no whole number from 0", "POS", seen=pos)
        return None

    def _names(self, names: bytes) -> None:
        once: set[bytes] = set()
        if _SPACE.search(names):
            self._tell(codes.ID, "an identifier has white space", "ID", seen=names)
        for name in pieces(names, b";"):
            if name in (b"", b"."):
                self._tell(codes.ID, "an identifier is missing from the list", "ID", seen=names)
                return
            if name in once:
                code = codes.ID if self.new else mild(codes.ID)
                self._tell(code, "an identifier is there twice", "ID", seen=name)
                return
            once.add(name)

    def _alts(self, alleles: Alleles) -> None:
        if alleles.alts in ([b"."], [b""]):
            return
        once = {alleles.ref.upper()}
        for alt in alleles.alts:
            if not _ALLELE.fullmatch(alt):
                self._tell(codes.ALT, "an allele is not bases, *, a symbol or a breakend", "ALT", seen=alt)
                continue
            if _SYMBOL.fullmatch(alt):
                self._symbol(alt)
            elif alt.upper() in once:
                self._tell(codes.SAME_ALT, "an allele is the reference or another one", "ALT", seen=alt)
            once.add(alt.upper())

    def _symbol(self, alt: bytes) -> None:
        if alt in self.used.symbols:
            return
        name = alt[1:-1].decode("utf-8", "replace")
        if name != "*" and name not in self.header.alts and self.used.once("ALT", name):
            self._tell(codes.UNKNOWN_ALT, f"the symbolic allele {name} is not declared", "ALT", seen=alt)
        if len(self.used.symbols) < _REMEMBERED:
            self.used.symbols.add(alt)
            self.used.grown += 1

    def _quality(self, qual: bytes) -> None:
        if qual in (b"", b"."):
            return
        if not self._float.fullmatch(qual):
            self._tell(codes.QUAL, "QUAL is no number", "QUAL", seen=qual)
        elif qual.startswith(b"-") and float(qual) < 0:
            self._tell(codes.QUAL, "QUAL is below 0", "QUAL", seen=qual)

    def _filters(self, filters: bytes) -> None:
        if filters in self.used.filters or filters in (b"", b".", b"PASS"):
            return
        wrong = None
        names = filters.split(b";") if len(filters) < 1 << 16 else [filters]
        if _SPACE.search(filters):
            wrong = "a filter has white space"
        elif b"" in names or b"." in names:
            wrong = "a filter is missing from the list"
        elif b"0" in names:
            wrong = "0 is no filter's name"
        elif len(set(names)) < len(names) and self.new:
            wrong = "a filter is there twice"
        if wrong is not None:
            self._tell(codes.FILTER, wrong, "FILTER", seen=filters)
            return
        if b"PASS" in names or len(set(names)) < len(names):
            self._tell(mild(codes.FILTER), "PASS stands beside other filters, or one is there twice", "FILTER",
                       seen=filters)  # fmt: skip
        for name in names:
            text = name.decode("utf-8", "replace")
            if text not in self.header.filters and self.used.once("FILTER", text):
                self._tell(codes.UNKNOWN_FILTER, f"the filter {text} is not declared", "FILTER", seen=name)
        if len(self.used.filters) < _REMEMBERED and len(filters) < 1 << 10:
            self.used.filters.add(filters)
            self.used.grown += 1

    def _info(self, info: bytes, alleles: Alleles, position: int | None) -> None:
        once: dict[bytes, None] = {}
        twice = False
        for part in pieces(info, b";"):
            key, equals, value = part.partition(b"=")
            if not key:
                self._tell(codes.INFO, "between two semicolons, or after the last, there is no key", "INFO", seen=info)
                continue
            name = key.decode("utf-8", "backslashreplace")
            if not (_INFO_NAME if self.new else _INFO_OLD).fullmatch(key):
                self._tell(codes.INFO, "a key has characters that it may not have", "INFO", seen=key)
                continue
            if key in once:
                code = codes.INFO_TWICE if self.new else mild(codes.INFO_TWICE)
                self._tell(code, f"{name} is there twice", "INFO", seen=name)
                twice = True
            once[key] = None
            known = self._key(name)
            if known is not None and known.type == "Flag":
                self._flag(name, known, value if equals else None)
            elif not equals:
                # A key that nothing tells of may be a flag.
                if known is not None and known.type != "?":
                    self._tell(codes.INFO_FLAG, f"{name} is no flag and has no value", "INFO", seen=part)
            elif not value:
                self._tell(codes.INFO_FLAG, f"the value of {name} is empty", "INFO", seen=part)
            else:
                self._value(name, value, known, alleles)
                if name == "END" and position is not None:
                    self._end(value, position)
        if not twice and len(self.used.before) + len(once) < _REMEMBERED:
            self.used.follow([key.decode("utf-8", "backslashreplace") for key in once])

    def _key(self, name: str) -> Field | None:
        if name in self.used.infos:
            return self.used.infos[name]
        known = self.header.infos.get(name)
        if known is None:
            known = reserved_info(self.header.version, name)
            if self.used.once("INFO", name):
                self._tell(codes.UNKNOWN_INFO, f"the key {name} is not declared", "INFO", seen=name)
        if len(self.used.infos) < _REMEMBERED:
            self.used.infos[name] = known
            self.used.grown += 1
        return known

    def _flag(self, name: str, known: Field, value: bytes | None) -> None:
        if value is None:
            return
        # "It is not necessary to list all the properties that a site does NOT have, by e.g. H2=0" (VCF 4.2, 1.4.1).
        harmless = value in (b"0", b"1") and (known.reserved or not self.new)
        if not harmless:
            self._tell(codes.INFO_FLAG, f"{name} is a flag and has a value", "INFO", seen=value)
        elif self.used.once("flag", name):
            self._tell(mild(codes.INFO_FLAG), f"{name} is a flag and has a value", "INFO", seen=value)

    def _value(self, name: str, value: bytes, known: Field | None, alleles: Alleles) -> None:
        if not self.new and _SPACE.search(value):
            self._tell(codes.INFO, f"the value of {name} has white space", "INFO", seen=value)
        if wrong_percent(value, self.header.version) and self.used.once("percent", name):
            self._tell(codes.PERCENT, f"a value of {name} has a percent sign that begins no code", "INFO", seen=value)
        quoted = len(value) > 1 and value.startswith(b'"') and value.endswith(b'"')
        if (b"=" in value or (quoted and b"," in value)) and self.used.once("equals", name):
            self._tell(codes.INFO_TEXT, f"a value of {name} has a = or a quoted comma in it", "INFO", seen=value)
        if known is None or value == b".":
            return
        count, wrong = 0, None
        for one in [value] if quoted else pieces(value, b","):
            count += 1
            if one != b"." and wrong is None:
                wrong = "empty" if not one else wrong_value(one, known, self.header.version, name)
                if wrong is not None:
                    self._tell(codes.INFO_TYPE, f"a value of {name} is {wrong}", "INFO", seen=one, expected=known.type)
        allowed = _counts(known.number, alleles)
        if allowed is not None and count not in allowed:
            self._tell(codes.INFO_NUMBER, f"{name} has {count} values", "INFO", seen=value,
                       expected=f"Number={known.number}: " + " or ".join(map(str, sorted(allowed))))  # fmt: skip

    def _end(self, value: bytes, position: int) -> None:
        if value.isdigit() and len(value) < 20 and int(value) < position:
            self._tell(codes.END, "END is before POS", "INFO", seen=int(value), expected=f"at least {position}")


def _counts(number: str, alleles: Alleles) -> set[int] | None:
    """How many values of a key of INFO there may be; ``None`` where any number may."""
    if number.isdigit():
        return {int(number)} if int(number) else None
    extra = {"A": 0, "R": 1}.get(number)
    return None if extra is None else {count + extra for count in alleles.counts}
