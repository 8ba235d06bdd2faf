"""Changing one's mind: what is forgotten comes back, until a collection purges it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from holotype.catalog import Conflict, DatasetNotFound, InvalidOption, SnapshotNotFound
from holotype.lake.collect import collect
from holotype.lake.forget import forget
from holotype.lake.records.snapshots import resolve, snapshots
from holotype.lake.retention.events import new_events
from holotype.lake.trash import recover, trash

from ..making import Clock, another, contents, keep, new_archive


def test_the_trash_says_who_threw_away_what_when_and_why() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    assert trash(archive).height == 0
    keep(archive, "cells", {"a": [b"one" * 100]})
    keep(archive, "cells", {"a": [b"two" * 100]})
    forget(another(archive, author="eve@ward"), snapshots=["cells@1"], reason="mixed up")
    rows = trash(archive, grace=timedelta(days=7)).to_dicts()
    assert [(row["dataset"], row["number"], row["by"], row["reason"], row["bytes"]) for row in rows] == [
        ("cells", 1, "eve@ward", "mixed up", 300)
    ]
    assert rows[0]["purged_from"] == rows[0]["forgotten"] + timedelta(days=7)
    assert abs(rows[0]["forgotten"] - clock.at) < timedelta(seconds=1)


def test_the_trash_says_what_bytes_would_go() -> None:
    archive = new_archive()
    shared, first, second = b"shared" * 1000, bytes(range(256)) * 9, bytes(reversed(range(256))) * 7
    keep(archive, "cells", {"a": [shared], "b": [first]}, chunks_to_a_pack=1)
    keep(archive, "cells", {"a": [shared], "b": [first], "c": [second]}, chunks_to_a_pack=1)
    keep(archive, "cells", {"a": [shared]}, chunks_to_a_pack=1)
    sizes = {row["length"]: row["stored"] for row in archive.catalog.read("chunks").to_pylist()}
    forget(archive, keep_last=1)
    # The chunk that both have goes with the one that goes last.
    assert dict(trash(archive).select("number", "freed").iter_rows()) == {
        1: 0,
        2: sizes[len(first)] + sizes[len(second)],
    }
    recover(archive, "cells@2")
    assert dict(trash(archive).select("number", "freed").iter_rows()) == {1: 0}


def test_a_snapshot_comes_back_whole() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    keep(archive, "cells", {"a": [b"two"]})
    forget(archive, snapshots=["cells@1"])
    with pytest.raises(SnapshotNotFound):
        resolve(archive, "cells@1")
    (snapshot,) = recover(archive, "cells@1", reason="it was the right one")
    assert snapshot.name == "cells@1"
    assert contents(archive, snapshot.id) == {"a": b"one"}
    assert trash(archive).height == 0
    collect(archive)
    assert contents(archive, snapshot.id) == {"a": b"one"}


def test_recovering_what_is_live_changes_nothing() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    version = archive.catalog.refresh().version
    assert [snapshot.name for snapshot in recover(archive, ["cells@1"])] == ["cells@1"]
    assert archive.catalog.refresh().version == version


def test_what_was_purged_does_not_come_back_and_the_error_says_why() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    keep(archive, "cells", {"a": [b"two"]})
    forget(archive, snapshots=["cells@1"])
    collect(archive)
    with pytest.raises(SnapshotNotFound, match="purged"):
        recover(archive, ["cells@1"])


def test_one_wrong_name_recovers_none() -> None:
    archive = new_archive()
    for content in (b"one", b"two", b"three"):
        keep(archive, "cells", {"a": [content]})
    forget(archive, keep_last=1)
    with pytest.raises(SnapshotNotFound):
        recover(archive, ["cells@1", "cells@7"])
    with pytest.raises(DatasetNotFound):
        recover(archive, ["cell@1"])
    with pytest.raises(InvalidOption):
        recover(archive, ["cells"])
    with pytest.raises(InvalidOption):
        trash(archive, grace=timedelta(days=-1))
    assert trash(archive)["number"].to_list() == [1, 2]


def test_it_can_be_forgotten_and_recovered_again_and_again_by_machines_whose_clocks_disagree() -> None:
    archive = new_archive()
    slow = Clock()
    slow.later(days=-400)
    other = another(archive)
    other = type(other)(other.store, other.catalog, other.author, slow)
    keep(archive, "cells", {"a": [b"one"]})
    for _ in range(3):
        forget(archive, snapshots=["cells@1"])
        recover(other, ["cells@1"])
        assert snapshots(archive, state=archive.catalog.refresh()).num_rows == 1
    forget(other, snapshots=["cells@1"])
    assert trash(archive).height == 1


def test_recovering_loses_against_a_collection_that_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)

    def collected_first(*asked: Any, **more: Any) -> Any:
        collect(other)
        return new_events(*asked, **more)

    monkeypatch.setattr("holotype.lake.trash.new_events", collected_first)
    with pytest.raises((SnapshotNotFound, Conflict), match="purged"):
        recover(archive, ["cells@1"])


def test_two_who_recover_the_same_both_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)

    def recovered_first(*asked: Any, **more: Any) -> Any:
        monkeypatch.setattr("holotype.lake.trash.new_events", new_events)
        recover(other, "cells@1")
        return new_events(*asked, **more)

    monkeypatch.setattr("holotype.lake.trash.new_events", recovered_first)
    assert [snapshot.name for snapshot in recover(archive, "cells@1")] == ["cells@1"]
    events = archive.catalog.read("retention")["event"].to_pylist()
    assert events == ["forgotten", "recovered"]


def test_a_quarrel_ends_with_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)

    def quarrel(*asked: Any, **more: Any) -> Any:
        with monkeypatch.context() as calm:
            calm.setattr("holotype.lake.trash.new_events", new_events)
            recover(other, "cells@1")
        forget(other, snapshots=["cells@1"])
        return new_events(*asked, **more)

    monkeypatch.setattr("holotype.lake.trash.new_events", quarrel)
    with pytest.raises(Conflict, match="meanwhile"):
        recover(archive, "cells@1")
