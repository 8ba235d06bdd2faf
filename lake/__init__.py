"""The lake: bytes, snapshots and the front door of an archive.

    from holotype import lake

    archive = lake.create("/data/archive", name="Rivera lab")
    snapshot = archive.backup("/data/run42", dataset="run42", message="raw reads")

Nothing heavy is imported before it is used: ``import holotype.lake`` loads neither Arrow nor DuckDB.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .archive import Archive
    from .collect import Collected
    from .compare import Compared
    from .filesystem import HolotypeFileSystem
    from .forget import Forgotten
    from .opening import create, open
    from .progress import Progress
    from .reading import ArchivedFile
    from .restore import Restored
    from .snapshots import Snapshot
    from .sync import Synced
    from .verify import Verified

__all__ = [
    "Archive",
    "ArchivedFile",
    "Collected",
    "Compared",
    "Forgotten",
    "HolotypeFileSystem",
    "Progress",
    "Restored",
    "Snapshot",
    "Synced",
    "Verified",
    "create",
    "open",
]

# The module that defines each name.
_HOME = {
    "Archive": "archive",
    "ArchivedFile": "reading",
    "Collected": "collect",
    "Compared": "compare",
    "Forgotten": "forget",
    "HolotypeFileSystem": "filesystem",
    "Progress": "progress",
    "Restored": "restore",
    "Snapshot": "snapshots",
    "Synced": "sync",
    "Verified": "verify",
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
