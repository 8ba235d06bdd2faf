"""What the tables in a dataset's files have to be: declared, in versions, each of which holds from some snapshot on.

::

    dataset  files        version  since  verdict
    study    samples.csv  1        1      first        study@1, study@2
    study    samples.csv  2        3      compatible   study@3 and all that come
    study    visits/*     1        3      first        study@3 and all that come

No clock decides which version a snapshot is held to: ``since`` is the number that the dataset's next snapshot had when
the version was declared, and neither of the two can be committed beside the other unseen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from holotype.catalog import FormatTooNew, scalar
from holotype.validators import (
    Evolution,
    SchemaChange,
    SchemaUnreadable,
    TableSchema,
    Term,
    Vocabulary,
    to_frictionless,
    to_pandera,
)

from ..tree.paths import Patterns
from .tables import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pandera.polars

    from holotype.catalog import State
    from holotype.validators import Exchanged

    from ..context import Context

__all__ = ["Declared", "chains", "declared", "holding", "identifiers", "versions", "written"]


@dataclass(frozen=True)
class Declared:
    """One version of what the tables in a dataset's files have to be.

    ``files``: the pattern that chooses them.  ``version``: its number, from 1.  ``since``: the number of the first
    snapshot that is held to it.  ``verdict``: ``first``, ``compatible`` or ``breaking``, beside the version before;
    ``evolution``: why, column by column.  ``tables``: paths of the tables that its references lead to, by the names
    they have there.  ``vocabularies``: those that its columns name.
    """

    dataset: str
    files: str
    version: int
    since: int
    schema: TableSchema
    verdict: str
    evolution: Evolution
    tables: Mapping[str, str]
    vocabularies: Mapping[str, Vocabulary] = field(repr=False, compare=False)
    time: datetime
    author: str
    message: str
    id: str

    @property
    def compatible(self) -> bool:
        """Whether every table that keeps the version before keeps this one; so it is of the first."""
        return self.evolution.compatible

    @property
    def label(self) -> str:
        """How reports call the version: its number, and the beginning of the schema's digest."""
        return f"{self.version}+{self.schema.digest[:7]}"

    def fits(self, path: str) -> bool:
        """Whether a file at this path is held to it."""
        return self._pattern.matches(path)

    @cached_property
    def _pattern(self) -> Patterns:
        return Patterns((self.files,))

    def to_pandera(self) -> Exchanged[pandera.polars.DataFrameSchema]:
        """The schema as one of pandera for polars, and what that does not say."""
        return to_pandera(self.schema)

    def to_frictionless(self) -> Exchanged[str]:
        """The schema as a Frictionless Table Schema in JSON, and what that does not say."""
        return to_frictionless(self.schema)


def versions(context: Context, dataset: str | None, *, state: State) -> list[dict[str, Any]]:
    """The rows of a dataset, or of all, by dataset, pattern and version; without vocabularies, which may be large.

    Two archives may have declared the same version apart, and have come together since: the later one comes last.
    """
    if not state.segments("schemas"):
        return []
    mine = None if dataset is None else pc.field("dataset") == scalar(dataset)
    columns = [name for name in SCHEMAS.schema.names if name != "vocabularies"]
    rows: list[dict[str, Any]] = context.catalog.read("schemas", columns=columns, filter=mine, state=state).to_pylist()
    order = ("dataset", "files", "version", "time", "declaration")
    return sorted(rows, key=lambda row: tuple(row[name] for name in order))


def chains(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """All versions by dataset and pattern, the oldest first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["dataset"], row["files"]), []).append(row)
    return found


def holding(rows: Iterable[dict[str, Any]], number: int | None) -> list[dict[str, Any]]:
    """Of each dataset and pattern the version that a snapshot of this number is held to; ``None``: the current one.

    A snapshot that is older than the first version is held to the current one.  What was withdrawn holds for nothing.
    """
    found: list[dict[str, Any]] = []
    for chain in chains(rows).values():
        then = [row for row in chain if number is None or row["since"] <= number] or chain
        if then[-1]["schema"] is not None:
            found.append(then[-1])
    return found


def identifiers(context: Context, dataset: str, *, state: State) -> frozenset[str]:
    """Of all that is declared for a dataset, by which one sees that something was declared meanwhile."""
    if not state.segments("schemas"):
        return frozenset()
    rows = context.catalog.read("schemas", columns=["declaration", "dataset"], state=state).to_pylist()
    return frozenset(row["declaration"] for row in rows if row["dataset"] == dataset)


_TAKEN = ("dataset", "files", "version", "since", "verdict", "time", "author", "message")


def declared(context: Context, row: Mapping[str, Any], *, state: State) -> Declared:
    """The version that a row says, which is not one that withdraws.

    Raises ``FormatTooNew`` when a later version of this library wrote it, or what reading the tables raises.
    """
    schema, terms = schema_of(row), dict[str, list[dict[str, Any]]]()
    if any(column.vocabulary is not None for column in schema.columns):
        mine = pc.field("declaration") == scalar(row["declaration"])
        told = context.catalog.read("schemas", columns=["declaration", "vocabularies"], filter=mine, state=state)
        terms = json.loads(told["vocabularies"][0].as_py())
    changes = tuple(SchemaChange(**change) for change in json.loads(row["changes"]))
    taken: dict[str, Any] = {name: row[name] for name in _TAKEN}
    return Declared(
        **taken,
        schema=schema,
        evolution=Evolution(changes),
        tables=MappingProxyType(json.loads(row["tables"])),
        vocabularies=MappingProxyType({name: _vocabulary(name, told) for name, told in terms.items()}),
        id=row["declaration"],
    )


def schema_of(row: Mapping[str, Any]) -> TableSchema:
    """The schema that a row says.  Raises ``FormatTooNew``."""
    try:
        return TableSchema.from_json(row["schema"])
    except SchemaUnreadable as error:
        raise FormatTooNew(
            f"version {row['version']} of what {row['files']} of {row['dataset']} has to be was written by a later"
            f" version of holotype: {error}; install that, or validate with schemas='none'",
            dataset=row["dataset"],
            files=row["files"],
            version=row["version"],
        ) from error


_LISTS = ("synonyms", "parents", "replaced_by")


def _vocabulary(name: str, told: list[dict[str, Any]]) -> Vocabulary:
    terms: list[dict[str, Any]] = [{k: tuple(v) if k in _LISTS else v for k, v in term.items()} for term in told]
    return Vocabulary(name, [Term(**term) for term in terms])


def written(vocabularies: Mapping[str, Vocabulary]) -> str:
    """Vocabularies as JSON, each with all its terms; what is empty of a term is left out."""
    told = {
        name: [{k: v for k, v in vars(term).items() if v or k in ("id", "name")} for term in each.terms.values()]
        for name, each in sorted(vocabularies.items())
    }
    return json.dumps(told, ensure_ascii=False)
