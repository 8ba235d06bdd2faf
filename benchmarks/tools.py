"""The programs that are compared, behind one small contract.

Each is run as its users run it: its default options, its cache on, encryption where it has no mode without one or where
its manual recommends one. Every file it keeps outside its repository goes below the benchmark's own folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from benchmarks.measure import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["TOOLS", "Borg", "Holotype", "MissingTool", "Restic", "Tool"]


class MissingTool(RuntimeError):
    """A program to compare is not installed; the message says how to get it or do without."""


class Tool(Protocol):
    """One backup program with its repository, as the commands that do each job.

    Rules: a command does the whole job in one process that starts from nothing; `create` is not timed; `label` is
    different for every backup; what is restored ends up in `restored(target, source)` with the tree it had in `source`.
    """

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    @property
    def how(self) -> str:
        """How it is run here, for the note below the tables."""
        ...

    @property
    def repository(self) -> Path:
        """The folder that holds all it stores, and whose size is compared."""
        ...

    def version(self) -> str:
        """The installed version.

        Raises:
            MissingTool: there is none.
        """
        ...

    def create(self) -> Command:
        """Make an empty repository."""
        ...

    def backup(self, source: Path, *, label: str) -> Command:
        """Store `source` as it is now."""
        ...

    def restore(self, source: Path, target: Path, *, label: str) -> Command:
        """Write all that was stored last into the empty folder `target`."""
        ...

    def restore_one(self, source: Path, target: Path, *, label: str, path: str) -> Command:
        """Write one stored file, `path` relative to `source`, into the empty folder `target`."""
        ...

    def restored(self, source: Path, target: Path) -> Path:
        """The folder that then corresponds to `source`."""
        ...

    def verify(self) -> Command:
        """Read and check every stored byte."""
        ...


HOLOTYPE = """\
import sys
from holotype import lake

job, archive, dataset, *rest = sys.argv[1:]
if job == "create":
    lake.create(archive, name="bench")
elif job == "backup":
    lake.open(archive).backup(rest[0], dataset=dataset)
elif job == "restore":
    lake.open(archive).restore(f"{dataset}@latest", rest[0], paths=rest[1:])
elif job == "verify":
    report = lake.open(archive).verify(full=True)
    sys.exit(0 if report.ok else f"damage: {report.damage}")
"""
"""What a user would write, one job to a process."""


@dataclass(frozen=True)
class Holotype:
    """This library, by its front door."""

    work: Path
    dataset: str = "bench"
    name: str = "holotype"
    how: str = "`python -c` with its defaults; no encryption"

    @property
    def repository(self) -> Path:
        return self.work / "holotype-archive"

    def version(self) -> str:
        code = "import importlib.metadata as m; from holotype import lake; print(lake.create and m.version('holotype'))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=self.work)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1]
            raise MissingTool(f"holotype does not import ({last}): install it, or leave it out with --tools")
        return done.stdout.strip()

    def create(self) -> Command:
        return self._job("create")

    def backup(self, source: Path, *, label: str) -> Command:
        return self._job("backup", str(source))

    def restore(self, source: Path, target: Path, *, label: str) -> Command:
        return self._job("restore", str(target))

    def restore_one(self, source: Path, target: Path, *, label: str, path: str) -> Command:
        return self._job("restore", str(target), path)

    def restored(self, source: Path, target: Path) -> Path:
        return target

    def verify(self) -> Command:
        return self._job("verify")

    def _job(self, job: str, *rest: str) -> Command:
        program = (sys.executable, "-c", HOLOTYPE, job, str(self.repository), self.dataset)
        # Not HOME: the interpreter may find its packages through it.
        environment = {"TMPDIR": str(self.work), "XDG_CACHE_HOME": str(self.work / "holotype-cache")}
        return Command((*program, *rest), self.work, environment)


@dataclass(frozen=True)
class Restic:
    """restic, repository format 2, which compresses with zstd."""

    work: Path
    name: str = "restic"
    how: str = "repository format 2 (zstd by default), its cache on; it always encrypts"

    @property
    def repository(self) -> Path:
        return self.work / "restic-repository"

    def version(self) -> str:
        return _version("restic", "version")

    def create(self) -> Command:
        return self._run("init", "--repository-version", "2")

    def backup(self, source: Path, *, label: str) -> Command:
        return self._run("backup", str(source))

    def restore(self, source: Path, target: Path, *, label: str) -> Command:
        return self._run("restore", "latest", "--target", str(target))

    def restore_one(self, source: Path, target: Path, *, label: str, path: str) -> Command:
        return self._run("restore", "latest", "--target", str(target), "--include", str(source / path))

    def restored(self, source: Path, target: Path) -> Path:
        # It stores absolute paths, and makes them again below the target.
        return target / source.relative_to(source.anchor)

    def verify(self) -> Command:
        return self._run("check", "--read-data")

    def _run(self, *arguments: str) -> Command:
        environment = {"RESTIC_PASSWORD": "benchmark", "RESTIC_CACHE_DIR": str(self.work / "restic-cache")}
        environment |= {"TMPDIR": str(self.work), "HOME": str(self.work)}
        return Command(("restic", "--repo", str(self.repository), *arguments), self.work, environment)


@dataclass(frozen=True)
class Borg:
    """BorgBackup, with zstd at the level restic's default is closest to; its own default, lz4, would store more."""

    work: Path
    name: str = "borg"
    how: str = "`--encryption repokey`, `--compression zstd,3`, its cache on"

    @property
    def repository(self) -> Path:
        return self.work / "borg-repository"

    def version(self) -> str:
        return _version("borg", "--version")

    def create(self) -> Command:
        return self._run("init", "--encryption", "repokey", str(self.repository))

    def backup(self, source: Path, *, label: str) -> Command:
        return self._run("create", "--compression", "zstd,3", f"{self.repository}::{label}", ".", folder=source)

    def restore(self, source: Path, target: Path, *, label: str) -> Command:
        return self._run("extract", f"{self.repository}::{label}", folder=target)

    def restore_one(self, source: Path, target: Path, *, label: str, path: str) -> Command:
        return self._run("extract", f"{self.repository}::{label}", path, folder=target)

    def restored(self, source: Path, target: Path) -> Path:
        return target

    def verify(self) -> Command:
        return self._run("check", "--verify-data", str(self.repository))

    def _run(self, *arguments: str, folder: Path | None = None) -> Command:
        environment = {"BORG_PASSPHRASE": "benchmark", "BORG_BASE_DIR": str(self.work / "borg-base")}
        environment |= {"TMPDIR": str(self.work), "HOME": str(self.work)}
        return Command(("borg", *arguments), folder or self.work, environment)


TOOLS: dict[str, Callable[[Path], Tool]] = {"holotype": Holotype, "restic": Restic, "borg": Borg}
"""Each program by the name it has in the tables, and how to make it from the folder it works in."""

PACKAGES = {"restic": "restic", "borg": "borgbackup"}


def _version(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        package = PACKAGES[program]
        raise MissingTool(f"{program} is not installed: apt-get install {package}, or leave it out with --tools")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else done.stdout.strip()
