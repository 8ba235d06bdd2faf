"""What a task needs while it runs, as a number or as a function of how much there is to do and of the attempt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .expressions import Expression
from .frozen import Frozen, nothing
from .problems import named
from .quantities import bytes_of, seconds_of

__all__ = ["Amount", "Load", "Needs", "Resources"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """What resources are calculated from.

    ``input_size``: bytes of all input files together.  ``files``: how many.  ``attempt``: from 1.  ``parameters``: the
    task's, by name.  ``sizes``: bytes of the files of each input, by its name, as far as they are known.
    """

    input_size: int = 0
    files: int = 0
    attempt: int = 1
    parameters: Mapping[str, Any] = field(default_factory=nothing)
    sizes: Mapping[str, int] = field(default_factory=nothing)

    def size(self, name: str) -> int:
        """Bytes of an input's files; where that is not known, of all input files, which is more."""
        return self.sizes.get(name, self.input_size)


Amount = int | float | str | Callable[[Load], float]
"""A number, an amount as ``"8 GiB"``, an expression as ``"4*GiB + 2*input_size"`` or ``"GiB + 2*size.reference"``, of
one input alone, or a function of a ``Load``.
"""

_AMOUNTS = ("cpus", "memory", "disk", "gpus", "time")
# More than any machine has, of whatever it is.
_MOST = 1 << 62
_GIVEN = frozenset({"input_size", "files", "attempt", "size"})


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one attempt needs: ``memory`` and ``disk`` in bytes, ``time`` in seconds, ``None`` where it may take any."""

    cpus: int = 1
    memory: int = 0
    disk: int = 0
    gpus: int = 0
    time: float | None = None
    licences: Mapping[str, int] = field(default_factory=nothing)
    instruments: Mapping[str, int] = field(default_factory=nothing)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a stage's tasks need, each.

    ``cpus`` and ``gpus``: whole ones.  ``memory`` and ``disk``: bytes.  ``time``: seconds after which it is ended;
    ``None`` for never.  ``licences`` and ``instruments``: how many of each, by name.  A fraction of what is counted is
    rounded up.
    """

    cpus: Amount = 1
    memory: Amount = "1 GiB"
    disk: Amount = 0
    gpus: Amount = 0
    time: Amount | None = None
    licences: Mapping[str, int] = field(default_factory=nothing)
    instruments: Mapping[str, int] = field(default_factory=nothing)

    def __post_init__(self) -> None:
        for name in ("licences", "instruments"):
            there = dict(getattr(self, name))
            for each, count in there.items():
                if problem := named(each, name):
                    raise ValueError(problem)
                if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                    raise ValueError(f"{name}: {count!r} of {each} is no number of them")
            object.__setattr__(self, name, Frozen(there))
        for name in _AMOUNTS:
            given = getattr(self, name)
            if isinstance(given, str):
                _calculated(name, given)
            elif given is not None and not callable(given):
                _sound(name, given)

    @property
    def names(self) -> frozenset[str]:
        """The parameters that expressions among them speak of."""
        return frozenset(name for each in self._expressions() for name in each.names) - _GIVEN

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs whose sizes expressions among them speak of."""
        return frozenset(part for each in self._expressions() for whole, part in each.members if whole == "size")

    def needs(self, load: Load) -> Needs:
        """What an attempt needs.  Raises ``ValueError`` where a function of its own, or a sum, gives nothing sound."""
        return Needs(
            cpus=max(1, math.ceil(self._amount("cpus", load))),
            memory=math.ceil(self._amount("memory", load)),
            disk=math.ceil(self._amount("disk", load)),
            gpus=math.ceil(self._amount("gpus", load)),
            time=None if self.time is None else float(self._amount("time", load)),
            licences=self.licences,
            instruments=self.instruments,
        )

    def _expressions(self) -> Iterator[Expression]:
        for name in _AMOUNTS:
            given = getattr(self, name)
            if isinstance(given, str) and isinstance(each := _calculated(name, given), Expression):
                yield each

    def _amount(self, name: str, load: Load) -> float:
        given = getattr(self, name)
        if isinstance(given, str):
            given = _calculated(name, given)
        if isinstance(given, Expression):
            sizes = {part: load.size(part) for whole, part in given.members if whole == "size"}
            values = {"input_size": load.input_size, "files": load.files, "attempt": load.attempt, "size": sizes}
            given = given.value({**load.parameters, **values})
        elif callable(given):
            try:
                given = given(load)
            except Exception as error:
                raise ValueError(f"{name}: its function failed: {error!r}") from error
        return _sound(name, given)


def _calculated(name: str, text: str) -> float | Expression:
    """An amount with its unit, or else a sum."""
    read = seconds_of if name == "time" else bytes_of
    try:
        return read(text)
    except ValueError as unit:
        try:
            return Expression(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}; {unit}") from None


def _sound(name: str, amount: object) -> float:
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= _MOST:
        raise ValueError(f"{name}: {str(amount)[:30]} is no amount")
    return amount
