"""A workflow, made into a packed document of CWL v1.2."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...documents.loading import workflow_document
from ...workflow import Workflow
from ..imported import Exported, Losses
from .flowing import WorkflowWriter
from .hints import BARE
from .needs import NAMESPACE
from .writing import ToolWriter

if TYPE_CHECKING:
    import os

    from ...declaring.stages import Stage

__all__ = ["export_cwl"]


def export_cwl(workflow: Workflow, path: str | os.PathLike[str] | None = None) -> Exported:
    """A workflow as a packed document of the Common Workflow Language v1.2, of plain values.

    ``path``: a file that it is written to, as JSON.

    One run of it there is one sample.  ``lost``: what CWL cannot say.  All of it but functions is kept in hints of our
    own, from which ``import_cwl`` makes the same workflow, as long as nobody changes what they are hints of.

    Raises ``WorkflowInvalid`` for what no document can hold, and ``OSError``.
    """
    losses = Losses()
    packing = _Packing(losses)
    packing.whole(workflow, "main", "")
    document = {
        "cwlVersion": "v1.2",
        "$namespaces": {"holotype": NAMESPACE, "edam": "http://edamontology.org/"},
        "$graph": packing.graph,
    }
    if path is not None:
        Path(path).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Exported(document=document, lost=tuple(losses.told))


@dataclass
class _Packing:
    """Gives every stage and workflow a place in the document, each once."""

    losses: Losses
    graph: list[dict[str, Any]] = field(default_factory=list)
    # By the names of stages and workflows: them, their identifiers, and what they ask for.
    _places: dict[str, list[tuple[Stage | Workflow, str, tuple[str, ...]]]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def whole(self, workflow: Workflow, wanted: str, at: str) -> tuple[str, tuple[str, ...]]:
        """Write a workflow; returns its identifier, and what it asks for."""
        identifier = self._identifier(wanted)

        def identified(inner: Stage | Workflow) -> tuple[str, tuple[str, ...]]:
            known = self._places.setdefault(inner.name, [])
            for other, there, asked in known:
                if other == inner:
                    return f"#{there}", asked
            if isinstance(inner, Workflow):
                there, asked = self.whole(inner, inner.name, f"{at}{inner.name}/")
            else:
                there, asked = self._identifier(inner.name), ToolWriter(inner, Losses()).needs()
                self.graph.append(ToolWriter(inner, self.losses).written(there))
            known.append((inner, there, asked))
            return f"#{there}", asked

        writer = WorkflowWriter(workflow, self.losses, at, identified)
        self.graph.append(writer.written(identifier, _kept(workflow)))
        return identifier, tuple(writer.asked)

    def _identifier(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name


def _kept(workflow: Workflow) -> dict[str, Any]:
    """What a workflow says but for what its steps are, which stands elsewhere."""
    steps = {name: replace(step, stage=BARE) for name, step in workflow.steps.items()}
    document = workflow_document(replace(workflow, steps=steps))
    del document["stages"]
    return document
