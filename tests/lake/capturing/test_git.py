"""The commit that code was run from is known, and so is what was changed since."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from holotype.lake.capturing.git import git_state

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("git", "sh")

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    """Something done with git."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=plain | IDENTITY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "step.py").write_text("print(1)\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    state = git_state(repository)
    assert state is not None
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.dirty, state.diff, state.diff_sha256, state.untracked) == ("main", False, None, None, 0)
    assert state.describe is not None
    assert git(repository, "rev-parse", "HEAD").startswith(state.describe)
    assert state.remote is None
    assert state.problem is None


def test_what_was_changed_is_kept_and_can_be_applied(repository: Path, tmp_path: Path) -> None:
    (repository / "step.py").write_text("print(2)\n")
    (repository / "image").write_bytes(bytes(range(256)))
    git(repository, "add", "image")
    for name in ("new", "ignored", "sub/other"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("")
    state = git_state(repository / "sub")
    assert state is not None
    assert state.dirty
    assert state.diff is not None
    assert state.diff_sha256 == hashlib.sha256(state.diff).hexdigest()
    assert state.diff_size == len(state.diff)
    assert not state.redacted
    assert state.untracked == 2
    git(tmp_path, "clone", "-q", str(repository), "again")
    (tmp_path / "diff").write_bytes(state.diff)
    git(tmp_path / "again", "apply", str(tmp_path / "diff"))
    assert (tmp_path / "again" / "step.py").read_text() == "print(2)\n"
    assert (tmp_path / "again" / "image").read_bytes() == bytes(range(256))


def test_a_file_in_a_repository_stands_for_it(repository: Path) -> None:
    state = git_state(repository / "step.py")
    assert state is not None
    assert state.commit is not None


def test_of_a_long_difference_only_the_digest_is_kept(repository: Path) -> None:
    (repository / "step.py").write_text("".join(f"print({n})\n" for n in range(2000)))
    long, short = git_state(repository, limit=1000), git_state(repository)
    assert long is not None
    assert short is not None
    assert long.dirty
    assert long.diff is None
    assert (long.diff_sha256, long.diff_size) == (short.diff_sha256, short.diff_size)
    assert short.diff is not None


def test_keys_are_taken_out_of_what_is_kept(repository: Path) -> None:
    (repository / "step.py").write_text("token = make()\nkey = 'AKIAIOSFODNN7EXAMPLE'\n")
    state = git_state(repository)
    assert state is not None
    assert state.diff is not None
    assert b"AKIA" not in state.diff
    assert b"token = make()" in state.diff
    assert state.redacted
    assert state.diff_sha256 != hashlib.sha256(state.diff).hexdigest()


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://ada:s3cr3t@example.org/lab/code.git", "https://‹redacted›@example.org/lab/code.git"),
        ("https://ghp_abcdefghijklmnopqrst@example.org/x", "https://‹redacted›@example.org/x"),
        ("git@example.org:lab/code.git", "git@example.org:lab/code.git"),
        ("ssh://git@example.org/lab/code.git", "ssh://git@example.org/lab/code.git"),
        ("/mnt/people/ada/repositories/code.git", "{outside}/code.git"),
        ("file:///mnt/people/ada/code.git", "{outside}/code.git"),
        ("../code", "{outside}/code"),
    ],
)
def test_the_address_it_came_from_has_no_password_and_no_home(repository: Path, address: str, kept: str) -> None:
    git(repository, "remote", "add", "lab", address)
    state = git_state(repository)
    assert state is not None
    assert state.remote == kept


def test_the_nearest_tag_and_a_detached_head_are_said(repository: Path) -> None:
    git(repository, "tag", "v1.0")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "checkout", "-q", "--detach")
    state = git_state(repository)
    assert state is not None
    assert state.commit is not None
    assert state.branch is None
    assert state.describe == f"v1.0-1-g{state.commit[:7]}"


def test_before_the_first_commit_what_was_added_is_new(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a").write_text("1\n")
    git(tmp_path, "add", "a")
    state = git_state(tmp_path)
    assert state is not None
    assert (state.commit, state.branch, state.dirty) == (None, "main", True)


def test_where_there_is_no_repository_or_no_git_there_is_nothing_to_say(repository: Path, tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "none" / "at all") is None
    assert git_state(repository, git="no-such-git") is None
    assert git_state(repository / ".git") is None


def test_nothing_of_the_repository_is_run_or_changed(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\ncat\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    git(repository, "config", "diff.external", str(trap))
    git(repository, "config", "diff.odd.textconv", str(trap))
    git(repository, "config", "core.pager", str(trap))
    git(repository, "config", "core.hooksPath", str(tmp_path))
    (repository / ".git" / "info" / "attributes").write_text("* diff=odd\n")
    (tmp_path / "sprung").unlink(missing_ok=True)
    (repository / "step.py").write_text("print(2)\n")
    index = (repository / ".git" / "index").stat().st_mtime_ns
    state = git_state(repository)
    assert state is not None
    assert state.dirty
    assert not (tmp_path / "sprung").exists()
    assert (repository / ".git" / "index").stat().st_mtime_ns == index


def program(folder: Path, text: str) -> str:
    """A program that stands where git should."""
    path = folder / "git"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "echo \"fatal: detected dubious ownership in repository at '/mnt/people/ada/x'\" >&2; exit 128",
            "somebody else",
        ),
        ("echo 'fatal: index file corrupt' >&2; exit 128", "index file corrupt"),
        ("exec sleep 30", "took longer"),
    ],
)
def test_what_git_will_not_say_is_said_to_be_unknown(repository: Path, tmp_path: Path, text: str, problem: str) -> None:
    state = git_state(repository, git=program(tmp_path, text), timeout=0.5)
    assert state is not None
    assert state.commit is None
    assert state.problem is not None
    assert problem in state.problem
    assert "ada" not in state.problem
