"""Tools of CWL, carried over: what they do here is what they did there, or it is said that it is not."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import Environment, Imported, Input, Output, Parameter, Stage, Tool, import_cwl

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("ruamel.yaml",)

ALIGN = """
    cwlVersion: v1.2
    class: CommandLineTool
    id: align
    label: Aligns reads
    $namespaces: {edam: "http://edamontology.org/"}
    requirements:
      DockerRequirement: {dockerPull: "quay.io/lab/bwa:0.7.17"}
      ResourceRequirement: {coresMin: 4, ramMin: 8192, tmpdirMin: 10, outdirMin: 20}
      EnvVarRequirement: {envDef: {LC_ALL: C}}
      ToolTimeLimit: {timelimit: 3600}
    hints:
      SoftwareRequirement: {packages: {bwa: {version: ["0.7.17"]}}}
    baseCommand: [bwa, mem]
    arguments:
      - {prefix: -t, valueFrom: $(runtime.cores), position: -1}
      - -M
    inputs:
      reference:
        type: File
        format: edam:format_1929
        secondaryFiles: [.fai, ^.dict]
        inputBinding: {position: 2}
      reads:
        type: File[]
        format: edam:format_1930
        inputBinding: {position: 3}
      seed: {type: int, default: 19, inputBinding: {position: 1, prefix: -k}}
      group: {type: "string?", inputBinding: {position: 1, prefix: -R}}
      quiet: {type: boolean, default: false, inputBinding: {position: 1, prefix: -q}}
      mode:
        type: {type: enum, symbols: [fast, slow]}
        default: fast
        inputBinding: {position: 1, prefix: "--mode=", separate: false}
    stdout: out.sam
    outputs:
      sam: {type: stdout, format: edam:format_2573}
