"""Small sums in text: what a resource is as a function of the input, or when a step is taken.

::

    "4*GiB + 2*input_size"          "min(attempt, 3) * h"          "trim and sample.paired"

They are Python's own notation, of which only what is harmless is there: numbers, words, comparisons, ``and``/``or``/
``not``, ``a if b else c``, arithmetic, and ``min``, ``max``, ``round``, ``ceil``, ``len``.  Nothing in it can reach
anything but the values that are given, or take longer than its length lets expect.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .quantities import SIZES, TIMES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONSTANTS", "RESERVED", "Expression"]

CONSTANTS: Mapping[str, float] = {**SIZES, **TIMES}
"""Names that are there in every expression: units, in bytes and in seconds."""

# What one writes by hand; a longer one is a program, and belongs into a function.
_LONGEST, _DEEPEST = 1000, 100
# Characters of it that an error shows.
_SHOWN = 80
# What is multiplied beyond that is no amount of anything.
_MOST_BITS = 4096
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"min": min, "max": max, "round": round, "ceil": math.ceil, "len": len}
RESERVED = frozenset({*CONSTANTS, *_FUNCTIONS, "sample"})
"""Names that mean something in every expression, so that no parameter can have them."""
_TWO: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_ONE: Mapping[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}


@dataclass(frozen=True)
class Expression:
    """A small sum.  Raises ``ValueError`` for text that is none."""

    text: str

    def __post_init__(self) -> None:
        _parsed(self.text)

    @property
    def names(self) -> frozenset[str]:
        """The values it needs, units aside; ``sample`` for all of ``sample.…``."""
        found = {node.id for node in ast.walk(_parsed(self.text)) if isinstance(node, ast.Name)}
        return frozenset(found - (RESERVED - {"sample"}))

    @property
    def members(self) -> frozenset[tuple[str, str]]:
        """What it needs of values that have parts: ``("sample", "paired")``."""
        attributes = (node for node in ast.walk(_parsed(self.text)) if isinstance(node, ast.Attribute))
        return frozenset((node.value.id, node.attr) for node in attributes if isinstance(node.value, ast.Name))

    def value(self, given: Mapping[str, object]) -> Any:
        """What it comes to.  Raises ``ValueError`` that says what is missing, or cannot be calculated."""
        try:
            return _value(_parsed(self.text).body, {**CONSTANTS, **given})
        except _Unknown as error:
            raise ValueError(f"{_shown(self.text)} needs {error}, which is not given") from None
        except (TypeError, ArithmeticError, ValueError) as error:
            raise ValueError(f"{_shown(self.text)} cannot be calculated: {error}") from error

    def __str__(self) -> str:
        return self.text


class _Unknown(Exception):
    """A name that nobody gave a value."""


@lru_cache(maxsize=1024)
def _parsed(text: str) -> ast.Expression:
    if len(text) > _LONGEST:
        raise ValueError(
            f"an expression of {len(text)} characters: what is longer than {_LONGEST} should be a function"
        )
    try:
        parsed = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{_shown(text)} is no expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{_shown(text)} is no expression: {error}") from None
    for node in ast.walk(parsed.body):
        if problem := _refused(node):
            raise ValueError(f"{_shown(text)} is no expression that is allowed: {problem}")
    if (deep := _depth(parsed.body)) > _DEEPEST:
        raise ValueError(f"{_shown(text)} is no expression that is allowed: it is {deep} levels deep")
    return parsed


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _depth(node: ast.expr) -> int:
    """How many levels of an expression stand within each other."""
    level: list[ast.AST] = [node]
    count = 0
    while level:
        count += 1
        level = [child for each in level for child in ast.iter_child_nodes(each)]
    return count


def _refused(node: ast.AST) -> str | None:
    """Why a part of an expression is not allowed."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return None
        case ast.Name(id=name):
            return f"the name {name}" if name.startswith("_") else None
        case ast.Attribute(value=ast.Name(), attr=name) if not name.startswith("_"):
            return None
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return None
        case ast.BinOp(op=op) if type(op) in _TWO:
            return None
        case ast.UnaryOp(op=op) if type(op) in _ONE:
            return None
        case ast.Compare(ops=ops) if all(type(op) in _TWO for op in ops):
            return None
        case ast.BoolOp() | ast.IfExp() | ast.Tuple() | ast.List():
            return None
        case ast.operator() | ast.unaryop() | ast.cmpop() | ast.boolop() | ast.expr_context():
            return None  # what they belong to was asked
        case _:
            return ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__


def _value(node: ast.expr, given: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            if name not in given:
                raise _Unknown(name)
            return given[name]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            whole = given.get(name)
            if not isinstance(whole, Mapping) or attribute not in whole:
                raise _Unknown(f"{name}.{attribute}")
            return whole[attribute]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*(_value(each, given) for each in arguments))
        case ast.BinOp(left=left, op=op, right=right):
            return _TWO[type(op)](_factor(_value(left, given), op), _factor(_value(right, given), op))
        case ast.UnaryOp(op=op, operand=operand):
            return _ONE[type(op)](_value(operand, given))
        case ast.BoolOp(op=op, values=values):
            return _either(values, given, all_of=isinstance(op, ast.And))
        case ast.Compare():
            return _compared(node, given)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, given) else other, given)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return tuple(_value(each, given) for each in elements)
        case _:
            raise AssertionError("unreachable: refused when it was parsed")


def _either(values: list[ast.expr], given: Mapping[str, Any], *, all_of: bool) -> Any:
    found: Any = all_of
    for each in values:
        found = _value(each, given)
        if bool(found) != all_of:
            break
    return found


def _compared(node: ast.Compare, given: Mapping[str, Any]) -> bool:
    left = _value(node.left, given)
    for op, other in zip(node.ops, node.comparators, strict=True):
        right = _value(other, given)
        if not _TWO[type(op)](left, right):
            return False
        left = right
    return True


def _factor(value: Any, op: ast.operator) -> Any:
    """A value to multiply: text or a list times a million would be memory, and no sum."""
    if isinstance(op, ast.Mult | ast.Mod) and isinstance(value, Sized):
        raise TypeError(f"{value!r} is no number")
    if isinstance(op, ast.Mult) and isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise OverflowError("a number gets too large")
    return value
