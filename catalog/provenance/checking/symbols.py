"""What statements speak of, known or not: identifiers, times and ``-``, merged as constraints tell that two are one.

A symbol is a number.  It stands for a constant, or for something that must exist and has no name: the specification's
existential variable.  Symbols that were found to be one thing make a class; a class has one constant at most.  Each
merging keeps its reason, so that of any two symbols in a class it can be told why they are the same, and by no more
than was needed (after Nieuwenhuis and Oliveras, Proof-producing congruence closure, 2005).
"""

from __future__ import annotations

from datetime import datetime

__all__ = ["Constant", "Symbols"]

Constant = str | datetime | None
"""An identifier, a time, or ``None``: the placeholder ``-`` where it means that there is nothing."""


class Symbols:
    """All symbols of one instance, and which of them are the same."""

    def __init__(self) -> None:
        self._above: list[int] = []  # towards the root of the class
        self._below: list[list[int]] = []  # all symbols of the class, at its root
        self._constant: list[int | None] = []  # the symbol in the class that is a constant, at its root
        self._values: dict[int, Constant] = {}
        self._known: dict[Constant, int] = {}
        self._proof: list[tuple[int, int] | None] = []  # the next symbol in the proof, and the reason for that step

    def unknown(self) -> int:
        """A symbol for something that has no name yet."""
        symbol = len(self._above)
        self._above.append(symbol)
        self._below.append([symbol])
        self._constant.append(None)
        self._proof.append(None)
        return symbol

    def constant(self, value: Constant) -> int:
        """The symbol of a constant, always the same."""
        symbol = self._known.get(value)
        if symbol is None:
            symbol = self._known[value] = self.unknown()
            self._constant[symbol] = symbol
            self._values[symbol] = value
        return symbol

    def root(self, symbol: int) -> int:
        """The one symbol that speaks for the class of another."""
        above = self._above
        while above[symbol] != symbol:
            above[symbol] = above[above[symbol]]
            symbol = above[symbol]
        return symbol

    def known(self, symbol: int) -> int | None:
        """The constant that a symbol is, itself a symbol; ``None`` where it has no name."""
        return self._constant[self.root(symbol)]

    def value(self, constant: int) -> Constant:
        """What a constant stands for."""
        return self._values[constant]

    def absent(self, symbol: int) -> bool:
        """Whether a symbol is the placeholder."""
        constant = self.known(symbol)
        return constant is not None and self._values[constant] is None

    def clash(self, one: int, other: int) -> tuple[int, int] | None:
        """The two constants that two symbols would have to be at once; ``None`` where they can be the same."""
        first, second = self.known(one), self.known(other)
        return None if first is None or second is None or first == second else (first, second)

    def unite(self, one: int, other: int, reason: int) -> list[int]:
        """Make two symbols the same, for a reason; the symbols that have another root now.  There must be no clash."""
        root, lesser = self.root(one), self.root(other)
        if root == lesser:
            return []
        if len(self._below[root]) < len(self._below[lesser]):
            root, lesser, one, other = lesser, root, other, one
        # The proof of the lesser class is turned to begin at the symbol that joins, and goes on in the other one.
        step: tuple[int, int] | None = (one, reason)
        at: int | None = other
        while at is not None:
            after = self._proof[at]
            self._proof[at] = step
            step, at = (None, None) if after is None else ((at, after[1]), after[0])
        moved = self._below[lesser]
        self._below[lesser] = []
        self._below[root].extend(moved)
        self._above[lesser] = root
        if self._constant[root] is None:
            self._constant[root] = self._constant[lesser]
        return moved

    def reasons(self, one: int, other: int) -> list[int]:
        """The reasons for which two symbols of a class are the same."""
        passed: dict[int, int] = {}  # each symbol on the way from the first, and how many reasons lead there
        found: list[int] = []
        at = one
        while True:
            passed[at] = len(found)
            step = self._proof[at]
            if step is None:
                break
            at = step[0]
            found.append(step[1])
        others: list[int] = []
        at = other
        while at not in passed:
            step = self._proof[at]
            if step is None:
                raise ValueError(f"symbols {one} and {other} are not the same")
            at = step[0]
            others.append(step[1])
        return found[: passed[at]] + others
