"""What goes into a stage and comes out of it: files, by their formats and patterns."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holotype.validators import Threshold

__all__ = ["Input", "Output", "with_beside"]


_PATTERN = re.compile(r"[*?]")


@dataclass(frozen=True)
class Input:
    """Files that a stage takes, or a workflow.

    ``formats``: the names of the formats it understands, as ``validators`` has them; none for whatever comes.
    ``many``: any number of them rather than one.  ``optional``: there need not be any.  ``beside``: endings of files
    that have to lie next to each, as an index does: ``".bai"`` is added to the name, and ``"^.dict"`` takes the place
    of its last ending.  ``shared``: of a workflow's inputs, those that all samples have in common, as a reference.
    ``thresholds``: of a workflow's inputs, what the figures of each file have to be before anything runs.
    """

    formats: tuple[str, ...] | str = ()
    many: bool = field(default=False, kw_only=True)
    optional: bool = field(default=False, kw_only=True)
    beside: tuple[str, ...] | str = field(default=(), kw_only=True)
    shared: bool = field(default=False, kw_only=True)
    thresholds: tuple[Threshold, ...] = field(default=(), kw_only=True)
    about: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        object.__setattr__(self, "formats", _texts(self.formats))
        object.__setattr__(self, "beside", _texts(self.beside))
        _endings(self.beside)


@dataclass(frozen=True)
class Output:
    """Files that a stage makes.

    ``path``: relative to the folder that the task works in; fields such as ``{sample}`` are filled in.  In its last
    part ``*`` and ``?`` stand for characters of a name that is not known before, and all else for itself: it is the one
    file that fits, or with ``many`` any number of them, in the order of their names.  ``format``: what has to come out;
    none for whatever it is.  ``optional``: there need not be any.  ``beside``: endings of files that come with each, as
    for inputs.  ``checked``: whether each is validated.
    """

    path: str
    format: str | None = None
    many: bool = field(default=False, kw_only=True)
    optional: bool = field(default=False, kw_only=True)
    beside: tuple[str, ...] | str = field(default=(), kw_only=True)
    checked: bool = field(default=True, kw_only=True)
    about: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "beside", _texts(self.beside))
        _endings(self.beside)
        path = PurePosixPath(self.path)
        if path.is_absolute() or re.match(r"[A-Za-z]:|\\", self.path) or ".." in path.parts:
            raise ValueError(f"{self.path!r} leads out of the folder that the task works in")
        if not path.name:
            raise ValueError(f"{self.path!r} names no file")
        if _PATTERN.search(self.path.rpartition("/")[0]):
            raise ValueError(f"{self.path!r}: only the name of a file is found by * and ?, and not its folder")

    @property
    def pattern(self) -> bool:
        """Whether its path stands for what is called in one way or another, rather than for one name."""
        return self.many or _PATTERN.search(self.path) is not None


def with_beside(paths: Iterable[str], port: Input | Output) -> Iterator[str]:
    """Files of an input or output, each with those that lie beside it."""
    for path in paths:
        yield path
        for ending in port.beside:
            yield os.path.splitext(path)[0] + ending[1:] if ending.startswith("^") else path + ending


def _texts(given: tuple[str, ...] | str) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(given)
    return texts


def _endings(endings: tuple[str, ...] | str) -> None:
    for each in endings:
        if not re.fullmatch(r"\^?\.[^/\\\0]+", each):
            raise ValueError(f"{each!r} is no ending of a file beside another: it begins with a dot, as '.bai'")
