"""Run: a command is run and watched, and what it used and made is kept with how it was done.

    ran = archive.run(["bwa", "mem", "ref.fa", "reads.fq"], dataset="run42", stdout="aligned.sam")
    ran.returncode, ran.files            # what it read and wrote, as a frame

Nothing has to be declared.  What is declared is held against what was seen: an input that was never read, an output
that was not written, a file used without being declared.  A command that fails is kept as failed, with what it wrote.
One that is broken off, or whose process is killed, is kept as interrupted (see ``lineage/settling.py``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from holotype.catalog import InvalidOption
from holotype.catalog import provenance as prov

from .capturing.aside import aside
from .capturing.environment import environment
from .capturing.git import git_state
from .capturing.seen import Seen
from .capturing.tools import tool
from .capturing.watching import watch
from .lineage.account import Account
from .lineage.beginning import begin, breaking_off, telling
from .lineage.telling import Scene, Touched, keep, sight, status_of, tell_files
from .lineage.waiting import settle_waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from .capturing.environment import Environment
    from .capturing.git import GitState
    from .capturing.redacting import Redactor
    from .capturing.running import Passing
    from .capturing.watching import Watched
    from .context import Context

    Path = str | os.PathLike[str]

__all__ = ["Ran", "run"]


@dataclass(frozen=True, eq=False)
class Ran:
    """What came of a command.

    ``activity``: its identifier in the records.  ``returncode``: negative when ``signal`` ended it.  ``files``: one row
    per file with ``path`` (on this machine), ``use`` (used, generated, removed) and ``entity``.  ``undeclared``: files
    that were used or made without being declared, where anything was declared; ``unseen``: those declared that were
    not.  ``stdout`` and ``stderr``: the last of each that went to no file, in bytes.  ``how``: the way it was watched;
    with ``states`` what it read is known only as far as it was declared.
    """

    activity: str
    name: str
    returncode: int
    signal: str | None
    timed_out: bool
    began: datetime
    ended: datetime
    files: pl.DataFrame
    undeclared: tuple[str, ...]
    unseen: tuple[str, ...]
    survivors: tuple[int, ...]
    how: str
    notes: tuple[str, ...]
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        """Whether it ended by itself and said that all went well."""
        return self.returncode == 0


def _refuse_other_than_words(command: Any) -> None:
    if isinstance(command, (str, bytes)):
        raise InvalidOption(f"a command is a list, as ['sh', '-c', {command!r}], and not one text", option="command")
    for each in command:
        if not isinstance(each, (str, bytes, os.PathLike)):
            raise InvalidOption(f"a command is of texts and paths; {each!r} is neither", option="command")


def run(
    context: Context,
    command: Sequence[Path],
    *,
    name: str | None = None,
    dataset: str | None = None,
    source: Path | None = None,
    cwd: Path | None = None,
    inputs: Iterable[Path] | None = None,
    outputs: Iterable[Path] | None = None,
    parameters: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    how: Literal["strace", "states"] | None = None,
    stdin: Path | None = None,
    stdout: Path | None = None,
    stderr: Path | None = None,
    passing: Passing | None = None,
    timeout: float | None = None,
) -> Ran:
    """Run ``command`` in ``cwd`` (by default where ``dataset`` lies, else here), and keep what it used and made.

    ``name``: what the activity is called, by default the program.  ``dataset``: whose files it works on, and
    ``source``: where they lie, if they were never backed up from this machine; files of other datasets are recognised
    as well.  ``inputs``, ``outputs``: what it is declared to use and make, from ``cwd``.  ``parameters``: to be kept as
    such; the command line is kept anyway.  ``env``: variables beside those of this process.  ``how``, ``stdin``,
    ``stdout``, ``stderr``, ``passing``, ``timeout``: see ``capturing/watching.py``.

    A command that fails is no error: see ``Ran.ok``.  Raises ``ProgramNotFound``, ``InvalidOption``,
    ``ArchiveReadOnly``, or what the store raises.
    """
    context.catalog.check_writable()
    _refuse_other_than_words(command)
    settle_waiting(context)
    scene = Scene.of(
        context,
        dataset=dataset,
        source=None if source is None else os.fspath(source),
        here=None if cwd is None else os.fspath(cwd),
    )
    folder = os.path.realpath(cwd if cwd is not None else scene.places.sources.get(dataset or "", os.getcwd()))
    if os.path.isfile(folder):  # a dataset that is a single file
        folder = os.path.dirname(folder)
    declared = _Declared.of(folder, inputs, outputs)
    if not command:
        raise InvalidOption("the command is empty", option="command")
    title = name or os.path.basename(os.fspath(command[0]))
    surroundings = aside(lambda: _Surroundings.of(folder, env or {}, scene.redactor))
    id = prov.activity_id(context.entropy(16))
    plan = {
        "arguments": scene.redactor.arguments([os.fsdecode(each) for each in command]),
        "cwd": scene.redactor.path(folder),
        "variables": scene.redactor.environment(env or {}),
        "streams": _streams(scene, folder, {"stdin": stdin, "stdout": stdout, "stderr": stderr}),
    }
    noted = begin(
        scene,
        id,
        title,
        kind="run",
        began=context.clock(),
        folder=folder,
        dataset=dataset,
        parameters=parameters or {},
        command=plan,
    )
    with breaking_off(scene, noted):
        watched = watch(
            command,
            cwd=folder,
            roots=[*scene.places.sources.values(), folder],
            declared=declared.files,
            env=None if env is None else {**os.environ, **env},
            how=how,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            passing=passing,
            timeout=timeout,
            clock=context.clock,
        )
    notes = [noted.trouble] if noted.trouble is not None else []
    touched = Touched()
    with telling(scene, noted, outcome=_outcome(watched), ended=watched.ended):
        sightings = sight(scene, _files(watched, declared), notes)
        notes += [watched.note] if watched.note is not None else []
        around = surroundings.result()

        def tell(graph: prov.Graph) -> prov.Document:
            nonlocal touched
            account = Account(id)
            touched = tell_files(account, scene, graph, sightings, ended=watched.ended)
            account.parameters(parameters or {}, scene.redactor)
            _tell(account, scene, graph, watched, title, env or {}, around, plan, notes)
            return account.document()

        keep(context, tell, operation="run", message=title)
    return _ran(id, title, watched, touched, declared, notes)


@dataclass(frozen=True)
class _Surroundings:
    """Where a command runs, as it was while it ran."""

    environment: Environment
    git: GitState | None

    @classmethod
    def of(cls, folder: str, env: Mapping[str, str], redactor: Redactor) -> _Surroundings:
        return cls(environment({**os.environ, **env}, redactor=redactor), git_state(folder))


@dataclass(frozen=True)
class _Declared:
    """What the caller says a command uses and makes: real paths."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    said: bool

    @classmethod
    def of(cls, folder: str, inputs: Iterable[Path] | None, outputs: Iterable[Path] | None) -> _Declared:
        def real(paths: Iterable[Path] | None) -> tuple[str, ...]:
            return tuple(os.path.realpath(os.path.join(folder, os.fspath(path))) for path in paths or ())

        return cls(real(inputs), real(outputs), inputs is not None or outputs is not None)

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.inputs, *self.outputs)


