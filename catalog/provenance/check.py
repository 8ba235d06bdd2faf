"""Whether a file of provenance is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DocumentUnreadable
from .checking import Violation, check
from .exchange.documents import read_document

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["check_prov"]


def check_prov(path: str | PathLike[str]) -> tuple[Violation, ...]:
    """Every constraint of PROV-CONSTRAINTS that the provenance in a file breaks; none where it is valid.

    Reads PROV-N, PROV-JSON, PROV-XML, and PROV-O as Turtle, TriG, N-Triples or JSON-LD.  A file that cannot be read as
    provenance breaks one that is called ``syntax``: where, and what should be there, is in the message.

    Raises ``SourceNotFound`` where there is no such file, and ``ExtraMissing`` for RDF where what reads it is not
    installed.
    """
    try:
        return check(read_document(path))
    except DocumentUnreadable as error:
        return (Violation("syntax", (), str(error)),)
