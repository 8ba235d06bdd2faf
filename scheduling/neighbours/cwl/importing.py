"""A document of CWL, made into a workflow or a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holotype.catalog import WorkflowInvalid

from ...declaring.stages import Stage
from ..imported import Imported, Losses
from ..reading import Folder
from .loading import Library
from .needs import Requirements
from .workflows import Carrier

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

__all__ = ["import_cwl"]


def import_cwl(
    path: str | os.PathLike[str],
    *,
    name: str = "main",
    stages: Mapping[str, Stage] | None = None,
    shared: Iterable[str] = (),
    folder: str | os.PathLike[str] | None = None,
) -> Imported:
    """The workflow that a document of the Common Workflow Language describes, v1.0 to v1.2, or the stage.

    One run of it there is one sample here; ``shared``: inputs that all samples have in common.  ``name``: which process
    of a packed document.  ``stages``: stages that take the place of tools of their names, as those whose command could
    not be carried.  ``folder``: nothing outside of it is read, by default the document's own.  Nothing is run, fetched
    or looked up: of expressions only references such as ``$(inputs.reads.path)`` are understood, and no JavaScript.

    Raises ``WorkflowInvalid`` for what is no such document, or refers to what cannot be read; ``ExtraMissing``; and
    ``OSError``.
    """
    document = Path(path).resolve()
    library = Library(Folder(document.parent if folder is None else folder))
    losses = Losses()
    carrier = Carrier(library, losses, dict(stages or {}))
    try:
        carried = carrier.process(library.main(document, name), Requirements(), shared=frozenset(shared))
    except (AttributeError, TypeError, KeyError) as error:
        why = f"it is no sound document of CWL: {error}"
        raise WorkflowInvalid(f"{path}: {why}", problems=(why,)) from error
    workflow = None if isinstance(carried.stage, Stage) else carried.stage
    return Imported(workflow=workflow, stages=carrier.stages, lost=tuple(losses.told))
