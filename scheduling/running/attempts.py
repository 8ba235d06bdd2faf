"""An attempt: what it needs is reckoned, its folders are made, and its job is put together."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from blake3 import blake3

from ..places.place import Job
from ..tasks.commands import command_of, load_of, output_paths, reads_of, variables_of
from ..tasks.entering import entered, variables_of_engine, variables_within
from .deciding import raised

if TYPE_CHECKING:
    from pathlib import Path

    from ..declaring.resources import Needs
    from .progress import TaskState
    from .run import Run

__all__ = ["clear_away", "job_name", "job_of", "move", "needs_of", "tidy"]


def job_name(run: str, task: str, attempt: int) -> str:
    """A name of its own for ever, which any file system takes."""
    return f"{run}-{blake3(task.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}-{attempt}"


def _make_anew(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:  # somebody died who had made it
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


def needs_of(state: TaskState) -> Needs:
    """What the next attempt needs.  Raises ``ValueError`` or ``OSError`` where that cannot be said."""
    load = load_of(state.way, attempt=state.in_this_way + 1)
    return raised(state.way.stage.resources.needs(load), state.raised)


def job_of(run: Run, state: TaskState, needs: Needs, attempt: int) -> Job:
    """The job of an attempt, whose folders are made anew.  Raises ``ValueError`` where it cannot be put together."""
    folders, task, site = run.folders, state.task, run.order.site
    assert site is not None
    environment, path = state.way.stage.environment, site.path
    work, scratch = folders.work(task, attempt), folders.scratch(task, attempt)
    output, errors = folders.output(task, attempt), folders.errors(task, attempt)
    command = command_of(
        state.way, task, run=run.name, attempt=attempt, needs=needs, folder=str(work), scratch=str(scratch), path=path
    )
    variables = variables_of(state.way, needs=needs, scratch=str(scratch), path=path)
    arguments = entered(
        command.arguments,
        environment=environment,
        site=site,
        folder=str(work),
        scratch=str(scratch),
        reads=reads_of(state.way),
        variables=variables_within(environment, variables, scratch=str(scratch)),
    )
    for folder in (work, scratch):
        _make_anew(folder)
    for each in output_paths(state.way, task, run=run.name).values():
        if within := os.path.dirname(each):
            (work / within).mkdir(parents=True, exist_ok=True)
    if not output.parent.is_dir():
        output.parent.mkdir(parents=True, exist_ok=True)
    for name, text in command.files.items():
        with (scratch / name).open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    return Job(
        id=job_name(run.name, task.name, attempt),
        command=arguments,
        folder=str(work),
        stdout=str(output),
        stderr=str(errors),
        environment=variables_of_engine(environment) | variables,
        memory=needs.memory or None,
        time=needs.time,
    )


def clear_away(folder: Path) -> None:
    """Take a folder away, if it is there, as far as that can be."""
    try:
        folder.rmdir()
    except OSError:  # there is something in it
        shutil.rmtree(folder, ignore_errors=True)


def move(work: Path, results: Path) -> None:
    """Have a folder where results are, in one step."""
    try:
        work.rename(results)
    except OSError:  # there is no place for it yet; or it was brought from elsewhere, and nobody said so
        shutil.rmtree(results, ignore_errors=True)
        results.parent.mkdir(parents=True, exist_ok=True)
        work.rename(results)


def tidy(work: Path, keep: set[str]) -> None:
    """Take away all that is in a folder, but for these files, by their paths within it."""
    if keep.issuperset(os.listdir(work)):
        return
    kept = {os.path.normpath(each) for each in keep}
    for where, folders, files in os.walk(work, topdown=False):
        for name in files:
            path = os.path.join(where, name)
            if os.path.relpath(path, work) not in kept:
                os.unlink(path)
        for name in folders:
            path = os.path.join(where, name)
            if os.path.islink(path):
                os.unlink(path)
            elif not os.listdir(path):
                os.rmdir(path)
