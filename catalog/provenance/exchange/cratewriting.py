"""Writing an RO-Crate, through the package ``rocrate``; see ``crategraph`` for what of provenance it says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Literal as Among
from urllib.parse import quote, unquote

from ...errors import InvalidOption, SourceNotFound, SourceProblem, TargetRefused
from ...stores.extras import load_extra
from ..vocabulary import HOLOTYPE, file_version
from .crategraph import Included, graph_of
from .cratereading import fingerprint, read_crate
from .elements import Things
from .places import METADATA, PROVENANCE, crate_place
from .provjson import write_json
from .reading import parse_json
from .results import Written, losses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from ..model import Document
    from .crategraph import Graph
    from .elements import Thing

__all__ = ["Root", "write_crate"]

# The profiles that go with each version, by their address and their name.
_RUN = "https://w3id.org/ro/wfrun/"
_PROFILES = {"1.2": ("0.5", "1.0"), "1.3": ("0.6", "1.1")}
_WORKFLOW = "https://w3id.org/workflowhub/workflow-ro-crate/"
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Root:
    """What a crate says of itself, which RO-Crate asks of every crate.

    ``license``: its name, or better its address.  ``published``: when; now by default.  ``more``: further properties.
    """

    name: str
    description: str
    license: str
    published: datetime | None = None
    more: Mapping[str, str] | None = None


def write_crate(
    document: Document,
    folder: str | PathLike[str],
    *,
    root: Root,
    files: Mapping[str, Path | None] | None = None,
    version: Among["1.2", "1.3"] = "1.2",
    attach: bool = True,
) -> Written:
    """Writes an RO-Crate into a new folder, or an empty one, and says what a reader of it will not find.

    ``files``: of entities, by their identifiers, the file that the crate is to have with it; an entity without a file
    is described, and not included.  ``attach``: also the whole of the document as PROV-JSON, in the crate, without
    which much of PROV has no place there; a reader that finds the crate changed since reads the rest instead.

    Raises ``ExtraMissing``, ``TargetRefused``, ``SourceNotFound``, ``InvalidOption`` for a file of no entity or an
    unknown version, and ``SourceProblem`` for one whose bytes are not those that the document speaks of; by then
    nothing is written.
    """
    if version not in _PROFILES:
        raise InvalidOption(f"there is no version {version!r} of RO-Crate here; there are 1.2 and 1.3", version=version)
    model = load_extra("rocrate.rocrate", extra="provenance")
    entities = load_extra("rocrate.model", extra="provenance")
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TargetRefused(f"{target} is not an empty folder; choose another", path=str(target))
    sources = {id: path for id, path in (files or {}).items() if path is not None}
    included = _included(Things(document), sources)
    graph = graph_of(document, included)
    crate = model.ROCrate(version=version)
    _describe(crate, entities, graph, root, version)
    for id, node in graph.nodes.items():
        _put(crate, entities, id, node, {each.place: sources[name] for name, each in included.items()})
    crate.root_dataset["mentions"] = [{"@id": id} for id in graph.mentions]
    if attach:
        _attach(crate, document)
    crate.write(target)
    text = (target / METADATA).read_text("utf-8")
    return Written(text, losses(document, read_crate(target)), f"ro-crate {version}")


def _included(things: Things, sources: Mapping[str, Path]) -> dict[str, Included]:
    """Where each file goes, and what it is; raises where it is not what the document says."""
    found: dict[str, Included] = {}
    taken: set[str] = set()
    for id, path in sources.items():
        thing = things.all.get(id)
        if thing is None:
            raise InvalidOption(f"files= names {id}, of which the document does not speak", files=id)
        if not path.is_file():
            raise SourceNotFound(f"there is no file {path}, which files= names for {id}", path=str(path))
        digest, size = _digest(path)
        said = thing.text(HOLOTYPE + "sha256")
        if said is not None and said.lower() != digest:
            raise SourceProblem(f"{path} has the SHA-256 {digest}, and {id} has {said}", path=str(path), entity=id)
        where = crate_place(_wanted(thing, path), taken, mark=digest[:8])
        taken.add(where)
        found[id] = Included(quote(where), digest, size)
    return found


def _wanted(thing: Thing, path: Path) -> str:
    """The path that a file has where it is from, below the name of its dataset."""
    version = file_version(thing.id)
    dataset = version.dataset if version else thing.text(HOLOTYPE + "dataset")
    inside = version.path if version else thing.text(HOLOTYPE + "path")
    return f"{dataset}/{inside}" if dataset and inside else f"files/{path.name}"


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _describe(crate: Any, entities: Any, graph: Graph, root: Root, version: str) -> None:
    top = crate.root_dataset
    published = root.published or datetime.now(UTC).replace(microsecond=0)
    top["name"], top["description"], top["datePublished"] = root.name, root.description, published.isoformat()
    for key, value in (root.more or {}).items():
        top[key] = value
    if root.license.startswith(("http:", "https:")):
        work = {"@type": "CreativeWork", "name": root.license}
        top["license"] = crate.add(entities.ContextEntity(crate, root.license, properties=work))
    else:
        top["license"] = root.license
    runs, workflow = _PROFILES[version]
    profiles = {_RUN + f"process/{runs}": "Process Run Crate"} if graph.process else {}
    if graph.provenance:
        profiles |= {
            _RUN + f"workflow/{runs}": "Workflow Run Crate",
            _RUN + f"provenance/{runs}": "Provenance Run Crate",
            _WORKFLOW + workflow: "Workflow RO-Crate",
        }
    for address, name in profiles.items():
        said = {"@type": ["CreativeWork", "Profile"], "name": name, "version": address.rpartition("/")[2]}
        top.append_to("conformsTo", crate.add(entities.ContextEntity(crate, address, properties=said)))
    if graph.main is not None:
        top["mainEntity"] = {"@id": graph.main}
    crate.metadata.extra_contexts.append(_TERMS)
    crate.metadata.extra_terms.update(graph.prefixes)


def _put(crate: Any, entities: Any, id: str, node: dict[str, Any], sources: Mapping[str, Path]) -> None:
    kinds = node.get("@type", "CreativeWork")
    properties = {"@type": kinds, **node}
    if id in sources:
        # Unquoted, for the package quotes it again.
        made = entities.File(crate, str(sources[id]), unquote(id), properties=properties)
    elif "File" in kinds:
        # Its identifier is no path within the crate: the package takes it for an address, and fetches nothing.
        made = entities.File(crate, id, properties=properties)
    else:
        made = entities.ContextEntity(crate, id, properties=properties)
    crate.add(made)


def _attach(crate: Any, document: Document) -> None:
    data = write_json(document).encode()
    # Before it is there itself: what it says of the crate is what the crate was without it.
    nodes = [entity.properties() for entity in crate.get_entities()]
    said = {
        "name": "Provenance",
        "description": "All of the provenance that this crate was written from, as PROV-JSON",
        "encodingFormat": "application/json",
        "conformsTo": {"@id": "https://www.w3.org/submissions/prov-json/"},
        "sha256": hashlib.sha256(data).hexdigest(),
        "contentSize": str(len(data)),
        "identifier": fingerprint(parse_json(json.dumps(nodes), PROVENANCE)),
    }
    crate.add_file(BytesIO(data), PROVENANCE, properties=said)
