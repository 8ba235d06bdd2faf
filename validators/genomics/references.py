"""One reference for all files of an analysis.

Alignments, variants and features mean nothing but on the sequences they were made with.  Two versions of a genome have
the same names and other letters; two sources of one version have the same letters and other names, ``chr1`` and ``1``.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ..check import Cost, GroupCheck
from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .contigs import KINDS, Contig, Contigs, contigs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..subjects import Subject

__all__ = ["CHECKS", "References"]

NAMES = Code("reference.names", Severity.ERROR, "Files of one analysis call a sequence by the same name.")
LENGTH = Code("reference.length", Severity.ERROR, "A sequence has the same length in all files of an analysis.")
DIGEST = Code("reference.m5", Severity.ERROR, "A sequence has the same letters in all files of an analysis.", "SAM 1.6")
BEYOND = Code("reference.beyond", Severity.ERROR, "Nothing lies beyond the end of its sequence.")
MISSING = Code("reference.missing", Severity.WARNING, "What a file speaks of is in the reference.")
NONE = Code("reference.none", Severity.WARNING, "Of what a file speaks of, something is in the reference.")
ORDER = Code("reference.order", Severity.WARNING, "Sequences stand in the same order in all files of an analysis.")

# By which the others are judged: what is nearest to the sequences themselves comes first.
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_REFERENCES = frozenset({"dict", "fai", "fasta"})
_ENDINGS = (".dict", ".fa", ".fai", ".fasta", ".fna", ".gz")
_ORDERED = frozenset({"dict", "fai", "fasta", "sam", "bam"})
_SHOWN = 3


class References(GroupCheck):
    """Whether FASTA, its index and dictionary, SAM, BAM, VCF, BED, GFF3 and GTF speak of the same sequences.

    All files are of one analysis where references lie in one folder or none; else the files of each folder are.
    Each file is held against that one of the others that declares most of its sequences, a reference first, and of two
    genomes that which it agrees with.  A reference is held against its own dictionary and index alone: genomes and
    assemblies that lie side by side may call different sequences by one name.
    """

    name, version = "reference.consistent", "3"
    codes = (NAMES, LENGTH, DIGEST, BEYOND, MISSING, NONE, ORDER)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at what every file declares, and uses."""
        for group in _analyses(subjects):
            if len(group) > 1:
                _look(group, found)


def _kind(subject: Subject) -> str | None:
    try:
        return subject.format
    except OSError:  # the file's own report says so
        return None


def _analyses(subjects: Sequence[Subject]) -> Iterator[list[Subject]]:
    known = [(subject, _kind(subject)) for subject in subjects]
    speaking = [(subject, kind) for subject, kind in known if kind in KINDS]
    folders = {posixpath.dirname(subject.name) for subject, kind in speaking if kind in _REFERENCES}
    if len(folders) <= 1:
        yield [subject for subject, _ in speaking]
        return
    for folder in sorted({posixpath.dirname(subject.name) for subject, _ in speaking}):
        yield [subject for subject, _ in speaking if posixpath.dirname(subject.name) == folder]


def _look(group: Sequence[Subject], found: Found) -> None:
    every: list[Contigs] = []
    # Digests of letters are computed only where another file has some to compare.
    for subject in sorted(group, key=lambda each: _kind(each) == "fasta"):
        digests = subject.cost is Cost.FULL and any(one.m5 for each in every for one in each.declared.values())
        quiet = Found("reference.consistent", STREAM_CODES, limits=subject.limits)
        read = contigs_of(subject, quiet, digests=digests)
        if not quiet.complete:
            found.partly()
        if read is None or read.full:
            found.partly()
        else:
            every.append(read)
    every.sort(key=lambda each: (_RANK[each.kind], each.file))
    for at, contigs in enumerate(every):
        judges = [each for each in every[:at] if each.declared and _may_judge(each, contigs)]
        judge = max(judges, key=lambda each: _fitness(each, contigs, judges), default=None)
        if judge is not None and contigs.names:
            _compare(contigs, judge, found)


def _may_judge(judge: Contigs, contigs: Contigs) -> bool:
    if contigs.kind in _REFERENCES and _stem(judge.file) != _stem(contigs.file):
        return False
    return not _index_of(contigs.file, judge.file)


def _stem(file: str) -> str:
    """What a genome, its index and its dictionary have in common: ``hg38`` of ``hg38.fa.gz`` and ``hg38.dict``."""
    while file.lower().endswith(_ENDINGS):
        file = posixpath.splitext(file)[0]
    return file


