"""What is started for an attempt at a task: the arguments, the variables, and where its outputs are to be."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..declaring.ports import with_beside
from ..declaring.resources import Load
from ..declaring.templates import path_with
from .entering import SHELL_WITHIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..declaring.resources import Needs
    from ..declaring.stages import Stage
    from .task import Task

__all__ = ["Command", "Way", "command_of", "load_of", "output_paths", "reads_of", "shown_command", "variables_of"]

# What a task has of the variables of who runs it: what programs need to work, and nothing that could be secret.
_HANDED_ON = (
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "PERL5LIB",
    "SHELL",
    "SYSTEMROOT",
    "TZ",
    "USER",
)
# Bytes that every system takes as one argument.
_SHORT = 1 << 14
# What a child runs that calls a function: where modules are, and what to do, is in a file.
_CALL = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
sys.path[:] = given["path"]
from holotype.scheduling.tasks.calling import call
call(given)
"""


@dataclass(frozen=True)
class Command:
    """``arguments``: to start, the program first.  ``files``: what has to be in the scratch folder before, by name.

    What a function is given is a file, and so is a long script: no system takes an argument of any length.
    """

    arguments: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """How a task is done: by a ``stage``, with ``inputs`` and ``parameters``."""

    stage: Stage
    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Any]


def output_paths(way: Way, task: Task, *, run: str) -> dict[str, str]:
    """The paths of its outputs, or patterns, relative to the folder it works in.  Raises ``ValueError``."""
    values = {**way.parameters, **_known(task, way.stage, run=run)}
    return {name: path_with(output.path, values) for name, output in way.stage.outputs.items()}


def load_of(way: Way, *, attempt: int) -> Load:
    """What its resources are calculated from.  Raises ``OSError`` where an input is not there."""
    sizes = {name: sum(map(os.path.getsize, paths)) for name, paths in way.inputs.items()}
    files = sum(map(len, way.inputs.values()))
    return Load(input_size=sum(sizes.values()), files=files, attempt=attempt, parameters=way.parameters, sizes=sizes)


def command_of(
    way: Way, task: Task, *, run: str, attempt: int, needs: Needs, folder: str, scratch: str, path: str | None = None
) -> Command:
    """What is started in ``folder``.  Raises ``ValueError`` where it cannot be made."""
    inputs, outputs = _inputs(way), output_paths(way, task, run=run)
    outputs = {name: os.path.join(folder, each) for name, each in outputs.items()}
    template, environment = way.stage.template, way.stage.environment
    within = environment.container is not None
    if template is None:
        assert way.stage.call is not None
        if within:
            raise ValueError("a function runs in this Python, and in no container")
        given = {
            "path": [each for each in sys.path if each],
            "module": way.stage.call.__module__,
            "function": way.stage.call.__qualname__,
            "inputs": inputs,
            "outputs": outputs,
            "parameters": dict(way.parameters),
        }
        file = os.path.join(scratch, "call.json")
        return Command((sys.executable, "-P", "-c", _CALL, file), {"call.json": json.dumps(given)})
    values = _values(way, task, outputs, run=run, attempt=attempt, needs=needs, scratch=scratch)
    filled = template.filled(values)
    if not template.shell:
        return Command(filled, {})
    shell = SHELL_WITHIN if within else (_bash(path or os.environ.get("PATH", os.defpath)), "-euo", "pipefail")
    # Conda's way in takes no argument of several lines.
    if not within and environment.conda is None and len(os.fsencode(filled[0])) <= _SHORT:
        return Command((*shell, "-c", filled[0]), {})
    script = os.path.join(scratch, "command.sh")
    return Command((*shell, script), {"command.sh": filled[0] + "\n"})


def shown_command(way: Way, task: Task, *, run: str, needs: Needs, folder: str, attempt: int = 1) -> str:
    """What would be run, as one would type it; of a function, its name.  Raises ``ValueError``."""
    template = way.stage.template
    if template is None:
        assert way.stage.call is not None
        return f"{way.stage.call.__module__}.{way.stage.call.__qualname__}"
    outputs = {name: os.path.join(folder, each) for name, each in output_paths(way, task, run=run).items()}
    return template.shown(_values(way, task, outputs, run=run, attempt=attempt, needs=needs, scratch="$TMPDIR"))


def reads_of(way: Way) -> tuple[str, ...]:
    """The files that it takes, with those that lie beside them."""
    inputs = way.stage.inputs
    return tuple(dict.fromkeys(path for name, paths in way.inputs.items() for path in with_beside(paths, inputs[name])))


def _values(
    way: Way, task: Task, outputs: Mapping[str, str], *, run: str, attempt: int, needs: Needs, scratch: str
) -> dict[str, Any]:
    """What the fields of a command stand for."""
    here = {"attempt": attempt, "cpus": needs.cpus, "memory": needs.memory, "gpus": needs.gpus, "scratch": scratch}
    return {**_inputs(way), **outputs, **way.parameters, **_known(task, way.stage, run=run), **here}


@cache
def _bash(path: str) -> str:
    return shutil.which("bash", path=path) or "bash"


def _inputs(way: Way) -> dict[str, Any]:
    """A list where there may be many, else a path, or nothing."""
    found: dict[str, Any] = {}
    for name, port in way.stage.inputs.items():
        paths = way.inputs.get(name, ())
        found[name] = list(paths) if port.many else paths[0] if paths else None
    return found


def variables_of(way: Way, *, needs: Needs, scratch: str, path: str | None = None) -> dict[str, str]:
    """All variables that it has."""
    found = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    found |= {"TMPDIR": scratch, "OMP_NUM_THREADS": str(needs.cpus)}
    if path is not None:
        found["PATH"] = path
    return found | dict(way.stage.environment.variables)


def _known(task: Task, stage: Stage, *, run: str) -> dict[str, Any]:
    sample = task.unit.sample
    element = "" if task.element is None else str(task.element)
    return {"sample": "" if sample is None else sample.name, "run": run, "stage": stage.name, "element": element}
