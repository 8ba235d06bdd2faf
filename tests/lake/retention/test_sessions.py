"""Sessions: what a writer may commit, and who is thought dead."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict
from holotype.lake.collect import collect
from holotype.lake.forget import forget
from holotype.lake.retention.sessions import (
    abort_session,
    aborted,
    idle,
    machine_here,
    open_session,
    taken_for_dead,
    writer_check,
)

from ..making import Clock, another, keep, new_archive

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake.context import Context

NOW = datetime(2026, 5, 4, tzinfo=UTC)
A_DAY = timedelta(days=1)


def commit(archive: Context, **options: Any) -> None:
    """An empty commit."""
    archive.catalog.commit(operation="test", **options)


def test_names_differ_sort_by_time_and_can_be_part_of_a_key() -> None:
    archive = new_archive()
    names = [open_session(archive) for _ in range(20)]
    assert names == sorted(set(names))
    assert all(re.fullmatch(r"[0-9T]+-[0-9a-f]+", name) for name in names)
    assert [row["session"] for row in idle(archive)] == names
    assert {(row["host"], row["process"]) for row in idle(archive)} == {(machine_here(), os.getpid())}


def test_a_session_that_made_a_snapshot_or_gave_up_is_not_idle() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    session = open_session(archive)
    assert [row["session"] for row in idle(archive)] == [session]
    abort_session(archive, session)
    assert idle(archive) == []
    assert aborted(archive) == {session}


def test_nobody_commits_in_an_aborted_session_whenever_that_was() -> None:
    archive = new_archive()
    other = another(archive)
    session = open_session(archive)
    view = archive.catalog.refresh()
    check = writer_check(archive, session, (), view)
    abort_session(other, session)
    with pytest.raises(Conflict, match="aborted"):
        commit(archive, view=view, check=check)
    with pytest.raises(Conflict, match="aborted"):
        writer_check(archive, session, (), archive.catalog.refresh())


def test_nobody_commits_upon_a_pack_that_was_collected_since() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    pack = archive.catalog.read("packs")["pack"][0].as_py()
    forget(archive, snapshots=["cells@1"])
    view = archive.catalog.refresh()
    collect(another(archive))
    with pytest.raises(Conflict, match="collected"):
        commit(archive, view=view, check=writer_check(archive, None, {pack}, view))
    with pytest.raises(Conflict, match="collected"):
        commit(archive, view=view, check=writer_check(archive, pack.partition("/")[0], (), view))
    commit(archive, view=view, check=writer_check(archive, None, {"another/pack"}, view))


def test_nobody_commits_upon_a_snapshot_that_was_purged_since() -> None:
    archive = new_archive()
    first = keep(archive, "cells", {"a": [b"1"]})
    second = keep(archive, "cells", {"a": [b"2"]})
    forget(archive, snapshots=["cells@1"])
    view = archive.catalog.refresh()
    collect(another(archive))
    with pytest.raises(Conflict, match="purged"):
        commit(archive, view=view, check=writer_check(archive, None, (), view, parents=[first.id]))
    commit(archive, view=view, check=writer_check(archive, None, (), view, parents=[second.id]))


def test_merging_the_records_of_what_was_condemned_disturbs_nobody() -> None:
    archive = new_archive()
    for content in (b"1", b"2", b"3"):
        keep(archive, "cells", {"a": [content]})
        forget(archive, snapshots=["cells@latest"])
        collect(archive)
    session = open_session(archive)
    view = archive.catalog.refresh()
    assert archive.catalog.compact(tables=["tombstones", "retention", "sessions"])
    commit(archive, view=view, check=writer_check(archive, session, {"s/living"}, view, parents=["0" * 64]))


def row(**known: Any) -> dict[str, Any]:
    """A session that was opened an hour ago on another machine."""
    return {"session": "s", "time": NOW - timedelta(hours=1), "host": "node7", "process": 7, **known}


def test_elsewhere_time_decides() -> None:
    assert not taken_for_dead(row(), at=NOW, dead_after=A_DAY)
    assert taken_for_dead(row(time=NOW - A_DAY), at=NOW, dead_after=A_DAY)
    assert not taken_for_dead(row(time=NOW - A_DAY), at=NOW, dead_after=A_DAY, active=NOW - timedelta(hours=1))
    assert taken_for_dead(row(time=NOW - 3 * A_DAY), at=NOW, dead_after=A_DAY, active=NOW - A_DAY)


def test_here_the_process_decides_where_it_can_be_asked() -> None:
    here = row(host=machine_here(), time=NOW - 9 * A_DAY)
    assert not taken_for_dead(here, at=NOW, dead_after=A_DAY, runs=lambda process, opened: True)
    assert taken_for_dead(here, at=NOW, dead_after=A_DAY, runs=lambda process, opened: None)
    young = row(host=machine_here())
    assert taken_for_dead(young, at=NOW, dead_after=A_DAY, runs=lambda process, opened: False)
    assert not taken_for_dead(young, at=NOW, dead_after=A_DAY, runs=lambda process, opened: None)
    assert not taken_for_dead(row(process=None), at=NOW, dead_after=A_DAY)


def test_a_number_that_another_process_has_by_now_leaves_it_to_time() -> None:
    now = datetime.now(UTC)
    mine = row(host=machine_here(), process=os.getpid())
    assert not taken_for_dead({**mine, "time": now}, at=now + 9 * A_DAY, dead_after=A_DAY)
    long_ago = now - timedelta(days=4000)  # before this process began
    assert taken_for_dead({**mine, "time": long_ago}, at=now, dead_after=A_DAY)


def test_what_the_system_does_not_tell_is_not_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    mine = row(host=machine_here(), process=os.getpid(), time=now)
    monkeypatch.setattr("holotype.lake.retention.sessions._began", lambda process: None)
    assert taken_for_dead(mine, at=now + A_DAY, dead_after=A_DAY)
    monkeypatch.setattr("holotype.lake.retention.sessions.os.kill", not_allowed)
    assert not taken_for_dead(mine, at=now, dead_after=A_DAY)
    monkeypatch.setattr("holotype.lake.retention.sessions.sys.platform", "win32")
    assert not taken_for_dead(mine, at=now, dead_after=A_DAY)


def not_allowed(*asked: object) -> None:
    """What the system says of another's process."""
    raise PermissionError


def test_a_containers_processes_are_not_those_of_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.retention.sessions.host_here", lambda: "node7")
    monkeypatch.setattr("holotype.lake.retention.sessions.os.readlink", lambda path: "pid:[4026531836]")
    assert machine_here() == "node7"
    monkeypatch.setattr("holotype.lake.retention.sessions.os.readlink", lambda path: "pid:[4026532001]")
    assert machine_here() == "node7/pid:[4026532001]"
    monkeypatch.setattr("holotype.lake.retention.sessions.os.readlink", no_such_link)
    assert machine_here() == "node7"


def no_such_link(path: str) -> str:
    """What the system says where there is no /proc."""
    raise FileNotFoundError(path)


def test_a_clock_far_off_costs_time_not_data() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    other = another(archive)
    fast = Clock()
    fast.later(days=4000)
    collector = type(other)(other.store, other.catalog, other.author, fast)
    snapshot = keep(archive, "cells", {"a": [b"1"]})
    collect(collector)
    assert snapshot.name == "cells@1"
    keep(archive, "cells", {"a": [b"1"], "b": [b"2"]})
