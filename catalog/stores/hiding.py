"""What must not be told: the credentials among a store's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["hidden", "secrets_in"]

# Option names whose values may be shown.  All other texts among the options are taken for secrets.
_PUBLIC = frozenset(
    {"account_host", "account_name", "endpoint_url", "fo", "host", "project", "region_name", "username"}
)
# How to connect: styles, timeouts, versions.
_SETTINGS = "config_kwargs"
# What is shorter is no secret, and hiding it would make holes in words.
_SHORTEST = 4


def secrets_in(options: Mapping[str, object]) -> tuple[str, ...]:
    """Every text among ``options``, at any depth, that may be a credential; the longest first."""
    return tuple(sorted(set(_texts(options)), key=len, reverse=True))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """``text`` without any of ``secrets``; the longest have to come first, for one may be part of another."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def _texts(options: Mapping[str, object]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            if name != _SETTINGS:
                yield from _texts(value)
        elif isinstance(value, str) and name not in _PUBLIC and len(value) >= _SHORTEST:
            yield value
