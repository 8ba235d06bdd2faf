"""What WfFormat asks of a trace, as JSON Schema, written after its documentation, versions 1.5 and 1.6."""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMA"]

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
# What every version of it allows in identifiers.
_ID: dict[str, Any] = {"type": "string", "pattern": r"^[0-9a-zA-Z_.-]+$"}
_IDS: dict[str, Any] = {"type": "array", "items": _ID}
_AMOUNT: dict[str, Any] = {"type": "number", "minimum": 0}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}


def _object(needed: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": needed.split(), "properties": properties}


def _some(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": of}


_TASK = _object(
    "name id parents children", name=_TEXT, id=_ID, parents=_IDS, children=_IDS, inputFiles=_IDS, outputFiles=_IDS
)
_DONE = _object(
    "id runtimeInSeconds",
    id=_ID,
    runtimeInSeconds=_AMOUNT,
    executedAt=_TIME,
    command=_object("", program=_TEXT, arguments={"type": "array", "items": _TEXT}),
    coreCount={"type": "number", "minimum": 1},
    avgCPU=_AMOUNT,
    readBytes=_AMOUNT,
    writtenBytes=_AMOUNT,
    memoryInBytes=_AMOUNT,
    machines={"type": "array", "items": _TEXT},
)
_FILE = _object("id sizeInBytes", id=_ID, sizeInBytes={"type": "integer", "minimum": 0})
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        "name schemaVersion workflow",
        name=_TEXT,
        description=_TEXT,
        createdAt=_TIME,
        schemaVersion={"enum": ["1.5", "1.6"]},
        runtimeSystem=_object("name version", name=_TEXT, version=_TEXT),
        author=_object("name email", name=_TEXT, email=_TEXT, institution=_TEXT, country=_TEXT),
        workflow=_object(
            "specification",
            specification=_object("tasks", tasks=_some(_TASK), files={"type": "array", "items": _FILE}),
            execution=_object(
                "makespanInSeconds executedAt tasks",
                makespanInSeconds=_AMOUNT,
                executedAt=_TIME,
                tasks=_some(_DONE),
                machines=_some(_object("nodeName", nodeName=_TEXT)),
            ),
        ),
    ),
}
