"""Types of columns: a few words that mean the same for Polars, pandas, Arrow and text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

__all__ = ["NUMERIC", "SPANS", "TEMPORAL", "TYPES", "accepts", "name_of", "widest"]

SPANS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
        **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    }
)
"""The least and the greatest number of each type of whole numbers."""

_EXACT = {"float32": 24, "float64": 53}  # bits of a mantissa: so large a whole number it holds exactly
TEMPORAL = frozenset({"date", "datetime", "time", "duration"})
NUMERIC = frozenset({"integer", "number", *SPANS, *_EXACT})

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "any": "Anything.",
        "boolean": "True or false.",
        "integer": "A whole number, however it is stored.",
        "number": "Any number, however it is stored.",
        **{name: f"A whole number that {name} holds." for name in SPANS},
        **{name: f"A number that {name} holds." for name in _EXACT},
        "string": "Text.",
        "date": "A day.",
        "datetime": "A day and a time, with a zone or without.",
        "time": "A time of day.",
        "duration": "A length of time.",
        "binary": "Bytes.",
        "other": "Something nested, or of another library's making.",
    }
)
"""Every type that a column may be declared to be, with a sentence."""


def accepts(wanted: str, there: str) -> bool:
    """Whether whatever is of the type ``there`` is of the type ``wanted`` too.

    A whole number passes for a number, and a narrower type for a wider one; text never passes for a number.
    """
    if wanted in ("any", there):
        return True
    if wanted == "number":
        return there in NUMERIC
    if wanted == "integer":
        return there in SPANS
    if wanted in SPANS and there in SPANS:
        return SPANS[wanted][0] <= SPANS[there][0] and SPANS[there][1] <= SPANS[wanted][1]
    if wanted in _EXACT:
        bits = _EXACT[wanted]
        narrow = there in SPANS and SPANS[there][1] <= 2**bits and SPANS[there][0] >= -(2**bits)
        return narrow or (there in _EXACT and _EXACT[there] <= bits)
    return False


def widest(one: str, other: str) -> str:
    """A type that accepts both: the narrower of them where it does, else a common one, else ``any``."""
    for candidate in (one, other, "integer", "number"):
        if accepts(candidate, one) and accepts(candidate, other):
            return candidate
    return "any"


def name_of(kind: pl.DataType) -> str:
    """What a Polars type is called here; a column without a single value has the type ``null``, which is none."""
    import polars as pl

    plain = {
        pl.Boolean: "boolean",
        pl.String: "string",
        pl.Date: "date",
        pl.Time: "time",
        pl.Binary: "binary",
        pl.Null: "null",
        pl.Float32: "float32",
        pl.Float64: "float64",
    }
    base = kind.base_type()
    if base in plain:
        return plain[base]
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return "string"
    if isinstance(kind, pl.Datetime):
        return "datetime"
    if isinstance(kind, pl.Duration):
        return "duration"
    if isinstance(kind, pl.Decimal):
        return "number"
    written = str(kind).lower()
    return written if written in SPANS else "other"
