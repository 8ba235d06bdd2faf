"""What is declared of tables: which versions there are, and each as a schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.catalog import EntryNotFound, InvalidOption

from .records.references import check_name, parse
from .records.snapshots import history, resolve
from .tree.paths import Patterns
from .validation.declared import chains, declared, holding, versions

if TYPE_CHECKING:
    from holotype.catalog import State

    from .context import Context
    from .validation.declared import Declared

__all__ = ["schema", "schemas"]

_SCHEMA = {
    "dataset": pl.String(),
    "files": pl.String(),
    "version": pl.Int64(),
    "since": pl.Int64(),
    "verdict": pl.String(),
    "holds": pl.Boolean(),
    "breaking": pl.List(pl.String()),
    "changes": pl.Int64(),
    "digest": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "author": pl.String(),
    "message": pl.String(),
}


def schemas(context: Context, target: str | None = None) -> pl.DataFrame:
    """What was declared for a dataset (``run42``), for all, or what holds for a snapshot (``run42@3``).

    Columns: ``dataset``, ``files`` (their pattern), ``version``, ``since`` (the number of the first snapshot it is
    for), ``verdict`` (first, compatible, breaking, withdrawn), ``holds`` (whether it is what the next snapshot is held
    to), ``breaking`` (the columns that may break, an empty text for the whole table), ``changes`` (how many there are
    to the version before), ``digest`` (of the schema), ``time``, ``author``, ``message``; sorted by dataset, pattern
    and version.

    Raises ``InvalidName``, ``DatasetNotFound`` or ``SnapshotNotFound``.
    """
    state = context.catalog.refresh()
    rows = _of(context, target, state)
    current = {row["declaration"] for row in holding(versions(context, None, state=state), None)}
    told = [_told(row) | {"holds": row["declaration"] in current} for row in rows]
    return pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in told], schema=_SCHEMA)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    changes: list[dict[str, Any]] = json.loads(row["changes"])
    broken = dict.fromkeys(change["column"] for change in changes if change["breaking"])
    return {**row, "breaking": list(broken), "changes": len(changes)}


def schema(context: Context, target: str, *, files: str | None = None, version: int | None = None) -> Declared:
    """What is declared for files of a dataset (``run42``) at present, or in one version; or what a snapshot
    (``run42@3``) is held to.

    ``files``: the pattern that it was declared for, or the path of a file; it may be left out where there is only one.

    Raises ``EntryNotFound`` when there is none, ``InvalidOption`` when there are several, ``FormatTooNew`` for one that
    a later version of this library declared, and what ``schemas`` raises.
    """
    if version is not None and _is_snapshot(target):
        raise InvalidOption(f"{target} has its version: name the dataset, or leave out version=", option="version")
    state = context.catalog.refresh()
    rows = _of(context, target, state)
    if version is None and not _is_snapshot(target):
        rows = holding(rows, None)
    elif version is not None:
        rows = [row for row in rows if row["version"] == version and row["schema"] is not None]
    if files is not None:
        named = [row for row in rows if row["files"] == files]
        rows = named or [row for row in rows if Patterns((row["files"],)).matches(files)]
    which = f"version {version} of " if version is not None else ""
    if not rows:
        about = f"{which}{files + ' of ' if files else ''}{target}"
        raise EntryNotFound(f"nothing is declared for {about}: see archive.schemas", dataset=target, files=files)
    if len(chains(rows)) > 1:
        patterns = ", ".join(row["files"] for row in rows)
        raise InvalidOption(f"say for which files of {target}: {patterns}", option="files")
    return declared(context, rows[-1], state=state)


def _is_snapshot(target: str) -> bool:
    return "@" in target or parse(target).digest is not None


def _of(context: Context, target: str | None, state: State) -> list[dict[str, Any]]:
    """The rows that are about something."""
    if target is None:
        return versions(context, None, state=state)
    if _is_snapshot(target):
        snapshot = resolve(context, target, state=state, forgotten=True)
        return holding(versions(context, snapshot.dataset, state=state), snapshot.number)
    rows = versions(context, check_name(target), state=state)
    if not rows and target not in history(context, state=state)["dataset"].to_pylist():
        resolve(context, target, state=state)  # raises, with the nearest names
    return rows
