"""What is known of a run, read from its folder: all that an archive is told of, and an auditor is given.

Nothing here changes a run, or keeps anybody from going on with it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import InvalidOption, ObjectDamaged, dicts

from ..records.folding import Fold
from ..records.ordered import read_units
from ..records.tables import RUN_TABLES
from ..running.journal import read_events

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pyarrow as pa

    from ..running.journal import Event
    from ..running.progress import Progress
    from ..workflow import Workflow

__all__ = ["RunFacts", "run_facts"]

# What happened; all else in a journal is about who had the run in hand, what that cost, and its way to an archive.
_HAPPENED = frozenset(
    {"ordered", "begun", "over", "done", "reused", "decided", "answered", "ended", "cancelled", "bad"}
)


@dataclass(frozen=True)
class RunFacts:
    """A run as it stands.

    ``tables``: rows by the names of tables, as ``RUN_TABLES`` declares them.  ``identity``: what tells it from another
    run of its name.  ``version``: what tells how it stands from how it stood before.  ``dataset``: whose next snapshot
    its results are to be: what was said when it was ordered, or else ``runs/`` and its name.
    """

    folder: Path
    tables: Mapping[str, pa.Table]
    progress: Progress
    identity: str
    version: str
    dataset: str

    @property
    def name(self) -> str:
        """The run's."""
        return self.folder.name

    @property
    def over(self) -> bool:
        """Whether nothing of it goes on, or waits."""
        return self.progress.over

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its row in ``runs``."""
        return dicts(self.tables["runs"])[0]

    @property
    def processing(self) -> float:
        """Seconds that its attempts ran, together."""
        return float(sum(each or 0.0 for each in self.tables["attempts"]["wall"].to_pylist()))

    @cached_property
    def last(self) -> frozenset[str]:
        """The names of folders with results of those steps that make the workflow's outputs."""
        graph = self.progress.units.graph
        nodes = {source.node for bound in graph.outputs.values() for source in bound.sources() if source.node}
        return frozenset(name.replace("/", ".") for name in nodes)

    def outputs(self) -> tuple[str, ...]:
        """Where these lie: patterns of paths in its folder."""
        names = sorted(map(_escaped, self.last))
        return tuple(f"results/{where}/{name}" for name in names for where in ("run", "samples/*"))


def run_facts(folder: str | os.PathLike[str], *, workflow: Workflow | None = None) -> RunFacts:
    """What is known of the run in ``folder``; ``workflow``: it itself, where no document can hold it.

    Raises ``InvalidOption`` where there is no run, ``WorkflowInvalid`` where its workflow is needed and not given, or
    another one, and ``ObjectDamaged`` where its order or journal is not as it was written.
    """
    folder = Path(folder).resolve()
    fold, version = Fold(folder, read_units(folder, workflow=workflow)), hashlib.sha256()
    first: Event | None = None
    try:
        for event in read_events(folder / "journal"):
            fold.apply(event)
            if event["what"] in _HAPPENED:
                version.update(_text(event))
                first = first or event
    except FileNotFoundError as error:
        raise InvalidOption(f"there is no run in {folder}", option="folder") from error
    if first is None or first["what"] != "ordered":
        raise ObjectDamaged(f"the journal in {folder} does not begin with an order", key=str(folder / "journal"))
    rows = fold.take().rows
    tables = {table.name: table.enforce(rows[table.name]) for table in RUN_TABLES}
    identity = hashlib.sha256(folder.name.encode() + b"\n" + _text(first)).hexdigest()
    dataset: str = first.get("dataset") or f"runs/{folder.name}"
    return RunFacts(folder, tables, fold.progress, identity, version.hexdigest(), dataset)


def _text(event: Event) -> bytes:
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def _escaped(name: str) -> str:
    """A name as a pattern that only it fits."""
    return "".join(f"\\{letter}" if letter in "*?[\\" else letter for letter in name)
