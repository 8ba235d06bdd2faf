"""A whole analysis, done twice with one parameter changed: its graph has every edge that was there, and no other.

Commands, Python blocks and scripts take turns, branches part and meet, a file is changed in place.
"""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

from .conftest import opened, unmeasured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Laboratory

RSCRIPT = shutil.which("Rscript")

# What each step uses and makes, as its author knows it.
EDGES = {
    "split": ({"raw.csv"}, {"control.csv", "treated.csv"}),
    "clean control": ({"control.csv"}, {"control.clean"}),
    "clean treated": ({"treated.csv"}, {"treated.clean"}),
    "merge": ({"control.clean", "treated.clean"}, {"merged.csv"}),
    "statistics": ({"merged.csv"}, {"statistics.json"}),
    "order": ({"merged.csv"}, {"ordered.csv"}),
    "top": ({"ordered.csv"}, {"top.csv"}),
    "note": ({"top.csv"}, {"top.csv"}),
    "plot": ({"ordered.csv", "plot.py"}, {"plot.txt"}),
    "pack": ({"ordered.csv"}, {"ordered.csv.gz"}),
    "summary": ({"merged.csv"}, {"summary.txt"}),
    "report": ({"statistics.json", "top.csv", "plot.txt", "summary.txt"}, {"report.txt"}),
    "seal": ({"report.txt"}, {"report.sha"}),
}
# Their bytes hang on the parameter.
CHANGED = {"statistics.json", "report.txt", "report.sha"}

PLOT = """
import sys
rows = [line.split(",") for line in open(sys.argv[1]).read().splitlines() if line]
with open(sys.argv[2], "w") as out:
    for name, _, value in rows[:5]:
        out.write(name + " " + "#" * int(value) + "\\n")
"""


