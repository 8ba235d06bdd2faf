"""What a site has, and what of it is free: nothing is ever given twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..declaring.resources import Needs
    from ..site import Site

__all__ = ["Free", "has", "lacking"]


class Free:
    """What is free of a site."""

    def __init__(self, site: Site) -> None:
        self._left = dict(_of_site(site))
        self._lacked: dict[Needs, tuple[str, ...]] = {}  # as long as nothing is taken or given back: many need the same

    def lacks(self, needs: Needs) -> tuple[str, ...]:
        """What there is not enough of for it now, as ``cpus`` or ``licences:NAME``; nothing, if it fits."""
        lacked = self._lacked.get(needs)
        if lacked is None:
            lacked = self._lacked[needs] = tuple(
                f"{kind}:{name}" if name else kind
                for (kind, name), amount in _of_needs(needs)
                if self._left.get((kind, name), 0) < amount
            )
        return lacked

    def take(self, needs: Needs) -> None:
        """Give it away."""
        self._lacked.clear()
        for what, amount in _of_needs(needs):
            self._left[what] = self._left.get(what, 0) - amount

    def give_back(self, needs: Needs) -> None:
        """Have it again."""
        self._lacked.clear()
        for what, amount in _of_needs(needs):
            self._left[what] += amount


def has(site: Site) -> dict[str, int]:
    """What a site has, as ``cpus`` or ``licences:NAME``."""
    return {f"{kind}:{name}" if name else kind: amount for (kind, name), amount in _of_site(site)}


def lacking(site: Site, needs: Needs) -> str:
    """What a site will never have enough of, in words; nothing, if it can do it."""
    there = dict(_of_site(site))
    for (kind, name), amount in _of_needs(needs):
        if amount > there.get((kind, name), 0):
            return f"it needs {amount} of {name or kind}, and there is {there.get((kind, name), 0)}"
    return ""


def _of_site(site: Site) -> Iterator[tuple[tuple[str, str], int]]:
    yield from {("cpus", ""): site.cpus, ("memory", ""): site.memory, ("gpus", ""): site.gpus}.items()
    yield from ((("licences", name), count) for name, count in site.licences.items())
    yield from ((("instruments", name), count) for name, count in site.instruments.items())


def _of_needs(needs: Needs) -> Iterator[tuple[tuple[str, str], int]]:
    yield from {("cpus", ""): needs.cpus, ("memory", ""): needs.memory, ("gpus", ""): needs.gpus}.items()
    yield from ((("licences", name), count) for name, count in needs.licences.items())
    yield from ((("instruments", name), count) for name, count in needs.instruments.items())
