"""What a file is: by its content first, and by its name where the content does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from ..streams.packed import beginning
from .known import FORMATS, PACKED

__all__ = ["HEAD", "Identified", "identify", "named"]

# What systems and office programs put beside a file, under its name: a Mac's attributes, and who has it open.
_BESIDE = ("._", "~$", ".~lock.")

HEAD = 64 << 10
"""Bytes of a file's beginning that are looked at."""


@dataclass(frozen=True)
class Identified:
    """What a file is.

    ``format``: the name of a format, ``None`` where neither content nor name tell.  ``packing``: what that is packed
    in.  ``claimed``: the format that the name says, and ``by``: whether ``content`` or ``name`` decided.
    """

    format: str | None
    packing: str | None = None
    claimed: str | None = None
    by: str = "name"

    @property
    def agrees(self) -> bool:
        """Whether the name does not say something else than the content."""
        return self.by == "name" or self.claimed is None or _related(self.claimed, self.format)


def identify(head: bytes, name: str) -> Identified:
    """What a file with this beginning (of ``HEAD`` bytes, or all) and this name is."""
    packing = next((each for each in PACKED if FORMATS[each].fits(head)), None)
    plain = name.lower()
    if packing is not None:
        plain = next((plain.removesuffix(end) for end in PACKED[packing] if plain.endswith(end)), plain)
        head = beginning(head, packing, HEAD)
    claimed = named(plain)
    if claimed is not None and claimed in PACKED and packing is None:
        return _said_to_be_packed(head, plain, claimed)
    found = _by_content(head, claimed)
    if found is not None:
        return Identified(found, packing, claimed, "content")
    if claimed is not None and claimed not in PACKED:
        # Text of any kind has no signature; what has one, and does not show it, is that no less: its check says why.
        return Identified(claimed, packing, claimed, "name")
    return Identified(packing, None, claimed, "content") if packing else Identified(None, None, claimed, "content")


def _said_to_be_packed(head: bytes, name: str, claimed: str) -> Identified:
    """What only its name calls packed: something else, or packed and damaged from its first byte on, which shows when
    it is unpacked.
    """
    inner = named(next((name.removesuffix(end) for end in PACKED[claimed] if name.endswith(end)), name))
    found = _by_content(head, inner)
    if found is not None:
        return Identified(found, None, claimed, "content")
    return Identified(claimed, None, claimed) if inner is None else Identified(inner, claimed, claimed)


def named(name: str) -> str | None:
    """The format that a name says, by its longest extension; ``None`` for what is only beside a file of that name."""
    name = name.lower()
    if name.replace("\\", "/").rpartition("/")[2].startswith(_BESIDE):
        return None
    fitting = [(len(end), each.name) for each in FORMATS.values() for end in each.extensions if name.endswith(end)]
    longest = max((length for length, _ in fitting), default=0)
    return next((format for length, format in fitting if length == longest), None)


def _by_content(head: bytes, claimed: str | None = None) -> str | None:
    """The format that a beginning tells; of one format and its kinds the one that the name says."""
    if claimed is not None and FORMATS[claimed].fits(head):
        return claimed
    found = next((each.name for each in FORMATS.values() if each.name not in PACKED and each.fits(head)), None)
    if found is not None and claimed is not None and found in _above(claimed):
        return claimed
    return found


def _above(format: str | None) -> list[str]:
    """A format, and those it is a kind of."""
    found: list[str] = []
    while format is not None:
        found.append(format)
        format = FORMATS[format].within
    return found


def _related(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return True
    shared = {end for end in FORMATS[one].extensions if end in FORMATS[other].extensions}
    return bool(shared) or one in _above(other) or other in _above(one)
