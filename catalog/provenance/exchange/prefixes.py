"""Short names for IRIs: the document's own prefixes where one fits, and new ones where none does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model import PROV, XSD

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NCNAME", "NCNAME_CHARACTERS", "NCNAME_STARTS", "Prefixes"]

# What a name in XML begins with and goes on with, without the colon (XML 1.0, fifth edition).
NCNAME_STARTS = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
NCNAME_CHARACTERS = NCNAME_STARTS + "\\-.0-9\xb7\u0300-\u036f\u203f\u2040"
NCNAME = re.compile(f"[{NCNAME_STARTS}][{NCNAME_CHARACTERS}]*")
_START = re.compile(f"[{NCNAME_STARTS}]")
_CHARACTER = re.compile(f"[{NCNAME_CHARACTERS}]")
_PLAIN = re.compile(r"[A-Za-z][\w-]*", re.ASCII)
_SEPARATORS = "#/:?="


class Prefixes:
    """The prefixes of one text that is being written.

    ``given``: those that the document has.  ``strict``: whether what comes after the colon must be a name, as in XML.
    """

    def __init__(
        self, given: Mapping[str, str], *, strict: bool = False, spaces: Mapping[str, str] | None = None
    ) -> None:
        self._local = NCNAME if strict else None
        self._by_space: dict[str, str] = {}
        self.declared: dict[str, str] = {}
        for prefix, space in {"prov": PROV, "xsd": XSD, **(spaces or {})}.items():
            self._declare(prefix, space)
        for prefix, space in given.items():
            if space and space not in self._by_space and (_PLAIN.fullmatch(prefix) or prefix == ""):
                self._declare(prefix or "dn", space)
        # The longest first: of two that fit it is the one that was meant.
        self._longest = sorted(self._by_space, key=len, reverse=True)

    def short(self, iri: str) -> str:
        """The short name of an IRI, with a new prefix where it needs one."""
        prefix, local = self.split(iri)
        return f"{prefix}:{local}"

    def split(self, iri: str) -> tuple[str, str]:
        """The prefix and the local name of an IRI."""
        for space in self._longest:
            if iri.startswith(space) and self._fits(iri[len(space) :]):
                return self._by_space[space], iri[len(space) :]
        space = self._space(iri)
        if space not in self._by_space:
            self._declare("ns", space)
        return self._by_space[space], iri[len(space) :]

    def known(self, iri: str) -> tuple[str, str] | None:
        """The prefix and the local name of an IRI, where a prefix of the document's fits."""
        for space in self._longest:
            if iri.startswith(space):
                return self._by_space[space], iri[len(space) :]
        return None

    def _fits(self, local: str) -> bool:
        return self._local is None or self._local.fullmatch(local) is not None

    def _space(self, iri: str) -> str:
        """Where an IRI is parted: before its last name, as good as it goes."""
        separated = max(map(iri.rfind, _SEPARATORS)) + 1
        if self._fits(iri[separated:]):
            return iri[:separated] or iri
        # Of 1a in XML only the a is a name.
        start = len(iri)
        while start and _CHARACTER.match(iri, start - 1):
            start -= 1
        while start < len(iri) and not _START.match(iri, start):
            start += 1
        return iri[:start] if 0 < start < len(iri) else iri[:separated] or iri

    def _declare(self, prefix: str, space: str) -> None:
        name, number = prefix, 0
        while name in self.declared or (prefix == "ns" and not number):
            number += 1
            name = f"{prefix}{number}"
        self.declared[name] = space
        self._by_space[space] = name
