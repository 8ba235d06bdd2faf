"""Workflows as workflows of CWL: each describes the run of one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...declaring.stages import Stage
from ...declaring.steps import First, Setting
from .hints import with_hint
from .javascript import LIBRARY, expressed
from .writing import KEPT, parameter_type, port_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...declaring.ports import Input, Output
    from ...declaring.steps import Step
    from ...workflow import Workflow
    from ..imported import Losses

__all__ = ["WorkflowWriter"]

_FEATURES = (
    "MultipleInputFeatureRequirement",
    "ScatterFeatureRequirement",
    "StepInputExpressionRequirement",
    "SubworkflowFeatureRequirement",
)
# What is known of a sample is of any of these types.
_VALUE = ["null", "boolean", "long", "double", "string"]


class WorkflowWriter:
    """Writes one workflow.

    ``identified``: gives the identifier of what a step runs, and what of ``GIVEN`` and of ``sample.…`` it asks for.
    ``asked``: what this one asks for, as it is written.
    """

    def __init__(
        self,
        workflow: Workflow,
        losses: Losses,
        at: str,
        identified: Callable[[Stage | Workflow], tuple[str, tuple[str, ...]]],
    ) -> None:
        self._workflow, self._losses, self._at, self._identified = workflow, losses, at, identified
        self.asked: dict[str, None] = {}

    def written(self, identifier: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The workflow; ``document``: what is kept of it."""
        workflow = self._workflow
        steps = [self._step(name, step) for name, step in workflow.steps.items()]
        outputs = [self._output(name, source) for name, source in workflow.outputs.items()]
        inputs = [{"id": name, **port_type(port)} for name, port in workflow.inputs.items()]
        inputs += [{"id": name, **parameter_type(each)} for name, each in workflow.parameters.items()]
        for name in self.asked:
            more = {"default": workflow.name} if name == "run" else {}
            inputs.append({"id": self._given(name), "type": _VALUE if "." in name else "string", **more})
        said: dict[str, Any] = {"id": identifier, "class": "Workflow", "label": workflow.name}
        if workflow.about:
            said["doc"] = workflow.about
        said |= {"inputs": inputs, "outputs": outputs, "steps": steps}
        requirements: list[dict[str, Any]] = [{"class": name} for name in _FEATURES]
        said["requirements"] = requirements
        if any("when" in step for step in steps):
            requirements.append({"class": "InlineJavascriptRequirement", "expressionLib": [LIBRARY]})
        for name, port in workflow.inputs.items():
            if port.formats:
                self._losses.add(f"{self._at}inputs.{name}.formats", ", ".join(port.formats), KEPT)
            if port.thresholds:
                self._losses.add(f"{self._at}inputs.{name}.thresholds", port.thresholds, KEPT)
            if port.shared:
                self._losses.add(f"{self._at}inputs.{name}.shared", name, "one run there is one sample")
        if workflow.version != "1":
            self._losses.add(
                f"{self._at}version", workflow.version, "CWL has nothing like it: it is kept for this library"
            )
        return with_hint(said, "Workflow", document)

    def _given(self, name: str) -> str:
        """What an input is called that a sample, or the run, is known by."""
        wanted = name.replace(".", "_")
        taken = {*self._workflow.inputs, *self._workflow.parameters}
        while wanted in taken:
            wanted += "_"
        return wanted

    # -- steps

    def _step(self, name: str, step: Step) -> dict[str, Any]:
        run, needed = self._identified(step.stage)
        inputs = [self._files(name, port, step) for name, port in step.stage.inputs.items() if name in step.inputs]
        for parameter, value in step.parameters.items():
            given = {"source": value.name} if isinstance(value, Setting) else {"default": _plain(value)}
            inputs.append({"id": parameter, **given})
        for each in needed:
            if each in ("attempt", "element"):
                continue
            self.asked[each] = None
            there = each.replace(".", "_") if isinstance(step.stage, Stage) else _inner(step.stage, each)
            inputs.append({"id": there, "source": self._given(each)})
        said: dict[str, Any] = {"id": name, "run": run, "in": inputs, "out": list(step.stage.outputs)}
        if step.scatter:
            said["scatter"] = list(step.scatter)
            if len(step.scatter) > 1:
                said["scatterMethod"] = "flat_crossproduct" if step.crossed else "dotproduct"
        if step.when is not None:
            self._when(name, step.when, said)
        if step.per is not None:
            told = "one run there is one sample: what is done once for all is done for it alone"
            self._losses.add(f"{self._at}steps.{name}.per", str(step.per), told)
        return said

    def _files(self, name: str, port: Input, step: Step) -> dict[str, Any]:
        """Where an input of a step comes from."""
        given = step.inputs[name]
        scattered = name in step.scatter
        sources = given.sources if isinstance(given, First) else (given,) if isinstance(given, str) else given
        texts = [each.replace(".", "/") for each in sources]
        if isinstance(given, First):
            return {"id": name, "source": texts, "pickValue": "first_non_null"}
        if not (port.many or scattered):
            return {"id": name, "source": texts[0] if len(texts) == 1 else texts}
        said = {"id": name, "source": texts, "linkMerge": "merge_flattened", "pickValue": "all_non_null"}
        return said | ({"valueFrom": "$([self])"} if scattered and port.many else {})

    def _when(self, name: str, when: str, said: dict[str, Any]) -> None:
        known = {each["id"] for each in said["in"]}
        bound: dict[str, str] = {}

        def called(asked: str) -> str:
            if asked not in bound:
                here = f"when_{asked.replace('.', '_')}"
                while here in known:
                    here += "_"
                if "." in asked:
                    self.asked[asked] = None
                bound[asked] = here
                source = self._given(asked) if "." in asked else asked
                said["in"].append({"id": here, "source": source})
            return f"inputs.{bound[asked]}"

        try:
            text = expressed(when, called)
        except ValueError as error:
            self._losses.add(f"{self._at}steps.{name}.when", when, f"it is kept for this library: {error}")
            return
        said["when"] = f"$(truth({text}))"

    # -- results

    def _output(self, name: str, source: str) -> dict[str, Any]:
        step, dot, output = source.partition(".")
        if not dot:
            kind: Any = port_type(self._workflow.inputs[source])["type"] if source in self._workflow.inputs else "File"
            return {"id": name, "type": kind, "outputSource": source}
        there = self._workflow.steps.get(step)
        kind = "File" if there is None else _type_of(there, output)
        return {"id": name, "type": kind, "outputSource": f"{step}/{output}"}


def _type_of(step: Step, output: str) -> Any:
    stage = step.stage
    if isinstance(stage, Stage):
        port: Output | None = stage.outputs.get(output)
        kind: Any = "File" if port is None else "File[]" if port.many else "File?" if port.optional else "File"
    else:
        name, dot, inner = stage.outputs.get(output, "").partition(".")
        kind = _type_of(stage.steps[name], inner) if dot and name in stage.steps else "File"
    if step.when is not None:
        kind = [kind, "null"] if isinstance(kind, str) and not kind.endswith("?") else kind
        kind = ["null", *(each for each in kind if each != "null")] if isinstance(kind, list) else kind
    return {"type": "array", "items": kind} if step.scatter else kind


def _inner(workflow: Workflow, name: str) -> str:
    wanted = name.replace(".", "_")
    while wanted in {*workflow.inputs, *workflow.parameters}:
        wanted += "_"
    return wanted


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
