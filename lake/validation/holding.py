"""Holding files to what is declared for them, on their way in, where they lie, and on their way out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from holotype.validators import SchemaCheck, Subject, SubjectNotFound

from .declared import declared, holding, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import State
    from holotype.validators import Reference

    from ..context import Context
    from .asked import Schemas
    from .declared import Declared

__all__ = ["HELD", "DeclaredCheck", "below", "held_to"]

HELD = "table.schema:"
"""What the names of these checks begin with; then comes the pattern of the files."""


class DeclaredCheck(SchemaCheck):
    """Holds the files of a dataset that a declared schema is for against it; made by ``check_of``, for its name and
    its version are those of the declaration.
    """

    declared: ClassVar[Declared]

    def __init__(self, find: Callable[[str], Any]) -> None:
        version = self.declared
        super().__init__(version.schema, tables=version.tables, vocabularies=version.vocabularies)
        self._find = find

    def made_with(self) -> str:
        """Nothing that the declaration's version does not say."""
        return ""

    def suits(self, name: str) -> bool:
        """Whether the pattern matches it."""
        return self.declared.fits(name)

    def table_of(self, reference: Reference, subject: Subject) -> Subject:
        """What a reference leads to: a file of the same dataset.  Raises ``SubjectNotFound``."""
        path = self.declared.tables[reference.table]
        return Subject(self._find(path), name=path, limits=subject.limits)


def check_of(version: Declared, find: Callable[[str], Any]) -> DeclaredCheck:
    """The check of a declaration.  ``find``: gives a path, or a file, for a path in the dataset."""
    about = {"name": f"{HELD}{version.files}", "version": version.label, "declared": version}
    kind: type[DeclaredCheck] = type("DeclaredCheck", (DeclaredCheck,), about)
    return kind(find)


def held_to(
    context: Context,
    dataset: str,
    number: int | None,
    schemas: Schemas,
    find: Callable[[str], Any],
    *,
    state: State,
) -> tuple[DeclaredCheck, ...]:
    """The checks that hold a snapshot's files to what is declared.  ``number``: of the snapshot; ``None`` for the next.

    Raises ``FormatTooNew``, or what reading the tables raises.
    """
    if schemas == "none" or not state.segments("schemas"):
        return ()
    rows = versions(context, dataset, state=state)
    held = holding(rows, None if schemas == "current" else number)
    return tuple(check_of(declared(context, row, state=state), find) for row in held)


def below(folder: str | os.PathLike[str], path: str) -> str:
    """Where a path lies below a folder; raises ``SubjectNotFound`` where that leads out of it."""
    top = os.path.realpath(folder)
    place = os.path.realpath(os.path.join(top, *path.split("/")))
    if not place.startswith(os.path.join(top, "")):
        raise SubjectNotFound(f"{path} leads out of {top}, and is not looked at", path=path)
    return place
