"""Compare the committed report of the tests with the one of a run.

``python tests/house/results.py COMMITTED RAN`` ends with status 1, and says why, unless both name the same
tests and all of them passed in both.  With ``--part`` the second is of a run of some tests of each file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def outcomes(report: Path) -> dict[str, str]:
    """Each test's outcome in a report, by its name."""
    return {test["nodeid"]: test["outcome"] for test in json.loads(report.read_text("utf-8"))["tests"]}


def complaints(committed: Path, ran: Path, *, part: bool = False) -> list[str]:
    """Why the committed report is not the one of this run; empty when it is.

    ``part``: it is enough that some tests of each file ran.
    """
    if not committed.is_file():
        return [f"{committed.name} is not there: run pytest and commit it"]
    kept, now = outcomes(committed), outcomes(ran)
    found = [f"ran, but is not in the committed report: {name}" for name in sorted(now.keys() - kept.keys())]
    not_run = _files(kept) - _files(now) if part else kept.keys() - now.keys()
    found += [f"is in the committed report, but did not run: {name}" for name in sorted(not_run)]
    for where, tests in (("in the committed report", kept), ("just now", now)):
        found += [f"{outcome} {where}: {name}" for name, outcome in sorted(tests.items()) if outcome != "passed"]
        if not tests:
            found.append(f"no test at all {where}")
    return found


def _files(tests: Iterable[str]) -> set[str]:
    """The files that tests are in."""
    return {name.partition("::")[0] for name in tests}


def main(committed: str, ran: str, *options: str) -> int:
    """Print every complaint; the exit status says whether there was one."""
    found = complaints(Path(committed), Path(ran), part=options == ("--part",))
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
