"""Names of other systems, made into names that can stand in templates and sources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..declaring.problems import named
from ..declaring.stages import TAKEN

if TYPE_CHECKING:
    from .imported import Losses

__all__ = ["Names"]


class Names:
    """Gives each name of one place a name of its own, the same where it can be."""

    def __init__(self, losses: Losses, *, taken: frozenset[str] = TAKEN) -> None:
        self._losses, self._taken = losses, taken
        self._used: set[str] = set()
        self.known: dict[str, str] = {}

    def of(self, given: str, *, at: str) -> str:
        """The name here of what is called so there; told of where it is another."""
        if given in self.known:
            return self.known[given]
        name = self.fresh(given)
        if name != given:
            self._losses.add(at, f"the name {given}", f"it is called {name} here")
        self.known[given] = name
        return name

    def fresh(self, wanted: str) -> str:
        """A name that nothing has, as near as can be to the one wanted."""
        base = re.sub(r"[^A-Za-z0-9_]+", "_", wanted)[:80].strip("_") or "x"
        if named(wanted, "") is None and len(wanted) <= 80:
            base = wanted
        elif not base[0].isalpha():
            base = f"x_{base}"
        if base in self._taken:
            base = f"{base}_"
        name, number = base, 2
        while name in self._used:
            name, number = f"{base}_{number}", number + 1
        self._used.add(name)
        return name
