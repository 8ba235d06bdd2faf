"""Try again, alone, what failed among thousands of tests.

``python tests/house/again.py REPORT PYTEST...`` runs the tests that failed in a report with that command, in the folder
it is called in, and puts into the report what became of them.  It ends with status 0 when all of them passed.  A shared
machine stands still for seconds now and then; what is wrong fails again.  More than a few have no such excuse, and are
not tried.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

__all__ = ["MOST", "main"]

MOST = 5


def main(report: str, *command: str) -> int:
    """Try them; 0 when some had failed and all of them passed now."""
    path = Path(report)
    first = json.loads(path.read_text("utf-8"))
    failed = [test["nodeid"] for test in first["tests"] if test["outcome"] in ("failed", "error")]
    if not 0 < len(failed) <= MOST:
        sys.stdout.write(f"{len(failed)} tests failed: nothing is tried again\n")
        return 1
    sys.stdout.write("".join(f"failed at first, and is tried again: {name}\n" for name in failed))
    sys.stdout.flush()
    second = path.with_name("again.json").absolute()
    tried = subprocess.run([*command, "--json-report-file", str(second), *failed], check=False)
    found = {test["nodeid"]: test for test in json.loads(second.read_text("utf-8"))["tests"]} if second.exists() else {}
    first["tests"] = [found.get(test["nodeid"], test) for test in first["tests"]]
    path.write_text(json.dumps(first, indent=1), "utf-8")
    second.unlink(missing_ok=True)
    return 0 if tried.returncode == 0 and found.keys() == set(failed) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
