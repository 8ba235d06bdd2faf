"""Inputs and outputs of CWL's tools: files become ports, everything else parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...declaring.parameters import REQUIRED, Parameter
from ...declaring.ports import Input
from .formats import format_named
from .loading import listed
from .values import Kind, kind_of

if TYPE_CHECKING:
    from ..imported import Losses
    from ..naming import Names
    from .loading import Process

__all__ = ["Given", "about_of", "beside_of", "formats_of", "given_of", "last"]

_KNOWN = ("id", "type", "label", "doc", "inputBinding", "default", "format", "secondaryFiles")
# They say how a file is handed over, or what expressions may look at: nothing that a command sees.
_UNSEEN = ("streamable",)


@dataclass(frozen=True)
class Given:
    """An input: its name here, its kind, and what was said of it; ``port`` or ``parameter`` is what it became."""

    name: str
    kind: Kind
    said: Mapping[str, Any] = field(default_factory=dict)
    port: Input | None = None
    parameter: Parameter | None = None


def last(identifier: object) -> str:
    """The last part of an identifier, which is what it is called where it stands."""
    return str(identifier).rsplit("#", 1)[-1].rsplit("/", 1)[-1]


def about_of(said: Mapping[str, Any]) -> str:
    """What is said for people."""
    texts = [said.get("label"), said.get("doc")]
    lines = ["\n".join(map(str, text)) if isinstance(text, list) else str(text) for text in texts if text]
    return "\n".join(lines)


def given_of(process: Process, names: Names, losses: Losses, *, at: str, shared: frozenset[str]) -> dict[str, Given]:
    """The inputs of a process, by the names they have there."""
    found: dict[str, Given] = {}
    for said in listed(process.said.get("inputs"), key="id", value="type"):
        if not isinstance(said, Mapping) or "id" not in said:
            losses.stop(f"{at}.inputs", said, "it is no input")
            continue
        there = last(said["id"])
        where = f"{at}.inputs.{there}"
        losses.unknown(said, (*_KNOWN, *_UNSEEN), at=where)
        try:
            kind = kind_of(said.get("type"))
            if kind.of in ("stdout", "stderr"):
                raise ValueError("it is no input")
        except ValueError as error:
            # Without what need not be there, and is not, a command is what it is without it.
            tell = losses.add if _may_be_missing(said) else losses.stop
            tell(where, said.get("type"), str(error))
            continue
        name = names.of(there, at=where)
        try:
            found[there] = _given(name, kind, said, process, losses, at=where, shared=name in shared)
        except ValueError as error:
            losses.stop(where, dict(said), str(error))
    return found


def _may_be_missing(said: Mapping[str, Any]) -> bool:
    given = said.get("type")
    optional = "null" in given if isinstance(given, list) else isinstance(given, str) and given.endswith("?")
    return optional and said.get("default") is None


def _given(
    name: str, kind: Kind, said: Mapping[str, Any], process: Process, losses: Losses, *, at: str, shared: bool
) -> Given:
    about = about_of(said)
    if not kind.file:
        default = said.get("default", None if kind.optional else REQUIRED)
        parameter = Parameter(kind=kind.of, default=default, many=kind.many, choices=kind.choices, about=about)
        return Given(name, kind, said, parameter=parameter)
    if said.get("default") is not None:
        losses.add(f"{at}.default", said["default"], "a file is handed in here")
    port = Input(
        formats_of(said.get("format"), process, losses, at=at),
        many=kind.many,
        optional=kind.optional,
        beside=beside_of(said.get("secondaryFiles"), losses, at=at),
        shared=shared,
        about=about,
    )
    return Given(name, kind, said, port=port)


def formats_of(given: object, process: Process, losses: Losses, *, at: str) -> tuple[str, ...]:
    """The formats, by their names here; none where one of several has no name, for then none can be refused."""
    found: list[str] = []
    wanted = given if isinstance(given, list) else [] if given is None else [given]
    for each in wanted:
        name = format_named(each, process.namespaces) if isinstance(each, str) else None
        if name is None:
            losses.add(f"{at}.format", each, "no format that can be validated is called so")
        else:
            found.append(name)
    return tuple(dict.fromkeys(found)) if len(found) == len(wanted) else ()


def beside_of(given: object, losses: Losses, *, at: str) -> tuple[str, ...]:
    """The endings of files beside each, as ``.bai`` and ``^.dict``, which CWL writes in the same way."""
    found: list[str] = []
    for each in given if isinstance(given, list) else [] if given is None else [given]:
        pattern = each.get("pattern") if isinstance(each, Mapping) else each
        required = each.get("required", True) if isinstance(each, Mapping) else True
        where = f"{at}.secondaryFiles"
        if not isinstance(pattern, str) or not re.fullmatch(r"\^?\.[^/\\\0$]+", pattern):
            losses.add(where, each, "what lies beside a file is known here by one ending")
        elif pattern.endswith("?") or required is not True:
            losses.add(where, each, "what lies beside a file always has to be there")
        else:
            found.append(pattern)
    return tuple(found)
