"""Sessions: who may be writing packs, and what makes a writer's commit valid.

Before its first pack a writer opens a session, by a commit; its packs lie under the session's name::

    log        … 41 open-session s-7 …                     57 backup run42@8 (session s-7)
    packs/     s-7/<hash>.parquet  s-7/<hash>.parquet

A collector may take a session for dead and abort it, and may condemn packs that nothing refers to.  Its guess may be
wrong, so no clock and no process number decides about data: a commit is valid only if its session was never aborted
and nothing it relies on was condemned since its writer looked.  A writer that was thought dead loses time, and writes
again under a new session; a name that was condemned is never used again.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, HolotypeError, StorageDenied, StorageFailed, column, scalar

from ..context import host_here
from ..schema import RANGES, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from holotype.catalog import Entry, Segment, State

    from ..context import Context

    Check = Callable[[Sequence[Entry], State], None]

__all__ = [
    "abort_session",
    "aborted",
    "checkpoint",
    "fresh",
    "give_up",
    "idle",
    "machine_here",
    "new_ranges",
    "open_session",
    "swept_meanwhile",
    "taken_for_dead",
    "writer_check",
]

# The namespace of process numbers in which Linux itself starts.
_FIRST_NAMESPACE = "pid:[4026531836]"
# When a process began is known from another clock than when it opened its session.
_SLACK = timedelta(minutes=1)


def machine_here() -> str:
    """The machine as far as process numbers go: a container's are its own, though it may share its machine's name."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = _FIRST_NAMESPACE
    return host_here() if namespace == _FIRST_NAMESPACE else f"{host_here()}/{namespace}"


def open_session(context: Context) -> str:
    """Open a session and return its name, which no session had before; names sort by the time they were opened.

    Raises ``ArchiveReadOnly``, ``StorageDenied``, ``StorageFull`` or ``StorageFailed``.
    """
    time = context.clock()
    session = f"{time:%Y%m%dT%H%M%S%f}-{context.entropy(8).hex()}"
    _say(context, [session], "opened", time, operation="open-session", host=machine_here(), process=os.getpid())
    return session


def abort_session(context: Context, session: str) -> None:
    """Say that the session's writer has given up: the next collection deletes what it wrote and never committed.

    Raises what ``open_session`` raises.
    """
    _say(context, [session], "aborted", context.clock(), operation="abort-session")


def give_up(context: Context, session: str) -> None:
    """Abort a session whose writer has ended, or failed; when that cannot be said, the next collection will guess."""
    with suppress(HolotypeError):
        abort_session(context, session)


@contextmanager
def swept_meanwhile(context: Context, session: Callable[[], str | None]) -> Iterator[None]:
    """Tell a writer whose session was aborted that it has to start again: a sweep takes away even what it is just
    writing, which then looks like storage that failed.  ``session``: its name, once it has one.

    Raises ``Conflict`` instead of ``StorageFailed``.
    """
    try:
        yield
    except StorageFailed as error:
        with suppress(StorageFailed, StorageDenied):  # storage that is away tells nothing more
            _refuse_if_aborted(context, session(), context.catalog.refresh(), cause=error)
        raise


def _say(
    context: Context,
    sessions: list[str],
    event: str,
    time: datetime,
    *,
    operation: str,
    host: str | None = None,
    process: int | None = None,
) -> None:
    rows = SESSIONS.rows(
        [{"session": s, "event": event, "time": time, "host": host, "process": process} for s in sessions]
    )
    segment = context.catalog.write("sessions", rows)
    context.catalog.commit(add=[segment], operation=operation, author=context.author)


def aborted(context: Context, *, state: State | None = None) -> frozenset[str]:
    """Every session that was ever aborted."""
    rows = context.catalog.read("sessions", columns=["session", "event"], state=state)
    rows = rows.filter(pc.equal(rows["event"], scalar("aborted")))
    return frozenset(rows["session"].to_pylist())


def idle(context: Context, *, state: State | None = None) -> list[dict[str, Any]]:
    """The rows of the sessions that were opened and neither aborted nor part of a snapshot so far."""
    rows = context.catalog.read("sessions", state=state)
    used = context.catalog.read("snapshots", columns=["session"], state=state)["session"]
    over = set(rows.filter(pc.equal(rows["event"], scalar("aborted")))["session"].to_pylist()) | set(used.to_pylist())
    opened: list[dict[str, Any]] = rows.filter(pc.equal(rows["event"], scalar("opened"))).to_pylist()
    return [row for row in opened if row["session"] not in over]


def _runs(process: int, opened: datetime) -> bool | None:
    """Whether the process that opened a session still runs here; ``None`` where that cannot be told."""
    if sys.platform == "win32":  # there a signal 0 is no question
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it runs, as somebody else
    # The number may be another's by now: then the time has to decide.
    began = _began(process)
    return True if began is not None and began <= opened + _SLACK else None


