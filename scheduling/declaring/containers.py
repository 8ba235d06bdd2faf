"""Containers: by what program a site enters the images that stages name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

__all__ = ["Containers"]

_ENGINES = ("podman", "apptainer", "singularity")


@dataclass(frozen=True)
class Containers:
    """How images are entered.

    ``engine``: podman, apptainer or singularity, or the path of one.  ``options``: words that it is given before all
    else, as ``--runtime=runc``, and ``running``: before the image.  ``network``: whether tasks may reach other machines
    from within; by default they may not, so that nothing comes in that is not declared.  Apptainer has no way to keep
    them from it unless it is run by root.

    Not docker: what it runs is started by a server, is below nobody here, and would outlive who asked for it; podman
    runs the same images.  Raises ``ValueError``.
    """

    engine: str = "podman"
    options: tuple[str, ...] = field(default=(), kw_only=True)
    running: tuple[str, ...] = field(default=(), kw_only=True)
    network: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        object.__setattr__(self, "running", tuple(self.running))
        if self.kind not in _ENGINES:
            why = "its server would run tasks that nobody here can end; " if self.kind == "docker" else ""
            raise ValueError(f"{self.engine!r} enters no images here: {why}it is {', '.join(_ENGINES)}")

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return os.path.basename(self.engine)
