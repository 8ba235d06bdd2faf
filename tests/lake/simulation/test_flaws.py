"""The simulation is able to fail: where one check is left out of the code, it finds what goes wrong then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import StorageFailed

from ..retention.test_interleavings import no_check
from .cases import CASES, OnePause, calls_of, play_case
from .storms import TELLING, play

if TYPE_CHECKING:
    from pathlib import Path

    from .storms import Played
    from .world import Stage


def first_broken(stage: Stage, seeds: range, scratch: Path) -> Played | None:
    """The first of some storms in which something is wrong."""
    return next((played for seed in seeds if (played := play(stage, seed, scratch)).broken), None)


def believes_any_answer(store: Any, entry: Any, data: bytes, sleep: object) -> bool:
    """How an entry must not be created: an answer that was lost is taken for a refusal."""
    del sleep
    try:
        return bool(store.create(entry.key, data))
    except StorageFailed:
        return False


# Where, what stands there instead, and from which seed it shows soon (any change to the code may make that later).
FLAWS = {
    "writers do not look again": ("holotype.lake.backup.writer_check", no_check, 10),
    "collectors do not look again": ("holotype.lake.collect._collector_check", no_check, 0),
    "who is purged may be recovered": ("holotype.lake.collect.undisturbed", no_check, 60),
    "commits do not look again": ("holotype.catalog.commits.check_entries", lambda *asked: None, 0),
    "tellers do not look again": ("holotype.catalog.provenance.recording._check", no_check, TELLING),
    "lost answers are refusals": ("holotype.catalog.commits._create", believes_any_answer, 100),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_check_that_is_left_out_is_missed(
    flaw: str, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, instead, seed = FLAWS[flaw]
    monkeypatch.setattr(where, instead)
    assert first_broken(stage, range(seed, seed + 2000), tmp_path)


def test_aborted_writers_that_go_on_are_found(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few storms find that: a collection must come whole between a writer's last pack and its commit."""
    case = CASES["writer of nothing known, collector"]
    pauses = range(1, calls_of(stage, case["writer"], tmp_path))

    def broken() -> bool:
        return any(play_case(stage, case, OnePause("writer", calls), tmp_path)[1] for calls in pauses)

    assert not broken()
    monkeypatch.setattr("holotype.lake.retention.sessions._refuse_if_aborted", lambda *asked, **told: None)
    assert broken()


def test_without_a_flaw_all_is_well_in_the_same_storms(stage: Stage, tmp_path: Path) -> None:
    assert first_broken(stage, range(20), tmp_path) is None
