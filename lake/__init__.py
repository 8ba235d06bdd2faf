"""The lake: bytes, snapshots and the front door of an archive.

    from holotype import lake

    archive = lake.create("/data/archive", name="Rivera lab")
    snapshot = archive.backup("/data/run42", dataset="run42", message="raw reads")

Each verb is a module here; what verbs are made of lies in rooms, each of which may use those above it:

    tree        folders as they lie on a disk: paths, names, walking, what changed
    capturing   what programs read and wrote, and where they ran
    packs       the storage objects that hold chunks
    chunkers    where a file is cut, and what is known of its content
    manifest    the rows of a snapshot, shared with its neighbours
    records     what the tables say of snapshots and chunks
    reading     archived files read where they are
    lineage     what is said of activities, and of the files they used and made
    storing     from files to packs
    restoring   from packs to files
    retention   sessions, garbage, and how it is taken away
    validation  reports on what goes in and out, quarantine, and what tables have to be
    moving      from one archive to another
    provenance  questions about where things came from

Nothing heavy is imported before it is used: ``import holotype.lake`` loads neither Arrow nor DuckDB.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .archive import Archive
    from .collect import Collected
    from .compare import Compared
    from .forget import Forgotten
    from .lineage.deeds import Deed, DeedFile
    from .opening import create, open
    from .progress import Progress
    from .reading.filesystem import HolotypeFileSystem
    from .reading.opened import ArchivedFile
    from .records.kept import KeptRows
    from .records.references import check_name
    from .records.snapshots import Snapshot
    from .restore import Restored
    from .scrub import Scrubbed
    from .sync import Synced
    from .validate import Validated
    from .validation.asked import Validation
    from .validation.declared import Declared
    from .verify import Verified

__all__ = [
    "Archive",
    "ArchivedFile",
    "Collected",
    "Compared",
    "Declared",
    "Deed",
    "DeedFile",
    "Forgotten",
    "HolotypeFileSystem",
    "KeptRows",
    "Progress",
    "Restored",
    "Scrubbed",
    "Snapshot",
    "Synced",
    "Validated",
    "Validation",
    "Verified",
    "check_name",
    "create",
    "open",
]

# The module that defines each name.
_HOME = {
    "Archive": "archive",
    "ArchivedFile": "reading.opened",
    "Collected": "collect",
    "Compared": "compare",
    "Declared": "validation.declared",
    "Deed": "lineage.deeds",
    "DeedFile": "lineage.deeds",
    "Forgotten": "forget",
    "HolotypeFileSystem": "reading.filesystem",
    "KeptRows": "records.kept",
    "Progress": "progress",
    "Restored": "restore",
    "Snapshot": "records.snapshots",
    "Scrubbed": "scrub",
    "Synced": "sync",
    "Validated": "validate",
    "Validation": "validation.asked",
    "Verified": "verify",
    "check_name": "records.references",
    "create": "opening",
    "open": "opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
