"""A run's graph once more, of tasks that do nothing but take their time."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from holotype.catalog import InvalidOption

from ...declaring.parameters import Parameter
from ...declaring.ports import Input, Output
from ...declaring.resources import Resources
from ...declaring.stages import Stage
from ...declaring.steps import Step
from ...workflow import Workflow
from ..imported import Losses
from ..naming import Names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

__all__ = ["calculate", "replay"]

_BLOCK = 1 << 20
# What doing nothing takes: who asked for less would be ended for its memory.
_LEAST = 64 << 20
# What a process that only calculates does until a time has gone by; nothing of a trace stands in it.
_CALCULATE = "import sys, time\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


def replay(
    tables: Mapping[str, pl.DataFrame],
    *,
    scale: float = 1.0,
    busy: bool = False,
    data: float = 0.0,
    memory: bool = False,
) -> Workflow:
    """A workflow with a step for each task of the one run in these tables; see ``Trace.replay``."""
    for name, given in (("scale", scale), ("data", data)):
        if not (0 <= given < math.inf):
            raise InvalidOption(f"{given} is no part of what there was", option=name)
    (run,) = tables["runs"].iter_rows(named=True)
    taken = {row["task"]: row for row in tables["attempts"].sort("attempt").iter_rows(named=True)}
    written = _written(tables["task_files"])
    names, stage = Names(Losses(), taken=frozenset()), _stage(busy=busy)
    steps: dict[str, Step] = {}
    needed: set[str] = set()
    for row in tables["tasks"].iter_rows(named=True):
        attempt = taken.get(row["task"], {})
        wall, cores = attempt.get("wall") or 0.0, attempt.get("cpus") or 1
        used = math.ceil((attempt.get("cpu") or 0.0) / wall) if wall else 1
        parameters = {
            "seconds": wall * scale,
            "cores": cores,
            "busy": max(1, min(used, cores)),
            "footprint": max(_LEAST, attempt.get("memory") or 0) if memory else 0,
            "amount": int(written.get(row["task"], 0) * data),
        }
        parents = tuple(f"{names.of(parent, at='')}.out" for parent in row["needs"])
        needed |= {*parents}
        inputs = {"after": parents} if parents else {}
        steps[names.of(row["task"], at="")] = Step(stage, inputs, parameters=parameters, per="run")
    name = Names(Losses(), taken=frozenset()).of(run["run"], at="")
    ends = {step: f"{step}.out" for step in steps if f"{step}.out" not in needed}
    return Workflow(name=name, steps=steps, outputs=ends, about=f"{run['run']}, replayed")


def _written(files: pl.DataFrame) -> dict[str, int]:
    """Bytes of what each task made."""
    found: dict[str, int] = {}
    for row in files.iter_rows(named=True):
        if row["direction"] == "made":
            found[row["task"]] = found.get(row["task"], 0) + (row["size"] or 0)
    return found


def _stage(*, busy: bool) -> Stage:
    return Stage(
        name="take_time",
        command=None if busy else "sleep {seconds}; head -c {amount} /dev/zero > {out}",
        call=calculate if busy else None,
        inputs={"after": Input(many=True, optional=True)},
        outputs={"out": Output("out", checked=False)},
        parameters={
            "seconds": Parameter(kind="float", minimum=0, unit="s"),
            "cores": Parameter(kind="int", minimum=1),
            "busy": Parameter(kind="int", minimum=1),
            "footprint": Parameter(kind="int", minimum=0, unit="B"),
            "amount": Parameter(kind="int", minimum=0, unit="B"),
        },
        resources=Resources(cpus="cores", memory="footprint"),
        about="Takes as long as a task of a trace did",
    )


def calculate(
    *, after: list[Path], out: Path, seconds: float, cores: int, busy: int, footprint: int, amount: int
) -> None:
    """Calculate for so many seconds on ``busy`` processors, and write so many bytes."""
    began = time.monotonic()
    others = [subprocess.Popen([sys.executable, "-I", "-c", _CALCULATE, str(seconds)]) for _ in range(busy)]
    with out.open("wb") as file:
        for _ in range(0, amount, _BLOCK):
            file.write(bytes(min(_BLOCK, amount - file.tell())))
    for other in others:
        other.wait()
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
