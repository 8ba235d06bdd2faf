"""The rules that a workflow's graph is held to."""

from __future__ import annotations

from holotype.validators import Code, Severity

__all__ = [
    "BESIDE",
    "CODES",
    "CYCLE",
    "FORMAT_MISMATCH",
    "FORMAT_UNKNOWN",
    "INPUT_MISSING",
    "INPUT_UNKNOWN",
    "INPUT_UNUSED",
    "MANY",
    "NOT_MANY",
    "PARAMETER_INVALID",
    "PARAMETER_MISSING",
    "PARAMETER_UNKNOWN",
    "PARAMETER_UNUSED",
    "PER",
    "SCATTER",
    "SHARED",
    "SOURCE_UNKNOWN",
    "STEP_UNUSED",
    "WHEN",
    "WITHIN",
]


def _error(name: str, about: str) -> Code:
    return Code(f"workflow.{name}", Severity.ERROR, about)


def _warning(name: str, about: str) -> Code:
    return Code(f"workflow.{name}", Severity.WARNING, about)


CYCLE = _error("cycle", "No step needs what is made of its own outputs.")
SOURCE_UNKNOWN = _error("source.unknown", "A source is an input of the workflow, or an output of one of its steps.")
INPUT_MISSING = _error("input.missing", "An input that is not optional comes from somewhere.")
INPUT_UNKNOWN = _error("input.unknown", "What is handed to a step is one of its inputs.")
INPUT_UNUSED = _warning("input.unused", "What a workflow is given is used.")
FORMAT_MISMATCH = _error("format.mismatch", "What comes out of one step is of a format that the next understands.")
FORMAT_UNKNOWN = _warning("format.unknown", "Formats are such as can be validated.")
BESIDE = _error("beside", "What has to lie beside a file, as an index, comes with it.")
MANY = _error("many", "Where one file is taken there are not many.")
NOT_MANY = _error("many.scattered", "What is taken one at a time is many.")
SCATTER = _error("scatter.unknown", "What is taken one at a time is an input or a parameter of the step.")
PER = _error("per", "What is done once for a run is not done with what each sample has, unless it takes many.")
SHARED = _error("shared", "What all samples have in common does not come from each of them.")
PARAMETER_UNKNOWN = _error("parameter.unknown", "What is set is a parameter.")
PARAMETER_MISSING = _error("parameter.missing", "A parameter without a default has a value.")
PARAMETER_INVALID = _error("parameter.invalid", "A parameter has a value of its type, within its range.")
PARAMETER_UNUSED = _warning("parameter.unused", "A workflow's parameters are used.")
WHEN = _error("when", "A condition speaks of the workflow's parameters and of the sample.")
WITHIN = _error("within", "A workflow within a workflow is taken as it is: its own steps may be scattered.")
STEP_UNUSED = _warning("step.unused", "What a step makes is used, or a result.")

CODES = (
    CYCLE,
    SOURCE_UNKNOWN,
    INPUT_MISSING,
    INPUT_UNKNOWN,
    INPUT_UNUSED,
    FORMAT_MISMATCH,
    FORMAT_UNKNOWN,
    BESIDE,
    MANY,
    NOT_MANY,
    SCATTER,
    PER,
    SHARED,
    PARAMETER_UNKNOWN,
    PARAMETER_MISSING,
    PARAMETER_INVALID,
    PARAMETER_UNUSED,
    WHEN,
    WITHIN,
    STEP_UNUSED,
)
"""All of them."""
