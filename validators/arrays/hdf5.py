"""HDF5, and what is made of it: NetCDF-4 and MATLAB 7.3.

The superblock is read here, and all else by the HDF5 library, in a process of its own: damaged files are known to bring
it down.  Links that lead out of the file are told of, and never followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import LibraryMissing
from ..findings import Code, Severity
from ..streams.codes import STREAM_CODES
from .base import ValueCheck
from .held import Held, broken, held, held_path, telling
from .isolated import Died, ask
from .values import VALUE_CODES

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "HDF5_CODES", "Hdf5", "Mat73", "NetCDF4"]

_SOURCE = "HDF5 File Format Specification 3.0"
SUPERBLOCK = Code(
    "hdf5.superblock", Severity.ERROR, "The superblock is of a version that there is, and whole.", f"{_SOURCE}, II.A"
)
CHECKSUM = Code(
    "hdf5.checksum",
    Severity.ERROR,
    "A superblock of version 2 or 3 has the checksum that is kept of it.",
    f"{_SOURCE}, II.A",
)
TRUNCATED = Code("hdf5.truncated", Severity.ERROR, "The file is as long as the superblock says.", f"{_SOURCE}, II.A")
TRAILING = Code(
    "hdf5.trailing", Severity.WARNING, "Nothing follows the end that the superblock tells.", f"{_SOURCE}, II.A"
)
OPEN = Code(
    "hdf5.not_closed",
    Severity.ERROR,
    "Whoever wrote the file has closed it.",
    f"{_SOURCE}, II.A, file consistency flags",
)
OBJECT = Code("hdf5.object", Severity.ERROR, "Every object that a link names can be opened.", _SOURCE)
ATTRIBUTE = Code("hdf5.attribute", Severity.ERROR, "Every attribute can be read.", f"{_SOURCE}, IV.A.2.m")
LINK = Code("hdf5.link", Severity.WARNING, "A soft link leads to something.", f"{_SOURCE}, IV.A.2.g")
OUTSIDE = Code(
    "hdf5.outside",
    Severity.WARNING,
    "All of a file's content is in it: nothing is linked or stored elsewhere.",
    f"{_SOURCE}, IV.A.2.g and h",
)
CYCLE = Code("hdf5.cycle", Severity.WARNING, "A group does not contain itself.", _SOURCE)
FILTER = Code("hdf5.filter", Severity.WARNING, "Chunks are packed by filters that are at hand.", f"{_SOURCE}, IV.A.2.l")
CHUNK = Code(
    "hdf5.chunk",
    Severity.ERROR,
    "Every chunk can be read, unpacks, and has its checksum where one is kept.",
    f"{_SOURCE}, VII",
)
SHAPE = Code("hdf5.shape", Severity.ERROR, "A dataset is not larger than what is stored of it.", _SOURCE)
DEEP = Code("hdf5.limits", Severity.WARNING, "Objects are no more, and groups no deeper, than the limits allow.")
CRASHED = Code("hdf5.library_crashed", Severity.ERROR, "The HDF5 library survives the file.")
NETCDF = Code(
    "netcdf4.structure",
    Severity.ERROR,
    "Dimensions are scales, and every variable's have the lengths of its axes.",
    "NetCDF-4 File Format",
)
MATLAB = Code(
    "mat73.header",
    Severity.ERROR,
    "Before HDF5 stand 128 bytes of MATLAB's header, with version and byte order.",
    "MAT-File Level 7.3",
)
CLASS = Code("mat73.class", Severity.ERROR, "Every variable says its MATLAB_class.", "MAT-File Level 7.3")

HDF5_CODES = (
    SUPERBLOCK,
    CHECKSUM,
    TRUNCATED,
    TRAILING,
    OPEN,
    OBJECT,
    ATTRIBUTE,
    LINK,
    OUTSIDE,
    CYCLE,
    FILTER,
    CHUNK,
    SHAPE,
    DEEP,
    CRASHED,
    NETCDF,
    MATLAB,
    CLASS,
    *VALUE_CODES,
)
"""The rules that are applied."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CODES = {code.name: code for code in (*HDF5_CODES, *STREAM_CODES)}
# So long may the library take for a megabyte, and for any file, before it is taken to hang.
_SECONDS, _SECONDS_PER_MEGABYTE = 120.0, 2.0


