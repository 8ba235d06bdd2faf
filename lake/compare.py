"""Compare: do two archives hold the same, and is it all there?

    snapshots     live in both, under the same name and with the same digest
    manifests     what the snapshot's digest was made of
    annotations   the same said of the same
    provenance    the same recorded of the same
    reports       the same found in the same, and the same declared of what tables have to be
    rows          the same given to be kept in tables that others declared
    chunks        each one that a snapshot needs is in some pack, at both ends
    objects       both ends verified: by size, or every byte hashed

Where chunks lie is not compared: two archives may pack the same bytes differently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import DamageError, column

from .moving.histories import missing_histories
from .moving.inventory import End, Inventory
from .moving.keptrows import missing_kept
from .moving.proving import unproven
from .moving.travellers import chosen, dataset_names, said, unsaid
from .moving.verdicts import missing_schemas, missing_verdicts
from .verify import as_frame, verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from .context import Context
    from .executing import Submits
    from .progress import OnProgress

    Side = Literal["here", "there"]

__all__ = ["Compared", "Difference", "compare"]


_NAMED = ["dataset", "number", "snapshot"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, or that is damaged at one end.

    ``what``: ``snapshot``, ``manifest``, ``annotation``, ``provenance``, ``report``, ``schema``, ``row``, ``chunk``, or
    what ``verify`` found (``pack``, ``segment``, ``log``, ``chunk``).  ``where``: the end that lacks it or has it
    damaged, ``both`` where each has something else.  ``object``: the name or key of it.  ``problem``: what differs, in
    words.  ``dataset``, ``snapshot`` and ``path``: what is touched, where that is known.
    """

    what: str
    where: Literal["here", "there", "both"]
    object: str
    problem: str
    dataset: str | None = None
    snapshot: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Compared:
    """How two archives compare.

    ``here`` and ``there``: where they are.  ``full``: whether every byte was hashed.  ``snapshots``: how many are the
    same in both.  ``found``: everything that differs.
    """

    here: str
    there: str
    full: bool
    snapshots: int
    found: tuple[Difference, ...] = field(repr=False)

    @property
    def equal(self) -> bool:
        """Whether both hold the same, and all of it."""
        return not self.found

    @property
    def differences(self) -> pl.DataFrame:
        """What was found as a frame, a row each: what, where, object, problem, dataset, snapshot, path."""
        return as_frame(Difference, self.found)


def compare(
    context: Context,
    other: Context,
    *,
    datasets: Iterable[str] | None = None,
    full: bool = False,
    workers: int | None = None,
    executor: Submits | None = None,
    progress: OnProgress | None = None,
) -> Compared:
    """Compare what two archives hold now.

    ``datasets``: only these.  ``full``: hash every byte of both; otherwise only look whether every object is there with
    its size.  ``workers``, ``executor`` and ``progress`` are for that, as in ``verify``, one end after the other.

    What differs is returned, not raised.  Raises ``InvalidName``, ``DatasetNotFound`` for a dataset that neither has,
    ``ObjectMissing`` or ``ObjectDamaged`` when it cannot be read which snapshots there are, ``StorageFull`` without
    room for temporary files, ``StorageDenied`` or ``StorageFailed``.
    """
    here, there = (End(one, one.catalog.refresh()) for one in (context, other))
    names = dataset_names(datasets)
    both = _Both(here, there, names)
    found = [
        *both.snapshots(),
        *both.manifests(),
        *both.annotations(),
        *both.histories(),
        *both.verdicts(),
        *both.schemas(),
        *both.kept(),
    ]
    for where, end in both.ends():
        report = verify(end.context, full=full, workers=workers, executor=executor, progress=progress)
        for damage in report.findings:
            if names is None or damage.dataset is None or damage.dataset in names:
                found.append(Difference(where=where, **{n: getattr(damage, n) for n in damage.__dataclass_fields__}))
        if not full and report.ok:  # a full verification has looked, and what was found says enough
            found += _chunks(end, where, both.same)
    return Compared(here.url, there.url, full, len(both.same), tuple(found))


