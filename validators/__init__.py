"""Whether data is sound.

A *check* looks at one thing, a *finding* is one fact with a place and a severity, and a *report* holds every finding
rather than the first.  A check takes a path, a file object or a dataframe, and knows nothing of archives, commits or
schedulers::

    report = validate("reads.fastq.gz")
    report.ok, report.findings, report.metrics

Importing this costs next to nothing: what a name needs is loaded when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import Check, Cost, GroupCheck
    from .errors import (
        CheckRefused,
        InvalidChoice,
        LibraryMissing,
        SchemaUnreadable,
        SubjectNotFound,
        ValidatorError,
    )
    from .examining import Examination
    from .findings import Code, Finding, Place, Severity
    from .formats.format import Format, Grade
    from .formats.identify import named
    from .formats.known import FORMATS
    from .found import Found
    from .limits import Limits
    from .metrics import Metric, Threshold
    from .policy import Action, Policy
    from .registry import register
    from .report import Report
    from .streams.lines import Lines
    from .subjects import Subject
    from .validating import Looked, validate, validate_folder

_WHERE = {
    "check": ("Check", "Cost", "GroupCheck"),
    "errors": (
        "CheckRefused",
        "InvalidChoice",
        "LibraryMissing",
        "SchemaUnreadable",
        "SubjectNotFound",
        "ValidatorError",
    ),
    "findings": ("Code", "Finding", "Place", "Severity"),
    "formats.format": ("Format", "Grade"),
    "formats.identify": ("named",),
    "formats.known": ("FORMATS",),
    "found": ("Found",),
    "limits": ("Limits",),
    "metrics": ("Metric", "Threshold"),
    "policy": ("Action", "Policy"),
    "registry": ("register",),
    "report": ("Report",),
    "streams.lines": ("Lines",),
    "subjects": ("Subject",),
    "examining": ("Examination",),
    "validating": ("Looked", "validate", "validate_folder"),
}

__all__ = [
    "Action",
    "Check",
    "CheckRefused",
    "Code",
    "Cost",
    "Examination",
    "FORMATS",
    "Finding",
    "Format",
    "Found",
    "Grade",
    "GroupCheck",
    "InvalidChoice",
    "LibraryMissing",
    "Limits",
    "Lines",
    "Looked",
    "Metric",
    "Place",
    "Policy",
    "Report",
    "SchemaUnreadable",
    "Severity",
    "Subject",
    "SubjectNotFound",
    "Threshold",
    "ValidatorError",
    "named",
    "register",
    "validate",
    "validate_folder",
]


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            found = getattr(import_module(f".{module}", __name__), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
