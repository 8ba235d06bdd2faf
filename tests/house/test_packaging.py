"""What stands in the checkout and what is installed from it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points, metadata
from typing import TYPE_CHECKING, Any

import pytest

from .source import ROOMS, TOP, folder, modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS = {*ROOMS, "tests", "benchmarks"}
FILES = {"pyproject.toml", "README.md", "LICENSE", "pytest_results.json"}
# What building leaves behind beside the sources; .gitignore names them.
BY_PRODUCTS = re.compile(r"build|dist|__pycache__|.*\.egg-info")
LONGEST = 500

# Homes, and the hosts of package indexes: they are somebody's machine, not the project.
ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:home|root|Users)/\w"
    r"|[A-Z]:\\Users\\"
    r"|\b(?:files\.pythonhosted|pypi|test\.pypi|registry\.npmjs|conda\.anaconda)\.(?:org|com)\b"
)


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file that belongs to the project."""
    for entry in sorted(TOP.iterdir()):
        if entry.name in FILES or entry.name in {".gitignore", ".gitattributes"}:
            yield entry, entry.read_text("utf-8")
        elif entry.name in FOLDERS | {".ci"}:
            for path in sorted(entry.rglob("*")):
                data = path.read_bytes() if path.is_file() and "__pycache__" not in path.parts else b""
                if b"\0" not in data:
                    yield path, data.decode("utf-8", "replace")


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    names = {entry.name for entry in TOP.iterdir() if not entry.name.startswith(".")}
    assert not {name for name in names - FOLDERS - FILES if not BY_PRODUCTS.fullmatch(name)}


def test_nothing_is_locked() -> None:
    locks = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.txt")
    assert not [name for name in locks if (TOP / name).exists()]


def test_the_wheel_lists_every_package() -> None:
    found = {f"holotype.{name}" for name, path in modules().items() if path.name == "__init__.py"}
    loose = {f"holotype.{name.rpartition('.')[0]}" for name, path in modules().items() if path.name != "__init__.py"}
    listed: list[str] = project()["tool"]["setuptools"]["packages"]
    assert listed == sorted(found | loose)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_that_it_is_typed(room: str) -> None:
    assert (folder(room) / "py.typed").is_file()
    assert (TOP / f"tests/typings/holotype/{room}/__init__.pyi").read_text("utf-8") == f"from {room} import *\n"


def test_the_installed_project_is_this_one() -> None:
    declared = project()["project"]
    installed = metadata("holotype")
    assert (installed["Name"], installed["Version"]) == (declared["name"], declared["version"])


def test_fsspec_finds_the_filesystem() -> None:
    (entry,) = entry_points(group="fsspec.specs", name="holotype")
    assert entry.load().protocol == "holotype"


def test_no_module_is_too_long_to_read() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in modules().items()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_no_file_speaks_of_a_machine() -> None:
    named = [
        f"{path.relative_to(TOP)}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not named, "\n".join(named)
