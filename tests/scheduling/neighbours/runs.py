"""A run in which something happens: it is tried again, skipped, stopped, and not done twice."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holotype.scheduling import (
    Environment,
    Input,
    LocalPlace,
    Output,
    Parameter,
    Resources,
    Retry,
    Rule,
    Sample,
    Scheduler,
    Setting,
    Site,
    Skip,
    Stage,
    Step,
    StopSample,
    Tool,
    When,
    Workflow,
)
from holotype.scheduling.records.folding import run_tables

if TYPE_CHECKING:
    import pyarrow as pa

    from holotype.scheduling import Run

__all__ = ["NAMES", "Ran", "eventful", "run_in"]

NAMES = ("ann", "ben; touch $(id)", "cleo")
SMALL, LARGE = Resources(memory="64 MiB"), Resources(memory="512 MiB")


@dataclass(frozen=True)
class Ran:
    """A run that is over, and what its tables say."""

    run: Run
    tables: dict[str, pa.Table]
    again: dict[str, pa.Table]
    folder: Path


def eventful(folder: Path) -> Workflow:
    """Texts are marked, copied, and put together; of one there is no rest, and another is stopped."""
    marked = Stage(
        name="mark",
        command=f"test -e '{folder}'/tried-{{sample:%}} || {{{{ touch '{folder}'/tried-{{sample:%}}; exit 3; }}}}\n"
        "sed s/^/{word}/ {text} > {out}",
        inputs={"text": Input("text")},
        outputs={"out": Output("marked.txt", "text")},
        parameters={"word": Parameter(about="What every line begins with"), "deep": Parameter(kind="int", default=2)},
        resources=SMALL,
        environment=Environment(tools=(Tool("sed", ">=1"),), variables={"LC_ALL": "C"}),
        errors=(Rule(When("exit", codes=3), Retry(1)), Rule(When("any"), StopSample("no text"))),
        about="Marks lines",
    )
    risky = Stage(
        name="risk",
        command="grep -v ben {text} > {out}",
        inputs={"text": Input()},
        outputs={"out": Output("rest.txt")},
        resources=SMALL,
        errors=(Rule(When("exit"), Skip("nothing left", grade="without-rest")),),
    )
    copying = Stage(
        name="copy", call=shutil.copyfile, inputs={"src": Input()}, outputs={"dst": Output("copy.txt")}, resources=LARGE
    )
    stopping = Stage(
        name="stopping",
        command="case {text} in *cleo*) exit 1;; esac; cp {text} {out}",
        inputs={"text": Input()},
        outputs={"out": Output("kept.txt")},
        resources=SMALL,
    )
    joining = Stage(
        name="join",
        command="cat {texts} > {out}",
        inputs={"texts": Input(many=True)},
        outputs={"out": Output("all.txt")},
        resources=SMALL,
    )
    return Workflow(
        name="eventful",
        inputs={"text": Input("text")},
        parameters={"word": Parameter(default="> "), "limit": Parameter(kind="float", default=None)},
        steps={
            "mark": Step(marked, {"text": "text"}, parameters={"word": Setting("word")}),
            "keep": Step(stopping, {"text": "mark.out"}),
            "risk": Step(risky, {"text": "keep.out"}),
            "copy": Step(copying, {"src": "keep.out"}),
            "all": Step(joining, {"texts": ("mark.out", "keep.out")}, per="run"),
        },
        outputs={"marked": "mark.out", "rest": "risk.out", "copy": "copy.dst", "all": "all.out"},
        version="2.1",
        about="Something happens",
    )


def run_in(folder: Path) -> Ran:
    """Run it over three samples, and again over the first: nothing is made twice."""
    samples: list[Sample] = []
    for number, name in enumerate(NAMES):
        path = folder / f"{number} {name.split(';')[0]}.txt"
        path.write_text(f"{name.split(';')[0]} {number}\n", encoding="utf-8")
        samples.append(Sample(name, {"text": path}))
    place = LocalPlace(folder / "site" / "jobs")
    workflow = eventful(folder)
    try:
        with Scheduler(Site(folder / "site", cpus=4, memory=1 << 30), place, operator="ana@bench") as scheduler:
            run = scheduler.start(workflow, samples, name="first")
            scheduler.work(timeout=120)
            again = scheduler.start(workflow, samples[:1], name="second")
            scheduler.work(timeout=120)
            tables = [run_tables(Path(each.folder())) for each in (run, again)]
    finally:
        place.close()
    return Ran(run, tables[0], tables[1], folder)
