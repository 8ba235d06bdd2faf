"""How far the long searches go: faults at every call, storms, laws over whole histories.

``HOLOTYPE_EFFORT=0.25`` has them do a quarter of what they do otherwise.  A change is searched for faults once; what is
asked of other installations is whether the same code runs there.

A file of nothing but searches says ``pytestmark = SEARCH``: its tests are not traced, where lines are counted.  They go
a thousand times through what the tests beside it go through once.
"""

from __future__ import annotations

import os

import pytest

__all__ = ["SEARCH", "every", "share"]

SEARCH = pytest.mark.no_cover
"""What pytest-cov knows a test by that it is not to trace."""

_EFFORT = float(os.environ.get("HOLOTYPE_EFFORT", "1"))


def share(whole: int) -> int:
    """How many of so many are done, and at least one."""
    return max(1, round(whole * _EFFORT))


def every(stride: int) -> int:
    """One of how many is done, where it is otherwise one of ``stride``."""
    return max(stride, round(stride / _EFFORT))
