"""Usage: what each dataset takes, shares, and would free."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.collect import collect
from holotype.lake.context import Context
from holotype.lake.forget import forget
from holotype.lake.manifest import Manifest, Sizes
from holotype.lake.records.snapshots import history
from holotype.lake.schema import TABLES
from holotype.lake.trash import trash
from holotype.lake.usage import usage

from ...effort import share
from ..making import Clock, keep, new_archive
from ..retention.interleaving import QuickCatalog, SharedStore

COLUMNS = [
    "dataset",
    "snapshots",
    "latest",
    "files",
    "bytes",
    "logical_bytes",
    "unique_bytes",
    "shared_bytes",
    "stored_bytes",
    "freed_if_forgotten",
]
SMALL = Sizes(target_rows=4, min_rows=2, max_rows=8, delta_rows=6, delta_share=0.6, range_share=0.9)


def by_dataset(archive: Context, **options: Any) -> dict[str, dict[str, Any]]:
    """The rows of ``usage`` by dataset."""
    rows = usage(archive, **options)
    assert rows.columns == COLUMNS
    return {row["dataset"]: row for row in rows.to_dicts()}


def test_an_empty_archive_takes_nothing() -> None:
    assert by_dataset(new_archive()) == {}


def test_bytes_are_counted_once_however_many_snapshots_and_files_have_them() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"x" * 1000], "copy of a": [b"x" * 1000]})
    keep(archive, "cells", {"a": [b"x" * 1000], "b": [b"y" * 10]})
    row = by_dataset(archive)["cells"]
    assert (row["snapshots"], row["latest"], row["files"], row["bytes"]) == (2, 2, 2, 1010)
    assert row["logical_bytes"] == 3010
    assert row["unique_bytes"] == 1010
    assert row["shared_bytes"] == 0
    assert 0 < row["stored_bytes"] < 1010, "it compresses well"


def test_what_two_datasets_share_is_neithers_own() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"x" * 1000], "b": [b"y" * 10]}, chunks_to_a_pack=1)
    keep(archive, "plants", {"a": [b"x" * 1000], "c": [b"z" * 20]}, chunks_to_a_pack=1)
    rows = by_dataset(archive)
    assert (rows["cells"]["unique_bytes"], rows["cells"]["shared_bytes"]) == (10, 1000)
    assert (rows["plants"]["unique_bytes"], rows["plants"]["shared_bytes"]) == (20, 1000)


def test_forgetting_frees_what_was_promised() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"x" * 1000], "b": [b"y" * 10]}, chunks_to_a_pack=1)
    keep(archive, "plants", {"a": [b"x" * 1000], "c": [b"z" * 20]}, chunks_to_a_pack=1)
    promised = by_dataset(archive)["cells"]["freed_if_forgotten"]
    before = sum(archive.catalog.read("chunks")["stored"].to_pylist())
    forget(archive, snapshots=["cells@1"])
    assert trash(archive)["freed"].to_list() == [promised]
    assert list(by_dataset(archive)) == ["plants"]
    collect(archive)
    assert before - sum(archive.catalog.read("chunks")["stored"].to_pylist()) == promised


def test_what_the_trash_of_another_still_holds_is_not_freed() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"x" * 1000]})
    keep(archive, "plants", {"a": [b"x" * 1000]})
    forget(archive, snapshots=["plants@1"])
    row = by_dataset(archive)["cells"]
    assert row["unique_bytes"] == 1000
    assert row["stored_bytes"] > 0
    assert row["freed_if_forgotten"] == 0


def test_chunks_compressed_together_bear_their_blocks_size_in_proportion() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"x" * 300], "b": [b"y" * 100]})
    keep(archive, "plants", {"b": [b"y" * 100]})
    block = archive.catalog.read("chunks").to_pylist()[0]["stored"]
    row = by_dataset(archive)["cells"]
    assert row["stored_bytes"] == round(block * 3 / 4)


def naive(archive: Context) -> dict[str, dict[str, float]]:
    """The same numbers, the plain way."""
    live: dict[str, set[bytes]] = {}
    all_of: dict[str, set[bytes]] = {}
    for row in history(archive).to_pylist():
        if row["state"] != "purged":
            manifest = Manifest.load(archive.catalog, row["snapshot"])
            own = {
                c for rows in manifest.rows(columns=["chunks"]) for cs in rows["chunks"].to_pylist() for c in cs or ()
            }
            all_of.setdefault(row["dataset"], set()).update(own)
            if row["state"] == "live":
                live.setdefault(row["dataset"], set()).update(own)
    places = archive.catalog.read("chunks").to_pylist()
    blocks: dict[tuple[str, int], int] = {}
    for place in places:
        block = place["pack"], place["offset"]
        blocks[block] = blocks.get(block, 0) + place["length"]
    length = {place["chunk"]: place["length"] for place in places}
    stored: dict[bytes, float] = {}
    for place in places:
        whole = blocks[place["pack"], place["offset"]]
        part = place["stored"] * (place["length"] / whole if whole else 1)
        stored[place["chunk"]] = stored.get(place["chunk"], 0) + part
    found = {}
    for dataset, own in live.items():
        others = set().union(*(chunks for name, chunks in live.items() if name != dataset))
        held = set().union(*(chunks for name, chunks in all_of.items() if name != dataset))
        found[dataset] = {
            "unique_bytes": sum(length[chunk] for chunk in own - others),
            "shared_bytes": sum(length[chunk] for chunk in own & others),
            "stored_bytes": sum(stored[chunk] for chunk in own - others),
            "freed_if_forgotten": sum(stored[chunk] for chunk in own - held - others),
        }
    return found


@settings(max_examples=share(25), deadline=None)
@given(st.data())
def test_the_numbers_are_those_that_counting_one_by_one_gives(data: st.DataObject) -> None:
    store, clock = SharedStore(), Clock()
    new_archive(store, clock=clock)
    archive = Context(store, QuickCatalog.open(store, tables=TABLES, clock=clock), "ada@lab", clock)
    a_file = st.lists(st.sampled_from([b"%d" % n * (n + 1) for n in range(9)]), max_size=3)
    trees: dict[str, dict[str, Any]] = {}
    names = []
    for _ in range(data.draw(st.integers(1, 6), "snapshots")):
        dataset = data.draw(st.sampled_from(["cells", "plants", "stones"]), "dataset")
        tree = dict(trees.get(dataset, {f"f{n}": [b"%d" % n * 20] for n in range(9)}))
        for name in data.draw(st.lists(st.sampled_from([f"f{n}" for n in range(12)]), max_size=3), "touched"):
            tree[name] = data.draw(a_file, name)
        packed = data.draw(st.integers(1, 4), "chunks to a pack")
        names.append(keep(archive, dataset, tree, sizes=SMALL, chunks_to_a_pack=packed).name)
        trees[dataset] = tree
    if gone := data.draw(st.sets(st.sampled_from(names)), "forgotten"):
        forget(archive, snapshots=gone)
    rows = by_dataset(archive, chunks_at_once=data.draw(st.integers(1, 40), "chunks at once"))
    expected = naive(archive)
    assert rows.keys() == expected.keys()
    for dataset, numbers in expected.items():
        for name, number in numbers.items():
            assert abs(rows[dataset][name] - number) <= 1, (dataset, name)
    left = set(archive.catalog.read("chunks")["pack"].to_pylist())
    freed = trash(archive)["freed"].sum()
    collect(archive)
    for pack in left - set(archive.catalog.read("chunks")["pack"].to_pylist()):
        assert freed > 0, f"{pack} went, so something was to be freed"
