"""Validates a crate, in a process of its own: ``python validating.py FOLDER PROFILE SEVERITY`` prints what is wrong.

The contexts that crates refer to come with the package ``rocrate``, or stand here; nothing is fetched.
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

from rocrate.vocabs import RO_CRATE
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.utils.http import HttpRequester
from rocrate_validator.utils.uri import URI

_BIOSCHEMAS = "https://bioschemas.org/"
_RUNS = "https://w3id.org/ro/terms/workflow-run#"
# What differs in RO-Crate 1.1 from 1.3, whose context the package has, of what we use.
_OLDER = {
    "ComputationalWorkflow": f"{_BIOSCHEMAS}ComputationalWorkflow",
    "FormalParameter": f"{_BIOSCHEMAS}FormalParameter",
    "input": f"{_BIOSCHEMAS}ComputationalWorkflow#input",
    "output": f"{_BIOSCHEMAS}ComputationalWorkflow#output",
}
_TERMS = (
    "ParameterConnection ContainerImage DockerImage SIFImage connection sourceParameter targetParameter md5 sha1 "
    "sha256 sha512 environment registry tag containerImage resourceUsage"
)
_CONTEXTS: dict[str, dict[str, Any]] = {
    "https://w3id.org/ro/crate/1.1/context": {"@context": {**RO_CRATE["@context"], **_OLDER}},
    "https://w3id.org/ro/crate/1.3/context": RO_CRATE,
    "https://w3id.org/ro/terms/workflow-run/context": {"@context": {term: _RUNS + term for term in _TERMS.split()}},
}


class _Response:
    """What an address has, as far as it is asked for."""

    headers: ClassVar = {"Content-Type": "application/ld+json"}

    def __init__(self, address: str) -> None:
        self.status_code = 200 if address in _CONTEXTS else 404
        self.text = json.dumps(_CONTEXTS.get(address))

    def json(self) -> object:
        return json.loads(self.text)


def _get(_: object, address: str, **options: object) -> _Response:
    return _Response(address)


def main(folder: str, profile: str, severity: str) -> None:
    """Print the issues as JSON, one a line."""
    HttpRequester.get = _get
    settings = ValidationSettings(
        rocrate_uri=URI(folder), profile_identifier=profile, requirement_severity=Severity[severity], offline=True
    )
    for issue in services.validate(settings).get_issues():
        said = {"check": issue.check.identifier, "message": issue.message, "entity": issue.violatingEntity}
        sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
