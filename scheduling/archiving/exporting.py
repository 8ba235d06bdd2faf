"""The audit export: all that a regulator is shown of a run, in one call, complete and signed off by checksum.

::

    data/order.json, journal              what was ordered, and all that was decided and happened since
    data/workflow.json                    the workflow
    data/tables/<table>.parquet, .csv     runs, samples, tasks, attempts, files, figures, decisions, events
    data/provenance.json, .provn          how each result came about, in two notations of W3C PROV
    data/inputs.csv, outputs.csv          what was given and what was made, with checksums
    data/tools.csv, machine.json          programs and their versions; where it ran, with what
    data/checks.csv, reports.csv          what the check before it began found odd; what validation found
    data/people.csv                       who ordered, decided, and marked as bad
    data/logs/…                           what tasks printed

Around them is a bag (``bag.py``), with a sign-off of its manifest; ``check_audit`` proves that it is as it was made.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq

from holotype.catalog import InvalidOption
from holotype.catalog import provenance as prov
from holotype.lake import Archive

from .bag import BAGIT, new_bag
from .evidence import evidence_in_archive, evidence_in_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from ..running.run import Run
    from ..workflow import Workflow
    from .bag import Bag
    from .evidence import Evidence

__all__ = ["AuditExport", "audit_export"]

_CHECKED = ("path", "code", "message", "record", "column")


@dataclass(frozen=True)
class AuditExport:
    """What was exported.  ``path``: where it is.  ``files`` and ``bytes``: how much is in ``data``.  ``digest``:
    SHA-256 of ``tagmanifest-sha256.txt``, in which all of it is: who has that from elsewhere need not trust the rest.
    """

    path: str
    run: str
    files: int
    bytes: int
    digest: str


def audit_export(
    source: Archive | Run | str | os.PathLike[str],
    run: str | None = None,
    *,
    to: str | os.PathLike[str],
    operator: str | None = None,
    logs: bool = True,
    workflow: Workflow | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AuditExport:
    """Export all that is known of a run to ``to``: a folder that is empty or not there yet, or a new file ``.zip``;
    whole or not at all.

    ``source``: an archive, and then the name of the ``run`` in it; or the run itself, or its folder.  ``operator``: who
    signs it off, by default who had the run done.  ``logs``: with what tasks printed.  ``workflow``: it itself, where
    no document can hold it.

    Raises ``EntryNotFound`` or ``InvalidOption`` where there is no such run, ``TargetRefused`` where something is
    already, ``StorageFull`` or ``StorageFailed``, and what reading the run raises.
    """
    if isinstance(source, Archive):
        if run is None:
            raise InvalidOption("which run of the archive: say run=", option="run")
        evidence = evidence_in_archive(source, run)
    else:
        evidence = evidence_in_folder(source, workflow=workflow)
        if run not in (None, evidence.run):
            raise InvalidOption(f"this is the run {evidence.run}, and not {run}", option="run")
    person, now = operator or evidence.row["operator"], clock()
    with new_bag(to) as bag:
        _fill(bag, evidence, logs=logs)
        manifest = bag.manifest()
        bag.tag("bagit.txt", BAGIT)
        bag.tag("bag-info.txt", _info(bag, evidence, person, now))
        bag.tag("sign-off.json", _json(_sign_off(evidence, manifest, person, now)))
        digest = bag.close()
    return AuditExport(os.path.abspath(os.fspath(to)), evidence.run, bag.count, bag.bytes, digest)


def _fill(bag: Bag, evidence: Evidence, *, logs: bool) -> None:
    for path, opened in evidence.files.items():
        if logs or not path.startswith("logs/"):
            with opened() as file:
                bag.copy(path, file)
    with evidence.files["order.json"]() as file:
        order = json.load(file)
    bag.write("workflow.json", _json(order.get("workflow") or {"name": order.get("name"), "document": None}))
    for name, rows in evidence.tables.items():
        bag.write(f"tables/{name}.parquet", _parquet(rows))
        bag.write(f"tables/{name}.csv", _csv(pl.DataFrame(rows)))
    for ending in ("json", "provn"):
        bag.write(f"provenance.{ending}", prov.write_document(evidence.document, ending).text)
    files = pl.DataFrame(evidence.tables["task_files"])
    bag.write("inputs.csv", _csv(_inputs(files, evidence)))
    bag.write("outputs.csv", _csv(_outputs(files)))
    bag.write("people.csv", _csv(_people(evidence)))
    ordered = _ordered(evidence)
    tools: dict[str, str] = json.loads(evidence.row["tools"])
    versions = [{"tool": name, "version": found} for name, found in sorted(tools.items())]
    bag.write("tools.csv", _csv(pl.DataFrame(versions, schema={"tool": pl.String(), "version": pl.String()})))
    bag.write("machine.json", _json(_machine(evidence, ordered)))
    odd = [{name: _text(value) for name, value in row.items()} for row in ordered.get("odd", [])]
    bag.write(
        "checks.csv", _csv(pl.DataFrame(odd) if odd else pl.DataFrame(schema=dict.fromkeys(_CHECKED, pl.String())))
    )
    bag.write("reports.csv", _csv(evidence.reports))


def _inputs(files: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """What no task has made, with where an archive has it."""
    made = set(files.filter(pl.col("direction") == "made")["path"])
    used = files.filter((pl.col("direction") == "used") & ~pl.col("path").is_in(sorted(made)))
    given = used.select("path", sha256="digest", size="size").unique(maintain_order=True)
    places = [evidence.places.get(digest) for digest in given["sha256"]]
    return given.with_columns(pl.Series("archived", places, pl.String())).sort("path")


def _outputs(files: pl.DataFrame) -> pl.DataFrame:
    made = files.filter(pl.col("direction") == "made")
    return made.select("task", output="port", path="path", sha256="digest", size="size")


def _people(evidence: Evidence) -> pl.DataFrame:
    """Every act of a person: when, who, what, about which task, and why."""
    row, rows = evidence.row, list[dict[str, Any]]()
    rows.append({"time": row["began"], "who": row["operator"], "what": "ordered", "task": None, "why": row["project"]})
    rows += [
        {"time": each["time"], "who": each["who"], "what": each["action"], "task": each["task"], "why": each["why"]}
        for each in evidence.tables["decisions"].to_pylist()
        if each["who"] is not None
    ]
    for each in evidence.tables["run_events"].to_pylist():
        if each["what"] in ("bad", "cancelled"):
            said = json.loads(each["about"])
            who = said.get("by") or row["operator"]
            rows.append(
                {
                    "time": each["time"],
                    "who": who,
                    "what": each["what"],
                    "task": each["task"],
                    "why": said.get("why", ""),
                }
            )
    schema = {"time": pl.Datetime("us", "UTC"), **dict.fromkeys(("who", "what", "task", "why"), pl.String())}
    return pl.DataFrame(rows, schema=schema).sort("time", maintain_order=True)


def _ordered(evidence: Evidence) -> dict[str, Any]:
    first = next(row for row in evidence.tables["run_events"].to_pylist() if row["what"] == "ordered")
    found: dict[str, Any] = json.loads(first["about"])
    return found


def _machine(evidence: Evidence, ordered: dict[str, Any]) -> dict[str, Any]:
    """Where it ran, and what the archive knows of the environment."""
    kinds = (prov.name("environment"), prov.name("package"))
    around = [each for each in evidence.document.records if set(kinds) & set(each.values(prov.PROV + "type"))]
    said = [
        {name.rpartition(":")[2].rpartition("#")[2]: prov.plain_value(value) for name, value in each.attributes}
        for each in around
    ]
    return {"machine": evidence.row["machine"], "site": ordered.get("site"), "environment": said}


def _sign_off(evidence: Evidence, manifest: str, person: str, now: datetime) -> dict[str, Any]:
    row = evidence.row
    return {
        "run": evidence.run,
        "workflow": row["workflow"],
        "version": row["version"],
        "state": row["state"],
        "signed-by": person,
        "time": now.isoformat(),
        "algorithm": "sha256",
        "manifest": manifest,
        "archived": dict(evidence.archived) or None,
        "made-with": f"holotype {_version()}",
    }


def _info(bag: Bag, evidence: Evidence, person: str, now: datetime) -> str:
    lines = {
        "External-Identifier": evidence.run,
        "External-Description": f"the run {evidence.run} of {evidence.row['workflow']}",
        "Contact-Name": person,
        "Bagging-Date": now.date().isoformat(),
        "Payload-Oxum": f"{bag.bytes}.{bag.count}",
        "Bag-Software-Agent": f"holotype {_version()}",
    }
    return "".join(f"{name}: {' '.join(str(value).split())}\n" for name, value in lines.items())


def _version() -> str:
    try:
        return version("holotype")
    except PackageNotFoundError:  # the sources, where nothing is installed
        return "unknown"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, default=str) + "\n"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def _csv(frame: pl.DataFrame) -> str:
    """A table as text, with lists as their elements parted by semicolons, and times as ISO 8601 has them."""
    flat = [_flat(name, kind) for name, kind in frame.schema.items()]
    return frame.select(flat).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ") if flat else ""


def _flat(name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(pl.List(pl.String())).list.join("; ") if isinstance(kind, pl.List) else pl.col(name)
