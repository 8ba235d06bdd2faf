"""The grammar of header fields and of records as lines of text (SAM 1.6, 1.3 to 1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

__all__ = ["CIGAR", "COLUMN", "FIELD", "LINES", "NAME", "FieldRule", "field_rules", "older_name"]

NAME = rb"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*+"
"""A reference's name, SAM 1.6, 1.2.1."""

CIGAR = rb"(?:[0-9]{1,9}+[MIDNSHPX=])++"
"""A CIGAR that is not ``*``; no number in it is longer than a reference can be."""

_OLDER_NAME = re.compile(rb"[!-)+-<>-~][!-~]*")
_POSITION = rb"(?:0|[1-9][0-9]{0,8}+|1[0-9]{9}+|20[0-9]{8}+|21[0-3][0-9]{7}+|214[0-6][0-9]{6}+|2147[0-3][0-9]{5}+"
_POSITION += rb"|21474[0-7][0-9]{4}+|214748[0-2][0-9]{3}+|2147483[0-5][0-9]{2}+|21474836[0-3][0-9]|214748364[0-7])"
_FLOAT = rb"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_FLAG = rb"(?:0|[1-9][0-9]{0,3}+|[1-5][0-9]{4}+|6[0-4][0-9]{3}+|65[0-4][0-9]{2}+|655[0-2][0-9]|6553[0-5])"
_MAPQ = rb"(?:0|[1-9][0-9]?+|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"

# The alternatives of a number stand from short to long, and what follows decides: none of them is taken back as a whole
# once a tab was found behind it.
COLUMN = tuple(
    re.compile(pattern)
    for pattern in (
        rb"[!-?A-~]{1,254}",
        _FLAG,
        rb"\*|" + NAME,
        _POSITION,
        _MAPQ,
        rb"\*|" + CIGAR,
        rb"\*|=|" + NAME,
        _POSITION,
        rb"(?:-(?!0))?" + _POSITION,
        rb"\*|[A-Za-z=.]+",
        rb"[!-~]+",
    )
)
"""What each of the eleven columns is."""

_VALUES = (
    rb"A:[!-~]",
    rb"i:[-+]?[0-9]++",
    rb"f:" + _FLOAT,
    rb"Z:[ -~]*+",
    rb"H:(?:[0-9A-F][0-9A-F])*+",
    rb"B:[cCsSiIf](?:," + _FLOAT + rb")*+",
)

FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9]:(?:" + rb"|".join(_VALUES) + rb")")
"""An optional field."""

LINES = re.compile(
    rb"(?:"
    + rb"\t".join(rb"(?:" + pattern.pattern + rb")" for pattern in COLUMN)
    + rb"(?:\t"
    + FIELD.pattern
    + rb")*\n)*+"
)
"""As many records as follow one another, each with its newline: one match for a whole block."""


@dataclass(frozen=True)
class FieldRule:
    """What the value of a header field is, in a pattern and in words; ``anyhow``: whether the letters' case alone may
    differ, which is a matter of spelling.
    """

    pattern: re.Pattern[bytes]
    expected: str
    anyhow: bool = False
    stripped: bool = False

    def fits(self, value: bytes) -> bool:
        """Whether a value is so."""
        return bool(self.pattern.fullmatch(value)) and (self.expected != _DATE or _is_date(value))

    def nearly(self, value: bytes) -> bool:
        """Whether it is but for its spelling."""
        return (self.anyhow and (self.fits(value.upper()) or self.fits(value.lower()))) or (
            self.stripped and value != value.strip() and self.fits(value.strip())
        )


_DATE = "an ISO 8601 date or date and time"
_PLATFORMS = (
    "CAPILLARY", "DNBSEQ", "ELEMENT", "HELICOS", "ILLUMINA", "IONTORRENT", "LS454", "ONT", "PACBIO", "SINGULAR",
    "SOLID", "ULTIMA",
)  # fmt: skip


def _rule(pattern: bytes, expected: str, *, anyhow: bool = False, stripped: bool = False) -> FieldRule:
    return FieldRule(re.compile(pattern), expected, anyhow, stripped)


def _one_of(*values: str, anyhow: bool = False) -> FieldRule:
    return _rule("|".join(values).encode(), "one of " + ", ".join(values), anyhow=anyhow)


_LENGTH = rb"(?!0)" + _POSITION
_RULES = {
    (b"HD", b"VN"): _rule(rb"[0-9]+\.[0-9]+", "a version such as 1.6"),
    (b"HD", b"SO"): _one_of("unknown", "unsorted", "queryname", "coordinate"),
    (b"HD", b"GO"): _one_of("none", "query", "reference"),
    (b"HD", b"SS"): _rule(rb"(?:coordinate|queryname|unsorted)(?::[A-Za-z0-9_-]+)+", "an order, and terms behind it"),
    (b"SQ", b"SN"): _rule(NAME, "a name without brackets, quotes, commas or blanks"),
    (b"SQ", b"LN"): _rule(_LENGTH, "a number from 1 to 2147483647"),
    (b"SQ", b"AH"): _rule(
        rb"\*|[0-9A-Za-z!#$%&+./;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*", "*, a name, or name:start-end"
    ),
    (b"SQ", b"AN"): _rule(NAME + rb"(?:," + NAME + rb")*", "names with commas between"),
    (b"SQ", b"M5"): _rule(rb"[0-9a-f]{32}", "32 hexadecimal digits in lower case", anyhow=True),
    (b"SQ", b"TP"): _one_of("linear", "circular", anyhow=True),
    (b"RG", b"BC"): _rule(rb"[A-Za-z.*=]+(?:[-+_ ][A-Za-z.*=]+)*", "bases, with hyphens between several barcodes"),
    (b"RG", b"DT"): _rule(rb"[0-9T:.,+Z WM-]+", _DATE, stripped=True),
    (b"RG", b"FO"): _rule(rb"\*|[ACMGRSVTWYHKDBN]+", "* or bases"),
    (b"RG", b"KS"): _rule(rb"\*|[ACMGRSVTWYHKDBN]+", "bases", anyhow=True),
    (b"RG", b"PI"): _rule(rb"[-+]?[0-9]+", "a whole number"),
    (b"RG", b"PL"): _one_of(*_PLATFORMS, anyhow=True),
}


def field_rules(kind: bytes, tag: bytes) -> FieldRule | None:
    """What is asked of the field ``tag`` in lines of the kind ``kind``, if anything is."""
    return _RULES.get((kind, tag))


def older_name(value: bytes) -> bool:
    """Whether a reference may have had that name before SAM 1.6, with any punctuation."""
    return bool(_OLDER_NAME.fullmatch(value))


def _is_date(value: bytes) -> bool:
    try:
        datetime.fromisoformat(value.decode("ascii").replace(",", "."))
    except ValueError:
        return bool(re.fullmatch(rb"[0-9]{4}(?:-(?:0[1-9]|1[0-2]))?", value))  # a year or a month is a date as well
    return True
