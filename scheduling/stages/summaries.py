"""What came of a sample, and of a run: figures of reads, alignments and variants, for programs and for people."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["REPORT", "SUMMARISE", "report", "summarise"]

# Of ``bcftools stats``: its name of each figure, and ours.
_COUNTED = {
    "number of records": "records",
    "number of SNPs": "substitutions",
    "number of indels": "indels",
    "number of multiallelic sites": "multiallelic",
}
# What people are shown of each sample: the heading, the part, the figure, and how it is written.
_SHOWN = (
    ("reads", "reads", "given", "{:,}"),
    ("kept", "reads", "kept", "{:,}"),
    ("Q30", "reads", "q30", "{:.1%}"),
    ("mapped", "alignments", "mapped_rate", "{:.2%}"),
    ("duplicates", "alignments", "duplicate_rate", "{:.2%}"),
    ("depth", "alignments", "depth", "{:.1f}"),
    ("covered", "alignments", "covered", "{:.1%}"),
    ("variants", "variants", "records", "{:,}"),
    ("SNPs", "variants", "substitutions", "{:,}"),
    ("indels", "variants", "indels", "{:,}"),
    ("ti/tv", "variants", "ti_tv", "{:.2f}"),
    ("het/hom", "variants", "het_hom", "{:.2f}"),
)


def summarise(trimmed: Path, counts: Path, coverage: Path, variants: Path, summary: Path) -> None:
    """Write a sample's figures.

    ``trimmed``: of fastp; ``counts``: of ``samtools flagstat``, as JSON; ``coverage``: of ``samtools coverage``;
    ``variants``: of ``bcftools stats``, with its samples.  ``summary``: where they go, as JSON.  The sample's name is
    the one in the variants, which has come all the way through the read group.  Raises ``ValueError`` where one of them
    is something else.
    """
    name, called = _variants(variants)
    found = {
        "sample": name,
        "reads": _reads(trimmed),
        "alignments": {**_alignments(counts), **_coverage(coverage)},
        "variants": called,
    }
    summary.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def report(summaries: Sequence[Path], figures: Path, page: Path) -> None:
    """Gather what ``summarise`` wrote of each sample, in order of their names: ``figures`` as JSON, ``page`` to read.

    Raises ``ValueError`` where one is something else, or there are two of a sample.
    """
    every = sorted((_summary(path) for path in summaries), key=lambda each: str(each["sample"]))
    names = [each["sample"] for each in every]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"there are two summaries of {', '.join(twice)}")
    figures.write_text(json.dumps({"samples": every}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [["sample", *(heading for heading, *_ in _SHOWN)]]
    for each in every:
        shown = (_shown(each.get(part, {}).get(figure), how) for _, part, figure, how in _SHOWN)
        rows.append([str(each["sample"]), *shown])
    page.write_text("".join(f"{line}\n" for line in _table(rows)), encoding="utf-8")


def _shown(value: float | None, how: str) -> str:
    return "–" if value is None else how.format(value)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with columns: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join([row[0].ljust(widths[0]), *numbers])


def _reads(path: Path) -> dict[str, Any]:
    document = _json(path)
    with _Told(path, "fastp's figures"):
        before, after = document["summary"]["before_filtering"], document["summary"]["after_filtering"]
        return {
            "given": int(before["total_reads"]),
            "kept": int(after["total_reads"]),
            "bases": int(after["total_bases"]),
            "q30": float(after["q30_rate"]),
            "gc": float(after["gc_content"]),
        }


def _alignments(path: Path) -> dict[str, Any]:
    document = _json(path)
    with _Told(path, "the counts of samtools flagstat"):
        passed = document["QC-passed reads"]
        reads = int(passed["primary"])
        return {
            "reads": reads,
            "mapped_rate": _rate(int(passed["primary mapped"]), reads),
            "proper_rate": _rate(int(passed["properly paired"]), int(passed["paired in sequencing"])),
            "duplicate_rate": _rate(int(passed["primary duplicates"]), reads),
        }


def _coverage(path: Path) -> dict[str, Any]:
    """Over all sequences of the reference, each by its length."""
    with _Told(path, "a table of samtools coverage"):
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines(), delimiter="\t"))
        bases = sum(int(row["endpos"]) - int(row["startpos"]) + 1 for row in rows)
        depth = sum(float(row["meandepth"]) * (int(row["endpos"]) - int(row["startpos"]) + 1) for row in rows)
        return {"depth": _rate(depth, bases), "covered": _rate(sum(int(row["covbases"]) for row in rows), bases)}


def _variants(path: Path) -> tuple[str, dict[str, Any]]:
    """The sample's name, and its figures."""
    with _Told(path, "what bcftools stats counts of one sample"):
        lines = [line.split("\t") for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
        counts = {line[2].rstrip(":"): int(line[3]) for line in lines if line[0] == "SN"}
        ((_, _, name, _, homozygous, heterozygous, *_),) = (line for line in lines if line[0] == "PSC")
        changes = next((line for line in lines if line[0] == "TSTV"), None)
        found: dict[str, Any] = {ours: counts[theirs] for theirs, ours in _COUNTED.items()}
        found["ti_tv"] = None if changes is None else _rate(int(changes[2]), int(changes[3]))
        found["het_hom"] = _rate(int(heterozygous), int(homozygous))
        return unquote(name), found


def _summary(path: Path) -> Mapping[str, Any]:
    document = _json(path)
    if not isinstance(document, dict) or not isinstance(document.get("sample"), str):
        raise ValueError(f"{path.name} is no summary of a sample")
    return document


def _json(path: Path) -> Any:
    with _Told(path, "JSON"):
        return json.loads(path.read_bytes())


def _rate(part: float, whole: float) -> float | None:
    """A share; ``None`` of nothing."""
    return part / whole if whole else None


class _Told:
    """What goes wrong within is told as what it means: that the file is not what it should be."""

    def __init__(self, path: Path, what: str) -> None:
        self._path, self._what = path, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | LookupError | TypeError | AttributeError):
            raise ValueError(f"{self._path.name} is not {self._what}: {error!r}") from error


SUMMARISE = Stage(
    name="summarise",
    about="Gathers the figures of a sample.",
    call=summarise,
    inputs={
        "trimmed": Input("json", about="Of fastp."),
        "counts": Input("json", about="Of samtools flagstat."),
        "coverage": Input("text", about="Of samtools coverage."),
        "variants": Input("text", about="Of bcftools stats."),
    },
    outputs={"summary": Output("{sample}.summary.json", "json")},
    resources=Resources(memory="256 MiB", time="10 min"),
)

REPORT = Stage(
    name="report",
    about="Gathers the figures of all samples, for programs and for people.",
    call=report,
    inputs={"summaries": Input("json", many=True)},
    outputs={"figures": Output("report.json", "json"), "page": Output("report.txt", "text")},
    resources=Resources(memory="256 MiB", time="10 min"),
)
