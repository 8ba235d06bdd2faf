"""Stages done one after the other, each in a folder of its own with nothing but what it says that it needs."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.scheduling import Load, Stage, When
from holotype.scheduling.declaring.templates import path_with
from holotype.validators import Examination

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from holotype.scheduling.declaring.policies import Action
    from holotype.validators import Report

NEEDS = ("bash",)

Given = Path | list[Path] | None


@dataclass(frozen=True)
class Done:
    """How it went; ``outputs``: those that are there."""

    status: int
    said: str
    outputs: Mapping[str, list[Path]] = field(default_factory=dict)
    report: Report | None = None

    @property
    def sound(self) -> bool:
        return self.status == 0 and self.report is not None and self.report.ok

    def one(self, name: str) -> Path:
        (path,) = self.outputs[name]
        return path

    def action(self, stage: Stage) -> Action:
        """What the stage's rules say is to be done about it."""
        return next(rule.do for rule in stage.errors if _fits(rule.when, self.status, self.said))


def _fits(when: When, status: int, said: str) -> bool:
    kinds = {"exit", "any"}
    codes: tuple[int, ...] = when.codes if isinstance(when.codes, tuple) else (when.codes,)
    return (
        bool(kinds & set(when.failures))
        and (not codes or status in codes)
        and (when.says is None or re.search(when.says, said) is not None)
    )


def beside(path: Path, ending: str) -> Path:
    return path.with_suffix(ending[1:]) if ending.startswith("^") else path.with_name(path.name + ending)


def do(
    stage: Stage,
    folder: Path,
    inputs: Mapping[str, Given],
    *,
    sample: str = "liver",
    path: str | None = None,
    **parameters: Any,
) -> Done:
    """Do a stage, as a place will; its outputs are validated, and held against its thresholds."""
    given = {name: _placed(folder / "given", stage, name, each) for name, each in inputs.items()}
    work = folder / "work"
    work.mkdir(parents=True)
    values = {name: each.default for name, each in stage.parameters.items() if not each.required}
    values |= {name: stage.parameters[name].taken(value) for name, value in parameters.items()}
    sizes = {name: sum(each.stat().st_size for each in _several(paths)) for name, paths in given.items()}
    load = Load(input_size=sum(sizes.values()), files=len(sizes), parameters=values, sizes=sizes)
    needs = stage.resources.needs(load)
    named = {"sample": sample, "run": "r1", "stage": stage.name}
    paths = {name: path_with(each.path, values | named) for name, each in stage.outputs.items()}
    if stage.call is not None:
        own: Any = {name: work / each for name, each in paths.items()}
        stage.call(**{**{name: given.get(name) for name in stage.inputs}, **own, **values})
        return Done(0, "", *_outputs(stage, work, paths))
    template = stage.template
    assert template is not None
    everything = {
        **dict.fromkeys(stage.inputs),
        **{name: _texts(each) for name, each in given.items()},
        **paths,
        **values,
        **named,
        **{"attempt": 1, "cpus": needs.cpus, "memory": needs.memory, "gpus": 0, "scratch": "."},
    }
    filled = template.filled(everything)
    command = ["bash", "-euo", "pipefail", "-c", *filled] if template.shell else [*filled]
    environment = os.environ | ({} if path is None else {"PATH": path})
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, check=False, timeout=600)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode:
        return Done(done.returncode, said)
    return Done(0, said, *_outputs(stage, work, paths))


def _placed(folder: Path, stage: Stage, name: str, given: Given) -> Given:
    """Its input files, and of what lies beside them only what it asks for."""
    if not given:
        return None
    port = stage.inputs[name]
    placed: list[Path] = []
    for number, path in enumerate(_several(given)):
        place = folder / f"{name} {number}" / path.name
        place.parent.mkdir(parents=True)
        place.symlink_to(path)
        for ending in port.beside:
            assert beside(path, ending).exists(), f"{stage.name} asks for {ending} beside {path.name}"
            beside(place, ending).symlink_to(beside(path, ending))
        placed.append(place)
    return placed if port.many else placed[0]


def _several(given: Given) -> Sequence[Path]:
    return [] if given is None else given if isinstance(given, list) else [given]


def _texts(given: Given) -> Any:
    return [str(each) for each in given] if isinstance(given, list) else None if given is None else str(given)


def _outputs(stage: Stage, work: Path, paths: Mapping[str, str]) -> tuple[dict[str, list[Path]], Report]:
    looking = Examination(thresholds=stage.thresholds)
    found: dict[str, list[Path]] = {}
    subjects = []
    for name, output in stage.outputs.items():
        there = (
            sorted(work.glob(paths[name])) if output.many else [each for each in [work / paths[name]] if each.exists()]
        )
        assert there or output.optional, f"{stage.name} made no {name}: there is {sorted(_names(work))}"
        for each in there:
            for ending in output.beside:
                assert beside(each, ending).exists(), f"{stage.name} made no {ending} beside {each.name}"
            if output.format is not None:
                subjects.append(looking.subject(each, name=each.name, format=output.format))
        found[name] = there
    for _ in looking.look_at_all(subjects):
        pass
    return found, looking.report()


def _names(folder: Path) -> Iterable[str]:
    return (str(each.relative_to(folder)) for each in folder.rglob("*"))


def wrong(done: Done) -> list[tuple[str, str]]:
    """The errors that were found in what was made."""
    assert done.report is not None, done.said
    rows = done.report.findings.to_pylist()
    return [(row["code"], row["message"]) for row in rows if row["severity"] == "error"]
