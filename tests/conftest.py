"""How the tests of every room are run: what is left out where, and what the report keeps.

**Left out.**  Some tests need a package of the ``test`` extra, or a program, that a plain installation lacks.  A test
file needs what it imports of that extra, itself or through the helpers it imports relatively, and what it names in
``NEEDS = ("pandas", "restic")``: a package of the extra, or else a program.  Where something is missing the file is not
collected, and one line at the end says so.  With ``CI=true`` that, and every test that skips, fails the run.

**A part.**  ``HOLOTYPE_EVERY=4`` runs every fourth test of each file, from the first on, as a look at whether the same
code works in another installation.

**This machine.**  What the library keeps for its user between runs is kept in a folder of the tests.

**The report.**  ``pytest`` alone writes ``pytest_results.json``, and so does ``--json-report`` given by hand; a run of
some of the tests leaves it alone.  It holds each test's outcome and nothing that differs from machine to machine or
from minute to minute, so that it changes exactly when a test comes, goes, fails or passes again.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .effort import share

if TYPE_CHECKING:
    from collections.abc import Generator

# The tests' own helpers, for the processes that tests start, and the benchmarks, which are scripts beside the package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

STRICT = os.environ.get("CI", "").lower() in ("1", "true")
# The options with which a run is of some of the tests.
NARROWING = ("keyword", "markexpr", "collectonly", "deselect", "ignore", "ignore_glob", "lf", "maxfail", "stepwise")
# Of each file's tests one of how many is run.
EVERY = int(os.environ.get("HOLOTYPE_EVERY", "1"))
LEFT_OUT = pytest.StashKey[dict[Path, list[str]]]()


@cache
def packages_of_the_test_extra(pyproject: Path) -> frozenset[str]:
    """The names of the ``test`` extra's packages, as they are imported."""
    extra: list[str] = tomllib.loads(pyproject.read_text("utf-8"))["project"]["optional-dependencies"]["test"]
    return frozenset(re.split(r"[^\w.-]", requirement)[0].replace("-", "_") for requirement in extra)


def is_here(name: str, extra: frozenset[str]) -> bool:
    """Whether a package of the extra, or else a program, is installed."""
    if name.replace("-", "_") not in extra:
        return shutil.which(name) is not None
    # Not by looking for a module: some packages have none, only a program.
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@cache
def needs(file: Path, extra: frozenset[str]) -> frozenset[str]:
    """What a test file and the helpers it imports relatively need, read without importing any of them."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.Import(names):
                named |= extra & {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                named |= extra & {module.partition(".")[0]}
            case ast.ImportFrom(module, names, level) if level:
                folder = file.parents[level - 1].joinpath(*(module or "").split("."))
                for helper in (folder.with_suffix(".py"), *(folder / f"{alias.name}.py" for alias in names)):
                    named |= needs(helper, extra) if helper.is_file() else set()
            case ast.Assign([ast.Name("NEEDS")], value) | ast.AnnAssign(ast.Name("NEEDS"), value=ast.expr() as value):
                named |= set(ast.literal_eval(value))
            case _:
                pass
    return frozenset(named)


def pytest_configure(config: pytest.Config) -> None:
    """Decide whether this run writes the report."""
    config.stash[LEFT_OUT] = {}
    if find_spec("hypothesis") is not None:
        # A machine that is shared may be slow at any moment: that is no failure of what is tested.
        laws: Any = import_module("hypothesis")
        laws.settings.register_profile("holotype", deadline=None, max_examples=share(100))
        laws.settings.load_profile("holotype")
    option = config.option
    by_hand = any(argument.startswith("--json-report") for argument in config.invocation_params.args)
    narrowed = EVERY > 1 or any(getattr(option, name, None) for name in NARROWING)
    every_test = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not narrowed
    if every_test and not by_hand:
        # The option is relative to where pytest was started; the file belongs at the top.
        option.json_report_file = str(config.rootpath / option.json_report_file)
    elif not by_hand:
        option.json_report_file = None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file that needs what is not here."""
    if not (collection_path.name.startswith("test_") and collection_path.suffix == ".py"):
        return None
    extra = packages_of_the_test_extra(config.rootpath / "pyproject.toml")
    # A package is not looked for on the PATH: another Python's command of the same name may stand there.
    missing = [name for name in sorted(needs(collection_path, extra)) if not is_here(name, extra)]
    if missing:
        config.stash[LEFT_OUT][collection_path] = missing
    return True if missing else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests between, where every so many-th is run."""
    numbers = Counter[Path]()
    out: list[pytest.Item] = []
    for item in items:
        if numbers[item.path] % EVERY:
            out.append(item)
        numbers[item.path] += 1
    if out:
        config.hook.pytest_deselected(items=out)
        left_out = set(out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Notes of activities lie in a folder of the tests' own, also those of the processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLOTYPE_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """In CI a run that left something out has failed; said before anything reports how it went."""
    if STRICT and session.config.stash[LEFT_OUT] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line what was left out, and why."""
    left_out = config.stash[LEFT_OUT]
    if left_out:
        missing = ", ".join(sorted({name for names in left_out.values() for name in names}))
        files = f"{len(left_out)} test file{'s' if len(left_out) > 1 else ''}"
        terminalreporter.write_line(f"left out {files}, needing what is not installed here: {missing}", yellow=True)


def fail_instead_of_skipping(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, unless the test is declared to fail."""
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} would be skipped, and in CI nothing is: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test skip in CI."""
    report = yield
    fail_instead_of_skipping(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no test file skip in CI."""
    report = yield
    fail_instead_of_skipping(report)
    return report


def kept_of(test: dict[str, Any]) -> dict[str, Any]:
    """What the report keeps of one test: its name, its outcome, and where it failed."""
    stages = [stage for stage in ("setup", "call", "teardown") if test.get(stage, {}).get("outcome") == "failed"]
    return {"nodeid": test["nodeid"], "outcome": test["outcome"], **({"failed_in": stages} if stages else {})}


@pytest.hookimpl(optionalhook=True)
def pytest_json_modifyreport(json_report: dict[str, Any]) -> None:
    """Keep what is the same on every machine and in every minute, in one order."""
    tests = sorted((kept_of(test) for test in json_report.get("tests", ())), key=lambda test: str(test["nodeid"]))
    outcomes = Counter(str(test["outcome"]) for test in tests)
    kept = {
        "exitcode": int(json_report["exitcode"]),
        "summary": {**dict(sorted(outcomes.items())), "total": len(tests), "collected": len(tests)},
        "tests": tests,
    }
    json_report.clear()
    json_report.update(kept)