def _began(process: int) -> datetime | None:
    """When a process of this machine began, where the system tells."""
    try:
        ticks = int(Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[19])
        booted = next(line for line in Path("/proc/stat").read_text("ascii").splitlines() if line.startswith("btime"))
        return datetime.fromtimestamp(int(booted.split()[1]) + ticks / os.sysconf("SC_CLK_TCK"), UTC)
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def taken_for_dead(
    row: dict[str, Any],
    *,
    at: datetime,
    dead_after: timedelta,
    active: datetime | None = None,
    runs: Callable[[int, datetime], bool | None] = _runs,
) -> bool:
    """Whether a session's writer is probably dead.

    The process that opened it on this machine either runs or does not; of any other nothing is known but the time:
    dead when nothing was heard of it for ``dead_after``.  ``active``: when it last wrote something.
    """
    if row["host"] == machine_here() and row["process"] is not None:
        running = runs(row["process"], row["time"])
        if running is not None:
            return not running
    opened: datetime = row["time"]
    return at - max(opened, active or opened) >= dead_after


def fresh(
    context: Context, table: str, view: State, present: State, *, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of a table that came after ``view``; earlier ones, too, where segments were merged or rewritten
    meanwhile."""
    known = {segment.name for segment in view.segments(table)}
    new = [segment for segment in present.segments(table) if segment.name not in known]
    return context.catalog.read(table, columns=columns, segments=new)


def new_ranges(context: Context, since: Sequence[Entry], view: State, present: State) -> pa.Table:
    """The rows of ``ranges`` of snapshots that came after ``view``, by the commits ``since``; often there are none."""
    if not any("ranges" in entry.add for entry in since):
        return RANGES.empty()
    known = context.catalog.read("snapshots", columns=["snapshot"], state=view)["snapshot"].combine_chunks()
    ranges = fresh(context, "ranges", view, present)
    return ranges.filter(pc.invert(pc.is_in(ranges["snapshot"], value_set=known)))


def writer_check(
    context: Context,
    session: str | None,
    relied: Collection[str],
    view: State,
    *,
    parents: Collection[str] = (),
) -> Check:
    """What a writer's commit has to pass: to be given to ``Catalog.commit`` as ``check``, together with the same
    ``view``.

    ``session``: the one that wrote its packs, if any.  ``relied``: the packs of others that hold chunks of it.
    ``parents``: digests of snapshots whose rows it took over, whose chunks were therefore not looked up.  ``view``:
    the state the writer looked at before it relied on anything.  (Segments it relies on are the catalog's to check:
    ``relies``.)

    The check raises ``Conflict`` when the session was ever aborted, when a pack it wrote or relied on was condemned
    since the view, or when a parent was purged since.  The writer then looks again and writes what is missing under a
    new session.  Raises ``Conflict`` at once when the session is known to be aborted already.
    """
    _refuse_if_aborted(context, session, view)
    own = f"{session}/" if session is not None else None
    needed = column(sorted(relied), pa.string())
    bases = column(sorted(parents), pa.string())

    def check(since: Sequence[Entry], present: State) -> None:
        del since  # the tables say the same
        _refuse_if_aborted(context, session, present)
        names = fresh(context, "tombstones", view, present, columns=["name"])["name"]
        lost: list[str] = names.filter(pc.is_in(names, value_set=needed)).to_pylist()
        if own is not None:
            lost += names.filter(pc.starts_with(names, own)).to_pylist()
        if lost:
            raise Conflict(f"pack {lost[0]} was collected meanwhile: start again", packs=tuple(lost))
        if len(bases):
            events = fresh(context, "retention", view, present, columns=["snapshot", "event"])
            purged = events.filter(pc.equal(events["event"], scalar("purged")))["snapshot"]
            gone: list[str] = purged.filter(pc.is_in(purged, value_set=bases)).to_pylist()
            if gone:
                raise Conflict(
                    f"snapshot {gone[0]}, which this one builds on, was purged: start again", snapshots=tuple(gone)
                )

    return check


def checkpoint(context: Context, view: State, session: str, segments: Sequence[Segment]) -> None:
    """Commit packs of a session before there is a snapshot that needs them; for a ``Ledger``.  Raises what
    ``Catalog.commit`` raises.
    """
    context.catalog.commit(
        add=segments,
        view=view,
        operation="checkpoint",
        author=context.author,
        session=session,
        check=writer_check(context, session, (), view),
    )


def _refuse_if_aborted(context: Context, session: str | None, state: State, *, cause: Exception | None = None) -> None:
    if session is not None and session in aborted(context, state=state):
        raise Conflict(f"session {session} was taken for dead and aborted: start again", session=session) from cause
