"""The rules of reading itself, which every check may find broken."""

from __future__ import annotations

from ..findings import Code, Severity

__all__ = [
    "BGZF_BLOCK",
    "BGZF_EOF",
    "LINE_TOO_LONG",
    "PACKING_BOMB",
    "PACKING_DAMAGED",
    "PACKING_TRAILING",
    "PACKING_TRUNCATED",
    "STREAM_CODES",
]

PACKING_DAMAGED = Code(
    "packing.damaged", Severity.ERROR, "What is packed unpacks, and has the checksum and the size it says.", "RFC 1952"
)
PACKING_TRUNCATED = Code("packing.truncated", Severity.ERROR, "A packed file goes on to its end.", "RFC 1952")
PACKING_TRAILING = Code("packing.trailing", Severity.ERROR, "Nothing follows the last packed member.", "RFC 1952")
PACKING_BOMB = Code(
    "packing.bomb", Severity.ERROR, "What is packed does not become more than the limits allow; raise them if it may."
)
BGZF_BLOCK = Code("bgzf.block", Severity.ERROR, "Every block says its size in a BC field.", "SAM 1.6, 4.1")
BGZF_EOF = Code(
    "bgzf.eof", Severity.ERROR, "The last block is the empty one by which a whole file is known.", "SAM 1.6, 4.1.2"
)
LINE_TOO_LONG = Code("text.line_too_long", Severity.ERROR, "No line is longer than the limits allow.")

STREAM_CODES = (
    PACKING_DAMAGED,
    PACKING_TRUNCATED,
    PACKING_TRAILING,
    PACKING_BOMB,
    BGZF_BLOCK,
    BGZF_EOF,
    LINE_TOO_LONG,
)
"""All of them."""
