"""Every error that validating raises, in one tree.  What is wrong with data is no error: it is a finding.

::

    ValidatorError
     ├── SubjectNotFound    (FileNotFoundError)
     ├── CheckRefused       (ValueError)
     ├── InvalidChoice      (ValueError)
     ├── SchemaUnreadable   (ValueError)
     ├── TableUnreadable    (ValueError)
     └── LibraryMissing     (ImportError)

This room stands on its own, so its tree does too.  An error carries what it speaks of as attributes, given by keyword
and listed in ``about``; the message says what happened, to which thing, and what to do next.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CheckRefused",
    "InvalidChoice",
    "LibraryMissing",
    "SchemaUnreadable",
    "SubjectNotFound",
    "TableUnreadable",
    "ValidatorError",
]


class ValidatorError(Exception):
    """The root: whatever validating raises on purpose is one of these."""

    about: Mapping[str, object]

    def __init__(self, message: str, **about: object) -> None:
        super().__init__(message)
        self.message = message
        self.about = MappingProxyType(about)
        for name, value in about.items():
            setattr(self, name, value)  # also what the builtin has itself, such as ``path`` of an ImportError

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.message, dict(self.about))  # a mapping proxy cannot be pickled


def _again(kind: type[ValidatorError], message: str, about: dict[str, object]) -> ValidatorError:
    return kind(message, **about)


class SubjectNotFound(ValidatorError, FileNotFoundError):
    """There is nothing at the path that was to be looked at."""


class CheckRefused(ValidatorError, ValueError):
    """A check says something of itself that cannot be, or has the name of another."""


class InvalidChoice(ValidatorError, ValueError):
    """An option has a value that it cannot have."""


class SchemaUnreadable(ValidatorError, ValueError):
    """A schema, a vocabulary or another document to validate by cannot be understood."""


class TableUnreadable(ValidatorError, ValueError):
    """What was to be read as a table is none, or breaks off."""


class LibraryMissing(ValidatorError, ImportError):
    """A library that is needed is not installed; the message says how to install it."""
