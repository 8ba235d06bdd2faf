"""Contrast: what differs between the histories of two results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import provenance as prov

from .explain import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .steps import Step

__all__ = ["contrasted"]

_SCHEMA = {name: pl.String() for name in ("step", "aspect", "name", "a", "b")}


def contrasted(a: Sequence[Step], b: Sequence[Step]) -> pl.DataFrame:
    """What differs, one row each: ``step`` (its name), ``aspect``, ``name``, and what it is in ``a`` and in ``b``.

    Aspects: ``step`` (done in only one of them), ``input``, ``code`` (scripts, commit), ``command``, ``parameter``,
    ``package``, ``environment`` (interpreter and machine), ``outcome``, ``result``.  Steps of the same name stand
    beside each other in the order in which they were done.
    """
    rows = [row for name, one, other in _beside(a, b) for row in _differences(name, one, other)]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _beside(a: Sequence[Step], b: Sequence[Step]) -> Iterator[tuple[str, Step | None, Step | None]]:
    if {step.id for step in a} == {step.id for step in b}:
        return
    for name in dict.fromkeys(step.name for step in (*a, *b)):
        ones = [step for step in a if step.name == name]
        others = [step for step in b if step.name == name]
        for place in range(max(len(ones), len(others))):
            one = ones[place] if place < len(ones) else None
            other = others[place] if place < len(others) else None
            if one is None or other is None or one.id != other.id:
                yield name, one, other


def _differences(name: str, one: Step | None, other: Step | None) -> Iterator[tuple[str, ...]]:
    if one is None or other is None:
        present = "done"
        yield (name, "step", name, present if one else "not done", present if other else "not done")
        return
    for aspect, left, right in (
        ("input", _files(one.inputs), _files(other.inputs)),
        ("code", _code(one), _code(other)),
        ("command", {"command": " ".join(one.command)}, {"command": " ".join(other.command)}),
        ("parameter", one.parameters, other.parameters),
        ("package", one.packages, other.packages),
        ("environment", {"environment": one.environment}, {"environment": other.environment}),
        ("outcome", {"outcome": one.facts.get("outcome")}, {"outcome": other.facts.get("outcome")}),
        ("result", _files(one.outputs), _files(other.outputs)),
    ):
        for key in sorted({*left, *right}):
            if left.get(key) != right.get(key):
                yield (name, aspect, key, _word(left.get(key)), _word(right.get(key)))


def _files(ids: Sequence[str]) -> dict[str, object]:
    """Files by where they are, and what tells their bytes."""
    found: dict[str, object] = {}
    for id in ids:
        version = prov.file_version(id)
        found[shown(id)] = version.sha256.hex() if version is not None else id
    return found


def _code(step: Step) -> Mapping[str, object]:
    found = _files(step.scripts)
    for word in ("commit", "diff_sha256"):
        if step.code.get(word) is not None:
            found[word] = step.code[word]
    return found


def _word(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
