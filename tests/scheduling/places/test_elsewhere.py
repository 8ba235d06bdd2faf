"""Where a system cannot fork, or has no way to adopt what jobs leave behind, the contract is kept by other ways."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import ExtraMissing, ProgramNotFound
from holotype.scheduling import LocalPlace, Place
from holotype.scheduling.places import keeper, trees

from .machine import eventually, naps, shell
from .place_contract import until_over, until_running
from .test_local_place import TestLocalPlace as OnLinux

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# What a process is told first, to be as on another system.
NO_ADOPTING = "import sys; sys.modules['ctypes'] = None\n"
NO_FORKING = (
    "import os, subprocess\nfor name in ('fork', 'setsid', 'setpgid', 'pidfd_open', 'O_DIRECTORY'):\n"
    "    delattr(os, name)\n"
)


def as_elsewhere(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """Have keepers, and their guards, believe that they are on another system."""
    begin = vars(keeper)["_BEGIN"]
    before = f"first = {first!r}\nexec(first)\n"
    after = "import holotype.scheduling.places.keeper as own\nown._BEGIN = first + own._BEGIN\n"
    imports = "from holotype"
    monkeypatch.setattr(keeper, "_BEGIN", before + begin.replace(imports, after + imports, 1))


class TestWithoutForking(OnLinux):
    """As on Windows."""

    examples = 3
    many = 12

    @pytest.fixture(autouse=True)
    def _elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        as_elsewhere(monkeypatch, NO_ADOPTING + NO_FORKING)
        monkeypatch.delattr(os, "fork")


@pytest.fixture(params=[NO_ADOPTING, NO_ADOPTING + NO_FORKING], ids=["no adopting", "no forking"])
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    as_elsewhere(monkeypatch, request.param)
    if request.param != NO_ADOPTING:
        monkeypatch.delattr(os, "fork")
    with closing(LocalPlace(tmp_path / "place")) as made:
        yield made


@pytest.mark.parametrize(
    "how", ["sleep {0} & exit 0", "setsid sh -c '(setsid sleep {0} &)' & exit 0", "(trap '' TERM; sleep {0}) & exit 0"]
)
def test_what_a_job_leaves_behind_is_ended_by_its_mark(place: Place, tmp_path: Path, how: str) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", how.format(seconds)))
    assert until_over(place, "a")["a"].ok
    assert not asleep()


def test_a_job_may_not_have_more_memory_than_it_may(place: Place, tmp_path: Path) -> None:
    script = "kept = b'x' * (64 << 20); import time; time.sleep(1000)"
    place.submit(shell(tmp_path, "a", '"$@"; sleep 1', sys.executable, "-S", "-c", script, memory=32 << 20))
    assert until_over(place, "a")["a"].cause == "memory"


def test_a_job_outlives_its_scheduler_there_too(place: Place, tmp_path: Path) -> None:
    seconds, asleep = naps()
    place.submit(shell(tmp_path, "a", f"sleep {seconds}"))
    until_running(place, "a")
    eventually(asleep)
    place.close()
    with closing(LocalPlace(tmp_path / "place")) as other:
        other.cancel("a")
        assert until_over(other, "a")["a"].cause == "cancelled"
    assert not asleep()


# -- where there is no interpreter, no keeper, no psutil


def test_where_nothing_can_be_started_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(LocalPlace(tmp_path / "place")) as place:
        monkeypatch.setattr(sys, "executable", "/usr/bin/env")
        with pytest.raises(OSError, match="env is no interpreter"):
            place.submit(shell(tmp_path, "a", "exit 0"))
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        with pytest.raises(ProgramNotFound, match="No such file"):
            place.submit(shell(tmp_path, "a", "exit 0"))
        broken: Sequence[str] = ["python", "-c", "import sys; sys.exit('too old')"]
        monkeypatch.undo()
        monkeypatch.setattr("holotype.scheduling.places.keeping.starting", lambda *given: (broken, b""))
        with pytest.raises(ProgramNotFound, match="status 1"):
            place.submit(shell(tmp_path, "a", "exit 0"))
        assert place.poll("a") == {}
        assert "too old" in (tmp_path / "place/keeper.log").read_text()
        monkeypatch.undo()
        place.submit(shell(tmp_path, "a", "exit 0"))
        assert until_over(place, "a")["a"].ok


def test_without_psutil_jobs_run_but_what_is_left_of_others_cannot_be_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with closing(LocalPlace(tmp_path / "place")) as place:
        place.submit(shell(tmp_path, "a", "exit 0"))
        assert until_over(place, "a")["a"].ok
    with pytest.raises(ExtraMissing, match=r"holotype\[workflows\]"):
        trees.end_marked("nobody", None)


def test_where_psutil_is_needed_to_look_after_jobs_one_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr("holotype.scheduling.places.keeping.can_adopt", lambda: False)
    with closing(LocalPlace(tmp_path / "place")) as place, pytest.raises(ExtraMissing, match=r"holotype\[workflows\]"):
        place.submit(shell(tmp_path, "a", "exit 0"))


def test_a_kernel_that_does_not_tell_of_children_is_asked_for_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_tells_children", lambda: False)
    others = trees.Adopted().members()  # such as servers of other tests
    with subprocess.Popen(["sh", "-c", "sleep 1000; exit"]) as child:
        eventually(lambda: len(trees.Adopted().members() - others) >= 2)
        members = trees.Adopted().members() - others
        assert child.pid in members
        for pid in members:
            trees.Adopted().end(pid, force=True)
