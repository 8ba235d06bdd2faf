"""What differs between two snapshots, as people ask for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from holotype.catalog import Catalog, DatasetNotFound, InvalidOption
from holotype.lake.context import Context
from holotype.lake.diff import CHANGES, diff
from holotype.lake.manifest import SIZES, Draft, Manifest, ManifestWriter, Sizes, align

from .trees import Leaf, Tree, commit, first, follow, many, new_catalog, rows_of

TREE: Tree = {
    b"": Leaf("directory", size=0),
    b"notes.txt": Leaf(size=5, content=1),
    b"raw": Leaf("directory", size=0),
    b"raw/a.fastq": Leaf(size=10, content=2),
    b"raw/b.fastq": Leaf(size=20, content=3),
    b"raw/empty": Leaf(size=0, content=4),
    b"link": Leaf("symlink", size=3),
    b"\xff.bin": Leaf(size=7, content=6),
}
SMALL = Sizes(target_rows=6, min_rows=2, max_rows=12, delta_rows=10, delta_share=0.5)


def compared(before: Tree, after: Tree, *, sizes: Sizes = SIZES, **options: Any) -> dict[str, dict[str, Any]]:
    """What ``diff`` says of two trees, by path."""
    store, catalog = new_catalog()
    manifest = first(catalog, rows_of(before), sizes=sizes)
    commit(catalog, follow(catalog, manifest, after, sizes=sizes), 2)
    frame = diff(Context(store, catalog, "ada"), "d@1", "d@2", **options)
    assert frame["path"].to_list() == sorted(frame["path"].to_list())
    assert frame.schema["size_before"] == pl.Int64
    return {each["path"]: each for each in frame.to_dicts()}


def test_two_equal_snapshots_differ_in_nothing() -> None:
    assert compared(TREE, TREE) == {}
    assert compared({}, {}) == {}


@pytest.mark.parametrize("sizes", [SIZES, SMALL])
def test_each_kind_of_change_is_told(sizes: Sizes) -> None:
    after = {
        **TREE,
        b"notes.txt": Leaf(size=6, content=10),
        b"raw/b.fastq": replace(TREE[b"raw/b.fastq"], mode=0o600),
        b"link": Leaf(size=1, content=11),
        b"new": Leaf(size=9, content=12),
    }
    del after[b"raw/a.fastq"]
    found = compared(TREE, after, sizes=sizes)
    assert {path: each["change"] for path, each in found.items()} == {
        "link": "type",
        "new": "added",
        "notes.txt": "modified",
        "raw/a.fastq": "removed",
        "raw/b.fastq": "metadata",
    }
    assert {each["change"] for each in found.values()} < set(CHANGES)
    digests = [leaf.sha256 for leaf in (TREE[b"notes.txt"], after[b"notes.txt"])]
    assert found["notes.txt"] == {
        "path": "notes.txt",
        "change": "modified",
        "kind": "file",
        "size_before": 5,
        "size_after": 6,
        "sha256_before": digests[0].hex() if digests[0] else None,
        "sha256_after": digests[1].hex() if digests[1] else None,
        "moved_from": None,
    }
    assert found["new"]["size_before"] is None
    assert found["raw/a.fastq"]["sha256_after"] is None


def test_a_file_that_moved_is_one_row() -> None:
    after = dict(TREE)
    after[b"data/a.fastq"] = after.pop(b"raw/a.fastq")
    after[b"other"] = after.pop(b"raw/empty")
    found = compared(TREE, after)
    assert {path: each["change"] for path, each in found.items()} == {
        "data/a.fastq": "moved",
        "other": "added",  # nothing says that an empty file is the same as another
        "raw/empty": "removed",
    }
    assert found["data/a.fastq"]["moved_from"] == "raw/a.fastq"
    assert found["data/a.fastq"]["size_before"] == found["data/a.fastq"]["size_after"] == 10
    assert found["data/a.fastq"]["sha256_before"] == found["data/a.fastq"]["sha256_after"]


def test_copies_that_moved_are_paired_in_order() -> None:
    before = {b"old/%d" % i: Leaf(size=3, content=1) for i in range(3)}
    after = {b"new/%d" % i: Leaf(size=3, content=1) for i in range(2)}
    found = compared(before, after)
    assert {path: (each["change"], each["moved_from"]) for path, each in found.items()} == {
        "new/0": ("moved", "old/0"),
        "new/1": ("moved", "old/1"),
        "old/2": ("removed", None),
    }


def test_names_of_one_file_are_judged_by_its_content() -> None:
    def named(content: int, *others: bytes) -> Tree:
        link = Leaf("hardlink", size=3, content=content, target=b"sub/a")
        return {
            b"sub": Leaf("directory", size=0),
            b"sub/a": Leaf(size=3, content=content),
            **dict.fromkeys(others, link),
        }

    def change(before: Tree, after: Tree) -> dict[str, str]:
        return {path: each["change"] for path, each in compared(before, after).items()}

    assert change(named(1, b"x"), named(2, b"x")) == {"sub/a": "modified", "x": "modified"}
    assert change(named(1), named(1, b"x")) == {"x": "added"}
    digest = compared(named(1), named(1, b"x"))["x"]["sha256_after"]
    assert digest == compared({}, named(1))["sub/a"]["sha256_after"]
    # The first name goes, so that another becomes the first: nothing happened to its content.
    assert change(named(1, b"x"), {b"x": Leaf(size=3, content=1)}) == {
        "sub": "removed",
        "sub/a": "removed",
        "x": "metadata",
    }
    assert change(named(1, b"x"), {b"x": Leaf(size=3, content=2)})["x"] == "modified"


def test_patterns_choose_what_is_compared() -> None:
    after = {path: replace(leaf, content=leaf.content + 100) for path, leaf in TREE.items() if leaf.kind == "file"}
    assert set(compared(TREE, after, paths=["raw/*.fastq"])) == {"raw/a.fastq", "raw/b.fastq"}
    assert set(compared(TREE, after, paths=["*.bin"])) == {r"\xff.bin"}
    with pytest.raises(InvalidOption):
        compared(TREE, after, paths=["../x"])


def test_from_and_to_an_empty_snapshot() -> None:
    assert {each["change"] for each in compared({}, TREE).values()} == {"added"}
    assert {each["change"] for each in compared(TREE, {}).values()} == {"removed"}


def test_a_snapshot_that_is_not_there_is_named() -> None:
    store, catalog = new_catalog()
    with pytest.raises(DatasetNotFound, match="nothing"):
        diff(Context(store, catalog, "ada"), "nothing@1", "nothing@2")


def test_what_both_share_is_not_read() -> None:
    store, catalog = new_catalog()
    rows = many(40_000)
    manifest = first(catalog, rows, sizes=Sizes(target_rows=500, min_rows=100))
    tree = {b"data/run0007/sample_00500.fastq-new": Leaf(size=3)}
    draft = follow_one(catalog, manifest, tree)
    commit(catalog, draft, 2)
    reopened = Catalog.open(store, tables=catalog.tables.values())
    store.forget()
    frame = diff(Context(store, reopened, "ada"), "d@1", "d@2")
    assert frame["path"].to_list() == ["data/run0007/sample_00500.fastq-new"]
    assert len([key for key in store.read if "/entries/" in key]) == 2


def follow_one(catalog: Catalog, manifest: Manifest, tree: Tree) -> Draft:
    writer = ManifestWriter(catalog, manifest)
    for stretch in align([], manifest):
        if (stretch.low or b"") <= b"data\0run0007\0sample_00500.fastq-new" < (stretch.high or b"\xff"):
            writer.change(stretch, put=rows_of(tree))
    return writer.finish()
