"""A process that is killed at any moment costs what it had not committed yet, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.lake.storing.helpers import helper_count

from ...effort import share
from .killing import Killer

if TYPE_CHECKING:
    from pathlib import Path

    from .killing import Killed

# ``benchmarks/crash.py`` kills hundreds.  With fewer than nine it would be chance whether anybody was helped.
KILLS = max(9, share(15))


def got_to_work(deaths: list[Killed]) -> bool:
    """Whether enough was done before they died."""
    least = min(sum(death.committed for death in deaths), sum(death.recorded for death in deaths))
    return least >= KILLS // 4 and (helper_count() == 0 or any(death.helpers for death in deaths))


def test_whenever_a_process_is_killed_what_it_committed_is_there_and_whole(tmp_path: Path) -> None:
    killer = Killer(str(tmp_path / "archive"), tmp_path, seed=1)
    deaths = [killer.kill() for _ in range(KILLS)]
    while not got_to_work(deaths) and len(deaths) < 3 * KILLS:  # the machine has much else to do
        deaths.append(killer.kill(times=4))
    assert sum(death.committed for death in deaths) >= KILLS // 4, "they hardly got to work"
    assert sum(death.recorded for death in deaths) >= KILLS // 4, "they hardly recorded anything"
    assert helper_count() == 0 or any(death.helpers for death in deaths), "nobody was helped"
    killer.finish()
