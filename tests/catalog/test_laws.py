"""Laws: whatever the order of commits, each is accounted for once, and the state is the replay of the log."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import Catalog, Conflict, State

from ..effort import share
from .samples import counted, each, masses, new_catalog, reopened, samples

if TYPE_CHECKING:
    from holotype.catalog import Segment

# What one of a few writers does next: who, and what.
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["add", "add", "add", "remove", "look", "compact", "reopen"])),
    max_size=25,
)


@settings(max_examples=share(60), deadline=None)
@given(STEPS)
def test_any_order_of_commits_by_several_writers_accounts_for_every_one(steps: list[tuple[int, str]]) -> None:
    writers = [new_catalog()]
    writers += [reopened(writers[0]), reopened(writers[0])]
    expected: list[int] = []
    for number, (who, step) in enumerate(steps):
        writer = writers[who]
        if step == "add":
            writer.commit(add=[writer.write("samples", samples(number))], operation="add")
            expected.append(number)
        elif step == "look":
            writer.refresh()
        elif step == "reopen":
            writers[who] = reopened(writer)
        elif step == "compact":
            writer.compact()
        elif found := writer.state.segments("samples"):
            gone = found[number % len(found)]
            held = set(writer.read("samples", segments=[gone])["mass"].to_pylist())
            try:
                writer.commit(remove=[gone], operation="remove")
                expected = [mass for mass in expected if mass not in held]
            except Conflict:
                assert gone not in writer.refresh().segments("samples")
    for writer in writers:
        writer.refresh()
    assert len({(writer.state.version, writer.state.head) for writer in writers}) == 1
    for catalog in (*writers, reopened(writers[0])):
        assert masses(catalog) == expected
        replayed = State(0, catalog.header.hash, {}).after(catalog.entries())
        assert replayed == catalog.state
    assert list(writers[0].audit()) == []


@settings(max_examples=share(15), deadline=None)
@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([None, 4]))
def test_threads_with_a_catalog_each_lose_nothing(
    writers: int, commits: int, seed: int, compact_above: int | None
) -> None:
    first = new_catalog()

    def write(me: int) -> None:
        chance = random.Random(seed + me)
        catalog = reopened(first, compact_above=compact_above)
        pending: list[Segment] = []
        for n in range(commits):
            pending.append(catalog.write("samples", samples(me * 100 + n)))
            if chance.random() < 0.7 or n == commits - 1:
                catalog.commit(add=pending, operation="test")
                pending = []
            if chance.random() < 0.2:
                catalog.refresh()

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    catalog = reopened(first)
    assert counted(catalog) == each(me * 100 + n for me in range(writers) for n in range(commits))
    assert State(0, catalog.header.hash, {}).after(catalog.entries()) == catalog.state


@settings(max_examples=share(25), deadline=None)
@given(st.lists(st.lists(st.integers(0, 1000), max_size=4), max_size=12), st.integers(0, 12))
def test_compacting_at_any_moment_changes_no_row(batches: list[list[int]], moment: int) -> None:
    catalog = new_catalog()
    expected: list[int] = []
    for number, batch in enumerate(batches):
        if number == moment:
            catalog.compact()
        catalog.commit(add=[catalog.write("samples", samples(*batch))], operation="test")
        expected += batch
    assert masses(catalog) == masses(reopened(catalog)) == expected
    catalog.compact()
    assert masses(catalog) == masses(reopened(catalog)) == expected
    assert isinstance(catalog, Catalog)
