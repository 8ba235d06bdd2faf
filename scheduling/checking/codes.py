"""The rules that a run is held to before it begins; those of a workflow by itself are in ``graphs.codes``."""

from __future__ import annotations

from holotype.validators import Code, Severity

__all__ = [
    "CONDITION",
    "ENVIRONMENT_CLOSED",
    "ENVIRONMENT_FUNCTION",
    "ENVIRONMENT_MISSING",
    "FILE_BESIDE",
    "FILE_FORMAT",
    "FILE_MISSING",
    "FILE_OLDER",
    "FILE_REFERENCE",
    "FILE_TWICE",
    "FILE_UNREADABLE",
    "INPUT_MANY",
    "INPUT_MISSING",
    "INPUT_UNKNOWN",
    "NEEDS",
    "PARAMETER_INVALID",
    "PARAMETER_MISSING",
    "PARAMETER_UNKNOWN",
    "QUOTA_EXCEEDED",
    "QUOTA_NEAR",
    "QUOTA_UNKNOWN",
    "RUN_EXISTS",
    "SAMPLE_NONE",
    "SAMPLE_TWICE",
    "SITE_FOLDER",
    "SITE_LACKS",
    "SITE_MEMORY",
    "SITE_ROOM",
    "SITE_SPACE",
    "TOOL_MISSING",
    "TOOL_SILENT",
    "TOOL_VERSION",
    "VALUE_MISSING",
]


def _error(name: str, about: str) -> Code:
    return Code(f"run.{name}", Severity.ERROR, about)


def _warning(name: str, about: str) -> Code:
    return Code(f"run.{name}", Severity.WARNING, about)


SAMPLE_NONE = _error("sample.none", "There is a sample to run it over.")
SAMPLE_TWICE = _error("sample.twice", "Every sample has a name of its own.")
INPUT_MISSING = _error("input.missing", "An input that is not optional has a file.")
INPUT_UNKNOWN = _error("input.unknown", "What is given is an input of the workflow.")
INPUT_MANY = _error("input.many", "Where one file is taken, there is one.")
CONDITION = _error("condition", "A condition can be worked out.")
VALUE_MISSING = _error("value.missing", "What conditions ask of a sample is known of it.")
PARAMETER_UNKNOWN = _error("parameter.unknown", "What is set is a parameter of the workflow.")
PARAMETER_MISSING = _error("parameter.missing", "A parameter without a default has a value.")
PARAMETER_INVALID = _error("parameter.invalid", "A parameter has a value of its type, within its range.")

FILE_MISSING = _error("file.missing", "A file that is given is there.")
FILE_UNREADABLE = _error("file.unreadable", "A file that is given can be read.")
FILE_FORMAT = _error("file.format", "A file is of a format that the workflow takes.")
FILE_TWICE = _error("file.twice", "No file is given twice.")
FILE_BESIDE = _error("file.beside", "What has to lie beside a file does, as its index.")
FILE_REFERENCE = _error("file.reference", "A sample's files speak of sequences that the reference has.")
FILE_OLDER = _warning("file.older", "An index is not older than the file it is of.")

TOOL_MISSING = _error("tool.missing", "The programs that stages need are there.")
TOOL_VERSION = _error("tool.version", "A program has a version that was asked for.")
TOOL_SILENT = _error("tool.silent", "A program tells its version.")
ENVIRONMENT_CLOSED = _error("environment.closed", "The site can enter what a stage runs in.")
ENVIRONMENT_MISSING = _error("environment.missing", "The image that a stage runs in is there.")
ENVIRONMENT_FUNCTION = _error("environment.function", "What runs in a container is a command, and no function.")
SITE_LACKS = _error("site.lacks", "What a task needs, the site has.")
SITE_FOLDER = _error("site.folder", "The site's folder can be written to.")
SITE_ROOM = _error("site.room", "There is room for what any one task is going to write.")
SITE_SPACE = _warning("site.space", "There is room for what all tasks are going to write.")
SITE_MEMORY = _warning("site.memory", "The machine has as much memory as its site is said to have.")
RUN_EXISTS = _error("exists", "No results of another run would be written over.")
QUOTA_EXCEEDED = _error("quota.exceeded", "Nobody uses more than may be used.")
QUOTA_NEAR = _warning("quota.near", "What may be used is not nearly used up.")
QUOTA_UNKNOWN = _warning("quota.unknown", "What a run will use of a quota can be reckoned.")
NEEDS = _error("needs", "What a task needs can be calculated.")
