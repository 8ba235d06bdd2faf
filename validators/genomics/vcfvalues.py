"""Single values of a VCF record: what a number, a character, an allele and a name look like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .vcfspec import Field, Version

__all__ = [
    "ALLELE",
    "CHROM_NEW",
    "CHROM_OLD",
    "FLOAT_NEW",
    "FLOAT_OLD",
    "GENOTYPE_NEW",
    "GENOTYPE_OLD",
    "INTEGER",
    "SYMBOL",
    "pieces",
    "wrong_percent",
    "wrong_value",
]

INTEGER = r"[-+]?[0-9]+"
FLOAT_NEW = r"[-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
# Before 4.3 nothing says how a number is written: a dot may also be its last character.
FLOAT_OLD = (
    r"[-+]?(?:(?:[0-9]*\.?[0-9]+|[0-9]+\.)(?:[eE][-+]?[0-9]+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
)
SYMBOL = r"<[^\s,<>]+>"
_MATE = r"(?:<[^\s<>,]+>|[^\s<>\[\],]+):[0-9]+"
_JOINED = r"(?:[ACGTNacgtn]+|\.)"
ALLELE = (
    r"(?:[ACGTNacgtn]+|\*|" + SYMBOL + "|"
    # Joined with a mate after or before; a single breakend; bases and then a contig of the assembly file.
    + _JOINED + r"(?:\[" + _MATE + r"\[|\]" + _MATE + r"\])|(?:\[" + _MATE + r"\[|\]" + _MATE + r"\])" + _JOINED
    + r"|\.[ACGTNacgtn]+|[ACGTNacgtn]+\.|[ACGTNacgtn]+<[^\s,<>]+>|<[^\s,<>]+>[ACGTNacgtn]+)"
)  # fmt: skip
CHROM_OLD = r"(?:<[^\s<>:,]+>|[^\s<>:,]+)"
CHROM_NEW = r"(?:<[^\s,<>]+>|[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*)"
GENOTYPE_OLD = r"(?:\.|[0-9]+)(?:[/|](?:\.|[0-9]+))*"
GENOTYPE_NEW = r"[/|]?" + GENOTYPE_OLD

_INTEGER = re.compile(INTEGER.encode())
_FLOATS = re.compile(FLOAT_OLD.encode()), re.compile(FLOAT_NEW.encode())
_CIGAR = re.compile(rb"(?:[0-9]+[MIDNSHPX=])+")
_PERCENT = re.compile(rb"%(?![0-9A-F]{2})")
# More than this is not held as a list of pieces, each of which is an object of its own.
_LONG = 1 << 20


def wrong_value(value: bytes, field: Field, version: Version, key: str) -> str | None:
    """What is wrong with a value that is not missing."""
    match field.type:
        case "Integer":
            if not _INTEGER.fullmatch(value):
                return "no whole number"
            number = int(value) if len(value) < 20 else 1 << 40
            if not -(1 << 31) <= number < 1 << 31:
                return "no number of 32 bits"
            if version >= (4, 3) and number < -(1 << 31) + 8:
                return "a number that BCF has no place for"
            return "below 0" if field.least and number < 0 else None
        case "Float":
            if not _FLOATS[version >= (4, 3)].fullmatch(value):
                return "no number"
            return "below 0" if field.least and value.startswith(b"-") and float(value) < 0 else None
        case "Character":
            return None if _one_character(value) else "more than one character"
        case _:
            if key == "CIGAR" and field.reserved and not _CIGAR.fullmatch(value):
                return "no CIGAR"
            return None


def _one_character(value: bytes) -> bool:
    if len(value) == 1 or (len(value) == 3 and value.startswith(b"%")):
        return True
    return len(value) <= 4 and len(value.decode("utf-8", "replace")) == 1


def wrong_percent(value: bytes, version: Version) -> bool:
    """Whether there is a percent sign that begins no character's code."""
    return version >= (4, 3) and b"%" in value and _PERCENT.search(value) is not None


def pieces(text: bytes, separator: bytes) -> Iterator[bytes]:
    """What stands between separators, one after the other."""
    if len(text) < _LONG:
        yield from text.split(separator)
        return
    place = 0
    while (end := text.find(separator, place)) >= 0:
        yield text[place:end]
        place = end + 1
    yield text[place:]
