"""Reading an RO-Crate: only its metadata, and the provenance that it has attached; nothing is unpacked or fetched.

Not through ``rocrate``, which unpacks an archive to read one file of it, and believes whatever is in there.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DocumentUnreadable, SourceNotFound, UnsafePath
from ..model import Document
from .cratenodes import records_of
from .places import METADATA, OLD_METADATA, PROVENANCE, refuse_unsafe, unsafe
from .provjson import read_json
from .reading import LARGEST, Reading, is_text, load, parse_json

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["fingerprint", "read_crate"]

# Deeper than any property of a crate, whose nodes are flat.
_DEEPEST = 20
_NAMES = (METADATA, OLD_METADATA)


def read_crate(source: str | PathLike[str] | bytes, *, largest: int = LARGEST) -> Document:
    """The provenance in an RO-Crate: a folder, a zip, or the metadata by itself, as a file or as ``bytes``.

    Where a crate that ``write_crate`` made is as it was, that is the document that it was made from, to the last
    attribute.  Of any other, every action is an activity, whoever acted an agent, and everything else an entity; what
    has no place in PROV is named in the document's ``notes``.

    Raises ``SourceNotFound``, ``DocumentUnreadable``, and ``UnsafePath`` where something in it would lead elsewhere.
    """
    data, attached, name = _loaded(source, largest)
    reading = Reading(data, name)
    whole = parse_json(data, name)
    nodes = _nodes(whole, reading)
    for id, node in nodes.items():
        if any(each in ("File", "Dataset") for each in _list(node.get("@type"))):
            refuse_unsafe(id, name)
    if attached is not None and PROVENANCE in nodes:
        if _is_of(attached, nodes):
            return read_json(attached, f"{name}/{PROVENANCE}")
        reading.note(
            f"{PROVENANCE} is not what it was when the crate was written, or the crate is not: it was left aside"
        )
    context = whole.get("@context")
    records, prefixes = records_of(nodes, context, reading)
    return Document(tuple(records), (), prefixes, reading.notes)


def fingerprint(nodes: list[dict[str, Any]]) -> str:
    """What the nodes of a crate say, in a digest: the same in whichever order and however they are set."""
    ordered = sorted(nodes, key=lambda node: str(node.get("@id")))
    # The root knows of the attached file as soon as that is there.
    plain = [{**node, "hasPart": _parts(node)} for node in ordered if node.get("@id") != PROVENANCE]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"urn:holotype:crate:{hashlib.sha256(text.encode()).hexdigest()}"


def _parts(node: dict[str, Any]) -> list[Any]:
    return [part for part in _list(node.get("hasPart")) if part != {"@id": PROVENANCE}]


def _is_of(attached: bytes, nodes: dict[str, dict[str, Any]]) -> bool:
    """Whether the provenance that is attached is that of the crate as it is."""
    said = nodes[PROVENANCE]
    whole = hashlib.sha256(attached).hexdigest() == said.get("sha256")
    return whole and fingerprint(list(nodes.values())) == said.get("identifier")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _loaded(source: str | PathLike[str] | bytes, largest: int) -> tuple[bytes, bytes | None, str]:
    """The metadata, the attached provenance where there is any, and what to call the crate."""
    if isinstance(source, bytes):
        return load(source, largest=largest)[0], None, "the crate"
    path = Path(source)
    if path.is_dir():
        data = _within(path, METADATA, largest) or _within(path, OLD_METADATA, largest)
        if data is None:
            raise DocumentUnreadable(f"{path} is no RO-Crate: it has no {METADATA}", source=str(path))
        return data, _within(path, PROVENANCE, largest), str(path)
    if not path.exists():
        raise SourceNotFound(f"there is no crate at {path}", path=str(path))
    if zipfile.is_zipfile(path):
        return (*_zipped(path, largest), str(path))
    return load(path, largest=largest)[0], None, str(path)


def _within(folder: Path, name: str, largest: int) -> bytes | None:
    """A file right in a folder; a link, which may lead anywhere, is none."""
    path = folder / name
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise UnsafePath(
                f"{path} is no plain file: it may lead out of the crate", path=str(path), source=str(folder)
            )
    except FileNotFoundError:
        return None
    return load(path, largest=largest)[0]


def _zipped(path: Path, largest: int) -> tuple[bytes, bytes | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                link = stat.S_ISLNK(member.external_attr >> 16)
                if link or unsafe(member.filename):
                    what = "is a link" if link else "leads out of it"
                    raise UnsafePath(
                        f"{path}: {member.filename!r} {what}; nothing was unpacked",
                        path=member.filename,
                        source=str(path),
                    )
            data = _member(archive, METADATA, path, largest) or _member(archive, OLD_METADATA, path, largest)
            if data is None:
                raise DocumentUnreadable(f"{path} is no RO-Crate: it has no {METADATA}", source=str(path))
            return data, _member(archive, PROVENANCE, path, largest)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, (DocumentUnreadable, UnsafePath)):
            raise
        raise DocumentUnreadable(f"{path} cannot be read as a zip: {error}", source=str(path)) from error


def _member(archive: zipfile.ZipFile, name: str, path: Path, largest: int) -> bytes | None:
    try:
        # Its size is only what the archive says.
        with archive.open(name) as file:
            data = file.read(largest + 1)
    except KeyError:
        return None
    if len(data) > largest:
        raise DocumentUnreadable(
            f"{name} in {path} has more than {largest} bytes; allow more with largest=", source=name
        )
    return data


def _nodes(whole: Any, reading: Reading) -> dict[str, dict[str, Any]]:
    """The nodes of the metadata, by their identifiers; refuses what is no crate."""
    graph = whole.get("@graph") if isinstance(whole, dict) else None
    if not isinstance(graph, list):
        raise reading.refuse("no RO-Crate: its metadata is an object of JSON with a list @graph")
    found: dict[str, dict[str, Any]] = {}
    for node in graph:
        id = node.get("@id") if isinstance(node, dict) else None
        if not is_text(id):
            raise reading.refuse(f"every node of an RO-Crate has an @id, which is text, and {_start(node)} has none")
        if _depth(node) > _DEEPEST:
            raise reading.refuse(f"{id} is nested too deeply to be a node of an RO-Crate")
        if id in found:
            reading.note(f"{id} is described twice: what the second says is added to the first")
        found[id] = _both(found[id], node) if id in found else node
    # Of a crate that is on the web, the metadata has an address.
    about = next((node.get("about") for id, node in found.items() if id.rpartition("/")[2] in _NAMES), None)
    root = about.get("@id") if isinstance(about, dict) else None
    if not is_text(root) or root not in found:
        raise reading.refuse(f"no RO-Crate: it has no {METADATA} that says which node the crate is about")
    return found


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What either node says."""
    both = dict(one)
    for key, values in other.items():
        known = _list(both.get(key))
        more = [value for value in _list(values) if value not in known]
        both[key] = [*known, *more] if key in both and more else both.get(key, values)
    return both


def _start(node: Any) -> str:
    return json.dumps(node)[:80]


def _depth(value: Any) -> int:
    """How deep a value is; more than the deepest is as good as the deepest."""
    waiting, deepest = [(value, 1)], 0
    while waiting:
        each, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > _DEEPEST:
            return depth
        inside = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        waiting += [(one, depth + 1) for one in inside]
    return deepest
