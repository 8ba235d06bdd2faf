"""What went wrong with one entry while the rest went on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from holotype.catalog import column

from .paths import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Problem", "as_table"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry that could not be kept, or put back, as it is.

    ``path``: its path's own bytes.  ``problem``: one of the words of the table ``problems``.  ``message``: what
    happened, as the operating system says it.
    """

    path: bytes
    problem: str
    message: str

    @classmethod
    def of(cls, path: bytes, problem: str, error: OSError) -> Problem:
        """The problem that an operating system's error is."""
        return cls(path, problem, error.strerror or str(error))


def as_table(problems: Sequence[Problem]) -> pa.Table:
    """Rows of the table ``problems``, all but the column ``snapshot``."""
    return pa.table(
        {
            "path": column([shown(one.path) for one in problems], pa.string()),
            "problem": column([one.problem for one in problems], pa.string()),
            "message": column([shown(one.message.encode("utf-8", "surrogateescape")) for one in problems], pa.string()),
        }
    )
