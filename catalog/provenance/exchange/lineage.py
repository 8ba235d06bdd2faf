"""OpenLineage: provenance as the events of runs, a line of JSON each.

Written as plain JSON: the client of OpenLineage is made to send events as they happen, and brings a dozen packages.

==================================  ========================================================================
PROV                                OpenLineage
==================================  ========================================================================
an activity                         a run: an event when it started, and one when it completed or failed
the plan, or its name               the job, with ``sourceCode`` where the plan is a command
what it used, what it generated     ``inputs`` and ``outputs``, with ``version``, ``symlinks`` and statistics
parameters, environment             ``executionParameters``, ``environmentVariables``
a person, a program                 ``ownership``, ``processing_engine``
the activity that started it        ``parent``
==================================  ========================================================================

All of what was said, as PROV-JSON, is in the facet ``holotype_prov`` of a run's last event: what speaks of that run
there, and the rest in the last of all.

Source: OpenLineage 2-0-2.
"""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..hashing import content_of
from ..model import ELEMENTS, PROV, TERMS, Bundle, Document, Name
from ..vocabulary import HOLOTYPE, file_version
from .elements import Things
from .lineagereading import FACET, OURS, read_openlineage
from .provjson import write_json
from .results import Written, losses
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model import Record
    from .elements import Thing

__all__ = ["openlineage_events", "write_openlineage"]

