"""The records of a site: all its runs, those that go on and those that are over, asked with SQL.

Journals are read on from where they were left, each line once, whoever writes them; nothing is locked.  Of runs that
are over the tables are kept in their folders.
"""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import Conflict, HolotypeError, InvalidOption, WorkflowInvalid, sql_mentioned

from .folding import Fold
from .kept import is_kept, keep, kept, key_of
from .ordered import read_units
from .rows import columns_of, table_of
from .store import Store
from .tables import RUN_EVENTS, RUN_SAMPLES, RUN_TABLES, RUNS
from .tail import Tail, last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import duckdb

    from ..site import Site
    from ..tasks.units import Units
    from ..workflow import Workflow

__all__ = ["Records"]

_EVERY = {table.name: table for table in RUN_TABLES}
_FOLDED = tuple(name for name in _EVERY if name != RUN_EVENTS.name)

# All but what is of the run as a whole, and of its samples, which is worked out when it is asked for.
_CHANGING = tuple(name for name in _FOLDED if name not in (RUNS.name, RUN_SAMPLES.name))

_Stamp = tuple[tuple[int, int] | None, ...]

# Events that are folded before what has changed is put into the tables: so much of them is in memory twice at most.
_AT_ONCE = 5_000
# How often that is done before what was put is compressed; whoever asks for what is new does not wait for it.
_COMPRESSED = 6


