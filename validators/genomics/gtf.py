"""GTF: features of genes, each with the gene and the transcript that it belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .columns import Ends, Rows, heads_of, rows_of, tell
from .features import feature_codes, look_at_columns

if TYPE_CHECKING:
    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject

__all__ = ["CHECKS", "GtfFeatures"]

_SOURCE = "GTF 2.2"

COLUMNS = Code("gtf.columns", Severity.ERROR, "A feature has nine columns with tabs between.", _SOURCE)
ATTRIBUTES = Code("gtf.attributes", Severity.ERROR, 'Attributes are tag "value"; with a space between.', _SOURCE)
GENE = Code("gtf.gene_id", Severity.ERROR, "A feature names its gene.", _SOURCE)
TRANSCRIPT = Code("gtf.transcript_id", Severity.ERROR, "A feature but that of a gene names its transcript.", _SOURCE)
MOVED = Code("gtf.transcript", Severity.WARNING, "A transcript is of one gene, on one strand of one sequence.", _SOURCE)
CONTROL = Code("gtf.control", Severity.ERROR, "There are no control characters but tabs.", _SOURCE)
CARRIAGE = Code("gtf.line.crlf", Severity.WARNING, "Lines end with a newline alone.", _SOURCE)
UNFINISHED = Code("gtf.line.unterminated", Severity.WARNING, "The last line ends with a newline.", _SOURCE)
_FEATURE = feature_codes("gtf", _SOURCE, phase="frame")

_PAIR = rb'[^\s";]+ +(?:"[^"]*"|[^\s";]+)'
# A comment may follow; the last semicolon is left out by some that write it.
_WHOLE = re.compile(rb"\s*" + _PAIR + rb"(?:\s*;\s*" + _PAIR + rb")*\s*;?\s*(?:#.*)?")
_GENE = re.compile(rb'(?:^|[;\s])gene_id +(?:"([^"]*)"|([^\s";]+))')
_TRANSCRIPT = re.compile(rb'(?:^|[;\s])transcript_id +(?:"([^"]*)"|([^\s";]+))')
_CONTROLS = bytes(range(9)) + bytes(range(11, 13)) + bytes(range(14, 32)) + b"\x7f"
_TRANSLATED = frozenset({b"CDS", b"start_codon", b"stop_codon"})
_BETWEEN_GENES = frozenset({b"inter", b"inter_CNS", b"intron_CNS"})
_HASH = ord("#")
# Bytes that Python takes for a transcript with what is known of it.
_EACH = 500


class GtfFeatures(Check):
    """Whether a file is GTF: its columns, its attributes, and whether transcripts stay where they are.

    Of more transcripts than memory allows the first are held against one another, and ``found.partly()`` says so.
    """

    name, version, formats, cost = "gtf.features", "1", frozenset({"gtf"}), Cost.HEADER
    codes = (
        COLUMNS, ATTRIBUTES, GENE, TRANSCRIPT, MOVED, CONTROL, CARRIAGE, UNFINISHED, *_FEATURE.every(),
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every line."""
        looked = _Looked(subject, found)
        for lines in subject.lines(found):
            looked.take(lines)
            if subject.cost is Cost.HEADER:
                found.partly()
                break
        looked.finish()


class _Looked:
    def __init__(self, subject: Subject, found: Found) -> None:
        self._found = found
        self._ends = Ends(CARRIAGE, UNFINISHED)
        self._most = max(1, subject.limits.memory // _EACH)
        self._transcripts: dict[bytes, tuple[bytes, bytes, bytes]] = {}
        self._moved: set[bytes] = set()
        self._features = 0

    def take(self, lines: Lines) -> None:
        """Look at a block."""
        ends = self._ends.of(lines, self._found)
        heads = heads_of(lines, ends)
        if len(lines.data) != len(lines.data.translate(None, _CONTROLS)):
            for index in range(len(lines)):
                if (line := lines[index]).translate(None, _CONTROLS) != line:
                    what = "it has control characters"
                    self._found.add(CONTROL, what, line=lines.number(index), offset=lines.place(index), seen=line)
        wanted = (heads != 0) & (heads != _HASH)
        for rows in rows_of(lines, ends, wanted):
            if rows.columns == 9:
                self._rows(rows)
            else:
                seen = rows.columns
                wrong, what = np.ones(len(rows), bool), f"it has {seen} columns"
                tell(self._found, COLUMNS, rows, wrong, what, seen=lambda _, seen=seen: seen, expected=9)  # type: ignore[misc]

    def _rows(self, rows: Rows) -> None:
        found = self._found
        self._features += len(rows)
        look_at_columns(rows, _FEATURE, found, strands=b"+-.", translated=_TRANSLATED)
        malformed, geneless, without = (np.zeros(len(rows), bool) for _ in range(3))
        columns = zip(rows.cells(8), rows.cells(2), rows.cells(0), rows.cells(6), strict=True)
        whole, of_gene, of_transcript = _WHOLE.fullmatch, _GENE.search, _TRANSCRIPT.search
        for row, (text, kind, seqid, strand) in enumerate(columns):
            if whole(text) is None:
                malformed[row] = bool(text)
                continue
            gene, transcript = of_gene(text), of_transcript(text)
            name = gene and (gene[1] or gene[2])
            named = transcript and (transcript[1] or transcript[2])
            # Arrays are written to where something is wrong alone: of a million rows that takes a tenth of a second.
            if not name and (gene is None or kind not in _BETWEEN_GENES):
                geneless[row] = True
            if named:
                if gene is not None and self._transcripts.get(named) != (name or b"", seqid, strand):
                    self._stays(named, (name or b"", seqid, strand), rows.lines.number(int(rows.indexes[row])))
            elif kind != b"gene" and (transcript is None or kind not in _BETWEEN_GENES):
                without[row] = True
        where = ("attributes", 8)
        tell(found, ATTRIBUTES, rows, malformed, "they cannot be read", column=where, expected='gene_id "g1"; …')
        tell(found, GENE, rows, geneless, "it names no gene", column=where, expected='gene_id "…"')
        tell(found, TRANSCRIPT, rows, without, "it names no transcript", column=where, expected='transcript_id "…"')

    def _stays(self, transcript: bytes, place: tuple[bytes, bytes, bytes], line: int) -> None:
        before = self._transcripts.get(transcript)
        if before is None:
            if len(self._transcripts) < self._most:
                self._transcripts[transcript] = place
            else:
                self._found.partly()
        elif before != place and transcript not in self._moved:
            if len(self._moved) < self._most:
                self._moved.add(transcript)
            record = transcript.decode("utf-8", "backslashreplace")
            what = "it is of another gene, or elsewhere, than on the lines before"
            self._found.add(MOVED, what, line=line, record=record, seen=b" ".join(place), expected=b" ".join(before))

    def finish(self) -> None:
        """Tell the figures."""
        self._ends.finish(self._found)
        self._found.metric("gtf.features", self._features)


CHECKS = (GtfFeatures,)
