"""What the backup benchmark measured: its values, and the JSON file that keeps them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["Absolute", "CorpusRun", "Machine", "Results", "Sample", "load", "save", "this_machine"]


@dataclass(frozen=True)
class Machine:
    """The kind of machine that measured, with nothing that tells which one it was."""

    processor: str
    cores: int
    memory_gib: int
    system: str
    python: str


@dataclass(frozen=True)
class Sample:
    """One job of one tool in one run."""

    run: int
    job: str
    tool: str
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time."""
    peak: int
    """Bytes of memory."""
    stored: int
    """Bytes in the repository afterwards."""


@dataclass(frozen=True)
class CorpusRun:
    """Everything measured on one corpus."""

    corpus: str
    scale: float
    runs: int
    day: str
    machine: Machine
    versions: dict[str, str]
    """Of each tool compared."""
    how: dict[str, str]
    """Each tool's settings."""
    samples: list[Sample]


@dataclass(frozen=True)
class Absolute:
    """A figure of this library alone, with the most it may be."""

    what: str
    value: float
    unit: str
    limit: float | None
    """In the same unit; none for a figure that is only there to compare with."""
    note: str = ""


@dataclass(frozen=True)
class Results:
    """The whole file: each corpus as last measured, and the absolute figures by the measurement they are from."""

    corpora: dict[str, CorpusRun] = field(default_factory=dict[str, CorpusRun])
    absolute: dict[str, list[Absolute]] = field(default_factory=dict[str, list[Absolute]])

    def updated(self, newer: Results) -> Results:
        """These results, with what `newer` measured again in place of what was there."""
        return replace(self, corpora=self.corpora | newer.corpora, absolute=self.absolute | newer.absolute)


def load(path: Path) -> Results:
    """Read a file that `save` wrote; an absent one is empty results."""
    if not path.exists():
        return Results()
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    corpora: dict[str, CorpusRun] = {}
    for name, values in read["corpora"].items():
        machine = Machine(**values.pop("machine"))
        samples = [Sample(**sample) for sample in values.pop("samples")]
        corpora[name] = CorpusRun(machine=machine, samples=samples, **values)
    absolute = {name: [Absolute(**row) for row in rows] for name, rows in read["absolute"].items()}
    return Results(corpora=corpora, absolute=absolute)


def save(results: Results, path: Path) -> None:
    """Write results as JSON, with times to the millisecond."""
    plain = asdict(results)
    for run in plain["corpora"].values():
        for sample in run["samples"]:
            sample["wall"], sample["cpu"] = round(sample["wall"], 3), round(sample["cpu"], 3)
    path.write_text(json.dumps(plain, indent=1) + "\n", "utf-8")


def this_machine() -> Machine:
    """The machine this runs on."""
    processor = platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        models = [line.partition(":")[2].strip() for line in described.read_text().splitlines() if "model name" in line]
        processor = models[0] if models else processor
    return Machine(
        processor=processor,
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )
