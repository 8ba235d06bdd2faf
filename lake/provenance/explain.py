"""Explain: the recipe of a result, as ordered steps with everything that is needed to do them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import provenance as prov

from .backups import snapshot_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .backups import Backups
    from .steps import Step

__all__ = ["explained", "shown"]

_SCHEMA = {
    "step": pl.Int64(),
    "activity": pl.String(),
    "name": pl.String(),
    "kind": pl.String(),
    "outcome": pl.String(),
    "began": pl.Datetime("us", "UTC"),
    "ended": pl.Datetime("us", "UTC"),
    "command": pl.List(pl.String()),
    "cwd": pl.String(),
    "variables": pl.String(),
    "parameters": pl.String(),
    "inputs": pl.List(pl.String()),
    "scripts": pl.List(pl.String()),
    "outputs": pl.List(pl.String()),
    "agents": pl.List(pl.String()),
    "environment": pl.String(),
    "packages": pl.List(pl.String()),
    "commit": pl.String(),
    "dirty": pl.Boolean(),
    "seeds": pl.String(),
    "error": pl.String(),
}


def explained(steps: Iterable[Step], backups: Backups) -> pl.DataFrame:
    """Steps as a frame, one row each, in the order in which they can be done.

    Columns: ``step`` (from 1), ``activity``, ``name``, ``kind``, ``outcome``, ``began``, ``ended``, ``command`` and
    ``cwd`` (with datasets in braces), ``variables``, ``parameters`` and ``seeds`` (JSON), ``inputs``, ``scripts`` and
    ``outputs`` (files as ``dataset/path``, snapshots of ``backups`` by their names, anything else by its identifier),
    ``agents``, ``environment`` (its
    identifier), ``packages``, ``commit`` and ``dirty`` (of the code), ``error``.
    """
    rows = [
        {
            "step": place,
            "activity": step.id,
            "name": step.name,
            "kind": step.kind,
            "outcome": _text(step.facts.get("outcome")),
            "began": step.began,
            "ended": step.ended,
            "command": list(step.command),
            "cwd": step.cwd or _text(step.facts.get("cwd")),
            "variables": _json(step.variables),
            "parameters": _json(step.parameters),
            "inputs": [_called(each, backups) for each in step.inputs],
            "scripts": [_called(each, backups) for each in step.scripts],
            "outputs": [_called(each, backups) for each in step.outputs],
            "agents": list(step.agents),
            "environment": step.environment,
            "packages": [f"{name} {version}" for name, version in sorted(step.packages.items())],
            "commit": _text(step.code.get("commit")),
            "dirty": bool(step.code["dirty"]) if "dirty" in step.code else None,
            "seeds": _json(step.facts["seeds"]) if "seeds" in step.facts else None,
            "error": _text(step.facts.get("error")),
        }
        for place, step in enumerate(steps, start=1)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def shown(id: str) -> str:
    """A file version as ``dataset/path``; any other element by its identifier."""
    version = prov.file_version(id)
    return id if version is None else f"{version.dataset}/{version.path}"


def _called(id: str, backups: Backups) -> str:
    digest = snapshot_digest(id)
    return backups.name(digest) if digest is not None and digest in backups.rows else shown(id)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _json(value: object) -> str | None:
    return json.dumps(value, sort_keys=True, default=str) if value else None
