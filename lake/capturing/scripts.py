"""The code that runs: the main script or notebook, and the modules that are somebody's own and not installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["arguments", "main_script", "own_modules"]

# Where a notebook's name is known: VS Code puts it among the variables, Jupyter's server into the environment.
_VSCODE, _JUPYTER = "__vsc_ipynb_file__", "JPY_SESSION_NAME"


def main_script() -> Path | None:
    """The script that Python was started with, or the notebook whose cells it runs.

    ``None`` where there is neither, or where its name is not known: a prompt, ``python -c``, a program that is
    installed, such as ``pytest``, and notebooks elsewhere than in Jupyter and VS Code.
    """
    main = vars(sys.modules.get("__main__", sys))
    for name in (main.get(_VSCODE), os.environ.get(_JUPYTER) if _in_notebook() else None, main.get("__file__")):
        if isinstance(name, str) and os.path.isfile(name):
            path = os.path.realpath(name)
            if not Places().left_out(path):
                return Path(path)
    return None


def arguments() -> tuple[str, ...]:
    """What the program was called with, as it stands in ``sys.argv``: passwords, too, that somebody gave it."""
    return tuple(sys.argv)


def own_modules(places: Places, roots: Sequence[str] | None) -> Iterator[str]:
    """The files of all modules that lie under one of ``roots`` or beside the main script, and of the script itself.

    Not what is installed: its name and version tell what it is.
    """
    script = main_script()
    homes = [f"{root.rstrip(os.sep)}{os.sep}" for root in roots or ()]
    if script is not None:
        homes.append(f"{str(script.parent).rstrip(os.sep)}{os.sep}")
        yield str(script)
    if not homes:
        return
    for module in list(sys.modules.values()):
        # Some modules are objects that import something when they are asked.
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str) or places.left_out(file):
            continue
        path, _ = places.resolved(file)
        if path.startswith(tuple(homes)) and not places.left_out(path):
            yield path


def _in_notebook() -> bool:
    """Whether cells are run by IPython: Jupyter's children inherit its environment."""
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)
    return get is not None and get() is not None
