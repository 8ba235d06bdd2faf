"""What flows through a graph: of which format, how many, whether it is always there, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from holotype.validators import FORMATS

from ..declaring.steps import Per
from . import codes
from .graph import Bound, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..declaring.ports import Input
    from .graph import Graph, Node
    from .laying import Tell

__all__ = ["Flow", "flows"]


@dataclass(frozen=True)
class Flow:
    """``formats``: any of these, none if that is not known.  ``many``: rather than one.  ``optional``: it may be
    missing.  ``per``: whether each sample has its own.  ``beside``: the endings of what comes with each file.
    """

    formats: frozenset[str]
    many: bool
    optional: bool
    per: Per
    beside: frozenset[str] = frozenset()


def flows(graph: Graph, tell: Tell) -> Mapping[str, Per]:
    """Hold what comes out of each step against what the next takes; returns for whom each node is done."""
    found: dict[Source, Flow] = {}
    for name, port in graph.inputs.items():
        per = Per.RUN if port.shared else Per.SAMPLE
        found[Source(None, name)] = Flow(frozenset(port.formats), port.many, port.optional, per, frozenset(port.beside))
        _known(port.formats, tell, f"inputs.{name}")
    done: dict[str, Per] = {}
    for name in TopologicalSorter({name: node.needs() for name, node in graph.nodes.items()}).static_order():
        if name in graph.nodes:
            node = graph.nodes[name]
            done[name] = _done_for(node, found)
            _take(node, found, done[name], tell)
            _make(node, found, done[name], tell)
    return done


def _done_for(node: Node, found: Mapping[Source, Flow]) -> Per:
    if node.per is not None:
        return node.per
    every = (found[source].per for bound in node.inputs.values() for source in bound.sources() if source in found)
    return Per.SAMPLE if Per.SAMPLE in every or _asks_sample(node) else Per.RUN


def _asks_sample(node: Node) -> bool:
    """Whether it speaks of a sample: then it is done for each."""
    template = node.stage.template
    fields = {field.name for field in template.fields} if template is not None else set[str]()
    return "sample" in fields or any("sample" in taken.when.names for taken in node.taken)


def _take(node: Node, found: Mapping[Source, Flow], per: Per, tell: Tell) -> None:
    for name, port in node.stage.inputs.items():
        at = f"{node.name}.inputs.{name}"
        _known(port.formats, tell, at)
        if (bound := node.inputs.get(name)) is None:
            continue
        flow = _joined(bound, found)
        if flow is None:
            continue
        gathered = per is Per.RUN and flow.per is Per.SAMPLE
        scattered = name in node.scatter
        if scattered and not (flow.many or gathered):
            tell(codes.NOT_MANY, f"{name} is taken one at a time, and there is one", at)
        if (flow.many or gathered) and not scattered and not port.many:
            code = codes.PER if gathered else codes.MANY
            what = "every sample's" if gathered else "many"
            tell(code, f"{name} takes one, and there are {what}: gather with many=True, or scatter", at)
        if port.shared and flow.per is Per.SAMPLE:
            tell(codes.SHARED, f"{name} is shared by all samples, and comes from each", at)
        _fits(flow, port, tell, at)


def _fits(flow: Flow, port: Input, tell: Tell, at: str) -> None:
    wrong = flow.formats - set(port.formats)
    if port.formats and wrong:
        told = f"{' or '.join(sorted(wrong))} comes, and {' or '.join(port.formats)} is understood"
        tell(codes.FORMAT_MISMATCH, told, at)
    if bare := sorted(set(port.beside) - flow.beside):
        tell(codes.BESIDE, f"what comes from there is not said to have {' and '.join(bare)} beside it, as it needs", at)


def _joined(bound: Bound, found: Mapping[Source, Flow]) -> Flow | None:
    """What several sources are together."""
    parts = [found.get(part) if isinstance(part, Source) else _joined(part, found) for part in bound.parts]
    known = [part for part in parts if part is not None]
    if not known:
        return None
    unclear = any(not part.formats for part in known)
    return Flow(
        frozenset() if unclear else frozenset[str]().union(*(part.formats for part in known)),
        any(part.many for part in known) or (len(known) > 1 and not bound.first),
        all(part.optional for part in known) if bound.first else any(part.optional for part in known),
        Per.SAMPLE if any(part.per is Per.SAMPLE for part in known) else Per.RUN,
        frozenset.intersection(*(part.beside for part in known)),
    )


def _make(node: Node, found: dict[Source, Flow], per: Per, tell: Tell) -> None:
    for name, output in node.stage.outputs.items():
        formats = () if output.format is None else (output.format,)
        _known(formats, tell, f"{node.name}.outputs.{name}")
        many = output.many or bool(node.scatter)
        optional = output.optional or bool(node.taken)
        found[Source(node.name, name)] = Flow(frozenset(formats), many, optional, per, frozenset(output.beside))


def _known(formats: Iterable[str], tell: Tell, at: str) -> None:
    for each in formats:
        if each not in FORMATS:
            tell(codes.FORMAT_UNKNOWN, f"{each} is no format that can be validated", at)
