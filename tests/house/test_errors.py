"""The tree of errors is the one that its docstring draws, and each error is also the builtin it resembles."""

from __future__ import annotations

import ast
import builtins
import inspect
import pickle
import re
from importlib import import_module

import pytest

from holotype.catalog import HolotypeError

from .source import modules, parsed

ERRORS = import_module("holotype.catalog.errors")

# An error as drawn: how deep it stands, its name, and the builtin in parentheses that it also is.
DRAWN = re.compile(r"^    (?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?:\((?P<builtin>\w+)\)|[a-z].*))?$")


def drawn() -> dict[str, tuple[str | None, str | None]]:
    """The tree in the docstring: each error's parent and builtin, by its name."""
    found: dict[str, tuple[str | None, str | None]] = {}
    above: list[tuple[int, str]] = []
    for line in (ERRORS.__doc__ or "").splitlines():
        if match := DRAWN.match(line):
            depth = len(match["branch"])
            while above and above[-1][0] >= depth:
                above.pop()
            found[match["name"]] = (above[-1][1] if above else None, match["builtin"])
            above.append((depth, match["name"]))
    return found


def all_errors(kind: type[HolotypeError] = HolotypeError) -> dict[str, type[HolotypeError]]:
    """An error and everything under it, by name."""
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= all_errors(child) if child.__module__.startswith("holotype.") else {}
    return found


def is_error(thing: object) -> bool:
    """Whether something is a class of exceptions."""
    return inspect.isclass(thing) and issubclass(thing, BaseException)


def test_the_tree_is_the_one_that_is_drawn() -> None:
    actual: dict[str, tuple[str | None, str | None]] = {}
    for name, kind in all_errors().items():
        others = [base for base in kind.__bases__ if not issubclass(base, HolotypeError)]
        parents = [base for base in kind.__bases__ if issubclass(base, HolotypeError)]
        builtin = others[0].__name__ if others and kind is not HolotypeError else None
        actual[name] = (parents[0].__name__ if parents else None, builtin)
    assert actual == drawn()


def test_no_other_module_makes_errors_that_a_caller_could_meet() -> None:
    kinds = set(all_errors()) | {name for name, kind in vars(builtins).items() if is_error(kind)}
    others = [
        f"{module}.{node.name}"
        for module in modules()
        if module != "catalog.errors"
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and kinds & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    ]
    assert not others


def test_every_error_that_is_raised_is_also_a_builtin() -> None:
    leaves = [kind for kind in all_errors().values() if not kind.__subclasses__()]
    assert leaves
    for kind in leaves:
        assert any(vars(builtins).get(base.__name__) is base for base in kind.__bases__), kind


def test_every_error_is_public_and_explained() -> None:
    assert set(ERRORS.__all__) >= set(all_errors())
    assert set(import_module("holotype.catalog").__all__) >= set(all_errors())
    for kind in all_errors().values():
        assert inspect.getdoc(kind)
        assert kind.__doc__


@pytest.mark.parametrize("name", sorted(all_errors()))
def test_an_error_keeps_its_message_and_its_data_between_processes(name: str) -> None:
    error = all_errors()[name]("what happened, and what to do", snapshot="run42@3", sizes=(1, 2), path="a")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == "what happened, and what to do"
    assert again.snapshot == "run42@3"
    assert again.sizes == (1, 2)
    assert again.path == error.path == "a"
