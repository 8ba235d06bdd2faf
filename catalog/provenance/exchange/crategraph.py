"""RO-Crate: provenance as the nodes of a crate's metadata.

==================================  ========================================================================
PROV                                RO-Crate
==================================  ========================================================================
an activity                         a ``CreateAction``, in what the crate ``mentions``
what it used, what it generated     its ``object`` and its ``result``
who it was associated with          its ``agent``; a program, or a plan, is its ``instrument``
a version of a file                 a ``File`` with ``sha256`` and ``contentSize``
a plan, a command, a script         ``SoftwareSourceCode``
parameters                          ``PropertyValue``, each an example of a ``FormalParameter``
an environment                      ``environment`` of the action; its packages are requirements of the instrument
a person, an organization           ``Person``, ``Organization``
any other entity                    ``CreativeWork``, or ``Collection`` where it has members
activities that another started,    ``OrganizeAction``, ``ControlAction`` and ``HowToStep``, where the other has a plan
or that are steps of its plan
any other attribute or relation     a property by its own IRI, or by that of PROV
==================================  ========================================================================

Source: RO-Crate 1.2 and 1.3; Process, Workflow and Provenance Run Crate 0.5 and 0.6.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ..hashing import content_of
from ..model import PROV, XSD, Name
from ..vocabulary import HOLOTYPE, plain_value
from .elements import Things
from .places import is_address
from .prefixes import Prefixes
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Document, Value
    from .elements import Thing

__all__ = ["Graph", "Included", "graph_of"]

_SCHEMA = "http://schema.org/"
_PARAMETER = HOLOTYPE + "parameter:"
_PACKAGE = re.compile(r"pkg:[^/]+/(?:(?P<space>[^@]*)/)?(?P<name>[^/@]+)(?:@(?P<version>[^?#]+))?")
# Relations that have a word of their own in the crate, and those that have one of PROV's.
_WORDS = {"wasDerivedFrom": "isBasedOn", "wasAttributedTo": "author", "hadMember": "hasPart"}
_RELATIONS = (
    "wasInformedBy",
    "wasStartedBy",
    "wasEndedBy",
    "wasInvalidatedBy",
    "actedOnBehalfOf",
    "wasInfluencedBy",
    "specializationOf",
    "alternateOf",
    "mentionOf",
)
_KINDS = {PROV + "Organization": "Organization", PROV + "SoftwareAgent": "SoftwareApplication"}
# Attributes that have been given another word.
_SAID = {
    PROV + "label",
    HOLOTYPE + "sha256",
    HOLOTYPE + "size",
    HOLOTYPE + "name",
    HOLOTYPE + "outcome",
}
_FORMAL = {"integer": "Integer", "int": "Integer", "long": "Integer", "double": "Float", "boolean": "Boolean"}


@dataclass(frozen=True)
class Included:
    """A file that the crate has with it: its place there, its digest, its size in bytes."""

    place: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Graph:
    """The nodes of a crate, without those that are about the crate itself.

    ``mentions``: the actions.  ``main``: the workflow that the crate is a run of.  ``prefixes``: of its properties.
    ``process``: whether it is what Process Run Crate asks for; ``provenance``: Provenance Run Crate.
    """

    nodes: Mapping[str, dict[str, Any]]
    mentions: tuple[str, ...]
    prefixes: Mapping[str, str]
    main: str | None
    process: bool
    provenance: bool


def graph_of(document: Document, included: Mapping[str, Included]) -> Graph:
    """The nodes that a document makes; ``included``: the files that come with the crate, by their identifiers."""
    return _Builder(document, included).graph()


class _Builder:
    def __init__(self, document: Document, included: Mapping[str, Included]) -> None:
        self._things = Things(document)
        self._included = included
        self._prefixes = Prefixes(document.prefixes, spaces={"holotype": HOLOTYPE})
        self._nodes: dict[str, dict[str, Any]] = {}
        self._plans = {plan for record in self._things.relations("wasAssociatedWith") for plan in record.arguments[2:]}
        self._steps = _steps(self._things)
        self._workflows = {plan for plan, _, _ in self._steps}

    def graph(self) -> Graph:
        things = self._things
        activities = [thing.id for thing in things.of("activity")]
        for thing in things.all.values():
            # Content is nothing but its digest, which every file has.
            if content_of(thing.id) is None:
                self._node(thing)
        for id in activities:
            self._action(things.all[id])
        self._rest()
        main = self._provenance()
        process = bool(activities) and all("instrument" in self._nodes[self._at(id)] for id in activities)
        whole = process and main is not None and main in {each.place for each in self._included.values()}
        used = {key.partition(":")[0] for node in self._nodes.values() for key in node if ":" in key}
        prefixes = {name: space for name, space in self._prefixes.declared.items() if name in used - {"prov", "xsd"}}
        return Graph(self._nodes, tuple(map(self._at, activities)), prefixes, main, process, whole)

    def _at(self, id: str) -> str:
        """The identifier of a thing within the crate."""
        if id in self._included:
            return self._included[id].place
        # What is relative would be a place in the crate, or the crate itself.
        return id if is_address(id) else f"#{quote(id, safe='')}"

    def _node(self, thing: Thing) -> None:
        node = self._nodes.setdefault(self._at(thing.id), {})
        node["@type"] = self._type(thing)
        node["name"] = thing.name
        if self._at(thing.id) != thing.id:
            node["identifier"] = thing.id
        size, digest = thing.text(HOLOTYPE + "size"), thing.text(HOLOTYPE + "sha256")
        if (here := self._included.get(thing.id)) is not None:
            size, digest = str(here.size), here.sha256
        node |= {key: value for key, value in (("contentSize", size), ("sha256", digest)) if value is not None}
        if package := _PACKAGE.fullmatch(thing.id):
            node["name"] = unquote(package["name"])
            if package["version"] is not None:
                node["softwareVersion"] = unquote(package["version"])
        for name, value in thing.attributes:
            if name not in _SAID and not name.startswith(_PARAMETER):
                _add(node, self._prefixes.short(name), self._value(value))

    def _type(self, thing: Thing) -> str | list[str]:
        if "activity" in thing.terms:
            return "CreateAction"
        if "agent" in thing.terms:
            known = [_KINDS[each] for each in sorted(thing.types & _KINDS.keys())]
            software = thing.id.startswith("urn:holotype:software:")
            return known[-1] if known else "SoftwareApplication" if software else "Person"
        if _PACKAGE.fullmatch(thing.id):
            return "SoftwareApplication"
        # A file that is not in the crate must be somewhere else, and not in the file system of whoever reads it.
        elsewhere = thing.is_file and is_address(thing.id) and not thing.id.lower().startswith("file:")
        kinds: list[str] = ["File"] if elsewhere or thing.id in self._included else []
        if thing.id in self._plans or PROV + "Plan" in thing.types:
            kinds.append("SoftwareSourceCode")
        if thing.id in self._workflows:
            kinds += ["ComputationalWorkflow", "HowTo"]
        if not kinds:
            return "Collection" if self._things.relations("hadMember", thing.id) else "CreativeWork"
        return kinds if len(kinds) > 1 else kinds[0]

    def _value(self, value: Value) -> Any:
        if isinstance(value, Name):
            return {"@id": self._at(value.uri)}
        plain = plain_value(value) if value.datatype != XSD + "double" else value.text
        return plain if isinstance(plain, (int, str)) else value.text

    def _action(self, thing: Thing) -> None:
        things, node = self._things, self._nodes[self._at(thing.id)]
        if thing.began is not None:
            node["startTime"] = time_text(thing.began)
        if thing.ended is not None:
            node["endTime"] = time_text(thing.ended)
        if thing.failed or thing.text(HOLOTYPE + "outcome") is not None:
            status = "FailedActionStatus" if thing.failed else "CompletedActionStatus"
            node["actionStatus"] = {"@id": _SCHEMA + status}
        if thing.failed:
            node["error"] = (
                thing.text(HOLOTYPE + "error") or f"exit status {thing.text(HOLOTYPE + 'exit') or 'unknown'}"
            )
        agents = [things.all[id] for id in things.seconds("wasAssociatedWith", thing.id)]
        plans = things.seconds("wasAssociatedWith", thing.id, 2)
        programs = [each.id for each in agents if self._type(each) == "SoftwareApplication"]
        instruments = list(dict.fromkeys([*plans, *programs]))
        self._link(node, "instrument", instruments)
        self._link(node, "agent", [each.id for each in agents if each.id not in programs])
        inputs: list[str] = []
        for used in things.seconds("used", thing.id):
            if "environment" in things.roles(thing.id, used):
                self._environment(node, used, instruments)
            elif not self._parameters(node, used) and used not in instruments:
                inputs.append(used)
        self._link(node, "object", inputs)
        self._link(node, "result", things.firsts("wasGeneratedBy", thing.id))

    def _environment(self, node: dict[str, Any], id: str, instruments: list[str]) -> None:
        thing = self._things.all[id]
        for name, value in thing.attributes:
            if name.startswith(HOLOTYPE) and not isinstance(value, Name):
                variable = name.removeprefix(HOLOTYPE)
                place = f"{id}#{variable}"
                self._nodes[place] = {"@type": "PropertyValue", "name": variable, "value": value.text}
                _add(node, "environment", {"@id": place})
        packages = self._things.seconds("hadMember", id)
        for instrument in instruments:
            self._link(self._nodes[self._at(instrument)], "softwareRequirements", packages)

    def _parameters(self, node: dict[str, Any], id: str) -> bool:
        """Whether an entity is a set of parameters, which it then gives to the action one by one."""
        found = False
        for name, value in self._things.all[id].attributes:
            if name.startswith(_PARAMETER):
                found = True
                parameter = name.removeprefix(_PARAMETER)
                formal, place = f"#parameter-{parameter}", f"{id}#{parameter}"
                kind = "Text" if isinstance(value, Name) else _FORMAL.get(value.datatype.removeprefix(XSD), "Text")
                self._nodes[formal] = {"@type": "FormalParameter", "name": parameter, "additionalType": kind}
                self._nodes[place] = {
                    "@type": "PropertyValue",
                    "name": parameter,
                    "value": value.uri if isinstance(value, Name) else value.text,
                    "exampleOfWork": {"@id": formal},
                }
                _add(node, "object", {"@id": place})
        return found

    def _link(self, node: dict[str, Any], key: str, ids: Iterable[str]) -> None:
        there = node.get(key, [])
        links = [*there] if isinstance(there, list) else [there]
        known = {link["@id"] for link in links}
        for id in map(self._at, dict.fromkeys(ids)):
            if id not in known:
                links.append({"@id": id})
        if links:
            node[key] = links if len(links) > 1 else links[0]

    def _rest(self) -> None:
        """The relations that are no action's own."""
        links: dict[tuple[str, str], list[str]] = defaultdict(list)
        for term in (*_WORDS, *_RELATIONS):
            for record in self._things.relations(term):
                first, second = record.arguments[:2]
                if isinstance(first, str) and isinstance(second, str) and content_of(second) is None:
                    links[self._at(first), _WORDS.get(term, f"prov:{term}")].append(second)
        for (first, key), others in links.items():
            if (node := self._nodes.get(first)) is not None:
                self._link(node, key, others)

    def _provenance(self) -> str | None:
        """Says which actions are steps of others; gives the workflow of the first."""
        main: str | None = None
        for number, (plan, run, steps) in enumerate(self._steps, 1):
            workflow = self._at(plan)
            main = main or workflow
            controls = [self._control(workflow, number, place, step) for place, step in enumerate(steps, 1)]
            engines = [each for each in self._things.seconds("wasAssociatedWith", run) if self._is_program(each)]
            if engines:
                self._nodes[f"#organize-{number}"] = {
                    "@type": "OrganizeAction",
                    "name": f"Run of {self._things.all[plan].name}",
                    "instrument": {"@id": self._at(engines[0])},
                    "object": [{"@id": control} for control in controls],
                    "result": {"@id": self._at(run)},
                }
        return main

    def _is_program(self, agent: str) -> bool:
        return self._type(self._things.all[agent]) == "SoftwareApplication"

    def _control(self, workflow: str, number: int, place: int, step: str) -> str:
        how, control = f"{workflow}#step-{place}", f"#control-{number}-{place}"
        self._nodes[how] = {"@type": "HowToStep", "name": self._things.all[step].name, "position": str(place)}
        tools = self._things.seconds("wasAssociatedWith", step, 2)
        self._link(self._nodes[how], "workExample", tools)
        self._link(self._nodes[workflow], "hasPart", tools)
        _add(self._nodes[workflow], "step", {"@id": how})
        self._nodes[control] = {
            "@type": "ControlAction",
            "name": f"Step {place}",
            "instrument": {"@id": how},
            "object": {"@id": self._at(step)},
        }
        return control


