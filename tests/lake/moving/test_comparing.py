"""A comparison finds whatever differs, at whichever end, and says so only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.catalog import DatasetNotFound, InvalidName
from holotype.lake.annotations import annotate
from holotype.lake.compare import compare
from holotype.lake.forget import forget
from holotype.lake.sync import sync

from ..making import another, keep, packs
from .ends import archive_at, differences, noise

if TYPE_CHECKING:
    from holotype.lake.context import Context

FILES = {f"{n}": [noise(n)] for n in range(10)}


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> tuple[Context, Context]:
    """An archive of two datasets, and one that was brought all of it."""
    name = request.node.name
    here, there = archive_at(f"{name}/here")[0], archive_at(f"{name}/there")[0]
    keep(here, "cells", FILES)
    keep(here, "numbers", {"all": [noise(n) for n in range(20, 25)]}, numbers=True)
    annotate(here, "cells@1", {"grade": 3})
    sync(here, there)
    return here, there


def test_the_same(ends: tuple[Context, Context]) -> None:
    here, there = ends
    for full in (False, True):
        for one, other in ((here, there), (there, here), (here, here)):
            found = compare(one, other, full=full)
            assert found.equal
            assert (found.here, found.there, found.full, found.snapshots) == (one.store.url, other.store.url, full, 2)
            assert found.differences.is_empty()
            assert found.differences.columns == ["what", "where", "object", "problem", "dataset", "snapshot", "path"]


def test_a_snapshot_at_one_end_only(ends: tuple[Context, Context]) -> None:
    here, there = ends
    keep(here, "cells", {"a": [b"new"]})
    assert differences(here, there) == [("snapshot", "there", "cells@2")]
    assert differences(there, here) == [("snapshot", "here", "cells@2")]
    forget(there, snapshots=["numbers@1"])
    assert differences(here, there) == [("snapshot", "there", "cells@2"), ("snapshot", "there", "numbers@1")]
    assert differences(here, there, datasets="numbers") == [("snapshot", "there", "numbers@1")]


def test_another_snapshot_of_the_same_name(ends: tuple[Context, Context]) -> None:
    here, there = ends
    mine, theirs = keep(here, "cells", {"a": [b"mine"]}), keep(there, "cells", {"a": [b"theirs"]})
    assert differences(here, there) == [("snapshot", "both", "cells@2")]
    (found,) = compare(here, there).found
    assert mine.id in found.problem
    assert theirs.id in found.problem


def test_what_is_said_at_one_end_only(ends: tuple[Context, Context]) -> None:
    here, there = ends
    annotate(there, "cells", {"owner": "ada"})
    annotate(here, "cells@1", {"rows": 1}, path="3")
    rows = compare(here, there).differences
    assert rows["what"].to_list() == ["annotation", "annotation"]
    assert sorted(rows["where"]) == ["here", "there"]
    assert rows["path"].drop_nulls().to_list() == ["3"]
    assert compare(here, there, datasets=["numbers"]).equal


@pytest.mark.parametrize("where", ["here", "there"])
@pytest.mark.parametrize("full", [False, True])
def test_a_pack_that_is_gone_or_of_another_size(ends: tuple[Context, Context], where: str, full: bool) -> None:  # noqa: FBT001
    here, there = ends
    end = here if where == "here" else there
    (key,) = (key for key in packs(end) if key.endswith(".parquet"))
    data = bytes(end.store.get(key))
    end.store.delete([key])
    found = compare(here, there, full=full)
    assert {(row.what, row.where, row.snapshot) for row in found.found} == {("pack", where, "cells@1")} or full
    assert {row.path for row in found.found} >= set(FILES)
    assert {row.where for row in found.found} == {where}
    assert compare(here, there, datasets=["numbers"], full=full).equal
    end.store.put(key, [data[:-1]])
    assert not compare(here, there, full=full).equal
    end.store.put(key, [data])
    assert compare(here, there, full=full).equal


def test_a_byte_that_flipped_is_found_by_a_full_comparison(ends: tuple[Context, Context]) -> None:
    here, there = ends
    (key,) = (key for key in packs(there) if key.endswith(".parquet"))
    data = bytearray(there.store.get(key))
    data[100] ^= 1
    there.store.put(key, [data])
    assert compare(here, there).equal
    assert {row.where for row in compare(here, there, full=True).found} == {"there"}


@pytest.mark.parametrize("full", [False, True])
def test_a_manifest_that_is_damaged(ends: tuple[Context, Context], full: bool) -> None:  # noqa: FBT001
    here, there = ends
    segment = there.catalog.state.segments("entries")[0]
    data = bytearray(there.store.get(segment.key))
    data[20] ^= 1
    there.store.put(segment.key, [data])
    found = compare(here, another(there), full=full).found
    assert {(row.what, row.where, row.object) for row in found} == {("segment", "there", segment.key)}


@pytest.mark.parametrize("full", [False, True])
def test_a_chunk_that_no_pack_has(ends: tuple[Context, Context], full: bool) -> None:  # noqa: FBT001
    here, there = ends
    (pack,) = (row["pack"] for row in there.catalog.read("packs").to_pylist() if row["kind"] == "zarr")
    segments = there.catalog.state.segments("chunks")
    rows = there.catalog.read("chunks")
    rest = rows.filter([name != pack for name in rows["pack"].to_pylist()])
    there.catalog.commit(remove=segments, add=[there.catalog.write("chunks", rest)], operation="an accident")
    found = compare(here, there, full=full).found
    assert {row.where for row in found} == {"there"}
    assert {row.what for row in found} == {"chunk"}


def test_a_manifest_that_is_made_of_something_else(ends: tuple[Context, Context]) -> None:
    here, there = ends
    segments = there.catalog.state.segments("ranges")
    rows = there.catalog.read("ranges").to_pylist()
    rows[0]["segment"], rows[1]["segment"] = rows[1]["segment"], rows[0]["segment"]
    swapped = there.catalog.write("ranges", there.catalog.table("ranges").rows(rows))
    there.catalog.commit(remove=segments, add=[swapped], operation="an accident")
    assert {row for row in differences(here, there) if row[0] == "manifest"} == {
        ("manifest", "there", "cells@1"),
        ("manifest", "there", "numbers@1"),
    }


def test_a_dataset_that_neither_has(ends: tuple[Context, Context]) -> None:
    here, there = ends
    with pytest.raises(DatasetNotFound, match="cell"):
        compare(here, there, datasets=["cell"])
    with pytest.raises(InvalidName):
        compare(here, there, datasets=["cells@1"])
    keep(there, "theirs", {"a": [b"1"]})
    assert differences(here, there, datasets=["theirs"]) == [("snapshot", "here", "theirs@1")]
