"""A notebook is one when its cells, ids, outputs and images are."""

from __future__ import annotations

import base64
import copy
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import validate

from .format_contract import FormatContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.validators import Report

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\xaeB`\x82"
NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [
        {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "id": "a1",
            "metadata": {},
            "source": "plot()",
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["hello\n"]},
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"image/png": base64.encodebytes(PNG).decode(), "text/plain": "<Figure>"},
                },
            ],
        },
        {
            "cell_type": "code",
            "id": "a2",
            "metadata": {},
            "source": "x",
            "execution_count": 2,
            "outputs": [
                {"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {"text/plain": "3"}},
                {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["line"]},
            ],
        },
        {"cell_type": "raw", "id": "r", "metadata": {}, "source": ""},
    ],
}
OLD: dict[str, Any] = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 1, "source": "x"},
                {
                    "cell_type": "code",
                    "input": "x",
                    "prompt_number": 1,
                    "language": "python",
                    "outputs": [{"output_type": "pyout", "png": base64.b64encode(PNG).decode()}],
                },
            ]
        }
    ],
}


def looked(notebook: object) -> Report:
    return validate(io.BytesIO(json.dumps(notebook).encode()), name="a.ipynb", format="notebook")


def changed(change: Callable[[Any], object], notebook: dict[str, Any] = NOTEBOOK) -> Report:
    copied = copy.deepcopy(notebook)
    change(copied)
    return looked(copied)


class TestNotebook(FormatContract):
    format = "notebook"

    def make(self, folder: Path) -> Path:
        path = folder / "a.ipynb"
        path.write_text(json.dumps(NOTEBOOK))
        return path


def test_notebooks_of_the_old_format_are_sound_as_well() -> None:
    assert not looked(OLD).counts
    older = copy.deepcopy(NOTEBOOK)
    older["nbformat_minor"] = 2
    for cell in older["cells"]:
        del cell["id"]
    assert not looked(older).counts


def test_figures_say_how_many_cells_there_are() -> None:
    report = looked(NOTEBOOK)
    assert [report.metric(f"notebook.{name}") for name in ("cells", "code", "outputs")] == [4, 2, 4]


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        (lambda nb: nb.pop("nbformat"), "notebook.format", None),
        (lambda nb: nb.update(nbformat=7), "notebook.format", None),
        (lambda nb: nb.update(nbformat=True), "notebook.format", None),
        (lambda nb: nb.update(nbformat_minor="5"), "notebook.format", None),
        (lambda nb: nb.pop("metadata"), "notebook.shape", "metadata"),
        (lambda nb: nb.pop("cells"), "notebook.shape", "cells"),
        (lambda nb: nb.update(cells={}), "notebook.shape", "cells"),
        (lambda nb: nb["metadata"].pop("kernelspec"), "notebook.kernelspec", "metadata.kernelspec"),
        (lambda nb: nb["metadata"].update(kernelspec={"name": 3}), "notebook.shape", "metadata.kernelspec"),
        (lambda nb: nb["cells"].append(3), "notebook.cell", "cells[4]"),
        (lambda nb: nb["cells"][0].update(cell_type="code2"), "notebook.cell", "cells[0].cell_type"),
        (lambda nb: nb["cells"][0].update(cell_type=["x"]), "notebook.cell", "cells[0].cell_type"),
        (lambda nb: nb["cells"][0].update(source=[1]), "notebook.cell", "cells[0].source"),
        (lambda nb: nb["cells"][0].pop("metadata"), "notebook.cell", "cells[0].metadata"),
        (lambda nb: nb["cells"][1].pop("execution_count"), "notebook.cell", "cells[1].execution_count"),
        (lambda nb: nb["cells"][1].update(execution_count=-1), "notebook.cell", "cells[1].execution_count"),
        (lambda nb: nb["cells"][1].update(outputs=None), "notebook.cell", "cells[1].outputs"),
        (lambda nb: nb["cells"][0].pop("id"), "notebook.cell.id", "cells[0].id"),
        (lambda nb: nb["cells"][0].update(id="a b"), "notebook.cell.id", "cells[0].id"),
        (lambda nb: nb["cells"][0].update(id="x" * 65), "notebook.cell.id", "cells[0].id"),
        (lambda nb: nb["cells"][2].update(id="a1"), "notebook.cell.id", "cells[2].id"),
        (lambda nb: nb["cells"][1]["outputs"].append("x"), "notebook.output", "cells[1].outputs[2].output_type"),
        (
            lambda nb: nb["cells"][1]["outputs"][0].update(output_type="pyout"),
            "notebook.output",
            "cells[1].outputs[0].output_type",
        ),
        (lambda nb: nb["cells"][1]["outputs"][0].pop("name"), "notebook.output", "cells[1].outputs[0].name"),
        (lambda nb: nb["cells"][2]["outputs"][1].update(traceback=[1]), "notebook.output",
         "cells[2].outputs[1].traceback"),
        (
            lambda nb: nb["cells"][1]["outputs"][1]["data"].update({"image/png": "no base64!"}),
            "notebook.image",
            "cells[1].outputs[1].data[image/png]",
        ),
        (
            lambda nb: nb["cells"][1]["outputs"][1]["data"].update({"image/png": base64.b64encode(b"GIF").decode()}),
            "notebook.image",
            "cells[1].outputs[1].data[image/png]",
        ),
        (
            lambda nb: nb["cells"][1]["outputs"][1]["data"].update(
                {"image/png": base64.b64encode(PNG[:-3]).decode()}
            ),
            "notebook.image",
            "cells[1].outputs[1].data[image/png]",
        ),
        (
            lambda nb: nb["cells"][1]["outputs"][1]["data"].update({"image/jpeg": {"a": 1}}),
            "notebook.image",
            "cells[1].outputs[1].data[image/jpeg]",
        ),
        (lambda nb: nb["cells"][2].update(execution_count=1), "notebook.order", None),
    ],
)  # fmt: skip
def test_each_rule_is_told_with_its_place(change: Callable[[Any], object], code: str, column: str | None) -> None:
    rows = changed(change).findings.to_pylist()
    assert [(row["code"], row["column"]) for row in rows] == [(code, column)]


def test_each_rule_of_the_old_format_is_told() -> None:
    assert set(changed(lambda nb: nb.pop("worksheets"), OLD).counts) == {"notebook.shape"}
    cells: Callable[[Any], Any] = lambda nb: nb["worksheets"][0]["cells"]  # noqa: E731
    assert set(changed(lambda nb: cells(nb)[1].pop("input"), OLD).counts) == {"notebook.cell"}
    assert set(changed(lambda nb: cells(nb)[1]["outputs"][0].update(png="?"), OLD).counts) == {"notebook.image"}
    assert set(changed(lambda nb: cells(nb)[1].update(prompt_number="1"), OLD).counts) == {"notebook.cell"}


def test_what_is_no_object_is_no_notebook() -> None:
    assert set(looked([]).counts) == {"notebook.shape"}
    assert set(looked(None).counts) == {"notebook.shape"}
