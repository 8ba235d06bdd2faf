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
    from .arrays.rules import ValueRules, array_checks
    from .check import Check, Cost, GroupCheck
    from .errors import (
        CheckRefused,
        InvalidChoice,
        LibraryMissing,
        SchemaUnreadable,
        SubjectNotFound,
        TableUnreadable,
        ValidatorError,
    )
    from .examining import Examination
    from .findings import Code, Finding, Place, Severity
    from .formats.format import Format, Grade
    from .formats.identify import named
    from .formats.known import FORMATS
    from .found import Found
    from .genomics.pairs import MatesCheck
    from .limits import Limits
    from .merging import merge_reports
    from .metrics import Metric, Threshold
    from .policy import Action, Policy
    from .registry import register
    from .report import Report
    from .streams.lines import Lines
    from .subjects import Subject
    from .tables.drift import DriftCheck, DriftLimits, drift
    from .tables.evolution import Evolution, SchemaChange, compare_schemas
    from .tables.exchanged import Exchanged
    from .tables.frictionless import from_frictionless, to_frictionless
    from .tables.inference import infer_schema
    from .tables.panderacheck import PanderaCheck
    from .tables.panderas import from_pandera, to_pandera
    from .tables.profiling import ColumnProfile, Profile, profile
    from .tables.rules import Comparison, Condition, Implication, Key, Reference, Rule, Sum
    from .tables.schema import Column, TableSchema
    from .tables.schemacheck import SchemaCheck
    from .tables.standardising import Standardised, standardise
    from .tables.units import convert_unit
    from .tables.vocabulary import Term, Vocabulary
    from .validating import Looked, validate, validate_folder

_WHERE = {
    "arrays.rules": ("ValueRules", "array_checks"),
    "check": ("Check", "Cost", "GroupCheck"),
    "errors": (
        "CheckRefused",
        "InvalidChoice",
        "LibraryMissing",
        "SchemaUnreadable",
        "SubjectNotFound",
        "TableUnreadable",
        "ValidatorError",
    ),
    "findings": ("Code", "Finding", "Place", "Severity"),
    "formats.format": ("Format", "Grade"),
    "formats.identify": ("named",),
    "formats.known": ("FORMATS",),
    "found": ("Found",),
    "genomics.pairs": ("MatesCheck",),
    "limits": ("Limits",),
    "merging": ("merge_reports",),
    "metrics": ("Metric", "Threshold"),
    "policy": ("Action", "Policy"),
    "registry": ("register",),
    "report": ("Report",),
    "streams.lines": ("Lines",),
    "subjects": ("Subject",),
    "examining": ("Examination",),
    "tables.rules": ("Comparison", "Condition", "Implication", "Key", "Reference", "Rule", "Sum"),
    "tables.schema": ("Column", "TableSchema"),
    "tables.schemacheck": ("SchemaCheck",),
    "tables.standardising": ("Standardised", "standardise"),
    "tables.units": ("convert_unit",),
    "tables.vocabulary": ("Term", "Vocabulary"),
    "tables.evolution": ("Evolution", "SchemaChange", "compare_schemas"),
    "tables.exchanged": ("Exchanged",),
    "tables.frictionless": ("from_frictionless", "to_frictionless"),
    "tables.inference": ("infer_schema",),
    "tables.panderas": ("from_pandera", "to_pandera"),
    "tables.drift": ("DriftCheck", "DriftLimits", "drift"),
    "tables.profiling": ("ColumnProfile", "Profile", "profile"),
    "tables.panderacheck": ("PanderaCheck",),
    "validating": ("Looked", "validate", "validate_folder"),
}

__all__ = [
    "Action",
    "Check",
    "CheckRefused",
    "Code",
    "Column",
    "ColumnProfile",
    "Comparison",
    "Condition",
    "Cost",
    "DriftCheck",
    "DriftLimits",
    "Evolution",
    "Examination",
    "Exchanged",
    "FORMATS",
    "Finding",
    "Format",
    "Found",
    "Grade",
    "GroupCheck",
    "Implication",
    "InvalidChoice",
    "Key",
    "LibraryMissing",
    "Limits",
    "Lines",
    "Looked",
    "MatesCheck",
    "Metric",
    "PanderaCheck",
    "Place",
    "Policy",
    "Profile",
    "Reference",
    "Report",
    "Rule",
    "SchemaChange",
    "SchemaCheck",
    "SchemaUnreadable",
    "Severity",
    "Standardised",
    "Subject",
    "SubjectNotFound",
    "Sum",
    "TableSchema",
    "TableUnreadable",
    "Term",
    "Threshold",
    "ValidatorError",
    "ValueRules",
    "Vocabulary",
    "array_checks",
    "compare_schemas",
    "convert_unit",
    "drift",
    "from_frictionless",
    "from_pandera",
    "infer_schema",
    "merge_reports",
    "named",
    "profile",
    "register",
    "standardise",
    "to_frictionless",
    "to_pandera",
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
