"""Keys of elements: the 64 bits that the graph knows an element by.

An element's key is how the BLAKE3 of its identifier begins.  Content is the exception: its identifier names a SHA-256,
and the key is how that begins, so that the keys of a manifest's files come out of its column of digests without hashing
anything.  Of ten million elements two have the same key with a probability of three in a million; whoever writes looks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["CONTENT", "content_id", "content_of", "key", "keys"]


CONTENT = "urn:holotype:content:"
_CONTENT = re.compile(re.escape(CONTENT) + "[0-9a-f]{64}")


def content_id(sha256: bytes) -> str:
    """The identifier of all that has these bytes; ``sha256``: the 32 bytes of their digest."""
    return CONTENT + sha256.hex()


def content_of(id: str) -> bytes | None:
    """The SHA-256 that an identifier of content names; ``None`` for any other identifier."""
    return bytes.fromhex(id[len(CONTENT) :]) if _CONTENT.fullmatch(id) else None


# Those of a document are asked for again and again while it is recorded.
@lru_cache(maxsize=1 << 15)
def key(id: str) -> int:
    """The key of the element with this identifier."""
    digest = content_of(id) or blake3(id.encode()).digest(8)
    return int.from_bytes(digest[:8], "big")


def keys(ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """The keys of many, in their order."""
    return np.fromiter((key(id) for id in ids), np.uint64)
