"""A run as a Workflow Run RO-Crate, which others read without this library.

==================================  ================================================================================
here                                there
==================================  ================================================================================
the workflow                        ``ComputationalWorkflow``: ``workflow.cwl``, and ``workflow.json`` as we write it
a step                              ``HowToStep``, with a ``ParameterConnection`` for everything that it takes
a stage                             ``SoftwareApplication``; the programs that it runs are its ``softwareRequirements``
an input, an output, a parameter    ``FormalParameter``
the run                             ``CreateAction`` of the workflow, which an ``OrganizeAction`` brought about
a task                              ``ControlAction`` of its step
an attempt at it                    ``CreateAction`` of its stage, with ``error`` where it failed, and ``resourceUsage``
a file                              ``File``, with ``sha256``; ``CreativeWork`` where the crate does not have it
a value                             ``PropertyValue``; so are grades, as ``additionalProperty`` of files
==================================  ================================================================================

Source: Process, Workflow and Provenance Run Crate 0.5 on RO-Crate 1.1 and Workflow RO-Crate 1.0, or 0.6 on 1.3 and 1.1;
no version of them is for RO-Crate 1.2.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from holotype.catalog import InvalidOption, TargetRefused, WorkflowInvalid
from holotype.catalog import provenance as prov

from ...documents.loading import workflow_document
from ...graphs.laying import lay_out
from ..cwl.exporting import export_cwl
from ..imported import Exported, Losses
from ..recorded import recorded
from .closing import CWL, METADATA, PROFILES, attach_tables, describe_root, write_documents, write_metadata
from .describing import Described
from .nodes import Nodes, fragment, program
from .payload import Payload
from .telling import Telling

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import polars as pl
    import pyarrow as pa

    from ...checking.order import Order
    from ...workflow import Workflow
    from ..recorded import Recorded, Row

__all__ = ["export_run_crate"]

_OWN = "workflow.json"
# What nothing there says, by the table that has it.
_UNSAID = {
    "decisions": "why it was tried again, done otherwise or left out is nothing that an action has a word for",
    "task_metrics": "figures of what was made are nothing that an action has a word for",
    "run_events": "there is no journal there",
}


def export_run_crate(
    tables: Mapping[str, pl.DataFrame | pa.Table],
    folder: str | os.PathLike[str],
    *,
    root: prov.Root,
    run: str | None = None,
    workflow: Workflow | None = None,
    order: Order | None = None,
    files: Literal["all", "results", "none"] = "results",
    link: bool = False,
    addresses: Mapping[str, str] | None = None,
    orcid: str | None = None,
    attach: bool = True,
    version: Literal["1.1", "1.3"] = "1.1",
) -> Exported:
    """Write a run as a Workflow Run RO-Crate into a new folder, or an empty one.

    ``tables``: those of runs, by their names.  ``root``: what the crate says of itself.  ``run``: which, where there
    are several.  ``workflow``: what was run, or ``order``: that with what it was run over, as ``run.order``; without
    either it is a Process Run Crate, which knows of no workflow.  ``files``: those that come with it: ``"all"`` that
    tasks took or made, the ``"results"``, or ``"none"``; others are only spoken of, with their digests.  ``link``: do
    not copy them, but give them a second name where that can be done.  ``addresses``: where else files can be had, by
    their paths.  ``orcid``: the address of the one who had it done.  ``attach``: the tables too, as Parquet files, for
    they say much that a crate has no word for.  ``version``: of RO-Crate, with the profiles of runs that go with it.

    ``document`` is the metadata, and ``lost`` all that it does not say.

    Raises ``InvalidOption`` and ``RowsRefused`` where the tables are not such, ``TargetRefused`` where the folder is
    not empty, ``SourceProblem`` where a file is not what it was in the run, and ``OSError``; then nothing is written.
    """
    if version not in PROFILES:
        raise InvalidOption(
            f"there are no profiles of runs for RO-Crate {version}: there are 1.1 and 1.3", option="version"
        )
    if files not in ("all", "results", "none"):
        raise InvalidOption(f"the files in a crate are all, results or none, not {files!r}", option="files")
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetRefused(f"{target} is not an empty folder; choose another", path=str(target))
    given = order.workflow if order is not None else workflow
    writing = _Crate(recorded(tables, run=run), root, version, given, order, orcid)
    payload = writing.told(_wanted(writing.run, given, files), addresses or {})
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        payload.bring(new, link=link)
        document = writing.finished(new, attached=attach)
        if target.exists():
            target.rmdir()
        new.chmod(0o755)  # it was made for its owner only
        new.rename(target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return Exported(document=document, lost=tuple(writing.losses.told))


def _wanted(run: Recorded, workflow: Workflow | None, files: str) -> set[str] | None:
    """The files that come with the crate; ``None`` for all."""
    if files != "results":
        return None if files == "all" else set()
    if workflow is not None:
        return {row["path"] for rows in _results(run, workflow).values() for row in rows}
    used = {row["path"] for rows in run.used.values() for row in rows}
    return {row["path"] for rows in run.made.values() for row in rows} - used


def _results(run: Recorded, workflow: Workflow) -> dict[str, list[Row]]:
    """The files of a workflow's outputs, by their names."""
    made: dict[tuple[str, str | None], list[Row]] = {}
    for task, rows in run.made.items():
        for row in rows:
            made.setdefault((run.tasks[task]["node"], row["port"]), []).append(row)
    return {
        name: [row for source in bound.sources() if source.node for row in made.get((source.node, source.name), ())]
        for name, bound in lay_out(workflow, lambda *_: None).outputs.items()
    }