def _index_of(one: str, other: str) -> bool:
    """Whether one is the index of the other, which has a check of its own."""
    return one == f"{other}.fai" or other == f"{one}.fai"


def _plain(name: bytes) -> bytes:
    """A name without what sources add to it."""
    short = name.lower().removeprefix(b"chr")
    return b"mt" if short == b"m" else short


def _fitness(judge: Contigs, contigs: Contigs, judges: Sequence[Contigs]) -> tuple[int, int, bool, int]:
    names = contigs.names
    shared = names & judge.declared.keys()
    plain = {*map(_plain, names)} & {*map(_plain, judge.declared)}
    # A genome's index says less than its dictionary, and so disagrees with nobody; it is not for that to be asked.
    genome = [each for each in judges if _stem(each.file) == _stem(judge.file)]
    agreeing = min(_agreeing(each, contigs) for each in genome)
    return len(shared), len(plain), judge.kind in _REFERENCES, agreeing


def _agreeing(judge: Contigs, contigs: Contigs) -> int:
    """How many of the sequences that both have may be the same."""
    names = contigs.names
    return sum(_agree(theirs, contigs, name) for name, theirs in judge.declared.items() if name in names)


def _agree(theirs: Contig, contigs: Contigs, name: bytes) -> bool:
    ours = contigs.declared.get(name, Contig())
    reach, _ = contigs.used.get(name, (0, 0))
    return (
        (ours.length is None or theirs.length is None or ours.length == theirs.length)
        and (not ours.m5 or not theirs.m5 or ours.m5 == theirs.m5)
        and (theirs.length is None or reach <= theirs.length)
    )


def _compare(contigs: Contigs, judge: Contigs, found: Found) -> None:
    names = contigs.names
    shared = names & judge.declared.keys()
    others = {_plain(name): name for name in judge.declared}
    renamed = [name for name in _in_order(contigs) if name not in shared and _plain(name) in others]
    if renamed:
        first = renamed[0]
        what = f"{len(renamed):,} of its sequences have other names in {judge.file}"
        seen, expected = _text(first), _text(others[_plain(first)])
        found.add(NAMES, what, member=contigs.file, record=seen, seen=seen, expected=expected)
    lacking = [name for name in _in_order(contigs) if name not in shared and _plain(name) not in others]
    if lacking and (shared or renamed or contigs.kind != "fasta"):
        code, count = (MISSING, f"{len(lacking):,}") if shared or renamed else (NONE, "one")
        what = f"{judge.file} has not {count} of its {len(names):,} sequences"
        some = ", ".join(map(_text, lacking[:_SHOWN])) + (", …" if len(lacking) > _SHOWN else "")
        found.add(code, what, member=contigs.file, record=_text(lacking[0]), seen=some)
    _contents(contigs, judge, found)
    if contigs.kind in _ORDERED and judge.kind in _ORDERED:
        ours = [name for name in contigs.declared if name in shared]
        theirs = [name for name in judge.declared if name in shared]
        if ours != theirs:
            one, other = next((a, b) for a, b in zip(ours, theirs, strict=True) if a != b)
            what = f"its sequences stand in another order than those of {judge.file}"
            found.add(ORDER, what, member=contigs.file, record=_text(one), seen=_text(one), expected=_text(other))


def _contents(contigs: Contigs, judge: Contigs, found: Found) -> None:
    """Compare lengths, digests and how far lines reach, for names that both have."""
    for name, ours in contigs.declared.items():
        theirs = judge.declared.get(name)
        if theirs is None:
            continue
        if ours.length is not None and theirs.length is not None and ours.length != theirs.length:
            what = f"{_text(name)} has another length in {judge.file}"
            found.add(LENGTH, what, member=contigs.file, record=_text(name), seen=ours.length, expected=theirs.length)
        elif ours.m5 and theirs.m5 and ours.m5 != theirs.m5:
            what = f"{_text(name)} has other letters in {judge.file}"
            found.add(DIGEST, what, member=contigs.file, record=_text(name), seen=ours.m5, expected=theirs.m5)
    for name, (reach, line) in contigs.used.items():
        end = judge.declared[name].length if name in judge.declared else None
        if end is not None and reach > end:
            what = f"it lies beyond the end of {_text(name)} in {judge.file}"
            found.add(
                BEYOND, what, member=contigs.file, line=line, record=_text(name), seen=reach, expected=f"up to {end}"
            )


def _in_order(contigs: Contigs) -> list[bytes]:
    return [*contigs.declared, *(name for name in contigs.used if name not in contigs.declared)]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


CHECKS = (References,)
