"""A workflow done step by step, for every sample: what a run does, without any of what makes it one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holotype.scheduling import Per, Sample, Setting, Workflow
from holotype.scheduling.graphs.flows import flows
from holotype.scheduling.graphs.laying import lay_out

from .doing import Done, Given, do, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from holotype.scheduling.graphs.graph import Bound, Node, Source

# What was made, by where it comes from; of everybody's, the sample is none.
Made = dict[tuple[str | None, str], list["Path"]]


class Driver:
    """``outputs``: of each sample (``None``: of the run) by the source's name, as ``align.bam``."""

    def __init__(
        self, workflow: Workflow, samples: Sequence[Sample], shared: Mapping[str, Path], folder: Path, path: str | None
    ) -> None:
        self._workflow, self._samples, self._folder, self._path = workflow, samples, folder, path
        self.outputs: Made = {(None, name): [each] for name, each in shared.items()}
        for sample in samples:
            for name in sample.files:
                self.outputs[sample.name, name] = [folder.joinpath(each) for each in sample.paths(name)]

    def run(self, *, leaving: Sequence[str] = (), **parameters: Any) -> Driver:
        """Do all of it but what is left out, of which nothing may be made.  What fails is a failure of the test."""
        graph = lay_out(self._workflow, _refuse)
        done_for = flows(graph, _refuse)
        settings = {name: each.default for name, each in self._workflow.parameters.items()} | parameters
        for node in (each for each in graph.nodes.values() if each.name not in leaving):
            names = [None] if done_for[node.name] is Per.RUN else [sample.name for sample in self._samples]
            for number, name in enumerate(names):
                folder = self._folder / f"{node.name} {number}"
                done = self._do(node, name, folder, settings)
                assert done.sound, (node.name, done.said, wrong(done))
                for output, paths in done.outputs.items():
                    self.outputs[name, f"{node.name}.{output}"] = paths
        return self

    def _do(self, node: Node, sample: str | None, folder: Path, settings: Mapping[str, Any]) -> Done:
        values = {
            name: settings[each.name] if isinstance(each, Setting) else each for name, each in node.parameters.items()
        }
        inputs: dict[str, Given] = {}
        for name, bound in node.inputs.items():
            paths = [path for source in _sources(bound) for path in self._of(source, sample)]
            inputs[name] = paths if node.stage.inputs[name].many else paths[0] if paths else None
        return do(node.stage, folder, inputs, sample=sample or "all", path=self._path, **values)

    def _of(self, source: Source, sample: str | None) -> list[Path]:
        """Of the sample, or of all; where it is done for all, of every sample."""
        own = self.outputs.get((sample, str(source)), self.outputs.get((None, str(source))))
        if own is not None or sample is not None:
            return own or []
        return [path for each in self._samples for path in self.outputs.get((each.name, str(source)), [])]


def _sources(bound: Bound) -> Iterator[Source]:
    assert not bound.first
    return bound.sources()


def _refuse(code: object, message: str, at: str) -> None:
    raise AssertionError(f"{at}: {message} ({code})")
