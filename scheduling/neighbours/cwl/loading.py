"""Processes of CWL, found: in files, in a packed document's ``$graph``, within steps, with ``$import`` put in.

Nothing is fetched, and nothing outside the folder is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ..reading import Folder, unreadable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Library", "Process", "SAID_OF_ALL", "listed"]

SAID_OF_ALL = (
    "id", "class", "cwlVersion", "label", "doc", "inputs", "outputs", "requirements", "hints", "$namespaces",
)  # fmt: skip
"""What tools and workflows have in common."""

VERSIONS = ("v1.0", "v1.1", "v1.2")
# Files that others import, and how often: a few that import each other make no end of it.
_MOST_IMPORTS = 1000
_DEEPEST = 20


@dataclass(frozen=True)
class Process:
    """A tool or workflow of CWL: what it says, the file it stands in, and the others in the same ``$graph``."""

    said: Mapping[str, Any]
    path: Path
    graph: Mapping[str, Mapping[str, Any]]
    namespaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called: by its identifier, or by its file."""
        said = self.said.get("id")
        last = str(said).rsplit("#", 1)[-1].rsplit("/", 1)[-1] if isinstance(said, str) and said else ""
        return (last if last != "main" else "") or self.path.stem


class Library:
    """Finds processes, each file read once."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._documents: dict[Path, Any] = {}
        self._imports = 0

    def main(self, path: Path, name: str = "main") -> Process:
        """The process of a file, of a packed one that of this name.  Raises ``WorkflowInvalid``, ``OSError``."""
        document = self._document(path)
        if not isinstance(document, Mapping):
            raise unreadable(path, "it is no document of CWL: that is a mapping")
        version = document.get("cwlVersion")
        if version not in VERSIONS:
            raise unreadable(path, f"it is of the version {version!r} of CWL: read are {', '.join(VERSIONS)}")
        namespaces = document.get("$namespaces")
        spaces = namespaces if isinstance(namespaces, Mapping) else {}
        if "$graph" not in document:
            return Process(document, path, {}, spaces)
        graph = {
            str(each.get("id", "")).rsplit("#", 1)[-1]: each
            for each in listed(document["$graph"], key="id")
            if isinstance(each, Mapping)
        }
        if name not in graph:
            there = ", ".join(sorted(graph)) or "none"
            raise unreadable(path, f"there is no process {name} in it: there is {there}")
        return Process(graph[name], path, graph, spaces)

    def within(self, outer: Process, run: object) -> Process:
        """The process that a step runs.  Raises ``WorkflowInvalid``, also where its file cannot be read."""
        if isinstance(run, Mapping):
            return Process(run, outer.path, outer.graph, outer.namespaces)
        if not isinstance(run, str) or not run:
            raise unreadable(outer.path, f"{run!r} is no process")
        file, _, name = run.partition("#")
        if not file:
            if name not in outer.graph:
                raise unreadable(outer.path, f"there is no process {run} in it")
            return Process(outer.graph[name], outer.path, outer.graph, outer.namespaces)
        other = _local(outer.path, file)
        try:
            return self.main(other, name or "main")
        except OSError as error:
            raise unreadable(outer.path, f"{run} cannot be read: {error.strerror}") from error

    def _document(self, path: Path) -> Any:
        if path not in self._documents:
            self._documents[path] = self._put_in(self._folder.values(path, ending=_language(path)), path, ())
        return self._documents[path]

    def _put_in(self, value: Any, path: Path, within: tuple[Path, ...]) -> Any:
        """A value with what it imports in its place."""
        if isinstance(value, list):
            return [self._put_in(each, path, within) for each in value]
        if not isinstance(value, dict):
            return value
        for name in ("$import", "$include", "$mixin"):
            if name in value:
                return self._imported(name, value, path, within)
        return {str(name): self._put_in(each, path, within) for name, each in value.items()}

    def _imported(self, how: str, value: dict[Any, Any], path: Path, within: tuple[Path, ...]) -> Any:
        if how == "$mixin" or len(value) > 1 or not isinstance(value[how], str):
            raise unreadable(path, f"{value!r:.200} cannot be put in: only $import and $include of a file can")
        other = _local(path, value[how])
        self._imports += 1
        if other in (path, *within) or len(within) > _DEEPEST or self._imports > _MOST_IMPORTS:
            raise unreadable(path, f"importing {value[how]} has no end")
        try:
            if how == "$include":
                return self._folder.text(other)
            found = self._folder.values(other, ending=_language(other))
        except OSError as error:
            raise unreadable(path, f"{value[how]} cannot be read: {error.strerror}") from error
        return self._put_in(found, other, (path, *within))


def _local(base: Path, reference: str) -> Path:
    if "://" in reference and not reference.startswith("file://"):
        raise unreadable(base, f"{reference} is somewhere else: nothing is fetched")
    try:
        return (base.parent / reference.removeprefix("file://")).resolve()
    except (OSError, ValueError) as error:
        raise unreadable(base, f"{reference!r} is no file: {error}") from None


def _language(path: Path) -> str:
    # Packed documents are JSON, all others YAML 1.2, of which JSON is a part; its own reader is far faster.
    return ".json" if path.suffix.lower() == ".json" else ".cwl"


def listed(given: object, *, key: str, value: str = "") -> list[Any]:
    """What CWL lets one write as a list, or as a mapping by the identifiers of its elements; ``value``: what an element
    is, that is no mapping itself.  Raises ``WorkflowInvalid``.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        found: list[Any] = []
        for name, each in given.items():
            found.append({**(each if isinstance(each, Mapping) else {value: each}), key: name})
        return found
    if isinstance(given, list):
        return given
    raise WorkflowInvalid(f"{given!r:.200} is no list and no mapping", problems=("it is no list and no mapping",))
