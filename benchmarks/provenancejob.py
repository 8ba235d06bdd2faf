"""One job of the provenance benchmark in a process of its own: ``python -m benchmarks.provenancejob JOB …``.

It prints one line of JSON.  Seconds are medians, without the interpreter's start and imports; memory is what the
process had for itself at the highest, files that it only mapped not counted, beyond what it had before: MiB.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from abc import ABC, abstractmethod
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks import provgraph
from benchmarks.provgraph import Shape
from holotype.catalog import Catalog, LocalStore
from holotype.catalog.provenance.graph import Graph
from holotype.catalog.provenance.tables import PROV_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

__all__ = ["JOBS"]

STEPS = 10
_ENTITIES = 100


# -- ours


def build(archive: str, edges: str, activities: str) -> dict[str, Any]:
    """The graph, and its links alone for the others."""
    shape = Shape.of(int(activities))
    plan = provgraph.plan_of(shape)
    np.savez(edges, later=plan.later, earlier=plan.earlier)
    began = time.perf_counter()
    catalog = provgraph.build(plan, Path(archive))
    segments = [segment for table in ("prov_links", "prov_names") for segment in catalog.state.segments(table)]
    return {
        "seconds": time.perf_counter() - began,
        "links": len(plan.later),
        "elements": shape.elements,
        "segments": len(segments),
        "megabytes": sum(segment.bytes for segment in segments) / 1e6,
    }


def cold(archive: str, activities: str, number: str) -> dict[str, Any]:
    """The first question that a process asks, the archive not yet opened."""
    shape = Shape.of(int(activities))
    id = provgraph.called(shape, shape.some(_ENTITIES)[int(number)])
    began = time.perf_counter()
    walk = _open(archive).walk([id], past=True, depth=STEPS)
    return {"seconds": time.perf_counter() - began, "nodes": walk.nodes.num_rows}


def warm(archive: str, activities: str) -> dict[str, Any]:
    """Questions that are asked again and again."""
    shape, graph = Shape.of(int(activities)), _open(archive)
    some = [provgraph.called(shape, number) for number in shape.some(_ENTITIES)]
    for id in some:
        graph.walk([id], past=True, depth=STEPS)
    found: dict[str, Any] = {}
    for what, past in (("back", True), ("forth", False)):
        took = [_took(partial(graph.walk, [id], past=past, depth=STEPS)) for id in some]
        found[what] = _said(took)
    chain, row, fan = (
        provgraph.called(shape, number) for number in (shape.end_of_chain, shape.end_of_row, shape.input)
    )
    script = provgraph.called(shape, shape.script)
    found["chain"] = _said([_took(lambda: graph.walk([chain], past=True)) for _ in range(21)])
    found["script"] = _said([_took(lambda: graph.walk([script], past=True)) for _ in range(21)])
    found["impact"] = _said([_took(lambda: graph.walk([fan], past=False)) for _ in range(5)])
    found["row"] = _said([_took(lambda: graph.walk([row], past=True)) for _ in range(3)])
    plain = graph.walk([some[0]], past=True, depth=STEPS, across=False).nodes.num_rows
    return {**found, "first": plain}


def memory(archive: str, activities: str, what: str) -> dict[str, Any]:
    """The memory that one question needs in a new process."""
    shape = Shape.of(int(activities))
    number = {"back": shape.some(1)[0], "impact": shape.input, "chain": shape.end_of_chain}[what]
    id = provgraph.called(shape, number)
    with _Peak() as peak:
        walk = _open(archive).walk([id], past=what != "impact", depth=STEPS if what == "back" else None)
    return {"memory": peak.mib, "nodes": walk.nodes.num_rows}


def add(archive: str, turns: str) -> dict[str, Any]:
    """The bytes that a commit of 1,000 links writes, of one link, and of 1,000 on average while segments are merged."""
    quiet = Catalog.open(LocalStore(archive, durable=False), tables=PROV_TABLES, compact_above=None)
    thousand, one = (_written(archive, quiet, links, turn) for turn, links in ((1, 1000), (2, 1)))
    usual = Catalog.open(LocalStore(archive, durable=False), tables=PROV_TABLES)
    many = [_written(archive, usual, 1000, turn) for turn in range(3, 3 + int(turns))]
    return {"thousand": thousand, "one": one, "merging": sum(many) / len(many)}


def _open(archive: str) -> Graph:
    return Graph(Catalog.open(LocalStore(archive), tables=PROV_TABLES, read_only=True))


def _took(ask: Callable[[], Any]) -> tuple[float, float, int]:
    began, worked = time.perf_counter(), time.process_time()
    walk = ask()
    return time.perf_counter() - began, time.process_time() - worked, walk.nodes.num_rows


def _said(took: list[tuple[float, float, int]]) -> dict[str, Any]:
    seconds, cpu, nodes = (median(each) for each in zip(*took, strict=True))
    return {"seconds": seconds, "cpu": cpu, "nodes": nodes}


def _written(archive: str, catalog: Catalog, links: int, turn: int) -> int:
    before = _sizes(archive)
    names, rows = provgraph.more(links, turn)
    parts = [catalog.write("prov_names", names), catalog.write("prov_links", rows)]
    catalog.commit(add=parts, operation="provenance")
    return sum(size for path, size in _sizes(archive).items() if before.get(path) != size)


def _sizes(archive: str) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in Path(archive).rglob("*") if path.is_file()}


class _Peak:
    """The most memory of its own that the process has meanwhile, beyond what it has before."""

    def __enter__(self) -> _Peak:
        gc.collect()
        self._before = self._most = _anonymous()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._most = max(self._most, _anonymous())
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002):
            self._most = max(self._most, _anonymous())

    @property
    def mib(self) -> float:
        """In MiB."""
        return (self._most - self._before) / 1024


def _anonymous() -> int:
    """KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


