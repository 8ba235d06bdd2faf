"""Every error of holotype, in one tree with one root.

Each error is also the builtin it resembles, so that code which expects a ``FileNotFoundError`` or a ``KeyError`` goes
on working.  They are grouped by what the caller would do about them::

    HolotypeError
     ├── CallError                     fix the call
     │    ├── ArchiveNotFound             (FileNotFoundError)
     │    ├── ArchiveExists               (FileExistsError)
     │    ├── FormatTooNew                (NotImplementedError)
     │    ├── StorageNotFound             (FileNotFoundError)
     │    ├── DatasetNotFound             (KeyError)
     │    ├── SnapshotNotFound            (KeyError)
     │    ├── SnapshotsDiffer             (ValueError)
     │    ├── EntryNotFound               (FileNotFoundError)
     │    ├── ProgramNotFound             (FileNotFoundError)
     │    ├── TableNotFound               (KeyError)
     │    ├── InvalidName                 (ValueError)
     │    ├── InvalidOption               (ValueError)
     │    ├── RowsRefused                 (ValueError)
     │    ├── ProvenanceRefused           (ValueError)
     │    ├── DataRefused                 (ValueError)
     │    ├── SchemaRefused               (ValueError)
     │    ├── SourceNotFound              (FileNotFoundError)
     │    ├── SourceProblem               (OSError)
     │    ├── TargetRefused               (FileExistsError)
     │    ├── TargetUnfit                 (OSError)
     │    ├── UnsafePath                  (ValueError)
     │    ├── DocumentUnreadable          (ValueError)
     │    ├── WorkflowInvalid             (ValueError)
     │    └── ExtraMissing                (ImportError)
     ├── AccessError                   ask for access
     │    ├── StorageDenied               (PermissionError)
     │    └── ArchiveReadOnly             (PermissionError)
     ├── TransientError                try again, perhaps after making room
     │    ├── Conflict                    (RuntimeError)
     │    ├── StorageFull                 (OSError)
     │    └── StorageFailed               (OSError)
     └── DamageError                   repair the data
          ├── ObjectMissing               (FileNotFoundError)
          ├── ObjectDamaged               (ValueError)
          └── LogDamaged                  (ValueError)

``SingleWriterWarning`` stands beside the tree: it is a warning (``UserWarning``), and never raised unless asked for.

An error carries what it speaks of as attributes, given by keyword and listed in ``about``; the message says what
happened, to which thing, and what to do next.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AccessError",
    "ArchiveExists",
    "ArchiveNotFound",
    "ArchiveReadOnly",
    "CallError",
    "Conflict",
    "DamageError",
    "DataRefused",
    "DatasetNotFound",
    "DocumentUnreadable",
    "EntryNotFound",
    "ExtraMissing",
    "FormatTooNew",
    "HolotypeError",
    "InvalidName",
    "InvalidOption",
    "LogDamaged",
    "ObjectDamaged",
    "ObjectMissing",
    "ProgramNotFound",
    "ProvenanceRefused",
    "RowsRefused",
    "SchemaRefused",
    "SingleWriterWarning",
    "SnapshotNotFound",
    "SnapshotsDiffer",
    "SourceNotFound",
    "SourceProblem",
    "StorageDenied",
    "StorageFailed",
    "StorageFull",
    "StorageNotFound",
    "TableNotFound",
    "TargetRefused",
    "TargetUnfit",
    "TransientError",
    "UnsafePath",
    "WorkflowInvalid",
]


# What ImportError and OSError have of their own: Python finds these before it asks ``__getattr__``.
_BUILTIN = frozenset({"name", "path", "filename", "filename2", "errno", "strerror"})


class HolotypeError(Exception):
    """The root: whatever holotype raises on purpose is one of these."""

    about: Mapping[str, object]

    def __init__(self, message: str, **about: object) -> None:
        super().__init__(message)
        self.message = message
        self.about = MappingProxyType(about)
        for name in about.keys() & _BUILTIN:
            setattr(self, name, about[name])

    def __str__(self) -> str:
        # KeyError would show the repr of its argument; every error of this tree shows its message.
        return self.message

    def __getattr__(self, name: str) -> object:
        about = self.__dict__.get("about", {})
        if name in about:
            return about[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between processes; a mapping proxy does not pickle by itself.
        return _rebuild, (type(self), self.message, dict(self.about))


def _rebuild(kind: type[HolotypeError], message: str, about: dict[str, object]) -> HolotypeError:
    return kind(message, **about)


class CallError(HolotypeError):
    """The call asks for something that cannot be: fix the call."""


class ArchiveNotFound(CallError, FileNotFoundError):
    """There is no archive at this URL."""


class ArchiveExists(CallError, FileExistsError):
    """An archive is already at this URL."""


class FormatTooNew(CallError, NotImplementedError):
    """The archive was written in a format newer than this version of holotype reads."""


class StorageNotFound(CallError, FileNotFoundError):
    """There is no such place to keep objects in: no bucket or container of this name."""


class DatasetNotFound(CallError, KeyError):
    """The archive has no dataset of this name."""


class SnapshotNotFound(CallError, KeyError):
    """The dataset has no such snapshot, or it was forgotten."""


class SnapshotsDiffer(CallError, ValueError):
    """Two archives have different snapshots of one name, so neither can take the other's."""


