"""What CWL has no words for, kept in hints of our own: held against what the rest of the document says, so that what
somebody changed there is never undone by what is kept here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ...declaring.stages import Stage
from ...documents.loading import read_workflow
from ..imported import not_carried
from .loading import listed
from .needs import NAMESPACE

if TYPE_CHECKING:
    from ...workflow import Workflow
    from ..imported import Losses

__all__ = ["BARE", "kept_hint", "kept_stage", "kept_workflow", "with_hint"]

_PREFIX = "holotype:"
BARE = Stage(name="bare", command="true")
"""Stands in what is kept of a workflow for what its steps are, which stands elsewhere."""


def with_hint(said: dict[str, Any], name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A process with a hint that keeps a document: a text, for of a mapping others take parts for their own."""
    hint = {"class": _PREFIX + name, "sha256": _digest(said), "document": json.dumps(document)}
    return {**said, "hints": [*said.get("hints", []), hint]}


def kept_hint(said: Mapping[str, Any], name: str, losses: Losses, *, at: str) -> Mapping[str, Any] | None:
    """The document that a process keeps, if it says what it did when that was written."""
    hints = listed(said.get("hints"), key="class")
    for hint in hints:
        if isinstance(hint, Mapping) and hint.get("class") in (_PREFIX + name, NAMESPACE + name):
            rest = {**said, "hints": [each for each in hints if each is not hint]}
            text = hint.get("document")
            if isinstance(text, str) and hint.get("sha256") == _digest(rest):
                return _decoded(text)
            losses.add(f"{at}.hints", f"{_PREFIX}{name}", "the document was changed since: only what it says is taken")
    return None


def _decoded(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}  # of which nothing can be made, which is told then
    return document if isinstance(document, Mapping) else {}


def kept_stage(said: Mapping[str, Any], losses: Losses, *, at: str) -> Stage | None:
    """The stage that a tool keeps, if it does."""
    document = kept_hint(said, "Stage", losses, at=at)
    if document is None:
        return None
    name = document.get("stage")
    stage = {key: each for key, each in document.items() if key != "stage"}
    function = stage.get("call")
    if function is not None:
        losses.add(at, function, "a function is no part of a document: hand in a stage that calls it")
    whole = {"workflow": "whole", "stages": {name: stage}, "steps": {"one": {"stage": name}}}
    try:
        made = read_workflow(whole, functions={} if function is None else {str(function): not_carried}).steps["one"]
    except (WorkflowInvalid, TypeError) as error:
        losses.add(f"{at}.hints", f"{_PREFIX}Stage", str(error))
        return None
    return made.stage if isinstance(made.stage, Stage) else None


def kept_workflow(said: Mapping[str, Any], losses: Losses, *, at: str) -> Workflow | None:
    """The workflow that one keeps, if it does, of stages that are bare."""
    document = kept_hint(said, "Workflow", losses, at=at)
    if document is None:
        return None
    try:
        return read_workflow({**document, "stages": {BARE.name: {"command": BARE.command}}})
    except WorkflowInvalid as error:
        losses.add(f"{at}.hints", f"{_PREFIX}Workflow", str(error))
        return None


def _digest(said: Mapping[str, Any]) -> str:
    """Of all that a process says; having no hints is having none."""
    plain = {
        name: each for name, each in said.items() if each not in ([], {}) and name not in ("cwlVersion", "$namespaces")
    }
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
