"""The tables of validation: reports, what they found, which snapshots are in quarantine, what tables have to be, and
which packs were read through when.
"""

from __future__ import annotations

import pyarrow as pa

from holotype.catalog import Column, Table

__all__ = [
    "QUARANTINE",
    "REPORTS",
    "REPORT_FILES",
    "REPORT_FINDINGS",
    "REPORT_METRICS",
    "SCHEMAS",
    "SCRUBS",
    "VALIDATION_TABLES",
]

_TEXT, _COUNT, _FLAG, _NUMBER = pa.string(), pa.int64(), pa.bool_(), pa.float64()
_TIME = pa.timestamp("us", tz="UTC")
_SEVERITIES = ("note", "warning", "error")
_REPORT = Column("report", _TEXT, "The report's identifier.")
_PATH = Column("path", _TEXT, "The file's path in the dataset, or what else was looked at.")

REPORTS = Table(
    "reports",
    "One row each time data were validated.",
    (
        _REPORT,
        Column("dataset", _TEXT, "The dataset."),
        Column("snapshot", _TEXT, "The snapshot's digest; missing when what was found kept it from being made.", True),
        Column("occasion", _TEXT, "When it was done.", among=("backup", "restore", "validate", "pipeline")),
        Column("time", _TIME, "When."),
        Column("author", _TEXT, "By whom."),
        Column("host", _TEXT, "On which machine."),
        Column("cost", _TEXT, "How much was looked at.", among=("header", "sample", "full")),
        Column("files", _COUNT, "How many files were looked at.", least=0),
        Column("notes", _COUNT, "How many findings are worth knowing.", least=0),
        Column("warnings", _COUNT, "How many are suspicious.", least=0),
        Column("errors", _COUNT, "How many are wrong.", least=0),
        Column("complete", _FLAG, "Whether every check looked at all that it was asked to."),
        Column("action", _TEXT, "What was done about it.", among=("record", "quarantine", "refuse")),
        Column("counts", _TEXT, "How many findings there are of each code, as JSON."),
    ),
)

REPORT_FINDINGS = Table(
    "report_findings",
    "What was found; of each code and file the first, all are counted in reports.",
    (
        _REPORT,
        _PATH,
        Column("check", _TEXT, "The check that found it."),
        Column("code", _TEXT, "The rule that is broken."),
        Column("severity", _TEXT, "How bad it is.", among=_SEVERITIES),
        Column("member", _TEXT, "The file within the file.", nullable=True),
        Column("offset", _COUNT, "Bytes from the beginning; of what is packed, of what is inside.", nullable=True),
        Column("line", _COUNT, "The line, from 1.", nullable=True),
        Column("row", _COUNT, "The row of a table, from 0.", nullable=True),
        Column("column", _TEXT, "The column's name.", nullable=True),
        Column("record", _TEXT, "What names the record.", nullable=True),
        Column("message", _TEXT, "What is wrong, in words."),
        Column("seen", _TEXT, "What is there.", nullable=True),
        Column("expected", _TEXT, "What should be.", nullable=True),
    ),
)

REPORT_METRICS = Table(
    "report_metrics",
    "Figures that say how good data are.",
    (
        _REPORT,
        _PATH,
        Column("name", _TEXT, "The figure's name."),
        Column("of", _TEXT, "What it is of, where there are several; else empty."),
        Column("value", _NUMBER, "The figure."),
        Column("unit", _TEXT, "Its unit, in UCUM; 1 for a share or a count."),
    ),
)

REPORT_FILES = Table(
    "report_files",
    "Which check looked at which file.",
    (
        _REPORT,
        _PATH,
        Column("format", _TEXT, "What the file is, by its content.", nullable=True),
        Column("packing", _TEXT, "What that is packed in.", nullable=True),
        Column("grade", _TEXT, "Whether the format would show damage.", nullable=True, among=("all", "some", "none")),
        Column("size", _COUNT, "Its bytes.", nullable=True),
        Column("check", _TEXT, "The check."),
        Column("version", _TEXT, "The check's version."),
        Column("cost", _TEXT, "How much it was asked to look at.", among=("header", "sample", "full")),
        Column("complete", _FLAG, "Whether it looked at all of that."),
        Column("seconds", _NUMBER, "How long it took."),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "Which snapshots are not to be taken for the latest; the last event of a snapshot is what holds.",
    (
        Column("snapshot", _TEXT, "The snapshot's digest."),
        Column("event", _TEXT, "What happened.", among=("quarantined", "released")),
        Column("time", _TIME, "When."),
        Column("author", _TEXT, "Who."),
        Column("reason", _TEXT, "Why."),
        Column("report", _TEXT, "The report that says why, if one does.", nullable=True),
    ),
)

SCHEMAS = Table(
    "schemas",
    "One row per version of what the tables in a dataset's files have to be.",
    (
        Column("declaration", _TEXT, "The version's identifier."),
        Column("dataset", _TEXT, "The dataset."),
        Column("files", _TEXT, "The pattern of the paths of the files that it is for."),
        Column("version", _COUNT, "Its number, from 1.", least=1),
        Column("since", _COUNT, "The number of the first snapshot that is held to it.", least=1),
        Column(
            "verdict",
            _TEXT,
            "Whether it accepts all that the version before does.",
            among=("first", "compatible", "breaking", "withdrawn"),
        ),
        Column("changes", _TEXT, "What became of which column, and whether that breaks anything, as JSON."),
        Column("schema", _TEXT, "The schema, as JSON; missing where nothing holds any more.", nullable=True),
        Column("digest", _TEXT, "SHA-256 of what the schema asks for.", nullable=True),
        Column("tables", _TEXT, "The paths of the tables that its references lead to, by name, as JSON."),
        Column("vocabularies", _TEXT, "The terms of the vocabularies that its columns name, as JSON."),
        Column("time", _TIME, "When it was declared."),
        Column("author", _TEXT, "By whom."),
        Column("message", _TEXT, "What they say of it."),
    ),
)

SCRUBS = Table(
    "scrubs",
    "When each pack was last read through, and what became of it.",
    (
        Column("pack", _TEXT, "The pack's name."),
        Column("time", _TIME, "When."),
        Column("bytes", _COUNT, "Its size.", least=0),
        Column("sound", _FLAG, "Whether every byte was what was written."),
        Column("author", _TEXT, "Who had it read."),
        Column("host", _TEXT, "The machine that read it."),
    ),
)

VALIDATION_TABLES = (QUARANTINE, REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS, REPORTS, SCHEMAS, SCRUBS)
"""All of them."""
