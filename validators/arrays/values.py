"""What arrays hold: how many values are no numbers, the least and the most, and rules about them on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidChoice
from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found

__all__ = ["BOOLEAN", "Fields", "Figures", "NOT_FINITE", "OUT_OF_RANGE", "TEXT", "VALUE_CODES", "ValueRules"]

NOT_FINITE = Code("array.not_finite", Severity.ERROR, "Where it was asked for, every number is finite.", "IEEE 754")
OUT_OF_RANGE = Code("array.out_of_range", Severity.ERROR, "Every number is within the range that was asked for.")
BOOLEAN = Code("array.boolean", Severity.ERROR, "A truth value is stored as 0 or 1.")
TEXT = Code("array.text", Severity.ERROR, "Text is made of characters that Unicode has.", "Unicode, 3.9")

VALUE_CODES = (NOT_FINITE, OUT_OF_RANGE, BOOLEAN, TEXT)
"""All of them."""


@dataclass(frozen=True)
class ValueRules:
    """What numbers in arrays have to be: ``finite``, at least ``least``, at most ``most``.  None by default."""

    finite: bool = False
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        if self.least is not None and self.most is not None and not self.least <= self.most:
            raise InvalidChoice(f"no number is at least {self.least} and at most {self.most}")


class Figures:
    """Counts what one array holds.  Values are given in the order in which they lie, a block at a time.

    ``member`` and ``column``: what the array is called, as findings have it.
    """

    def __init__(
        self, found: Found, rules: ValueRules, *, member: str | None = None, column: str | None = None
    ) -> None:
        self._found, self._rules = found, rules
        self._place: dict[str, Any] = {"member": member, "column": column}
        self._of = ":".join(part for part in (member, column) if part is not None)
        self.values = self.nan = self.infinite = 0
        self.least: float | None = None
        self.most: float | None = None

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """The next values, of any shape."""
        values = values.reshape(-1)
        if not len(values):
            return
        match values.dtype.kind:
            case "f" | "i" | "u":
                self._numbers(values, self.values)
            case "c":
                self._numbers(values.view(values.real.dtype), 2 * self.values)
            case "m" | "M":
                self.nan += int(np.count_nonzero(np.isnat(values)))
            case "b":
                self._booleans(values)
            case "U":
                self._text(values)
            case _:
                pass
        self.values += len(values)

    def tell(self) -> None:
        """Tell the figures."""
        told = self._found.metric
        told("array.values", self.values, of=self._of)
        told("array.nan", self.nan, of=self._of)
        told("array.infinite", self.infinite, of=self._of)
        if self.least is not None and self.most is not None:
            told("array.least", self.least, of=self._of)
            told("array.most", self.most, of=self._of)

    def _numbers(self, values: np.ndarray[Any, Any], first: int) -> None:
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        with np.errstate(all="ignore"):
            low, high = values.min(), values.max()
        if values.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            finite = np.isfinite(values)
            self.nan += (nan := int(np.count_nonzero(np.isnan(values))))
            self.infinite += len(values) - nan - int(np.count_nonzero(finite))
            if self._rules.finite:
                self._broken(NOT_FINITE, values, ~finite, first, "a finite number")
            some = values[finite]
            if not len(some):
                return
            low, high = some.min(), some.max()
        self.least = float(low) if self.least is None else min(self.least, float(low))
        self.most = float(high) if self.most is None else max(self.most, float(high))
        least, most = self._rules.least, self._rules.most
        if least is not None and low < least:
            self._broken(OUT_OF_RANGE, values, values < least, first, f"at least {least:g}")
        if most is not None and high > most:
            self._broken(OUT_OF_RANGE, values, values > most, first, f"at most {most:g}")

    def _booleans(self, values: np.ndarray[Any, Any]) -> None:
        stored = values.view(np.uint8)
        if stored.max() > 1:
            self._broken(BOOLEAN, stored, stored > 1, self.values, "0 or 1")

    def _text(self, values: np.ndarray[Any, Any]) -> None:
        points = values.view(values.dtype.str[:1].replace("=", "") + "u4").reshape(len(values), -1)
        wrong: Any = ((points > 0x10FFFF) | ((points >= 0xD800) & (points < 0xE000))).any(axis=1)
        if wrong.any():
            self._broken(TEXT, points[:, 0], wrong, self.values, "characters of Unicode")

    def _broken(
        self, code: Code, values: np.ndarray[Any, Any], wrong: np.ndarray[Any, Any], first: int, expected: str
    ) -> None:
        places = np.flatnonzero(wrong)
        kept = self._found.room(code)
        for index in places[:kept].tolist():
            what = f"value {first + index:,} is {values[index]}"
            self._found.add(code, what, row=first + index, seen=values[index], expected=expected, **self._place)
        self._found.count(code, max(0, len(places) - kept))


class Fields:
    """Counts what one array of a data type holds; of records each field by itself, called ``outer.inner``."""

    def __init__(
        self,
        kind: np.dtype[Any],
        found: Found,
        rules: ValueRules,
        *,
        member: str | None = None,
        column: str | None = None,
    ) -> None:
        self.found = found
        self._inner: dict[str, Fields] = {}
        self._alone: Figures | None = None
        if kind.fields is None:
            self._alone = Figures(found, rules, member=member, column=column)
            return
        for name, (part, *_) in kind.fields.items():
            inner = name if column is None else f"{column}.{name}"
            self._inner[name] = Fields(part.base, found, rules, member=member, column=inner)

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """The next values."""
        if self._alone is not None:
            self._alone.add(values)
        for name, inner in self._inner.items():
            inner.add(values[name])

    def tell(self) -> None:
        """Tell the figures."""
        if self._alone is not None:
            self._alone.tell()
        for inner in self._inner.values():
            inner.tell()
