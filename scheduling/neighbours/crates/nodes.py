"""The nodes of a crate's metadata: things with an identifier, and their properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Node", "Nodes", "fragment", "program", "quoted_place", "time_text"]

Node = dict[str, Any]


class Nodes:
    """All nodes of a crate, by their identifiers."""

    def __init__(self) -> None:
        self._every: dict[str, Node] = {}
        self._links: dict[tuple[str, str], set[str]] = {}

    def __contains__(self, id: object) -> bool:
        return id in self._every

    def __getitem__(self, id: str) -> Node:
        return self._every[id]

    def add(self, id: str, kind: str | list[str], /, **properties: Any) -> str:
        """Have a node, unless there is one; what is ``None`` is left out.  Returns its identifier."""
        if id not in self._every:
            said = {name: value for name, value in properties.items() if value is not None}
            self._every[id] = {"@id": id, "@type": kind, **said}
        return id

    def link(self, id: str, key: str, *others: str) -> None:
        """Have a node refer to others, each once."""
        if not others:
            return
        links = self._every[id].setdefault(key, [])
        known = self._links.setdefault((id, key), set())
        links += [{"@id": other} for other in dict.fromkeys(others) if other not in known]
        known |= {*others}

    def of(self, *kinds: str) -> list[str]:
        """The identifiers of nodes of one of these kinds."""
        return [id for id, node in self._every.items() if {*kinds} & set(_several(node["@type"]))]

    def graph(self) -> list[Node]:
        """All of them, as they stand in the metadata: of what is one there is no list."""
        return [
            {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in node.items()}
            for node in self._every.values()
        ]


def fragment(*parts: str) -> str:
    """The identifier of something that is no file, by what it is called."""
    return "#" + "/".join(quote(part.encode("utf-8", "backslashreplace"), safe="") for part in parts)


def program(nodes: Nodes, source: str, name: str, version: str | None) -> str:
    """A program, known by its package's address, as ``pkg:generic/samtools@1.19``; ``source``: of what kind it is.

    Every program has to have an address and a version.
    """
    known = version or "unknown"
    address = f"pkg:{source}/{quote(name, safe='')}" + (f"@{quote(version, safe='')}" if version else "")
    id = fragment("programs", name)
    return nodes.add(id, "SoftwareApplication", name=name, version=known, url=address)


def quoted_place(place: str) -> str:
    """The identifier of a file within the crate."""
    return quote(place.encode("utf-8", "backslashreplace"))


def time_text(time: datetime | None) -> str | None:
    """A time as ISO 8601 has it, to the millisecond and with its zone."""
    return None if time is None else time.isoformat(timespec="milliseconds")


def _several(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given
