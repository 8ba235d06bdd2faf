"""Which snapshots have which files is what going through every manifest would find."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import provenance
from holotype.lake.forget import forget
from holotype.lake.manifest import Manifest, Sizes
from holotype.lake.provenance.backups import Backups
from holotype.lake.provenance.holdings import Holdings

from ...effort import share
from ..making import keep, new_archive
from ..retention.interleaving import SharedStore

if TYPE_CHECKING:
    from holotype.lake.context import Context

SMALL = Sizes(target_rows=12, min_rows=4, max_rows=24, delta_share=0.3)


def by_hand(archive: Context) -> pl.DataFrame:
    """Every file of every live snapshot, as its manifest has it: ``snapshot``, ``id``, ``dataset``, ``path``,
    ``sha256``.
    """
    rows = [
        (row["snapshot"], row["dataset"], entry["path"], entry["sha256"])
        for row in Backups(archive, archive.catalog.refresh()).live()
        for batch in Manifest.load(archive.catalog, row["snapshot"]).rows(columns=["path", "sha256"])
        for entry in batch.to_pylist()
        if entry["sha256"] is not None
    ]
    found = [(snapshot, provenance.file_id(d, path, s), d, path, s.hex()) for snapshot, d, path, s in rows]
    return pl.DataFrame(
        found, schema=dict.fromkeys(("snapshot", "id", "dataset", "path", "sha256"), pl.String()), orient="row"
    )


def holdings(archive: Context, files: pl.DataFrame) -> Holdings:
    state = archive.catalog.refresh()
    return Holdings(archive, state, files.select("id", "dataset", "path", "sha256"), Backups(archive, state).live())


def lived(chance: random.Random) -> Context:
    """An archive in which files came, went, changed and came back, in many snapshots, some of them forgotten."""
    archive = new_archive()
    names = [f"{'ab'[n % 2]}/f{n:02}" for n in range(40)] + ["caf\udce9", "caf\\xe9", "a"]
    files = {"a/f00": [b"0"], "b/f01": [b"1"]} | {name: [b"x"] for name in chance.sample(names[:40], 30)}
    for _ in range(chance.randrange(4, 14)):
        for name in chance.sample(names, chance.choice([0, 1, 3, 20])):
            if chance.random() < 0.4:
                files.pop(name, None)
            else:
                files[name] = [b"%d" % chance.randrange(3)]
        keep(archive, chance.choice(["cells", "cells", "mice"]), files, sizes=SMALL)
    for row in Backups(archive, archive.catalog.refresh()).live():
        if chance.random() < 0.2:
            forget(archive, snapshots=[f"{row['dataset']}@{row['number']}"])
    return archive


@settings(deadline=None, max_examples=share(40))
@given(st.integers(0, 1 << 30))
def test_the_snapshots_of_files_are_those_whose_manifests_have_them(seed: int) -> None:
    chance = random.Random(seed)
    archive = lived(chance)
    truth = by_hand(archive)
    every = truth.select("id", "dataset", "path", "sha256").unique(maintain_order=True)
    some = every.sample(fraction=chance.choice([0.05, 0.4, 1.0]), seed=seed) if every.height else every
    strange = pl.DataFrame(
        [("urn:x", None, None, None), ("urn:y", "cells", "a/f00", "0" * 64), ("urn:z", "gone", "a", "1" * 64)],
        schema=some.schema,
        orient="row",
    )
    held = holdings(archive, pl.concat([some, strange]))
    expected = truth.join(some, on="id", how="semi").select("snapshot", "id")
    assert sorted(held.pairs().rows()) == sorted(expected.rows())
    assert held.count() >= expected.height

    depths = some.select("id").with_columns(
        pl.Series("depth", [chance.randrange(5) for _ in range(some.height)], pl.Int32)
    )
    near = expected.join(depths, on="id").group_by("snapshot").agg(pl.col("depth").min())
    assert sorted(held.nearest(depths).select("snapshot", "depth").rows()) == sorted(near.rows())

    order = [row["snapshot"] for row in Backups(archive, archive.catalog.state).live()]
    ends = set()
    for (id,), rows in expected.group_by("id"):
        places = sorted(order.index(snapshot) for snapshot in rows["snapshot"])
        ends |= {(order[places[0]], id), (order[places[-1]], id)}
    assert set(held.ends().rows()) == ends


def test_an_element_made_again_is_the_same_file() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    files = by_hand(archive).select("id", "dataset", "path", "sha256")
    again = pl.concat([files, files.with_columns(pl.col("id") + "#41b2")])
    assert holdings(archive, again).pairs()["id"].to_list() == sorted(again["id"].to_list())


def test_segments_that_cannot_have_a_file_are_not_read() -> None:
    store = SharedStore()
    archive = new_archive(store)
    files = {f"f{n:03}": [b"%d" % n] for n in range(200)}
    for version in range(6):
        keep(archive, "cells", {**files, "f150": [b"v%d" % version]}, sizes=SMALL)
    wanted = by_hand(archive).filter(pl.col("path") == "f010")
    fetched: list[str] = []
    get = store.get

    def counting(key: str, start: int = 0, length: int | None = None) -> object:
        fetched.append(key)
        return get(key, start, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "get", counting)
        from ..making import another

        assert holdings(another(archive), wanted.unique("id")).pairs().height == 6
    assert len({key for key in fetched if key.startswith("tables/entries/")}) == 1