class Hdf5(ValueCheck):
    """The superblock, every object, attribute, link and chunk, and what arrays hold."""

    name = "hdf5"
    formats = frozenset({"hdf5"})
    codes = HDF5_CODES
    kind: ClassVar[str] = "hdf5"

    def look(self, subject: Subject, found: Found) -> None:
        """Look at it."""
        fine = False
        with held(subject, found, TRUNCATED) as file, telling(found):
            if self.kind == "mat73":
                _matlab(file, found)
            _superblock(file, found)
            fine = True
        if not fine:
            found.partly()
            return
        with held_path(subject, found) as path:
            if path is not None:
                self._objects(path, subject, found)

    def _objects(self, path: str, subject: Subject, found: Found) -> None:
        rules, limits = self.values, subject.limits
        about = {
            "path": path,
            "kind": self.kind,
            "cost": subject.cost.value,
            "rules": [rules.finite, rules.least, rules.most],
            "limits": {
                "each": limits.each,
                "sample": limits.sample,
                "members": limits.members,
                "depth": limits.depth,
                "memory": limits.memory,
            },
        }
        seconds = _SECONDS + _SECONDS_PER_MEGABYTE * (subject.size or 0) / (1 << 20)
        answer = ask("holotype.validators.arrays.hdf5objects", "look", about, seconds=seconds)
        if isinstance(answer, Died):
            found.add(CRASHED, f"the process that read it with the HDF5 library {answer.how}")
            found.partly()
        elif "missing" in answer:
            raise LibraryMissing("looking into HDF5 needs h5py; pip install 'holotype[formats]'", name="h5py")
        elif "wrong" in answer:
            found.add(OBJECT, f"the HDF5 library cannot read it: {answer['wrong']}")
            found.partly()
        else:
            _take(answer["told"], found)


def _take(told: dict[str, Any], found: Found) -> None:
    """Tell what the child has found."""
    for each in told["findings"]:
        found.add(_CODES[each.pop("code")], each.pop("message"), **each)
    for name, count in told["more"].items():
        found.count(_CODES[name], count)
    for each in told["metrics"]:
        found.metric(each["name"], float(each["value"]), of=each["of"])
    if not told["complete"]:
        found.partly()


class NetCDF4(Hdf5):
    """The same, and the dimensions that NetCDF makes of scales."""

    name = "netcdf4"
    formats = frozenset({"netcdf4"})
    kind = "netcdf4"


class Mat73(Hdf5):
    """The same, and the header and the classes of MATLAB."""

    name = "mat73"
    formats = frozenset({"mat73"})
    kind = "mat73"


def _matlab(file: Held, found: Found) -> None:
    head = file.take(0, 128, "the header of MATLAB")
    if not head.startswith(b"MATLAB 7.3 MAT-file"):
        found.add(MATLAB, "the text is not MATLAB's", offset=0, seen=head[:20], expected="MATLAB 7.3 MAT-file")
    if head[124:128] not in (b"\x00\x02IM", b"\x02\x00MI"):
        found.add(
            MATLAB, "version and byte order are none", offset=124, seen=head[124:128].hex(" "), expected="00 02 49 4d"
        )


