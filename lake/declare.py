"""Declare: what the tables in a dataset's files have to be, in versions.

::

    archive.declare_schema("study", schema, files="samples.csv", message="as agreed in May")

From then on every backup holds the files that the pattern chooses to it, one that is asked to look (``validation=``) as
any other, and ``write_table`` too: whoever declares a schema wants it held to.  A snapshot with a table that breaks it
is kept, and put into quarantine; ``validation=`` says what else is to be done, or ``schemas="none"``.  Reports name the
check ``table.schema:samples.csv`` and, as its version, that of the schema, such as ``2+9f8c21b``.

Nothing is overwritten.  A schema that is declared again is a new version, held against the one before; what that
accepted and the new one may not is refused with the columns it is about, unless the caller says that it may break.  A
version holds for the snapshots made from then on, and an older snapshot can always be held to the one of its time.
Whatever is declared travels with the dataset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from holotype.catalog import Conflict, DatasetNotFound, EntryNotFound, InvalidOption, SchemaRefused
from holotype.validators import (
    Evolution,
    Reference,
    SchemaChange,
    SchemaCheck,
    TableSchema,
    ValidatorError,
    Vocabulary,
    compare_schemas,
    from_frictionless,
    from_pandera,
)

from .records.references import check_name
from .records.snapshots import history, latest, next_number, resolve
from .storing.names import TABLE_NAME
from .tree.paths import Patterns
from .validation.declared import Declared, chains, declared, versions, written
from .validation.tables import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.catalog import Entry, State

    from .context import Context

__all__ = ["declare_schema", "withdraw_schema"]

_TICK = timedelta(microseconds=1)
_TRIES = 64  # so often others may make snapshots of the dataset, or declare something for it, in the same moment
_TOLD = 5  # columns that an error names


def declare_schema(
    context: Context,
    dataset: str,
    schema: Any,
    *,
    files: str | None = None,
    tables: Mapping[str, str] | None = None,
    vocabularies: Mapping[str, Vocabulary] | None = None,
    message: str = "",
    breaking: bool = False,
    ahead: bool = False,
) -> Declared:
    """Declare what the tables in some files of ``dataset`` have to be, and return the version that it is.

    ``schema``: a ``TableSchema``, a schema or a model of pandera, or a Frictionless Table Schema as a mapping; of the
    latter two nothing may be left out.  ``files``: a pattern of their paths; it may be left out where there is only one
    that something was declared for, or where the dataset is what ``write_table`` writes.  ``tables``: the paths in the
    dataset of the tables that the schema's references lead to, by their names.  ``vocabularies``: those that its
    columns name; they are kept with it.  ``breaking``: whether it may refuse what the version before accepts.
    ``ahead``: whether the dataset may have no snapshot yet.

    What is declared already, word for word, is no new version.  A version that follows none, or one that was withdrawn,
    breaks nothing.

    Raises ``SchemaRefused`` for what would break, ``InvalidName``, ``InvalidOption`` for what is no schema,
    ``DatasetNotFound``, ``FormatTooNew`` when the version before cannot be read, ``Conflict`` when it may break and
    another version was declared meanwhile, ``ArchiveReadOnly``, or what the store raises.
    """
    check_name(dataset)
    context.catalog.check_writable()
    wanted, tables, vocabularies = _schema(schema), dict(tables or {}), dict(vocabularies or {})
    _check(wanted, tables, vocabularies)
    told = {
        "schema": wanted.to_json(),
        "digest": wanted.digest,
        "tables": json.dumps(tables, sort_keys=True, ensure_ascii=False),
        "vocabularies": written(vocabularies),
    }
    for _ in range(_TRIES):
        state = context.catalog.refresh()
        _refuse_unknown(context, dataset, state, ahead=ahead)
        pattern = _pattern(context, dataset, files, state)
        before = chains(versions(context, dataset, state=state)).get((dataset, pattern), [])
        last = _last(context, before, state)
        if last is not None and _same(last, before[-1], told):
            return last
        evolution = _evolution(last, wanted, tables, vocabularies)
        if not evolution.compatible and not breaking:
            raise _refusal(dataset, pattern, before[-1]["version"], evolution)
        verdict = "first" if last is None else "compatible" if evolution.compatible else "breaking"
        changes = json.dumps([vars(change) for change in evolution.changes], ensure_ascii=False)
        row = {"files": pattern, "verdict": verdict, "changes": changes, "message": message, **told}
        made = _commit(context, dataset, before, row, state, operation="declare", again=verdict != "breaking")
        if made is not None:
            return declared(context, made, state=context.catalog.state)
    raise Conflict(f"{_TRIES} other commits came before what was to be declared of {dataset}: try again")


def withdraw_schema(context: Context, dataset: str, *, files: str | None = None, reason: str) -> Declared:
    """Let nothing hold any more for the files of ``dataset`` that the pattern ``files`` chooses, in snapshots to come,
    and return the version that did.

    That it does not hold any more is a version, too.  Raises ``InvalidOption`` without a reason, ``EntryNotFound`` when
    nothing was declared, or what ``declare_schema`` raises.
    """
    if not reason.strip():
        raise InvalidOption("say why: whoever meets it later has to know", option="reason")
    check_name(dataset)
    context.catalog.check_writable()
    for _ in range(_TRIES):
        state = context.catalog.refresh()
        known = chains(versions(context, dataset, state=state))
        pattern = files if files is not None else _only([pattern for _, pattern in known], dataset)
        before = known.get((dataset, pattern), [])
        if not before:
            raise EntryNotFound(f"nothing is declared for {pattern} of {dataset}", dataset=dataset, files=pattern)
        held = declared(context, next(row for row in reversed(before) if row["schema"] is not None), state=state)
        if before[-1]["schema"] is None:
            return held
        row = {
            "files": pattern,
            "verdict": "withdrawn",
            "changes": "[]",
            "message": reason,
            "tables": "{}",
            "vocabularies": "{}",
        }
        if _commit(context, dataset, before, row, state, operation="withdraw", again=False) is not None:
            return held
    raise Conflict(f"{_TRIES} other commits came before what was to be withdrawn of {dataset}: try again")


def _schema(given: Any) -> TableSchema:
    """What was given as a schema, whole."""
    try:
        if isinstance(given, TableSchema):
            return TableSchema.from_json(given.to_json())  # what cannot be kept is said before anything is
        told = from_frictionless(given) if isinstance(given, Mapping) else from_pandera(given)
    except (ValidatorError, TypeError) as error:
        raise InvalidOption(f"it is no schema that can be kept: {error}", option="schema") from error
    if told.left_out:
        raise InvalidOption(
            f"of this schema could not be held to: {'; '.join(told.left_out)}; to declare the rest of it, give the"
            " value of from_pandera or from_frictionless",
            option="schema",
            left_out=told.left_out,
        )
    return told.value


def _check(schema: TableSchema, tables: Mapping[str, str], vocabularies: Mapping[str, Vocabulary]) -> None:
    referred = {rule.table for rule in schema.rules if isinstance(rule, Reference)}
    named = {column.vocabulary for column in schema.columns}
    for option, given, used in (("tables", tables, referred), ("vocabularies", vocabularies, named)):
        if strange := sorted(given.keys() - used):
            raise InvalidOption(f"the schema {schema.name} speaks of no {', '.join(strange)}", option=option)
    for name, path in tables.items():
        if not path or path.startswith("/") or "\\" in path or {"", ".", ".."} & set(path.split("/")):
            raise InvalidOption(f"{path!r} is no path in a dataset, where {name} could be", option="tables")
    for name, each in vocabularies.items():
        if not isinstance(each, Vocabulary):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidOption(f"{name} is a {type(each).__name__}, and no Vocabulary", option="vocabularies")
    try:
        SchemaCheck(schema, tables=tables, vocabularies=vocabularies)
    except ValidatorError as error:
        raise InvalidOption(str(error), option="schema") from error


def _refuse_unknown(context: Context, dataset: str, state: State, *, ahead: bool) -> None:
    if ahead or dataset in history(context, state=state)["dataset"].to_pylist():
        return
    try:
        resolve(context, dataset, state=state)
    except DatasetNotFound as error:
        raise DatasetNotFound(
            f"{error.message}; say ahead=True to declare something before its first snapshot", **error.about
        ) from None


def _pattern(context: Context, dataset: str, files: str | None, state: State) -> str:
    """The pattern of the files that are meant."""
    if files is not None:
        return Patterns((files,)).patterns[0]
    known = [pattern for _, pattern in chains(versions(context, dataset, state=state))]
    if not known:
        newest = latest(context, dataset, state=state)
        if newest is None or newest.kind != "table":
            raise InvalidOption(f"say which files of {dataset} it is for, as in files='samples.csv'", option="files")
        return TABLE_NAME
    return _only(known, dataset)


def _only(patterns: Sequence[str], dataset: str) -> str:
    if not patterns:
        raise EntryNotFound(f"nothing is declared for {dataset}", dataset=dataset)
    if len(patterns) > 1:
        raise InvalidOption(f"say for which files of {dataset}: {', '.join(patterns)}", option="files")
    return patterns[0]


def _last(context: Context, before: Sequence[Mapping[str, Any]], state: State) -> Declared | None:
    """The version that holds, if one does."""
    if not before or before[-1]["schema"] is None:
        return None
    return declared(context, before[-1], state=state)


def _same(last: Declared, row: Mapping[str, Any], told: Mapping[str, str]) -> bool:
    kept = {**row, "vocabularies": written(last.vocabularies)}
    return all(kept[name] == value for name, value in told.items())


def _evolution(
    before: Declared | None,
    schema: TableSchema,
    tables: Mapping[str, str],
    vocabularies: Mapping[str, Vocabulary],
) -> Evolution:
    """What became of the version before, if one holds."""
    if before is None:
        return Evolution(())
    changes = list(compare_schemas(before.schema, schema).changes)
    for name in sorted(tables.keys() & before.tables.keys()):
        if tables[name] != before.tables[name]:
            what = f"table {name}: {before.tables[name]} → {tables[name]}"
            changes.append(SchemaChange("", what, breaking=True, reason="other rows may be in it"))
    for column in schema.columns:
        older = before.schema.by_name.get(column.name)
        if column.vocabulary is None or older is None or older.vocabulary != column.vocabulary:
            continue
        mine, theirs = (each[column.vocabulary].terms for each in (vocabularies, before.vocabularies))
        if mine != theirs:
            kept = all(mine.get(term) == theirs[term] for term in theirs)
            reason = "all terms that were there are as they were" if kept else "terms are gone, or are others"
            changes.append(SchemaChange(column.name, f"vocabulary {column.vocabulary}", not kept, reason))
    return Evolution(tuple(changes))


def _refusal(dataset: str, pattern: str, version: int, evolution: Evolution) -> SchemaRefused:
    broken = [change for change in evolution.changes if change.breaking]
    told = [f"{change.column or 'the table'}: {change.what} ({change.reason})" for change in broken[:_TOLD]]
    more = f" and {len(broken) - _TOLD} more" if len(broken) > _TOLD else ""
    return SchemaRefused(
        f"tables that keep version {version} of what {pattern} of {dataset} has to be may break this one:"
        f" {'; '.join(told)}{more}; say breaking=True to declare it all the same",
        dataset=dataset,
        files=pattern,
        version=version,
        changes=evolution.changes,
        columns=tuple(dict.fromkeys(change.column for change in broken)),
    )


def _commit(
    context: Context,
    dataset: str,
    before: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    state: State,
    *,
    operation: str,
    again: bool,
) -> dict[str, Any] | None:
    """Make it visible; ``None`` when others were faster, and it has to be looked at again.

    ``again``: whether that may be done unasked when they declared something for the same files; else ``Conflict``.
    """
    number, now = next_number(context, dataset, state=state), context.clock()
    known = {each["declaration"] for each in before}
    made: dict[str, Any] = {
        "declaration": context.entropy(16).hex(),
        "dataset": dataset,
        "version": before[-1]["version"] + 1 if before else 1,
        "since": number,
        # Clocks of machines differ, and the last one is what holds.
        "time": max(now, before[-1]["time"] + _TICK) if before else now,
        "author": context.author,
        "schema": None,
        "digest": None,
        **row,
    }

    def check(since: Sequence[Entry], present: State) -> None:
        del since  # the tables say the same
        chain = chains(versions(context, dataset, state=present)).get((dataset, row["files"]), [])
        if {each["declaration"] for each in chain} != known:
            by = chain[-1]["author"] if chain else "somebody"
            raise Conflict(
                f"{by} declared something else for {row['files']} of {dataset} meanwhile: look at archive.schemas, and"
                " decide again",
                declared=True,
            )
        if next_number(context, dataset, state=present) != number:
            raise Conflict(f"{dataset}@{number} was made meanwhile", taken=number)

    segment = context.catalog.write("schemas", SCHEMAS.rows([made]))
    try:
        context.catalog.commit(
            add=[segment],
            view=state,
            operation=operation,
            message=made["message"],
            author=context.author,
            check=check,
        )
    except Conflict as error:
        if "taken" in error.about or ("declared" in error.about and again):
            return None
        raise
    return made