def _files(watched: Watched, declared: _Declared) -> list[Seen]:
    """The files to tell of: without programs, which are agents; where nobody saw what was read, with what was declared
    to be.
    """
    found = [each for each in watched.seen if each.read or each.written or each.removed or each.executed]
    found += [each for each in watched.outside if each.read or each.written or each.removed]
    if watched.how == "states":
        there = {each.path for each in found}
        for path in declared.inputs:
            status = status_of(path)
            if path not in there and status is not None:
                found.append(Seen(path, read=True, written=False, before=status, after=status))
        found = [replace(each, read=True) if each.path in declared.inputs else each for each in found]
    return found


def _streams(scene: Scene, folder: str, streams: Mapping[str, Path | None]) -> dict[str, str]:
    """The files that standard streams are, as they may be kept."""
    return {
        stream: scene.redactor.path(os.path.realpath(os.path.join(folder, os.fspath(path))))
        for stream, path in streams.items()
        if path is not None
    }


def _tell(
    account: Account,
    scene: Scene,
    graph: prov.Graph,
    watched: Watched,
    title: str,
    env: Mapping[str, str],
    around: _Surroundings,
    command: Mapping[str, Any],
    notes: Sequence[str],
) -> None:
    """Say what it was, who did it, with what and where."""
    redactor = scene.redactor
    person = account.person(scene.context.author, plan=account.command(**command))
    search = env.get("PATH", os.environ.get("PATH"))
    programs = dict.fromkeys(
        [watched.command[0], *(each.path for each in watched.outside if each.executed and not each.read)]
    )
    told = set[str]()
    for program in programs:
        agent = tool(program, search=search, folder=watched.cwd)
        if agent is not None and agent.sha256 not in told:
            told.add(agent.sha256)
            account.program(agent, person=person)
    found = around.environment
    account.environment(found, graph)
    if around.git is not None:
        account.git(around.git)
    account.activity(
        title,
        kind="run",
        began=watched.began,
        ended=watched.ended,
        outcome=_outcome(watched),
        facts={
            "exit": watched.returncode,
            "signal": watched.signal,
            "timed-out": watched.timed_out or None,
            "watched": watched.how,
            "user-seconds": round(watched.user_seconds, 3),
            "system-seconds": round(watched.system_seconds, 3),
            "max-rss": watched.max_rss,
            "processes": len(watched.processes),
            "survivors": [redactor.arguments(list(each.argv)) for each in watched.survivors] or None,
            "error": _last_words(watched, redactor),
            "momentary": dict(found.momentary) or None,
            "notes": [redactor.text(each) for each in notes] or None,
        },
    )


def _outcome(watched: Watched) -> str:
    return "completed" if watched.returncode == 0 else "failed"


def _last_words(watched: Watched, redactor: Redactor) -> str | None:
    """What a command that failed said last."""
    if watched.returncode == 0 or not watched.stderr:
        return None
    return redactor.text(watched.stderr[-2000:].decode(errors="replace"))


def _ran(
    activity: str, title: str, watched: Watched, touched: Touched, declared: _Declared, notes: Sequence[str]
) -> Ran:
    rows = [
        (path, use, entity)
        for use, found in (("used", touched.used), ("generated", touched.generated), ("removed", touched.removed))
        for path, entity in found.items()
    ]
    undeclared = [path for path in touched.used if path not in declared.inputs]
    undeclared += [path for path in touched.generated if path not in declared.outputs]
    unseen = [path for path in declared.inputs if path not in touched.used]
    unseen += [path for path in declared.outputs if path not in touched.generated]
    return Ran(
        activity=activity,
        name=title,
        returncode=watched.returncode,
        signal=watched.signal,
        timed_out=watched.timed_out,
        began=watched.began,
        ended=watched.ended,
        files=pl.DataFrame(rows, schema={name: pl.String() for name in ("path", "use", "entity")}, orient="row"),
        undeclared=tuple(dict.fromkeys(undeclared)) if declared.said else (),
        unseen=tuple(dict.fromkeys(unseen)),
        survivors=tuple(each.pid for each in watched.survivors),
        how=watched.how,
        notes=tuple(notes),
        stdout=watched.stdout,
        stderr=watched.stderr,
    )
