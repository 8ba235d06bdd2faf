"""Sites: what there is to run on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holotype.catalog import ExtraMissing

from .declaring.frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .declaring.containers import Containers
    from .declaring.quotas import Quota

__all__ = ["Site", "memory_of_machine"]


@dataclass(frozen=True)
class Site:
    """A place to run: this machine, or a part of it.

    ``folder``: where runs work and keep their results, made when it is not there.  ``cpus``: by default all that this
    process may use.  ``memory``: bytes, by default what the machine has.  ``gpus``, ``licences`` and ``instruments``:
    how many there are.  ``path``: where programs are looked for, by default in ``PATH``.  ``quotas``: how much who may
    use of it, which is looked at before a run begins.

    ``containers``: how images are entered that stages name, and ``conda``: the program that enters environments (conda,
    mamba or micromamba).  Without them no stage runs that names one.
    """

    folder: str | os.PathLike[str]
    cpus: int = field(default_factory=lambda: _processors(), kw_only=True)
    memory: int = field(default_factory=lambda: _memory(), kw_only=True)
    gpus: int = field(default=0, kw_only=True)
    licences: Mapping[str, int] = field(default_factory=nothing, kw_only=True)
    instruments: Mapping[str, int] = field(default_factory=nothing, kw_only=True)
    path: str | None = field(default=None, kw_only=True)
    containers: Containers | None = field(default=None, kw_only=True)
    conda: str | None = field(default=None, kw_only=True)
    quotas: tuple[Quota, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", os.path.abspath(os.fspath(self.folder)))
        object.__setattr__(self, "licences", Frozen(self.licences))
        object.__setattr__(self, "instruments", Frozen(self.instruments))
        object.__setattr__(self, "quotas", tuple(self.quotas))
        for name in ("cpus", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"a site with {getattr(self, name)} {name} runs nothing")


def _processors() -> int:
    # Where a batch system or a container gives it fewer than there are, those.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_of_machine() -> int | None:
    """The bytes of memory that this machine has; ``None`` where psutil is not there to tell."""
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().total)


def _memory() -> int:
    there = memory_of_machine()
    if there is None:
        what = "how much memory there is, psutil tells: pip install 'holotype[workflows]', or say memory="
        raise ExtraMissing(what, extra="workflows")
    return there
