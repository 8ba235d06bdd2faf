"""Entering: a command is run within the container or conda environment that its stage names.

Within a container a task finds the image, the folder that it works in, its scratch folder, and its input files, each
under the path that it has outside, those to be read only; of who runs it, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

from ..places.traces import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..declaring.containers import Containers
    from ..declaring.environments import Environment
    from ..site import Site

__all__ = ["SHELL_WITHIN", "asks_for_image", "entered", "takes_away", "variables_of_engine", "variables_within"]

SHELL_WITHIN = (
    "sh",
    "-c",
    'if command -v bash > /dev/null; then exec bash -euo pipefail "$1"; else exec sh -euo pipefail "$1"; fi',
    "sh",
)
"""What runs a script where it is not known which shell there is: one that has ``pipefail``, or none."""

# Of the variables of who runs it, those that say the same within.
_EVERYWHERE = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
# Those by which the programs themselves know where their images and settings are.
_OF_ENGINES = ("APPTAINER_", "CONDA_", "CONTAINERS_", "MAMBA_", "SINGULARITY_", "XDG_")


def entered(
    arguments: Sequence[str],
    *,
    environment: Environment,
    site: Site,
    folder: str,
    scratch: str,
    reads: Iterable[str] = (),
    variables: Mapping[str, str],
) -> tuple[str, ...]:
    """What is started so that ``arguments`` run where a stage wants them.

    ``folder`` and ``scratch``: where it may write.  ``reads``: files that it takes.  ``variables``: what is set within.
    Raises ``ValueError`` where the site has no way in, or a path cannot be told to it.
    """
    if environment.container is not None:
        containers = site.containers
        if containers is None:
            raise ValueError(f"it runs in the container {environment.container}, and the site does not say by what")
        engine = _program(containers.engine, site)
        mounts = {path: os.path.realpath(path) for path in reads}
        within = _podman if containers.kind == "podman" else _apptainer
        words = within(containers, mounts, (folder, scratch), variables)
        marked = () if containers.kind == "podman" else _marked(containers)
        return (*marked, engine, *containers.options, *words, environment.container, *arguments)
    if environment.conda is not None:
        if site.conda is None:
            raise ValueError(f"it runs in the conda environment {environment.conda}, and the site does not say by what")
        return (*_conda(_program(site.conda, site), environment.conda), *arguments)
    return tuple(arguments)


def variables_within(environment: Environment, variables: Mapping[str, str], *, scratch: str) -> dict[str, str]:
    """Of a task's variables those that it has within a container."""
    own = {"TMPDIR", "OMP_NUM_THREADS", *_EVERYWHERE, *environment.variables}
    return {"HOME": scratch} | {name: value for name, value in variables.items() if name in own}


def variables_of_engine(environment: Environment) -> dict[str, str]:
    """What the program has to know that enters an environment; none where none is entered."""
    if environment.container is None and environment.conda is None:
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith(_OF_ENGINES)}


def asks_for_image(containers: Containers, image: str, *, site: Site) -> tuple[str, ...] | None:
    """What tells the identifier of an image, or fails where it is not there; nothing where images are files.

    Raises ``ValueError`` where the engine is not there.
    """
    engine = _program(containers.engine, site)
    if containers.kind != "podman":
        return None
    return (engine, *containers.options, "image", "inspect", "--format", "{{.Id}}", image)


def takes_away(containers: Containers, folder: str, *, site: Site) -> tuple[str, ...] | None:
    """What takes away what an engine keeps of a task that worked in ``folder`` and was ended; nothing if it keeps
    nothing.  Raises ``ValueError`` where the engine is not there.
    """
    engine = _program(containers.engine, site)
    if containers.kind != "podman":
        return None
    return (engine, *containers.options, "rm", "--force", "--ignore", _name(folder))


def _name(folder: str) -> str:
    # The folder is one attempt's, and no other's on this machine.
    return f"holotype-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}"


def _program(name: str, site: Site) -> str:
    found = shutil.which(name, path=site.path)
    if found is None:
        raise ValueError(f"there is no program {name}, by which the site enters what stages run in")
    return found


def _podman(
    containers: Containers, reads: Mapping[str, str], writes: tuple[str, str], variables: Mapping[str, str]
) -> Iterator[str]:
    yield from ("run", "--rm", "--replace", f"--name={_name(writes[0])}", "--pull=never", "--entrypoint=")
    yield f"--workdir={writes[0]}"
    # What it makes has to be of who runs it, whoever the image would have it be.
    if hasattr(os, "getuid"):
        yield f"--user={os.getuid()}:{os.getgid()}"
        if os.getuid() != 0:
            yield "--userns=keep-id"
    if not containers.network:
        yield "--network=none"
    for path in writes:
        yield _mounted(path, path, "rw")
    for path, real in reads.items():
        yield _mounted(real, path, "ro")
    # Of what it has outside: by its mark it is found when who looked after it is gone.
    yield f"--env={MARK}"
    for name, value in variables.items():
        yield f"--env={name}={value}"
    yield from containers.running


def _mounted(source: str, target: str, how: str) -> str:
    """One notation parts words by colons, the other by commas."""
    if ":" not in source + target:
        return f"--volume={source}:{target}:{how}"
    if "," in source + target:
        raise ValueError(f"{target!r} has a colon and a comma, so podman would take it for several, however it is told")
    return f"--mount=type=bind,source={source},target={target}" + (",readonly" if how == "ro" else "")


def _apptainer(
    containers: Containers, reads: Mapping[str, str], writes: tuple[str, str], variables: Mapping[str, str]
) -> Iterator[str]:
    yield from ("exec", "--cleanenv", "--contain", "--no-home", f"--pwd={writes[0]}")
    if not containers.network and hasattr(os, "getuid") and os.getuid() == 0:
        yield from ("--net", "--network=none")
    for path in writes:
        yield f"--bind={_bound(path)}:{_bound(path)}"
    for path, real in reads.items():
        yield f"--bind={_bound(real)}:{_bound(path)}:ro"
    for name, value in variables.items():
        yield f"--env={name}={_listed(name, value)}"
    yield from containers.running


def _marked(containers: Containers) -> tuple[str, ...]:
    """What starts an engine so that what is within has the mark by which it is found when who looked after it is gone.

    Unlike podman it has no option for a variable whose value only who starts it knows; but it looks for what is called
    like one within, after its own name, and sets that there.
    """
    return ("/bin/sh", "-c", f'export {containers.kind.upper()}ENV_{MARK}="${MARK}"; exec "$@"', "sh")


def _bound(path: str) -> str:
    if "," in path or ":" in path:
        raise ValueError(f"{path!r} has a comma or a colon, by which apptainer would take it for several")
    return path


def _listed(name: str, value: str) -> str:
    if "," in value:
        raise ValueError(f"the variable {name} has a comma, by which apptainer would take it for several")
    return value


def _conda(program: str, environment: str) -> Iterator[str]:
    if environment.endswith((".yml", ".yaml", ".txt")):
        what = f"{environment} is what a conda environment is made by: make it, and give its name or folder"
        raise ValueError(what)
    yield from (program, "run")
    if "micromamba" not in os.path.basename(program):
        yield "--no-capture-output"
    yield from ("--prefix" if os.sep in environment else "--name", environment)
