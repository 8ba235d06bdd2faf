"""What CWL says in JavaScript: sums, and values as words of a command."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

from ...declaring.expressions import CONSTANTS, Expression

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIBRARY", "expressed", "quoted"]

LIBRARY = """\
function texts(value) {
  if (value === null || value === undefined) { return []; }
  if (Array.isArray(value)) { return [].concat.apply([], value.map(texts)); }
  return [String(typeof value === "object" ? value.path : value)];
}
function words(value, how) {
  if (typeof value === "boolean") {
    return !/^(-[^\\s{}]*|[A-Za-z0-9_.-]+=)$/.test(how) ? [String(value)] : value ? [how] : [];
  }
  var each = texts(value);
  if (how === ",") { return each.length ? [each.join(",")] : []; }
  if (how.slice(-1) === "=") { return each.map(function (text) { return how + text; }); }
  return how ? [].concat.apply([], each.map(function (text) { return [how, text]; })) : each;
}
function counted(value, how) { var each = words(value, how); return [String(each.length)].concat(each); }
function named(value) { return String(value).replace(/[^\\w.+=@,\\-\\u0080-\\uffff]/g, "_"); }
function total(files) {
  return [].concat.apply([], files).reduce(function (sum, each) { return sum + (each ? each.size : 0); }, 0);
}
function many(files) { return [].concat.apply([], files).filter(function (each) { return each; }).length; }
function truth(value) { return Array.isArray(value) ? value.length > 0 : !!value; }
function within(one, others) { return others.indexOf(one) >= 0; }
function even(value) {
  var low = Math.floor(value), rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}
"""
"""Functions that documents take along: a value as words, as templates put them in; names of files; sums."""

_TWO: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "===",
    ast.NotEq: "!==",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_CALLED = {"min": "Math.min", "max": "Math.max", "round": "even", "ceil": "Math.ceil"}


def quoted(value: Any) -> str:
    """A value as it is written there."""
    return json.dumps(value)


def expressed(text: str, name: Callable[[str], str]) -> str:
    """An expression as one of JavaScript; ``name``: what a name is there, of a sample's value as ``sample.sex``.

    Raises ``ValueError``, also what ``name`` raises.
    """
    Expression(text)
    return _said(ast.parse(text.strip(), mode="eval").body, name)


def _said(node: ast.expr, name: Callable[[str], str]) -> str:
    def of(inner: ast.expr) -> str:
        return _said(inner, name)

    match node:
        case ast.Constant(value=value):
            return quoted(value)
        case ast.Name(id=known) if known in CONSTANTS:
            return quoted(CONSTANTS[known])
        case ast.Name(id=other):
            return name(other)
        case ast.Attribute(value=ast.Name(id=whole), attr=part):
            return name(f"{whole}.{part}")
        case ast.Call(func=ast.Name(id="len"), args=[one]):
            return f"({of(one)}).length"
        case ast.Call(func=ast.Name(id=function), args=arguments) if function in _CALLED and (
            len(arguments) == 1 or function in ("min", "max")
        ):
            return f"{_CALLED[function]}({', '.join(map(of, arguments))})"
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(of(left), op, of(right))
        case ast.UnaryOp(op=ast.Not(), operand=one):
            return f"(!truth({of(one)}))"
        case ast.UnaryOp(op=op, operand=one):
            return f"({'-' if isinstance(op, ast.USub) else '+'}{of(one)})"
        case ast.BoolOp(op=op, values=values):
            return f"({(' && ' if isinstance(op, ast.And) else ' || ').join(f'truth({of(each)})' for each in values)})"
        case ast.Compare(left=left, ops=ops, comparators=others):
            texts = [of(each) for each in (left, *others)]
            return f"({' && '.join(_compared(texts[n], op, texts[n + 1]) for n, op in enumerate(ops))})"
        case ast.IfExp(test=test, body=body, orelse=other_body):
            return f"(truth({of(test)}) ? {of(body)} : {of(other_body)})"
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return f"[{', '.join(map(of, elements))}]"
        case _:
            raise ValueError(f"{ast.unparse(node)} cannot be said there")


def _combined(one: str, op: ast.operator, other: str) -> str:
    match op:
        case ast.FloorDiv():
            return f"Math.floor({one} / {other})"
        case ast.Mod():
            return f"({one} - {other} * Math.floor({one} / {other}))"
        case _:
            return f"({one} {_TWO[type(op)]} {other})"


def _compared(one: str, op: ast.cmpop, other: str) -> str:
    if isinstance(op, ast.In | ast.NotIn):
        return f"{'!' if isinstance(op, ast.NotIn) else ''}within({one}, {other})"
    return f"({one} {_COMPARED[type(op)]} {other})"
