"""Workflows as documents, YAML, TOML or JSON, and back: what can be said in Python can be said there, and is held to
the same.

::

    workflow: mapping
    inputs:
      reads: {formats: fastq, many: true}
      genome: {formats: fasta, shared: true}
    stages:
      align:
        command: bwa mem -t {cpus} {reference} {reads} | samtools sort -o {bam} -
        inputs: {reads: {formats: fastq, many: true}, reference: fasta}
        outputs: {bam: {path: "{sample}.bam", format: bam}}
        resources: {cpus: 4, memory: 4*GiB + input_size, time: 6 h}
        environment: {tools: {bwa: ">=0.7", samtools: ">=1.10"}}
        errors:
          - {when: memory, do: retry, times: 3, raising: {memory: 2}, up_to: {memory: 64 GiB}}
          - {when: any, do: stop-sample}
    steps:
      align: {stage: align, inputs: {reads: reads, reference: genome}}
    outputs: {bam: align.bam}

``workflows:`` holds workflows that steps are, in the same form.  A function that a stage calls is named, and handed in
by whoever reads the document: reading one never imports what it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ..declaring.problems import Problems
from .decoding import decoded
from .reading import Reader
from .writing import written

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from ..workflow import Workflow

__all__ = ["load_workflow", "read_workflow", "workflow_document"]

# What people write by hand is kilobytes; YAML's references could make far more of a little.
_LARGEST = 16 << 20


def read_workflow(
    document: Mapping[str, Any], *, functions: Mapping[str, Callable[..., object]] | None = None
) -> Workflow:
    """The workflow that a document describes.

    ``functions``: what stages that ``call`` one call, by the names they have there.  Raises ``WorkflowInvalid`` that
    says all that is wrong, and where.
    """
    problems = Problems("the document")
    workflow = Reader(problems, functions or {}).workflow(document, at="")
    problems.raise_any()
    assert workflow is not None
    return workflow


def load_workflow(
    path: str | os.PathLike[str], *, functions: Mapping[str, Callable[..., object]] | None = None
) -> Workflow:
    """The workflow that a file describes: ``.yaml`` or ``.yml`` (with the extra ``workflows``), ``.toml``, ``.json``.

    Raises ``WorkflowInvalid``, ``ExtraMissing``, or ``OSError`` where the file cannot be read.
    """
    data = Path(path).read_bytes()
    if len(data) > _LARGEST:
        raise WorkflowInvalid(f"{path} has {len(data)} bytes: no workflow is that long", problems=("it is too long",))
    try:
        document = decoded(data.decode("utf-8"), Path(path).suffix.lower())
    except (ValueError, RecursionError) as error:
        why = f"it cannot be read: {error}"
        raise WorkflowInvalid(f"{path}: {why}", problems=(why,)) from error
    try:
        return read_workflow(document, functions=functions)
    except WorkflowInvalid as error:
        raise WorkflowInvalid(f"{path}: {error.message}", problems=error.problems) from None


def workflow_document(workflow: Workflow) -> dict[str, Any]:
    """The document of a workflow, of plain values, from which ``read_workflow`` makes the same.

    Raises ``WorkflowInvalid`` for resources that are functions, which no document can hold, and for two stages that
    differ and have one name.
    """
    return written(workflow)
