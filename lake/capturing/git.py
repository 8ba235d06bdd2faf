"""The state of a git repository: the commit, and what was changed since, which is kept as well.

git is asked as an onlooker: it takes no lock, runs no hook, no helper and no filter of the repository's choosing that
it can be kept from, and goes to no network.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .secrets import hidden, obvious

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = str | os.PathLike[str]

__all__ = ["LIMIT", "GitState", "git_state"]

# Bytes of a difference that are kept: as much as anybody writes between two commits, and no data set.
LIMIT = 1 << 20
_LINE = 1 << 16  # of any other answer, and of complaints
_AT_ONCE = 1 << 16
_SECONDS = 20.0
_OPTIONS = (
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "diff.external="),
    *("-c", "submodule.recurse=false"),
    *("-c", "protocol.allow=never"),
    *("-c", "gc.auto=0"),
)
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--ignore-submodules=dirty")


@dataclass(frozen=True)
class GitState:
    """A working tree.

    ``commit``: in hexadecimal digits, ``None`` before the first.  ``branch``: ``None`` when none is checked out.
    ``describe``: the nearest tag, how far it is, and the commit.  ``dirty``: whether files that git follows differ from
    the commit; ``diff``: how, unless that is too long, and ``diff_sha256`` and ``diff_size`` of all of it.
    ``redacted``: whether keys and tokens were taken out of what is kept of it.  ``untracked``: how many files git
    neither follows nor ignores.  ``remote``: the address it came from, without passwords.  ``problem``: why the rest is
    not known, in words.
    """

    commit: str | None = None
    branch: str | None = None
    describe: str | None = None
    dirty: bool = False
    diff: bytes | None = None
    diff_sha256: str | None = None
    diff_size: int = 0
    redacted: bool = False
    untracked: int = 0
    remote: str | None = None
    problem: str | None = None


class _Trouble(Exception):
    """git could not say."""


@dataclass(frozen=True)
class _Answer:
    """What git said: its beginning, and the size, the digest and the count of zeros of all of it."""

    start: bytes
    size: int
    sha256: str
    zeros: int

    @property
    def line(self) -> str | None:
        return self.start.decode("utf-8", "replace").strip() or None


def git_state(path: Path, *, limit: int = LIMIT, git: str = "git", timeout: float = _SECONDS) -> GitState | None:
    """The state of the repository that ``path`` lies in; ``None`` when it lies in none, or there is no git.

    ``limit``: bytes of the difference to keep; of a longer one only the digest is.  ``timeout``: seconds for each
    question.
    """
    program = shutil.which(git)
    folder = os.path.realpath(path)
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if program is None or not os.path.isdir(folder) or not _may_be_inside(folder):
        return None
    ask = partial(_ask, program, folder, max(limit, _LINE), timeout)
    try:
        inside = ask("rev-parse", "--is-inside-work-tree")
        return None if inside is None or inside.line != "true" else _told(ask, limit)
    except _Trouble as trouble:
        return GitState(problem=str(trouble))


def _may_be_inside(folder: str) -> bool:
    """Whether git would look into a repository: most folders of data lie in none, and asking git takes a while."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def _told(ask: Callable[..., _Answer | None], limit: int) -> GitState:
    def line(*question: str) -> str | None:
        answer = ask(*question, fails=True)
        return None if answer is None else answer.line

    head = line("rev-parse", "--verify", "--quiet", "HEAD")
    branch = line("symbolic-ref", "--short", "--quiet", "HEAD")
    # Before the first commit, everything that was added is new.
    diff = ask(*_DIFF, "HEAD" if head else "--cached")
    untracked = ask("ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/")
    remote = line("config", "--get", f"remote.{_remote(line, branch)}.url")
    known = diff is not None and diff.size > 0
    kept = diff.start if diff is not None and 0 < diff.size <= limit else None
    shown = (
        None if kept is None else obvious(kept.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    )
    return GitState(
        head,
        branch,
        line("describe", "--tags", "--always", "--long") if head else None,
        known,
        shown,
        diff.sha256 if diff is not None and known else None,
        diff.size if diff is not None else 0,
        shown != kept,
        untracked.zeros if untracked is not None else 0,
        None if remote is None else _without_place(remote),
    )


def _remote(line: Callable[..., str | None], branch: str | None) -> str:
    own = line("config", "--get", f"branch.{branch}.remote") if branch else None
    if own and own != ".":
        return own
    names = (line("remote") or "origin").split()
    return "origin" if "origin" in names else names[0]


def _without_place(remote: str) -> str:
    """The address of a remote, without secrets; of one on this machine only the last part."""
    if re.match(r"[/~.]|file:|[A-Za-z]:\\", remote):
        return "{outside}/" + re.split(r"[/\\]", remote.rstrip("/\\"))[-1]
    return hidden(remote)


def _ask(program: str, folder: str, limit: int, timeout: float, *question: str, fails: bool = False) -> _Answer | None:
    """What git answers; ``None`` without a repository, or when there is nothing to say to a question that ``fails``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_PAGER": "cat"}
    late = threading.Event()
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [program, *_OPTIONS, *question],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        except OSError as error:
            raise _Trouble(f"git cannot be run: {error.strerror}") from error

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout, stop)
        timer.start()
        try:
            answer = _read(process, limit)
        finally:
            timer.cancel()
        complaints.seek(0)
        said = complaints.read(_LINE).decode("utf-8", "replace").strip()
    if late.is_set():
        raise _Trouble(f"git {question[0]} took longer than {timeout:g} s")
    if process.returncode == 0:
        return answer
    if "dubious ownership" in said:
        raise _Trouble("the repository belongs to somebody else, and git does not trust it (see safe.directory)")
    if fails or "not a git repository" in said:
        return None
    raise _Trouble(f"git {question[0]} failed: {said.splitlines()[0] if said else process.returncode}")


def _read(process: subprocess.Popen[bytes], limit: int) -> _Answer:
    start, size, zeros, digest = b"", 0, 0, hashlib.sha256()
    with process:
        assert process.stdout is not None
        while data := process.stdout.read(_AT_ONCE):
            start += data[: limit - len(start)]
            size += len(data)
            zeros += data.count(b"\0")
            digest.update(data)
    return _Answer(start, size, digest.hexdigest(), zeros)
