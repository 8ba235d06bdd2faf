"""Trees of errors are the ones that their docstrings draw, and each error is also the builtin it resembles.

There are two: validators stand on their own, and so does their tree.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pickle
import re
from importlib import import_module
from typing import Any

import pytest

from holotype.catalog import HolotypeError
from holotype.validators import ValidatorError

from .source import modules, parsed

ROOTS: dict[str, type[Any]] = {"catalog": HolotypeError, "validators": ValidatorError}

# An error as drawn: how deep it stands, its name, and the builtin in parentheses that it also is.
DRAWN = re.compile(r"^    (?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?:\((?P<builtin>\w+)\)|[a-z].*))?$")

both = pytest.mark.parametrize("room", ROOTS)


def drawn(room: str) -> dict[str, tuple[str | None, str | None]]:
    """The tree in the docstring: each error's parent and builtin, by its name."""
    found: dict[str, tuple[str | None, str | None]] = {}
    above: list[tuple[int, str]] = []
    for line in (import_module(f"holotype.{room}.errors").__doc__ or "").splitlines():
        if match := DRAWN.match(line):
            depth = len(match["branch"])
            while above and above[-1][0] >= depth:
                above.pop()
            found[match["name"]] = (above[-1][1] if above else None, match["builtin"])
            above.append((depth, match["name"]))
    return found


def errors_below(kind: type[Any]) -> dict[str, type[Any]]:
    """An error and everything under it, by name."""
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= errors_below(child) if child.__module__.startswith("holotype.") else {}
    return found


def is_error(thing: object) -> bool:
    """Whether something is a class of exceptions."""
    return inspect.isclass(thing) and issubclass(thing, BaseException)


@both
def test_the_tree_is_the_one_that_is_drawn(room: str) -> None:
    root = ROOTS[room]
    actual: dict[str, tuple[str | None, str | None]] = {}
    for name, kind in errors_below(root).items():
        others = [base for base in kind.__bases__ if not issubclass(base, root)]
        parents = [base for base in kind.__bases__ if issubclass(base, root)]
        builtin = others[0].__name__ if others and kind is not root else None
        actual[name] = (parents[0].__name__ if parents else None, builtin)
    assert actual == drawn(room)


def test_no_other_module_makes_errors_that_a_caller_could_meet() -> None:
    every = {name for root in ROOTS.values() for name in errors_below(root)}
    kinds = every | {name for name, kind in vars(builtins).items() if is_error(kind)}
    others = [
        f"{module}.{node.name}"
        for module in modules()
        if module not in {f"{room}.errors" for room in ROOTS}
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and kinds & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    ]
    assert not others


@both
def test_every_error_that_is_raised_is_also_a_builtin(room: str) -> None:
    leaves = [kind for kind in errors_below(ROOTS[room]).values() if not kind.__subclasses__()]
    assert leaves
    for kind in leaves:
        assert any(vars(builtins).get(base.__name__) is base for base in kind.__bases__), kind


@both
def test_every_error_is_public_and_explained(room: str) -> None:
    every = errors_below(ROOTS[room])
    assert set(import_module(f"holotype.{room}.errors").__all__) >= set(every)
    assert set(import_module(f"holotype.{room}").__all__) >= set(every)
    for kind in every.values():
        assert inspect.getdoc(kind)
        assert kind.__doc__


@pytest.mark.parametrize("name", sorted(name for root in ROOTS.values() for name in errors_below(root)))
def test_an_error_keeps_its_message_and_its_data_between_processes(name: str) -> None:
    (kind,) = (every[name] for every in map(errors_below, ROOTS.values()) if name in every)
    error = kind("what happened, and what to do", snapshot="run42@3", sizes=(1, 2), path="a")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == "what happened, and what to do"
    assert again.snapshot == "run42@3"
    assert again.sizes == (1, 2)
    assert again.path == error.path == "a"