def _superblock(file: Held, found: Found) -> None:
    """Find it, and hold what it says against the file."""
    start = next((at for at in _starts(file.size) if file.take(at, 8) == _SIGNATURE), None)
    if start is None:
        broken(
            SUPERBLOCK,
            "there is no signature at byte 0, 512, 1024, …",
            offset=0,
            seen=file.take(0, min(8, file.size)).hex(" "),
        )
    (version,) = file.numbers("B", start + 8, "the superblock")
    if version > 3:
        broken(SUPERBLOCK, "there is no such version", offset=start + 8, seen=version, expected="0 to 3")
    at = start + (13 if version < 2 else 9)
    offsets, lengths = file.numbers("BB", at, "the superblock")
    if offsets not in (2, 4, 8) or lengths not in (2, 4, 8):
        broken(SUPERBLOCK, "places and lengths have 2, 4 or 8 bytes", offset=at, seen=f"{offsets}, {lengths}")
    if version < 2:
        places = start + (24 if version == 0 else 28)
        flags = file.numbers("<I", start + 20, "the superblock")[0] if version == 1 else 0
    else:
        places = start + 12
        (flags,) = file.numbers("B", start + 11, "the superblock")
        body = file.take(start, 12 + 4 * offsets, "the superblock")
        (kept,) = file.numbers("<I", start + len(body), "the superblock")
        if kept != lookup3(body):
            found.add(
                CHECKSUM,
                "the superblock is not what was written",
                offset=start,
                seen=f"{lookup3(body):08x}",
                expected=f"{kept:08x}",
            )
    base, _, end = (int.from_bytes(file.take(places + step * offsets, offsets), "little") for step in range(3))
    if version >= 2 and flags & 5:
        found.add(OPEN, "the file was not closed by who wrote it", offset=start + 11, seen=flags)
    if base not in (0, start):
        broken(SUPERBLOCK, "the base address is neither 0 nor that of the superblock", offset=places, seen=base)
    # The end is told from the base address on in files of some writers, and from the beginning in others.
    ends = {end, end + start - base}
    if file.size < min(ends) and file.whole:
        broken(TRUNCATED, "the file ends before the superblock says so", offset=file.size, seen=file.size, expected=end)
    if file.size > max(ends) and file.whole:
        found.add(TRAILING, "bytes follow the end that the superblock tells", offset=end, seen=file.size, expected=end)


def _starts(size: int) -> list[int]:
    """Where a superblock may begin."""
    found, at = [0], 512
    while at + 8 <= size:
        found.append(at)
        at *= 2
    return found if size >= 8 else []


def lookup3(data: bytes, initial: int = 0) -> int:
    """Bob Jenkins' hash, which HDF5 keeps of metadata."""

    def rotated(value: int, by: int) -> int:
        return ((value << by) | (value >> (32 - by))) & 0xFFFFFFFF

    a = b = c = (0xDEADBEEF + len(data) + initial) & 0xFFFFFFFF
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    words += [0] * (-len(words) % 3)
    last = max(0, len(words) - 3)
    for at in range(0, last, 3):
        a, b, c = a + words[at] & 0xFFFFFFFF, b + words[at + 1] & 0xFFFFFFFF, c + words[at + 2] & 0xFFFFFFFF
        a = (a - c & 0xFFFFFFFF) ^ rotated(c, 4)
        c = c + b & 0xFFFFFFFF
        b = (b - a & 0xFFFFFFFF) ^ rotated(a, 6)
        a = a + c & 0xFFFFFFFF
        c = (c - b & 0xFFFFFFFF) ^ rotated(b, 8)
        b = b + a & 0xFFFFFFFF
        a = (a - c & 0xFFFFFFFF) ^ rotated(c, 16)
        c = c + b & 0xFFFFFFFF
        b = (b - a & 0xFFFFFFFF) ^ rotated(a, 19)
        a = a + c & 0xFFFFFFFF
        c = (c - b & 0xFFFFFFFF) ^ rotated(b, 4)
        b = b + a & 0xFFFFFFFF
    if data:
        a, b, c = a + words[last] & 0xFFFFFFFF, b + words[last + 1] & 0xFFFFFFFF, c + words[last + 2] & 0xFFFFFFFF
        for first, by in ((0, 14), (1, 11), (2, 25), (0, 16), (1, 4), (2, 14), (0, 24)):
            # c ^= b, c -= rot(b); a ^= c, …; b ^= a, …
            if first == 0:
                c = (c ^ b) - rotated(b, by) & 0xFFFFFFFF
            elif first == 1:
                a = (a ^ c) - rotated(c, by) & 0xFFFFFFFF
            else:
                b = (b ^ a) - rotated(a, by) & 0xFFFFFFFF
    return c


CHECKS = (Hdf5, NetCDF4, Mat73)
