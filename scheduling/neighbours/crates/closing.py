"""What every crate has: its documents, its tables, what it says of itself and to which profiles it conforms."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from ...records.tables import RUN_TABLES
from .nodes import fragment, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from holotype.catalog import provenance as prov

    from .nodes import Nodes

__all__ = ["CWL", "METADATA", "PROFILES", "attach_tables", "describe_root", "write_documents", "write_metadata"]

METADATA = "ro-crate-metadata.json"
"""The file that makes a folder a crate."""
CWL = "workflow.cwl"
"""Where a workflow is in CWL."""
PROFILES = {"1.1": ("0.5", "1.0"), "1.3": ("0.6", "1.1")}
"""The profiles that go with each version of RO-Crate: of runs, and of workflows."""

_RUNS, _WORKFLOWS = "https://w3id.org/ro/wfrun/", "https://w3id.org/workflowhub/workflow-ro-crate"
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_PARQUET = "application/vnd.apache.parquet"


def attach_tables(nodes: Nodes, tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Have tables in the crate, those that have rows.  Raises ``OSError``."""
    for table in RUN_TABLES:
        rows = tables[table.name]
        if not rows.num_rows:
            continue
        path = folder / "tables" / f"{table.name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(rows, path)
        said = {"name": table.name, "description": table.about, "encodingFormat": _PARQUET}
        nodes.add(f"tables/{path.name}", "File", **said, **_weighed(path.read_bytes()))


def write_documents(nodes: Nodes, documents: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Have the documents of the workflow in the crate, by their places.  Raises ``OSError``."""
    for place, document in documents.items():
        data = _written(document)
        (folder / place).write_bytes(data)
        if place != CWL:
            said = {"version": nodes[CWL]["version"], "isBasedOn": {"@id": CWL}}
            nodes.add(place, ["File", "SoftwareSourceCode"], name=place, **said)
        language = {"@id": _cwl(nodes, document) if place == CWL else _own(nodes)}
        nodes[place].update(programmingLanguage=language, encodingFormat="application/json", **_weighed(data))


def describe_root(nodes: Nodes, root: prov.Root, version: str, main: str | None) -> None:
    """Say what the crate is, and what it conforms to; ``main``: the workflow that it is a run of."""
    published = time_text(root.published or datetime.now(UTC))
    nodes["./"].update(name=root.name, description=root.description, datePublished=published, license=root.license)
    if root.license.startswith(("http:", "https:")):
        nodes["./"]["license"] = {"@id": nodes.add(root.license, "CreativeWork", name=root.license)}
    nodes.link("./", "author", *nodes.of("Person"))
    nodes.link("./", "hasPart", *nodes.of("File"))
    nodes.link("./", "mentions", *nodes.of("CreateAction"))
    runs, workflows = PROFILES[version]
    profiles = {f"{_RUNS}process/{runs}": "Process Run Crate"}
    if main is not None:
        nodes["./"]["mainEntity"] = {"@id": main}
        profiles |= {f"{_RUNS}workflow/{runs}": "Workflow Run Crate", f"{_WORKFLOWS}/{workflows}": "Workflow RO-Crate"}
        if "hasPart" in nodes[main]:
            profiles[f"{_RUNS}provenance/{runs}"] = "Provenance Run Crate"
    for address, name in profiles.items():
        # The context of 1.1 does not know what a profile is.
        kinds = "CreativeWork" if version == "1.1" else ["CreativeWork", "Profile"]
        nodes.add(address, kinds, name=name, version=address.rpartition("/")[2])
    nodes.link("./", "conformsTo", *profiles)
    nodes["./"].update(root.more or {})
    nodes[METADATA]["about"] = {"@id": "./"}
    nodes.link(METADATA, "conformsTo", f"https://w3id.org/ro/crate/{version}")
    if main is not None:
        nodes.link(METADATA, "conformsTo", f"{_WORKFLOWS}/{workflows}")


def write_metadata(nodes: Nodes, version: str, folder: Path) -> dict[str, Any]:
    """Write down what the crate says; returns it.  Raises ``OSError``."""
    context = [f"https://w3id.org/ro/crate/{version}/context", _TERMS]
    document = {"@context": context, "@graph": nodes.graph()}
    (folder / METADATA).write_bytes(_written(document))
    return document


def _cwl(nodes: Nodes, document: Mapping[str, Any]) -> str:
    version = document["cwlVersion"]
    return nodes.add(
        f"{_WORKFLOWS}#cwl",
        "ComputerLanguage",
        name="Common Workflow Language",
        alternateName="CWL",
        identifier={"@id": f"https://w3id.org/cwl/{version}/"},
        url={"@id": "https://www.commonwl.org/"},
        version=version,
    )


def _own(nodes: Nodes) -> str:
    own, about = version_of("holotype"), "Documents from which holotype.scheduling.read_workflow makes workflows"
    said = {"name": "holotype", "version": own, "description": about, "url": f"pkg:pypi/holotype@{own}"}
    return nodes.add(fragment("language"), "ComputerLanguage", **said)


def _written(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    # Half a pair of surrogates, as in a path that is no UTF-8, stays what it is in JSON: an escape.
    return text.encode("utf-8", "backslashreplace")


def _weighed(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "contentSize": str(len(data))}
