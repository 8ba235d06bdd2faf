"""What was ordered, written down, so that a run can be gone on with by whoever comes next."""

from __future__ import annotations

import json
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ..checking.order import Order
from ..declaring.policies import Instead
from ..declaring.stages import Stage
from ..documents.loading import read_workflow, workflow_document
from ..samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ..site import Site
    from ..workflow import Workflow

__all__ = ["read_order", "write_order"]


def write_order(order: Order, path: Path) -> None:
    """Write it down, whole or not at all."""
    try:
        document: Mapping[str, Any] | None = workflow_document(order.workflow)
    except WorkflowInvalid:
        document = None  # it has functions of its own: who goes on with it has to bring it along
    said = {
        "name": order.workflow.name,
        "workflow": document,
        "functions": {name: f"{each.__module__}:{each.__qualname__}" for name, each in _functions(order.workflow)},
        "samples": [
            {"name": each.name, "files": {name: each.paths(name) for name in each.files}, "values": dict(each.values)}
            for each in order.samples
        ],
        "shared": order.shared,
        "parameters": dict(order.parameters),
    }
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_order(path: Path, site: Site | None, *, workflow: Workflow | None = None) -> Order:
    """What was ordered; ``workflow``: it itself, where no document can hold it.

    Raises ``WorkflowInvalid`` where it is needed and not given, or another one, and ``OSError``.
    """
    said = json.loads(path.read_text(encoding="utf-8"))
    if workflow is None:
        if said["workflow"] is None:
            what = f"{said['name']} calculates what it needs by functions: give the workflow itself, workflow="
            raise WorkflowInvalid(what, problems=(what,))
        workflow = read_workflow(said["workflow"], functions={n: _function(at) for n, at in said["functions"].items()})
    elif said["workflow"] is not None and workflow_document(workflow) != said["workflow"]:
        what = f"this is another workflow than the {said['name']} that was begun"
        raise WorkflowInvalid(what, problems=(what,))
    samples = tuple(Sample(each["name"], each["files"], values=each["values"]) for each in said["samples"])
    shared = {name: tuple(paths) for name, paths in said["shared"].items()}
    return Order(workflow, samples, shared, said["parameters"], site)


def _functions(workflow: Workflow) -> Iterator[tuple[str, Callable[..., object]]]:
    for step in workflow.steps.values():
        if isinstance(step.stage, Stage):
            yield from _called(step.stage)
        else:
            yield from _functions(step.stage)


def _called(stage: Stage) -> Iterator[tuple[str, Callable[..., object]]]:
    if stage.call is not None:
        yield stage.call.__name__, stage.call
    for rule in stage.errors:
        if isinstance(rule.do, Instead) and rule.do.stage is not None:
            yield from _called(rule.do.stage)


def _function(at: str) -> Callable[..., object]:
    module, _, name = at.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found
