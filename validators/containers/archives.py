"""Archives: zip, the documents that are one, and tar, with the archives and packed files that lie in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ..check import Check, Cost
from ..streams.seekable import seekable
from .inside import INSIDE, Inside
from .paths import PATH_CODES
from .tars import TAR_CODES, look_at_tar
from .zips import ZIP_CODES, look_at_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject
    from .inside import Allowance

__all__ = ["CHECKS", "Tar", "Zip"]


class _Archive(Check):
    """What archives have in common: either kind may lie in the other."""

    codes = (*ZIP_CODES, *TAR_CODES, INSIDE, *PATH_CODES)
    cost: ClassVar[Cost] = Cost.HEADER

    def _inside(self, subject: Subject, found: Found) -> Inside:
        limits = subject.limits

        def zip(file: BinaryIO, inner: Found, allowance: Allowance) -> None:
            look_at_zip(file, inner, cost=Cost.FULL, limits=limits, allowance=allowance)

        def tar(blocks: Iterator[bytes], inner: Found, allowance: Allowance) -> None:
            look_at_tar(blocks, inner, limits=limits, allowance=allowance)

        return Inside(subject, found, zip=zip, tar=tar)


class Zip(_Archive):
    """Everything of an archive: the end, the directory, each member's header, data, checksum and place.

    At the cost of a header only the directory, of a sample members up to its size.  At full cost what is an archive in
    it, or packed, is looked at as well, one level deep; a place in that is counted from its own beginning.  The figures
    are how many members there are, what they become, and how many times their size that is.
    """

    name = "zip"
    version = "2"
    formats = frozenset({"zip", "docx", "xlsx"})

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is not None:
                inside = self._inside(subject, found)
                look_at_zip(file, found, cost=subject.cost, limits=subject.limits, inside=inside)


class Tar(_Archive):
    """Everything of an archive but what is in its members, which tar puts under no checksum; at full cost what is an
    archive in it, or packed, is looked at as well, one level deep.

    The figures are how many members there are, and the bytes of their content.
    """

    name = "tar"
    version = "2"
    formats = frozenset({"tar"})

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        look_at_tar(subject.blocks(found), found, limits=subject.limits, inside=self._inside(subject, found))


CHECKS = (Tar, Zip)
