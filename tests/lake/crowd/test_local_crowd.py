"""Processes keep folders in one archive at once, of one dataset and of their own, while others collect, compact
and read: nothing is lost, nothing is there twice, and nobody sees half of anything.

Longer: ``python -m benchmarks.crash --writers 8 --rounds 50``, and the same with ``--url s3://``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...effort import share
from .crowd import meet

if TYPE_CHECKING:
    from pathlib import Path


# Of four, two share a dataset, and one forgets.
WRITERS = max(4, share(8))


def test_nothing_suffers_on_a_local_disk(tmp_path: Path) -> None:
    crowd = meet(str(tmp_path / "archive"), tmp_path, writers=WRITERS, rounds=2)
    assert crowd.kept == 2 * WRITERS
    assert crowd.commits["backup"] == 2 * WRITERS
    assert crowd.recorded == crowd.commits["activity"] == 2 * WRITERS
    assert crowd.times["reader"] > 0
