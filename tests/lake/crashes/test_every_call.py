"""Whichever call to the storage fails, in whatever way, in whatever verb: nothing that was committed suffers.

Here each call of a verb that writes something, and some of those that read, fail once, each in another way than its
neighbours; ``benchmarks/crash.py`` lets all of them fail in every way.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import StorageFailed
from holotype.lake.storing.ledger import Ledger

from ...catalog.faults import FAULTS
from ...effort import every
from .everywhere import applies, calls, with_fault
from .promise import Broken
from .verbs import VERBS

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake.packs import Pack

    from .laboratory import Laboratory
    from .verbs import Verb


# One of so many calls, and of those that only read: what is left behind after one of them fails is much the same as
# after its neighbour.
STRIDE, READING = every(1), every(6)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_what_was_committed_is_there_and_whole_whichever_call_fails(
    verb: Verb, laboratory: Laboratory, tmp_path: Path
) -> None:
    there_are = calls(laboratory, verb, tmp_path)
    # Each verb begins elsewhere in the list: calls that many verbs make fail in as many ways.
    number = VERBS.index(verb)
    faults = islice(cycle(FAULTS), number, None)
    for place, call in enumerate(there_are, 1):
        if (place + number) % (READING if call.startswith(("get", "size", "exists")) else STRIDE):
            continue
        fault = next(fault for fault in faults if applies(fault, call))
        try:
            with_fault(laboratory, verb, fault, place, tmp_path, thorough=False)
        except Exception as error:
            error.add_note(f"{verb.name}: {fault.name} at call {place}, {call}")
            raise


def test_a_backup_that_did_not_mind_an_error_would_be_found_out(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Ledger.store

    def careless(ledger: Ledger, pack: Pack) -> None:
        with suppress(StorageFailed):
            store(ledger, pack)

    monkeypatch.setattr(Ledger, "store", careless)
    (backup,) = (verb for verb in VERBS if verb.name == "backup, the first")
    place = next(n for n, call in enumerate(calls(laboratory, backup, tmp_path), 1) if call.startswith("put packs/"))
    with pytest.raises(Broken, match="verify found damage"):
        with_fault(laboratory, backup, FAULTS[0], place, tmp_path)
