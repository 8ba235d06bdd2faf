"""The surroundings in which a result was computed, as one value that many runs share.

Two runs in the same surroundings have environments that are equal, with the same ``digest``, however far apart they
are: what differs from one run to the next, such as a job's number or the state of a random generator, stands beside the
rest, and does not count.  Of variables only those are kept that change results, by a list; nothing in it names a person
or a place.
"""

from __future__ import annotations

import hashlib
import json
import locale
import os
import platform
import random
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .machine import Container, Processor, System, container, processor, system
from .packages import Package, conda_packages, packages
from .redacting import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "Interpreter", "Library", "environment"]

# Variables that change what programs compute, or how: threads, kernels, precision, order, time and language.
_KEPT = re.compile(
    r"""
      PYTHON(?:HASHSEED|OPTIMIZE|UTF8|IOENCODING|DONTWRITEBYTECODE|NOUSERSITE)
    | (?:OMP|KMP|GOMP|MKL|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|NUMBA|POLARS|DUCKDB|RAYON|ARROW)_\w+ | OMP_NUM_THREADS
    | CUDA_(?:VISIBLE_DEVICES|DEVICE_ORDER|LAUNCH_BLOCKING) | CUBLAS_WORKSPACE_CONFIG | NVIDIA_TF32_OVERRIDE
    | (?:HIP|ROCR)_VISIBLE_DEVICES | NVIDIA_VISIBLE_DEVICES | NPY_\w+ | NUMPY_\w+
    | TF_(?:DETERMINISTIC_OPS|CUDNN_DETERMINISTIC|ENABLE_ONEDNN_OPTS|XLA_FLAGS) | XLA_FLAGS | JAX_\w+ | TORCH_\w+
    | PYTORCH_\w+ | R_(?:DEFAULT_PACKAGES|ENVIRON_USER) | JULIA_NUM_THREADS | SOURCE_DATE_EPOCH
    | TZ | LANG | LANGUAGE | LC_\w+ | POSIXLY_CORRECT
    """,
    re.VERBOSE,
)
# Where an environment lies is nobody's business; what it is called may help.
_NAMED = ("CONDA_DEFAULT_ENV", "VIRTUAL_ENV")
_MOMENTARY = re.compile(
    r"(?:SLURM_(?:JOB_ID|JOBID|ARRAY_(?:JOB|TASK)_ID|PROCID|CPUS_PER_TASK|NTASKS|JOB_PARTITION)|PBS_JOBID"
    r"|PBS_ARRAY_INDEX|LSB_JOBID|LSB_JOBINDEX|JOB_ID|SGE_TASK_ID|FLUX_JOB_ID)"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python.  ``executable``: the name of its program."""

    implementation: str
    version: str
    build: str
    compiler: str
    executable: str


@dataclass(frozen=True)
class Library:
    """A library for linear algebra: its name, version, and the kernels and threads it was built for or uses."""

    name: str
    version: str
    configuration: str


@dataclass(frozen=True)
class Environment:
    """Surroundings of a computation.

    ``variables``: pairs, sorted.  ``timezone``: a name as in ``Europe/Oslo`` where the system has one, and the names of
    its two times.  ``momentary``: pairs of what belongs to one run: numbers of jobs, and SHA-256 of the states of the
    random generators of Python and numpy.  It counts neither for being equal nor for the digest.
    """

    interpreter: Interpreter
    system: System
    processor: Processor
    blas: tuple[Library, ...]
    packages: tuple[Package, ...]
    conda: tuple[Package, ...]
    locale: str
    timezone: str
    variables: tuple[tuple[str, str], ...]
    container: Container | None
    momentary: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def canonical(self) -> bytes:
        """All that counts, as JSON: keys sorted, no spaces, UTF-8."""
        told = asdict(self)
        del told["momentary"]
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of ``canonical()``, in hexadecimal digits."""
        return _digest(self)


@lru_cache(maxsize=8)
def _digest(found: Environment) -> str:
    # Most processes see one environment, again and again.
    return hashlib.sha256(found.canonical()).hexdigest()


def environment(variables: Mapping[str, str] | None = None, *, redactor: Redactor | None = None) -> Environment:
    """The surroundings of this process; ``variables`` instead of its own, as a child process may have.

    What does not change while a process runs is found out once; installing a package is noticed.
    """
    variables = os.environ if variables is None else variables
    redactor = _redactor() if redactor is None else redactor
    kept = {name: value for name, value in variables.items() if _KEPT.fullmatch(name)}
    kept |= {name: os.path.basename(variables[name].rstrip("/\\")) for name in _NAMED if variables.get(name)}
    return Environment(
        _interpreter(),
        system(),
        processor(),
        _blas(),
        packages(),
        conda_packages(variables.get("CONDA_PREFIX")),
        locale.setlocale(locale.LC_ALL),
        _timezone(),
        tuple(sorted(redactor.environment(kept).items())),
        container(variables),
        _momentary(variables),
    )


@lru_cache(maxsize=1)
def _redactor() -> Redactor:
    return Redactor()


@lru_cache(maxsize=1)
def _interpreter() -> Interpreter:
    return Interpreter(
        platform.python_implementation(),
        platform.python_version(),
        " ".join(platform.python_build()),
        platform.python_compiler(),
        os.path.basename(os.path.realpath(sys.executable or "python")),
    )


@lru_cache(maxsize=1)
def _built_with() -> tuple[Library, ...]:
    told = _mapping(_mapping(np.show_config(mode="dicts")).get("Build Dependencies"))
    found: list[Library] = []
    for kind in ("blas", "lapack"):
        library = _mapping(told.get(kind))
        if library.get("found"):
            configuration = str(library.get("openblas configuration", "")).split()
            found.append(
                Library(f"{kind}: {library.get('name')}", str(library.get("version")), " ".join(configuration))
            )
    return tuple(found)


def _blas() -> tuple[Library, ...]:
    """The libraries that numpy was built with, and those that are loaded, where threadpoolctl is there to tell."""
    try:
        pools = import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return _built_with()
    loaded = {
        Library(
            f"{pool.get('user_api')}: {pool.get('internal_api')}",
            str(pool.get("version")),
            f"{pool.get('architecture') or pool.get('threading_layer') or 'any'}, {pool.get('num_threads')} threads",
        )
        for pool in pools
    }
    return _built_with() + tuple(sorted(loaded, key=lambda library: (library.name, library.version)))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _timezone() -> str:
    names = "/".join(dict.fromkeys(time.tzname))
    place = os.path.realpath("/etc/localtime")
    _, found, zone = place.partition("/zoneinfo/")
    return f"{zone} {names}" if found and "TZ" not in os.environ else names


def _momentary(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found = {name: value for name, value in variables.items() if _MOMENTARY.fullmatch(name)}
    found["random.getstate"] = hashlib.sha256(repr(random.getstate()).encode()).hexdigest()
    # Whoever has not loaded it has drawn nothing from it.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        kind, keys, place, has_gauss, gauss = numpy_random.get_state(legacy=True)
        state = f"{kind} {place} {has_gauss} {gauss!r} ".encode() + keys.tobytes()
        found["numpy.random.get_state"] = hashlib.sha256(state).hexdigest()
    return tuple(sorted(found.items()))