"""


def imported(folder: Path, text: str, *, name: str = "tool.cwl", **options: Any) -> Imported:
    path = folder / name
    path.write_text(dedent(text))
    return import_cwl(path, **options)


def only(result: Imported) -> Stage:
    (stage,) = result.stages.values()
    return stage


def tool(**said: Any) -> str:
    base: dict[str, Any] = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "tool", "baseCommand": "run"}
    return yaml.safe_dump({**base, "inputs": {}, "outputs": {}, **said}, sort_keys=False)


def test_types_within_braces_are_read_as_yaml_1_2_has_them(tmp_path: Path) -> None:
    text = """
        cwlVersion: v1.2
        class: CommandLineTool
        id: flow
        baseCommand: [run, yes, 2026-05-01]
        inputs: {a: {type: File?, inputBinding: {position: 1}}, b: {type: [File?], inputBinding: {prefix: -b}}, c: int?}
        outputs: {out: {type: File?, outputBinding: {glob: out?.txt}}}
    """
    result = imported(tmp_path, text)
    assert result.lost == ()
    stage = only(result)
    assert stage.inputs == {"a": Input(optional=True), "b": Input(optional=True)}
    assert stage.parameters == {"c": Parameter(kind="int", default=None)}
    assert stage.outputs == {"out": Output("out?.txt", optional=True)}
    assert stage.command == ("run", "yes", "2026-05-01", "{b:-b}", "{a}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cwlVersion: v1.2\nclass: Workflow\nclass: CommandLineTool", r"line 3: found duplicate key"),
        ("cwlVersion: v1.2\ninputs: {a: File", r"line 2: expected ','"),
        ("cwlVersion: v1.2\ndoc: \x00", "special characters"),
        ("cwlVersion: v1.2\n--- x", "but found another document"),
        ("cwlVersion: v1.2\n? {a: b}\n: c", "cannot be read"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        imported(tmp_path, text)


def test_a_pattern_is_for_one_file_or_for_many_as_its_type_says(tmp_path: Path) -> None:
    outputs = {
        "page": {"type": "File", "outputBinding": {"glob": "*.html"}},
        "plot": {"type": "File?", "outputBinding": {"glob": "plot?.png"}},
        "parts": {"type": "File[]", "outputBinding": {"glob": "part*"}},
    }
    result = imported(tmp_path, tool(outputs=outputs))
    assert result.lost == ()
    assert only(result).outputs == {
        "page": Output("*.html"),
        "plot": Output("plot?.png", optional=True),
        "parts": Output("part*", many=True),
    }


def test_a_tool_becomes_a_stage_with_all_it_says(tmp_path: Path) -> None:
    result = imported(tmp_path, ALIGN)
    assert result.lost == ()
    assert result.workflow is None
    assert result.without_command == ()
    stage = only(result)
    assert stage.name == "align"
    assert stage.about == "Aligns reads"
    assert stage.inputs == {
        "reference": Input("fasta", beside=(".fai", "^.dict")),
        "reads": Input("fastq", many=True),
    }
    assert stage.outputs == {"sam": Output("out.sam", "sam")}
    assert stage.parameters["seed"] == Parameter(kind="int", default=19)
    assert stage.parameters["mode"] == Parameter(choices=("fast", "slow"), default="fast")
    needs = stage.resources
    assert (needs.cpus, needs.memory, needs.disk, needs.time) == (4, 8 << 30, 30 << 20, 3600.0)
    assert stage.environment == Environment(
        tools=(Tool("bwa", "==0.7.17"),), container="quay.io/lab/bwa:0.7.17", variables={"LC_ALL": "C"}
    )


def test_its_command_is_put_together_in_the_order_of_positions(tmp_path: Path) -> None:
    template = only(imported(tmp_path, ALIGN)).template
    assert template is not None
    values = {"reference": "r.fa", "reads": ["a b.fq", "c.fq"], "cpus": 4, "seed": 7, "sam": "out.sam"}
    plain = template.shown({**values, "group": None, "quiet": False, "mode": "fast"})
    assert " ".join(plain.split()) == "bwa mem -t 4 -M --mode=fast -k 7 r.fa 'a b.fq' c.fq > out.sam"
    more = template.shown({**values, "group": "$(id)", "quiet": True, "mode": "slow"})
    assert more == "bwa mem -t 4 -M -R '$(id)' --mode=slow -q -k 7 r.fa 'a b.fq' c.fq > out.sam"


BOUND: list[tuple[dict[str, Any], Any, list[str]]] = [
    ({"type": "File", "inputBinding": {}}, "f", ["f"]),
    ({"type": "File", "inputBinding": {"prefix": "-i"}}, "f", ["-i", "f"]),
    ({"type": "File", "inputBinding": {"prefix": "-i", "separate": False}}, "f", ["-if"]),
    ({"type": "File?", "inputBinding": {"prefix": "-i"}}, "f", ["-i", "f"]),
    ({"type": "File?", "inputBinding": {"prefix": "-i"}}, None, []),
    ({"type": "File?", "inputBinding": {"prefix": "--in=", "separate": False}}, "f", ["--in=f"]),
    ({"type": ["null", "File"], "inputBinding": {}}, None, []),
    ({"type": "File[]", "inputBinding": {"prefix": "-i"}}, ["f", "g"], ["-i", "f", "g"]),
    ({"type": "File[]", "inputBinding": {"prefix": "-i", "itemSeparator": ","}}, ["f", "g"], ["-i", "f,g"]),
    ({"type": "File[]", "inputBinding": {"itemSeparator": ","}}, ["f", "g"], ["f,g"]),
    (
        {"type": {"type": "array", "items": "File", "inputBinding": {"prefix": "-I"}}},
        ["f", "g"],
        ["-I", "f", "-I", "g"],
    ),
    (
        {"type": {"type": "array", "items": "string", "inputBinding": {"prefix": "I=", "separate": False}}},
        ["f", "g"],
        ["I=f", "I=g"],
    ),
    ({"type": "string", "inputBinding": {"prefix": "-n"}}, "a b", ["-n", "a b"]),
    ({"type": "boolean", "inputBinding": {"prefix": "-v"}}, True, ["-v"]),
    ({"type": "boolean", "inputBinding": {"prefix": "-v"}}, False, []),
    ({"type": "boolean", "inputBinding": {}}, True, []),
    ({"type": "int", "inputBinding": {"valueFrom": "x$(self)y"}}, 3, ["x3y"]),
    ({"type": "File", "inputBinding": {"valueFrom": "$(self.path)"}}, "f", ["f"]),
    ({"type": "string", "inputBinding": {"valueFrom": "fixed {x}"}}, "f", ["fixed {x}"]),
]


@pytest.mark.parametrize(("said", "value", "words"), BOUND)
def test_a_value_is_bound_as_the_standard_has_it(said: Any, value: Any, words: list[str], tmp_path: Path) -> None:
    result = imported(tmp_path, tool(inputs={"x": said}))
    assert result.lost == ()
    template = only(result).template
    assert template is not None
    assert list(template.filled({"x": value})) == ["run", *words]


STOPS: list[tuple[str, dict[str, Any]]] = [
    ("a record", {"inputs": {"x": {"type": {"type": "record", "fields": []}}}}),
    ("several types", {"inputs": {"x": {"type": ["string", "int"]}}}),
    ("a folder", {"inputs": {"x": "Directory"}}),
    ("JavaScript", {"arguments": ["$(inputs.x + 1)"]}),
    ("more JavaScript", {"arguments": ["${return 1}"]}),
    ("a part of a name", {"inputs": {"x": "File"}, "arguments": ["$(inputs.x.nameroot)"]}),
    ("something unknown", {"arguments": ["$(inputs.none)"]}),
    ("a file as an object", {"inputs": {"x": "File"}, "arguments": ["$(inputs.x)"]}),
    ("another separator", {"inputs": {"x": {"type": "File[]", "inputBinding": {"itemSeparator": ";"}}}}),
    ("a flag before none", {"inputs": {"x": {"type": "string[]", "inputBinding": {"prefix": "-x"}}}}),
    ("a position that is calculated", {"arguments": [{"valueFrom": "a", "position": "$(1)"}]}),
    ("a flag that is none", {"inputs": {"x": {"type": "File?", "inputBinding": {"prefix": "+x"}}}}),
    ("files that are laid out", {"requirements": {"InitialWorkDirRequirement": {"listing": []}}}),
    ("what is required and unknown", {"requirements": [{"class": "NobodyKnows"}]}),
    ("an exit code that is success", {"successCodes": [0, 3]}),
    ("a variable that is calculated", {"requirements": {"EnvVarRequirement": {"envDef": {"X": "$(inputs.y)"}}}}),
    ("no command", {"baseCommand": []}),
    ("a command of numbers", {"baseCommand": [1]}),
    ("arguments that are no list", {"arguments": "abc"}),
    (
        "text for the shell",
        {
            "requirements": {"ShellCommandRequirement": {}},
            "inputs": {"x": "string"},
            "arguments": [{"valueFrom": "$(inputs.x)", "shellQuote": False}],
        },
    ),
    ("a tool of JavaScript", {"class": "ExpressionTool", "expression": "${return 1}"}),
]


@pytest.mark.parametrize(("what", "said"), STOPS, ids=[what for what, _ in STOPS])
def test_what_a_command_cannot_do_without_stops_it(what: str, said: dict[str, Any], tmp_path: Path) -> None:
    result = imported(tmp_path, tool(**said))
    assert result.without_command == ("tool",), what
    assert result.lost
    run = only(result).call
    assert run is not None
    with pytest.raises(WorkflowInvalid, match="could not be carried over"):
        run()


LEFT: list[tuple[str, dict[str, Any], str]] = [
    ("who wrote it", {"s:author": "somebody"}, "tool.s:author"),
    ("a hint nobody knows", {"hints": [{"class": "x:Fast", "very": 1}]}, "tool.hints"),
    ("the network", {"requirements": {"NetworkAccess": {"networkAccess": True}}}, "tool.requirements"),
    (
        "a library of JavaScript",
        {"requirements": {"InlineJavascriptRequirement": {"expressionLib": ["x"]}}},
        "tool.requirements",
    ),
    ("a format nobody knows", {"inputs": {"x": {"type": "File", "format": "x:y"}}}, "tool.inputs.x.format"),
    ("a file by default", {"inputs": {"x": {"type": "File", "default": {"class": "File"}}}}, "tool.inputs.x.default"),
    ("loaded contents", {"inputs": {"x": {"type": "File", "loadContents": True}}}, "tool.inputs.x.loadContents"),
    (
        "an optional index",
        {"inputs": {"x": {"type": "File", "secondaryFiles": ".bai?"}}},
        "tool.inputs.x.secondaryFiles",
    ),
    ("an optional record", {"inputs": {"x": {"type": ["null", {"type": "record"}]}}}, "tool.inputs.x"),
    ("a result that is text", {"outputs": {"x": {"type": "string"}}}, "tool.outputs.x"),
    (
        "a result by JavaScript",
        {"outputs": {"x": {"type": "File", "outputBinding": {"outputEval": "$(1)"}}}},
        "tool.outputs.x",
    ),
    ("two patterns", {"outputs": {"x": {"type": "File[]", "outputBinding": {"glob": ["a", "b"]}}}}, "tool.outputs.x"),
    (
        "a pattern of classes",
        {"outputs": {"x": {"type": "File[]", "outputBinding": {"glob": "[ab]"}}}},
        "tool.outputs.x",
    ),
    ("folders by a pattern", {"outputs": {"x": {"type": "File", "outputBinding": {"glob": "*/x"}}}}, "tool.outputs.x"),
    ("a way out", {"outputs": {"x": {"type": "File", "outputBinding": {"glob": "../x"}}}}, "tool.outputs.x"),
    (
        "more memory",
        {"requirements": {"ResourceRequirement": {"ramMin": 1, "ramMax": 2}}},
        "tool.ResourceRequirement.ramMax",
    ),
    (
        "memory by JavaScript",
        {"requirements": {"ResourceRequirement": {"ramMin": "$(1)"}}},
        "tool.ResourceRequirement.ramMin",
    ),
    (
        "an image to build",
        {"hints": {"DockerRequirement": {"dockerFile": "FROM x"}}},
        "tool.DockerRequirement.dockerFile",
    ),
    (
        "two versions",
        {"hints": {"SoftwareRequirement": {"packages": {"x": {"version": ["1", "2"]}}}}},
        "tool.SoftwareRequirement.x",
    ),
    ("codes to try again", {"temporaryFailCodes": [3]}, "tool.temporaryFailCodes"),
    ("another name", {"inputs": {"in-put": "File"}}, "tool.inputs.in-put"),
    ("a name that is taken", {"inputs": {"memory": "int"}}, "tool.inputs.memory"),
]


@pytest.mark.parametrize(("what", "said", "where"), LEFT, ids=[what for what, _, _ in LEFT])
def test_what_is_left_out_is_told_with_where_it_stood(
    what: str, said: dict[str, Any], where: str, tmp_path: Path
) -> None:
    result = imported(tmp_path, tool(**said))
    assert result.without_command == (), what
    assert where in [lost.where for lost in result.lost]
    assert all(lost.what and lost.why and str(lost) for lost in result.lost)


def test_a_file_that_the_command_names_is_the_output(tmp_path: Path) -> None:
    said = {
        "inputs": {"bam": "File", "prefix": "string"},
        "arguments": ["-o", "$(inputs.prefix).bam", "-x", "$(inputs.bam.nameroot).tbi", "$(inputs.bam.path)"],
        "outputs": {
            "sorted": {"type": "File", "outputBinding": {"glob": "$(inputs.prefix).bam"}},
            "other": {"type": "File", "outputBinding": {"glob": "$(inputs.bam.nameroot).tbi"}},
        },
    }
    result = imported(tmp_path, tool(**said))
    stage = only(result)
    assert stage.command == ("run", "-o", "{sorted}", "-x", "{other}", "{bam}")
    assert {name: each.path for name, each in stage.outputs.items()} == {"sorted": "{prefix}.bam", "other": "other.tbi"}
    assert [lost.where for lost in result.lost] == ["tool.outputs.other.outputBinding"]


def test_text_for_the_shell_stays_and_values_are_quoted(tmp_path: Path) -> None:
    said = {
        "requirements": {"ShellCommandRequirement": {}},
        "baseCommand": "cat",
        "inputs": {"x": {"type": "File", "inputBinding": {"position": -1}}},
        "arguments": [{"valueFrom": "| awk '{print $1}' >", "shellQuote": False}, "o u t"],
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "o u t"}}},
    }
    result = imported(tmp_path, tool(**said))
    template = only(result).template
    assert template is not None
    assert template.shown({"x": "a;b", "out": "o u t"}) == "cat 'a;b' | awk '{print $1}' > 'o u t'"
    assert [lost.what for lost in result.lost] == ["ShellCommandRequirement"]


def test_a_stage_that_is_handed_in_takes_the_place_of_one_that_is_lost(tmp_path: Path) -> None:
    own = Stage(name="tool", command="x {a}", inputs={"a": Input()})
    result = imported(tmp_path, tool(inputs={"a": "File", "b": "File"}, arguments=["${}"]), stages={"tool": own})
    assert only(result) is own
    assert result.without_command == ()
    assert "tool.inputs.b" in [lost.where for lost in result.lost]
