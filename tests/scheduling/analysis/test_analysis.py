"""Of a run it is said where its time went, what was lacking, what was wasted, and what would help."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.scheduling import Site, analyse

from .building import Tried, run_of, task

GIB = 1 << 30


def test_the_critical_path_is_all_of_the_time_with_nothing_counted_twice() -> None:
    tables = run_of(
        [
            task("trim[a]", Tried(seconds=10)),
            task("trim[b]", Tried(seconds=20, waited={"cpus": 10})),
            task("join", Tried(ready=30, waited={"inputs": 1}, seconds=29, inspecting=2), takes=("trim[a]", "trim[b]")),
        ],
        has={"cpus": 1},
    )
    found = analyse(tables)
    rows = found.critical_path.select("task", "what", "lacking", "began", "seconds").rows()
    assert rows == [
        ("trim[b]", "waiting", "cpus", 0.0, 10.0),
        ("trim[b]", "running", None, 10.0, 20.0),
        ("join", "waiting", "inputs", 30.0, 1.0),
        ("join", "running", None, 31.0, 29.0),
        ("join", "inspecting", None, 60.0, 2.0),
    ]
    assert found.elapsed == 62
    assert found.critical_path["seconds"].sum() == found.elapsed
    assert found.owed.select("kind", "name", "seconds").rows() == [
        ("step", "join", 31.0),
        ("step", "trim", 20.0),
        ("resource", "cpus", 10.0),
        ("engine", "reading inputs", 1.0),
    ]
    assert found.bottleneck is not None
    assert (found.bottleneck.kind, found.bottleneck.name, found.bottleneck.share) == ("step", "join", 0.5)


def test_a_resource_that_all_wait_for_is_the_bottleneck_and_who_has_it_is_named() -> None:
    tasks = [
        task(f"call[{n}]", Tried(seconds=10, waited={"licences:gatk": 10 * n}, licences={"gatk": 1})) for n in range(6)
    ]
    found = analyse(run_of(tasks, has={"cpus": 6, "licences:gatk": 1}))
    assert found.bottleneck is not None
    assert (found.bottleneck.kind, found.bottleneck.name, found.bottleneck.seconds) == ("resource", "licences:gatk", 50)
    first = found.resources.row(0, named=True)
    assert (first["resource"], first["there"], first["most"], first["busy"]) == ("licences:gatk", 1, 1, 1)
    assert (first["waiting"], first["waited"], first["critical"]) == (6, 150, 50)
    assert (first["held_by"], first["held_share"]) == ("call", 1)
    best = found.changes.row(0, named=True)
    assert (best["change"], best["makespan"], best["saving"]) == ("2 of licences:gatk instead of 1", 30, 30)
    assert found.changes.filter(of="cpus").is_empty(), "nobody waited for these"


def test_retries_and_their_pauses_are_on_the_path_and_so_is_what_it_would_be_without_them() -> None:
    flaky = task(
        "call[a]",
        Tried(seconds=5, failure="exit", cpus=2),
        Tried(ready=15, waited={"pause": 10}, seconds=7),
    )
    found = analyse(run_of([flaky], has={"cpus": 2}))
    assert found.owed.select("kind", "name", "seconds").rows() == [("step", "call", 12.0), ("pause", "call", 10.0)]
    change = found.changes.filter(kind="retries").row(0, named=True)
    assert (change["before"], change["makespan"], change["saving"]) == (1, 7, 15)
    step = found.steps.row(0, named=True)
    assert (step["attempts"], step["failed"], step["failure_rate"], step["retries"]) == (2, 1, 0.5, 1)
    assert found.failures.rows() == [("call", "exit", 1, pytest.approx(10 / 3600))]
    waste = found.waste.row(0, named=True)
    assert (waste["resource"], waste["failed"] * 3600, waste["given"] * 3600) == ("cpus", 10, 17)
    assert waste["share"] == pytest.approx(10 / 17)


def test_what_was_given_and_not_used_is_told() -> None:
    tasks = [
        task("sort[a]", Tried(seconds=3600, cpus=4, cpu=3600, memory=8 * GIB, peak=2 * GIB, licences={"x": 1})),
        task("sort[b]", Tried(seconds=3600, cpus=4, cpu=7200, memory=8 * GIB, peak=0)),
    ]
    found = analyse(run_of(tasks, has={"cpus": 8}))
    waste = {row["resource"]: row for row in found.waste.to_dicts()}
    cpus, memory, licence = waste["cpus"], waste["memory"], waste["licences:x"]
    assert (cpus["given"], cpus["used"], cpus["unused"], cpus["share"]) == (8, 3, 5, 5 / 8)
    assert (memory["given"], memory["used"], memory["unit"]) == (8, 2, "GiB hours"), "only what was seen counts"
    assert (licence["given"], licence["used"], licence["share"]) == (1, None, 0)
    sizes = {row["resource"]: row for row in found.sizes.to_dicts()}
    assert (sizes["cpus"]["given"], sizes["cpus"]["used"], sizes["cpus"]["enough"]) == (4, 2, 3)
    assert sizes["memory"]["enough"] == pytest.approx(2.4 * GIB, abs=1 << 20)


def test_giving_a_step_what_it_uses_lets_more_of_it_run_at_once() -> None:
    tasks = [
        task(
            f"sort[{n}]",
            Tried(seconds=10, waited={"memory": 10 * n} if n else {}, memory=4 * GIB, peak=1 * GIB),
        )
        for n in range(4)
    ]
    found = analyse(run_of(tasks, has={"cpus": 4, "memory": 4 * GIB}))
    assert found.elapsed == found.simulated == 40
    change = found.changes.filter(kind="size").row(0, named=True)
    assert (change["of"], change["before"], change["makespan"]) == ("sort", 4 * GIB, 20)
    assert change["change"] == "sort is given 1229 MiB of memory instead of 4 GiB"
    doubled = found.changes.filter(kind="more", after=8.0 * GIB).row(0, named=True)
    assert doubled["makespan"] == 20


def test_a_faster_step_saves_what_is_on_the_path_of_it() -> None:
    tasks = [
        task("slow", Tried(seconds=10)),
        task("side", Tried(seconds=4)),
        task("end", Tried(ready=10, seconds=2), takes=("slow", "side")),
    ]
    changes = analyse(run_of(tasks, has={"cpus": 2})).changes.filter(kind="speed")
    assert dict(changes.select("of", "makespan").rows()) == {"slow": 7, "end": 11}


def test_a_run_says_how_each_step_did() -> None:
    tasks = [
        task("a[1]", Tried(seconds=10, cpus=2, cpu=15, peak=100, read=5, written=7)),
        task("a[2]", Tried(seconds=30, cpus=2, cpu=15, peak=300, waited={"cpus": 10}, memory=400)),
        task("b", ready=41, reused_run="other", reused_task="b"),
    ]
    first, second = analyse(run_of(tasks, has={"cpus": 2})).steps.to_dicts()
    assert (first["tasks"], first["done"], first["attempts"], first["per_hour"]) == (2, 2, 2, 180)
    assert (first["wall_median"], first["wall_95"], first["wall_most"]) == (20, 30, 30)
    assert (first["cpu"], first["cpu_share"]) == (30, 30 / 80)
    assert (first["memory_median"], first["memory_most"], first["memory_given"]) == (200, 300, 400)
    assert (first["read"], first["written"], first["waited"]) == (5, 7, 10)
    assert (second["node"], second["reused"], second["attempts"], second["per_hour"]) == ("b", 1, 0, None)


def test_it_is_said_in_plain_lines_too() -> None:
    tasks = [
        task("sort[a]", Tried(seconds=600, cpus=4, cpu=600)),
        task("sort[b]", Tried(seconds=900, cpus=4, cpu=900, waited={"cpus": 600}, failure="memory")),
    ]
    text = analyse(run_of(tasks, name="tuesday", has={"cpus": 4})).text()
    assert text.splitlines() == [
        "tuesday (flow, done): 2 tasks in 25 min",
        "bottleneck: sort ran (15 min, 60% of the time)",
        "critical path: 15 min (60%) sort ran",
        "critical path: 10 min (40%) waiting for cpus",
        "lacking: cpus: 1 task waited 10 min together, 100% of 4 were busy",
        "wasted: 90% of 1.67 cpu hours of cpus: 1.25 not used, 1 had by what failed",
        "failed: sort: 1 time for memory, with 1 cpu hours",
        "would help: sort is twice as fast: 12.5 min less (50%), 12.5 min in all",
        "would help: 8 of cpus instead of 4: 10 min less (40%), 15 min in all",
        "would help: sort is given 2 of cpus instead of 4: 10 min less (40%), 15 min in all",
    ]
    waiting = task("x", Tried(seconds=1, waited={"cpus": 600}))
    assert "bottleneck: cpus, which tasks waited for (10 min, 100% of the time)" in analyse(run_of([waiting])).text()


def test_where_the_site_did_not_say_what_it_has_it_had_what_was_in_use_or_what_one_is_told() -> None:
    tasks = [task(f"a[{n}]", Tried(seconds=10, waited={"cpus": 10.0 * (n // 2)})) for n in range(4)]
    found = analyse(run_of(tasks))
    assert not found.capacity_known
    assert (found.simulated, found.resources["there"].to_list()) == (20, [2])
    elsewhere = analyse(run_of(tasks), site=Site("nowhere", cpus=4, memory=GIB))
    assert elsewhere.capacity_known
    assert elsewhere.simulated == 10


def test_nothing_was_done_and_nothing_is_said_of_it() -> None:
    found = analyse(run_of([]))
    assert (found.elapsed, found.bottleneck, found.simulated) == (0, None, 0)
    assert found.critical_path.is_empty()
    assert found.text() == "run (flow, done): 0 tasks in 0 ms"


def test_one_run_is_looked_at_at_a_time() -> None:
    one, other = run_of([]), run_of([], name="other")
    both = {name: pl.concat([pl.DataFrame(pl.from_arrow(each[name])) for each in (one, other)]) for name in one}
    with pytest.raises(ValueError, match="2 runs"):
        analyse(both)


def test_what_is_lost_or_goes_on_is_no_trouble() -> None:
    tables = run_of([task("a", Tried(seconds=10, cpu=5), Tried(ready=10, seconds=5)), task("b", Tried(seconds=3))])
    attempts = pl.DataFrame(pl.from_arrow(tables["attempts"]))
    lost = pl.col("task") == "a"
    gone = [
        pl.when(lost).then(None).otherwise(pl.col(name)).alias(name) for name in ("began", "ended", "ready", "read")
    ]
    going = pl.when(pl.col("task") == "b").then(None).otherwise(pl.col("settled")).alias("settled")
    found = analyse({**tables, "attempts": attempts.with_columns(*gone, going)})
    assert found.elapsed == 15
    assert found.steps.filter(node="b")["attempts"].to_list() == [0]


TASKS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 3), st.sets(st.integers(0, 9), max_size=3)), min_size=1, max_size=10
)


@given(TASKS, st.integers(3, 6))
def test_on_paper_no_run_is_faster_than_it_can_be_nor_slower_than_one_after_the_other(
    given: list[tuple[int, int, set[int]]], cpus: int
) -> None:
    tasks = [
        task(f"t{n}", Tried(seconds=seconds, cpus=needed), takes=[f"t{each}" for each in sorted(takes) if each < n])
        for n, (seconds, needed, takes) in enumerate(given)
    ]
    longest: dict[str, float] = {}
    for each in tasks:
        longest[each["task"]] = each["tried"][0].seconds + max((longest[name] for name in each["needs"]), default=0)
    work = sum(seconds * needed for seconds, needed, _ in given)
    simulated = analyse(run_of(tasks, has={"cpus": cpus})).simulated
    assert max(*longest.values(), work / cpus, 0) <= simulated + 1e-9
    assert simulated <= sum(seconds for seconds, _, _ in given) + 1e-9
    if all(seconds == given[0][0] and not takes for seconds, _, takes in given) and {n for _, n, _ in given} == {1}:
        assert simulated == -(-len(given) // cpus) * given[0][0]
