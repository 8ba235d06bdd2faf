"""How formats without a signature are known by their beginning."""

from __future__ import annotations

import re
from json import loads as decode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "arrow_stream",
    "bgzip",
    "fasta",
    "fastq",
    "json",
    "jsonl",
    "notebook",
    "npz",
    "pdf",
    "pickle",
    "sam",
    "sample_sheet",
    "zip_with",
]

# A number counts where another value or the end follows: a log begins with [12:03], a list of literature with [1].
_JSON = re.compile(
    rb'\s*(?:\{\s*(?:"|\}|$)|\[\s*(?:[\[{"]|\]\s*$|(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(?:,|\]?\s*$)|$))'
)
# As readers allow, within the first kilobyte; where anything stands before it, on a line of its own: scripts and notes
# speak of it as well.
_PDF = re.compile(rb"[\0\s\xef\xbb\xbf]*%PDF-|.{,1023}?[\r\n]%PDF-\d\.\d[ \t]*[\r\n]", re.DOTALL)
_SAM_HEADER = re.compile(rb"@(?:HD|SQ|RG|PG|CO)\t")
_FASTA = re.compile(rb">[!-~\x80-\xff]|;")
_SEQUENCE = bytes(range(65, 91)) + bytes(range(97, 123)) + b"*-."
_SHEET = re.compile(rb"\[Header\][,;\t ]*\r?\n(?:.*\n)*?\[(?:Reads|Manifests|(?:\w+_)?Settings|(?:\w+_)?Data)\]", re.I)
_SAM_RECORD = re.compile(rb"[^\t\n]+\t\d+\t[^\t\n]+\t\d+\t\d+\t[^\t\n]+\t[^\t\n]+\t\d+\t-?\d+\t[^\t\n]+\t[^\t\n]+")


def bgzip(head: bytes) -> bool:
    """gzip whose first member says the size of its block."""
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def npz(head: bytes) -> bool:
    """A zip whose first member is an array."""
    return head.startswith(b"PK\x03\x04") and _first_name(head).endswith(b".npy")


def zip_with(name: bytes) -> Callable[[bytes], bool]:
    """A zip with a member below ``name`` among the first."""

    def fits(head: bytes) -> bool:
        return head.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in head and name in head

    return fits


def _first_name(head: bytes) -> bytes:
    length = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + length]


def arrow_stream(head: bytes) -> bool:
    """A continuation mark, and the length of a schema that is no longer than schemas are."""
    return head.startswith(b"\xff\xff\xff\xff") and 8 <= int.from_bytes(head[4:8], "little") <= 1 << 24


def pickle(head: bytes) -> bool:
    """The mark of protocols 2 to 5, and an operation that can follow it."""
    return (
        len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5 and head[2:3] in b"\x95]}(Kcq\x8cXUMG)NC\x89\x88J\x8a"
    )


def pdf(head: bytes) -> bool:
    """The mark at the beginning, or alone on a line within the first kilobyte."""
    return _PDF.match(head) is not None


def sample_sheet(head: bytes) -> bool:
    """A section for the header first, and one for the reads or the samples after it."""
    return _SHEET.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def sam(head: bytes) -> bool:
    """A header line, or a line of eleven columns with numbers where they belong."""
    return bool(_SAM_HEADER.match(head) or _SAM_RECORD.match(head))


def fastq(head: bytes) -> bool:
    """A line that begins with @, and one that begins with + before the next such."""
    lines = head.split(b"\n", 400)
    if not lines[0].startswith(b"@") or len(lines) < 3:
        return False
    plus = next((place for place, line in enumerate(lines[1:], 1) if line.startswith(b"+")), None)
    return plus is not None and plus >= 1 and all(b"\t" not in line for line in lines[1:plus])


def fasta(head: bytes) -> bool:
    """A line of > and a name, or of a comment, and then nothing but such lines and letters of sequences: what others
    write begins with > as well, a quotation for one.
    """
    if not _FASTA.match(head):
        return False
    lines = [line for line in head.split(b"\n")[1:] if not line.startswith((b">", b";"))]
    # What is broken within a file of sequences is told where its name says that it is one.
    return any(map(bytes.strip, lines)) and not any(line.rstrip().translate(None, _SEQUENCE) for line in lines)


def json(head: bytes) -> bool:
    """An object or an array, and what can follow its bracket."""
    return bool(_JSON.match(head.removeprefix(b"\xef\xbb\xbf")))


def jsonl(head: bytes) -> bool:
    """A value on a line of its own, and another begins on the next."""
    first, _, rest = head.partition(b"\n")
    if not rest.startswith((b"{", b"[")) or not first.startswith((b"{", b"[")):
        return False
    try:
        decode(first)
    except (ValueError, RecursionError):
        return False
    return True


def notebook(head: bytes) -> bool:
    """JSON that speaks of cells or says its notebook format early."""
    return json(head) and (b'"cells"' in head or b'"nbformat"' in head)
