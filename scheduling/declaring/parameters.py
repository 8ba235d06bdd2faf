"""Parameters: values that a stage or workflow takes, with their types, units and ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ["REQUIRED", "Parameter"]

_KINDS = {"bool": bool, "int": int, "float": float, "str": str}


class _Required:
    """There is no default: whoever uses it says a value."""

    def __repr__(self) -> str:
        return "REQUIRED"

    def __reduce__(self) -> str:
        return "REQUIRED"  # there is one of it, in another process as well


REQUIRED: Any = _Required()
"""A parameter without a default."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A value that is given.

    ``kind``: ``"bool"``, ``"int"``, ``"float"`` or ``"str"``.  ``default``: the value where none is given; ``None``
    means that there need not be one.  ``unit``: in which it is, as ``bp``.  ``minimum`` and ``maximum``: both allowed.
    ``choices``: the only values there are.  ``many``: a list of them.
    """

    kind: str = "str"
    default: Any = REQUIRED
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = field(default=())
    many: bool = False
    about: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        if self.kind not in _KINDS:
            raise ValueError(f"{self.kind!r} is no kind of parameter: it is one of {', '.join(_KINDS)}")
        ends: tuple[Any, ...] = (self.minimum, self.maximum)
        for end in ends:
            if end is not None and (isinstance(end, bool) or not isinstance(end, int | float) or end != end):
                raise ValueError(f"{end!r} is no end of a range: it is a number")
        if self.kind in ("bool", "str") and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"a {self.kind} has no minimum and no maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"nothing is between {self.minimum} and {self.maximum}")
        for choice in self.choices:
            self._one(choice)
        if self.default is not REQUIRED and self.default is not None:
            object.__setattr__(self, "default", self.taken(self.default))

    @property
    def required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is REQUIRED

    def taken(self, value: object) -> Any:
        """The value as it is used.  Raises ``ValueError`` that says why it cannot be."""
        if value is None:
            if self.default is None:
                return None
            raise ValueError("there has to be a value")
        if not self.many:
            return self._one(value)
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} is no list")
        return tuple(self._one(each) for each in value)

    def _one(self, value: object) -> Any:
        kind = _KINDS[self.kind]
        # True is an int to Python, and to nobody else; a whole number is a float to everybody.
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"{value!r} is no {self.kind}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value!r} is no number to calculate with")
        if isinstance(value, str) and "\0" in value:
            raise ValueError(f"{value!r} has a NUL, which no command can take")
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is not None and isinstance(value, int | float) and value < self.minimum:
            raise ValueError(f"{value}{unit} is less than {self.minimum}{unit}")
        if self.maximum is not None and isinstance(value, int | float) and value > self.maximum:
            raise ValueError(f"{value}{unit} is more than {self.maximum}{unit}")
        if self.choices and value not in self.choices:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, self.choices))}")
        return value
