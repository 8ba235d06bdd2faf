"""Everything that is wrong with a declaration, collected, each with where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from holotype.catalog import WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Problems", "named", "refuse"]

# What may stand in a command's fields, in sources as step.output, and in the names of folders.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Problems:
    """Collects them; leaving its ``with`` block raises ``WorkflowInvalid`` when there are any."""

    def __init__(self, of: str) -> None:
        self._of = of
        self.told: list[str] = []

    def add(self, message: str, *, at: str = "") -> None:
        """Tell of one; ``at``: where it stands within what is declared."""
        self.told.append(f"{at}: {message}" if at else message)

    def catching(self, *, at: str = "") -> _Catching:
        """A ``with`` block: what it refuses is told of, and it is left."""
        return _Catching(self, at)

    def raise_any(self) -> None:
        """Raises ``WorkflowInvalid`` when there are any."""
        if self.told:
            refuse(self._of, self.told)


class _Catching:
    def __init__(self, problems: Problems, at: str) -> None:
        self._problems, self._at = problems, at

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, WorkflowInvalid):
            for each in error.problems:
                self._problems.add(each, at=self._at)
        elif isinstance(error, ValueError | TypeError):
            self._problems.add(str(error), at=self._at)
        else:
            return False
        return True


def refuse(of: str, problems: Iterable[str]) -> None:
    """Raises ``WorkflowInvalid``."""
    every = tuple(problems)
    shown = every[0] if len(every) == 1 else "".join(f"\n  {each}" for each in every)
    raise WorkflowInvalid(f"{of}: {shown}", problems=every)


def named(name: object, what: str) -> str | None:
    """What is wrong with a name; nothing, if it is one."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return None
    return f"{name!r} is no name of {what}: it begins with a letter, and has letters, digits and _"
