"""Which feature of GFF3 is a part of which: by the IDs of features, and the Parents they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found
    from ..limits import Limits
    from .gff3attributes import Read

__all__ = ["FAMILY_CODES", "Family"]

_SOURCE = "GFF3 1.26"

UNIQUE = Code(
    "gff3.id.unique", Severity.ERROR, "Lines with the same ID are parts of one feature: of one type, on one sequence.",
    _SOURCE,
)  # fmt: skip
MISSING = Code("gff3.parent.missing", Severity.ERROR, "What a feature is a part of is in the file.", _SOURCE)
LATE = Code("gff3.parent.late", Severity.ERROR, "What a feature is a part of is there before the next ###.", _SOURCE)
CYCLE = Code("gff3.parent.cycle", Severity.ERROR, "No feature is a part of itself.", _SOURCE)
DERIVED = Code("gff3.derived.missing", Severity.ERROR, "What a feature derives from is in the file.", _SOURCE)

FAMILY_CODES = (UNIQUE, MISSING, LATE, CYCLE, DERIVED)
"""The rules of what features say of one another."""

# Bytes that Python takes for an ID with what is known of it.
_EACH = 600


class Family:
    """The features of a file by their IDs.

    Of a file with more of them than memory allows what they say of one another is looked at until there, and
    ``found.partly()`` says so.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = max(1, limits.memory // _EACH)
        self._known: dict[bytes, tuple[bytes, bytes, int]] = {}
        # Types and sequences are the same for many: each is kept once.
        self._same: dict[bytes, bytes] = {}
        self._parents: dict[bytes, tuple[bytes, ...]] = {}
        self._waiting: dict[bytes, int] = {}
        self._late: dict[bytes, int] = {}
        self._deriving: dict[bytes, int] = {}
        self._full = False

    def take(self, read: Read, type: bytes, seqid: bytes, line: int, found: Found) -> None:
        """Take a feature."""
        self.follow(read.id, read.parents, read.derives, type, seqid, line, found)

    def follow(
        self, name: bytes | None, parents: tuple[bytes, ...], derives: tuple[bytes, ...], type: bytes, seqid: bytes,
        line: int, found: Found,
    ) -> None:  # fmt: skip
        """Take a feature by its ID and those of what it is a part of and derives from."""
        if self._full:
            return
        known, waiting = self._known, self._waiting
        if name is not None:
            self._named(name, type, seqid, line, found)
            if parents:
                before = self._parents.get(name)
                if before is None:
                    self._parents[name] = parents
                elif before != parents:
                    self._parents[name] = tuple(dict.fromkeys(before + parents))
        for parent in parents:
            if parent not in known:
                waiting.setdefault(parent, line)
        for source in derives:
            if source not in known:
                self._deriving.setdefault(source, line)
        if len(known) + len(waiting) > self._most:
            self._full = True
            found.partly()

    def _named(self, name: bytes, type: bytes, seqid: bytes, line: int, found: Found) -> None:
        before = self._known.get(name)
        if before is None:
            same = self._same.setdefault
            self._known[name] = (same(type, type), same(seqid, seqid), line)
            self._arrived(name, line, found)
        elif (before[0] != type or before[1] != seqid) and before[2] != line:
            what = f"line {before[2]:,} has the same ID, and is another feature"
            seen, expected = b" on ".join((type, seqid)), b" on ".join(before[:2])
            found.add(UNIQUE, what, line=line, column="attributes", record=_text(name), seen=seen, expected=expected)

    def _arrived(self, name: bytes, line: int, found: Found) -> None:
        """What may have been waited for is there."""
        self._waiting.pop(name, None)
        self._deriving.pop(name, None)
        late = self._late.pop(name, None) if self._late else None
        if late is not None:
            what = f"what it is a part of comes at line {line:,}, after ### has said that all are there"
            found.add(LATE, what, line=late, column="attributes", record=_text(name))

    def resolved(self, found: Found) -> None:
        """All that was pointed at has been there, says ``###``."""
        del found
        for name, line in self._waiting.items():
            self._late.setdefault(name, line)
        self._waiting.clear()

    def finish(self, found: Found) -> None:
        """Tell what is missing at the end, and what goes round in a circle."""
        if self._full:
            return
        for code, names in ((MISSING, self._waiting | self._late), (DERIVED, self._deriving)):
            for name, line in sorted(names.items(), key=lambda each: each[1]):
                found.add(code, "no feature has this ID", line=line, column="attributes", record=_text(name), seen=name)
        for circle in self._circles():
            first = min(circle, key=lambda name: self._known[name][2])
            seen = " in ".join(map(_text, [*circle, circle[0]]))
            what = "it is a part of itself"
            line = self._known[first][2]
            found.add(CYCLE, what, line=line, column="attributes", record=_text(first), seen=seen)

    def _circles(self) -> list[list[bytes]]:
        """Circles among features and what they are parts of, each once."""
        circles: list[list[bytes]] = []
        done: set[bytes] = set()
        # What nothing is a part of is in no circle: most features.
        wholes = {parent for parents in self._parents.values() for parent in parents}
        for start in [name for name in self._parents if name in wholes]:
            path: list[bytes] = []
            on_path: dict[bytes, int] = {}
            stack: list[tuple[bytes, bool]] = [(start, False)]
            while stack:
                name, left = stack.pop()
                if left:
                    path.pop()
                    del on_path[name]
                    done.add(name)
                elif name in on_path:
                    circles.append(path[on_path[name] :])
                elif name not in done:
                    on_path[name] = len(path)
                    path.append(name)
                    stack.append((name, True))
                    stack += [(parent, False) for parent in self._parents.get(name, ()) if parent in self._known]
        return circles


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
