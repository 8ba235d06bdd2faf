"""Reproduce: the recorded steps are done again in another place, and what comes out is held against what was recorded.

    to/run42/…          a folder for each dataset, with the inputs that no step makes
    to/run42/result.csv what the steps make there

A step can be done again when it was a command that ran where datasets lie, or a script among the archived files; a step
that was part of an interactive session cannot, and neither can one whose command line holds something that was
redacted.  Steps run as this user, with what is installed now: read ``explain`` first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl
import pyarrow.compute as pc

from holotype.catalog import HolotypeError, TargetRefused
from holotype.catalog import provenance as prov

from ..capturing.redacting import OUTSIDE, REDACTED, Redactor
from ..capturing.watching import watch
from ..manifest import Manifest
from ..reading.lookup import entry
from ..reading.opened import open_file
from ..records.snapshots import history
from ..tree.paths import own
from .equivalence import equivalent
from .explain import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..context import Context
    from .steps import Step

__all__ = ["Reproduced", "reproduce"]

_OUTSIDE = "urn:holotype:outside:"
_UNKNOWN = f"{{{OUTSIDE}}}"


@dataclass(frozen=True, eq=False)
class Reproduced:
    """What came of doing it again.

    ``verdict``: ``exact`` when every file came out byte for byte, ``equivalent`` when some only mean the same,
    ``different``, or ``incomplete`` when a step could not be done or a file is missing.  ``files``: one row for each
    file that the steps made, with ``step``, ``dataset``, ``path``, ``verdict`` (``exact``, ``equivalent``,
    ``different`` or ``missing``), ``expected`` and ``found`` (SHA-256, hex).  ``steps``: one row each, with ``name``,
    ``done``, and ``why`` not.
    """

    verdict: str
    files: pl.DataFrame
    steps: pl.DataFrame

    @property
    def ok(self) -> bool:
        """Whether all came out byte for byte, or means the same."""
        return self.verdict in ("exact", "equivalent")


def reproduce(
    context: Context,
    graph: prov.Graph,
    steps: Sequence[Step],
    to: str | os.PathLike[str],
    *,
    timeout: float | None = None,
) -> Reproduced:
    """Do ``steps`` again below the empty or absent folder ``to``.  ``timeout``: seconds for each.

    Raises ``TargetRefused``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises; a step that fails is told,
    not raised.
    """
    target = os.path.realpath(to)
    os.makedirs(target, exist_ok=True)
    if os.listdir(target):
        raise TargetRefused(f"{target} is not empty: reproduce into a folder of its own", path=target)
    files: list[tuple[str, str, str, str, str, str | None]] = []
    done: list[tuple[str, str | None]] = []
    with tempfile.TemporaryDirectory(prefix="holotype-made-") as aside:
        stock = _Stock(context, graph, target, aside, steps)
        for step in steps:
            if step.facts.get("outcome") == "failed" and not step.outputs:
                continue  # it made nothing, and another one did what it was to do
            stock.lay_out(step)
            why = _why_not(step, stock.lacking) or _do(step, target, timeout)
            done.append((step.name, why))
            if why is not None:
                stock.lacking.update(dict.fromkeys(step.outputs, why))
            # At once, for a later step may write over them.
            files += _held_against(context, graph, step, target)
            stock.keep(step)
    return Reproduced(
        _verdict([row[3] for row in files], [why for _, why in done]),
        pl.DataFrame(
            files,
            schema={name: pl.String() for name in ("step", "dataset", "path", "verdict", "expected", "found")},
            orient="row",
        ),
        pl.DataFrame(
            [(name, why is None, why) for name, why in done],
            schema={"name": pl.String(), "done": pl.Boolean(), "why": pl.String()},
            orient="row",
        ),
    )


def _verdict(files: Sequence[str], troubles: Sequence[str | None]) -> str:
    if not files or "missing" in files or any(trouble is not None for trouble in troubles):
        return "incomplete"
    return "different" if "different" in files else "equivalent" if "equivalent" in files else "exact"


class _Stock:
    """The versions of files that steps use: archived ones, and those that steps made.

    Where several versions of a file come by, as when one is changed in place, each step finds the one that it used.
    ``lacking``: entities that cannot be had, and why.
    """

    def __init__(self, context: Context, graph: prov.Graph, target: str, aside: str, steps: Sequence[Step]) -> None:
        self._context, self._graph, self._target, self._aside = context, graph, target, aside
        self.lacking: dict[str, str] = {}
        self._made = {entity for step in steps for entity in step.outputs}
        places: dict[str, set[str]] = {}
        for entity in {entity for step in steps for entity in (*step.inputs, *step.scripts, *step.outputs)}:
            version = prov.file_version(entity)
            if version is not None:
                places.setdefault(_place(target, version), set()).add(entity)
        self._contested = {entity for entities in places.values() if len(entities) > 1 for entity in entities}
        self._kept: dict[str, str] = {}
        self._brought = set[str]()

    def lay_out(self, step: Step) -> None:
        """Put what a step uses where it will look for it."""
        for entity in dict.fromkeys((*step.inputs, *step.scripts)):
            version = prov.file_version(entity)
            if version is None:
                if entity.startswith(_OUTSIDE):
                    self.lacking[entity] = "it lay in no dataset, and so was not archived"
            elif entity in self._kept:
                shutil.copyfile(self._kept[entity], _place(self._target, version))
            elif entity not in self._made and (entity in self._contested or entity not in self._brought):
                self._bring(entity, version)

    def _bring(self, entity: str, version: prov.FileVersion) -> None:
        snapshot = _holding(self._context, self._graph, version)
        if snapshot is None:
            self.lacking[entity] = f"no live snapshot has {version.dataset}/{version.path} as it was used"
            return
        path = _place(self._target, version)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open_file(self._context, snapshot, version.path) as archived, open(path, "wb") as file:
            shutil.copyfileobj(archived, file, 1 << 20)
        self._brought.add(entity)

    def keep(self, step: Step) -> None:
        """Put aside what a step made and another will write over."""
        for entity in step.outputs:
            version = prov.file_version(entity)
            if version is not None and entity in self._contested and os.path.isfile(_place(self._target, version)):
                self._kept[entity] = os.path.join(self._aside, str(len(self._kept)))
                shutil.copyfile(_place(self._target, version), self._kept[entity])


def _place(target: str, version: prov.FileVersion) -> str:
    """Where a file version stands below ``target``, which it cannot leave."""
    parts = [part for part in own(version.path).split(b"/") if part not in (b"", b".", b"..")]
    return os.path.join(target, *version.dataset.split("/"), *(os.fsdecode(part) for part in parts))


def _holding(context: Context, graph: prov.Graph, version: prov.FileVersion) -> str | None:
    """The newest live snapshot that has a file version."""
    rows = history(context, state=graph.state)
    rows = rows.filter(pc.and_(pc.equal(rows["dataset"], version.dataset), pc.equal(rows["state"], "live")))
    for snapshot in reversed(rows["snapshot"].to_pylist()):
        row = entry(Manifest.load(context.catalog, snapshot, state=graph.state), version.path, columns=["sha256"])
        if row is not None and row["sha256"] == version.sha256:
            return str(snapshot)
    return None


def _called(entity: str) -> str:
    """A file as people call it; one outside all datasets as in the tables of what led to what."""
    if entity.startswith(_OUTSIDE):
        return f"{_UNKNOWN}/{unquote(entity.rpartition(':')[2])}"
    return shown(entity)


def _why_not(step: Step, lacking: Mapping[str, str]) -> str | None:
    """Why a step cannot be done again, if it cannot."""
    for entity in (*step.inputs, *step.scripts):
        if entity in lacking:
            return f"it needs {_called(entity)}: {lacking[entity]}"
    line = _line(step)
    if not line:
        return "it was no command, and no script of it is archived"
    for part in (*line, step.cwd or "", *step.streams.values(), *map(str, step.variables.values())):
        if REDACTED in part:
            return "something in its command line or its variables was redacted"
        if _UNKNOWN in part:
            return f"{part} was in no dataset"
    return None


def _line(step: Step) -> list[str]:
    """The command of a step; of a script, what runs it."""
    if step.command:
        return list(step.command)
    script = step.facts.get("script")
    arguments = step.facts.get("arguments")
    if not isinstance(script, str) or not step.scripts or not isinstance(arguments, list):
        return []
    return [sys.executable, script, *(str(each) for each in arguments)]


def _do(step: Step, target: str, timeout: float | None) -> str | None:
    """Run a step's command; why it failed, if it did."""
    datasets = {
        version.dataset
        for entity in (*step.inputs, *step.scripts, *step.outputs)
        if (version := prov.file_version(entity)) is not None
    }
    folders = {dataset: os.path.join(target, *dataset.split("/")) for dataset in datasets}
    redactor = Redactor({})

    def there(text: str) -> str:
        return redactor.expand(text, folders)

    for entity in step.outputs:
        version = prov.file_version(entity)
        if version is not None:
            os.makedirs(os.path.dirname(_place(target, version)), exist_ok=True)
    streams = step.streams
    folder = there(step.cwd or str(step.facts.get("cwd") or ""))
    if not os.path.isabs(folder):
        return f"where it ran is not known: {folder or 'nothing is said of it'}"
    os.makedirs(folder, exist_ok=True)
    try:
        ran = watch(
            [there(part) for part in _line(step)],
            cwd=folder,
            roots=[],
            how="states",
            env={**os.environ, **{name: there(str(value)) for name, value in step.variables.items()}},
            timeout=timeout,
            stdin=there(streams["stdin"]) if "stdin" in streams else None,
            stdout=there(streams["stdout"]) if "stdout" in streams else None,
            stderr=there(streams["stderr"]) if "stderr" in streams else None,
        )
    except (HolotypeError, OSError) as error:
        return str(error)
    if ran.timed_out:
        return f"it took longer than {timeout} seconds"
    expected = step.facts.get("exit", 0)
    if ran.returncode != expected:
        said = ran.stderr[-300:].decode(errors="replace").strip()
        return f"it ended with {ran.returncode} instead of {expected}{': ' if said else ''}{said}"
    return None


def _held_against(
    context: Context, graph: prov.Graph, step: Step, target: str
) -> Iterable[tuple[str, str, str, str, str, str | None]]:
    """Each file that a step made, beside what was recorded."""
    for entity in step.outputs:
        version = prov.file_version(entity)
        if version is None:
            continue
        path = _place(target, version)
        if not os.path.isfile(path):
            yield step.name, version.dataset, version.path, "missing", version.sha256.hex(), None
            continue
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
        verdict = "exact" if found == version.sha256 else "different"
        if verdict == "different" and (snapshot := _holding(context, graph, version)) is not None:
            with open_file(context, snapshot, version.path) as archived:
                verdict = "equivalent" if equivalent(path, archived, name=version.path) else "different"
        yield step.name, version.dataset, version.path, verdict, version.sha256.hex(), found.hex()
