"""Putting the adapters in place and taking them away, with the first block that listens and the last."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..scopes import open_scopes
from .arrivals import Arrivals
from .calls import Named, around_process, around_seed, around_start, around_submit, around_use
from .patching import Patch, function_of, patch
from .table import SEEDS, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from .table import Seed, Use

__all__ = ["begin", "end", "find", "functions_meant"]

# What hands work to threads, and what starts processes.
_CARRIERS = {
    "concurrent.futures.thread": ("ThreadPoolExecutor.submit",),
    "multiprocessing.pool": ("Pool.apply_async", "Pool.imap", "Pool.imap_unordered", "Pool._map_async"),
}
_THREADS = {"threading": ("Thread.start",)}
_PROCESSES = {"multiprocessing.process": ("BaseProcess.start",)}


def _by_module(lines: Sequence[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for line in lines:
        found[line.module].append(line)
    return dict(found)


_USES: dict[str, list[Use]] = _by_module(TABLE)
_SEEDS: dict[str, list[Seed]] = _by_module(SEEDS)
_AWAITED = (*_USES, *_SEEDS, *_CARRIERS, *_THREADS, *_PROCESSES)

_lock = threading.RLock()
_listening = 0
_placed: dict[str, Sequence[Patch]] = {}
# Made once for a module as it is: how many names it had says whether it still is.
_made: dict[str, tuple[ModuleType, int, Sequence[Patch]]] = {}
# What could not be put in place, as sentences.
_failures: dict[str, None] = {}


def begin() -> tuple[str, ...]:
    """One more block listens; what it should know of adapters that could not be put in place."""
    global _listening
    with _lock:
        _listening += 1
        if _listening == 1:
            _arrivals.begin()
            for name in dict.fromkeys(_AWAITED):
                _place(name)
        return tuple(_failures)


def end() -> None:
    """One block less listens."""
    global _listening
    with _lock:
        _listening -= 1
        if _listening:
            return
        _arrivals.end()
        for patches in _placed.values():
            for each in reversed(patches):
                each.undo()
        _placed.clear()
        _failures.clear()


def _arrived(name: str) -> None:
    with _lock:
        if _listening and not _place(name):
            for scope in open_scopes():
                if scope.recorder is not None:
                    scope.recorder.note(_failure(name))


_arrivals = Arrivals(frozenset(_AWAITED), _arrived)


def _place(name: str) -> bool:
    """Put the adapters of a module in place, where it is imported; nothing is imported for it.  Whether that went."""
    module = sys.modules.get(name)
    if module is None or name in _placed:
        return True
    try:
        patches = _patches(name, module)
    except Exception:  # noqa: BLE001 - the user's import or block goes on; the block has a note of it
        _failures[_failure(name)] = None
        return False
    _placed[name] = patches
    for each in patches:
        each.do()
    return True


def _failure(name: str) -> str:
    return f"what {name} reads and writes by itself is not heard: this version of it is not understood"


def _patches(name: str, module: ModuleType) -> Sequence[Patch]:
    known = _made.get(name)
    if known is None or known[0] is not module or known[1] != len(vars(module)):
        found = (patch(owner, attribute, around) for owner, attribute, around in _wanted(name, module))
        known = _made[name] = module, len(vars(module)), tuple(each for each in found if each is not None)
    return known[2]


def _wanted(name: str, module: ModuleType) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Each function of a module that something is to be put around: where it is, its name, and what."""
    uses: dict[tuple[int, str], tuple[Any, str, str, list[Use]]] = {}
    for use in _USES.get(name, ()):
        for attribute in functions_meant(module, use):
            if (found := find(module, attribute)) is not None:
                owner, last = found
                # A method of two classes may be one function; a function may read one argument and write another.
                lines = uses.setdefault((id(owner), last), (owner, last, attribute, []))[3]
                if all((use.does, use.place) != (line.does, line.place) for line in lines):
                    lines.append(use)
    for owner, last, attribute, lines in uses.values():
        function = function_of(vars(owner)[last])
        yield owner, last, around_use(Named(lines, attribute, function, method=owner is not module))
    for seed in _SEEDS.get(name, ()):
        if (found := find(module, seed.function)) is not None:
            yield *found, around_seed(seed)
    for functions, around in ((_CARRIERS, around_submit), (_THREADS, around_start), (_PROCESSES, around_process)):
        for attribute in functions.get(name, ()):
            if (found := find(module, attribute)) is not None:
                yield *found, around


def functions_meant(module: ModuleType, use: Use) -> Iterator[str]:
    """The names of functions that a line of the table means, with what they have in this version."""
    besides = use.besides.split()
    for name in use.functions.split():
        if not name.endswith("*"):
            yield name
            continue
        owner, _, start = name.removesuffix("*").rpartition(".")
        for place in _classes(module, owner) if owner else [module]:
            for found in list(vars(place)):
                if found.startswith(start) and found not in besides:
                    yield f"{owner}.{found}" if owner else found


def find(module: ModuleType, attribute: str) -> tuple[Any, str] | None:
    """Where a function is: the module, or the class of those it is inherited from that has it; and its name there."""
    owner, _, last = attribute.rpartition(".")
    for place in _classes(module, owner) if owner else [module]:
        # Not by getattr, which would import what is loaded late.
        if last in vars(place):
            return place, last
    return None


def _classes(module: ModuleType, name: str) -> tuple[type, ...]:
    kind = vars(module).get(name)
    return kind.__mro__[:-1] if isinstance(kind, type) else ()
