"""A budget a night walks through the whole archive, what waits longest first, and it is written down."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import InvalidOption
from holotype.lake.executing import Inline

from ..archive.trees import fill
from ..making import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def clock() -> Clock:
    """A clock that a test sets."""
    return Clock()


@pytest.fixture
def archive(tmp_path: Path, clock: Clock) -> Archive:
    """An archive of six packs, each a megabyte and more."""
    archive = lake.create(tmp_path / "archive", author="ada", clock=clock)
    source = tmp_path / "source"
    for number in range(6):
        fill(source, {f"{number}.bin": random.Random(number).randbytes(1_100_000)})
        archive.backup(source, dataset="run")
    return archive


def test_without_a_budget_all_is_read_and_written_down(archive: Archive) -> None:
    found = archive.scrub()
    assert found.ok
    assert (found.verified.objects, found.waiting, found.waiting_bytes, found.oldest) == (6, 0, 0, None)
    rows = archive.scrubs()
    assert rows["sound"].to_list() == [True] * 6
    assert rows["author"].to_list() == ["ada"] * 6
    assert rows["time"].null_count() == 0


def test_nights_with_a_budget_walk_through_everything_the_longest_waiting_first(archive: Archive, clock: Clock) -> None:
    assert archive.scrubs()["time"].null_count() == 6
    waiting: list[int] = []
    for _ in range(3):
        clock.later(days=1)
        found = archive.scrub(bytes=2_000_000)
        assert found.verified.objects == 2
        waiting.append(found.waiting)
    assert waiting == [4, 2, 0]
    first = archive.scrubs()["pack"].to_list()
    clock.later(days=1)
    again = archive.scrub(bytes=2_000_000)
    assert archive.scrubs()["pack"].to_list() == [*first[2:], *first[:2]]
    assert again.oldest == archive.scrubs()["time"][0]


def test_at_least_one_pack_is_read_however_small_the_budget(archive: Archive) -> None:
    assert archive.scrub(bytes=1).verified.objects == 1
    assert archive.scrub(within=timedelta(microseconds=1)).verified.objects >= 1


def test_what_is_damaged_is_traced_to_its_files_and_written_down(archive: Archive, tmp_path: Path) -> None:
    victim = sorted((tmp_path / "archive" / "packs").rglob("*.parquet"))[3]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(data)
    found = archive.scrub()
    assert not found.ok
    (path,) = set(found.verified.damage["path"].to_list())
    assert path is not None
    assert set(found.verified.damage["snapshot"].to_list()) == {f"run@{n}" for n in range(int(path[0]) + 1, 7)}
    assert sorted(archive.scrubs()["sound"].to_list()) == [False, *[True] * 5]
    assert archive.sql("SELECT count(*) FROM scrubs WHERE NOT sound").fetchall() == [(1,)]


def test_an_archive_opened_for_reading_is_read_and_nothing_is_written_down(archive: Archive) -> None:
    reader = lake.open(archive.url, read_only=True)
    assert reader.scrub().ok
    assert reader.scrubs()["time"].null_count() == 6


def test_an_executor_reads_for_it(archive: Archive) -> None:
    assert archive.scrub(executor=Inline()).verified.objects == 6


def test_a_new_pack_waits_before_all_that_was_read(archive: Archive, tmp_path: Path) -> None:
    archive.scrub()
    fill(tmp_path / "source", {"new.bin": random.Random(9).randbytes(1_100_000)})
    archive.backup(tmp_path / "source", dataset="run")
    assert archive.scrubs()["time"].null_count() == 1
    assert archive.scrub(bytes=1).waiting == 0


def test_progress_is_told(archive: Archive) -> None:
    told: list[tuple[int, int | None]] = []
    archive.scrub(progress=lambda now: told.append((now.files, now.total_files)))
    assert told[-1] == (6, 6)


def test_a_budget_is_more_than_nothing(archive: Archive) -> None:
    with pytest.raises(InvalidOption, match="more than nothing"):
        archive.scrub(bytes=0)
    with pytest.raises(InvalidOption, match="more than nothing"):
        archive.scrub(within=timedelta(0))


@pytest.mark.parametrize("budget", [{"bytes": "10 GB"}, {"within": 60}])
def test_a_budget_in_words_or_in_bare_seconds_is_refused(archive: Archive, budget: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="and not"):
        archive.scrub(**budget)
