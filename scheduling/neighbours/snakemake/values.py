"""What rules name: files by patterns with wildcards, all of those of an ``expand``, outputs of other rules."""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..imported import Losses

__all__ = ["Files", "files_of", "LONGEST", "matcher", "plain_of", "wildcards_in"]

WILDCARD = re.compile(r"\{\s*(\w+)\s*(?:,[^{}]*)?\}")
# What is said of a file that does not change what the rule does.
_FLAGS = {"temp", "temporary", "protected", "ancient", "report", "local", "repeat"}
_MOST = 1000
# Beyond that a pattern matches in very many ways.
_MOST_WILDCARDS = 5
LONGEST = 500
"""Characters of a name that patterns are held against."""


@dataclass(frozen=True)
class Files:
    """Files of one name: patterns; ``many`` rather than one; ``gathered``: of all samples; ``setting``: of config."""

    patterns: tuple[str, ...]
    many: bool = False
    gathered: bool = False
    setting: str | None = None
    touched: bool = False


def wildcards_in(pattern: str) -> tuple[str, ...]:
    """The wildcards of a pattern, in order."""
    return tuple(dict.fromkeys(WILDCARD.findall(pattern)))


def plain_of(pattern: str) -> str:
    """A pattern without what its wildcards are constrained to."""
    return WILDCARD.sub(lambda match: f"{{{match[1]}}}", pattern)


def files_of(
    node: ast.expr, outputs: Callable[[str, str | int | None], tuple[str, ...]], sample: str, losses: Losses, *, at: str
) -> list[Files]:
    """The files that are meant; of ``multiext`` each for itself.

    ``outputs``: the patterns of the outputs of a rule, all, one by name, or one by number.  Raises ``ValueError`` for
    what has to be run to be known.
    """
    match node:
        case ast.Constant(value=str(text)):
            if plain_of(text) != text:
                losses.add(at, text, "what a wildcard may be is not constrained here")
            return [Files((plain_of(text),))]
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            inner = [each for part in elements for each in files_of(part, outputs, sample, losses, at=at)]
            if any(each.gathered or each.setting for each in inner):
                raise ValueError("a list of what is known otherwise")
            return [Files(tuple(pattern for each in inner for pattern in each.patterns), many=True)]
        case ast.Call(func=ast.Name(id=flag), args=[first, *_]) if flag in _FLAGS or flag == "touch":
            if flag != "touch":
                losses.add(at, ast.unparse(node), f"nothing is {flag} here: what is kept is said elsewhere")
            inner = files_of(first, outputs, sample, losses, at=at)
            return [replace(each, touched=True) for each in inner] if flag == "touch" else inner
        case ast.Call(func=ast.Name(id="multiext"), args=[ast.Constant(value=str(prefix)), *endings]):
            return [Files((prefix + _text(each),)) for each in endings]
        case ast.Call(func=ast.Name(id="expand" | "collect"), args=[first], keywords=keywords):
            given = {str(each.arg): each.value for each in keywords}
            return [_expanded(first, given, outputs, sample, losses, at=at)]
        case ast.Subscript(value=ast.Name(id="config"), slice=ast.Constant(value=str(name))):
            return [Files((), setting=name)]
        case ast.Attribute(value=ast.Name(id="rules"), attr=_) | ast.Attribute() | ast.Subscript():
            return [_of_rule(node, outputs)]
        case _:
            raise ValueError("it is Python, which is not run")


def _of_rule(node: ast.expr, outputs: Callable[[str, str | int | None], tuple[str, ...]]) -> Files:
    match node:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="rules"), attr=rule), attr="output"):
            found = outputs(rule, None)
            return Files(found, many=len(found) > 1)
        case ast.Attribute(
            value=ast.Attribute(value=ast.Attribute(value=ast.Name(id="rules"), attr=rule), attr="output"), attr=name
        ):
            return Files(outputs(rule, name))
        case ast.Subscript(
            value=ast.Attribute(value=ast.Attribute(value=ast.Name(id="rules"), attr=rule), attr="output"),
            slice=ast.Constant(value=int() | str() as which),
        ):
            return Files(outputs(rule, which))
        case _:
            raise ValueError("it is Python, which is not run")


def _expanded(
    first: ast.expr,
    given: Mapping[str, ast.expr],
    outputs: Callable[[str, str | int | None], tuple[str, ...]],
    sample: str,
    losses: Losses,
    *,
    at: str,
) -> Files:
    """All files of an ``expand``: values that are written there are put in, and of samples all are meant."""
    (whole,) = files_of(first, outputs, sample, losses, at=at)
    literal = {name: _texts(each) for name, each in given.items() if name != sample}
    if sample in given:
        losses.add(at, f"{sample}={ast.unparse(given[sample])}", "which samples there are is said with a run")
    found: list[str] = []
    for pattern in whole.patterns:
        used = [name for name in wildcards_in(pattern) if name in literal and f"{{{{{name}}}}}" not in pattern]
        for values in itertools.islice(itertools.product(*(literal[name] for name in used)), _MOST + 1):
            text = pattern
            for name, value in zip(used, values, strict=True):
                text = text.replace(f"{{{name}}}", value)
            found.append(text.replace("{{", "{").replace("}}", "}"))
    if len(found) > _MOST:
        raise ValueError(f"it is more than {_MOST} files")
    gathered = sample in given and any(sample in wildcards_in(each) for each in found)
    return Files(tuple(dict.fromkeys(found)), many=True, gathered=gathered)


def _texts(node: ast.expr) -> list[str]:
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_text(each) for each in elements]
        case _:
            return [_text(node)]


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
            return str(value)
        case _:
            raise ValueError("it is Python, which is not run")


def matcher(pattern: str) -> re.Pattern[str]:
    """What the files of a pattern are called."""
    names = wildcards_in(pattern)
    if len(names) > _MOST_WILDCARDS or len(pattern) > LONGEST:
        return re.compile(r"(?!)")
    text, seen = "", set[str]()
    for part in re.split(r"(\{\w+\})", pattern):
        name = part[1:-1] if part[:1] == "{" and part[1:-1] in names else None
        text += re.escape(part) if name is None else f"(?P={name})" if name in seen else f"(?P<{name}>.+)"
        seen |= set() if name is None else {name}
    return re.compile(text, re.DOTALL)
