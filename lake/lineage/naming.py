"""From what people name to entities::

run42@2/reads/a.fastq     a file as a snapshot has it
run42/reads/a.fastq       the same in the latest
run42@2                   a snapshot
urn:…, pkg:…, https://…   whatever has that identifier
./reads/a.fastq           a file of this machine, as it is now
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from holotype.catalog import CallError, EntryNotFound, InvalidName
from holotype.catalog import provenance as prov

from ..manifest import Manifest
from ..reading.addresses import Addresses
from ..reading.lookup import follow
from .account import file_of
from .places import Places
from .versions import Versions

if TYPE_CHECKING:
    from holotype.catalog import State

    from ..context import Context

__all__ = ["entity_of"]

# Two letters at least, or C:\data would be one.
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[^\\]")


def entity_of(context: Context, what: str | os.PathLike[str], *, state: State, local: bool = True) -> str:
    """The identifier of the entity that is meant (see the module).  ``local``: whether files of this machine are.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound`` or ``EntryNotFound``, with the nearest names.
    """
    if not _names_something(what):
        raise InvalidName(
            f"{what!r} names no entity: say 'run42@2/reads/a.fastq', 'run42@2', an identifier, or the path of a file",
            name=what,
        )
    text = os.fspath(what)
    if isinstance(what, str) and _IRI.match(what):
        return what
    if isinstance(what, str):
        try:
            return _archived(context, what, state)
        except CallError:
            if not (local and os.path.isfile(text)):
                raise
    path = os.path.realpath(text)
    if not os.path.isfile(path):
        raise EntryNotFound(f"there is no file {text}", path=text)
    return file_of(Versions(context, Places.of(context, state=state), state=state).now(path))


def _names_something(what: object) -> bool:
    return isinstance(what, (str, os.PathLike)) and isinstance(os.fspath(what), str)


def _archived(context: Context, what: str, state: State) -> str:
    address = Addresses(context, state=state).find(what)
    if address is None:
        raise EntryNotFound(f"{what!r} is above all snapshots: name one, or a file in it", path=what)
    snapshot, inside = address.snapshot, address.inside
    if not inside:
        return prov.snapshot_id(snapshot.id)
    row = follow(Manifest.load(context.catalog, snapshot.id, state=state), inside, columns=["path", "sha256"])
    if row["sha256"] is None:
        raise EntryNotFound(f"{what}: {row['path']} has no content of its own ({row['kind']})", path=what)
    return prov.file_id(snapshot.dataset, row["path"], row["sha256"])
