"""What comes of another system's document: what could be carried over, and a list of all that could not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ..declaring.frozen import Frozen, nothing
from ..declaring.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..declaring.ports import Input, Output
    from ..workflow import Workflow

__all__ = ["Exported", "Imported", "Losses", "Loss", "hollow", "kept", "not_carried", "shown"]

# Characters of what was lost that are shown: a script may be pages.
_SHOWN = 200


@dataclass(frozen=True)
class Loss:
    """Something that could not be carried over: ``where`` it stood, ``what`` it said, and ``why`` not."""

    where: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A document of another system.

    ``workflow``: what it describes; ``None`` where it is stages only.  ``stages``: its stages by their names, also
    those that no step of the workflow is.  ``lost``: everything that was not carried over.  What was carried does what
    it did there; a stage whose command was not is there with its inputs and outputs, and fails when it is run: hand in
    one that does the work, ``import_…(path, stages={name: stage})``.
    """

    workflow: Workflow | None = None
    stages: Mapping[str, Stage] = field(default_factory=nothing)
    lost: tuple[Loss, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", Frozen(self.stages))
        object.__setattr__(self, "lost", tuple(self.lost))

    @property
    def without_command(self) -> tuple[str, ...]:
        """The stages whose command could not be carried over."""
        return tuple(name for name, stage in self.stages.items() if stage.call is not_carried)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A workflow, or a run of one, as another system's document.

    ``document``: it, of plain values.  ``lost``: everything that could not be said there.
    """

    document: Mapping[str, Any]
    lost: tuple[Loss, ...] = ()


class Losses:
    """Collects what is lost.  ``stopped`` counts what nothing can be done without."""

    def __init__(self) -> None:
        self.told: list[Loss] = []
        self.stopped = 0

    def add(self, where: str, what: object, why: str) -> None:
        """Something that what is carried does without, and still does the same."""
        lost = Loss(where, shown(what), why)
        if lost not in self.told[-50:]:  # a tool that many steps use is told of once
            self.told.append(lost)

    def stop(self, where: str, what: object, why: str) -> None:
        """Something without which it would not do the same: its command is not carried either."""
        self.stopped += 1
        self.add(where, what, why)

    def unknown(self, given: Mapping[str, Any], known: Iterable[str], *, at: str) -> None:
        """Everything that a part says under a name which is not understood."""
        for name in given.keys() - {*known}:
            self.add(f"{at}.{name}" if at else str(name), given[name], "nothing here is like it")


def shown(what: object) -> str:
    """What was lost, not too much of it."""
    text = what if isinstance(what, str) else repr(what)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def not_carried(**given: object) -> None:
    """Stands in stages whose command could not be carried over from another system.  Raises ``WorkflowInvalid``."""
    named = ", ".join(sorted(given)) or "nothing"
    what = "its command could not be carried over from another system: hand in a stage that does the work"
    raise WorkflowInvalid(f"{what} with {named}", problems=(what,))


def hollow(
    name: str,
    *,
    inputs: Mapping[str, Input] | None = None,
    outputs: Mapping[str, Output] | None = None,
    parameters: Mapping[str, Any] | None = None,
    **rest: Any,
) -> Stage:
    """A stage without its command."""
    return Stage(
        name=name,
        call=not_carried,
        inputs=inputs or {},
        outputs=outputs or {},
        parameters=parameters or {},
        **rest,
    )


def kept(stages: Mapping[str, Stage] | None, made: Stage, losses: Losses, *, at: str) -> Stage:
    """The stage that was handed in for one, if there is; told of is what it lacks of what that would have."""
    given = (stages or {}).get(made.name)
    if given is None:
        return made
    for kind in ("inputs", "outputs", "parameters"):
        for name in getattr(made, kind).keys() - getattr(given, kind).keys():
            losses.add(f"{at}.{kind}.{name}", name, f"the stage that was handed in for {made.name} has none")
    return given
