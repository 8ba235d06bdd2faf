"""Before an attempt: what its inputs are, byte for byte, and whether the same was done before."""

from __future__ import annotations

import inspect
import json
import os
import time
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from blake3 import blake3

from ..declaring.ports import with_beside
from ..tasks.commands import output_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..declaring.environments import Tool
    from ..declaring.ports import Input
    from ..declaring.stages import Stage
    from ..tasks.commands import Way
    from ..tasks.task import Task
    from .digests import Digests, Seen

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """``seen``: every input file, with what lies beside it.  ``fingerprint``: the same for what would make the same.
    ``seconds``: what it took.
    """

    seen: tuple[Seen, ...]
    fingerprint: str
    seconds: float = 0.0


def prepare(
    way: Way,
    task: Task,
    digests: Digests,
    *,
    known: Mapping[str, Seen],
    versions: Mapping[Tool, str],
    images: Mapping[str, str],
) -> Prepared:
    """Look at what an attempt would be given.

    ``known``: files of this run whose digests were taken when they were made.  ``versions``: what programs say they
    are.  ``images``: the identifiers of images, by the names that stages have for them.  Raises ``OSError`` where an
    input is not there, and ``ValueError`` where a command could not be made.
    """
    began = time.perf_counter()
    seen: list[Seen] = []
    inputs: dict[str, list[tuple[str, str]]] = {}
    for name, paths in way.inputs.items():
        for path in _with_what_is_beside(paths, way.stage.inputs[name]):
            there = known.get(path)
            found = there if there is not None and digests.unchanged(there) else digests.of(path)
            seen.append(found)
            # Where it lies is not what it is; how it is called may be, for programs look at that.
            inputs.setdefault(name, []).append((PurePath(path).name, found.digest))
    stage = way.stage
    said = {
        "stage": (stage.name, stage.version),
        "work": stage.command if stage.call is None else _source(stage),
        "inputs": inputs,
        "parameters": {name: repr(value) for name, value in way.parameters.items()},
        "outputs": output_paths(way, task, run=""),
        "tools": sorted((tool.name, versions.get(tool, "")) for tool in stage.environment.tools),
        "environment": (
            stage.environment.container and (stage.environment.container, images.get(stage.environment.container)),
            stage.environment.conda,
            sorted(stage.environment.variables.items()),
        ),
        "sample": task.unit.sample.name if task.unit.sample is not None else None,
        "element": task.element,
    }
    text = json.dumps(said, sort_keys=True)
    fingerprint = blake3(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Prepared(tuple(seen), fingerprint, time.perf_counter() - began)


def _with_what_is_beside(paths: Iterable[str], port: Input) -> Iterator[str]:
    for path in paths:
        yield path
        # Whether a program can do without an index that is not there is its own business.
        yield from filter(os.path.isfile, [*with_beside((path,), port)][1:])


def _source(stage: Stage) -> str:
    """A function as it is written: what it calls in turn is known by the stage's version only."""
    assert stage.call is not None
    try:
        return inspect.getsource(stage.call)
    except (OSError, TypeError):
        return f"{stage.call.__module__}.{stage.call.__qualname__}"
