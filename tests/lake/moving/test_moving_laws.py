"""Whatever two people do to their archives: when each brings the other what it has, both hold the same, whole."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holotype.lake.annotations import annotate
from holotype.lake.collect import collect
from holotype.lake.compare import compare
from holotype.lake.forget import forget
from holotype.lake.records.snapshots import history, snapshots
from holotype.lake.sync import sync
from holotype.lake.verify import verify

from ...effort import share
from ..making import keep
from .ends import archive_at, held, noise

if TYPE_CHECKING:
    from holotype.lake.context import Context

_number = count()
# Few chunks, so that most are met again; numbers are of one size.
CHUNKS = [noise(n, 400) for n in range(6)]
FILES = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from(CHUNKS), max_size=4), max_size=5)
# Who does it, what, and with which files.
STEP = st.tuples(
    st.sampled_from([0, 1]), st.sampled_from(["keep", "keep", "numbers", "forget", "collect", "sync"]), FILES
)


def forget_the_oldest(archive: Context) -> None:
    """If there is any."""
    rows = snapshots(archive, state=archive.catalog.refresh()).to_pylist()
    if rows:
        forget(archive, snapshots=[rows[0]["snapshot"]])


def do(archive: Context, other: Context, name: str, what: str, files: dict[str, list[bytes]]) -> None:
    """One step of one of the two."""
    match what:
        case "forget":
            forget_the_oldest(archive)
        case "collect":
            collect(archive, repack_below=0.6)
        case "sync":
            sync(archive, other)
        case _:
            snapshot = keep(
                archive,
                name,
                files,
                chunks_to_a_pack=3,
                numbers=what == "numbers",
            )
            annotate(archive, snapshot.id, {"files": len(files)})


@settings(max_examples=share(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=7))
def test_both_hold_the_same_in_the_end(steps: list[tuple[int, str, dict[str, list[bytes]]]]) -> None:
    number = next(_number)
    ends = [archive_at(f"laws-{number}/{side}")[0] for side in ("here", "there")]
    for who, what, files in steps:
        do(ends[who], ends[1 - who], f"dataset-{who}", what, files)
    for one, other in (ends, ends[::-1]):
        before = held(other)
        moved = sync(one, other)
        after = held(other)
        assert {name: after[name] for name in before} == before, "what was there is as it was"
        assert set(after) == set(before) | set(moved.snapshots)
        assert sync(one, other).snapshots == ()
    forgotten = set[str]()
    for end in ends:
        rows = history(end, state=end.catalog.refresh()).to_pylist()
        forgotten |= {row["snapshot"] for row in rows if row["state"] != "live"}
        assert verify(end).ok
    here, there = (held(end) for end in ends)
    both = here.keys() & there.keys()
    assert {name: here[name] for name in both} == {name: there[name] for name in both}
    alone = {digest for name, (digest, _) in (here | there).items() if name not in both}
    assert alone <= forgotten, "only what one of them has forgotten is not in both"
    if not alone:
        assert compare(*ends, full=True).equal
    copy, _ = archive_at(f"laws-{number}/copy")
    sync(ends[0], copy)
    assert compare(ends[0], copy, full=True).equal
    assert held(copy) == here