class Records:
    """What is to be known of all runs of a ``site``, or of the folder that it has, as the tables of ``tables.py``.

    ``workflows``: those that no document can hold, because they calculate something by functions of their own; of each
    as many versions as there are.  ``strict``: refuse to answer while there is a run that cannot be read; else
    ``left_out`` says which those are, and why.  It belongs to one thread.
    """

    def __init__(
        self,
        site: Site | str | os.PathLike[str],
        *,
        workflows: Iterable[Workflow] = (),
        strict: bool = True,
        in_hand: Callable[[str], Units | None] = lambda _: None,
    ) -> None:
        folder = site if isinstance(site, str | os.PathLike) else site.folder
        self._runs = Path(os.fspath(folder)) / "runs"
        self._workflows, self._strict, self._in_hand = tuple(workflows), strict, in_hand
        self._store = Store()
        self._followed: dict[str, _Followed] = {}
        self._refused: dict[str, tuple[_Stamp, HolotypeError]] = {}

    @property
    def left_out(self) -> dict[str, HolotypeError]:
        """The runs that could not be read when it was last tried, and why."""
        return {name: error for name, (_, error) in self._refused.items()}

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def sql(
        self, query: str, *, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Ask with DuckDB's SQL; the answer is of this moment, however late it is read, and costs memory while it is
        held.

        Raises ``InvalidOption`` when ``query`` is no single SELECT, or wrong, and what ``refresh`` does.
        """
        tables, _ = sql_mentioned(query, _EVERY, {})
        self.refresh(tables)
        return self._store.select(query, parameters)

    def runs(self) -> pl.DataFrame:
        """All runs, as they stand.  Raises what ``refresh`` does."""
        self.refresh([RUNS.name])
        return pl.DataFrame(self._store.rows(RUNS.name)).sort("began", "run")

    def tables(self, run: str) -> dict[str, pl.DataFrame]:
        """All tables of one run, by their names.

        Raises ``InvalidOption`` when there is no such run, why it was left out, and what ``refresh`` does.
        """
        self.refresh()
        if run in self._refused:
            raise self._refused[run][1]
        if run not in self._followed:
            raise InvalidOption(f"there is no run {run}", option="run")
        return {table.name: pl.DataFrame(self._store.rows(table.name, run)) for table in RUN_TABLES}

    def refresh(self, tables: Collection[str] = tuple(_EVERY)) -> None:
        """Take note of what has happened since, and have it in these tables.

        Raises ``WorkflowInvalid`` where a run's workflow is needed and not among those given, and ``ObjectDamaged``
        where its order or journal is not as it was written; unless such runs are left out.
        """
        there = self._there()
        for name in [*self._followed]:
            if name not in there:
                self._store.forget(name)
                del self._followed[name]
        refused, self._refused = self._refused, {}
        for name in there:
            stamp = _stamp(self._runs / name)
            if name in refused and refused[name][0] == stamp:
                self._refuse(name, *refused[name])  # it is what it was, and is not read again
                continue
            followed = self._followed.setdefault(name, _Followed(self._runs / name, self._store, self._units))
            try:
                followed.look(tables)
            except HolotypeError as error:
                self._store.forget(name)
                del self._followed[name]
                self._refuse(name, stamp, error)

    def close(self) -> None:
        """Leave them."""
        self._store.close()

    def _there(self) -> list[str]:
        """The runs that there are; what is known is not asked again whether it has been ordered."""
        try:
            names = sorted(os.listdir(self._runs))
        except FileNotFoundError:
            return []
        return [name for name in names if name in self._followed or (self._runs / name / "order.json").exists()]

    def _refuse(self, name: str, stamp: _Stamp, error: HolotypeError) -> None:
        if self._strict:
            raise error
        self._refused[name] = stamp, error

    def _units(self, folder: Path) -> Units:
        if (units := self._in_hand(folder.name)) is not None:
            return units
        try:
            return read_units(folder)
        except WorkflowInvalid:
            for workflow in self._workflows:
                try:
                    return read_units(folder, workflow=workflow)
                except WorkflowInvalid:
                    continue
            raise


class _Followed:
    """One run: how far its journal was read, and what it is folded into until the run is over.

    What has changed is put into a table when that is asked for, or when it has become much.
    """

    def __init__(self, folder: Path, store: Store, units: Callable[[Path], Units]) -> None:
        self._folder, self._store, self._units = folder, store, units
        self._begin()

    def look(self, tables: Collection[str]) -> None:
        """Take note of what has happened since, and have it in these tables."""
        while True:
            try:
                self._read()
                self._have(tables)
                return
            except Conflict:  # by who has it in hand, or because there is another run of this name
                self._store.forget(self._folder.name)
                self._begin(anew=True, lasting=self._fold is not None and self._fold.asked_back)

    def _begin(self, *, anew: bool = False, lasting: bool = False) -> None:
        journal = self._folder / "journal"
        self._tail, self._events, self._number = Tail(journal), Tail(journal), 0
        self._fold: Fold | None = None
        self._known, self._anew, self._lasting = False, anew, lasting
        self._waiting = 0  # events that are folded, and not in every table
        self._kept = set[str]()  # tables that are kept in the folder, and not read yet

    def _read(self) -> None:
        first, before = not self._known, self._tail.offset
        if first:
            self._known = True
            if not self._anew and self._remembered():
                return
            self._fold = Fold(self._folder, self._units(self._folder), events=False, lasting=self._lasting)
        elif self._fold is None:
            # It was over, and where something was said of it since all is told anew.
            for _ in self._tail.lines():
                raise Conflict("it goes on")
            return
        assert self._fold is not None
        with _no_cycles():
            self._apply(self._fold)
        # Where it has just ended, what it has cost is still to come.
        if self._fold.progress.over and (first or self._tail.offset == before):
            self._put(self._fold, _FOLDED)
            self._keep()

    def _apply(self, fold: Fold) -> None:
        many = 0
        for event, _ in self._tail.lines():
            fold.apply(event)
            self._waiting += 1
            if self._waiting == _AT_ONCE:
                self._store.put(self._folder.name, fold.take(_CHANGING, final=True))
                self._waiting, many = 0, many + 1
                if many % _COMPRESSED == 0:
                    self._store.compress()

    def _put(self, fold: Fold, tables: Collection[str]) -> None:
        self._store.put(self._folder.name, fold.take(tables))

    def _have(self, tables: Collection[str]) -> None:
        folded = [name for name in tables if name in _FOLDED]
        if self._fold is not None:
            self._put(self._fold, folded)
        for name in self._kept.intersection(folded):
            rows = kept(self._folder, self._key(), _EVERY[name])
            if rows is None:  # somebody keeps those of a longer journal
                raise Conflict("they are of another journal")
            self._store.add(name, rows)
            self._kept.remove(name)
        if RUN_EVENTS.name in tables:
            self._read_events()

    def _key(self) -> str:
        return key_of(self._tail.offset, self._tail.last)

    def _remembered(self) -> bool:
        """Whether the tables were kept, and are of this journal."""
        try:
            size, line = last_line(self._folder / "journal")
        except FileNotFoundError:
            return False
        if not line or not is_kept(self._folder, key_of(size, line)):
            return False
        self._tail = Tail(self._folder / "journal", offset=size, last=line)
        self._kept = {*_FOLDED}
        return True

    def _keep(self) -> None:
        """It is over: its tables are kept, and what they were folded from is not needed any more."""
        run = self._folder.name
        keep(self._folder, self._key(), {name: self._store.rows(name, run) for name in _FOLDED})
        self._fold = None

    def _read_events(self) -> None:
        """Have the journal itself as a table, as far as it was folded."""
        rows: list[tuple[object, ...]] = []
        for event, text in self._events.lines(until=self._tail.offset):
            number = self._number + len(rows)
            rows.append((self._folder.name, number, event["time"], event["what"], event.get("task"), text))
            if len(rows) == _AT_ONCE:
                self._add(rows)
        self._add(rows)

    def _add(self, rows: list[tuple[object, ...]]) -> None:
        if rows:
            self._store.add(RUN_EVENTS.name, table_of(RUN_EVENTS, columns_of(rows, RUN_EVENTS)))
            self._number += len(rows)
            rows.clear()


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Have Python not look for cycles of what nobody needs, of which none are made here: over a hundred thousand tasks
    it looks again and again, and takes longer for it than for all else.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _stamp(folder: Path) -> _Stamp:
    """What a run's order and journal are, without reading them."""
    return tuple(_seen(folder / name) for name in ("order.json", "journal"))


def _seen(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