_SPEC = "https://openlineage.io/spec/"
_CORE = _SPEC + "2-0-2/OpenLineage.json#/$defs/"
# The version of each facet's schema, and its name there.
_FACETS = {
    "nominalTime": ("1-0-1", "NominalTimeRunFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "parent": ("1-0-1", "ParentRunFacet"),
    "executionParameters": ("1-0-0", "ExecutionParametersRunFacet"),
    "environmentVariables": ("1-0-0", "EnvironmentVariablesRunFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "sourceCode": ("1-0-1", "SourceCodeJobFacet"),
    "documentation": ("1-0-1", "DocumentationJobFacet"),
    "ownership": ("1-0-1", "OwnershipJobFacet"),
    "ownership of a dataset": ("1-0-1", "OwnershipDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
    "symlinks": ("1-0-1", "SymlinksDatasetFacet"),
    "inputStatistics": ("1-0-0", "InputStatisticsInputDatasetFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
}
_PARAMETER = HOLOTYPE + "parameter:"
_UUID = re.compile(r"urn:(?:holotype:activity|uuid):([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def write_openlineage(document: Document, *, producer: str, namespace: str, told: datetime | None = None) -> Written:
    """The document as events, a line of JSON each, and what of it they could not hold.

    ``producer``: the address of the program that speaks.  ``namespace``: of jobs and of files.  ``told``: when it is
    told, which is the time of what has none; now by default.
    """
    events = openlineage_events(document, producer=producer, namespace=namespace, told=told)
    text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    return Written(text, losses(document, read_openlineage(text.encode("utf-8", "replace"))), "openlineage")


def openlineage_events(
    document: Document, *, producer: str, namespace: str, told: datetime | None = None
) -> tuple[dict[str, Any], ...]:
    """As ``write_openlineage``: the events themselves, in the order of their times."""
    return tuple(_Writer(document, producer, namespace, told or datetime.now(UTC)).events())


class _Writer:
    def __init__(self, document: Document, producer: str, namespace: str, told: datetime) -> None:
        self._document = document
        self._things = Things(document)
        self._producer = producer
        self._namespace = namespace
        self._told = told

    def events(self) -> list[dict[str, Any]]:
        activities = list(self._things.of("activity"))
        if not activities:
            return self._without_runs()
        parts = _parts(self._document, [thing.id for thing in activities])
        events: list[dict[str, Any]] = []
        for place, thing in enumerate(activities):
            mine = list(self._of_run(thing))
            mine[-1]["run"]["facets"][FACET] = self._rest(parts[place], "RunFacet")
            events += mine
        return sorted(events, key=lambda event: _instant(event["eventTime"]))

    def _without_runs(self) -> list[dict[str, Any]]:
        """Where nothing happened, there are still things: an event for each, which says that it is there."""
        entities = [thing for thing in self._things.of("entity") if content_of(thing.id) is None]
        events: list[dict[str, Any]] = [
            {
                "eventTime": time_text(self._told),
                "dataset": self._dataset(thing),
                "producer": self._producer,
                "schemaURL": _CORE + "DatasetEvent",
            }
            for thing in entities
        ]
        if events:
            events[-1]["dataset"]["facets"][FACET] = self._rest(self._document, "DatasetFacet")
        return events

    def _rest(self, document: Document, kind: str) -> dict[str, Any]:
        said = json.loads(write_json(document))
        return {"_producer": self._producer, "_schemaURL": _CORE + kind, "document": said}

    def _facet(self, name: str, /, **said: Any) -> dict[str, Any]:
        version, kind = _FACETS[name]
        return {
            "_producer": self._producer,
            "_schemaURL": f"{_SPEC}facets/{version}/{kind}.json#/$defs/{kind}",
            **{key: value for key, value in said.items() if value is not None},
        }

    def _of_run(self, thing: Thing) -> Iterator[dict[str, Any]]:
        inputs = [self._dataset(each, "inputStatistics") for each in self._inputs(thing)]
        made = [self._things.all[id] for id in self._things.firsts("wasGeneratedBy", thing.id)]
        outputs = [self._dataset(each, "outputStatistics") for each in made]
        last = "FAIL" if thing.failed else "COMPLETE"
        times = [("START", thing.began), (last, thing.ended)]
        known = [(kind, time_text(_zoned(time))) for kind, time in times if time is not None]
        for kind, time in known or [("OTHER", time_text(self._told))]:
            yield {
                "eventType": kind,
                "eventTime": time,
                "run": {"runId": _run_id(thing.id), "facets": self._run_facets(thing, failed=kind == "FAIL")},
                "job": {**self._job(thing), "facets": self._job_facets(thing)},
                "inputs": inputs,
                "outputs": outputs if kind != "START" or len(known) == 1 else [],
                "producer": self._producer,
                "schemaURL": _CORE + "RunEvent",
            }

    def _job(self, thing: Thing) -> dict[str, str]:
        return {"namespace": self._namespace, "name": thing.text(HOLOTYPE + "name", PROV + "label") or thing.id}

    def _inputs(self, thing: Thing) -> Iterator[Thing]:
        for used in self._things.seconds("used", thing.id):
            entity = self._things.all[used]
            given = any(name.startswith(_PARAMETER) for name, _ in entity.attributes)
            if not given and "environment" not in self._things.roles(thing.id, used):
                yield entity

    def _run_facets(self, thing: Thing, *, failed: bool) -> dict[str, Any]:
        facets: dict[str, Any] = {}
        if thing.began is not None:
            end = time_text(_zoned(thing.ended)) if thing.ended is not None else None
            start = time_text(_zoned(thing.began))
            facets["nominalTime"] = self._facet("nominalTime", nominalStartTime=start, nominalEndTime=end)
        if failed:
            message = thing.text(HOLOTYPE + "error") or f"exit status {thing.text(HOLOTYPE + 'exit')}"
            facets["errorMessage"] = self._facet("errorMessage", message=message, programmingLanguage="unknown")
        starters = self._things.seconds("wasStartedBy", thing.id, TERMS["wasStartedBy"].place("starter"))
        if starters:
            job = self._job(self._things.all[starters[0]])
            facets["parent"] = self._facet("parent", run={"runId": _run_id(starters[0])}, job=job)
        parameters, variables = self._given(thing)
        if parameters:
            facets["executionParameters"] = self._facet("executionParameters", parameters=parameters)
        if variables:
            facets["environmentVariables"] = self._facet("environmentVariables", environmentVariables=variables)
        for program in self._agents(thing, program=True):
            name, _, version = program.name.partition("@")
            facets.setdefault(
                "processing_engine", self._facet("processing_engine", name=name, version=version or "unknown")
            )
        return facets

    def _given(self, thing: Thing) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """The parameters and the environment that a run had."""
        parameters: list[dict[str, str]] = []
        variables: list[dict[str, str]] = []
        for used in self._things.seconds("used", thing.id):
            environs = "environment" in self._things.roles(thing.id, used)
            for name, value in self._things.all[used].attributes:
                text = value.uri if isinstance(value, Name) else value.text
                if name.startswith(_PARAMETER):
                    parameters.append({"key": name.removeprefix(_PARAMETER), "value": text})
                elif environs and name.startswith(HOLOTYPE):
                    variables.append({"name": name.removeprefix(HOLOTYPE), "value": text})
        return parameters, variables

    def _agents(self, thing: Thing, *, program: bool) -> Iterator[Thing]:
        for id in self._things.seconds("wasAssociatedWith", thing.id):
            agent = self._things.all[id]
            software = PROV + "SoftwareAgent" in agent.types or id.startswith("urn:holotype:software:")
            if software == program:
                yield agent

    def _job_facets(self, thing: Thing) -> dict[str, Any]:
        facets: dict[str, Any] = {}
        for plan in self._things.seconds("wasAssociatedWith", thing.id, 2):
            if (value := self._things.all[plan].text(PROV + "value")) is not None:
                facets["sourceCode"] = self._facet("sourceCode", language="shell", sourceCode=_command(value))
        label = thing.text(PROV + "label")
        if label is not None and label != self._job(thing)["name"]:
            facets["documentation"] = self._facet("documentation", description=label)
        if owners := [{"name": each.name} for each in self._agents(thing, program=False)]:
            facets["ownership"] = self._facet("ownership", owners=owners)
        return facets

    def _dataset(self, thing: Thing, statistics: str | None = None) -> dict[str, Any]:
        version = file_version(thing.id)
        dataset = version.dataset if version else thing.text(HOLOTYPE + "dataset")
        path = version.path if version else thing.text(HOLOTYPE + "path")
        name = f"{dataset}/{path}" if dataset and path else thing.id
        identifiers = [{"namespace": OURS, "name": thing.id, "type": "ENTITY"}]
        facets = {"symlinks": self._facet("symlinks", identifiers=identifiers)}
        if (digest := thing.text(HOLOTYPE + "sha256")) is not None:
            facets["version"] = self._facet("version", datasetVersion=digest)
        agents = self._things.seconds("wasAttributedTo", thing.id)
        if owners := [{"name": self._things.all[id].name} for id in agents]:
            facets["ownership"] = self._facet("ownership of a dataset", owners=owners)
        found: dict[str, Any] = {"namespace": self._namespace, "name": name, "facets": facets}
        size = thing.text(HOLOTYPE + "size")
        if size is not None and size.isdecimal() and statistics is not None:
            kind = statistics.removesuffix("Statistics") + "Facets"
            found[kind] = {statistics: self._facet(statistics, size=int(size[:18]), fileCount=1)}
        return found


def _parts(document: Document, activities: list[str]) -> list[Document]:
    """The document in parts, one for each activity: what speaks of it, and in the last what speaks of none."""
    places = {id: place for place, id in enumerate(activities)}
    last = len(activities) - 1
    records: dict[int, list[Record]] = defaultdict(list)
    spoken: dict[str, int] = {}
    for record in document.records:
        if record.term not in ELEMENTS:
            place = next((places[each] for each in record.arguments if isinstance(each, str) and each in places), last)
            records[place].append(record)
            for each in record.arguments:
                if isinstance(each, str):
                    spoken.setdefault(each, place)
    for record in document.records:
        if record.term in ELEMENTS:
            records[places.get(str(record.id), spoken.get(str(record.id), last))].append(record)
    bundles: Mapping[int, tuple[Bundle, ...]] = {last: document.bundles}
    return [
        Document(tuple(records[place]), bundles.get(place, ()), document.prefixes) for place in range(len(activities))
    ]


def _run_id(activity: str) -> str:
    """The UUID of a run: the activity's own where it has one, and otherwise always the same one."""
    if match := _UUID.fullmatch(activity):
        return str(uuid.UUID(match[1]))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, activity))


def _command(value: str) -> str:
    """A command as a shell takes it, where it is a list of words in JSON."""
    try:
        words = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return shlex.join(map(str, words)) if isinstance(words, list) else value


def _zoned(time: datetime) -> datetime:
    """A time with a zone, which events have to have; one without is taken for UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _instant(time: str) -> datetime:
    return datetime.fromisoformat(time)
