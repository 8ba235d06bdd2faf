"""An order: a workflow, and what it is to be run over."""

from __future__ import annotations

import getpass
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..samples.sample import Sample
    from ..site import Site
    from ..workflow import Workflow

__all__ = ["Order", "this_operator"]


def this_operator() -> str:
    """Who this process belongs to, and the machine."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (KeyError, OSError, ImportError):  # a number without a name, in a container; Windows has no list of them
        return f"unknown@{platform.node()}"


@dataclass(frozen=True)
class Order:
    """``shared``: the files of inputs that all samples have in common.  ``parameters``: the workflow's.
    ``project``: what for.  ``operator``: who has it done.  Each is empty where nobody said.  ``name``: the run's, if it
    is known.
    """

    workflow: Workflow
    samples: tuple[Sample, ...]
    shared: dict[str, tuple[str, ...]]
    parameters: Mapping[str, Any]
    site: Site | None = None
    project: str = ""
    operator: str = ""
    name: str | None = None

    def files(self) -> Iterator[tuple[str | None, str, str]]:
        """Every file that is given: the sample's name, ``None`` where it is shared, the input, and the path."""
        for name, paths in self.shared.items():
            yield from ((None, name, path) for path in paths)
        for sample in self.samples:
            for name in sample.files:
                yield from ((sample.name, name, path) for path in sample.paths(name))

    def values(self) -> dict[str, Any]:
        """The parameters with their defaults, as far as they can be taken."""
        found = {name: each.default for name, each in self.workflow.parameters.items() if not each.required}
        for name, value in self.parameters.items():
            if name in self.workflow.parameters:
                try:
                    found[name] = self.workflow.parameters[name].taken(value)
                except ValueError:
                    continue  # the check of what is given tells
        return found
