"""Places of files within a crate: none leads out of it, whoever named it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ...errors import UnsafePath

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "METADATA",
    "OLD_METADATA",
    "PROVENANCE",
    "crate_place",
    "is_absolute",
    "is_address",
    "refuse_unsafe",
    "unsafe",
]

METADATA = "ro-crate-metadata.json"
OLD_METADATA = "ro-crate-metadata.jsonld"
PROVENANCE = "provenance.json"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
# What no name may have on every platform.
_ODD = re.compile(r'[\x00-\x1f<>:"|?*\\\x7f]|[ .]$')
_LONGEST = 200


def is_absolute(id: str) -> bool:
    """Whether an identifier is a whole IRI, and not one relative to the crate; ``C:`` is a drive, and no scheme."""
    return _SCHEME.match(id) is not None


def is_address(id: str) -> bool:
    """Whether an identifier is a whole IRI that programs can take apart."""
    try:
        return is_absolute(id) and bool(urlsplit(id).scheme)
    except ValueError:
        return False


def unsafe(path: str) -> bool:
    """Whether a path, as it is in an archive or an identifier of a crate, may lead out of where it is relative to."""
    # Twice, for what is encoded twice is decoded by somebody.
    for text in (path, unquote(path), unquote(unquote(path))):
        parts = re.split(r"[/\\]", text)
        if ".." in parts or text.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", text) or "\0" in text:
            return True
    return False


def refuse_unsafe(path: str, name: str) -> None:
    """Raises ``UnsafePath`` for a path that may lead out of the crate ``name``."""
    if path.lower().startswith("file:") or (not is_absolute(path) and unsafe(path)):
        raise UnsafePath(
            f"{name}: {path!r} leads out of the crate; nothing was read or written", path=path, source=name
        )


def crate_place(wanted: str, taken: Iterable[str], *, mark: str) -> str:
    """A place in a crate for a file, after the path it has elsewhere; ``mark``: what it ends in where that is taken."""
    parts = [_ODD.sub("_", part)[:_LONGEST] for part in wanted.replace("\\", "/").split("/") if part.strip(". ")]
    path = "/".join(parts) or mark
    folded = {each.casefold() for each in taken} | {METADATA, PROVENANCE}
    if path.casefold() not in folded:
        return path
    stem, dot, ending = path.rpartition(".")
    return f"{path}~{mark}" if not dot or "/" in ending else f"{stem}~{mark}.{ending}"
