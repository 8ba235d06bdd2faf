"""Which checks there are: holotype's own, those that a program registers, and those of installed packages.

A package offers checks by an entry point of the group ``holotype.checks``, each of which names a class of a check::

    [project.entry-points."holotype.checks"]
    barcodes = "lab.checks:Barcodes"
"""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from .errors import CheckRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .check import Check, GroupCheck

__all__ = ["Checks", "REGISTRY", "register"]

_GROUP = "holotype.checks"
# Modules with checks of holotype's own: each has a tuple CHECKS.  They import what they need when they look.
_OWN: tuple[str, ...] = (
    ".arrays.arrow",
    ".arrays.dicom",
    ".arrays.fits",
    ".arrays.hdf5",
    ".arrays.mat5",
    ".arrays.netcdf3",
    ".arrays.nifti",
    ".arrays.npy",
    ".arrays.npz",
    ".arrays.ometiff",
    ".arrays.parquet",
    ".arrays.tiff",
    ".arrays.zarr",
    ".containers.archives",
    ".containers.packed",
    ".documents.jpegs",
    ".documents.jsons",
    ".documents.notebooks",
    ".documents.opaque",
    ".documents.pdfs",
    ".documents.pickles",
    ".documents.pngs",
    ".documents.sqlites",
    ".documents.texts",
    ".genomics.bam",
    ".genomics.bamindex",
    ".genomics.bcf",
    ".genomics.bed",
    ".genomics.crai",
    ".genomics.cram",
    ".genomics.faidx",
    ".genomics.fasta",
    ".genomics.fastq",
    ".genomics.fastqmetrics",
    ".genomics.gff3",
    ".genomics.gtf",
    ".genomics.indexed",
    ".genomics.indexes",
    ".genomics.pairs",
    ".genomics.references",
    ".genomics.sam",
    ".genomics.tabix",
    ".genomics.vcf",
    ".tables.delimited",
    ".tables.jsonlines",
)


class Checks:
    """Checks by their names; safe to share between threads."""

    def __init__(self, own: Iterable[str] = (), *, group: str | None = None) -> None:
        self._own, self._group = tuple(own), group
        self._checks: dict[str, Check | GroupCheck] = {}
        self._lock = threading.Lock()
        self._loaded = False
        self.troubles: dict[str, str] = {}
        """Entry points that could not be loaded, and why; a report has each as a finding."""

    def register(self, check: type[Check | GroupCheck] | Check | GroupCheck) -> None:
        """Add a check; raises ``CheckRefused`` when another one has its name, or it has none."""
        made = check() if isinstance(check, type) else check
        if not getattr(made, "name", "") or not hasattr(made, "look"):  # an entry point may name anything
            raise CheckRefused(f"{check!r} is no check with a name")
        with self._lock:
            there = self._checks.setdefault(made.name, made)
        if type(there) is not type(made):
            raise CheckRefused(f"there is another check {made.name}: {type(there).__qualname__}", check=made.name)

    def every(self) -> tuple[Check | GroupCheck, ...]:
        """All checks, by name."""
        self._load()
        return tuple(self._checks[name] for name in sorted(self._checks))

    def named(self, name: str) -> Check | GroupCheck:
        """One check; raises ``CheckRefused``."""
        self._load()
        if name not in self._checks:
            raise CheckRefused(f"there is no check {name!r}; there are {', '.join(sorted(self._checks))}", check=name)
        return self._checks[name]

    def _load(self) -> None:
        if self._loaded:
            return
        for module in self._own:
            for check in import_module(module, __package__).CHECKS:
                self.register(check)
        for point in entry_points(group=self._group) if self._group is not None else ():
            try:
                self.register(point.load())
            except Exception as error:  # noqa: BLE001 - somebody else's package; every report says so
                self.troubles[point.name] = f"{type(error).__name__}: {error}"
        self._loaded = True


REGISTRY = Checks(_OWN, group=_GROUP)
"""The checks that are used unless others are named."""

register = REGISTRY.register
