"""Documents of other systems, read with bounds: nothing outside a folder, nothing huge, nothing without an end."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ..documents.decoding import decoded

if TYPE_CHECKING:
    import os

__all__ = ["Folder", "unreadable"]

# What people write by hand is kilobytes; a packed document of a large pipeline a few megabytes.
_LARGEST = 16 << 20
# All files of one document together.
_LARGEST_ALL = 64 << 20
# Levels of lists and mappings: beyond what any of these formats says, and below what Python takes.
_DEEPEST = 100


class Folder:
    """The folder whose files may be read: its own, and those of the folders within it, links followed."""

    def __init__(self, top: str | os.PathLike[str]) -> None:
        self._top = Path(top).resolve()
        self._read = 0

    def text(self, path: Path) -> str:
        """The text of a file.

        Raises ``WorkflowInvalid`` for one outside of it, one that is too long, and one that is no UTF-8; ``OSError``
        where it cannot be read.
        """
        real = path.resolve()
        if not real.is_relative_to(self._top):
            raise unreadable(path, f"it lies outside of {self._top}, of which nothing else is read")
        with open(real, "rb") as file:
            data = file.read(_LARGEST + 1)
        self._read += len(data)
        if len(data) > _LARGEST or self._read > _LARGEST_ALL:
            raise unreadable(path, "no workflow is that long")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise unreadable(path, str(error)) from None

    def values(self, path: Path, *, ending: str) -> Any:
        """What a file says in a language, as plain values.  Raises the same, and ``ExtraMissing``."""
        text = self.text(path)
        try:
            found = _decoded(text, ending)
        except (ValueError, RecursionError) as error:
            raise unreadable(path, f"it cannot be read: {error}") from error
        if _too_deep(found):
            raise unreadable(path, f"it is more than {_DEEPEST} levels deep")
        return found


def _decoded(text: str, ending: str) -> Any:
    if ending in (".cwl", ".yaml") and text.lstrip().startswith("{"):
        # JSON is a part of YAML, and its own reader is far faster; what is no JSON may still be YAML.
        with suppress(ValueError):
            return json.loads(text)
    return decoded(text, ending)


def unreadable(path: object, why: str) -> WorkflowInvalid:
    """The error for a document that is none."""
    return WorkflowInvalid(f"{path}: {why}", problems=(why,))


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            each
            for whole in level
            for each in (whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ())
            if isinstance(each, dict | list)
        ]
        if not level:
            return False
    return True
