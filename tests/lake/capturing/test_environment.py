"""The surroundings of a computation are one value, the same whenever they are the same, and tell nobody's name."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from holotype.lake.capturing.environment import environment
from holotype.lake.capturing.machine import Container, container
from holotype.lake.capturing.packages import conda_packages, packages
from holotype.lake.capturing.redacting import REDACTED
from holotype.lake.capturing.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


def wheel(
    site: Path, name: str, version: str, *, record: str | None = "", origin: dict[str, Any] | None = None
) -> Path:
    """Something that looks installed."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: wrong\n")
    if record is not None:
        (folder / "RECORD").write_text(record)
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    return folder


def conda(prefix: Path, name: str, version: str, **more: object) -> None:
    """Something that looks installed by conda."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    told = {"name": name, "version": version, "build": "h1_0", "subdir": "linux-64", **more}
    (prefix / "conda-meta" / f"{name}-{version}-h1_0.json").write_text(json.dumps(told))


def test_the_same_surroundings_are_one_value() -> None:
    first, second = environment(), environment()
    random.random()
    np.random.default_rng().random()
    third = environment()
    assert first == second == third
    assert hash(first) == hash(third)
    assert first.digest == third.digest == hashlib.sha256(first.canonical()).hexdigest()
    assert first.momentary != third.momentary
    told = json.loads(first.canonical())
    assert "momentary" not in told
    assert json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == first.canonical()


def test_another_process_finds_the_same() -> None:
    code = "from holotype.lake.capturing.environment import environment; print(environment().digest)"
    # What measures coverage puts itself into the child's path.
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_", "PYTEST_"))}
    digests = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain).stdout
        for _ in range(2)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64


def test_what_was_computed_with_is_said() -> None:
    found = environment()
    assert found.interpreter.version == ".".join(map(str, sys.version_info[:3]))
    assert "/" not in found.interpreter.executable
    assert found.processor.count == os.cpu_count()
    assert found.system.name
    assert any("blas" in library.name for library in found.blas)
    installed = {package.name: package for package in found.packages}
    assert installed["numpy"].version == np.__version__
    assert installed["numpy"].sha256 is not None
    assert len(installed["numpy"].sha256) == 64


def test_asking_again_is_quick() -> None:
    environment()
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        environment()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


def test_only_variables_that_change_results_are_kept_and_no_place() -> None:
    variables = {
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "Europe/Oslo",
        "XLA_FLAGS": "--dump=/mnt/people/lovelace/dumps",
        "JAX_TOKEN": "abc",
        "VIRTUAL_ENV": "/mnt/people/lovelace/envs/liver",
        "CONDA_DEFAULT_ENV": "/mnt/people/lovelace/conda/rna",
        "HOME": "/mnt/people/lovelace",
        "AWS_SECRET_ACCESS_KEY": "abc",
        "PATH": "/mnt/people/lovelace/bin",
        "SLURM_JOB_ID": "77",
    }
    found = environment(variables)
    assert dict(found.variables) == {
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "Europe/Oslo",
        "XLA_FLAGS": "--dump={outside}/dumps",
        "JAX_TOKEN": REDACTED,
        "VIRTUAL_ENV": "liver",
        "CONDA_DEFAULT_ENV": "rna",
    }
    assert dict(found.momentary)["SLURM_JOB_ID"] == "77"
    assert b"lovelace" not in found.canonical()
    assert found != environment({**variables, "OMP_NUM_THREADS": "8"})
    assert found.digest != environment({**variables, "OMP_NUM_THREADS": "8"}).digest


def test_the_states_of_random_generators_tell_runs_apart_that_began_differently() -> None:
    np.random.seed(7)
    random.seed(7)
    one = dict(environment({}).momentary)
    np.random.random()
    other = dict(environment({}).momentary)
    assert one["random.getstate"] == other["random.getstate"]
    assert one["numpy.random.get_state"] != other["numpy.random.get_state"]
    np.random.seed(7)
    assert dict(environment({}).momentary) == one


def test_a_package_is_known_by_the_hash_of_what_it_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = "a.py,sha256=abc,1\r\n"
    with (wheel(tmp_path, "Some.Tool", "1.0") / "RECORD").open("w", newline="") as file:
        file.write(record)
    commit = "0123456789abcdef0123456789abcdef01234567"
    wheel(tmp_path, "fresh", "2.0", origin={"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": commit}})
    wheel(
        tmp_path,
        "mine",
        "3.0",
        record=None,
        origin={"url": "file:///mnt/people/ada/mine", "dir_info": {"editable": True}},
    )
    wheel(tmp_path, "odd", "4.0")
    (tmp_path / "odd-4.0.dist-info" / "direct_url.json").write_text("{not json")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = {package.name: package for package in packages()}
    assert list(found) == ["fresh", "mine", "odd", "Some.Tool"]
    data = (tmp_path / "Some.Tool-1.0.dist-info" / "RECORD").read_bytes()
    assert found["Some.Tool"].sha256 == hashlib.sha256(data).hexdigest()
    assert (found["fresh"].commit, found["fresh"].source) == (commit, "pypi")
    assert (found["mine"].sha256, found["mine"].source) == (None, "editable")
    assert found["odd"].commit is None


def test_a_package_installed_meanwhile_is_noticed_and_the_first_of_two_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    wheel(one, "tool", "1.0")
    wheel(other, "tool", "2.0")
    monkeypatch.setattr(sys, "path", [str(one), str(other), str(tmp_path / "none")])
    assert [(package.name, package.version) for package in packages()] == [("tool", "1.0")]
    time.sleep(0.02)  # a tick of the clock that folders have their times from
    wheel(one, "another", "1.0")
    assert [package.name for package in packages()] == ["another", "tool"]


def test_conda_packages_are_read_from_what_conda_left(tmp_path: Path) -> None:
    conda(tmp_path, "samtools", "1.20", sha256="ab" * 32, channel="https://conda.example.org/bioconda/linux-64")
    conda(tmp_path, "bwa", "0.7.18", channel="conda-forge")
    (tmp_path / "conda-meta" / "broken.json").write_text("{")
    (tmp_path / "conda-meta" / "history").write_text("")
    bwa, samtools = conda_packages(str(tmp_path))
    assert (bwa.name, bwa.version, bwa.source, bwa.sha256) == ("bwa", "0.7.18=h1_0", "conda-forge", None)
    assert (samtools.name, samtools.source, samtools.sha256) == ("samtools", "bioconda", "ab" * 32)
    assert conda_packages(str(tmp_path / "none")) == ()


def test_a_program_is_known_by_its_bytes(tmp_path: Path) -> None:
    program = tmp_path / "bwa-0.7.17" / "bwa"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (tmp_path / "link").symlink_to(program)
    found = tool(str(program))
    assert found is not None
    assert (found.name, found.path, found.version) == ("bwa", "{outside}/bwa", "0.7.17")
    assert found.sha256 == hashlib.sha256(program.read_bytes()).hexdigest()
    assert found.size == program.stat().st_size
    linked = tool("./link", folder=str(tmp_path))
    assert linked is not None
    assert (linked.name, linked.sha256) == ("link", found.sha256)
    program.write_text("#!/bin/sh\nexit 2\n")
    again = tool("bwa", search=str(program.parent))
    assert again is not None
    assert again.sha256 != found.sha256
    assert tool("no-such-program") is None


def test_a_program_that_conda_installed_has_the_version_that_conda_says(tmp_path: Path) -> None:
    conda(tmp_path, "samtools", "1.20", files=["bin/samtools", "share/doc"])
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "samtools"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = tool("samtools", search=str(program.parent))
    assert found is not None
    assert found.version == "1.20"


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_a_program_of_the_system_is_said_where_it_is() -> None:
    found = tool("sh", search="/usr/bin:/bin")
    assert found is not None
    assert found.path.startswith(("/usr/bin/", "/bin/"))


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, Container("docker")),
        ({"run/.containerenv": ""}, {}, Container("podman")),
        (
            {"run/.containerenv": 'engine="podman-5.0"\nimage="ghcr.io/lab/rna:3"\nimageid="abc123"\n'},
            {},
            Container("podman", "ghcr.io/lab/rna:3", "abc123"),
        ),
        ({}, {"APPTAINER_CONTAINER": "/mnt/people/ada/rna.sif"}, Container("apptainer", "rna.sif")),
        ({}, {"SINGULARITY_CONTAINER": "/mnt/people/ada/rna.sif"}, Container("apptainer", "rna.sif")),
        ({".singularity.d/x": ""}, {"APPTAINER_NAME": "rna.sif"}, Container("apptainer", "rna.sif")),
        ({".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Container("kubernetes")),
    ],
)
def test_the_container_around_a_process_is_known_by_what_it_leaves(
    tmp_path: Path, files: dict[str, str], variables: dict[str, str], expected: Container | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert container(variables, top=str(tmp_path)) == expected


def test_loaded_libraries_are_told_where_there_is_somebody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pools:
        @staticmethod
        def threadpool_info() -> list[dict[str, object]]:
            return [
                {
                    "user_api": "blas",
                    "internal_api": "openblas",
                    "version": "0.3",
                    "architecture": "Zen",
                    "num_threads": 3,
                },
                {"user_api": "openmp", "internal_api": "openmp", "version": None, "num_threads": 2},
            ]

    module = import_module("holotype.lake.capturing.environment")
    monkeypatch.setitem(sys.modules, "threadpoolctl", Pools)
    told = {(library.name, library.configuration) for library in module.environment().blas}
    assert ("blas: openblas", "Zen, 3 threads") in told
    assert ("openmp: openmp", "any, 2 threads") in told
