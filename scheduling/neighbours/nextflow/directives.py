"""Directives of a process: what it needs, where it runs, and what is done when it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...declaring.environments import Environment
from ...declaring.expressions import Expression
from ...declaring.policies import Action, Retry, Rule, Skip, StopRun, When
from ...declaring.resources import Resources
from .groovy import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..imported import Losses

__all__ = ["environment_of", "errors_of", "resources_of"]

# Nextflow's units are of 1024, whatever they are called.
_SIZES = {"B": "B", "KB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB", "PB": "PiB"}
_TIMES = {
    **dict.fromkeys(("ms", "milli", "millis"), "ms"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*\.?\s*([A-Za-z]+)")
_UNDERSTOOD = {"cpus": "cpus", "memory": "memory", "disk": "disk", "time": "time", "accelerator": "gpus"}
_LABELS = ("container", "conda", "errorStrategy", "maxRetries")


def resources_of(said: Mapping[str, str], losses: Losses, *, at: str) -> Resources:
    """What its tasks need; told of is every directive that none of this module understands."""
    made: dict[str, Any] = {}
    for name, value in said.items():
        if name in _UNDERSTOOD:
            try:
                amount = {_UNDERSTOOD[name]: _amount(name, value)}
                Resources(**amount)
                made |= amount
            except ValueError as error:
                losses.add(f"{at}.{name}", value, str(error))
        elif name not in _LABELS:
            losses.add(f"{at}.{name}", value, "nothing here is like it")
    return Resources(**made)


def _amount(name: str, value: str) -> Any:
    """An amount, or the sum of one that grows with the attempt.  Raises ``ValueError``."""
    plain = value.strip()
    closure = re.fullmatch(r"\{(.*)\}", plain, re.DOTALL)
    if closure is None and plain[:1] in ("'", '"'):
        plain = _literal(plain)
    units = _TIMES if name == "time" else _SIZES if name in ("memory", "disk") else {}
    text = closure[1].strip() if closure is not None else plain

    def unit(match: re.Match[str]) -> str:
        if match[2] not in units:
            raise ValueError(f"{match[2]} is no unit")
        return f"({match[1]}*{units[match[2]]})"

    if closure is None:
        if units:
            parts = _AMOUNT.findall(text)
            if not parts or _AMOUNT.sub("", text).strip():
                raise ValueError("it is no amount")
            return " + ".join(unit(match) for match in _AMOUNT.finditer(text))
        if not text.isdecimal():
            raise ValueError("it is no number")
        return int(text)
    expression = Expression(_AMOUNT.sub(unit, text).replace("task.attempt", "attempt"))
    if not expression.names <= {"attempt"} or expression.members:
        raise ValueError("it is Groovy, which is not run")
    return expression.text


def _literal(value: str) -> str:
    match text_of(value).parts:
        case ():
            return ""
        case (str(text),):
            return text
        case _:
            raise ValueError("it is Groovy, which is not run")


def environment_of(said: Mapping[str, str], losses: Losses, *, at: str) -> Environment:
    """Where it runs."""
    found: dict[str, str] = {}
    for name in ("container", "conda"):
        if name in said:
            try:
                found[name] = _literal(said[name])
            except ValueError as error:
                losses.add(f"{at}.{name}", said[name], str(error))
    if len(found) > 1:
        losses.add(f"{at}.conda", found.pop("conda"), "a stage runs in its container, or in a conda environment")
    return Environment(container=found.get("container"), conda=found.get("conda"))


def errors_of(said: Mapping[str, str], losses: Losses, *, at: str) -> tuple[Rule, ...]:
    """What is done when it fails, where it says so."""
    if "errorStrategy" not in said:
        if "maxRetries" in said:
            losses.add(f"{at}.maxRetries", said["maxRetries"], "nothing is tried again unless errorStrategy says so")
        return ()
    actions: dict[str, Action] = {
        "ignore": Skip("it failed, which is ignored"),
        "terminate": StopRun("a process failed"),
        "finish": StopRun("a process failed"),
    }
    try:
        strategy = _literal(said["errorStrategy"])
        if strategy == "retry":
            times = int(said.get("maxRetries", "1"))
            return (Rule(When(), Retry(times)), Rule(When(), StopRun("a process failed")))
        return (Rule(When(), actions[strategy]),)
    except (ValueError, KeyError):
        losses.add(f"{at}.errorStrategy", said["errorStrategy"], "it is Groovy, which is not run")
        return ()
