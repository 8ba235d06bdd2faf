"""The history of one file."""

from __future__ import annotations

import pyarrow as pa
import pytest

from holotype.catalog import DatasetNotFound, EntryNotFound, SnapshotNotFound
from holotype.lake.filehistory import file_history
from holotype.lake.forget import forget
from holotype.lake.manifest import Sizes

from .. import making
from ..making import another, keep, new_archive
from ..retention.interleaving import SharedStore


def test_each_snapshot_says_what_became_of_the_file() -> None:
    archive = new_archive()
    keep(archive, "cells", {"b": [b"1"]})
    keep(archive, "cells", {"a": [b"1", b"2"], "b": [b"1"]}, message="now with a")
    keep(archive, "cells", {"a": [b"1", b"2"], "b": [b"2"]})
    keep(archive, "cells", {"a": [b"3"], "b": [b"2"]})
    keep(archive, "cells", {"b": [b"2"]})
    keep(archive, "cells", {"b": [b"3"]})
    keep(archive, "cells", {"a": None, "b": [b"3"]})
    rows = file_history(archive, "cells", "a")
    assert rows.select("number", "change", "kind", "size").rows() == [
        (2, "added", "file", 2),
        (3, "unchanged", "file", 2),
        (4, "modified", "file", 1),
        (5, "removed", None, None),
        (7, "added", "directory", 0),
    ]
    assert rows["message"].to_list()[0] == "now with a"
    digests = rows["sha256"].to_list()
    assert digests[0] == digests[1] != digests[2]
    assert digests[2] == "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce"  # as sha256sum says
    assert rows["mode"].to_list() == [0o644, 0o644, 0o644, None, 0o755]


def test_a_file_whose_bytes_are_the_same_and_whose_attributes_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    rows_of = making.rows_of

    def read_only(files: making.Files) -> pa.Table:
        rows = rows_of(files)
        place = rows.schema.get_field_index("mode")
        return rows.set_column(place, rows.schema.field("mode"), pa.array([0o444] * rows.num_rows, pa.uint32()))

    monkeypatch.setattr(making, "rows_of", read_only)
    keep(archive, "cells", {"a": [b"1"]})
    assert file_history(archive, "cells", "a")["change"].to_list() == ["added", "metadata"]


def test_forgotten_snapshots_are_left_out() -> None:
    archive = new_archive()
    for content in (b"1", b"2", b"1"):
        keep(archive, "cells", {"a": [content]})
    forget(archive, snapshots=["cells@2"])
    assert file_history(archive, "cells", "a").select("number", "change").rows() == [(1, "added"), (3, "unchanged")]


def test_a_file_that_is_gone_from_the_latest_snapshot_still_has_a_history() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"], "b": [b"1"]})
    keep(archive, "cells", {"b": [b"1"]})
    assert file_history(archive, "cells", "a")["change"].to_list() == ["added", "removed"]


def test_what_never_was_has_none() -> None:
    archive = new_archive()
    keep(archive, "cells", {"raw": None, "raw/a.csv": [b"1"]})
    with pytest.raises(EntryNotFound, match=r"raw/a\.csv"):
        file_history(archive, "cells", "raw/b.csv")
    with pytest.raises(DatasetNotFound):
        file_history(archive, "cell", "raw/a.csv")
    forget(archive, snapshots=["cells@1"])
    with pytest.raises(SnapshotNotFound):
        file_history(archive, "cells", "raw/a.csv")


def test_paths_that_are_not_utf8_are_named_as_they_are_shown() -> None:
    archive = new_archive()
    files = {"caf\udce9": [b"1"], "caf": [b"1"]}
    keep(archive, "cells", files)
    keep(archive, "cells", {**files, "caf\udce9": [b"2"]})
    assert file_history(archive, "cells", "caf\\xe9")["change"].to_list() == ["added", "modified"]


def test_only_the_segments_that_can_hold_the_file_are_read() -> None:
    store = SharedStore()
    archive = new_archive(store)
    sizes = Sizes(target_rows=16, min_rows=8, max_rows=32)
    files = {f"f{n:03}": [b"%d" % n] for n in range(200)}
    for version in range(6):
        keep(archive, "cells", {**files, "f150": [b"v%d" % version]}, sizes=sizes)
    fetched: list[str] = []
    get = store.get

    def counting(key: str, start: int = 0, length: int | None = None) -> object:
        fetched.append(key)
        return get(key, start, length)

    store.get = counting  # type: ignore[method-assign, assignment]
    reader = another(archive)
    assert file_history(reader, "cells", "f010").height == 6
    entries = [key for key in fetched if key.startswith("tables/entries/")]
    assert len(set(entries)) == 1
