"""The rules of tables, as reports name them."""

from __future__ import annotations

from ..findings import Code, Severity

__all__ = [
    "COLUMN_DUPLICATE",
    "COLUMN_EXTRA",
    "COLUMN_MISSING",
    "COLUMN_ORDER",
    "COMPARISON",
    "CONDITION",
    "FORMAT",
    "KEY",
    "LENGTH",
    "NULL",
    "ORDER",
    "PATTERN",
    "RANGE",
    "REFERENCE",
    "ROWS",
    "SCHEMA_CODES",
    "SUM",
    "TERM_ABOVE",
    "TERM_OBSOLETE",
    "TERM_SYNONYM",
    "TERM_UNKNOWN",
    "TYPE",
    "UNIQUE",
    "UNIT",
    "UNIT_OTHER",
    "UNREADABLE",
    "VALUE",
]

FORMAT = Code("table.format", Severity.ERROR, "What is held against a schema of a table is a table.")
UNREADABLE = Code("table.unreadable", Severity.ERROR, "A table can be read to its end.")
COLUMN_MISSING = Code("table.column.missing", Severity.ERROR, "Every column that the schema requires is there.")
COLUMN_EXTRA = Code("table.column.extra", Severity.ERROR, "There are no columns but those that the schema declares.")
COLUMN_DUPLICATE = Code("table.column.duplicate", Severity.ERROR, "No two columns have the same name.")
COLUMN_ORDER = Code("table.column.order", Severity.ERROR, "The columns stand in the order that the schema declares.")
TYPE = Code("table.type", Severity.ERROR, "A value is of its column's type.")
NULL = Code("table.null", Severity.ERROR, "A column that must be complete misses no value.")
UNIQUE = Code("table.unique", Severity.ERROR, "No value stands twice in a column whose values are unique.")
RANGE = Code("table.range", Severity.ERROR, "A value is in its column's range, in its column's unit.")
PATTERN = Code("table.pattern", Severity.ERROR, "The whole of a text matches its column's pattern.")
VALUE = Code("table.value", Severity.ERROR, "A value is one of those that its column allows.")
LENGTH = Code("table.length", Severity.ERROR, "A text is as long as its column allows.")
ORDER = Code("table.order", Severity.ERROR, "The values of an ordered column go only one way, as time does.")
UNIT = Code("table.unit", Severity.ERROR, "The unit that a table gives measures what the schema's does.", "UCUM 2.2")
UNIT_OTHER = Code("table.unit.other", Severity.NOTE, "A table gives its values in the schema's unit.", "UCUM 2.2")
KEY = Code("table.key", Severity.ERROR, "No two rows have the same key.")
REFERENCE = Code("table.reference", Severity.ERROR, "What a row refers to is there.")
COMPARISON = Code("table.comparison", Severity.ERROR, "Two columns of a row stand in the declared relation.")
SUM = Code("table.sum", Severity.ERROR, "Columns of a row add up to what is declared.")
CONDITION = Code("table.condition", Severity.ERROR, "A row for which a condition holds keeps what follows from it.")
ROWS = Code("table.rows", Severity.ERROR, "A table has as many rows as the schema allows.")
TERM_UNKNOWN = Code("table.term.unknown", Severity.ERROR, "A value is a term of its column's vocabulary.")
TERM_SYNONYM = Code("table.term.synonym", Severity.WARNING, "A term is written by its identifier or name as declared.")
TERM_OBSOLETE = Code("table.term.obsolete", Severity.WARNING, "A term is not obsolete.")
TERM_ABOVE = Code("table.term.above", Severity.ERROR, "A term is below the one that its column declares.")

SCHEMA_CODES = (
    FORMAT, UNREADABLE, COLUMN_MISSING, COLUMN_EXTRA, COLUMN_DUPLICATE, COLUMN_ORDER, TYPE, NULL, UNIQUE, RANGE,
    PATTERN, VALUE, LENGTH, ORDER, UNIT, UNIT_OTHER, KEY, REFERENCE, COMPARISON, SUM, CONDITION, ROWS, TERM_UNKNOWN,
    TERM_SYNONYM, TERM_OBSOLETE, TERM_ABOVE,
)  # fmt: skip
"""All that holding a table against a schema may find."""