class EntryNotFound(CallError, FileNotFoundError):
    """The snapshot has no entry at this path, or the records of provenance no such element."""


class ProgramNotFound(CallError, FileNotFoundError):
    """There is no such program, or it cannot be run."""


class TableNotFound(CallError, KeyError):
    """The catalog declares no table of this name."""


class InvalidName(CallError, ValueError):
    """A dataset name, a snapshot reference or the key of an object that cannot be one."""


class InvalidOption(CallError, ValueError):
    """An option has a value outside what it may be."""


class RowsRefused(CallError, ValueError):
    """Rows that their table's declaration refuses; nothing was written."""


class ProvenanceRefused(CallError, ValueError):
    """What is to be recorded breaks constraints of PROV: ``constraints`` names them, ``violations`` has the records."""


class DataRefused(CallError, ValueError):
    """Data are not sound, and a policy refuses them: ``report`` is the identifier of what was found."""


class SchemaRefused(CallError, ValueError):
    """A schema would refuse what the version before it accepts: ``changes`` says of each column why."""


class SourceNotFound(CallError, FileNotFoundError):
    """The folder or file to back up does not exist."""


class SourceProblem(CallError, OSError):
    """Something in the source could not be kept as it is, and the caller asked to be strict."""


class TargetRefused(CallError, FileExistsError):
    """The place to restore to, or to make an archive in, is not empty, or lies inside the archive."""


class TargetUnfit(CallError, OSError):
    """The place to restore to cannot hold some entries as they are; nothing was written, and ``problems`` has them."""


class UnsafePath(CallError, ValueError):
    """An entry would be written outside the restore target."""


class DocumentUnreadable(CallError, ValueError):
    """A document is not in the language it should be in; ``line`` and ``expected`` say where, and what should be."""


class WorkflowInvalid(CallError, ValueError):
    """What is declared cannot mean anything; ``problems``: all that is wrong with it, each with where it stands."""

    problems: tuple[str, ...]


class ExtraMissing(CallError, ImportError):
    """An optional package is needed; the message has the line that installs it."""


class AccessError(HolotypeError):
    """Permission is lacking: ask for access."""


class StorageDenied(AccessError, PermissionError):
    """The storage refuses to read or write an object."""


class ArchiveReadOnly(AccessError, PermissionError):
    """The archive was opened for reading only."""


class TransientError(HolotypeError):
    """Nothing is wrong with the call or the data: try again, perhaps after making room."""


class Conflict(TransientError, RuntimeError):
    """Another writer's commit took away something this commit relied on."""


class StorageFull(TransientError, OSError):
    """The storage has no space left."""


class StorageFailed(TransientError, OSError):
    """The storage failed for a reason of its own."""


class DamageError(HolotypeError):
    """Stored bytes are gone or wrong: repair the data."""


class ObjectMissing(DamageError, FileNotFoundError):
    """An object that the catalog speaks of is not in storage."""


class ObjectDamaged(DamageError, ValueError):
    """A stored object is not what was written."""


class LogDamaged(DamageError, ValueError):
    """The commit log does not read back as the chain that was written."""


class SingleWriterWarning(UserWarning):
    """The archive lies on storage that cannot create exclusively: only one process may write to it at a time."""
