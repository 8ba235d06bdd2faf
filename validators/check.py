"""Checks: what one is, in one small contract.

A check of a lab's own takes ten lines::

    UNKNOWN = Code("lab.barcode.unknown", Severity.ERROR, "A barcode is one of the lab's.")

    class Barcodes(Check):
        name, version, formats, codes = "lab.barcodes", "1", frozenset({"text"}), (UNKNOWN,)

        def look(self, subject: Subject, found: Found) -> None:
            for lines in subject.lines(found):
                for place in range(len(lines)):
                    if not lines[place].startswith(b"LAB-"):
                        found.add(UNKNOWN, "no such barcode", line=lines.first + place, seen=lines[place])

It is used by handing it to ``validate``, by ``register``, or, once the lab's package is installed, by an entry point of
the group ``holotype.checks`` that names the class.
"""

from __future__ import annotations

import hashlib
import pickle
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from .errors import CheckRefused
from .lazily import once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Code
    from .found import Found
    from .subjects import Subject

__all__ = ["UNTOLD", "Check", "Cost", "GroupCheck"]

UNTOLD = "?"
"""How the edition of a check ends of which nobody can tell what it was made with."""


class Cost(StrEnum):
    """How much of a file is looked at: what stands at its beginning, a sample, or all."""

    HEADER = "header"
    SAMPLE = "sample"
    FULL = "full"

    @property
    def rank(self) -> int:
        """Higher is dearer."""
        return list(Cost).index(self)


class _Declared(ABC):
    """What checks say of themselves.

    ``name``: words with dots, the format's or the lab's first.  ``version``: changed when what it finds changes.
    ``codes``: the rules it applies; others it cannot tell of.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    codes: ClassVar[tuple[Code, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = [code.name for code in cls.codes]
        if twice := {name for name in names if names.count(name) > 1}:
            raise CheckRefused(f"{cls.__name__} declares {', '.join(sorted(twice))} twice", check=cls.__name__)


class Check(_Declared):
    """Looks at one file or table.

    ``formats``: the names of the formats it is for, ``unknown`` where nobody knows; empty for every one.
    ``tables``: whether it looks at dataframes.
    ``cost``: the least for which it finds anything; what the caller allows is ``subject.cost``, and a check that looks
    at less than all says so with ``found.partly()``.  ``last``: whether it looks after all others, at what is packed in
    one of its formats too, and only where none of them has read that to its end.
    ``figures``: what the names of the figures it tells begin with, up to their first dot, where that is not what its
    own name begins with: a threshold on one of them is held against whatever it looked at.

    An instance holds what it was made with and nothing of what it looked at: one is used for many files, and by several
    threads at once.  What it was made with is part of its ``edition``.
    """

    formats: ClassVar[frozenset[str]] = frozenset()
    tables: ClassVar[bool] = False
    cost: ClassVar[Cost] = Cost.HEADER
    last: ClassVar[bool] = False
    figures: ClassVar[frozenset[str]] = frozenset()

    def tells(self, figure: str) -> bool:
        """Whether it is one that could tell the figure of this name, ``fastq.q30``."""
        return figure.partition(".")[0] in (self.figures or {self.name.partition(".")[0]})

    @once
    def edition(self) -> str:
        """Its version as reports say it: with what this one was made with, in short, for made with something else it
        finds something else.  It ends with ``?`` where that cannot be told.
        """
        made_with = self.made_with()
        return self.version if made_with == "" else f"{self.version}+{UNTOLD if made_with is None else made_with}"

    def made_with(self) -> str | None:
        """What it was made with, as a digest: empty for nothing, ``None`` where that cannot be told, or may change."""
        if not vars(self):
            return ""
        try:
            told = pickle.dumps(vars(self))
        except Exception:  # noqa: BLE001 - whatever it was made with may refuse in its own way
            return None
        return hashlib.sha256(told).hexdigest()[:8]

    def suits(self, name: str) -> bool:
        """Whether it is for what is called so, of a format that it is for.  Of what it is not for a report does not say
        that it looked.
        """
        del name
        return True

    @abstractmethod
    def look(self, subject: Subject, found: Found) -> None:
        """Look, and tell what is wrong.

        Whatever it raises is a finding itself, ``check.crashed``: data that make a check fall over are never sound.
        """


class GroupCheck(_Declared):
    """Looks at files that belong together: mates of a pair, an index and its file, contigs of one analysis."""

    @abstractmethod
    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at those of ``subjects`` that it is for, and tell what is wrong; the place's ``member`` says with
        which.
        """
