"""What was to be done: a workflow, its steps, the tools that they are, and what goes from one to the other."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...declaring.policies import Instead
from ...declaring.steps import Setting
from ...graphs.laying import lay_out
from ..cwl.formats import format_uri
from .nodes import fragment, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...declaring.parameters import Parameter
    from ...declaring.ports import Input, Output
    from ...declaring.stages import Stage
    from ...graphs.graph import Node as GraphNode
    from ...graphs.graph import Source
    from ...workflow import Workflow
    from ..imported import Losses
    from .nodes import Nodes

__all__ = ["Described", "bare_tool", "container_image", "value_text"]

_KINDS = {"bool": "Boolean", "int": "Integer", "float": "Float", "str": "Text"}


class Described:
    """A workflow, described in ``nodes`` as the one with the identifier ``at``.

    ``tools``: what programs said that they are, by their names.
    """

    def __init__(self, workflow: Workflow, nodes: Nodes, losses: Losses, *, at: str, tools: Mapping[str, str]) -> None:
        self.workflow, self.at = workflow, at
        self.graph = lay_out(workflow, lambda *_: None)
        self._nodes, self._losses, self._tools = nodes, losses, tools
        self._known: list[tuple[Stage, str]] = []

    def describe(self) -> None:
        """Have all that can be said before anything is run."""
        workflow, nodes = self.workflow, self._nodes
        inputs = [self._port("workflow", "inputs", name, port) for name, port in workflow.inputs.items()]
        inputs += [self._parameter("workflow", name, each) for name, each in workflow.parameters.items()]
        outputs = [self._result(name) for name in self.graph.outputs]
        nodes.link(self.at, "input", *inputs)
        nodes.link(self.at, "output", *outputs)
        needs = {name: node.needs() for name, node in self.graph.nodes.items()}
        for position, name in enumerate(TopologicalSorter(needs).static_order()):
            nodes.link(self.at, "step", self._step(self.graph.nodes[name], position))
        for name, bound in self.graph.outputs.items():
            target = fragment("workflow", "outputs", name)
            for source in bound.sources():
                self._connect(self.at, source, target)

    def step(self, node: str) -> str:
        """The identifier of a step, by the name of its node."""
        return fragment("steps", *node.split("/"))

    def tool(self, node: str, stage: str) -> str:
        """The identifier of what did a step: its own stage, or one that its rules put in its place."""
        place = self.graph.nodes.get(node)
        for each in () if place is None else _with_others(place.stage):
            if each.name == stage:
                return self._tool(each)
        return bare_tool(self._nodes, stage)

    def image(self, node: str, stage: str) -> str | None:
        """The identifier of the image that a step was done in, if it was in one."""
        place = self.graph.nodes.get(node)
        every = [each for each in _with_others(place.stage) if each.name == stage] if place is not None else []
        return container_image(self._nodes, every[0].environment.container) if every else None

    def formal(self, tool: str, kind: str, name: str) -> str | None:
        """The identifier of an input, output or parameter of a tool, if it has one of this name."""
        id = f"{tool}/{fragment(kind, name)[1:]}"
        return id if id in self._nodes else None

    def _step(self, node: GraphNode, position: int) -> str:
        id, tool = self.step(node.name), self._tool(node.stage)
        self._nodes.add(id, "HowToStep", name=node.name, position=str(position), workExample={"@id": tool})
        for name, bound in node.inputs.items():
            for source in bound.sources():
                self._connect(id, source, f"{tool}/inputs/{name}")
        for name, given in node.parameters.items():
            if isinstance(given, Setting) and given.name in self.workflow.parameters:
                self._join(id, fragment("workflow", "parameters", given.name), f"{tool}/parameters/{name}")
        return id

    def _connect(self, whose: str, source: Source, target: str) -> None:
        if source.node is None:
            self._join(whose, fragment("workflow", "inputs", source.name), target)
        else:
            self._join(whose, f"{self._tool(self.graph.nodes[source.node].stage)}/outputs/{source.name}", target)

    def _join(self, whose: str, source: str, target: str) -> None:
        if source not in self._nodes or target not in self._nodes:
            return  # it does not fit, and the workflow's check says so
        id = f"#connections/{source[1:]}/to/{target[1:]}"
        self._nodes.add(id, "ParameterConnection", sourceParameter={"@id": source}, targetParameter={"@id": target})
        self._nodes.link(whose, "connection", id)

    def _tool(self, stage: Stage) -> str:
        for known, id in self._known:
            if known is stage or known == stage:
                return id
        # Two stages of one name are in no document; a workflow made in Python may have them all the same.
        same = sum(known.name == stage.name for known, _ in self._known)
        id = fragment("stages", stage.name if not same else f"{stage.name}_{same + 1}")
        self._known.append((stage, id))
        said = {"name": stage.name, "version": stage.version, "description": stage.about or None}
        self._nodes.add(id, "SoftwareApplication", **said, url={"@id": self.at})
        prefix = id[1:].split("/")
        inputs = [self._port(*prefix, "inputs", name, port) for name, port in stage.inputs.items()]
        inputs += [self._parameter(*prefix, name, each) for name, each in stage.parameters.items()]
        outputs = [self._port(*prefix, "outputs", name, port) for name, port in stage.outputs.items()]
        self._nodes.link(id, "input", *inputs)
        self._nodes.link(id, "output", *outputs)
        self._environment(stage, id)
        return id

    def _environment(self, stage: Stage, id: str) -> None:
        nodes, environment = self._nodes, stage.environment
        for tool in environment.tools:
            needed = program(nodes, "generic", tool.name, self._tools.get(tool.name))
            nodes.link(id, "softwareRequirements", needed)
        for name in environment.variables:
            formal = f"{id}/environment/{fragment(name)[1:]}"
            nodes.add(formal, "FormalParameter", name=name, additionalType="Text")
            nodes.link(id, "environment", formal)
        if environment.conda:
            why = "there are only containers, and programs that are required"
            self._losses.add(f"stages.{stage.name}.environment.conda", environment.conda, why)

    def _port(self, *place: Any) -> str:
        *names, port = place
        given: Input | Output = port
        formats = getattr(given, "formats", None) or tuple(filter(None, (getattr(given, "format", None),)))
        uris = [uri for uri in map(format_uri, formats) if uri is not None]
        return self._nodes.add(
            fragment(*names),
            "FormalParameter",
            name=names[-1],
            additionalType="File",
            description=given.about or None,
            encodingFormat=uris or None,
            multipleValues="True" if given.many else None,
            valueRequired=str(not given.optional),
        )

    def _result(self, name: str) -> str:
        sources = [source for source in self.graph.outputs[name].sources() if source.node is not None]
        ports = [self.graph.nodes[str(source.node)].stage.outputs[source.name] for source in sources]
        uris = dict.fromkeys(uri for port in ports if port.format and (uri := format_uri(port.format)))
        return self._nodes.add(
            fragment("workflow", "outputs", name),
            "FormalParameter",
            name=name,
            additionalType="File",
            encodingFormat=[*uris] or None,
        )

    def _parameter(self, *place: Any) -> str:
        *names, name, parameter = place
        given: Parameter = parameter
        default = None if given.required or given.default is None else value_text(given.default)
        return self._nodes.add(
            fragment(*names, "parameters", name),
            "FormalParameter",
            name=name,
            additionalType=_KINDS[given.kind],
            description=given.about or None,
            defaultValue=default,
            multipleValues="True" if given.many else None,
            valueRequired=str(given.required),
            unitText=given.unit,
        )


def container_image(nodes: Nodes, name: str | None) -> str | None:
    """An image of a container, as ``registry.example/lab/bwa:0.7@sha256:…`` or a file, ``bwa.sif``."""
    if name is None:
        return None
    kind = "SIFImage" if name.endswith(".sif") else "DockerImage"
    rest, _, digest = name.removeprefix("docker://").partition("@sha256:")
    host, slash, path = rest.partition("/")
    # What has no dot, no port and is not this machine is no registry, but a part of the name.
    elsewhere = bool(slash) and (("." in host) or (":" in host) or host == "localhost") and kind == "DockerImage"
    image, colon, tag = (path if elsewhere else rest).rpartition(":")
    said = {"registry": host if elsewhere else "docker.io", "tag": tag if colon else None} if kind[0] == "D" else {}
    return nodes.add(
        fragment("images", name),
        "ContainerImage",
        name=image if colon else tag,
        additionalType={"@id": f"https://w3id.org/ro/terms/workflow-run#{kind}"},
        sha256=digest or None,
        **said,
    )


def bare_tool(nodes: Nodes, stage: str) -> str:
    """A tool of which nothing is known but its name."""
    said = {"name": stage, "version": "unknown", "url": f"urn:holotype:stage:{quote(stage)}"}
    return nodes.add(fragment("stages", stage), "SoftwareApplication", **said)


def value_text(value: object) -> str:
    """A value as a text."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | tuple) else str(value)


def _with_others(stage: Stage) -> Iterator[Stage]:
    """A stage, and those that stand in its place when its rules say so."""
    yield stage
    for rule in stage.errors:
        if isinstance(rule.do, Instead) and rule.do.stage is not None:
            yield from _with_others(rule.do.stage)
