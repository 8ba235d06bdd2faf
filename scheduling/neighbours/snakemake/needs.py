"""What a rule needs: threads and resources."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ...declaring.expressions import Expression
from ...declaring.resources import Resources

if TYPE_CHECKING:
    from ..imported import Losses
    from .snakefile import Rule

__all__ = ["resources_of"]

# What they are here, and in which unit they are there.
_KNOWN = {
    "mem_mb": ("memory", "MB"),
    "mem_mib": ("memory", "MiB"),
    "mem": ("memory", "B"),
    "disk_mb": ("disk", "MB"),
    "disk_mib": ("disk", "MiB"),
    "disk": ("disk", "B"),
    "runtime": ("time", "min"),
    "gpu": ("gpus", ""),
    "nvidia_gpu": ("gpus", ""),
}


def resources_of(rule: Rule, losses: Losses, *, at: str) -> Resources:
    """What its tasks need."""
    made: dict[str, Any] = {}
    threads = rule.sections.get("threads")
    if threads is not None:
        match threads.values:
            case (ast.Constant(value=int(number)),) if number > 0:
                made["cpus"] = number
            case _:
                losses.add(f"{at}.threads", threads.text, "it is no number")
    section = rule.sections.get("resources")
    if section is None:
        return Resources(**made)
    if not section.readable:
        losses.add(f"{at}.resources", section.text, "it is Python, which is not run")
    for name, node in section.named.items():
        where = f"{at}.resources.{name}"
        if name not in _KNOWN:
            if name != "tmpdir":
                losses.add(where, ast.unparse(node), "nothing here is like it")
            continue
        kind, unit = _KNOWN[name]
        try:
            amount = _amount(node, unit)
            wanted: dict[str, Any] = {kind: amount}
            Resources(**wanted)
            made |= wanted
        except ValueError as error:
            losses.add(where, ast.unparse(node), str(error))
    return Resources(**made)


def _amount(node: ast.expr, unit: str) -> str | int:
    """An amount in a unit; of a function of the attempt, and nothing else, the sum it is.  Raises ``ValueError``."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return f"{number} {unit}" if unit else int(number)
        case ast.Constant(value=str(text)):
            return _spelled(text, unit)
        case ast.Lambda(args=ast.arguments(args=[*arguments]), body=body):
            expression = Expression(ast.unparse(body))
            if not expression.names <= {"attempt"} & {each.arg for each in arguments}:
                raise ValueError("it is Python, which is not run")
            return f"({expression.text})*{unit}" if unit else expression.text
        case _:
            raise ValueError("it is Python, which is not run")


def _spelled(text: str, unit: str) -> str:
    """An amount with its unit, as ``8GB`` or ``2h``."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    spelled = text[len(number) :].strip()
    known = {"m": "min", "hours": "h", "hour": "h", "minutes": "min", "days": "d", "day": "d"}
    if unit == "min":
        return f"{number.strip()} {known.get(spelled, spelled)}"
    return f"{number.strip()} {'kB' if spelled.upper() == 'KB' else spelled}"
