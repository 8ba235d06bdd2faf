"""A process that reads with a library which damaged files may bring down: told by lines of JSON what to look at.

It is the other end of ``isolated``.  What a file makes of it, it is this process's memory and this process's end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["main", "serve"]


def main(questions: TextIO, answers: TextIO) -> None:
    """Answer each line, a ``module``, a ``function`` and what it is ``about``, with one: ``told``, or what is wrong."""
    for line in questions:
        asked = json.loads(line)
        answer: dict[str, Any]
        try:
            function: Callable[..., Any] = getattr(import_module(asked["module"]), asked["function"])
            answer = {"told": function(**asked["about"])}
        except ModuleNotFoundError as error:
            answer = {"missing": str(error)}
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and decides
            answer = {"wrong": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def serve() -> None:
    """Say that there is somebody, and answer until nobody asks any more."""
    # Whoever asks decides what an interrupt is to end; a terminal sends it to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not be taken for an answer.
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    said.write("{}\n")
    said.flush()
    main(sys.stdin, said)
