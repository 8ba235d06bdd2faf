"""Records: declared tables, commits, SQL.

A catalog keeps tables as immutable Parquet segments in an object store, and a log whose entries add and remove them.
Importing this costs next to nothing: what a name needs is loaded when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import provenance
    from .auditing import Damage
    from .catalog import Catalog
    from .columns import column, dicts, numbers, plain, repeated, row_table, scalar, whole
    from .enclosed import sql_comments, sql_database, sql_mentioned, sql_select
    from .errors import (
        AccessError,
        ArchiveExists,
        ArchiveNotFound,
        ArchiveReadOnly,
        CallError,
        Conflict,
        DamageError,
        DataRefused,
        DatasetNotFound,
        DocumentUnreadable,
        EntryNotFound,
        ExtraMissing,
        FormatTooNew,
        HolotypeError,
        InvalidName,
        InvalidOption,
        LogDamaged,
        ObjectDamaged,
        ObjectMissing,
        ProgramNotFound,
        ProvenanceRefused,
        RowsRefused,
        SchemaRefused,
        SingleWriterWarning,
        SnapshotNotFound,
        SnapshotsDiffer,
        SourceNotFound,
        SourceProblem,
        StorageDenied,
        StorageFailed,
        StorageFull,
        StorageNotFound,
        TableNotFound,
        TargetRefused,
        TargetUnfit,
        TransientError,
        UnsafePath,
        WorkflowInvalid,
    )
    from .header import Header
    from .kept import KEPT_TABLES, declaration_of, declared_in, widening
    from .log import Entry, Segment
    from .provenance.check import check_prov
    from .provenance.checking import Violation
    from .state import State
    from .stores.azure import AzureStore
    from .stores.base import ObjectInfo, ObjectStore
    from .stores.cloud import CloudStore
    from .stores.gcs import GCSStore
    from .stores.generic import GenericStore
    from .stores.local import LocalStore
    from .stores.longpaths import long_path
    from .stores.memory import MemoryStore
    from .stores.opening import open_store
    from .stores.patience import Patience
    from .stores.probing import probe
    from .stores.s3 import S3Store
    from .stores.sftp import SftpStore
    from .stores.single import SingleWriterStore
    from .tables import Column, Table

__all__ = [
    "AccessError",
    "ArchiveExists",
    "ArchiveNotFound",
    "ArchiveReadOnly",
    "AzureStore",
    "CallError",
    "Catalog",
    "CloudStore",
    "Column",
    "Conflict",
    "Damage",
    "DamageError",
    "DataRefused",
    "DatasetNotFound",
    "DocumentUnreadable",
    "Entry",
    "EntryNotFound",
    "ExtraMissing",
    "FormatTooNew",
    "GCSStore",
    "GenericStore",
    "Header",
    "HolotypeError",
    "InvalidName",
    "InvalidOption",
    "KEPT_TABLES",
    "LocalStore",
    "LogDamaged",
    "MemoryStore",
    "ObjectDamaged",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "Patience",
    "ProgramNotFound",
    "ProvenanceRefused",
    "RowsRefused",
    "S3Store",
    "SchemaRefused",
    "Segment",
    "SftpStore",
    "SingleWriterStore",
    "SingleWriterWarning",
    "SnapshotNotFound",
    "SnapshotsDiffer",
    "SourceNotFound",
    "SourceProblem",
    "State",
    "StorageDenied",
    "StorageFailed",
    "StorageFull",
    "StorageNotFound",
    "Table",
    "TableNotFound",
    "TargetRefused",
    "TargetUnfit",
    "TransientError",
    "UnsafePath",
    "Violation",
    "WorkflowInvalid",
    "check_prov",
    "column",
    "declaration_of",
    "declared_in",
    "dicts",
    "long_path",
    "numbers",
    "open_store",
    "plain",
    "probe",
    "provenance",
    "repeated",
    "row_table",
    "scalar",
    "sql_comments",
    "sql_database",
    "sql_mentioned",
    "sql_select",
    "whole",
    "widening",
]

# The module that defines each name; what is not here is an error.
_HOME = {
    "AzureStore": "stores.azure",
    "Catalog": "catalog",
    "CloudStore": "stores.cloud",
    "Column": "tables",
    "Damage": "auditing",
    "Entry": "log",
    "GCSStore": "stores.gcs",
    "GenericStore": "stores.generic",
    "Header": "header",
    "KEPT_TABLES": "kept",
    "LocalStore": "stores.local",
    "MemoryStore": "stores.memory",
    "ObjectInfo": "stores.base",
    "ObjectStore": "stores.base",
    "Patience": "stores.patience",
    "S3Store": "stores.s3",
    "Segment": "log",
    "SftpStore": "stores.sftp",
    "SingleWriterStore": "stores.single",
    "State": "state",
    "Table": "tables",
    "Violation": "provenance.checking",
    "check_prov": "provenance.check",
    "column": "columns",
    "declaration_of": "kept",
    "declared_in": "kept",
    "dicts": "columns",
    "long_path": "stores.longpaths",
    "numbers": "columns",
    "open_store": "stores.opening",
    "plain": "columns",
    "probe": "stores.probing",
    "repeated": "columns",
    "row_table": "columns",
    "scalar": "columns",
    "sql_comments": "enclosed",
    "sql_database": "enclosed",
    "sql_mentioned": "enclosed",
    "sql_select": "enclosed",
    "whole": "columns",
    "widening": "kept",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "provenance":
        return import_module(".provenance", __name__)
    value = getattr(import_module(f".{_HOME.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