# -- what people use instead; they are given numbers for identifiers, and do not cross from a file to its copies


class Peer(ABC):
    """Something that answers the same questions."""

    @abstractmethod
    def reach(self, start: int, *, past: bool, depth: int | None) -> int:
        """How many elements a walk comes to."""


class DuckDB(Peer):
    """A recursive query over a table with an index for each end, in a file."""

    def __init__(self, later: Numbers, earlier: Numbers, work: Path) -> None:
        self._connection = import_module("duckdb").connect(str(work / "edges.duckdb"))
        self._connection.register("given", pa.table({"later": later, "earlier": earlier}))
        self._connection.execute("CREATE TABLE edges AS FROM given ORDER BY later")
        self._connection.execute("CREATE INDEX by_later ON edges(later)")
        self._connection.execute("CREATE INDEX by_earlier ON edges(earlier)")

    def reach(self, start: int, *, past: bool, depth: int | None) -> int:
        one, other = ("later", "earlier") if past else ("earlier", "later")
        # UNION drops what was come to before only together with its depth, so there is one only where one is asked for.
        text = (
            f"WITH RECURSIVE found(id) AS (SELECT ?::BIGINT UNION SELECT {other} FROM found JOIN edges ON {one} = id)"
            if depth is None
            else f"WITH RECURSIVE found(id, depth) AS (SELECT ?::BIGINT, 0 UNION "
            f"SELECT {other}, depth + 1 FROM found JOIN edges ON {one} = id WHERE depth < {depth})"
        )
        row = self._connection.execute(f"{text} SELECT count(DISTINCT id) FROM found", [start]).fetchone()
        return int(row[0])


class NumpyCSR(Peer):
    """Sorted arrays in memory."""

    def __init__(self, later: Numbers, earlier: Numbers, work: Path) -> None:
        del work
        self._count = int(max(later.max(), earlier.max())) + 1
        self._sides = {True: self._side(later, earlier), False: self._side(earlier, later)}

    def _side(self, one: Numbers, other: Numbers) -> tuple[Numbers, Numbers]:
        order = np.argsort(one, kind="stable")
        return np.searchsorted(one[order], np.arange(self._count + 1)), other[order]

    def reach(self, start: int, *, past: bool, depth: int | None) -> int:
        starts, others = self._sides[past]
        seen = np.zeros(self._count, np.bool_)
        seen[start] = True
        frontier, found, level = np.array([start]), 1, 0
        while len(frontier) and (depth is None or level < depth):
            counts = starts[frontier + 1] - starts[frontier]
            rows = np.arange(counts.sum()) + np.repeat(starts[frontier] - np.cumsum(counts) + counts, counts)
            frontier = np.unique(others[rows])
            frontier = frontier[~seen[frontier]]
            seen[frontier] = True
            found, level = found + len(frontier), level + 1
        return found


class Rustworkx(Peer):
    """A graph in memory."""

    def __init__(self, later: Numbers, earlier: Numbers, work: Path) -> None:
        del work
        rustworkx = import_module("rustworkx")
        self._graph = rustworkx.PyDiGraph(multigraph=True)
        self._graph.add_nodes_from([None] * (int(max(later.max(), earlier.max())) + 1))
        self._graph.add_edges_from_no_data(list(zip(later.tolist(), earlier.tolist(), strict=True)))
        self._module = rustworkx

    def reach(self, start: int, *, past: bool, depth: int | None) -> int:
        if depth is None:
            within = self._module.descendants if past else self._module.ancestors
            return len(within(self._graph, start)) + 1
        step = self._graph.successor_indices if past else self._graph.predecessor_indices
        seen, frontier = {start}, [start]
        for _ in range(depth):
            frontier = list({other for one in frontier for other in step(one)} - seen)
            seen.update(frontier)
        return len(seen)


PEERS: dict[str, Callable[[Numbers, Numbers, Path], Peer]] = {
    "DuckDB, recursive query": DuckDB,
    "NumPy, sorted arrays": NumpyCSR,
    "rustworkx": Rustworkx,
}


def peer(name: str, edges: str, activities: str, work: str) -> dict[str, Any]:
    """The same questions to something else."""
    shape = Shape.of(int(activities))
    some = shape.some(_ENTITIES)
    given = np.load(edges)
    later, earlier = given["later"], given["earlier"]
    with _Peak() as peak:
        began = time.perf_counter()
        made = PEERS[name](later, earlier, Path(work))
        building = time.perf_counter() - began
        asked = some[: 5 if name.startswith("DuckDB") else None]
        found = {"back": _asked(made, asked, past=True, depth=STEPS)}
        found["chain"] = _asked(made, [shape.end_of_chain] * 5, past=True, depth=None)
        found["impact"] = _asked(made, [shape.input] * 3, past=False, depth=None)
    first = made.reach(some[0], past=True, depth=STEPS)
    return {**found, "building": building, "memory": peak.mib, "first": first}


def _asked(made: Peer, starts: list[int], *, past: bool, depth: int | None) -> float:
    took: list[float] = []
    for start in starts:
        began = time.perf_counter()
        made.reach(start, past=past, depth=depth)
        took.append(time.perf_counter() - began)
    return median(took)


JOBS: dict[str, Callable[..., dict[str, Any]]] = {job.__name__: job for job in (build, cold, warm, memory, add, peer)}


if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])))
