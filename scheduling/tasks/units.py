"""Units: every stage of a graph for each sample that it is done for, or for the run as a whole.

Which units there are is known before anything runs; how many tasks one becomes, where it scatters, only when what it
takes is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from ..declaring.frozen import Frozen
from ..declaring.steps import Per, Setting
from ..graphs.flows import flows
from ..graphs.laying import lay_out, taken_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..checking.order import Order
    from ..graphs.graph import Graph, Node
    from ..samples.sample import Sample

__all__ = ["Unit", "Units"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A node, for one sample or, without one, for the run; its ``name`` is as ``prepare/trim[NA12878]``, or ``report``.

    ``parameters``: its values; of those that are scattered a tuple of them.  ``needs``: the units that it takes
    something from.  ``wanted``: whether its conditions hold.
    """

    node: Node
    sample: Sample | None
    parameters: Mapping[str, Any]
    needs: tuple[str, ...]
    wanted: bool = True
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", name_of(self.node.name, self.sample))


class Units:
    """All units of an order, by their names, each after those that it needs.

    The order has been checked: what is wrong with it is not told here, and may raise ``ValueError``.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.graph: Graph = lay_out(order.workflow, lambda *_: None)
        self.per = flows(self.graph, lambda *_: None)
        self._values = order.values()
        self._takers: dict[str, list[str]] = {}  # of nodes
        self._every: dict[str, Unit] = {}
        for unit in self._made():
            self._every[unit.name] = unit

    def __getitem__(self, name: str) -> Unit:
        return self._every[name]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._every.values())

    def __len__(self) -> int:
        return len(self._every)

    def of(self, node: str, sample: Sample | None) -> tuple[Unit, ...]:
        """The units of a node that one for this sample takes from: one for the run takes from all samples'."""
        return tuple(self._every[name] for name in self._names(node, sample))

    def takers(self, unit: Unit) -> Iterator[str]:
        """The units that take something from one, in the order of all."""
        for node in self._takers.get(unit.node.name, ()):
            yield from self._names(node, unit.sample)

    def _made(self) -> Iterator[Unit]:
        nodes = self.graph.nodes
        needed = {name: node.needs() for name, node in nodes.items()}
        for name in TopologicalSorter(needed).static_order():
            node, others = nodes[name], sorted(needed[name])
            for other in others:
                self._takers.setdefault(other, []).append(name)
            # One set of values, and of each name one text, for all samples: there are many units.
            parameters = Frozen({each: self._value(node, each, given) for each, given in node.parameters.items()})
            for sample in self.order.samples if self.per[name] is Per.SAMPLE else (None,):
                names = dict.fromkeys(each for other in others for each in self._names(other, sample))
                needs = tuple(self._every[each].name for each in names)
                yield Unit(node, sample, parameters, needs, self._wanted(node, sample))

    def _names(self, node: str, sample: Sample | None) -> tuple[str, ...]:
        if self.per[node] is Per.RUN:
            return (node,)
        return tuple(name_of(node, each) for each in ((sample,) if sample is not None else self.order.samples))

    def _value(self, node: Node, name: str, given: Any) -> Any:
        if not isinstance(given, Setting):
            return given
        return taken_by(node.stage.parameters[name], self._values.get(given.name), scattered=name in node.scatter)

    def _wanted(self, node: Node, sample: Sample | None) -> bool:
        for taken in node.taken:
            values = {
                name: self._values.get(given.name) if isinstance(given, Setting) else given
                for name, given in taken.parameters.items()
            }
            known = {} if sample is None else {"sample": sample.values}
            if not taken.when.value({**values, **known}):
                return False
        return True


def name_of(node: str, sample: Sample | None) -> str:
    """The name of a node's unit for a sample."""
    return node if sample is None else f"{node}[{sample.name}]"
