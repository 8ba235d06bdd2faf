"""Scripts as CWL: what another system makes of them in JavaScript is what a template makes of them here."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.scheduling import Parameter, Stage, Step, Workflow, export_cwl

from ...effort import share

NEEDS = ("bash", "node")


def of_name(workflow: Workflow, name: str) -> dict[str, Any]:
    """A process of the document that a workflow becomes."""
    found: dict[str, Any] = next(
        each for each in export_cwl(workflow).document["$graph"] if each["id"].lstrip("#") == name
    )
    return found


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=share(25), deadline=None)
@given(VALUES, st.lists(VALUES, max_size=3), st.sampled_from(["{b}", "{b:,}", "{b:-I}", "{b:O=}"]))
def test_a_script_gets_the_words_that_a_template_would_give(value: str, several: list[str], field: str) -> None:
    command = f"printf '%s\\0' {{a}} {field} -x{{c:-c}}"
    parameters = {"a": Parameter(), "b": Parameter(many=True), "c": Parameter(kind="bool")}
    stage = Stage(name="one", command=command, parameters=parameters)
    tool = of_name(Workflow(name="w", steps={"one": Step(stage)}), "one")
    library = next(each for each in tool["requirements"] if each["class"] == "InlineJavascriptRequirement")
    values = {"a": value, "b": several, "c": True}
    calls = ", ".join(each[2:-1] if each.startswith("$(") else json.dumps(each) for each in tool["arguments"])
    program = "\n".join([*library["expressionLib"], f"var inputs = {json.dumps(values)};", f"var made = [{calls}];"])
    program += "\nconsole.log(JSON.stringify([].concat.apply([], made)));"
    made = json.loads(subprocess.run(["node", "-e", program], capture_output=True, check=True).stdout)
    theirs = subprocess.run([*tool["baseCommand"], *made], capture_output=True, check=True).stdout
    assert stage.template is not None
    ours = subprocess.run(["bash", "-c", *stage.template.filled(values)], capture_output=True, check=True).stdout
    assert theirs == ours
