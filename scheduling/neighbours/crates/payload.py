"""The files of a crate: those that it has with it, and those that it only speaks of."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from holotype.catalog import SourceProblem
from holotype.catalog import provenance as prov

from .nodes import fragment, quoted_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..imported import Losses
    from ..recorded import Row
    from .nodes import Nodes

__all__ = ["Payload"]

_BLOCK = 1 << 20
# Those that Python knows by itself, the same on every machine.
_KINDS = mimetypes.MimeTypes()


@dataclass(frozen=True)
class _Taken:
    source: Path
    place: str
    digest: str


class Payload:
    """Files of a run, by where they are.

    ``folder``: the run's, below which its results keep their places.  ``addresses``: where else files are, by their
    paths.  ``wanted``: those that come with the crate, ``None`` for all.
    """

    def __init__(
        self, nodes: Nodes, losses: Losses, *, folder: str, addresses: Mapping[str, str], wanted: set[str] | None
    ) -> None:
        self._nodes, self._losses = nodes, losses
        self._folder, self._addresses, self._wanted = folder, addresses, wanted
        self._ids: dict[tuple[str, str | None], str] = {}
        self._taken: dict[str, _Taken] = {}

    @property
    def places(self) -> set[str]:
        """Where files are within the crate."""
        return {*self._taken}

    def node(self, row: Row) -> str:
        """The identifier of a file that a task took or made, described once."""
        path, digest, size = row["path"], row["digest"], row["size"]
        key = (path, digest)
        if key not in self._ids:
            self._ids[key] = self._described(path, digest, size)
        return self._ids[key]

    def _described(self, path: str, digest: str | None, size: int | None) -> str:
        name = PurePath(path).name
        said = {"name": name, "sha256": digest, "contentSize": None if size is None else str(size)}
        known = {**said, "alternateName": path, "encodingFormat": _kind(name)}
        if digest is not None and (self._wanted is None or path in self._wanted):
            if os.path.isfile(path):
                place = prov.crate_place(self._place(path), self._taken, mark=digest[:8])
                self._taken[place] = _Taken(Path(path), place, digest)
                return self._nodes.add(
                    quoted_place(place), "File", **said, alternateName=path, encodingFormat=_kind(name)
                )
            self._losses.add(path, name, "it is not there any more, and so not in the crate")
        if address := self._addresses.get(path):
            return self._nodes.add(address, "File", **known)
        # A place in somebody's file system is none that a reader could find it at.
        return self._nodes.add(fragment("files", digest or "", path), "CreativeWork", **said, identifier=path)

    def _place(self, path: str) -> str:
        """Where it wants to be: results as in the run's folder, and others side by side."""
        inside = os.path.relpath(path, self._folder) if self._folder and os.path.isabs(path) else os.pardir
        parts = PurePath(inside).parts
        if not parts or os.pardir in parts or os.path.isabs(inside):
            return f"inputs/{PurePath(path).name}"
        return "/".join(parts)

    def bring(self, folder: Path, *, link: bool) -> None:
        """Have the files in the crate.

        Raises ``SourceProblem`` for one that is not what the run took or made, and ``OSError``.
        """
        for each in self._taken.values():
            target = folder / each.place
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = _linked(each.source, target) if link else _copied(each.source, target)
            if digest != each.digest.lower():
                raise SourceProblem(
                    f"{each.source} has the SHA-256 {digest}, and in the run it had {each.digest}",
                    path=str(each.source),
                )


def _kind(name: str) -> str:
    kind, packing = _KINDS.guess_type(name)
    return f"application/{packing}" if packing else kind or "application/octet-stream"


def _copied(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        while block := file.read(_BLOCK):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


def _linked(source: Path, target: Path) -> str:
    """A second name of the same file; a copy where there can be none, as on another device."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        return _copied(source, target)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
