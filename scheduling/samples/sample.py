"""Samples: what a workflow is run over."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..declaring.frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Files", "Sample", "Value", "paths_of"]

Files = Sequence[str | os.PathLike[str]] | str | os.PathLike[str]
"""A path, or several."""
Value = bool | int | float | str | None
# What any file system takes for a name; anything else is named after it.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(?<!\.)")
_ODD = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Sample:
    """One sample.

    ``name``: any text of one line.  ``files``: paths, by the workflow's inputs.  ``values``: what else is known of it,
    of which conditions speak as ``sample.sex``.  Raises ``ValueError`` for a name that is none.
    """

    name: str
    files: Mapping[str, Files] = field(default_factory=nothing)
    values: Mapping[str, Value] = field(default_factory=nothing, kw_only=True)

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable() or len(self.name) > 1000 or self.name[0] == "-":
            what = "it is a text of one line, and begins with no dash, or programs would take it for an option"
            raise ValueError(f"{self.name!r} is no name of a sample: {what}")
        files = {name: paths_of(given) for name, given in self.files.items()}
        object.__setattr__(self, "files", Frozen(files))
        object.__setattr__(self, "values", Frozen(self.values))

    def paths(self, name: str) -> tuple[str, ...]:
        """The files of an input; none, if it has none."""
        return paths_of(self.files.get(name, ()))

    @property
    def folder(self) -> str:
        """A name for its folder, of its own: two samples whose names differ have folders that differ, on any disk."""
        if _PLAIN.fullmatch(self.name) and self.name == self.name.lower():
            return self.name
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{_ODD.sub('_', self.name)[:80].strip('.') or '_'}-{digest}"


def paths_of(given: Files) -> tuple[str, ...]:
    """The paths among them, from where this process is now: tasks work elsewhere."""
    several = (given,) if isinstance(given, str | os.PathLike) else given
    return tuple(os.path.abspath(os.fspath(each)) for each in several)
