"""pandera run by itself, for schemas with checks that nothing but pandera has, as functions of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..check import Check, Cost
from ..errors import TableUnreadable
from ..findings import Code, Severity
from .panderas import from_pandera, schema_object
from .parsing import parsed, without_missing
from .sources import open_table

if TYPE_CHECKING:
    import polars as pl

    from ..found import Found
    from ..subjects import Subject

__all__ = ["PanderaCheck"]

BROKEN = Code("table.pandera", Severity.ERROR, "A table keeps the schema of pandera that it is held against.")
UNREADABLE = Code("table.pandera.unreadable", Severity.ERROR, "What is held against a schema of pandera is a table.")
LARGE = Code("table.pandera.large", Severity.WARNING, "A table that pandera looks at fits in memory; no more is read.")


class PanderaCheck(Check):
    """Holds a table against a schema or a model of pandera, of polars or pandas, by pandera itself.

    pandera looks at whole tables: of a file no more is read than the limits allow to be held.  ``from_pandera`` and
    ``SchemaCheck`` look at files of any size, and are quicker.
    """

    name, version = "table.pandera", "1"
    tables: ClassVar[bool] = True
    formats: ClassVar[frozenset[str]] = frozenset({"csv", "tsv", "parquet", "arrow", "arrows"})
    codes: ClassVar[tuple[Code, ...]] = (BROKEN, UNREADABLE, LARGE)
    cost: ClassVar[Cost] = Cost.SAMPLE

    def __init__(self, schema: Any) -> None:
        self._schema = schema_object(schema)
        self._kinds = {column.name: column.type for column in from_pandera(self._schema).value.columns}

    def look(self, subject: Subject, found: Found) -> None:
        """Let pandera look, and tell all that it finds."""
        import pandera.errors

        try:
            frame = self._frame(subject, found)
        except TableUnreadable as error:
            found.add(UNREADABLE, str(error))
            return
        try:
            self._schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            self._tell(errors.failure_cases, found)
        except pandera.errors.SchemaError as error:
            found.add(BROKEN, str(error).splitlines()[0])

    def _frame(self, subject: Subject, found: Found) -> Any:
        import polars as pl

        wants_pandas = ".pandas." in type(self._schema).__module__
        if subject.table is not None and wants_pandas and hasattr(subject.table, "iloc"):
            return subject.table
        source = open_table(subject, found)
        parts: list[pl.DataFrame] = []
        size = 0
        for piece in source.pieces(tuple(dict.fromkeys(source.names))):
            part = self._parsed(piece.frame) if source.text else piece.frame
            parts.append(part)
            size += int(part.estimated_size())
            if size > subject.limits.memory and subject.table is None:
                found.add(LARGE, f"more than {size:,} bytes are not held at once", row=piece.after)
                found.partly()
                break
        frame = pl.concat(parts) if parts else pl.DataFrame({name: [] for name in source.names})
        return frame.to_pandas() if wants_pandas else frame

    def _parsed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Text as the types that pandera wants, left as it is where it cannot be read so: pandera then tells of it."""
        columns: list[pl.Series] = []
        for values in frame:
            plain = without_missing(values, ("",))
            taken = parsed(plain, self._kinds.get(values.name, "any"))
            columns.append(plain if taken.null_count() > plain.null_count() else taken)
        return frame.with_columns(columns)

    def _tell(self, cases: Any, found: Found) -> None:
        room = found.room(BROKEN)
        first = cases.head(room)
        rows: list[dict[str, Any]] = first.to_dicts() if hasattr(first, "to_dicts") else first.to_dict("records")
        for row in rows:
            index = row.get("index")
            column = row.get("column")
            found.add(
                BROKEN,
                f"it breaks {row.get('check')}",
                row=int(index) if isinstance(index, int) else None,
                column=None if column is None else str(column),
                seen=row.get("failure_case"),
                expected=row.get("check"),
            )
        found.count(BROKEN, len(cases) - len(rows))
