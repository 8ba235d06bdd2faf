"""The machine a program runs on: its system, its processor, and the container around it, if there is one."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Container", "Processor", "System", "container", "processor", "system"]


@dataclass(frozen=True)
class System:
    """An operating system: ``Linux``, its kernel's release, the distribution, and the C library that programs use."""

    name: str
    release: str
    distribution: str
    libc: str


@dataclass(frozen=True)
class Processor:
    """A processor.  ``flags``: SHA-256 of the sorted names of what it can do, on which fast code paths depend."""

    architecture: str
    model: str
    count: int
    flags: str | None


@dataclass(frozen=True)
class Container:
    """What a program is shut in: ``docker``, ``podman``, ``apptainer``, ``kubernetes``; its image where it is told."""

    kind: str
    image: str | None = None
    image_id: str | None = None


@lru_cache(maxsize=1)
def system() -> System:
    """The operating system here."""
    libc = " ".join(part for part in platform.libc_ver() if part)
    if platform.system() == "Darwin":
        return System("Darwin", platform.release(), f"macOS {platform.mac_ver()[0]}", libc)
    if platform.system() == "Windows":
        return System("Windows", platform.release(), f"Windows {platform.version()}", libc)
    try:
        release = platform.freedesktop_os_release()
    except OSError:  # a system, or a container, that does not say
        release = {}
    name = release.get("PRETTY_NAME") or " ".join(filter(None, (release.get("NAME"), release.get("VERSION_ID"))))
    return System(platform.system(), platform.release(), name or "unknown", libc)


@lru_cache(maxsize=1)
def processor() -> Processor:
    """The processor here."""
    text = _read("/proc/cpuinfo")
    # On ARM there is no model's name, but numbers that stand for it.
    names = ("model name", "Model", "cpu model", "CPU implementer", "CPU part", "CPU variant", "cpu", "uarch")
    fields = dict(re.findall(r"^([\w ]+?)\s*:\s*(.*)$", text.partition("\n\n")[0], re.MULTILINE))
    model = fields.get("model name") or " ".join(f"{name} {fields[name]}" for name in names if name in fields)
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return Processor(
        platform.machine(),
        model or platform.processor() or "unknown",
        os.cpu_count() or 1,
        hashlib.sha256(" ".join(sorted(flags)).encode()).hexdigest() if flags else None,
    )


def container(variables: Mapping[str, str] | None = None, *, top: str = "/") -> Container | None:
    """The container around this process, or ``None``; ``top``: where its file system begins."""
    variables = os.environ if variables is None else variables
    image = variables.get("APPTAINER_CONTAINER") or variables.get("SINGULARITY_CONTAINER")
    if image or os.path.isdir(os.path.join(top, ".singularity.d")):
        # The path of a file, or an address; either may name a person.
        name = os.path.basename(image.rstrip("/")) if image else None
        return Container("apptainer", name or variables.get("APPTAINER_NAME") or variables.get("SINGULARITY_NAME"))
    told = _read(os.path.join(top, "run/.containerenv"))
    if told or os.path.exists(os.path.join(top, "run/.containerenv")):
        fields = dict(re.findall(r'^(\w+)="?(.*?)"?$', told, re.MULTILINE))
        return Container("podman", fields.get("image") or None, fields.get("imageid") or None)
    if "KUBERNETES_SERVICE_HOST" in variables:
        return Container("kubernetes")
    if os.path.exists(os.path.join(top, ".dockerenv")):
        return Container("docker")
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # not on this platform, or not to be read
        return ""
