"""Whoever wants to know is told of each event once it is written down, and can do the run no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype.scheduling import Scheduler
from holotype.scheduling.running.journal import read_events

from ..running.making import samples_in, site_in, whole
from .making import folder_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_each_event_is_told_in_order_when_it_is_written_down(tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []

    def hear(run: str, event: Mapping[str, Any]) -> None:
        assert run == "run"
        told.append(event)
        assert event in [*read_events(folder_of(tmp_path) / "journal")]
        with pytest.raises(TypeError):
            event["what"] = "nothing"  # type: ignore[index]

    with Scheduler(site_in(tmp_path), on_event=hear) as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "ann"), name="run", check=False)
        assert [event["what"] for event in told] == ["ordered"]
        scheduler.work(timeout=60)
    assert [dict(event) for event in told] == [*read_events(folder_of(tmp_path) / "journal")]
    with Scheduler(site_in(tmp_path), on_event=hear) as scheduler:
        scheduler.resume("run")
        scheduler.work(timeout=60)
    assert [event["what"] for event in told[-2:]] == ["resumed", "measured"]


def test_whoever_cannot_hear_it_stops_the_work_and_nothing_is_lost(tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []
    failed = 0

    def fail(_: str, event: Mapping[str, Any]) -> None:
        nonlocal failed
        told.append(event)
        if event["what"] != "ordered" and len(told) % 2:
            failed += 1
            raise RuntimeError("it has no ears")

    with Scheduler(site_in(tmp_path), on_event=fail) as scheduler:
        run = scheduler.start(whole(), samples_in(tmp_path, "ann", "ben"), name="run", check=False)
        caught = 0
        for _ in range(200):
            try:
                scheduler.work(timeout=60)
            except RuntimeError:
                caught += 1
            else:
                break
        assert run.outcome().state == "done"
        assert run.outcome().samples == {"done": 2}
        assert set(run.tasks()["attempts"]) == {1}
        assert caught == failed > 5
    assert [dict(event) for event in told] == [*read_events(folder_of(tmp_path) / "journal")]
