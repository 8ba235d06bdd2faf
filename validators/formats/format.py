"""A format: its names, what its files begin with, and its grade."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Format", "Grade"]


class Grade(StrEnum):
    """Would a flipped bit be noticed by whoever reads the format strictly?

    ``ALL``: every byte that matters is under a checksum.  ``SOME``: what is structure is noticed, and in part what is
    content.  ``NONE``: content may change, and nothing shows; only a digest kept elsewhere tells.
    """

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True)
class Format:
    """One format.

    ``extensions``: as ``.vcf``, in lower case.  ``signatures``: places and the bytes that stand there, each alone
    enough.  ``sniff``: whether the beginning of a file, of 64 KiB or less, looks like it, where there is no signature.
    ``within``: the format it is a kind of, as an OME-TIFF is a TIFF.  ``text``: whether it is lines of text.
    ``empty``: whether a file without a byte is one.
    """

    name: str
    about: str
    extensions: tuple[str, ...]
    grade: Grade
    signatures: tuple[tuple[int, bytes], ...] = ()
    sniff: Callable[[bytes], bool] | None = None
    within: str | None = None
    text: bool = False
    empty: bool = False

    def fits(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` is one, by its content."""
        if any(head.startswith(mark, place) for place, mark in self.signatures):
            return True
        return self.sniff is not None and self.sniff(head)
