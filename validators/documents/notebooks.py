"""Jupyter notebooks of the formats 3 and 4: cells, ids, outputs, images, and the kernel they ask for."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from .jsons import JSON_CODES, read_json, whole

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Notebook"]

_NBFORMAT = "nbformat 4.5 schema"

FORMAT = Code("notebook.format", Severity.ERROR, "A notebook says which format it has, and that is known.", _NBFORMAT)
SHAPE = Code("notebook.shape", Severity.ERROR, "A notebook has metadata and a list of cells.", _NBFORMAT)
CELL = Code("notebook.cell", Severity.ERROR, "A cell is of a known kind and has what that asks for.", _NBFORMAT)
ID = Code("notebook.cell.id", Severity.ERROR, "From 4.5 on each cell has an id, and no two have one.", "JEP 62")
OUTPUT = Code("notebook.output", Severity.ERROR, "An output is of a known kind and has what that asks for.", _NBFORMAT)
IMAGE = Code("notebook.image", Severity.ERROR, "An image in an output is base64 and a whole image.", _NBFORMAT)
KERNEL = Code("notebook.kernelspec", Severity.WARNING, "A notebook says which kernel runs it.", _NBFORMAT)
ORDER = Code("notebook.order", Severity.NOTE, "Cells were run from top to bottom, once each.")

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CELLS = {4: {"code", "markdown", "raw"}, 3: {"code", "markdown", "raw", "html", "heading"}}
_OUTPUTS: dict[str, dict[str, tuple[type, ...]]] = {
    "stream": {"name": (str,), "text": (str, list)},
    "display_data": {"data": (dict,), "metadata": (dict,)},
    "execute_result": {"data": (dict,), "metadata": (dict,), "execution_count": (int, type(None))},
    "error": {"ename": (str,), "evalue": (str,), "traceback": (list,)},
}
_OUTPUTS_3 = {"stream", "display_data", "pyout", "pyerr"}
# How a whole image of a kind begins and ends.
_IMAGES = {
    "image/png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    "image/jpeg": (b"\xff\xd8\xff", b"\xff\xd9"),
    "image/gif": (b"GIF8", b";"),
}


class Notebook(Check):
    """A notebook's JSON, and what it has to hold.

    The figures are the number of cells, of those with code, and of outputs.
    """

    name = "notebook"
    version = "1"
    formats = frozenset({"notebook"})
    codes = (*JSON_CODES, FORMAT, SHAPE, CELL, ID, OUTPUT, IMAGE, KERNEL, ORDER)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        text = whole(subject, found)
        if text is None:
            return
        notebook = read_json(text, found, limits=subject.limits)
        if notebook is None and found.counts:
            return
        if not isinstance(notebook, dict):
            found.add(SHAPE, "it is no object", seen=type(notebook).__name__)
            return
        major, minor = notebook.get("nbformat"), notebook.get("nbformat_minor", 0)
        if not _is(major, int) or not _is(minor, int) or major not in _CELLS:
            found.add(FORMAT, "it has no format that is known", seen=f"{major}.{minor}", expected="3 or 4")
            return
        _Reading(found, major, minor).notebook(notebook)


class _Reading:
    """One notebook, while it is looked at."""

    def __init__(self, found: Found, major: int, minor: int) -> None:
        self._found, self._major, self._ids = found, major, major == 4 and minor >= 5
        self._seen: set[str] = set()
        self._counts: list[int] = []
        self._code = self._outputs = 0

    def notebook(self, notebook: dict[str, Any]) -> None:
        metadata = notebook.get("metadata")
        if not isinstance(metadata, dict):
            self._found.add(SHAPE, "it has no metadata", column="metadata")
        elif self._major == 4:
            self._kernel(metadata)
        cells = self._cells(notebook)
        for number, cell in enumerate(cells):
            self._cell(cell, number)
        if self._counts != sorted(set(self._counts)):
            place = next(
                n for n, (one, two) in enumerate(zip(self._counts, self._counts[1:], strict=False)) if one >= two
            )
            what = "cells were run in another order than they stand in"
            self._found.add(ORDER, what, seen=f"[{self._counts[place]}] before [{self._counts[place + 1]}]")
        self._found.metric("notebook.cells", len(cells))
        self._found.metric("notebook.code", self._code)
        self._found.metric("notebook.outputs", self._outputs)

    def _kernel(self, metadata: dict[str, Any]) -> None:
        kernel = metadata.get("kernelspec")
        if kernel is None:
            self._found.add(KERNEL, "it does not say which kernel runs it", column="metadata.kernelspec")
        elif not isinstance(kernel, dict) or not all(_is(kernel.get(key), str) for key in ("name", "display_name")):
            what = "its kernel has no name or no display name"
            self._found.add(SHAPE, what, column="metadata.kernelspec", seen=kernel)

    def _cells(self, notebook: dict[str, Any]) -> list[Any]:
        if self._major == 4:
            cells = notebook.get("cells")
            if isinstance(cells, list):
                return cells
            self._found.add(SHAPE, "it has no list of cells", column="cells")
            return []
        sheets = notebook.get("worksheets")
        if not isinstance(sheets, list) or not all(
            _is(sheet, dict) and _is(sheet.get("cells"), list) for sheet in sheets
        ):
            self._found.add(SHAPE, "it has no worksheets with lists of cells", column="worksheets")
            return []
        return [cell for sheet in sheets for cell in sheet["cells"]]

    def _cell(self, cell: Any, number: int) -> None:
        at = f"cells[{number}]"
        if not isinstance(cell, dict):
            self._found.add(CELL, "it is no object", row=number, column=at)
            return
        kind = cell.get("cell_type")
        if not isinstance(kind, str) or kind not in _CELLS[self._major]:
            self._found.add(CELL, "it is of an unknown kind", row=number, column=f"{at}.cell_type", seen=kind)
            return
        if self._ids:
            self._id(cell.get("id"), number)
        text = "input" if self._major == 3 and kind == "code" else "source"
        if not _is_text(cell.get(text)):
            self._found.add(CELL, f"its {text} is no text", row=number, column=f"{at}.{text}", seen=cell.get(text))
        if self._major == 4 and not _is(cell.get("metadata"), dict):
            self._found.add(CELL, "it has no metadata", row=number, column=f"{at}.metadata")
        if kind == "code":
            self._code_cell(cell, number, at)

    def _id(self, id: Any, number: int) -> None:
        column = f"cells[{number}].id"
        if not isinstance(id, str) or not _ID.fullmatch(id):
            what = "it has no id" if id is None else "its id is none"
            self._found.add(ID, what, row=number, column=column, seen=id, expected="1 to 64 letters, digits, - and _")
        elif id in self._seen:
            self._found.add(ID, "another cell has its id", row=number, column=column, seen=id)
        else:
            self._seen.add(id)

    def _code_cell(self, cell: dict[str, Any], number: int, at: str) -> None:
        self._code += 1
        name = "execution_count" if self._major == 4 else "prompt_number"
        count = cell.get(name)
        if (name not in cell and self._major == 4) or not (count is None or (_is(count, int) and count >= 0)):
            self._found.add(CELL, f"its {name} is no number", row=number, column=f"{at}.{name}", seen=count)
        elif count is not None:
            self._counts.append(count)
        outputs = cell.get("outputs")
        if not isinstance(outputs, list):
            self._found.add(CELL, "it has no list of outputs", row=number, column=f"{at}.outputs")
            return
        for place, output in enumerate(outputs):
            self._output(output, number, f"{at}.outputs[{place}]")

    def _output(self, output: Any, number: int, at: str) -> None:
        self._outputs += 1
        kind = output.get("output_type") if isinstance(output, dict) else None
        if not isinstance(kind, str) or kind not in (_OUTPUTS if self._major == 4 else _OUTPUTS_3):
            self._found.add(OUTPUT, "it is of an unknown kind", row=number, column=f"{at}.output_type", seen=kind)
            return
        if self._major == 4:
            for key, kinds in _OUTPUTS[kind].items():
                value = output.get(key)
                fits = isinstance(value, kinds) and not isinstance(value, bool)
                if key not in output or not fits or (key in ("text", "traceback") and not _is_text(value)):
                    what = f"an output of the kind {kind} has no {key} as it should be"
                    self._found.add(OUTPUT, what, row=number, column=f"{at}.{key}", seen=value)
            data = output.get("data")
        else:
            data = {"image/png": output.get("png"), "image/jpeg": output.get("jpeg")}
        if isinstance(data, dict):
            self._images(data, number, at)

    def _images(self, data: dict[str, Any], number: int, at: str) -> None:
        for kind, (begin, end) in _IMAGES.items():
            text = data.get(kind)
            if text is None:
                continue
            column = f"{at}.data[{kind}]"
            joined = "".join(text) if _is_text(text) else None
            if joined is None:
                self._found.add(IMAGE, "it is no text", row=number, column=column, seen=type(text).__name__)
                continue
            try:
                image = base64.b64decode("".join(joined.split()), validate=True)
            except (binascii.Error, ValueError) as error:
                self._found.add(IMAGE, f"it is no base64: {error}", row=number, column=column)
                continue
            if not image.startswith(begin):
                self._found.add(
                    IMAGE, f"it does not begin as {kind} does", row=number, column=column, seen=image[:8].hex()
                )
            elif not image.rstrip(b"\0\n").endswith(end):
                self._found.add(IMAGE, "it has no end: it was cut off", row=number, column=column)


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _is_text(value: Any) -> bool:
    """A string, or a list of them."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


CHECKS = (Notebook,)
