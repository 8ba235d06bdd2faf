"""Steps: the activities behind something, each with everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from holotype.catalog import provenance as prov

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .walks import Walks

__all__ = ["Step", "steps_to"]

_EARLY = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """An activity: ``facts`` are its attributes by their last word; ``inputs``, ``outputs`` and ``scripts`` files as
    entities, ``parameters`` by name, ``command`` with datasets in braces, ``agents``, ``packages`` by name and version,
    ``streams`` the files that its standard streams were; ``informants`` other activities that it hung on.
    """

    id: str
    name: str
    kind: str | None
    began: datetime | None
    ended: datetime | None
    facts: Mapping[str, object]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scripts: tuple[str, ...]
    parameters: Mapping[str, object]
    command: tuple[str, ...]
    cwd: str | None
    variables: Mapping[str, object]
    streams: Mapping[str, str]
    agents: tuple[str, ...]
    environment: str | None
    packages: Mapping[str, str]
    code: Mapping[str, object]
    informants: tuple[str, ...]


def steps_to(walks: Walks, start: Sequence[str], *, backups: bool = False) -> list[Step]:
    """The activities that ``start`` came out of, in an order in which they can be done; ``backups``: also those that
    made snapshots, with what is in these as what they used.

    Raises ``EntryNotFound`` for an element that nothing was said of, ``ObjectMissing``, ``ObjectDamaged``, or what the
    store raises.
    """
    context, graph = walks.context, walks.graph
    nodes = walks.past(start)
    ids: list[str] = nodes["id"].to_pylist()
    every: list[str] = nodes.filter(pc.equal(nodes["term"], "activity"))["id"].to_pylist()
    activities = [id for id, there in zip(every, graph.known(every).tolist(), strict=True) if there] if every else []
    # What else each of them made.
    made = graph.walk(activities, past=False, depth=1, terms=["wasGeneratedBy"], across=False) if activities else None
    also: list[str] = made.nodes["id"].to_pylist() if made is not None else []
    told = list(prov.statements(context.catalog, [*ids, *also], state=graph.state).records)
    if backups:
        told += walks.kept(ids)
    said = _Told(told)
    return _ordered([said.step(id) for id in ids if id in said.activities])


class _Told:
    """Statements, by what they speak of."""

    def __init__(self, records: Iterable[prov.Record]) -> None:
        self.elements: dict[str, dict[str, list[prov.Value]]] = {}
        self.activities: dict[str, prov.Record] = {}
        self.related: dict[str, list[prov.Record]] = {}
        self.made: dict[str, list[str]] = {}
        for record in records:
            if record.term in prov.ELEMENTS:
                assert record.id is not None
                own = self.elements.setdefault(record.id, {})
                for name, value in record.attributes:
                    own.setdefault(name, []).append(value)
                if record.term == "activity":
                    self.activities[record.id] = record
                continue
            self.related.setdefault(str(record.arguments[0]), []).append(record)
            if record.term == "wasGeneratedBy" and isinstance(record.arguments[1], str):
                self.made.setdefault(record.arguments[1], []).append(str(record.arguments[0]))

    def facts(self, id: str) -> dict[str, object]:
        """The attributes of holotype's own, by their last word."""
        return {
            name.removeprefix(prov.HOLOTYPE): prov.plain_value(values[-1])
            for name, values in self.elements.get(id, {}).items()
            if name.startswith(prov.HOLOTYPE)
        }

    def text(self, id: str, attribute: str) -> str | None:
        values = self.elements.get(id, {}).get(prov.PROV + attribute)
        return None if not values else str(prov.plain_value(values[0]))

    def step(self, id: str) -> Step:
        record = self.activities[id]
        used: dict[str | None, list[str]] = {}
        agents: list[str] = []
        plan: str | None = None
        informants: list[str] = []
        for each in self.related.get(id, ()):
            other = each.arguments[1]
            if each.term == "used" and isinstance(other, str):
                role = each.values(prov.PROV + "role")
                used.setdefault(str(prov.plain_value(role[0])) if role else None, []).append(other)
            elif each.term == "wasAssociatedWith":
                agents += [other] if isinstance(other, str) else []
                plan = str(each["plan"]) if each["plan"] is not None else plan
            elif each.term in ("wasInformedBy", "wasStartedBy"):
                informants += [value for value in each.arguments[1:] if isinstance(value, str)]
        parameters = {
            name.removeprefix("parameter:"): value
            for each in used.pop("parameters", [])
            for name, value in self.facts(each).items()
        }
        environment = next(iter(used.pop("environment", [])), None)
        code = next(iter(used.pop("code", [])), None)
        scripts = used.pop("script", [])
        value = self.elements.get(plan or "", {}).get(prov.PROV + "value")
        command = prov.plain_value(value[0]) if value else ()
        planned = self.facts(plan) if plan is not None else {}
        variables, streams = planned.get("variables"), planned.get("streams")
        # A backup used what it put into its snapshot.
        made = list(dict.fromkeys(self.made.get(id, ())))
        inside = [each for one in made for each in self._members(one) if prov.file_version(each) is not None]
        kind = self.text(id, "type")
        return Step(
            id=id,
            name=self.text(id, "label") or id,
            kind=kind.removeprefix(prov.HOLOTYPE) if kind is not None else None,
            began=_time(record["startTime"]),
            ended=_time(record["endTime"]),
            facts=self.facts(id),
            inputs=tuple(dict.fromkeys([*(each for some in used.values() for each in some), *inside])),
            outputs=tuple(made),
            scripts=tuple(dict.fromkeys(scripts)),
            parameters=parameters,
            command=tuple(str(each) for each in command) if isinstance(command, list) else (),
            cwd=str(planned["cwd"]) if "cwd" in planned else None,
            variables=variables if isinstance(variables, dict) else {},
            streams={str(name): str(path) for name, path in streams.items()} if isinstance(streams, dict) else {},
            agents=tuple(dict.fromkeys(agents)),
            environment=environment,
            packages=self._packages(environment),
            code=self.facts(code) if code is not None else {},
            informants=tuple(informants),
        )

    def _packages(self, environment: str | None) -> dict[str, str]:
        told = [self.facts(each) for each in self._members(environment or "")]
        return {str(each["name"]): str(each["version"]) for each in told if "name" in each and "version" in each}

    def _members(self, collection: str) -> list[str]:
        return [str(each.arguments[1]) for each in self.related.get(collection, ()) if each.term == "hadMember"]


def _time(value: str | datetime | None) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _ordered(steps: list[Step]) -> list[Step]:
    """What made something stands before what used it; the rest by time."""
    by_time = {step.id: step for step in sorted(steps, key=lambda step: (step.began or _EARLY, step.id))}
    maker = {entity: step.id for step in by_time.values() for entity in step.outputs}
    before = {
        step.id: {maker[entity] for entity in (*step.inputs, *step.scripts) if entity in maker} - {step.id}
        | (by_time.keys() & set(step.informants))
        for step in by_time.values()
    }
    try:
        return [by_time[id] for id in TopologicalSorter(before).static_order()]
    except CycleError:  # of foreign records; then only their times tell
        return list(by_time.values())
