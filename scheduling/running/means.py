"""What all runs of a scheduler share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from ..declaring.environments import Tool
    from ..places.place import Place
    from ..site import Site
    from .cache import Cache
    from .digests import Digests
    from .resources import Free

__all__ = ["Means"]


@dataclass(frozen=True)
class Means:
    """What runs go on with.  ``versions``: what programs say they are.  ``images``: their identifiers."""

    site: Site
    place: Place
    free: Free
    digests: Digests
    cache: Cache
    executor: Executor
    clock: Callable[[], float]
    chance: Callable[[], float]
    versions: dict[Tool, str]
    images: dict[str, str]
