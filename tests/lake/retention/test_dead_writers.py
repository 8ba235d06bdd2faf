"""What the dead leave behind, and what only looks like it: sessions, half-written packs, segments nobody names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict, LocalStore, ObjectMissing
from holotype.lake.collect import collect
from holotype.lake.forget import forget
from holotype.lake.retention.sessions import aborted, open_session
from holotype.lake.schema import TABLES

from ..making import Clock, all_there, another, contents, elsewhere, keep, new_archive, packs
from .interleaving import SharedStore

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_dead_writer_left_behind_goes_and_it_cannot_commit_any_more() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    keep(archive, "cells", {"a": [b"one"]})
    other = another(archive)
    session = elsewhere(other)
    other.store.put(f"packs/{session}/{'0' * 64}.parquet", [b"never committed"])
    clock.later(hours=30)
    result = collect(archive)
    assert result.sessions == (session,)
    assert session in aborted(archive)
    assert len(packs(archive)) == 1
    assert all_there(archive)


def test_a_writer_of_another_machine_is_given_time_for_as_long_as_it_writes() -> None:
    clock = Clock()
    archive = new_archive(SharedStore(), clock=clock)
    store = archive.store
    assert isinstance(store, SharedStore)
    session = elsewhere(archive)
    clock.later(hours=23)
    assert collect(archive).sessions == ()
    store.put(f"packs/{session}/{'0' * 64}.parquet", [b"a part"])
    store.written = clock.at
    clock.later(hours=23)
    assert collect(archive).sessions == ()
    clock.later(hours=2)
    assert collect(archive).sessions == (session,)
    assert not packs(archive)


def test_a_writer_of_this_machine_lives_for_as_long_as_its_process_runs() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    session = open_session(archive)
    clock.later(days=90)
    assert collect(archive).sessions == ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.retention.sessions.os.kill", no_such_process)
        assert collect(archive).sessions == (session,)


def no_such_process(*asked: object) -> None:
    """What the system says of a process that is gone."""
    raise ProcessLookupError


def test_what_a_running_writer_wrote_so_far_is_spared() -> None:
    clock = Clock()
    archive = new_archive(SharedStore(), clock=clock)
    session = open_session(archive)
    part = archive.catalog.write("packs", TABLES_BY_NAME["packs"].rows([pack_row(session)]))
    archive.store.put(f"packs/{session}/{'0' * 64}.parquet", [b"a part"])
    archive.catalog.commit(add=[part], operation="checkpoint")
    assert collect(archive).packs == ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.retention.sessions.os.kill", no_such_process)
        assert collect(archive).packs == (f"{session}/{'0' * 64}",)
    assert not packs(archive)


TABLES_BY_NAME = {table.name: table for table in TABLES}


def pack_row(session: str) -> dict[str, Any]:
    """A row of the table of packs."""
    key = f"packs/{session}/{'0' * 64}.parquet"
    name = f"{session}/{'0' * 64}"
    return {"pack": name, "kind": "parquet", "session": session, "object": key, "bytes": 6, "raw": 6, "chunks": 1}


def test_what_a_slow_upload_brings_back_is_deleted_again() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    (key,) = packs(archive)
    data = archive.store.get(key)
    forget(archive, snapshots=["cells@1"])
    collect(archive)
    archive.store.put(key, [data])
    assert collect(archive).objects == 1
    assert not packs(archive)


def test_segments_nobody_names_go_when_they_are_old_and_their_writer_learns_of_it() -> None:
    clock = Clock()
    archive = new_archive(SharedStore(), clock=clock)
    keep(archive, "cells", {"a": [b"one"]})
    state = archive.catalog.refresh()
    rows = archive.catalog.read("problems").schema.empty_table()
    late = another(archive)
    segment = late.catalog.write("problems", rows)
    assert collect(archive).objects == 0, "it is too young to be taken for abandoned"
    clock.later(days=2)
    collect(archive)
    assert archive.catalog.refresh().version == state.version + 1
    with pytest.raises(Conflict):
        late.catalog.commit(add=[segment], operation="late")
    clock.later(days=2)
    collect(archive)
    assert not archive.store.exists(segment.key)
    assert all_there(archive)


def test_replaced_segments_stay_for_readers_of_earlier_versions_for_a_while() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    reader = another(archive)
    keep(archive, "cells", {"a": [b"one" * 99], "b": [b"shared" * 99]}, chunks_to_a_pack=1)
    second = keep(archive, "cells", {"b": [b"shared" * 99]}, chunks_to_a_pack=1)
    view = reader.catalog.refresh()
    forget(archive, snapshots=["cells@1"])
    collect(archive)
    assert reader.catalog.read("chunks", state=view).num_rows == 2
    clock.later(days=2)
    collect(archive)
    with pytest.raises(ObjectMissing):
        another(archive).catalog.read("chunks", state=view)
    assert contents(archive, second.id) == {"b": b"shared" * 99}


def test_leftovers_of_interrupted_writes_go_when_they_are_old(tmp_path: Path) -> None:
    clock = Clock()
    archive = new_archive(LocalStore(tmp_path, durable=False), clock=clock)
    keep(archive, "cells", {"a": [b"one"]})
    (tmp_path / "packs" / "half.parquet~0123456789abcdef").write_bytes(b"half")
    if not list(archive.store.leftovers()):
        pytest.fail("the store names its temporary files in another way now")
    assert collect(archive).objects == 0
    clock.later(days=2)
    assert collect(archive).objects == 1
    assert not list(archive.store.leftovers())
