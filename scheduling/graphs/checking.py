"""Whether a workflow's graph can work: every problem at once, as findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.validators import GroupCheck, Severity

from . import codes
from .flows import flows
from .laying import lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.validators import Code, Found, Subject

    from ..workflow import Workflow
    from .graph import Graph

__all__ = ["GraphCheck", "hangs_together"]


class GraphCheck(GroupCheck):
    """Looks at how the steps of a workflow hang together; what a place's ``record`` names is where in it."""

    name, codes = "workflow.graph", codes.CODES

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        def tell(code: Code, message: str, at: str) -> None:
            found.add(code, message, record=at)

        graph = lay_out(self._workflow, tell)
        flows(graph, tell)
        for name in _unused(graph):
            found.add(codes.STEP_UNUSED, f"nothing needs what {name} makes", record=f"steps.{name}")
        found.metric("workflow.stages", len(graph.nodes))


def hangs_together(workflow: Workflow) -> bool:
    """Whether nothing is wrong with a graph; sooner known than what is."""
    wrong: list[str] = []

    def tell(code: Code, message: str, at: str) -> None:
        if code.severity is Severity.ERROR:
            wrong.append(message)

    flows(lay_out(workflow, tell), tell)
    return not wrong


def _unused(graph: Graph) -> list[str]:
    """The nodes that no result comes from; where no results are named, every end is one."""
    if not graph.outputs:
        return []
    needed = {source.node for bound in graph.outputs.values() for source in bound.sources()}
    waiting = [name for name in needed if name is not None]
    seen = set(waiting)
    while waiting:
        node = graph.nodes.get(waiting.pop())
        for name in node.needs() - seen if node is not None else ():
            seen.add(name)
            waiting.append(name)
    return sorted(graph.nodes.keys() - seen)