def analyse(laboratory: Laboratory, alpha: float) -> None:
    """The analysis; ``alpha`` is what differs."""
    archive = laboratory.archive

    def shell(name: str, line: str) -> None:
        ran = archive.run(["sh", "-c", line], name=name, dataset="study")
        assert ran.ok, ran.stderr

    shell("split", "grep control raw.csv > control.csv; grep treated raw.csv > treated.csv")
    shell("clean control", "sed 's/ //g' control.csv > control.clean")
    shell("clean treated", "sed 's/ //g' treated.csv > treated.clean")
    with archive.activity("merge"):
        parts = [pl.read_csv(f"{group}.clean", has_header=False) for group in ("control", "treated")]
        pl.concat(parts).write_csv("merged.csv", include_header=False)

    @archive.activity("statistics")
    def statistics(alpha: float) -> None:
        values = pl.read_csv("merged.csv", has_header=False).to_series(2)
        with open("statistics.json", "w") as file:
            json.dump({"total": int(values.sum()) * alpha}, file)

    statistics(alpha)
    shell("order", "sort merged.csv > ordered.csv")
    shell("top", "head -n 3 ordered.csv > top.csv")
    shell("note", "echo checked >> top.csv")
    ran = archive.run([sys.executable, "plot.py", "ordered.csv", "plot.txt"], name="plot", dataset="study")
    assert ran.ok, ran.stderr
    shell("pack", "gzip -n -c ordered.csv > ordered.csv.gz")
    if RSCRIPT is not None:
        line = "cat(nrow(read.csv('merged.csv', header=FALSE)), file='summary.txt')"
        assert archive.run([RSCRIPT, "-e", line], name="summary", dataset="study").ok
    else:
        shell("summary", "grep -c . merged.csv > summary.txt")
    shell("report", "cat statistics.json top.csv plot.txt summary.txt > report.txt")
    shell("seal", "sha256sum report.txt > report.sha")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """The analysis done with ``alpha`` 1, kept, done again with 2, and kept."""
    laboratory = opened(tmp_path_factory.mktemp("laboratory"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(laboratory.data)
        unmeasured(patch)
        prepare(laboratory)
        yield laboratory


def prepare(laboratory: Laboratory) -> None:
    groups = ("control", "treated")
    rows = [f"gene {number},{groups[number % 2]},{number % 9}" for number in range(40)]
    (laboratory.data / "raw.csv").write_text("\n".join(rows) + "\n")
    (laboratory.data / "plot.py").write_text(PLOT)
    laboratory.keep()
    analyse(laboratory, 1.0)
    laboratory.keep()
    analyse(laboratory, 2.0)
    laboratory.keep()


def test_every_edge_of_two_runs_is_there_and_no_other(analysed: Laboratory) -> None:
    told = analysed.edges()
    # The test's own module is the script of the blocks in it where it can be told.
    own = {name: [(used - {"{outside}/pytest"}, made) for used, made in runs] for name, runs in told.items()}
    assert own == {name: [(frozenset(used), frozenset(made))] * 2 for name, (used, made) in EDGES.items()}


def test_a_result_is_traced_to_its_raw_data_through_every_step(analysed: Laboratory) -> None:
    came_from = analysed.archive.provenance.upstream("study@2/report.sha")
    files = set(came_from.filter(pl.col("kind") == "file")["path"])
    assert files == {"raw.csv", "plot.py", "report.sha"} | {name for used, _ in EDGES.values() for name in used}
    steps = came_from.filter(pl.col("term") == "activity")["label"].to_list()
    assert sorted(steps) == sorted(set(EDGES) - {"pack"})


def test_what_the_second_run_made_came_of_the_second_run_alone(analysed: Laboratory) -> None:
    provenance = analysed.archive.provenance
    runs = [provenance.explain(f"study@{number}/report.txt") for number in (2, 3)]
    assert all(sorted(run["name"]) == sorted(set(EDGES) - {"pack", "seal"}) for run in runs)
    assert not set(runs[0]["activity"]) & set(runs[1]["activity"])


def test_the_recipe_can_be_followed_from_top_to_bottom(analysed: Laboratory) -> None:
    recipe = analysed.archive.provenance.explain("study@2/report.sha")
    there = {"study/raw.csv", "study/plot.py"}
    for inputs, scripts, outputs in recipe.select("inputs", "scripts", "outputs").iter_rows():
        assert {each for each in (*inputs, *scripts) if each.startswith("study/")} <= there
        there.update(outputs)
    assert "study/report.sha" in there
    (parameters,) = recipe.filter(pl.col("name") == "statistics")["parameters"]
    assert json.loads(parameters) == {"alpha": 1.0}


def test_two_results_differ_by_the_parameter_that_was_changed_and_what_came_of_it(analysed: Laboratory) -> None:
    differs = analysed.archive.provenance.compare("study@2/report.txt", "study@3/report.txt")
    assert differs.filter(pl.col("aspect") == "parameter").select("step", "name", "a", "b").rows() == [
        ("statistics", "alpha", "1.0", "2.0")
    ]
    results = set(differs.filter(pl.col("aspect") == "result")["name"])
    assert results == {f"study/{name}" for name in CHANGED - {"report.sha"}}
    assert set(differs["aspect"]) == {"parameter", "result", "input"}


def test_a_fault_in_the_raw_data_reaches_every_result_of_both_runs(analysed: Laboratory) -> None:
    touched = analysed.archive.provenance.impact("study@1/raw.csv")
    made = {name for _, made in EDGES.values() for name in made}
    files = touched.filter((pl.col("kind") == "file") & (pl.col("depth") > 0))
    assert set(files["path"]) == made
    reports = files.filter(pl.col("path") == "report.txt")
    assert sorted(reports["snapshots"].to_list()) == [["study@2"], ["study@3"]]


def test_a_fault_in_a_branch_leaves_the_other_branch_alone(analysed: Laboratory) -> None:
    touched = analysed.archive.provenance.impact("study@2/control.clean")
    files = set(touched.filter((pl.col("kind") == "file") & (pl.col("depth") > 0))["path"])
    assert "treated.clean" not in files
    assert {"merged.csv", "report.txt"} <= files


def test_what_commands_made_is_made_again_byte_for_byte(analysed: Laboratory, tmp_path: Path) -> None:
    done = analysed.archive.provenance.reproduce("study@2/treated.clean", to=tmp_path / "again")
    assert done.verdict == "exact"
    assert set(done.files["path"]) == {"control.csv", "treated.csv", "treated.clean"}
    assert (tmp_path / "again" / "study" / "treated.clean").read_bytes() == (
        analysed.data / "treated.clean"
    ).read_bytes()


def test_what_was_recorded_is_valid_by_the_constraints_of_prov(analysed: Laboratory, tmp_path: Path) -> None:
    from holotype.catalog import check_prov, provenance

    path = tmp_path / "all.provn"
    path.write_text(provenance.write_provn(analysed.archive.provenance.document()))
    assert check_prov(path) == ()
    assert analysed.archive.verify().ok
