"""What each room shows: its ``__all__`` is exact, in order, and explained."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from .source import ROOMS, modules, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAVY = {"dask", "duckdb", "numcodecs", "numpy", "pandas", "pandera", "polars", "pyarrow", "zarr"}


def public_names(room: str) -> list[str]:
    """A room's ``__all__``."""
    names: list[str] = import_module(f"holotype.{room}").__all__
    return names


def own_docstring(thing: object) -> str:
    """A docstring that somebody wrote: not the one a dataclass makes of its fields, nor ``object``'s."""
    text = (inspect.getdoc(thing) or "").strip()
    generated = inspect.isclass(thing) and text.startswith(f"{thing.__name__}(")
    borrowed = inspect.isclass(thing) and not vars(thing).get("__doc__")
    return "" if generated or borrowed else text


def parts_of(kind: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties that a class has of its own, or from another one of the project's."""
    for each in kind.__mro__:
        for name, member in vars(each).items() if each is kind or each.__module__.startswith("holotype.") else ():
            if not name.startswith("_"):
                plain = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
                if inspect.isfunction(plain) or isinstance(plain, property):
                    yield name, getattr(kind, name)


@pytest.mark.parametrize("room", ROOMS)
def test_the_public_names_are_in_order_and_each_once(room: str) -> None:
    assert public_names(room) == sorted(set(public_names(room)))


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_there_and_nothing_else_is(room: str) -> None:
    face = import_module(f"holotype.{room}")
    missing = [name for name in public_names(room) if not hasattr(face, name)]
    assert not missing

    # Names bound for type checkers count: the face promises them as much as those it loads late.
    bound = {
        alias.asname or alias.name
        for node in ast.walk(parsed(room))
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("holotype."))
        for alias in node.names
    }
    defined = {
        node.name
        for node in parsed(room).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    extra = {name for name in bound | defined if not name.startswith("_")} - set(public_names(room))
    assert not extra


@pytest.mark.parametrize("room", ROOMS)
def test_everything_public_is_explained(room: str) -> None:
    face = import_module(f"holotype.{room}")
    unexplained = [] if inspect.getdoc(face) else [room]
    for name in public_names(room):
        thing = getattr(face, name)
        if not (inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing)):
            continue
        if not own_docstring(thing):
            unexplained.append(name)
        if inspect.isclass(thing):
            unexplained.extend(f"{name}.{part}" for part, member in parts_of(thing) if not inspect.getdoc(member))
    assert not unexplained


def test_every_module_says_what_it_is_for() -> None:
    assert not [module for module in modules() if not ast.get_docstring(parsed(module))]


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_loads_nothing_heavy(room: str) -> None:
    program = f"import sys, holotype.{room}; print(*(name.partition('.')[0] for name in sys.modules))"
    # Coverage of children would be loaded first, and is not the room's doing.
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=plain)
    assert not HEAVY & set(run.stdout.split())
