"""Workflows of CWL, carried over: steps, sources, scatters, conditions, and workflows within workflows."""

from __future__ import annotations

import json
from contextlib import suppress
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import First, Imported, Setting, Stage, Workflow, import_cwl

from ...effort import share

if TYPE_CHECKING:
    from pathlib import Path

TOOL = """
    cwlVersion: v1.2
    class: CommandLineTool
    baseCommand: [sort]
    inputs:
      text: {type: File, inputBinding: {position: 1}}
      reverse: {type: boolean, default: false, inputBinding: {prefix: -r}}
    stdout: sorted.txt
    outputs: {sorted: stdout}
"""
MERGE = """
    cwlVersion: v1.2
    class: CommandLineTool
    baseCommand: [cat]
    inputs: {texts: {type: "File[]", inputBinding: {}}}
    stdout: all.txt
    outputs: {all: stdout}
"""
WHOLE = """
    cwlVersion: v1.2
    class: Workflow
    doc: Sorts and merges
    requirements: [{class: ScatterFeatureRequirement}, {class: MultipleInputFeatureRequirement}]
    inputs:
      texts: File[]
      one: File
      down: boolean
    steps:
      sort:
        run: tools/sort.cwl
        scatter: text
        in: {text: texts, reverse: down}
        out: [sorted]
      again:
        run: tools/sort.cwl
        when: $(inputs.reverse)
        in: {text: one, reverse: {source: down}}
        out: [sorted]
      merge:
        run: merge.cwl
        in: {texts: {source: [sort/sorted, one], linkMerge: merge_flattened}}
        out: [all]
      pick:
        run: tools/sort.cwl
        in: {text: {source: [again/sorted, one], pickValue: first_non_null}, reverse: {default: true}}
        out: [sorted]
    outputs:
      all: {type: File, outputSource: merge/all}
      picked: {type: File, outputSource: pick/sorted}
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in {"tools__sort": TOOL, "merge": MERGE, "whole": WHOLE, **files}.items():
        path = folder / f"{name.replace('__', '/')}.cwl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    return folder / "whole.cwl"


def workflow_of(result: Imported) -> Workflow:
    assert result.workflow is not None
    return result.workflow


def lost(result: Imported) -> list[str]:
    return [each.where for each in result.lost]


def test_a_workflow_comes_whole_and_can_be_checked(tmp_path: Path) -> None:
    result = import_cwl(written(tmp_path))
    assert result.lost == ()
    workflow = workflow_of(result)
    assert (workflow.name, workflow.about) == ("whole", "Sorts and merges")
    assert set(result.stages) == {"sort", "merge"}
    sort, again, merge, pick = (workflow.steps[name] for name in ("sort", "again", "merge", "pick"))
    assert sort.stage is again.stage is pick.stage is result.stages["sort"]
    assert (sort.inputs, sort.scatter) == ({"text": ("texts",)}, ("text",))
    assert dict(sort.parameters) == {"reverse": Setting("down")}
    assert again.when == "down"
    assert merge.inputs == {"texts": ("sort.sorted", "one")}
    assert pick.inputs == {"text": First("again.sorted", "one")}
    assert pick.parameters == {"reverse": True}
    assert workflow.outputs == {"all": "merge.all", "picked": "pick.sorted"}
    report = workflow.check()
    assert report.ok, report


def test_what_all_samples_have_in_common_is_said(tmp_path: Path) -> None:
    workflow = workflow_of(import_cwl(written(tmp_path), shared=["one"]))
    assert [name for name, port in workflow.inputs.items() if port.shared] == ["one"]


def test_a_packed_document_is_the_same(tmp_path: Path) -> None:
    graph: list[dict[str, Any]] = [
        {
            "class": "Workflow",
            "id": "#main",
            "inputs": [{"id": "#main/texts", "type": {"type": "array", "items": "File"}}],
            "outputs": [{"id": "#main/out", "type": "File", "outputSource": "#main/merge/all"}],
            "steps": [
                {
                    "id": "#main/merge",
                    "run": "#merge.cwl",
                    "in": [{"id": "#main/merge/texts", "source": "#main/texts"}],
                    "out": ["#main/merge/all"],
                }
            ],
        },
        {
            "class": "CommandLineTool",
            "id": "#merge.cwl",
            "baseCommand": "cat",
            "inputs": [{"id": "#merge.cwl/texts", "type": ["null", "File"]}],
            "outputs": [{"id": "#merge.cwl/all", "type": "stdout"}],
        },
    ]
    (tmp_path / "w.json").write_text(json.dumps({"cwlVersion": "v1.0", "$graph": graph}))
    result = import_cwl(tmp_path / "w.json")
    (step,) = workflow_of(result).steps.values()
    assert step.inputs == {"texts": ("texts",)}
    assert workflow_of(result).outputs == {"out": "merge.all"}
    with pytest.raises(WorkflowInvalid, match="there is no process other in it: there is main, merge"):
        import_cwl(tmp_path / "w.json", name="other")
    assert import_cwl(tmp_path / "w.json", name="merge.cwl").workflow is None


def test_workflows_stand_within_workflows(tmp_path: Path) -> None:
    outer = """
        cwlVersion: v1.2
        class: Workflow
        inputs: {texts: "File[]", one: File}
        steps:
          inner: {run: whole.cwl, in: {texts: texts, one: one, down: {default: true}}, out: [all]}
        outputs: {all: {type: File, outputSource: inner/all}}
    """
    written(tmp_path, outer=outer)
    result = import_cwl(tmp_path / "outer.cwl")
    workflow = workflow_of(result)
    inner = workflow.steps["inner"].stage
    assert isinstance(inner, Workflow)
    assert inner == workflow_of(import_cwl(tmp_path / "whole.cwl"))
    assert workflow.check().ok


STOPS = {
    "a condition in JavaScript": ("when: $(inputs.reverse)", "when: $(inputs.reverse && 1)", "whole.steps.again.when"),
    "a value from JavaScript": ("{default: true}", "{valueFrom: $(1 + 1)}", "whole.steps.pick.in.reverse"),
    "a source that is nowhere": ("text: one,", "text: nowhere,", "whole.steps.again.in.text"),
    "all crossed, and nested": ("scatter: text", "scatter: text\n        scatterMethod: nested_crossproduct", None),
    "the only one": ("pickValue: first_non_null", "pickValue: the_only_non_null", "whole.steps.pick.in.text"),
    "scattered over nothing": ("scatter: text", "scatter: nothing", "whole.steps.sort.scatter"),
}


@pytest.mark.parametrize("what", STOPS)
def test_a_step_that_would_do_something_else_does_nothing_and_that_is_told(what: str, tmp_path: Path) -> None:
    old, new, where = STOPS[what]
    assert old in WHOLE
    result = import_cwl(written(tmp_path, whole=WHOLE.replace(old, new)))
    assert (where or "whole.steps.sort.scatterMethod") in lost(result)
    (name,) = result.without_command
    assert name in [step.stage.name for step in workflow_of(result).steps.values()]


def test_what_is_not_understood_of_steps_and_results_is_told(tmp_path: Path) -> None:
    whole = WHOLE.replace("out: [all]", "out: [all]\n        s:note: x").replace(
        "merge/all}", "merge/all, pickValue: x}"
    )
    whole = whole.replace("pick/sorted}", "[pick/sorted, one]}")
    result = import_cwl(written(tmp_path, whole=whole))
    assert set(lost(result)) == {"whole.steps.merge.s:note", "whole.outputs.all.pickValue", "whole.outputs.picked"}


def test_stages_that_are_handed_in_are_taken(tmp_path: Path) -> None:
    own = Stage(name="merge", command="x")
    result = import_cwl(written(tmp_path, merge=MERGE.replace("[cat]", "[]")), stages={"merge": own})
    assert workflow_of(result).steps["merge"].stage is own


HOSTILE = {
    "a file outside": ("run: merge.cwl", "run: ../merge.cwl", "lies outside"),
    "a file anywhere": ("run: merge.cwl", "run: /etc/passwd", "lies outside"),
    "another machine": ("run: merge.cwl", "run: https://example.org/x.cwl", "nothing is fetched"),
    "itself": ("run: merge.cwl", "run: whole.cwl", "within themselves"),
    "an import of itself": ("run: merge.cwl", "run: {$import: whole.cwl}", "has no end"),
    "an import outside": ("run: merge.cwl", "run: {$import: ../x.cwl}", "lies outside"),
    "text from outside": ("run: merge.cwl", "run: {$include: ../x.cwl}", "lies outside"),
    "a mixin": ("run: merge.cwl", "run: {$mixin: x.cwl}", "cannot be put in"),
    "no version": ("cwlVersion: v1.2", "cwlVersion: v7", "'v7'"),
    "nothing to run": ("run: merge.cwl", "run: 3", "no process"),
    "references": ("doc: Sorts and merges", "doc: [&a x, *a]", "references are not followed"),
    "depth": ("doc: Sorts and merges", f"doc: {'[' * 150}{']' * 150}", "levels deep"),
    "far more depth": ("doc: Sorts and merges", f"doc: {'[' * 5000}", "cannot be read"),
    "objects": ("doc: Sorts and merges", "doc: !!python/object/apply:os.getpid []", "cannot be read"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_is_refused(what: str, tmp_path: Path) -> None:
    old, new, why = HOSTILE[what]
    assert old in WHOLE
    (tmp_path / "within").mkdir()
    with pytest.raises(WorkflowInvalid, match=why):
        import_cwl(written(tmp_path / "within", whole=WHOLE.replace(old, new)))


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "within").mkdir()
    path = written(tmp_path / "within")
    (tmp_path / "secret.cwl").write_text(dedent(MERGE))
    (tmp_path / "within" / "merge.cwl").unlink()
    (tmp_path / "within" / "merge.cwl").symlink_to(tmp_path / "secret.cwl")
    with pytest.raises(WorkflowInvalid, match="lies outside"):
        import_cwl(path)
    assert import_cwl(path, folder=tmp_path).lost == ()


def test_a_few_imports_do_not_become_millions(tmp_path: Path) -> None:
    for number in range(10):
        names = ", ".join(f"{{$import: f{number + 1}.yml}}" for _ in range(10))
        (tmp_path / f"f{number}.yml").write_text(f"[{names}]")
    (tmp_path / "f10.yml").write_text("x")
    (tmp_path / "w.cwl").write_text("cwlVersion: v1.2\nclass: Workflow\ndoc: {$import: f0.yml}\n")
    with pytest.raises(WorkflowInvalid, match="has no end"):
        import_cwl(tmp_path / "w.cwl")


def test_what_is_imported_stands_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "inputs.yml").write_text("texts: {type: 'File[]', doc: {$include: about.txt}}")
    (tmp_path / "about.txt").write_text("All texts")
    result = import_cwl(
        written(tmp_path, merge=MERGE.replace('{texts: {type: "File[]", inputBinding: {}}}', "{$import: inputs.yml}"))
    )
    assert result.stages["merge"].inputs["texts"].about == "All texts"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["File", "a/b", "$(inputs.x)", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "class", "source", "run", "in", "glob", "items", "x"]), inner)
    ),
    max_leaves=6,
)
KEYS = ["inputs", "outputs", "steps", "requirements", "hints", "arguments", "baseCommand", "stdout", "id", "label"]


@settings(max_examples=share(300), deadline=None)
@given(st.sampled_from(["Workflow", "CommandLineTool"]), st.dictionaries(st.sampled_from(KEYS), PLAIN, max_size=4))
def test_whatever_is_said_there_is_an_answer(tmp_path_factory: Any, kind: str, said: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("any") / "w.json"
    path.write_text(json.dumps({"cwlVersion": "v1.2", "class": kind, **said}))
    with suppress(WorkflowInvalid):
        result = import_cwl(path)
        assert result.stages or result.workflow


@pytest.mark.parametrize("said", [{"steps": [{"run": "none.cwl"}]}, {"hints": {"$import": "none.yaml"}}])
def test_a_file_that_is_named_and_not_there_is_told_with_who_names_it(tmp_path: Path, said: dict[str, Any]) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"cwlVersion": "v1.2", "class": "Workflow", **said}))
    with pytest.raises(WorkflowInvalid, match=r"w\.json: none\.\w+ cannot be read: No such file"):
        import_cwl(path)
    with pytest.raises(FileNotFoundError):
        import_cwl(tmp_path / "none.json")
