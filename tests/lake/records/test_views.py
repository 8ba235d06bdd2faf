"""SQL over what is in which snapshot, and what holds at present."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.annotations import annotate, current
from holotype.lake.forget import forget
from holotype.lake.manifest import Manifest, Sizes
from holotype.lake.records.snapshots import history, snapshots
from holotype.lake.records.views import VIEWS

from ...effort import share
from ..making import keep, new_archive

if TYPE_CHECKING:
    import polars as pl

    from holotype.lake.context import Context

SMALL = Sizes(target_rows=4, min_rows=2, max_rows=8, delta_rows=6, delta_share=0.6, range_share=0.9)


def ask(archive: Context, query: str) -> pl.DataFrame:
    """The answer to a query."""
    archive.catalog.refresh()
    found: pl.DataFrame = archive.catalog.sql(query, views=VIEWS).pl()
    return found


def test_every_view_works_on_an_empty_archive() -> None:
    archive = new_archive()
    for name in VIEWS:
        assert ask(archive, f"SELECT * FROM {name}").height == 0, name


def test_files_are_those_that_each_live_snapshot_has() -> None:
    archive = new_archive()
    files = {f"f{n:02}": [b"%d" % n] for n in range(30)}
    sizes = Sizes(delta_share=0.5)
    keep(archive, "cells", files, sizes=sizes)
    fewer = {name: chunks for name, chunks in files.items() if name != "f03"}
    keep(archive, "cells", {**fewer, "f07": [b"new"]}, sizes=sizes)
    keep(archive, "cells", {**fewer, "f07": [b"newer", b"yet"], "dir": None}, sizes=sizes)
    assert "delta" in archive.catalog.read("ranges")["role"].to_pylist()
    counted = ask(
        archive, "SELECT number, count(*) AS n, sum(size)::BIGINT AS size FROM files GROUP BY number ORDER BY 1"
    )
    assert counted.rows() == [(1, 30, 50), (2, 29, 51), (3, 30, 56)]
    rows = ask(archive, "SELECT number, size, sha256 FROM files WHERE path = 'f07' ORDER BY number").rows()
    assert [row[:2] for row in rows] == [(1, 1), (2, 3), (3, 8)]
    assert rows[0][2] == "7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451"  # as sha256sum says
    forget(archive, snapshots=["cells@2"])
    assert ask(archive, "SELECT DISTINCT number FROM files ORDER BY 1")["number"].to_list() == [1, 3]


def test_times_can_be_compared() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    assert ask(archive, "SELECT path FROM files WHERE modified < TIMESTAMPTZ '2000-01-01 00:00:00+00'").height == 1


def test_states_are_those_of_the_api() -> None:
    archive = new_archive()
    for content in (b"1", b"2", b"3"):
        keep(archive, "cells", {"a": [content]})
    forget(archive, snapshots=["cells@1"])
    states = ask(archive, "SELECT number, state FROM snapshot_states ORDER BY number").rows()
    assert states == list(zip([1, 2, 3], history(archive)["state"].to_pylist(), strict=True))
    live = ask(archive, "SELECT * FROM live_snapshots ORDER BY number")
    assert live.columns == archive.catalog.read("snapshots").schema.names
    assert live["snapshot"].to_list() == snapshots(archive)["snapshot"].to_pylist()


def test_datasets_have_one_row_each() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"], "b": [b"12"]})
    keep(archive, "cells", {"a": [b"1234"]})
    keep(archive, "gone", {"a": [b"1"]})
    forget(archive, snapshots=["gone@1"])
    rows = ask(archive, "SELECT dataset, snapshots, latest, files, bytes, logical_bytes FROM datasets").rows()
    assert rows == [("cells", 2, 2, 1, 4, 7)]


def test_current_annotations_are_those_of_the_api() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    annotate(archive, "cells", {"x": 1, "y": 2}, tags=["t"])
    annotate(archive, "cells", {"x": 3, "y": None})
    annotate(archive, "cells@1", {"x": 4}, path="a")
    order = ["dataset", "snapshot", "path", "key"]
    found = ask(archive, "SELECT * FROM current_annotations").sort(order)
    assert found.equals(current(archive).sort(order).select(found.columns))
    assert sorted(found["text"].to_list(), key=str) == ["3", "4", None]


def test_views_read_no_manifests_that_the_question_does_not_need() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    archive.store.delete([info.key for info in archive.store.list("tables/entries/")])
    assert ask(archive, "SELECT snapshot FROM live_snapshots").height == 1


@settings(max_examples=share(10), deadline=None)
@given(st.data())
def test_files_are_what_reading_each_manifest_gives(data: st.DataObject) -> None:
    archive = new_archive()
    tree: dict[str, Any] = {f"f{n}": [b"%d" % n] for n in range(9)}
    tree["odd\udce9"] = [b"?"]
    for _ in range(data.draw(st.integers(1, 4), "snapshots")):
        for name in data.draw(st.lists(st.sampled_from([*tree, "g1", "odd\udce8", "odd\\xe9"]), max_size=3), "touched"):
            if name in tree and data.draw(st.booleans(), "removed"):
                del tree[name]
            else:
                tree[name] = data.draw(st.lists(st.sampled_from([b"a", b"bb", b"c"]), max_size=2), name)
        keep(archive, "cells", tree, sizes=SMALL)
    columns = ["path", "path_bytes", "kind", "size", "mtime_ns"]
    found = ask(archive, f"SELECT snapshot, {', '.join(columns)} FROM files")
    expected = [
        (row["snapshot"], *values.values())
        for row in snapshots(archive).to_pylist()
        for rows in Manifest.load(archive.catalog, row["snapshot"]).rows(columns=columns)
        for values in rows.select(columns).to_pylist()
    ]
    assert sorted(found.rows(), key=str) == sorted(expected, key=str)
