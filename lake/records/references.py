"""How a snapshot is named: ``rnaseq/liver@3``, ``rnaseq/liver@latest``, ``rnaseq/liver@9f8c21b``, or a whole digest.

A dataset's name is one or more components parted by slashes.  It has to serve as a folder, in a URL and in SQL on every
platform, so a component holds ASCII letters, digits, dots, underscores and dashes, begins with neither a dot nor a
dash, does not end with a dot, and is none of the names that Windows keeps for devices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from holotype.catalog import InvalidName

__all__ = ["Reference", "check_name", "parse", "parse_path"]

_LONGEST = 200
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Seven hexadecimal digits are what people are used to from git; fewer would soon be ambiguous.
_PREFIX = re.compile(r"[0-9a-f]{7,64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A snapshot as people name it.

    ``dataset`` is missing when a whole digest stands alone.  Of ``number`` and ``digest`` (a digest's first digits, at
    least seven) at most one is given; with neither, the latest snapshot is meant.
    """

    dataset: str | None
    number: int | None = None
    digest: str | None = None

    @property
    def latest(self) -> bool:
        """Whether the latest snapshot is meant, whichever that is."""
        return self.number is None and self.digest is None

    @property
    def as_digest(self) -> str | None:
        """The digest's first digits that the number could be, where it is long enough for that."""
        digits = str(self.number or "")
        return digits if _PREFIX.fullmatch(digits) else None

    def __str__(self) -> str:
        if self.dataset is None:
            return str(self.digest)
        return f"{self.dataset}@{self.number or self.digest or 'latest'}"


def check_name(dataset: str) -> str:
    """The name itself if a dataset can have it; else raises ``InvalidName``, which says what is wrong with it."""
    wrong = _wrong_with(dataset)
    if wrong:
        raise InvalidName(f"{dataset!r} cannot name a dataset: {wrong}", name=dataset)
    return dataset


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def _wrong_with(dataset: str) -> str | None:
    if not _is_text(dataset):
        return "a name is text, such as 'rnaseq/liver'"
    if not dataset:
        return "it is empty"
    if len(dataset) > _LONGEST:
        return f"it has {len(dataset)} characters, and at most {_LONGEST} are allowed"
    if _DIGEST.fullmatch(dataset):
        return "it looks like a snapshot's digest"
    for component in dataset.split("/"):
        if not component:
            return "a slash stands at its beginning or end, or next to another"
        if component[0] in ".-":
            return f"{component!r} begins with {component[0]!r}"
        if component.endswith("."):
            return f"{component!r} ends with a dot"
        if _DEVICES.fullmatch(component):
            return f"{component!r} is a device's name on Windows"
        if not _COMPONENT.fullmatch(component):
            odd = sorted({character for character in component if not re.match(r"[A-Za-z0-9._-]", character)})
            return (
                f"it holds {', '.join(map(repr, odd))}; only letters a to z, digits, '.', '_', '-' and '/' are allowed"
            )
    return None


def parse(text: str) -> Reference:
    """The reference that ``text`` is: ``name@number``, ``name@latest``, ``name@digest`` or ``name`` (the latest), or a
    digest.

    Raises ``InvalidName``.
    """
    if not _is_text(text):
        raise InvalidName(f"{text!r} does not name a snapshot: a name is text, such as 'rnaseq/liver@3'", name=text)
    if _DIGEST.fullmatch(text):
        return Reference(None, digest=text)
    dataset, at, version = text.partition("@")
    check_name(dataset)
    if not at or version == "latest":
        return Reference(dataset)
    if _NUMBER.fullmatch(version):
        return Reference(dataset, number=int(version))
    if _PREFIX.fullmatch(version):
        return Reference(dataset, digest=version)
    raise InvalidName(
        f"{text!r} does not name a snapshot: after the '@' comes a number, 'latest', or 7 to 64 digits of a digest",
        name=text,
    )


def parse_path(text: str) -> tuple[Reference, str]:
    """A reference and a path in that snapshot, from ``name@version/path``; the path may be empty.

    Raises ``InvalidName``.
    """
    alone, _, path = text.partition("/")
    if _DIGEST.fullmatch(alone):
        return Reference(None, digest=alone), path
    dataset, at, rest = text.partition("@")
    if not at:
        raise InvalidName(f"{text!r} has no '@' with a version before its path", name=text)
    version, _, path = rest.partition("/")
    return parse(f"{dataset}@{version}"), path
