"""Whether a file of provenance is valid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DocumentUnreadable, SourceNotFound
from .checking import Violation, check
from .provn import read_provn

if TYPE_CHECKING:
    from os import PathLike

    from .model import Document

__all__ = ["check_prov"]


def check_prov(path: str | PathLike[str]) -> tuple[Violation, ...]:
    """Every constraint of PROV-CONSTRAINTS that the provenance in a file breaks; none where it is valid.

    A file that cannot be read as provenance breaks one that is called ``syntax``: where, and what should be there, is
    in the message.  Raises ``SourceNotFound`` where there is no such file.
    """
    try:
        return check(_document(Path(path)))
    except DocumentUnreadable as error:
        return (Violation("syntax", (), str(error)),)


def _document(path: Path) -> Document:
    try:
        return read_provn(path.read_text(encoding="utf-8"), source=str(path))
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no document at {path}", path=str(path)) from error
    except OSError as error:
        raise DocumentUnreadable(f"{path} cannot be read: {error.strerror}", source=str(path)) from error
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(f"{path} is not UTF-8: {error}", source=str(path)) from error
