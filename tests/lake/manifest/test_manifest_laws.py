"""Laws of manifests: whatever is edited, what is read is what a plain dictionary would hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.manifest import Manifest, Sizes, differing
from holotype.lake.schema import ENTRIES
from holotype.lake.tree.paths import Patterns, key

from ...effort import share
from .trees import Leaf, Tree, as_rows, commit, first, follow, new_catalog, row, rows_of

if TYPE_CHECKING:
    from holotype.catalog import Catalog

TINY = Sizes(target_rows=8, min_rows=3, max_rows=16, max_bytes=4000, delta_rows=12, delta_share=0.3)

NAMES = st.sampled_from([b"a", b"b", b"a-b", b"aa", b"z", b"\xff", "ü".encode(), b"0", b"a b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
LEAVES = st.builds(
    Leaf,
    kind=st.sampled_from(["file", "file", "file", "directory", "symlink", "hardlink"]),
    size=st.integers(0, 5),
    content=st.integers(0, 9),
    chunks=st.sampled_from([0, 1, 1, 60]),
)
TREES = st.dictionaries(PATHS, LEAVES, max_size=60)


@st.composite
def edits(draw: st.DrawFn, tree: Tree) -> Tree:
    """The tree after some edits: a few here and there, or many in one place."""
    after = dict(tree)
    for path in draw(st.lists(st.sampled_from(sorted(tree)), max_size=8)) if tree else []:
        after.pop(path, None)
    after |= draw(st.dictionaries(PATHS, LEAVES, max_size=6))
    if draw(st.booleans()):
        folder = draw(PATHS)
        after |= {b"%s/%02d" % (folder, i): Leaf(content=i) for i in range(draw(st.integers(0, 40)))}
    if draw(st.booleans()) and after:
        low = draw(st.sampled_from(sorted(after)))
        after = {path: leaf for path, leaf in after.items() if not low <= path <= low + b"/a"}
    return after


def model(tree: Tree) -> list[dict[str, Any]]:
    return [row(path, tree[path]) for path in sorted(tree, key=key)]


def check(manifest: Manifest, tree: Tree, sizes: Sizes = TINY) -> None:
    """Everything that holds of any manifest."""
    assert as_rows(manifest) == model(tree)
    found = [leaf for leaf in tree.values() if leaf.kind in ("file", "hardlink")]
    assert vars(manifest.counts) == {
        "entries": len(tree),
        "files": len(found),
        "bytes": sum(leaf.size for leaf in found),
    }
    assert sum(part.rows for part in manifest.deltas) <= max(sizes.delta_share * len(tree), 0)
    keys = [(part.first, part.last) for part in manifest.ranges]
    assert keys == sorted(keys)
    assert all(low <= high for low, high in keys)
    for part in (*manifest.ranges, *manifest.deltas):
        rows = manifest.segment(part, ("path", "path_bytes"))
        assert part.rows == rows.num_rows
        assert part.rows <= sizes.max_rows or part.role == "delta"


@settings(max_examples=share(20), deadline=None)
@given(TREES, st.data())
def test_any_sequence_of_edits_reads_back_as_the_tree_it_leads_to(tree: Tree, data: st.DataObject) -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree), sizes=TINY, batch=data.draw(st.integers(1, 70)))
    check(manifest, tree)
    for number in range(2, 6):
        before, earlier = tree, manifest
        tree = data.draw(edits(tree))
        draft = follow(catalog, manifest, tree, sizes=TINY, batch=data.draw(st.integers(1, 70)))
        manifest = commit(catalog, draft, number)
        check(manifest, tree)
        assert as_rows(earlier) == model(before)  # what was there is untouched
        check_difference(earlier, before, manifest, tree)


def check_difference(earlier: Manifest, before: Tree, later: Manifest, after: Tree) -> None:
    """What two manifests are said to share is the same in both."""
    one, other = dict[bytes, dict[str, Any]](), dict[bytes, dict[str, Any]]()
    for old, new in differing(earlier, later, ENTRIES.schema.names):
        for found, rows in ((one, old), (other, new)):
            for each in rows.to_pylist():
                path = each["path_bytes"] or each["path"].encode()
                assert path not in found
                found[path] = each
    assert all(each == row(path, before[path]) for path, each in one.items())
    assert all(each == row(path, after[path]) for path, each in other.items())
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path):
            assert (path in one, path in other) == (path in before, path in after)


def edited_manifest(catalog: Catalog, tree: Tree, data: st.DataObject) -> tuple[Manifest, Tree]:
    after = data.draw(edits(tree))
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    return commit(catalog, follow(catalog, manifest, after, sizes=TINY), 2), after


@settings(max_examples=share(30), deadline=None)
@given(TREES, st.data())
def test_any_part_of_the_key_space_can_be_read(tree: Tree, data: st.DataObject) -> None:
    _, catalog = new_catalog()
    manifest, tree = edited_manifest(catalog, tree, data)
    low, high = data.draw(st.none() | PATHS.map(key)), data.draw(st.none() | PATHS.map(key))
    expected = [
        path for path in sorted(tree, key=key) if (low or b"") <= key(path) and (high is None or key(path) < high)
    ]
    columns = data.draw(st.sampled_from([None, ["size"], ["path", "kind"]]))
    rows = as_rows(manifest, low=low, high=high, columns=columns)
    names = columns or ENTRIES.schema.names
    assert rows == [
        {name: value for name, value in row(path, tree[path]).items() if name in names} for path in expected
    ]
    for path in [*tree, data.draw(PATHS)]:
        assert manifest.find(path) == (row(path, tree[path]) if path in tree else None)


PATTERNS = st.sampled_from(
    ["a", "*", "a/*", "/a", "a/", "a/**", "**/b", "a/b/z", "[ab]/z", "/a b/*", r"\a/b", "z/?", "./a/b"]
)


@settings(max_examples=share(30), deadline=None)
@given(TREES, st.lists(PATTERNS, min_size=1, max_size=3), st.data())
def test_reading_by_pattern_is_reading_all_and_choosing(tree: Tree, patterns: list[str], data: st.DataObject) -> None:
    _, catalog = new_catalog()
    manifest, tree = edited_manifest(catalog, tree, data)
    every = rows_of(tree)
    chosen = every.filter(Patterns(tuple(patterns)).mask(every)) if tree else every
    assert as_rows(manifest, patterns=patterns, columns=["path", "size"]) == chosen.select(["path", "size"]).to_pylist()


def test_a_snapshot_without_entries_is_one_too() -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of({}), sizes=TINY)
    check(manifest, {})
    assert manifest.find("a") is None
    manifest = commit(catalog, follow(catalog, manifest, {b"a": Leaf()}, sizes=TINY), 2)
    check(manifest, {b"a": Leaf()})
    manifest = commit(catalog, follow(catalog, manifest, {}, sizes=TINY), 3)
    check(manifest, {})
    assert not manifest.ranges


def test_every_row_is_laid_over_again_and_again() -> None:
    _, catalog = new_catalog()
    tree = {b"%03d" % i: Leaf(content=1) for i in range(80)}
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    for number in range(2, 20):
        path = b"%03d" % (number * 37 % 80)
        tree[path] = replace(tree[path], content=number)
        manifest = commit(catalog, follow(catalog, manifest, tree, sizes=TINY), number)
        check(manifest, tree)
    assert pa.concat_tables(manifest.rows()).num_rows == 80
