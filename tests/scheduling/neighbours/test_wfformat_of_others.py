"""Traces of others in WfFormat: read as what they say, of any version; nothing in them is run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import InvalidOption, WorkflowInvalid
from holotype.scheduling import LocalPlace, Sample, Scheduler, Site, Trace, Workflow, analyse, import_wfformat

from ...effort import share
from .traces import FIVE, FOUR

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(name="reading")
def _reading(tmp_path: Path) -> Callable[..., Trace]:
    """Something that reads a trace of plain values."""

    def reading(document: object, **options: Any) -> Trace:
        path = tmp_path / "trace.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return import_wfformat(path, **options)

    return reading


def test_a_trace_of_another_system_becomes_a_recorded_run(reading: Callable[..., Trace]) -> None:
    trace = reading(FIVE)
    tasks = trace.tables["tasks"].sort("task")
    assert tasks.select("task", "stage", "state", "needs").rows() == [
        ("bwa_ID000001", "bwa", "done", []),
        ("bwa_ID000002", "bwa", "done", []),
        ("cat_ID000003", "cat", "done", ["bwa_ID000001", "bwa_ID000002"]),
    ]
    attempts = trace.tables["attempts"].sort("task")
    assert attempts["wall"].to_list() == [0.3, 0.2, 0.1]
    assert attempts.select("cpu", "cpus", "memory", "command").row(0) == (
        pytest.approx(0.45), 2, 87824, "bwa mem 'a b' '; rm -rf /'",
    )  # fmt: skip
    assert attempts["began"].null_count() == 3
    (run,) = trace.tables["runs"].rows(named=True)
    assert (run["operator"], run["machine"], run["tasks"]) == ("cc", "ubuntu", 3)
    assert (run["ended"] - run["began"]).total_seconds() == 9.5
    files = trace.tables["task_files"].filter(pl.col("task") == "cat_ID000003")
    assert files.select("direction", "path", "size", "digest").rows() == [
        ("used", "a.sam", 1000, ""), ("used", "b.sam", 1000, ""), ("made", "all.sam", 1000, ""),
    ]  # fmt: skip
    told = {loss.where: str(loss) for loss in trace.lost}
    assert {
        "workflow.repo",
        "workflow.execution.tasks.energyInKWh",
        "tasks.bwa_ID000001.coreCount",
        "files",
    } <= told.keys()
    assert "when 3 of them began" in told["tasks"]


def test_taken_to_have_begun_as_early_as_could_be_it_is_analysed(
    reading: Callable[..., Trace],
) -> None:
    trace = reading(FIVE, earliest=True)
    began = dict(trace.tables["attempts"].select("task", "began").rows())
    start = datetime(2023, 5, 10, 16, 23, 32, tzinfo=UTC)
    assert began["bwa_ID000001"] == began["bwa_ID000002"] == start
    assert (began["cat_ID000003"] - start).total_seconds() == pytest.approx(0.3)
    told = analyse(trace.tables)
    assert told.critical_path["task"].to_list() == ["bwa_ID000001", "cat_ID000003"]
    assert told.bottleneck is not None
    assert told.bottleneck.name == "bwa"
    assert told.bottleneck.seconds == pytest.approx(0.3)


def test_older_versions_say_everything_in_one_place_and_by_names(reading: Callable[..., Trace]) -> None:
    trace = reading(FOUR)
    assert trace.tables["tasks"].sort("task").select("task", "node", "needs").rows() == [
        ("chr21_chr21_ID0000001", "chr21", ["map_ID0000037"]),
        ("map_ID0000037", "map", []),
    ]
    attempts = trace.tables["attempts"].sort("task")
    assert attempts.select("wall", "cpu", "cpus", "command").row(0) == (2.115, pytest.approx(1.0575), 2, "chr21 -b")
    assert trace.tables["runs"]["began"][0] == datetime(2020, 4, 8, 17, 11, 4, tzinfo=UTC)
    assert trace.tables["task_files"]["path"].to_list() == ["m.map", "m.map", "out/o"]
    assert "workflow.tasks.type" in {loss.where for loss in trace.lost}
    before = {**FOUR, "schemaVersion": "1.2", "workflow": {
        "makespan": 3, "executedAt": "2020-04-08",
        "jobs": [{"name": "a", "runtime": 1, "memory": 5, "bytesRead": 6,
                  "files": [{"link": "input", "name": "f", "size": 1}]},
                 {"name": "b", "runtime": 2, "parents": ["a"], "arguments": ["-x"]}],
    }}  # fmt: skip
    oldest = reading(before)
    assert oldest.tables["attempts"].sort("task").select("wall", "memory", "read", "command").rows() == [
        (1.0, 5000, 6, None), (2.0, None, None, "-x"),
    ]  # fmt: skip
    assert oldest.tables["tasks"].sort("task")["needs"].to_list() == [[], ["a"]]


def test_what_only_names_its_children_is_their_parent(reading: Callable[..., Trace]) -> None:
    document = json.loads(json.dumps(FIVE))
    for task in document["workflow"]["specification"]["tasks"]:
        task["parents"] = []
    assert reading(document).tables["tasks"].sort("task")["needs"].to_list()[2] == ["bwa_ID000001", "bwa_ID000002"]


def replayed(workflow: Workflow, folder: Path) -> pl.DataFrame:
    place = LocalPlace(folder / "site" / "jobs")
    try:
        with Scheduler(Site(folder / "site", cpus=4, memory=1 << 30), place) as scheduler:
            run = scheduler.start(workflow, [Sample("once")])
            scheduler.work(timeout=120)
            assert run.outcome().state == "done", run.tasks()
            sizes = [Path(path).stat().st_size for path in run.outputs("cat_ID000003")]
            return run.tasks().with_columns(sizes=pl.lit(sizes))
    finally:
        place.close()


def test_a_trace_is_replayed_by_tasks_that_only_take_as_long(reading: Callable[..., Trace], tmp_path: Path) -> None:
    trace = reading(FIVE)
    workflow = trace.replay(scale=0.5, data=2.0, memory=True)
    assert {name: step.parameters["seconds"] for name, step in workflow.steps.items()} == {
        "bwa_ID000001": 0.15, "bwa_ID000002": 0.1, "cat_ID000003": 0.05,
    }  # fmt: skip
    assert workflow.steps["bwa_ID000001"].parameters["footprint"] == 64 << 20
    assert workflow.steps["cat_ID000003"].inputs == {"after": ("bwa_ID000001.out", "bwa_ID000002.out")}
    done = replayed(workflow, tmp_path)
    assert done["state"].to_list() == ["done"] * 3
    assert done["sizes"].to_list()[0] == [2000]


def test_it_may_calculate_all_the_while(reading: Callable[..., Trace], tmp_path: Path) -> None:
    workflow = reading(FIVE).replay(busy=True, data=1)
    assert workflow.steps["bwa_ID000001"].parameters["busy"] == 2
    assert replayed(workflow, tmp_path)["sizes"].to_list()[0] == [1000]
    with pytest.raises(InvalidOption, match="-1 is no part"):
        reading(FIVE).replay(scale=-1)


# -- what is no trace


def changed(**said: Any) -> dict[str, Any]:
    """The trace with other tasks, or other executions."""
    document: dict[str, Any] = json.loads(json.dumps(FIVE))
    document["workflow"]["specification"] |= {key: each for key, each in said.items() if key in ("tasks", "files")}
    document["workflow"]["execution"]["tasks"] = said.get("executed", [])
    return document


def task(id: Any = "a", **said: Any) -> dict[str, Any]:
    return {"name": "a", "id": id, "parents": [], "children": [], **said}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("[", "it cannot be read"),
        ("[" * 100_000, "it cannot be read"),
        ('{"a": ' + "1" * 10_000 + "}", "it cannot be read"),
        ([], "the trace is no object"),
        ({"schemaVersion": "2.0"}, "'2.0' is no version"),
        ({"schemaVersion": ["1.5"]}, "is no version"),
        ({"schemaVersion": "1.5", "name": "x"}, "workflow is no object"),
        ({"schemaVersion": "1.4", "name": "x", "workflow": {}}, "workflow.jobs is no list"),
        ({**FIVE, "name": 7}, "name: '7' is no name"),
        (changed(tasks=[]), "there are no tasks"),
        (changed(tasks={}), "tasks is no list"),
        (changed(tasks=[7]), "tasks.0 is no object"),
        (changed(tasks=[task(), task()]), "there are two tasks a"),
        (changed(tasks=[task(id=["a"])]), "is no name"),
        (changed(tasks=[task(id="x" * 5000)]), "is no name"),
        (changed(tasks=[task(id="a\0b")]), "is no name"),
        (changed(tasks=[task(id="\udc80")]), "is no name"),
        (changed(tasks=[task(parents="a")]), "parents is no list"),
        (changed(tasks=[task(parents=["none"])]), "a speaks of none, and there is no such task"),
        (changed(tasks=[task(children=["none"])]), "a speaks of none"),
        (changed(tasks=[task(parents=["a"])]), "need each other in a circle: a needs a"),
        (changed(tasks=[task("a", parents=["b"]), task("b", parents=["a"])]), "need each other in a circle"),
        (changed(tasks=[task(inputFiles=[1])]), "'1' is no name"),
        (changed(tasks=[task()], files=[3]), "files.0 is no object"),
    ],
)
def test_what_is_no_trace_is_refused_with_all_that_is_wrong(
    document: object, problem: str, reading: Callable[..., Trace]
) -> None:
    with pytest.raises(WorkflowInvalid) as refused:
        reading(document)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("executed", "told"),
    [
        ({"runtimeInSeconds": -1}, "-1: it is no amount"),
        ({"runtimeInSeconds": "long"}, "long: it is no amount"),
        ({"runtimeInSeconds": True}, "True: it is no amount"),
        ({"runtimeInSeconds": float("nan")}, "nan: it is no amount"),
        ({"runtimeInSeconds": 1e300}, "1e+300: it is no amount"),
        ({}, "how long it took is not said"),
        ({"runtimeInSeconds": 1, "executedAt": "05-10-23T16:23:32Z"}, "it is no time as ISO 8601 has it"),
        ({"runtimeInSeconds": 1, "command": {"program": 7}}, "it is no program with arguments"),
        ({"runtimeInSeconds": 1, "holotype": {"failure": "boredom"}}, "it is nothing that was ever written there"),
        ({"runtimeInSeconds": 1, "holotype": {"code": "x", "licences": 7}}, "it is nothing that was ever written"),
    ],
)
def test_what_is_wrong_with_a_number_is_told_and_the_rest_is_read(
    executed: dict[str, Any], told: str, reading: Callable[..., Trace]
) -> None:
    trace = reading(changed(tasks=[task()], files=[], executed=[{"id": "a", **executed}]))
    assert any(told in str(loss) for loss in trace.lost), trace.lost
    assert trace.tables["tasks"]["task"].to_list() == ["a"]


def test_odd_files_and_tasks_of_the_execution_are_told(reading: Callable[..., Trace]) -> None:
    files = [{"id": "f", "sizeInBytes": -1}, {"id": "f", "sizeInBytes": 2}, {"id": "g", "sizeInBytes": 3}]
    executed = [{"id": "b", "runtimeInSeconds": 1}]
    trace = reading(changed(tasks=[task(inputFiles=["f", "h"])], files=files, executed=executed))
    assert trace.tables["task_files"].select("path", "size").rows() == [("f", None), ("h", None)]
    told = " ".join(map(str, trace.lost))
    for each in ("there is another file of this name", "its size is not said", "b: there is no such task in the"):
        assert each in told
    assert trace.tables["tasks"]["state"].to_list() == ["ready"]
    late = {"executedAt": "9999-12-31T23:59:59Z", "makespanInSeconds": 9}
    early = reading({**FIVE, "workflow": {**FIVE["workflow"], "execution": late}})
    assert early.tables["runs"]["ended"].to_list() == [None]


def test_what_says_to_be_ours_is_not_believed_everything(reading: Callable[..., Trace]) -> None:
    own = {"task": "b", "state": "glorious", "element": -1, "grades": [1], "sample": "\udc80"}
    document = changed(
        tasks=[task(holotype=own), task("b"), task("c", holotype={"ports": {"used": {"x": 7}}}), task("d", holotype=7)]
    )
    document["holotype"] = {"samples": [{"state": "?"}, 7], "tools": 3, "state": "x"}
    trace = reading(document)
    assert trace.tables["tasks"].sort("task").select("task", "sample", "state").rows() == [
        ("a", None, "ready"), ("b", None, "ready"), ("c", None, "ready"), ("d", None, "ready"),
    ]  # fmt: skip
    assert trace.tables["runs"].select("state", "tools").row(0) == ("done", "{}")


def test_a_trace_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.scheduling.neighbours.wfformat.reading._LARGEST", 10)
    (tmp_path / "t.json").write_text(json.dumps(FIVE))
    with pytest.raises(WorkflowInvalid, match="it has more than 0 MiB"):
        import_wfformat(tmp_path / "t.json")
    monkeypatch.undo()
    monkeypatch.setattr("holotype.scheduling.neighbours.wfformat.reading._MOST_TASKS", 2)
    with pytest.raises(WorkflowInvalid, match="at most 2 are read"):
        import_wfformat(tmp_path / "t.json")
    with pytest.raises(FileNotFoundError):
        import_wfformat(tmp_path / "none.json")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(data=st.data())
@settings(max_examples=share(150), deadline=None)
def test_whatever_stands_anywhere_it_is_read_or_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from([FIVE, FOUR]))))
    spots = list(places(document))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = data.draw(JSON)
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        trace = import_wfformat(path, earliest=True)
    except WorkflowInvalid:
        return
    assert trace.tables["tasks"].height >= 1
    assert trace.replay().steps


def places(value: Any) -> Any:
    """Every place in a document: what it is in, and its key."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])
