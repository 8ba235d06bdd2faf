"""Types of CWL, and its parameter references: ``$(inputs.reads.path)`` and the like, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Kind", "Reference", "kind_of", "parts_of"]

KINDS = {
    "string": "str",
    "int": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "File": "File",
    "stdin": "File",
    "stdout": "stdout",
    "stderr": "stderr",
}


@dataclass(frozen=True)
class Kind:
    """A type: ``of`` a parameter's kind, ``"File"``, ``"stdout"`` or ``"stderr"``; ``binding``: of each element."""

    of: str
    many: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    binding: Mapping[str, Any] | None = None

    @property
    def file(self) -> bool:
        """Whether it is a file, or several."""
        return self.of == "File"


def kind_of(given: object) -> Kind:
    """The kind that a type is.  Raises ``ValueError`` for one that there is none for."""
    match given:
        case str() if given.endswith("?"):
            return replace(kind_of(given[:-1]), optional=True)
        case str() if given.endswith("[]"):
            return _many(kind_of(given[:-2]))
        case str() if given in KINDS:
            return Kind(KINDS[given])
        case str():
            raise ValueError(f"there is no {given} here")
        case list():
            others = [each for each in given if each != "null"]
            if len(others) != 1:
                raise ValueError("what may be of several types is of one here")
            kind = kind_of(others[0])
            return replace(kind, optional=kind.optional or len(others) < len(given))
        case {"type": "array", "items": items}:
            assert isinstance(given, Mapping)
            return _many(kind_of(items), given.get("inputBinding"))
        case {"type": "enum", "symbols": [*symbols]}:
            names = tuple(str(each).rsplit("#", 1)[-1].rsplit("/", 1)[-1] for each in symbols)
            return Kind("str", choices=names)
        case {"type": "record"}:
            raise ValueError("there are no records here")
        case {"type": str() | list() | dict() as inner}:
            return kind_of(inner)
        case _:
            raise ValueError("it is no type")


def _many(kind: Kind, binding: object = None) -> Kind:
    if kind.many or kind.optional or kind.of in ("stdout", "stderr"):
        raise ValueError("a list of lists, or of what may be missing, is none here")
    return replace(kind, many=True, binding=binding if isinstance(binding, Mapping) else None)


@dataclass(frozen=True)
class Reference:
    """A reference: ``("inputs", "reads", "path")``."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"$({'.'.join(self.path)})"


_REFERENCE = re.compile(r"\s*([A-Za-z_]\w*)((?:\.\w+|\['[^'\\]*'\]|\[\"[^\"\\]*\"\])*)\s*")
_SEGMENT = re.compile(r"\.(\w+)|\['([^']*)'\]|\[\"([^\"]*)\"\]")


def parts_of(text: str) -> tuple[str | Reference, ...]:
    """The parts of a text that may have references.  Raises ``ValueError`` for JavaScript."""
    parts: list[str | Reference] = []
    literal, place = "", 0
    while place < len(text):
        if text.startswith(("\\$(", "\\${", "\\\\"), place):
            literal += text[place + 1 : place + (2 if text[place + 1] == "\\" else 3)]
            place += 2 if text[place + 1] == "\\" else 3
        elif text.startswith("${", place):
            raise ValueError("it is JavaScript")
        elif text.startswith("$(", place):
            end = text.find(")", place)
            match = _REFERENCE.fullmatch(text, place + 2, end) if end >= 0 else None
            if match is None:
                raise ValueError("it is JavaScript")
            if literal:
                parts.append(literal)
            names = [next(filter(None, groups), "") for groups in _SEGMENT.findall(match[2])]
            parts.append(Reference((match[1], *names)))
            literal, place = "", end + 1
        else:
            literal += text[place]
            place += 1
    return (*parts, literal) if literal else tuple(parts)
