"""What a task has made is found by its name, or by a pattern where only the program knows the name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from holotype.scheduling import Input, Output, Stage, Step, Workflow

from .making import copying, joining, samples_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from holotype.scheduling import Scheduler

    Scheduling = Callable[[], AbstractContextManager[Scheduler]]


def drawing(command: str, output: Output) -> Workflow:
    """A stage that draws a page, whose name it chooses, and one that takes a page."""
    page = copying("page", command=command, outputs={"page": output})
    taker: Stage = joining("take", command="cat {page} > {out}", inputs={"page": Input()})
    return Workflow(
        name="drawing",
        inputs={"text": Input()},
        steps={"page": Step(page, {"text": "text"}), "take": Step(taker, {"page": "page.page"})},
        outputs={"page": "page.page", "taken": "take.out"},
    )


def why(scheduling: Scheduling, folder: Path, command: str, output: Output) -> str:
    """Why the sample was stopped."""
    with scheduling() as scheduler:
        run = scheduler.start(drawing(command, output), samples_in(folder, "a"))
        scheduler.work()
        assert run.outcome().state == "failed"
        return str(run.samples()["why"][0])


@pytest.mark.parametrize("path", ["*_fastqc.html", "drawn/*.html", "drawn/a?_*"])
def test_the_one_file_that_fits_is_the_output_and_is_taken_by_who_takes_one(
    tmp_path: Path, scheduling: Scheduling, path: str
) -> None:
    where = os.path.dirname(path) or "."
    command = f"cat {{text}} > {where}/a1_fastqc.html; echo > {where}/other.txt; echo > other.html.gz"
    workflow = drawing(command, Output(path))
    assert workflow.check().ok
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "a"))
        scheduler.work()
        assert run.outcome().state == "done", run.samples().to_dicts()
        (page,) = run.outputs("page", "a")
        assert os.path.basename(page) == "a1_fastqc.html"
        (taken,) = run.outputs("taken", "a")
    with open(taken, encoding="utf-8") as file:
        assert file.read() == "a 0\na 1\na 2\n"


def test_where_several_fit_or_none_it_is_said_which_there_are(tmp_path: Path, scheduling: Scheduling) -> None:
    two = why(scheduling, tmp_path, "echo > b.html; echo > a.html; echo > c.txt", Output("*.html"))
    assert "*.html is one file, and there are 2: a.html, b.html" in two
    none = why(scheduling, tmp_path, "echo > drawn/a.htm; echo > drawn/b.txt", Output("drawn/*.html"))
    assert "there is no drawn/*.html, only drawn/a.htm, drawn/b.txt" in none
    assert why(scheduling, tmp_path, "true", Output("*.html")).endswith("there is no *.html (no rule is for this)")
    many = why(scheduling, tmp_path, "touch $(seq 1 30)", Output("?*"))
    assert "there are 30: 1, 10, 11, 12, 13, 14, 15, 16, 17, 18 and 20 more" in many


def test_one_that_need_not_be_there_is_one_all_the_same(tmp_path: Path, scheduling: Scheduling) -> None:
    output = Output("*.html", optional=True)
    assert "is one file" in why(scheduling, tmp_path, "echo > b.html; echo > a.html", output)
    stage = copying("page", command="true {text}", outputs={"page": output})
    workflow = Workflow(name="none", inputs={"text": Input()}, steps={"page": Step(stage, {"text": "text"})})
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "a"))
        scheduler.work()
        assert run.outcome().state == "done"


@pytest.mark.parametrize("more", [{}, {"many": True}], ids=["one", "many"])
def test_brackets_and_what_is_filled_in_are_only_names(tmp_path: Path, scheduling: Scheduling, more: Any) -> None:
    command = "cat {text} > 'a[1].txt'; echo > a1.txt; cp {text} 'a[1].log'; echo > a1.log"
    outputs = {"name": Output("{sample}[1].txt"), "pattern": Output("{sample}[1].lo?", **more)}
    step = Step(copying("odd", command=command, outputs=outputs), {"text": "text"})
    workflow = Workflow(
        name="odd", inputs={"text": Input()}, steps={"odd": step}, outputs={name: f"odd.{name}" for name in outputs}
    )
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "a"))
        scheduler.work()
        assert run.outcome().state == "done", run.samples().to_dicts()
        found = [os.path.basename(path) for name in outputs for path in run.outputs(name, "a")]
    assert found == ["a[1].txt", "a[1].log"]
