"""Annotations: what people say of datasets, snapshots and files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import DatasetNotFound, EntryNotFound, InvalidName, InvalidOption, SnapshotNotFound
from holotype.lake.annotations import annotate, current
from holotype.lake.annotations import annotations as listed
from holotype.lake.forget import forget

from ..making import Clock, another, keep, new_archive

if TYPE_CHECKING:
    import polars as pl

    from holotype.lake.context import Context


@pytest.fixture
def archive() -> Context:
    """Two versions of a dataset, of which the first has a file that the second has not."""
    made = new_archive()
    keep(made, "cells", {"raw/a.csv": [b"1"], "raw/old.csv": [b"2"]})
    keep(made, "cells", {"raw/a.csv": [b"3"]})
    return made


def said(rows: pl.DataFrame) -> dict[tuple[int | None, str | None, str], Any]:
    """Text by version, path and key."""
    return {(row["version"], row["path"], row["key"]): row["text"] for row in rows.to_dicts()}


def test_values_keep_their_types(archive: Context) -> None:
    moment = datetime(2026, 5, 4, 10, tzinfo=timezone(timedelta(hours=2)))
    annotate(archive, "cells@1", {"lab": "Rivera", "mice": 12, "dose": 0.5, "blind": True, "when": moment}, tags=["ok"])
    rows = {row["key"]: row for row in listed(archive, "cells@1").to_dicts()}
    assert {key: row["type"] for key, row in rows.items()} == {
        "lab": "text",
        "mice": "number",
        "dose": "number",
        "blind": "boolean",
        "when": "time",
        "ok": "tag",
    }
    assert (rows["mice"]["number"], rows["mice"]["text"]) == (12.0, "12")
    assert (rows["blind"]["number"], rows["blind"]["text"]) == (1.0, "true")
    assert rows["when"]["moment"] == moment.astimezone(UTC)
    assert rows["lab"]["author"] == "ada@lab"


def test_whole_numbers_of_any_size_are_kept_to_the_last_digit(archive: Context) -> None:
    for huge in (2**63 + 1, 10**400, -(10**400)):
        annotate(archive, "cells", {"huge": huge})
        assert listed(archive, "cells")["text"].to_list() == [str(huge)]


def test_the_last_word_counts_and_the_earlier_ones_are_kept(archive: Context) -> None:
    annotate(archive, "cells@1", {"state": "new"})
    annotate(another(archive), "cells@1", {"state": "checked"})
    assert said(listed(archive, "cells@1")) == {(1, None, "state"): "checked"}
    history = listed(archive, "cells@1", history=True)
    assert history.select("text", "author", "holds").rows() == [
        ("new", "ada@lab", False),
        ("checked", "bob@ward", True),
    ]


def test_none_and_remove_take_back(archive: Context) -> None:
    annotate(archive, "cells@1", {"a": 1, "b": 2}, tags=["x", "y"])
    annotate(archive, "cells@1", {"a": None}, remove=["x"])
    assert sorted(listed(archive, "cells@1")["key"]) == ["b", "y"]
    assert listed(archive, "cells@1", history=True).height == 6
    annotate(archive, "cells@1", {"a": "again"})
    assert said(listed(archive, "cells@1"))[1, None, "a"] == "again"


def test_a_dataset_a_snapshot_and_a_file_are_spoken_of_apart(archive: Context) -> None:
    annotate(archive, "cells", {"k": "dataset"})
    annotate(archive, "cells@1", {"k": "first"})
    annotate(archive, "cells@latest", {"k": "second"})
    annotate(archive, "cells", {"k": "file"}, path="raw/a.csv")
    annotate(archive, "cells@1", {"k": "file in the first"}, path="raw/a.csv")
    assert said(listed(archive)) == {
        (None, None, "k"): "dataset",
        (None, "raw/a.csv", "k"): "file",
        (1, None, "k"): "first",
        (1, "raw/a.csv", "k"): "file in the first",
        (2, None, "k"): "second",
    }
    assert said(listed(archive, "cells@1")) == {
        (1, None, "k"): "first",
        (1, "raw/a.csv", "k"): "file in the first",
    }
    assert listed(archive, "cells", path="raw/a.csv").height == 2
    assert current(archive).height == 5


def test_what_is_annotated_has_to_exist(archive: Context) -> None:
    keep(archive, "gone", {"a": [b"1"]})
    forget(archive, snapshots=["gone@1"])
    for error, target, path in (
        (DatasetNotFound, "cell", None),
        (SnapshotNotFound, "cells@7", None),
        (EntryNotFound, "cells@2", "raw/old.csv"),
        (EntryNotFound, "cells", "raw/b.csv"),
        (DatasetNotFound, "gone", "a"),
        (InvalidName, "no name!", None),
    ):
        with pytest.raises(error):
            annotate(archive, target, {"k": 1}, path=path)
    annotate(archive, "cells", {"k": "still said"}, path="raw/old.csv")
    annotate(archive, "gone", {"k": "why it went"})
    with pytest.raises(DatasetNotFound):
        listed(archive, "cell")


def test_what_cannot_be_said_is_refused(archive: Context) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"values": {"": 1}},
        {"values": {"a\nb": 1}},
        {"values": {"k" * 201: 1}},
        {"values": {"k": [1, 2]}},
        {"values": {"k": datetime(2026, 1, 1)}},  # noqa: DTZ001 - no zone is what is wrong with it
        {"tags": [""]},
    ]
    for options in wrong:
        with pytest.raises(InvalidOption):
            annotate(archive, "cells", **options)
    assert listed(archive).height == 0


def test_a_clock_that_is_behind_does_not_undo_what_it_says_last(archive: Context) -> None:
    slow = Clock()
    slow.later(days=-30)
    other = another(archive)
    other = type(other)(other.store, other.catalog, other.author, slow)
    annotate(archive, "cells", {"state": "new"})
    annotate(other, "cells", {"state": "checked"})
    assert listed(archive)["text"].to_list() == ["checked"]


def test_paths_that_are_not_utf8_are_named_as_they_are_shown() -> None:
    archive = new_archive()
    keep(archive, "cells", {"caf\udce9.csv": [b"1"]})
    annotate(archive, "cells@1", {"k": 1}, path="caf\\xe9.csv")
    assert listed(archive)["path"].to_list() == ["caf\\xe9.csv"]
