"""Workflows of small steps, and a site to run them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holotype.scheduling import Input, Output, Resources, Sample, Site, Stage, Step, Workflow

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SMALL", "counted", "copying", "joining", "samples_in", "site_in", "splitting", "whole"]

SMALL = Resources(memory="64 MiB")


def site_in(folder: Path, **more: Any) -> Site:
    """A site with room for four at once."""
    given: dict[str, Any] = {"cpus": 4, "memory": 1 << 30, **more}
    return Site(folder / "site", **given)


def samples_in(folder: Path, *names: str, lines: int = 3) -> list[Sample]:
    """Samples with a text of some lines each."""
    made: list[Sample] = []
    for name in names:
        path = folder / f"{name}.txt"
        path.write_text("".join(f"{name} {n}\n" for n in range(lines)), encoding="utf-8")
        made.append(Sample(name, {"text": path}))
    return made


def copying(name: str = "copy", *, command: str | tuple[str, ...] = "cat {text} > {out}", **more: Any) -> Stage:
    """A stage that makes a text of a text."""
    given: dict[str, Any] = {"inputs": {"text": Input()}, "outputs": {"out": Output("out.txt")}, "resources": SMALL}
    return Stage(name=name, command=command, **{**given, **more})


def splitting() -> Stage:
    """A stage that makes a file of each line."""
    outputs = {"parts": Output("part.*", many=True)}
    return Stage(
        name="split", command="split -l 1 {text} part.", inputs={"text": Input()}, outputs=outputs, resources=SMALL
    )


def joining(name: str = "join", **more: Any) -> Stage:
    """A stage that puts texts together."""
    given: dict[str, Any] = {
        "command": "cat {texts} > {out}",
        "inputs": {"texts": Input(many=True)},
        "outputs": {"out": Output("all.txt")},
        "resources": SMALL,
    }
    return Stage(name=name, **{**given, **more})


def counted(tally: Path, command: str) -> str:
    """A command that leaves a mark each time it is run."""
    return f"echo x >> '{tally}'; {command}"


def whole(**stages: Stage) -> Workflow:
    """Split each sample's text, change each part, join them, and join those of all samples."""
    change = stages.get("change") or copying("change", command="tr a-z A-Z < {text} > {out}")
    return Workflow(
        name="whole",
        inputs={"text": Input()},
        steps={
            "split": Step(stages.get("split") or splitting(), {"text": "text"}),
            "change": Step(change, {"text": "split.parts"}, scatter="text"),
            "join": Step(stages.get("join") or joining(), {"texts": "change.out"}),
            "gather": Step(stages.get("gather") or joining("gather"), {"texts": "join.out"}, per="run"),
        },
        outputs={"each": "join.out", "all": "gather.out"},
    )
