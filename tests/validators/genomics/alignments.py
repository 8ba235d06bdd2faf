"""Small files of alignments, made here: SAM from its parts, and BAM from SAM."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from contextlib import suppress

__all__ = ["HEAD", "RECORDS", "bam", "bgzf", "encoded", "header_of", "record", "sam", "same_inside"]

HEAD = (
    "@HD\tVN:1.6\tSO:coordinate",
    "@SQ\tSN:chr1\tLN:100000\tM5:7fc56270e7a70fa81a5935b72eacbe29",
    "@SQ\tSN:chr2\tLN:5000\tAN:2,two\tTP:circular",
    "@RG\tID:g1\tSM:liver\tLB:l1\tPL:ILLUMINA\tDT:2024-02-29T10:00:00Z",
    "@PG\tID:align\tPN:align\tVN:1\tCL:align → liver",
    "@PG\tID:sort\tPP:align",
    "@CO\tmade for a test",
)
RECORDS = (
    "r1\t99\tchr1\t100\t60\t10M\t=\t150\t60\tACGTACGTAC\tIIIIIIIIII\tNM:i:0\tMD:Z:10\tRG:Z:g1\tPG:Z:sort",
    "r2\t0\tchr1\t120\t30\t2S4M1I3M\t*\t0\t0\tACGTACGTAC\t*\tNM:i:1\tXA:A:!\tXF:f:-1.5e3\tXH:H:1AE301\tXB:B:s,-3,300",
    "r1\t147\tchr1\t150\t60\t10M\t=\t100\t-60\tTTTTTTTTTT\tFFFFFFFFFF\tRG:Z:g1\tLB:Z:l1\tBC:Z:ACGT\tQT:Z:IIII",
    "r3\t16\tchr2\t4998\t0\t5H10M\t*\t0\t0\tACGTACGTAN\t##########\tMM:Z:C+m,0,1;\tML:B:C,10,250\tMN:i:10",
    "r4\t4\t*\t0\t0\t*\t*\t0\t0\tACG\tABC",
)
_OPERATIONS = "MIDNSHP=X"
_BASES = "=ACMGRSVTWYHKDBN"
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_TYPES = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "f": "f"}


def record(*, tags: object = "", **fields: object) -> str:
    """A valid record in which these fields, named in lower case, are others."""
    values: dict[str, object] = {
        "qname": "read", "flag": 0, "rname": "chr1", "pos": 1000, "mapq": 60, "cigar": "10M", "rnext": "*",
        "pnext": 0, "tlen": 0, "seq": "ACGTACGTAC", "qual": "IIIIIIIIII",
    }  # fmt: skip
    line = "\t".join(str(value) for value in (values | fields).values())
    return f"{line}\t{tags}" if tags else line


def sam(*records: str, head: tuple[str, ...] = HEAD) -> bytes:
    """A file of text."""
    return "".join(f"{line}\n" for line in (*head, *records)).encode()


def bgzf(content: bytes, *, block: int = 60_000) -> bytes:
    """Bytes in blocks, and the empty one behind them."""
    parts = [content[at : at + block] for at in range(0, len(content), block)]
    return b"".join(_block(part) for part in parts) + _END


def _block(content: bytes) -> bytes:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = squeeze.compress(content) + squeeze.flush()
    head = bytes.fromhex("1f8b08040000000000ff060042430200") + struct.pack("<H", len(packed) + 25)
    return head + packed + struct.pack("<II", zlib.crc32(content), len(content))


def bam(*records: str, head: tuple[str, ...] = HEAD) -> bytes:
    """A file of BAM, packed."""
    return bgzf(header_of(head) + b"".join(encoded(each, head) for each in records))


def _references(head: tuple[str, ...]) -> list[tuple[str, int]]:
    fields = [dict(field.split(":", 1) for field in line.split("\t")[1:]) for line in head if line.startswith("@SQ")]
    return [(each["SN"], int(each["LN"])) for each in fields]


def header_of(head: tuple[str, ...], *, references: list[tuple[str, int]] | None = None) -> bytes:
    """What stands before the records, not packed."""
    text = "".join(f"{line}\n" for line in head).encode()
    known = _references(head) if references is None else references
    listed = b"".join(
        struct.pack("<I", len(name) + 1) + name.encode() + b"\0" + struct.pack("<I", size) for name, size in known
    )
    return b"BAM\1" + struct.pack("<I", len(text)) + text + struct.pack("<I", len(known)) + listed


def encoded(line: str, head: tuple[str, ...] = HEAD, *, bin: int | None = None) -> bytes:
    """A record with its size before it."""
    qname, flag, rname, pos, mapq, cigar, rnext, pnext, tlen, seq, qual, *tags = line.split("\t")
    names = [name for name, _ in _references(head)]
    reference = -1 if rname == "*" else names.index(rname)
    following = reference if rnext == "=" else -1 if rnext == "*" else names.index(rnext)
    parts = [(int(size), letter) for size, letter in re.findall(r"(\d+)(\D)", cigar)]
    span = sum(size for size, letter in parts if letter in "MDN=X") if not int(flag) & 4 else 0
    begin, bases = int(pos) - 1, "" if seq == "*" else seq
    fixed = struct.pack(
        "<iiBBHHHIiii", reference, begin, len(qname) + 1, int(mapq),
        _bin(begin, begin + max(span, 1)) if bin is None else bin, len(parts), int(flag), len(bases), following,
        int(pnext) - 1, int(tlen),
    )  # fmt: skip
    numbers = [_BASES.index(base) for base in bases] + [0] * (len(bases) % 2)
    packed = bytes(high << 4 | low for high, low in zip(numbers[::2], numbers[1::2], strict=True))
    qualities = b"\xff" * len(bases) if qual == "*" else bytes(ord(each) - 33 for each in qual)
    operations = b"".join(struct.pack("<I", size << 4 | _OPERATIONS.index(letter)) for size, letter in parts)
    body = fixed + qname.encode() + b"\0" + operations + packed + qualities + b"".join(map(_tag, tags))
    return struct.pack("<I", len(body)) + body


def _bin(begin: int, end: int) -> int:
    for shift, first in ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)):
        if begin >> shift == (end - 1) >> shift:
            return first + (begin >> shift)
    return 0


def _tag(field: str) -> bytes:
    tag, kind, value = field.split(":", 2)
    name = tag.encode()
    if kind == "B":
        element, *numbers = value.split(",")
        array = [float(each) if element == "f" else int(each) for each in numbers]
        return name + b"B" + element.encode() + struct.pack(f"<I{len(array)}{_TYPES[element]}", len(array), *array)
    if kind == "i":
        return name + b"i" + struct.pack("<i", int(value))
    if kind == "f":
        return name + b"f" + struct.pack("<f", float(value))
    return name + kind.encode() + value.encode() + (b"" if kind == "A" else b"\0")


def same_inside(data: bytes) -> set[int]:
    """The places of a packed file at which a bit may flip, as the contract flips it, and what is inside stays what it
    was: a block's time, how hard it was squeezed and on which system, bits that fill its last byte, and those that name
    another copy of the same bytes.
    """
    content = gzip.decompress(data)
    places: set[int] = set()
    for place in range(len(data) - (28 if data.endswith(_END) else 0)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        with suppress(OSError, EOFError, zlib.error):
            places |= {place} if gzip.decompress(changed) == content else set()
    # Where gzip alone would see no difference and BGZF does.
    return places - ({*range(10, 18)} if data.endswith(_END) else set())
