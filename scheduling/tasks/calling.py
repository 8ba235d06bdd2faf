"""What a child does that calls a stage's function."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["call"]


def call(asked: dict[str, Any]) -> None:
    """Call a ``function`` of a ``module`` with inputs and outputs as paths, and parameters as they are."""
    arguments: dict[str, Any] = dict(asked["parameters"])
    for name, value in asked["inputs"].items():
        arguments[name] = [Path(each) for each in value] if isinstance(value, list) else value and Path(value)
    for name, value in asked["outputs"].items():
        Path(value).parent.mkdir(parents=True, exist_ok=True)
        arguments[name] = Path(value)
    getattr(import_module(asked["module"]), asked["function"])(**arguments)
