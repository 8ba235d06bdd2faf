"""Rules about the numbers in arrays, of whatever format they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..check import Check
from ..registry import REGISTRY
from .base import ValueCheck
from .values import ValueRules

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ValueRules", "array_checks"]


def array_checks(*, values: ValueRules) -> tuple[Check, ...]:
    """All checks, those of arrays with ``values`` as what their numbers have to be: for ``validate(…, checks=…)``."""

    def ruled(every: Iterable[object]) -> Iterable[Check]:
        for check in every:
            if isinstance(check, ValueCheck):
                yield type(check)(values=values)
            elif isinstance(check, Check):
                yield check

    return tuple(ruled(REGISTRY.every()))