class _Both:
    """Both ends, and which snapshots they have in common."""

    def __init__(self, here: End, there: End, datasets: tuple[str, ...] | None) -> None:
        self._here, self._there, self._datasets = here, there, datasets
        mine, theirs = (pl.DataFrame(chosen(end, None).select(_NAMED)) for end in (here, there))
        if datasets is not None:
            mine, theirs = (rows.filter(pl.col("dataset").is_in(datasets)) for rows in (mine, theirs))
            if unknown := set(datasets) - {*mine["dataset"], *theirs["dataset"]}:
                chosen(here, sorted(unknown))
        self._rows = mine.join(
            theirs, on=["dataset", "number"], how="full", coalesce=True, suffix="_there", maintain_order="left_right"
        )
        self._same = self._rows.filter(pl.col("snapshot") == pl.col("snapshot_there"))
        self.same = column(self._same["snapshot"].to_list(), pa.string())

    def ends(self) -> Iterator[tuple[Side, End]]:
        """Each by name."""
        yield "here", self._here
        yield "there", self._there

    def snapshots(self) -> Iterator[Difference]:
        """Those that are live at one end only, or differ."""
        for row in self._rows.iter_rows(named=True):
            mine, theirs, name = row["snapshot"], row["snapshot_there"], f"{row['dataset']}@{row['number']}"
            about = {"dataset": row["dataset"], "snapshot": name}
            if mine is None:
                yield Difference("snapshot", "here", theirs, f"{name} is not live here", **about)
            elif theirs is None:
                yield Difference("snapshot", "there", mine, f"{name} is not live there", **about)
            elif mine != theirs:
                yield Difference("snapshot", "both", mine, f"{name} is {mine} here and {theirs} there", **about)

    def manifests(self) -> Iterator[Difference]:
        """Snapshots of one digest that are not what it was made of, at either end: then they differ."""
        for where, end in self.ends():
            rows = chosen(end, None)
            for digest in unproven(end, rows.filter(pc.is_in(rows["snapshot"], value_set=self.same))):
                row = self._same.row(by_predicate=pl.col("snapshot") == digest, named=True)
                name = f"{row['dataset']}@{row['number']}"
                problem = "its record or its manifest is not what its digest was made of"
                yield Difference("manifest", where, digest, problem, row["dataset"], name)

    def annotations(self) -> Iterator[Difference]:
        """What is said at one end only of what both have."""
        mine, theirs = (said(end, self._same) for end in (self._here, self._there))
        names = {row["snapshot"]: f"{row['dataset']}@{row['number']}" for row in self._same.iter_rows(named=True)}
        ways: tuple[tuple[Side, pa.Table], ...] = (("there", unsaid(mine, theirs)), ("here", unsaid(theirs, mine)))
        for where, rows in ways:
            for row in rows.to_pylist():
                yield Difference(
                    "annotation",
                    where,
                    row["key"],
                    f"{row['author']} said it at the other end only",
                    dataset=row["dataset"],
                    snapshot=names.get(row["snapshot"]),
                    path=row["path"],
                )

    def histories(self) -> Iterator[Difference]:
        """Provenance that is recorded at one end only."""
        ways: tuple[tuple[Side, End, End], ...] = (
            ("there", self._here, self._there),
            ("here", self._there, self._here),
        )
        for where, mine, theirs in ways:
            lacking = missing_histories(mine, theirs, self._datasets)
            if lacking:
                yield Difference("provenance", where, "prov_elements", f"{lacking} statements only at the other end")

    def verdicts(self) -> Iterator[Difference]:
        """Reports on what both have, and quarantines, that are known at one end only."""
        ways: tuple[tuple[Side, End, End], ...] = (
            ("there", self._here, self._there),
            ("here", self._there, self._here),
        )
        for where, mine, theirs in ways:
            for table, rows in missing_verdicts(mine, theirs, self.same).items():
                if table in ("reports", "quarantine"):
                    yield Difference("report", where, table, f"{rows.num_rows} of them only at the other end")

    def schemas(self) -> Iterator[Difference]:
        """What is declared of tables at one end only."""
        ways: tuple[tuple[Side, End, End], ...] = (
            ("there", self._here, self._there),
            ("here", self._there, self._here),
        )
        for where, mine, theirs in ways:
            for row in missing_schemas(mine, theirs, self._datasets).to_pylist():
                what = f"version {row['version']} of what it has to be is declared at the other end only"
                yield Difference("schema", where, row["files"], what, dataset=row["dataset"])

    def kept(self) -> Iterator[Difference]:
        """Rows of tables that others declared, which were given to one end only, or later."""
        ways: tuple[tuple[Side, End, End], ...] = (
            ("there", self._here, self._there),
            ("here", self._there, self._here),
        )
        for where, mine, theirs in ways:
            for row in missing_kept(mine, theirs, self._datasets):
                what = f"its {row['rows']} rows in {row['table']} are as they should be at the other end only"
                yield Difference("row", where, f"{row['key']} {row['about']}", what, dataset=row["dataset"])


def _chunks(end: End, where: Side, snapshots: pa.Array) -> Iterator[Difference]:
    """Whether each chunk that these snapshots need is in some pack."""
    try:
        with Inventory() as inventory:
            inventory.need(end, snapshots)
            inventory.stock("here", end, end.read("packs", columns=["pack"])["pack"].combine_chunks())
            lost, first = inventory.nowhere("here")
    except DamageError as error:
        yield Difference("segment", where, str(error.about.get("key", "")), error.message)
        return
    if lost:
        yield Difference("chunk", where, first.hex(), f"{lost} chunks are in no pack, this one the first")
