"""What came of saying something in another notation, and what that could not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Exchanged"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Exchanged(Generic[Value]):
    """``value``: in the other notation.  ``left_out``: what it does not say, one by one; empty where it says all."""

    value: Value
    left_out: tuple[str, ...] = ()
