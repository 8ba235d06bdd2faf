"""Where the project's own files are, for the tests that read them.

The rooms are looked up as they are installed, so that the same tests speak of the checkout and of a built wheel.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
ROOMS = ("catalog", "lake", "scheduling", "validators")


@cache
def folder(room: str) -> Path:
    """The folder that a room is installed from."""
    file = import_module(f"holotype.{room}").__file__
    assert file is not None
    return Path(file).parent


@cache
def modules() -> dict[str, Path]:
    """Every module of every room, by its name without ``holotype.``."""
    found: dict[str, Path] = {}
    for room in ROOMS:
        for path in sorted(folder(room).rglob("*.py")):
            parts = (room, *path.relative_to(folder(room)).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def parsed(module: str) -> ast.Module:
    """A module's syntax tree."""
    path = modules()[module]
    return ast.parse(path.read_bytes(), filename=str(path))
