"""What versions 4.1 to 4.5 of the specification reserve and allow: keys, Numbers, Types, names and values.

A *field* is what is known of a key of INFO or FORMAT: how many values it has, and of which Type.  Up to 4.2 the tables
are lists in prose; what they leave open is not held against a file (``?``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BASES", "Field", "VERSIONS", "Version", "genotypes", "reserved_format", "reserved_info"]

VERSIONS = ("4.1", "4.2", "4.3", "4.4", "4.5")
BASES = frozenset(b"ACGTNacgtn")

Version = tuple[int, int]


@dataclass(frozen=True)
class Field:
    """A key's Number and Type.  ``declared``: in this file's header.  ``reserved``: by the specification.
    ``least``: whether its values are never below 0.
    """

    number: str
    type: str
    declared: bool = True
    reserved: bool = False
    least: bool = False


def genotypes(alleles: int, ploidy: int) -> int:
    """How many genotypes there are of so many alleles: combinations with repetition (VCF 4.3, 1.6.2)."""
    found = 1
    for each in range(1, ploidy + 1):
        found = found * (alleles + each - 1) // each
    return found


def _table(text: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for row in text.split("\n"):
        number, kind, *keys = row.split() or ("", "")
        found |= dict.fromkeys(keys, (number, kind))
    return found


_INFO = _table(
    """1 String AA
    A Integer AC
    A Float AF
    1 Integer AN DP END MQ0 NS
    1 Float BQ
    A String CIGAR
    0 Flag DB H2 H3 SOMATIC VALIDATED 1000G IMPRECISE NOVEL
    1 ? MQ
    1 String SVTYPE DGVID DBVARID DBRIPID PARID EVENT
    . Integer SVLEN HOMLEN DPADJ CNADJ CICNADJ
    2 Integer CIPOS CIEND CILEN CICN
    . String HOMSEQ BKPTID MATEID
    4 String MEINFO METRANS
    1 Integer CN"""
)
_INFO_43 = _INFO | _table(
    """R Integer AD ADF ADR
    1 Float MQ
    4 Integer SB"""
)
_INFO_44 = {key: told for key, told in _INFO_43.items() if key not in ("DPADJ", "CNADJ", "CICNADJ")} | _table(
    """A Integer SVLEN HOMLEN RN
    A String HOMSEQ BKPTID DGVID DBVARID DBRIPID MATEID PARID EVENT EVENTTYPE SVCLAIM
    . Integer CIPOS CIEND CILEN RUL RB CIRB RUB
    . String MEINFO METRANS RUS
    A Float CN
    . Float CICN RUC CIRUC"""
)
_FORMAT = _table(
    """1 String GT FT
    1 Integer DP GQ MQ PQ PS CN NQ HAP AHAP
    A Integer EC
    G Float GL GP
    G Integer PL
    G String GLE
    2 Integer HQ
    1 Float CNQ
    . Float CNL"""
)
_FORMAT_43 = {key: told for key, told in _FORMAT.items() if key != "GLE"} | _table(
    """R Integer AD ADF ADR
    G Integer PP
    G Float CNL CNP"""
)
_FORMAT_44 = _FORMAT_43 | _table(
    """1 Float CN
    2 Float CICN
    P String PSL
    P Integer PSO PSQ"""
)
# LGL and LGP stand in the table as Integer, and in the text as what GL and GP are, which is Float: either is taken.
_FORMAT_45 = _FORMAT_44 | _table(
    """1 Integer LEN
    . Integer LA LAA
    LR Integer LAD LADF LADR
    LA Integer LEC
    LG ? LGL LGP
    LG Integer LPL LPP"""
)
_MODIFIED = re.compile(
    r"(DPM|ADM|M)(?:[0-9]+[ACGTUN]|5mC|5hmC|5fC|5caC|5hmU|5fU|5caU|6mA|8oxoG|[Xx]aoN)"  # VCF 4.5, table 2
)
_COUNTS = frozenset(("AC", "AN", "AF", "AD", "ADF", "ADR", "DP", "END", "MQ0", "NS", "PS", "LAA", "LEN"))


def _fields(table: Mapping[str, tuple[str, str]]) -> Mapping[str, Field]:
    return MappingProxyType(
        {key: Field(number, kind, False, True, key in _COUNTS) for key, (number, kind) in table.items()}
    )


_INFO_BY = {3: _fields(_INFO_43), 4: _fields(_INFO_44), 5: _fields(_INFO_44)}
_FORMAT_BY = {3: _fields(_FORMAT_43), 4: _fields(_FORMAT_44), 5: _fields(_FORMAT_45)}
_INFO_FIRST, _FORMAT_FIRST = _fields(_INFO), _fields(_FORMAT)


def reserved_info(version: Version, key: str) -> Field | None:
    """What is reserved for a key of INFO."""
    return _INFO_BY.get(version[1], _INFO_FIRST).get(key)


def reserved_format(version: Version, key: str) -> Field | None:
    """What is reserved for a key of FORMAT."""
    found = _FORMAT_BY.get(version[1], _FORMAT_FIRST).get(key)
    if found is None and version >= (4, 5) and (modified := _MODIFIED.fullmatch(key)):
        return Field("M", "Float" if modified[1] == "M" else "Integer", False, True)
    return found
