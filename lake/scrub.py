"""Scrub: read through a part of the archive, that which was not looked at for longest, so that nights add up to all.

What each pack was found to be, and when, is kept in the table ``scrubs``.  A file's bytes lie in packs, so packs that
are all sound make every file sound; what is damaged is traced to the files it touches, as ``verify`` does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from numbers import Real
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, InvalidOption, numbers

from .context import host_here
from .executing import thread_count
from .progress import Ticker
from .validation.tables import SCRUBS
from .verify import Look, Verified

if TYPE_CHECKING:
    from datetime import datetime

    from holotype.catalog import State

    from .context import Context
    from .executing import Submits
    from .progress import OnProgress

__all__ = ["Scrubbed", "ledger", "scrub"]

# Bytes that are read between two looks at the clock.
_AT_ONCE = 256 << 20
_TRIES = 5


@dataclass(frozen=True)
class Scrubbed:
    """What was read through.

    ``verified``: the packs that were, and what is wrong.  ``oldest``: when the pack was last read through that now
    waits longest, ``None`` when one never was.  ``waiting``: how many packs were never read through, and
    ``waiting_bytes`` their size.
    """

    verified: Verified
    oldest: datetime | None
    waiting: int
    waiting_bytes: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was read."""
        return self.verified.ok

    @property
    def damage(self) -> pl.DataFrame:
        """What is wrong, as ``verify`` tells it."""
        return self.verified.damage


def ledger(context: Context, *, state: State | None = None) -> pl.DataFrame:
    """Every pack there is, and when it was last read through; those that wait longest first.

    Columns: ``pack``, ``object``, ``bytes``, ``time`` (null: never), ``sound``, ``author``, ``host``.
    """
    state = state or context.catalog.refresh()
    packs = pl.DataFrame(context.catalog.read("packs", columns=["pack", "object", "bytes"], state=state))
    done = pl.DataFrame(context.catalog.read("scrubs", state=state)).sort("time", maintain_order=True)
    last = done.unique("pack", keep="last").drop("bytes")
    found = packs.unique("pack", maintain_order=True).join(last, on="pack", how="left", maintain_order="left")
    return found.sort("time", "pack", nulls_last=False)


def _refuse_others(option: str, given: object, kinds: tuple[type, ...], kind: str) -> None:
    if not isinstance(given, kinds):
        raise InvalidOption(f"{option} is {kind}, and not {given!r}", option=option)


def scrub(
    context: Context,
    *,
    bytes: int | None = None,
    within: timedelta | None = None,
    workers: int | None = None,
    executor: Submits | None = None,
    progress: OnProgress | None = None,
) -> Scrubbed:
    """Read through packs, those first that were never or not for longest, until ``bytes`` of them were read or the time
    ``within`` is over; without either, all.  At least one is read.

    An archive that was opened for reading only is read all the same, and nothing is kept of it.  What is wrong is
    returned, not raised.  Raises ``InvalidOption``, and what ``verify`` raises.
    """
    _refuse_others("bytes", bytes, (Real, type(None)), "a number")
    _refuse_others("within", within, (timedelta, type(None)), "a timedelta")
    if (bytes is not None and bytes <= 0) or (within is not None and within <= timedelta(0)):
        raise InvalidOption("a budget is more than nothing", option="bytes" if within is None else "within")
    threads = thread_count(workers)
    until = None if within is None else time.monotonic() + within.total_seconds()
    state = context.catalog.refresh()
    order = ledger(context, state=state)
    look = Look(context, state, full=True)
    packs = look.packs()
    turns = _turns(packs, order, bytes)
    total = sum(pc.sum(each["bytes"]).as_py() or 0 for each in turns)
    count = sum(each.num_rows for each in turns)
    ticker = Ticker("scrub", progress, total_files=count, total_bytes=total)
    read: list[pa.Table] = []
    for turn in turns:
        look.every_byte(turn, threads, ticker, executor=executor)
        read.append(turn)
        if until is not None and time.monotonic() >= until:
            break
    done = pa.concat_tables([packs.schema.empty_table(), *read])
    findings = tuple(look.findings())
    damaged = {each.object for each in findings}
    if not context.catalog.read_only and done.num_rows:
        _write_down(context, done, damaged)
    ticker.finish()
    size = pc.sum(done["bytes"]).as_py() or 0
    verified = Verified(context.store.url, True, done.num_rows, size, look.hashed, findings)
    return _result(verified, order, done)


def _turns(packs: pa.Table, order: pl.DataFrame, budget: int | None) -> list[pa.Table]:
    """The packs that the budget allows, in the order of waiting, in parts that are read at a time."""
    rank = pl.DataFrame(packs.select(["pack", "bytes"])).with_row_index("row")
    ordered = order.select("pack").join(rank, on="pack", maintain_order="left")
    before = ordered["bytes"].cum_sum() - ordered["bytes"]
    if budget is not None:
        ordered = ordered.filter(before < budget)
        before = before.head(ordered.height)
    groups = ordered.with_columns(turn=before // _AT_ONCE).group_by("turn", maintain_order=True)
    return [packs.take(numbers(part["row"].to_numpy())) for _, part in groups]


def _write_down(context: Context, done: pa.Table, damaged: set[str]) -> None:
    now, host = context.clock(), host_here()
    rows = [
        {
            "pack": row["pack"],
            "time": now,
            "bytes": row["bytes"],
            "sound": row["object"] not in damaged,
            "author": context.author,
            "host": host,
        }
        for row in done.select(["pack", "object", "bytes"]).to_pylist()
    ]
    for left in reversed(range(_TRIES)):
        segment = context.catalog.write("scrubs", SCRUBS.rows(rows))
        try:
            context.catalog.commit(add=[segment], operation="scrub", author=context.author)
        except Conflict:  # a collection took the segment for somebody's who died
            if not left:
                raise
        else:
            return


def _result(verified: Verified, order: pl.DataFrame, done: pa.Table) -> Scrubbed:
    rest = order.filter(~pl.col("pack").is_in(done["pack"].to_pylist()))
    never = rest.filter(pl.col("time").is_null())
    oldest = None if never.height or rest.is_empty() else rest["time"].min()
    return Scrubbed(verified, oldest, never.height, int(never["bytes"].sum()))  # type: ignore[arg-type]
