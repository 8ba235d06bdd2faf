"""A command: it is watched, and what it did is kept, however it ends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from holotype.catalog import InvalidOption, ProgramNotFound

from .test_activity import told

if TYPE_CHECKING:
    from .conftest import Laboratory


def uses(frame: pl.DataFrame, use: str) -> set[str]:
    """The names of files with this use."""
    return {path.rpartition("/")[2] for path in frame.filter(pl.col("use") == use)["path"]}


def test_a_command_that_dies_half_way_is_kept_with_what_it_had_written(laboratory: Laboratory) -> None:
    (laboratory.data / "in.txt").write_text("in")
    ran = laboratory.archive.run(
        ["sh", "-c", "cat in.txt > first.txt; echo it broke >&2; exit 3; cat in.txt > second.txt"],
        name="breaks",
        dataset="study",
    )
    assert (ran.ok, ran.returncode) == (False, 3)
    assert uses(ran.files, "generated") == {"first.txt"}
    facts = told(laboratory, "breaks")
    assert (facts["outcome"], facts["exit"]) == ("failed", 3)
    assert "it broke" in str(facts["error"])


def test_what_was_declared_is_held_against_what_was_seen(laboratory: Laboratory) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (laboratory.data / name).write_text(name)
    ran = laboratory.archive.run(
        ["sh", "-c", "cat a.txt b.txt > d.txt"],
        dataset="study",
        inputs=["a.txt", "c.txt"],
        outputs=["e.txt"],
    )
    names = [{path.rpartition("/")[2] for path in paths} for paths in (ran.undeclared, ran.unseen)]
    assert names == [{"b.txt", "d.txt"}, {"c.txt", "e.txt"}]


def test_without_strace_what_it_wrote_is_seen_and_what_it_read_believed(laboratory: Laboratory) -> None:
    (laboratory.data / "in.txt").write_text("in")
    ran = laboratory.archive.run(["sh", "-c", "cat in.txt > out.txt"], dataset="study", inputs=["in.txt"], how="states")
    assert (ran.how, uses(ran.files, "used"), uses(ran.files, "generated")) == ("states", {"in.txt"}, {"out.txt"})


def test_a_child_that_outlives_its_parent_is_told_and_does_not_hold_anybody_up(laboratory: Laboratory) -> None:
    program = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])"
    began = time.monotonic()
    ran = laboratory.archive.run([sys.executable, "-c", program], dataset="study", name="parent")
    assert time.monotonic() - began < 15
    assert len(ran.survivors) == 1
    assert told(laboratory, "parent")["survivors"]


def test_nothing_secret_is_kept_of_a_command_line_or_its_variables(laboratory: Laboratory) -> None:
    secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    laboratory.archive.run(
        ["sh", "-c", "true", "--token", secret, f"--password={secret}", f"https://me:{secret}@host/x"],
        dataset="study",
        env={"API_TOKEN": secret, "MODE": "fast"},
    )
    everything = str([laboratory.archive.read(t).to_pylist() for t in ("prov_elements", "prov_relations")])
    assert secret not in everything
    assert "fast" in everything


def test_the_standard_streams_of_a_command_are_files_of_it(laboratory: Laboratory) -> None:
    (laboratory.data / "in.txt").write_text("b\na\n")
    ran = laboratory.archive.run(["sort"], dataset="study", stdin="in.txt", stdout="out.txt")
    assert (uses(ran.files, "used"), uses(ran.files, "generated")) == ({"in.txt"}, {"out.txt"})
    laboratory.keep()
    done = laboratory.archive.provenance.reproduce("study/out.txt", to=laboratory.root / "again")
    assert done.verdict == "exact", done.steps


def test_a_program_that_is_not_there_is_said_to_be_missing_and_nothing_is_kept(laboratory: Laboratory) -> None:
    with pytest.raises(ProgramNotFound):
        laboratory.archive.run(["no-such-program-anywhere"], dataset="study")
    assert not laboratory.archive.read("prov_elements").num_rows


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("echo hello", {}, r"\['sh', '-c', 'echo hello'\]"),
        (["echo", 3], {}, "3 is neither"),
        (["echo", "3"], {"how": "magic"}, "'strace' or 'states'"),
    ],
)
def test_what_is_no_command_is_refused_and_nothing_is_kept(
    laboratory: Laboratory, command: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        laboratory.archive.run(command, dataset="study", **options)
    assert not laboratory.archive.read("prov_elements").num_rows
    assert laboratory.archive.provenance.interrupted().is_empty()


def test_programs_that_took_part_acted_for_whoever_ran_them(laboratory: Laboratory) -> None:
    (laboratory.data / "in.txt").write_text("x")
    laboratory.archive.run(["sh", "-c", "sort in.txt > out.txt"], dataset="study")
    laboratory.keep()
    agents = laboratory.archive.provenance.upstream("study/out.txt").filter(pl.col("term") == "agent")
    assert {"sh", "sort"} <= set(agents["label"])
    assert agents.filter(pl.col("kind") == "person").height == 1
