"""Packages that only some stores need."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import ExtraMissing

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["load_extra"]


def load_extra(module: str, *, extra: str) -> ModuleType:
    """The package ``module``, which comes with ``holotype[extra]``; raises ``ExtraMissing`` when it is not there."""
    try:
        return import_module(module)
    except ImportError as error:
        install = f'pip install "holotype[{extra}]"'
        raise ExtraMissing(
            f"{module} cannot be loaded ({error}); install it with: {install}", extra=extra, name=module
        ) from error
