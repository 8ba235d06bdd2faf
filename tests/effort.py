"""How far the long searches go: faults at every call, storms, laws over whole histories.

``HOLOTYPE_EFFORT=0.25`` has them do a quarter of what they do otherwise.  A change is searched for faults once; what is
asked of other installations is whether the same code runs there.
"""

from __future__ import annotations

import os

__all__ = ["every", "share"]

_EFFORT = float(os.environ.get("HOLOTYPE_EFFORT", "1"))


def share(whole: int) -> int:
    """How many of so many are done, and at least one."""
    return max(1, round(whole * _EFFORT))


def every(stride: int) -> int:
    """One of how many is done, where it is otherwise one of ``stride``."""
    return max(stride, round(stride / _EFFORT))
