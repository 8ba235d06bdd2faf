"""Imports run one way: scheduling, lake, then catalog and validators, and across rooms only through a face."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from .source import ROOMS, modules, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

MAY_IMPORT = {
    "catalog": set[str](),
    "validators": set[str](),
    "lake": {"catalog", "validators"},
    "scheduling": {"lake", "catalog", "validators"},
}

# The rooms within the lake, each of which may use those before it; and which of the lake's own modules they may use:
# no verb, for verbs are made of rooms.
LAKE = (
    "tree",
    "capturing",
    "packs",
    "chunkers",
    "manifest",
    "records",
    "reading",
    "lineage",
    "storing",
    "restoring",
    "retention",
    "validation",
    "moving",
    "provenance",
)
COMMON = {"context", "executing", "progress", "recent", "reopening", "schema"}


def imports_of(module: str, *, running: bool = False) -> Iterator[tuple[str, int, list[str]]]:
    """Every import in a module, at its top or inside a function: (module named, dots before it, names taken from it).

    With ``running``, without what only a type checker sees.
    """
    unseen = {
        child
        for node in ast.walk(parsed(module))
        if running and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in node.body
        for child in ast.walk(part)
    }
    for node in ast.walk(parsed(module)):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, [alias.name for alias in node.names]


def package_of(module: str, level: int) -> str | None:
    """The package that ``level`` dots in a module speak of, or ``None`` when they lead out of its room."""
    is_package = modules()[module].name == "__init__.py"
    parts = module.split(".")
    kept = len(parts) - level + is_package
    return ".".join(parts[:kept]) if kept > 0 else None


def own_imports(module: str) -> set[str]:
    """The modules of the same room that a module imports when it runs."""
    found: set[str] = set()
    for name, level, taken in imports_of(module, running=True):
        package = package_of(module, level) if level else None
        if package is not None:
            target = f"{package}.{name}".rstrip(".")
            for each in taken:
                found.add(f"{target}.{each}" if f"{target}.{each}" in modules() else target)
    return found & set(modules())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_faces_of_the_rooms_below_it(room: str) -> None:
    allowed = {f"holotype.{below}" for below in MAY_IMPORT[room]}
    wrong: list[str] = []
    for module in modules():
        if module.partition(".")[0] != room:
            continue
        for name, level, taken in imports_of(module):
            if level:
                continue
            if name.partition(".")[0] in ROOMS:
                wrong.append(f"{module} imports {name}, which is another module than holotype.{name}")
            elif name == "holotype":
                wrong.extend(f"{module} imports {name}.{each}" for each in taken if f"{name}.{each}" not in allowed)
            elif name.startswith("holotype.") and name not in allowed:
                wrong.append(f"{module} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_relative_import_leaves_its_room() -> None:
    wrong = [
        f"{module} imports {'.' * level}{name}"
        for module in modules()
        for name, level, _ in imports_of(module)
        if level and package_of(module, level) is None
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", LAKE)
def test_the_rooms_of_the_lake_build_on_one_another(room: str) -> None:
    allowed = {*LAKE[: LAKE.index(room) + 1], *COMMON}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.startswith(f"lake.{room}.")
        for name in own_imports(module)
        if name.split(".")[1] not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_of_the_lake_is_one_of_its_rooms() -> None:
    assert {name.split(".")[1] for name in modules() if name.startswith("lake.") and name.count(".") > 1} == set(LAKE)


def test_modules_import_each_other_in_no_circle_not_even_inside_functions() -> None:
    graph = {module: own_imports(module) - {module} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))