@dataclass
class _Crate:
    """One crate while it is written."""

    run: Recorded
    root: prov.Root
    version: str
    workflow: Workflow | None
    order: Order | None
    orcid: str | None

    def __post_init__(self) -> None:
        self.losses, self.nodes = Losses(), Nodes()
        self._documents: dict[str, dict[str, Any]] = {}

    def told(self, wanted: set[str] | None, addresses: Mapping[str, str]) -> Payload:
        """Tell of everything; returns the files."""
        about = self.run.run
        self.nodes.add(METADATA, "CreativeWork")
        self.nodes.add("./", "Dataset")
        agent = self.nodes.add(self.orcid or fragment("operator"), "Person", name=about["operator"])
        payload = Payload(self.nodes, self.losses, folder=about["folder"], addresses=addresses, wanted=wanted)
        described = self._described()
        telling = Telling(self.run, self.nodes, payload, self.losses, agent=agent, described=described)
        telling.tell()
        if described is not None and self.workflow is not None:
            self._orchestrated(described, telling, payload, self.workflow, agent)
        return payload

    def _described(self) -> Described | None:
        workflow = self.workflow
        if workflow is None:
            why = "it was not given: the crate tells of what was done, and not of what was to be done"
            self.losses.add("workflow", self.run.run["workflow"], why)
            return None
        self._documents[CWL] = self._as_cwl(workflow)
        try:
            self._documents[_OWN] = workflow_document(workflow)
        except WorkflowInvalid as error:
            self.losses.add(_OWN, workflow.name, f"it cannot be written: {error.message}")
        kinds = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
        said = {"name": workflow.name, "version": workflow.version, "description": workflow.about or None}
        self.nodes.add(CWL, kinds, **said)
        described = Described(workflow, self.nodes, self.losses, at=CWL, tools=json.loads(self.run.run["tools"]))
        described.describe()
        return described

    def _as_cwl(self, workflow: Workflow) -> dict[str, Any]:
        exported = export_cwl(workflow)
        for loss in exported.lost:
            self.losses.add(f"{CWL}.{loss.where}", loss.what, loss.why)
        return dict(exported.document)

    def _orchestrated(
        self, described: Described, telling: Telling, payload: Payload, workflow: Workflow, agent: str
    ) -> None:
        """Tell of the run as a whole, and of who saw to it."""
        results: list[str] = []
        for name, rows in _results(self.run, workflow).items():
            for id in map(payload.node, rows):
                self.nodes.link(id, "exampleOfWork", fragment("workflow", "outputs", name))
                results.append(id)
        whole = telling.whole([*self._given(payload), *self._values(telling)], results)
        tools = {link["@id"] for id in self.nodes.of("CreateAction") for link in [self.nodes[id]["instrument"]]}
        self.nodes.link(described.at, "hasPart", *sorted(tools - {described.at}))
        engine = program(self.nodes, "pypi", "holotype", version_of("holotype"))
        if controls := telling.controls():
            said = {key: self.nodes[whole].get(key) for key in ("startTime", "endTime", "actionStatus", "error")}
            organized = self.nodes.add(
                fragment("scheduling"),
                "OrganizeAction",
                name=f"Scheduling of {self.run.name} on {self.run.run['machine'] or 'an unknown machine'}",
                agent={"@id": agent},
                instrument={"@id": engine},
                result={"@id": whole},
                **said,
            )
            self.nodes.link(organized, "object", *controls)

    def _given(self, payload: Payload) -> list[str]:
        """The files that the run was given."""
        known = {row["path"]: row for rows in self.run.used.values() for row in rows}
        if self.order is None:
            made = {row["path"] for rows in self.run.made.values() for row in rows}
            return [payload.node(row) for path, row in known.items() if path not in made]
        found: list[str] = []
        for _, name, path in self.order.files():
            id = payload.node(known.get(path, {"path": path, "digest": None, "size": None}))
            if (formal := fragment("workflow", "inputs", name)) in self.nodes:
                self.nodes.link(id, "exampleOfWork", formal)
            found.append(id)
        return found

    def _values(self, telling: Telling) -> list[str]:
        """The parameters that it was given, and the defaults of others."""
        given = self.order.values() if self.order is not None else {}
        formal = {name: fragment("workflow", "parameters", name) for name in given}
        return [telling.value(formal[name], name, value) for name, value in given.items() if value is not None]

    def _lack(self, *, attached: bool) -> None:
        """Tell of what nothing in the metadata says."""
        where = "; the tables in the crate have it" if attached else ""
        for name, why in _UNSAID.items():
            if count := self.run.tables[name].num_rows:
                self.losses.add(name, f"{count} rows", why + where)
        if any(self.run.attempts.values()):
            why = f"what attempts were given, waited for and left is nothing that an action has a word for{where}"
            self.losses.add("attempts", "cpus, memory_given, …, licences, waited, inspecting, recording", why)
        for name, task in self.run.tasks.items():
            if not self.run.attempts.get(name) and task["reused_task"] is None:
                why = f"it is {task['state']}: only of what was begun there is an action{where}"
                self.losses.add(f"tasks.{name}", task["why"] or task["state"], why)

    def finished(self, folder: Path, *, attached: bool) -> dict[str, Any]:
        """Have all but the files in the crate; returns the metadata."""
        if attached:
            attach_tables(self.nodes, self.run.tables, folder)
        write_documents(self.nodes, self._documents, folder)
        describe_root(self.nodes, self.root, self.version, CWL if self._documents else None)
        self._lack(attached=attached)
        return write_metadata(self.nodes, self.version, folder)
