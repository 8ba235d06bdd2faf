"""Workflows: stages, and what goes from one to the other.

::

    Workflow(
        name="mapping",
        inputs={"reads": Input("fastq", many=True), "genome": Input("fasta", shared=True)},
        steps={
            "trim": Step(trim, {"reads": "reads"}),
            "align": Step(align, {"reads": "trim.reads", "reference": "genome"}),
        },
        outputs={"bam": "align.bam"},
    )
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .checking.order import Order, this_operator
from .declaring.expressions import RESERVED, Expression
from .declaring.frozen import Frozen, nothing
from .declaring.problems import Problems, named
from .samples.sample import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars

    from holotype.validators import Cost, Report

    from .declaring.parameters import Parameter
    from .declaring.ports import Input
    from .declaring.steps import Step
    from .samples.sample import Files, Sample
    from .site import Site

__all__ = ["Workflow"]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """Steps, by their names.

    ``inputs``: what comes from outside: for each sample, or ``shared`` by all.  ``parameters``: what ``Setting`` and
    ``when`` speak of.  ``outputs``: what is a result, each a source.  Whether it can work, all problems at once, is
    asked with ``check``; what cannot mean anything at all raises ``WorkflowInvalid``.
    """

    name: str
    steps: Mapping[str, Step]
    inputs: Mapping[str, Input] = field(default_factory=nothing)
    parameters: Mapping[str, Parameter] = field(default_factory=nothing)
    outputs: Mapping[str, str] = field(default_factory=nothing)
    version: str = "1"
    about: str = ""

    def __post_init__(self) -> None:
        for name in ("steps", "inputs", "parameters", "outputs"):
            object.__setattr__(self, name, Frozen(getattr(self, name)))
        problems = Problems(f"the workflow {self.name}")
        if problem := named(self.name, "a workflow"):
            problems.add(problem)
        kinds = (("steps", "a step"), ("inputs", "an input"), ("parameters", "a parameter"), ("outputs", "an output"))
        for kind, what in kinds:
            for name in getattr(self, kind):
                if problem := named(name, what):
                    problems.add(problem, at=kind)
        for name in sorted(RESERVED & self.parameters.keys()):
            problems.add(f"{name} means something else already", at="parameters")
        for name in sorted(self.inputs.keys() & self.parameters.keys()):
            problems.add(f"{name} is an input too", at="parameters")
        if not self.steps:
            problems.add("it has no steps")
        for name, step in self.steps.items():
            if step.when is not None:
                with problems.catching(at=f"steps.{name}.when"):
                    Expression(step.when)
        problems.raise_any()

    def check(
        self,
        samples: Iterable[Sample] | None = None,
        site: Site | None = None,
        *,
        shared: Mapping[str, Files] | None = None,
        parameters: Mapping[str, Any] | None = None,
        cost: Cost | str = "sample",
        project: str = "",
        operator: str | None = None,
        name: str | None = None,
    ) -> Report:
        """What would go wrong, all of it, before anything runs.

        By itself: how its steps hang together.  With ``samples``, and ``shared`` files and ``parameters`` by their
        names: whether they are what it takes, the files are there and sound (``cost``: how much of each is looked at),
        in pairs and of one reference.  With a ``site``: whether it has the programs, in their versions, and what tasks
        need, and whether a ``project``, and an ``operator``, by default who asks, may use so much of it; with the
        run's ``name``: whether there is one.  Errors forbid a run, warnings are kept with it; a finding's ``record``
        says where.
        """
        # What looks at data brings Arrow along, which declaring does without.
        from .checking.check import check_order, check_workflow

        if samples is None and shared is None and parameters is None:
            return check_workflow(self, site)
        given = {name: paths_of(each) for name, each in (shared or {}).items()}
        who = this_operator() if operator is None else operator
        order = Order(self, tuple(samples or ()), given, dict(parameters or {}), site, project, who, name)
        return check_order(order, cost=cost)

    def dry_run(
        self,
        samples: Iterable[Sample],
        site: Site,
        *,
        shared: Mapping[str, Files] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> polars.DataFrame:
        """Every task there would be, with its command, and nothing is run.  See ``running/foreseeing.py``.

        It is for what ``check`` finds well: raises ``ValueError`` for what is not.
        """
        from .running.foreseeing import foresee

        given = {name: paths_of(each) for name, each in (shared or {}).items()}
        return foresee(Order(self, tuple(samples), given, dict(parameters or {}), site), site=site.folder)
