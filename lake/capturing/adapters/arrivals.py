"""Modules that are imported while somebody listens: known the moment they are complete.

A finder at the head of ``sys.meta_path`` finds nothing itself.  For the modules it waits for it asks the others, and
has the loader that they give tell it when the module was executed.
"""

from __future__ import annotations

import sys
import threading
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import importlib.machinery
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["Arrivals"]


class Arrivals(MetaPathFinder):
    """Calls ``arrived`` with the name of each module in ``awaited`` when it was imported (see the module)."""

    def __init__(self, awaited: frozenset[str], arrived: Callable[[str], None]) -> None:
        self._awaited = awaited
        self._arrived = arrived
        self._asking = threading.local()

    def begin(self) -> None:
        """Wait from now on."""
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Wait no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """What the other finders find; ``None`` for all modules but those awaited."""
        if fullname not in self._awaited or getattr(self._asking, "on", False):
            return None
        self._asking.on = True
        try:
            spec = _found_by_others(self, fullname, path, target)
        finally:
            self._asking.on = False
        loader = spec.loader if spec is not None else None
        execute = getattr(loader, "exec_module", None)
        # Of a loader that is a class, as for what is built in, there is one for all modules.
        if loader is None or execute is None or isinstance(loader, type):
            return spec

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            execute(module)
            self._arrived(fullname)

        instance: Any = loader
        instance.exec_module = exec_module
        return spec


def _found_by_others(
    self: Arrivals, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    for finder in list(sys.meta_path):
        find = getattr(finder, "find_spec", None)
        if finder is self or find is None:
            continue
        spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target)
        if spec is not None:
            return spec
    return None
