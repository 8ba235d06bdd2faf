"""What a run of the tests leaves out, what it reports, and what it refuses in CI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .source import TOP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that runs its tests as this one does."""
    configuration = (TOP / "pyproject.toml").read_text("utf-8")
    extra = 'test = [\n    "no-such-package>=1",\n'
    (tmp_path / "pyproject.toml").write_text(configuration.replace("test = [\n", extra, 1), "utf-8")
    (tmp_path / "tests/room").mkdir(parents=True)
    for name in ("conftest.py", "effort.py"):
        shutil.copy(TOP / "tests" / name, tmp_path / "tests")
    write(tmp_path, "tests/room/test_plain.py", "def test_b():\n    pass\n\n\ndef test_a():\n    print('noise')\n")
    return tmp_path


def write(project: Path, name: str, text: str) -> None:
    """Write a file of the small project."""
    (project / name).write_text(text, "utf-8")


def run(project: Path, *arguments: str, ci: bool = False, every: int = 1) -> subprocess.CompletedProcess[str]:
    """Run pytest on the small project, in a process and with an environment of its own."""
    ours = ("CI", "COV_", "COVERAGE_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Most of the time of so small a run would go into importing plugins that have no part in it.
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"CI": "true"} if ci else {})
    environment["HOLOTYPE_EVERY"] = str(every)
    plugins = ["-p", "metadata", "-p", "pytest_jsonreport", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def report(project: Path) -> dict[str, object]:
    """The report at the top of the small project."""
    loaded: dict[str, object] = json.loads((project / "pytest_results.json").read_text("utf-8"))
    return loaded


def test_pytest_alone_writes_the_report(project: Path) -> None:
    assert run(project).returncode == 0
    assert report(project) == {
        "exitcode": 0,
        "summary": {"passed": 2, "total": 2, "collected": 2},
        "tests": [
            {"nodeid": "tests/room/test_plain.py::test_a", "outcome": "passed"},
            {"nodeid": "tests/room/test_plain.py::test_b", "outcome": "passed"},
        ],
    }


def test_the_same_results_are_the_same_bytes(project: Path) -> None:
    run(project)
    first = (project / "pytest_results.json").read_bytes()
    run(project, "--json-report", "--json-report-file=pytest_results.json")
    assert (project / "pytest_results.json").read_bytes() == first


def test_the_report_names_no_machine(project: Path) -> None:
    write(project, "tests/room/test_fails.py", "def test_fails(tmp_path):\n    raise OSError(tmp_path)\n")
    assert run(project).returncode == 1
    assert str(project) not in (project / "pytest_results.json").read_text("utf-8")
    tests = report(project)["tests"]
    assert isinstance(tests, list)
    assert tests[0] == {"nodeid": "tests/room/test_fails.py::test_fails", "outcome": "failed", "failed_in": ["call"]}


@pytest.mark.parametrize(
    "some",
    [["tests/room"], ["-k", "test_a"], ["--collect-only"], ["--deselect", "tests/room/test_plain.py::test_a"]],
    ids=" ".join,
)
def test_a_run_of_some_tests_leaves_the_report_alone(project: Path, some: list[str]) -> None:
    assert run(project, *some).returncode == 0
    assert not (project / "pytest_results.json").exists()


def test_every_so_many_th_test_of_each_file_can_be_run(project: Path) -> None:
    write(project, "tests/room/test_three.py", "".join(f"def test_{name}():\n    pass\n\n\n" for name in "abc"))
    assert run(project, every=2).returncode == 0
    assert not (project / "pytest_results.json").exists()
    assert run(project, "--json-report", "--json-report-file=pytest_results.json", every=2).returncode == 0
    tests = report(project)["tests"]
    assert isinstance(tests, list)
    three, plain = "tests/room/test_three.py", "tests/room/test_plain.py"
    assert [test["nodeid"] for test in tests] == [f"{plain}::test_b", f"{three}::test_a", f"{three}::test_c"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import no_such_package\n", id="imported"),
        pytest.param("def test_late():\n    from no_such_package.part import thing\n", id="imported late"),
        pytest.param("from .helper import value\n", id="imported by a helper"),
        pytest.param("from . import helper\n", id="imported by a helper module"),
        pytest.param("NEEDS = ('no_such_package',)\n", id="named"),
    ],
)
def test_a_file_that_needs_what_is_missing_is_left_out_in_one_line(project: Path, text: str) -> None:
    write(project, "tests/room/test_more.py", text + "\n\ndef test_more():\n    pass\n")
    write(project, "tests/room/helper.py", "import no_such_package\n\nvalue = 1\n")
    done = run(project)
    assert done.returncode == 0
    assert "left out 1 test file, needing what is not installed here: no_such_package" in done.stdout
    assert report(project)["summary"] == {"passed": 2, "total": 2, "collected": 2}


def test_a_file_left_out_fails_the_run_in_ci(project: Path) -> None:
    write(project, "tests/room/test_more.py", "NEEDS = ('no-such-program',)\n")
    assert run(project, ci=True).returncode == 1
    assert report(project)["exitcode"] == 1


def test_a_package_that_nobody_declared_is_an_error(project: Path) -> None:
    write(project, "tests/room/test_more.py", "import misspelled_package\n")
    assert run(project).returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import pytest\n\n\ndef test_skips():\n    pytest.skip('no such tool')\n", id="while it runs"),
        pytest.param(
            "import pytest\n\n\n@pytest.mark.skip(reason='no such tool')\ndef test_skips():\n    pass\n", id="by mark"
        ),
        pytest.param("import pytest\n\npytest.skip('no such tool', allow_module_level=True)\n", id="whole file"),
    ],
)
def test_a_test_that_skips_fails_in_ci(project: Path, text: str) -> None:
    write(project, "tests/room/test_more.py", text)
    assert run(project).returncode == 0
    done = run(project, ci=True)
    assert done.returncode in (1, 2)
    assert "would be skipped, and in CI nothing is: " in done.stdout
    assert "no such tool" in done.stdout
