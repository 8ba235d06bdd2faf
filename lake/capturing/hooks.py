"""What a Python analysis reads and writes, heard while it runs, with nothing declared.

    with listening() as heard:
        table = pandas.read_csv("reads.csv")
        table.to_parquet("table.parquet")

    heard.seen      Seen("/data/reads.csv", read=True, written=False, by=("pandas.read_csv",), …)
                    Seen("/data/table.parquet", read=False, written=True, by=("pandas.DataFrame.to_parquet",), …)

Python raises an *audit event* before it opens, renames or removes a file and before it starts a program.
One hook for the process hears them; it cannot be taken away again, and does nothing while no block listens.  Libraries
that open files by themselves are heard through ``adapters``.  Which block hears which thread is said in ``scopes``.

Not heard: programs that are started (``commands`` says which), and extensions that have no adapter.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from . import adapters, scopes
from .adapters.arguments import places_of
from .adapters.calls import does_of
from .events import PYTHON, install
from .files import EXECUTE, READ, WRITE
from .places import Places
from .recorder import Recorder
from .remote import cleaned, scheme_of
from .scopes import Scope, busy, unheard
from .scripts import own_modules

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from .seen import Seen

    Path = str | os.PathLike[str]

__all__ = ["Heard", "listening", "tell", "unheard"]

LARGEST = 64 << 20  # bytes: hashing this takes a tenth of a second


class Heard:
    """What one block has heard: so far while it is open, and for good when it is over.

    What blocks inside this one hear is theirs, and not here again.  Whatever would be given to others, such as
    ``commands``, may hold passwords, which ``remote`` does not.
    """

    def __init__(self, recorder: Recorder, roots: tuple[str, ...] | None) -> None:
        self._recorder = recorder
        self._roots = roots
        self._final: tuple[Seen, ...] | None = None
        self._within: list[Heard] = []

    @property
    def seen(self) -> tuple[Seen, ...]:
        """Every regular file that was read, written, removed or run, by path."""
        return self._look() if self._final is None else self._final

    @property
    def arrived(self) -> tuple[str, ...]:
        """The paths of files that were used, and that something not heard here had changed since the block began."""
        return self._recorder.arrived()

    @property
    def before(self) -> Mapping[str, bytes]:
        """The SHA-256, by path, of versions that were used and then written over, where ``digests`` were asked for."""
        return MappingProxyType(dict(self._recorder.contents))

    @property
    def remote(self) -> tuple[tuple[str, str, str], ...]:
        """What lies elsewhere: its URL without passwords and keys, ``"r"``, ``"w"`` or ``"r+"``, and what used it."""
        return tuple((url, _MODES[done & (READ | WRITE)], used) for url, done, used in list(self._recorder.remote))

    @property
    def seeds(self) -> tuple[tuple[str, str], ...]:
        """Which functions set a seed, and the ``repr`` of what they set it to, in order."""
        return tuple(self._recorder.seeds)

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The programs that were started, each with its arguments."""
        return tuple(self._recorder.commands)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not heard or not understood, in sentences without paths."""
        return tuple(self._recorder.notes)

    @property
    def within(self) -> tuple[Heard, ...]:
        """What blocks inside this one have heard, in the order in which they ended."""
        return tuple(self._within)

    def _look(self) -> tuple[Seen, ...]:
        recorder = self._recorder
        outside, busy.on = busy.on, True
        try:
            try:
                for path in own_modules(recorder.places, self._roots):
                    recorder.use(path, EXECUTE, PYTHON)
            except OSError:
                recorder.note("which scripts ran is not known: the folder that the process works in is gone")
            recorder.gather()
            return recorder.seen()
        finally:
            busy.on = outside

    def end(self, outer: Heard | None) -> None:
        """Hear nothing any more: what was heard until now is for good, and is part of the block around this one."""
        self._final = self._look()
        self._recorder.close()
        if outer is not None:
            outer._within.append(self)


@contextmanager
def listening(
    roots: Sequence[Path] | None = None,
    *,
    all_threads: bool = True,
    digests: bool = False,
    largest: int = LARGEST,
    leave_out: Sequence[Path] = (),
) -> Generator[Heard]:
    """Hear what this thread or task, and what is started from it, reads and writes until the block ends.

    ``roots``: the folders of data and scripts; modules that lie there are scripts, and only there are digests taken.
    Files elsewhere are heard as well.  ``all_threads``: whether also what no other block claims is heard here.
    ``digests``: whether a version that was used is hashed before it is written over, up to ``largest`` bytes.
    ``leave_out``: folders of which nothing is heard.

    Whatever the block raises goes through; what was heard until then is there.
    """
    install()
    where = None if roots is None else tuple(os.path.realpath(root) for root in roots)
    parent = scopes.innermost()
    recorder = Recorder(
        Places(where or (), leave_out=leave_out),
        roots=where,
        digests=digests,
        largest=largest,
        outer=None if parent is None else parent.recorder,
    )
    heard = Heard(recorder, where)
    scope = Scope(recorder, parent=parent, all_threads=all_threads)
    outer = _HEARD.get(scope.parent) if scope.parent is not None else None
    _HEARD[scope] = heard
    for note in adapters.begin():
        recorder.note(note)
    token = scopes.enter(scope)
    try:
        yield heard
    finally:
        scopes.leave(scope, token)
        adapters.end()
        heard.end(outer)


def tell(what: Path, *, mode: str, by: str) -> None:
    """Have the block that listens here, if any, know of something that no hook can hear.

    ``what``: a path or a URL, which is kept without passwords and keys.  ``mode``: as ``open`` takes it.  ``by``: what
    uses it.  To be called before it is used, so that the status of a file is still what it was.
    """
    recorder = scopes.current()
    if recorder is None or busy.on:
        return
    busy.on = True
    try:
        for place in places_of(what):
            if scheme_of(place):
                recorder.elsewhere(cleaned(place), does_of(mode), by)
            else:
                recorder.use_whole(place, does_of(mode), by)
    finally:
        busy.on = False


_MODES = {READ: "r", WRITE: "w", READ | WRITE: "r+"}
_HEARD: WeakKeyDictionary[Scope, Heard] = WeakKeyDictionary()
