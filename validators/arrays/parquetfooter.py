"""A footer of Parquet read in a process of its own: some that are damaged in one bit end whoever reads them.

pyarrow goes through column chunks without catching what its C++ library throws there, such as of a histogram with
another number of levels than its column has.
"""

from __future__ import annotations

import base64
import io

from ..errors import LibraryMissing
from .isolated import Died, ask

__all__ = ["look", "why_unreadable"]

# For a process that has to be started on a machine with other work, and for what there is to read.
_SECONDS, _SECONDS_PER_MEGABYTE = 60.0, 5.0


def why_unreadable(footer: bytes) -> str | None:
    """Why a footer, as it lies behind the columns, cannot be read; ``None`` if it can, whatever it says.

    Raises ``LibraryMissing`` where there is nobody who could read it.
    """
    about = {"footer": base64.b64encode(footer).decode("ascii")}
    answer = ask(__name__, "look", about, seconds=_SECONDS + _SECONDS_PER_MEGABYTE * len(footer) / (1 << 20))
    if isinstance(answer, Died):
        return f"a process that read it {answer.how}"
    if "missing" in answer:
        raise LibraryMissing(f"to look at this format, install pyarrow with its parquet: {answer['missing']}")
    return answer.get("wrong")


def look(footer: str) -> None:
    """Go through all that a footer says, of which nothing is kept: to be asked of a child."""
    import pyarrow.parquet as pq

    data = base64.b64decode(footer)
    file = io.BytesIO(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1")
    told = pq.ParquetFile(file).metadata
    for number in range(told.num_row_groups):
        group = told.row_group(number)
        for at in range(group.num_columns):
            column = group.column(at)
            if column.is_stats_set:
                _ = column.statistics
