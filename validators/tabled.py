"""The tables of a report.  They stand apart from what is in them, so that a threshold can be declared without Arrow."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["CHECKED", "FINDINGS", "METRICS"]

_TEXT, _NUMBER = pa.string(), pa.int64()
_ABOUT_PLACES = {
    "member": "The file within the file.",
    "offset": "Bytes from the beginning, of what is packed from the beginning of what is inside.",
    "line": "The line, from 1.",
    "row": "The row of a table, from 0.",
    "column": "The column's name.",
    "record": "What names the record.",
}
FINDINGS = pa.schema(
    [
        pa.field(name, kind, nullable=nullable, metadata={"about": about})
        for name, kind, nullable, about in (
            ("path", _TEXT, False, "The file or table that was looked at, as the caller names it."),
            ("check", _TEXT, False, "The check that found it."),
            ("code", _TEXT, False, "The rule that is broken."),
            ("severity", _TEXT, False, "note, warning or error."),
            *(
                (name, _NUMBER if name in ("offset", "line", "row") else _TEXT, True, about)
                for name, about in _ABOUT_PLACES.items()
            ),
            ("message", _TEXT, False, "What is wrong, in words."),
            ("seen", _TEXT, True, "What is there."),
            ("expected", _TEXT, True, "What should be."),
        )
    ]
)
"""The columns of a report's findings."""
METRICS = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False, metadata={"about": "What was looked at."}),
        pa.field("name", pa.string(), nullable=False, metadata={"about": "The figure's name."}),
        pa.field("of", pa.string(), nullable=False, metadata={"about": "What it is of, where there are several."}),
        pa.field("value", pa.float64(), nullable=False, metadata={"about": "The figure."}),
        pa.field(
            "unit", pa.string(), nullable=False, metadata={"about": "Its unit, in UCUM; 1 for a share or a count."}
        ),
    ]
)
"""The columns of a report's metrics."""

CHECKED = pa.schema(
    [
        pa.field(name, kind, nullable=nullable, metadata={"about": about})
        for name, kind, nullable, about in (
            ("path", pa.string(), False, "What was looked at."),
            ("format", pa.string(), True, "What it is, by its content."),
            ("packing", pa.string(), True, "What that is packed in, as gzip."),
            ("grade", pa.string(), True, "Whether the format itself would show damage: all, some or none of it."),
            ("size", pa.int64(), True, "Its bytes."),
            ("check", pa.string(), False, "The check that looked."),
            ("version", pa.string(), False, "The check's version."),
            ("cost", pa.string(), False, "How much it was asked to look at: header, sample or full."),
            ("complete", pa.bool_(), False, "Whether it looked at all of that."),
            ("seconds", pa.float64(), False, "How long it took."),
        )
    ]
)
"""The columns of a report's list of what was looked at."""
