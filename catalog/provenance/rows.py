"""Records of PROV as rows of tables, and back: everything that was said is there again.

Values of attributes are JSON: text is itself, a name is ``{"id": …}``, any other literal has its ``type`` and ``lang``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .hashing import content_of, key
from .model import ELEMENTS, PROV, TERMS, XSD, Literal, Name, Record
from .tables import PROV_ELEMENTS, PROV_RELATIONS
from .vocabulary import HOLOTYPE, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from .model import Value

__all__ = ["element_of", "element_rows", "relation_of", "relation_rows"]

_JSON = json.JSONEncoder(separators=(",", ":")).encode
_STRING = XSD + "string"
_TYPE, _LABEL, _ROLE = (PROV + word for word in ("type", "label", "role"))
_DATASET, _PATH, _SHA256 = (HOLOTYPE + word for word in ("dataset", "path", "sha256"))


def element_rows(said: Iterable[tuple[str | None, Record]], *, recorded: datetime, author: str) -> pa.Table:
    """The rows of ``prov_elements`` for entities, activities and agents; each with the bundle that says so."""
    return PROV_ELEMENTS.rows(
        [
            {
                "key": key(_named(record)),
                "term": record.term,
                "id": record.id,
                "type": _type(record),
                "label": _text(record, _LABEL),
                "dataset": _text(record, _DATASET),
                "path": _text(record, _PATH),
                "sha256": _digest(record),
                "began": _moment(record["startTime"]) if record.term == "activity" else None,
                "ended": _moment(record["endTime"]) if record.term == "activity" else None,
                "attributes": _attributes(record, times=record.term == "activity"),
                "bundle": bundle,
                "recorded": recorded,
                "author": author,
            }
            for bundle, record in said
        ]
    )


def relation_rows(said: Iterable[tuple[str | None, Record]], *, recorded: datetime, author: str) -> pa.Table:
    """The rows of ``prov_relations`` for relations; each with the bundle that says so."""
    return PROV_RELATIONS.rows([_relation(bundle, record, recorded, author) for bundle, record in said])


def _relation(bundle: str | None, record: Record, recorded: datetime, author: str) -> dict[str, Any]:
    term = TERMS[record.term]
    named = {
        argument.name: value.isoformat() if isinstance(value, datetime) else value
        for argument, value in zip(term.arguments, record.arguments, strict=True)
        if value is not None
    }
    time = next((value for value in record.arguments if isinstance(value, datetime)), None)
    first, second = record.arguments[0], record.arguments[1]
    return {
        "subject": key(str(first)),
        "object": key(second) if isinstance(second, str) else None,
        "term": record.term,
        "id": record.id,
        "time": _moment(time),
        "role": _text(record, _ROLE) if record.attributes else None,
        "arguments": _JSON(named),
        "attributes": _attributes(record),
        "bundle": bundle,
        "recorded": recorded,
        "author": author,
    }


def element_of(row: Mapping[str, Any]) -> Record:
    """The record that a row of ``prov_elements`` was made from."""
    attributes, times = _parsed(row["attributes"])
    return Record(row["term"], row["id"], times if row["term"] == "activity" else (), attributes)


def relation_of(row: Mapping[str, Any]) -> Record:
    """The record that a row of ``prov_relations`` was made from."""
    named = json.loads(row["arguments"])
    arguments = tuple(
        datetime.fromisoformat(named[argument.name])
        if argument.refers == "time" and argument.name in named
        else named.get(argument.name)
        for argument in TERMS[row["term"]].arguments
    )
    return Record(row["term"], row["id"], arguments, _parsed(row["attributes"])[0])


def _named(record: Record) -> str:
    if record.id is None or record.term not in ELEMENTS:
        raise ValueError(f"{record.term} has no identifier of an element")
    return record.id


def _moment(value: str | datetime | None) -> datetime | None:
    """A time as tables keep it; one without a zone is taken for UTC, and is kept as it was said beside it."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _type(record: Record) -> str | None:
    for value in record.values(_TYPE):
        found = value.uri if isinstance(value, Name) else value.text
        return found.removeprefix(HOLOTYPE).removeprefix(PROV)
    return None


def _text(record: Record, attribute: str) -> str | None:
    for name, value in record.attributes:
        if name == attribute:
            return value.uri if isinstance(value, Name) else value.text
    return None


def _digest(record: Record) -> bytes | None:
    found = content_of(record.id or "")
    for value in record.values(_SHA256):
        try:
            said = bytes.fromhex(str(plain_value(value)))
        except ValueError:
            continue
        return said if len(said) == 32 else found
    return found


def _attributes(record: Record, *, times: bool = False) -> str | None:
    """The attributes as JSON; of an activity also its times as they were said, which may be without a zone."""
    pairs: list[list[Any]] = [[name, _value(value)] for name, value in record.attributes]
    if times and any(record.arguments):
        pairs.append([None, [value.isoformat() if isinstance(value, datetime) else None for value in record.arguments]])
    return _JSON(pairs) if pairs else None


def _value(value: Value) -> Any:
    if isinstance(value, Name):
        return {"id": value.uri}
    if value.datatype == _STRING and value.language is None:
        return value.text
    return {"value": value.text, "type": value.datatype, **({"lang": value.language} if value.language else {})}


def _parsed(text: str | None) -> tuple[tuple[tuple[str, Value], ...], tuple[datetime | None, ...]]:
    pairs: Sequence[list[Any]] = json.loads(text) if text else []
    attributes = tuple((name, _said(value)) for name, value in pairs if name is not None)
    times: Sequence[str | None] = next((value for name, value in pairs if name is None), [])
    return attributes, tuple(datetime.fromisoformat(each) if each else None for each in times)


def _said(value: Any) -> Value:
    if isinstance(value, str):
        return Literal(value)
    if "id" in value:
        return Name(value["id"])
    return Literal(value["value"], value["type"], value.get("lang"))