def _steps(things: Things) -> list[tuple[str, str, list[str]]]:
    """The plans that were run in steps: a plan, the activity that ran it, and the activities that were its steps.

    An activity is a step of the one that started it, or of the one whose plan has its plan as a member, if there is
    but one such, or it was informed by it.
    """
    runs: dict[str, list[str]] = {}
    for record in things.relations("wasAssociatedWith"):
        activity, _, plan = record.arguments
        if isinstance(plan, str) and activity not in runs.setdefault(plan, []):
            runs[plan].append(str(activity))
    parent: dict[str, str] = {}
    for record in things.relations("wasStartedBy"):
        if isinstance(record["starter"], str):
            parent[str(record["activity"])] = str(record["starter"])
    for plan, activities in runs.items():
        for part in things.seconds("hadMember", plan):
            for step in runs.get(part, []):
                above = set(things.seconds("wasInformedBy", step)) & set(activities)
                over = above or set(activities)
                if len(over) == 1 and step not in over:
                    parent.setdefault(step, over.pop())
    found: list[tuple[str, str, list[str]]] = []
    for plan, activities in runs.items():
        for run in activities:
            if steps := [step for step, each in parent.items() if each == run]:
                found.append((plan, run, sorted(steps, key=lambda id: _when(things, id))))
    return found


def _when(things: Things, id: str) -> tuple[bool, datetime, str]:
    began = things.all[id].began
    if began is None:
        return True, datetime.max.replace(tzinfo=UTC), id
    return False, began if began.tzinfo is not None else began.replace(tzinfo=UTC), id


def _add(node: dict[str, Any], key: str, value: Any) -> None:
    """Adds a value to a property, each once; several stand in a list."""
    if key not in node:
        node[key] = value
        return
    values = node[key] if isinstance(node[key], list) else [node[key]]
    if value not in values:
        node[key] = [*values, value]
