"""Limits: how much of what is hostile or broken is looked at before it is called so."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InvalidChoice

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What validating may cost.

    ``each``: findings that are kept of each code; all are counted.  ``sample``: bytes looked at where a sample is asked
    for.  ``line``: bytes of a line.  ``unpacked``: bytes that a packed file may become, and ``ratio``: how many times
    its own size, from ``unpacked_free`` bytes on.  ``members``: files in an archive.  ``depth``: levels of what is
    nested.  ``memory``: bytes that one check may hold.
    """

    each: int = 100
    sample: int = 64 << 20
    line: int = 64 << 20
    unpacked: int = 1 << 44
    unpacked_free: int = 1 << 30
    ratio: float = 200.0
    members: int = 10_000_000
    depth: int = 512
    memory: int = 512 << 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InvalidChoice(f"the limit {name} is {value}: it has to be above 0", option=name)
