"""Reading records around damage: segments that are not what was written are left out, and remembered.

One bad sector in an archive's records must not hide what is sound in all the others.  What reads through here is given
a state without the segments that turned out to be damaged, and is asked again whenever another one does::

    read(call) ─▶ call(state) ─▶ segment e7 is damaged ─▶ state without e7 ─▶ call(state) ─▶ its result
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from holotype.catalog import DamageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import Segment, State

__all__ = ["SoundReader"]

_T = TypeVar("_T")


class SoundReader:
    """Reads as of one state, around damage; from any thread.

    ``damaged``: the segments that were left out so far, and what is wrong with each.
    """

    def __init__(self, state: State) -> None:
        self._given = self.state = state
        self.damaged: dict[Segment, str] = {}

    def read(self, call: Callable[[State], _T]) -> _T:
        """What ``call`` makes of the state, without the segments that are damaged; raises damage to anything else."""
        while True:
            state = self.state
            try:
                return call(state)
            except DamageError as error:
                # Another thread may have left something out meanwhile.
                if self.state is state and not self.leave_out(str(error.about.get("key", "")), error.message):
                    raise

    def leave_out(self, key: str, message: str) -> bool:
        """Leave out the segment at ``key``; whether it was there until now."""
        for table, segments in self.state.tables.items():
            for segment in segments:
                if segment.key == key:
                    self.damaged[segment] = message
                    rest = tuple(other for other in segments if other is not segment)
                    self.state = replace(self.state, tables={**self.state.tables, table: rest})
                    return True
        return False

    def of(self, *tables: str) -> dict[Segment, str]:
        """What is damaged of some tables."""
        return {segment: message for segment, message in self.damaged.items() if segment.table in tables}

    def with_all(self, table: str) -> State:
        """The state with all segments of one table, damaged ones among them."""
        return replace(self.state, tables={**self.state.tables, table: self._given.segments(table)})
