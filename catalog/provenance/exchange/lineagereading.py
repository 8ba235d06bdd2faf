"""Reading the events of OpenLineage; see ``lineage`` for what they look like.

Runs, jobs and datasets are named as OpenLineage names them, so that what several programs say of one dataset meets::

    urn:uuid:0176a8c2-…                                             a run
    urn:holotype:openlineage:job:scheduler:daily.orders             a job, as a plan
    urn:holotype:openlineage:dataset:s3%3A%2F%2Fbucket:orders@7     a version of a dataset
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import DocumentUnreadable
from ..model import PROV, XSD, Document, Literal, Name, Record
from ..vocabulary import HOLOTYPE
from .provjson import read_json
from .provo import RDF
from .reading import LARGEST, Number, Reading, is_text, json_literal, load, parse_json
from .times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from os import PathLike

    from ..model import Value

    _Json = dict[str, Any]

__all__ = ["FACET", "OURS", "read_openlineage"]

# The facet with all that was said, and the namespace of our own identifiers among a dataset's symlinks.
FACET = "holotype_prov"
OURS = "holotype"
_NAMED = "urn:holotype:openlineage:"
_OUTCOMES = {"COMPLETE": "completed", "FAIL": "failed", "ABORT": "aborted"}
_TYPES = ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER")
_PLAN = (PROV + "type", Name(PROV + "Plan"))


def read_openlineage(source: str | PathLike[str] | bytes, *, largest: int = LARGEST) -> Document:
    """The provenance in events: a file, or ``bytes``, with one a line, one alone, or a list of them.

    Of a run that ``write_openlineage`` told, it is what was said then.  Raises ``SourceNotFound`` and
    ``DocumentUnreadable``, with the line, for what is no event.
    """
    data, name = load(source, largest=largest)
    reading = Reading(data, name)
    reader = _Reader(reading)
    said: list[Document] = []
    for where, event in _events(data, name):
        if not isinstance(event, dict):
            raise reading.refuse(f"{where} is no event: it is not an object of JSON")
        whole = _attached(event)
        if whole is not None:
            said.append(read_json(json.dumps(whole).encode(), f"{name}, {where}"))
        reader.add(event, where, told=whole is not None)
    records = [*dict.fromkeys(reader.records())]
    for document in said:
        records += document.records
    bundles = tuple(bundle for document in said for bundle in document.bundles)
    prefixes = {prefix: space for document in said for prefix, space in document.prefixes.items()}
    notes = (*reading.notes, *(note for document in said for note in document.notes))
    return Document(tuple(records), bundles, prefixes, notes)


def _events(data: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """The events, with where each stands."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    # Lines of JSON are no JSON together, which the first of several shows.
    if len(lines) > 1 and _is_event(lines[0][1]):
        for number, line in lines:
            yield f"line {number}", parse_json(line, f"{name}, line {number}")
    elif lines:
        whole = parse_json(data, name)
        for place, event in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield f"event {place}", event


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(parse_json(line, ""), dict)
    except DocumentUnreadable:
        return False


def _attached(event: _Json) -> _Json | None:
    """What ``write_openlineage`` said with an event."""
    for holder in (event.get("run"), event.get("dataset")):
        facets = holder.get("facets") if isinstance(holder, dict) else None
        facet = facets.get(FACET) if isinstance(facets, dict) else None
        if isinstance(facet, dict) and isinstance(facet.get("document"), dict):
            whole: _Json = facet["document"]
            return whole
    return None


class _Reader:
    """Collects what events say of runs, and makes the records."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._runs: dict[str, _Run] = {}
        self._told: set[str] = set()
        # What stands alone: datasets, and jobs that did not run.
        self._alone: list[Record] = []
        self._datasets_told = False

    def add(self, event: _Json, where: str, *, told: bool) -> None:
        time, whole = parse_time(self._text(event, "eventTime", where))
        if time is None:
            raise self._reading.refuse(f"{where}: eventTime is no time: {event['eventTime']!r:.60}")
        if not whole:
            self._reading.note(f"{where}: the time was cut to microseconds")
        if "run" in event:
            run = self._object(event, "run", where)
            said = self._text(run, "runId", where)
            try:
                id = str(uuid.UUID(said))
            except ValueError as error:
                raise self._reading.refuse(f"{where}: runId is no UUID: {said!r:.60}") from error
            if told:
                self._told.add(id)
            self._runs.setdefault(id, _Run(id)).add(event, time, self._kind(event, where))
            self._object(event, "job", where)
        elif "dataset" in event:
            self._datasets_told = self._datasets_told or told
            self._alone += self._dataset(self._object(event, "dataset", where), where)[1]
        elif "job" in event:
            self._alone += self._job(self._object(event, "job", where), where)[1]
        else:
            raise self._reading.refuse(f"{where} is no event: it speaks of no run, no job and no dataset")

    def _kind(self, event: _Json, where: str) -> str:
        kind = event.get("eventType", "OTHER")
        if kind not in _TYPES:
            self._reading.note(f"{where}: {kind!r:.40} is no type of event, and was taken for OTHER")
            return "OTHER"
        return str(kind)

    def _text(self, holder: _Json, key: str, where: str) -> str:
        value = holder.get(key)
        if not is_text(value):
            raise self._reading.refuse(f"{where} is no event: it has no text {key}")
        return value

    def _object(self, holder: _Json, key: str, where: str) -> _Json:
        value = holder.get(key)
        if not isinstance(value, dict):
            raise self._reading.refuse(f"{where} is no event: its {key} is not an object of JSON")
        return value

    def records(self) -> Iterator[Record]:
        if not self._datasets_told:
            yield from self._alone
        for id, run in self._runs.items():
            if id not in self._told:
                yield from self._of_run(run)

    def _of_run(self, run: _Run) -> Iterator[Record]:
        where = f"run {run.id}"
        mine = f"urn:uuid:{run.id}"
        attributes: list[tuple[str, Value]] = []
        if run.outcome is not None:
            attributes.append((HOLOTYPE + "outcome", Literal(run.outcome)))
        facets = run.facets
        error = facets.pop("errorMessage", None)
        if isinstance(error, dict) and is_text(error.get("message")):
            attributes.append((HOLOTYPE + "error", Literal(error["message"])))
        parent = facets.pop("parent", None)
        attributes += self._facets(facets)
        job, described = self._job(run.job, where)
        attributes.append((HOLOTYPE + "name", Literal(self._text(run.job, "name", where))))
        yield Record("activity", mine, (run.began, run.ended), tuple(attributes))
        yield from described
        yield Record("wasAssociatedWith", None, (mine, None, job))
        for owner in self._owners(run.job):
            yield Record("wasAssociatedWith", None, (mine, owner))
        yield from self._parent(mine, parent, where)
        for dataset in run.inputs:
            entity, described = self._dataset(dataset, where)
            yield from described
            yield Record("used", None, (mine, entity))
        for dataset in run.outputs:
            entity, described = self._dataset(dataset, where)
            yield from described
            yield Record("wasGeneratedBy", None, (entity, mine))

    def _parent(self, mine: str, parent: Any, where: str) -> Iterator[Record]:
        run = parent.get("run") if isinstance(parent, dict) else None
        id = run.get("runId") if isinstance(run, dict) else None
        if is_text(id):
            try:
                yield Record("wasStartedBy", None, (mine, None, f"urn:uuid:{uuid.UUID(id)}"))
            except ValueError:
                self._reading.note(f"{where}: the run of its parent is no UUID, and was left out")

    def _job(self, job: _Json, where: str) -> tuple[str, list[Record]]:
        """A job as a plan: its identifier, and what is said of it."""
        namespace, name = self._text(job, "namespace", where), self._text(job, "name", where)
        id = f"{_NAMED}job:{quote(namespace, safe='')}:{quote(name, safe='')}"
        attributes: list[tuple[str, Value]] = [_PLAN, (PROV + "label", Literal(name))]
        facets = dict(job["facets"]) if isinstance(job.get("facets"), dict) else {}
        code = facets.pop("sourceCode", None)
        if isinstance(code, dict) and is_text(code.get("sourceCode")):
            attributes.append((PROV + "value", Literal(code["sourceCode"])))
        facets.pop("ownership", None)
        attributes += self._facets(facets)
        people = [Record("agent", owner) for owner in self._owners(job)]
        return id, [Record("entity", id, (), tuple(attributes)), *people]

    def _dataset(self, dataset: Any, where: str) -> tuple[str, list[Record]]:
        """A dataset, or a version of it, as an entity: its identifier, and what is said of it."""
        if not isinstance(dataset, dict):
            raise self._reading.refuse(f"{where} is no event: a dataset is not an object of JSON")
        namespace, name = self._text(dataset, "namespace", where), self._text(dataset, "name", where)
        facets = dict(dataset["facets"]) if isinstance(dataset.get("facets"), dict) else {}
        whole = f"{_NAMED}dataset:{quote(namespace, safe='')}:{quote(name, safe='')}"
        version = facets.get("version")
        said = version.get("datasetVersion") if isinstance(version, dict) else None
        id = f"{whole}@{quote(said, safe='')}" if is_text(said) else whole
        for other in _identifiers(facets.get("symlinks")):
            id = other
        attributes: list[tuple[str, Value]] = [(PROV + "label", Literal(name))]
        owners = list(self._owners(dataset))
        facets.pop("ownership", None)
        for more in ("inputFacets", "outputFacets"):
            if isinstance(dataset.get(more), dict):
                facets |= dataset[more]
        attributes += self._facets(facets)
        records = [Record("entity", id, (), tuple(attributes))]
        if id != whole:
            records += [Record("entity", whole), Record("specializationOf", None, (id, whole))]
        for owner in owners:
            records += [Record("agent", owner), Record("wasAttributedTo", None, (id, owner))]
        return id, records

    def _owners(self, holder: _Json) -> Iterator[str]:
        facets = holder.get("facets")
        ownership = facets.get("ownership") if isinstance(facets, dict) else None
        owners = ownership.get("owners") if isinstance(ownership, dict) else None
        for owner in owners if isinstance(owners, list) else []:
            if isinstance(owner, dict) and is_text(owner.get("name")):
                yield f"{_NAMED}owner:{quote(owner['name'], safe='')}"

    def _facets(self, facets: _Json) -> Iterator[tuple[str, Value]]:
        """Facets as attributes: what is plain in them one by one, and the rest as JSON."""
        for name, facet in facets.items():
            if name == FACET:
                continue
            if not isinstance(facet, dict):
                yield f"{_NAMED}facet:{quote(name)}", json_literal(facet, RDF + "JSON")
                continue
            for key, value in facet.items():
                if key not in ("_producer", "_schemaURL", "_deleted"):
                    yield f"{_NAMED}facet:{quote(name)}:{quote(key)}", _value(value)


class _Run:
    """What events said of a run so far."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.outcome: str | None = None
        self.job: _Json = {}
        self.facets: _Json = {}
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def add(self, event: _Json, time: datetime, kind: str) -> None:
        if kind == "START":
            self.began = time
        elif kind in _OUTCOMES:
            self.ended, self.outcome = time, _OUTCOMES[kind]
        # Later events say the same again, and more.
        job = event.get("job")
        if isinstance(job, dict):
            self.job = {**self.job, **job, "facets": {**_facets_of(self.job), **_facets_of(job)}}
        self.facets |= _facets_of(event["run"])
        for mine, key in ((self.inputs, "inputs"), (self.outputs, "outputs")):
            more = event.get(key)
            mine += more if isinstance(more, list) else []


def _facets_of(holder: _Json) -> _Json:
    facets = holder.get("facets")
    return facets if isinstance(facets, dict) else {}


def _identifiers(symlinks: Any) -> Iterator[str]:
    """Our own identifiers among the other names of a dataset."""
    found = symlinks.get("identifiers") if isinstance(symlinks, dict) else None
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and each.get("namespace") == OURS and is_text(each.get("name")):
            yield each["name"]


def _value(value: Any) -> Value:
    match value:
        case Number():
            return Literal(value, XSD + ("integer" if value.removeprefix("-").isdecimal() else "double"))
        case str():
            return Literal(value)
        case bool():
            return Literal("true" if value else "false", XSD + "boolean")
    return json_literal(value, RDF + "JSON")
