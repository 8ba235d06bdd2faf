"""A graph of provenance that nobody made: as many activities as are asked for, and what they used and made.

::

    50 activities in a row, each of which used what the one before it made; and 100,000 in a row
    one input → 100 activities → 100 files → 100,000 activities → 100,000 results
    all others: each used a file that was made lately, or a raw one; half of them used two

All ran the same script, each for one of twenty people; each file is linked to its content, and of those that are in no
row and no fan one in fifty has the content of another.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from holotype.catalog import Catalog, LocalStore, numbers
from holotype.catalog.provenance.hashing import keys
from holotype.catalog.provenance.linking import links_of
from holotype.catalog.provenance.model import TERMS
from holotype.catalog.provenance.tables import PROV_NAMES, PROV_TABLES

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

__all__ = ["CHAIN", "MILLION", "Plan", "Shape", "build", "called", "more", "plan_of"]

MILLION = 1_000_000
CHAIN = 50
_PLACE = {name: place for place, name in enumerate(TERMS)}
_OTHERS = [
    "urn:holotype:file:code:" + "c0de" * 16 + ":normalise.py",
    *(f"urn:holotype:person:https%3A%2F%2Forcid.org%2F0000-0002-1825-{n:04}" for n in range(20)),
]
# Of the files made last, so many may be used by the next activity.
_LATELY = 2000
# Activities that are recorded with one commit.
_COMMIT = 10_000


@dataclass(frozen=True)
class Shape:
    """How many activities there are, how many of them in the long row, and how many results the one input has."""

    activities: int
    row: int
    results: int

    @classmethod
    def of(cls, activities: int) -> Shape:
        """A tenth each for the row and for the fan."""
        return cls(activities, activities // 10, activities // 10)

    @property
    def raw(self) -> int:
        """How many raw files there are."""
        return self.activities // 20

    @property
    def middle(self) -> int:
        """How many files stand between the input of the fan and its results."""
        return max(1, self.results // 1000)

    @property
    def rest(self) -> int:
        """The first activity that is in no row and no fan."""
        return CHAIN + self.row + self.middle + self.results

    # Elements are numbers: activities, the file each made, raw files, the content of each file that was made, others.

    @property
    def input(self) -> int:
        """The input of the fan: the first raw file."""
        return 2 * self.activities

    @property
    def script(self) -> int:
        """What all activities ran."""
        return 3 * self.activities + self.raw

    @property
    def elements(self) -> int:
        """How many there are."""
        return self.script + len(_OTHERS)

    @property
    def end_of_chain(self) -> int:
        """The last file of the row of 50."""
        return self.activities + CHAIN - 1

    @property
    def end_of_row(self) -> int:
        """The last file of the long row."""
        return self.activities + CHAIN + self.row - 1

    def some(self, count: int) -> list[int]:
        """Files that are in no row and no fan."""
        return random.Random(7).sample(range(self.activities + self.rest, 2 * self.activities), count)


@dataclass(frozen=True)
class Plan:
    """The links: from what came later to what was there before, by which term, and whether to content."""

    shape: Shape
    later: Numbers
    earlier: Numbers
    term: npt.NDArray[np.int8]
    across: npt.NDArray[np.bool_]


def plan_of(shape: Shape) -> Plan:
    """The links of a graph of this shape."""
    chance = np.random.default_rng(7)
    count = shape.activities
    activity = np.arange(count)
    file, content = activity + count, activity + 2 * count + shape.raw
    same = (chance.random(count) < 0.02) & (activity >= shape.rest + _LATELY)
    content = np.where(same, content - chance.integers(1, _LATELY, count), content)
    used = _used(shape, chance)
    people = shape.script + 1 + chance.integers(0, len(_OTHERS) - 1, count)
    derived = activity[count // 2 :]
    parts = [
        (used[0], used[1], "used"),
        (file, activity, "wasGeneratedBy"),
        (activity, people, "wasAssociatedWith"),
        (activity, np.full(count, shape.script), "wasAssociatedWith"),
        (file, content, "specializationOf"),
        (file[derived], used[1][derived], "wasDerivedFrom"),
    ]
    return Plan(
        shape,
        np.concatenate([later for later, _, _ in parts]),
        np.concatenate([earlier for _, earlier, _ in parts]),
        np.concatenate([np.full(len(later), _PLACE[term], np.int8) for later, _, term in parts]),
        np.concatenate([np.full(len(later), term == "specializationOf") for later, _, term in parts]),
    )


def _used(shape: Shape, chance: np.random.Generator) -> tuple[Numbers, Numbers]:
    """What the activities used: one thing each, and half of them a second."""
    count, fan, results, rest = shape.activities, CHAIN + shape.row, CHAIN + shape.row + shape.middle, shape.rest
    first = np.arange(count) + count - 1 - chance.integers(0, _LATELY, count)
    first[:fan] = np.arange(fan) + count - 1
    first[[0, CHAIN]] = 2 * count + 1, 2 * count + 2  # each row begins with a raw file
    first[fan:results] = shape.input
    first[results:rest] = count + fan + np.arange(shape.results) % shape.middle
    fresh = np.arange(rest, count)
    fresh = fresh[(fresh < rest + _LATELY) | (chance.random(len(fresh)) < 0.1)]
    first[fresh] = 2 * count + chance.integers(3, shape.raw, len(fresh))
    more = np.arange(rest + _LATELY, count)[: count // 2]
    second = more + count - 1 - chance.integers(0, _LATELY, len(more))
    return np.concatenate([np.arange(count), more]), np.concatenate([first, second])


def called(shape: Shape, number: int) -> str:
    """The identifier of an element."""
    count = shape.activities
    if number < count:
        return f"urn:holotype:activity:{_digest(number)[:32]}"
    if number < 2 * count + shape.raw:
        what = f"results/{number - count:08}.tsv" if number < 2 * count else f"raw/{number - 2 * count:06}.fastq.gz"
        return f"urn:holotype:file:cohort-{number % 40:02}:{_digest(number)}:{what}"
    return f"urn:holotype:content:{_digest(number)}" if number < shape.script else _OTHERS[number - shape.script]


def _digest(number: int) -> str:
    """As good as a digest, and quickly made."""
    return f"{random.Random(number).getrandbits(256):064x}"


def build(plan: Plan, folder: Path) -> Catalog:
    """The graph as an archive's tables in ``folder``, committed a part at a time."""
    shape = plan.shape
    catalog = Catalog.create(LocalStore(folder, durable=False), tables=PROV_TABLES, name="synthetic")
    known, key = np.zeros(shape.elements, np.bool_), np.zeros(shape.elements, np.uint64)
    by = plan.later % shape.activities
    order = np.argsort(by, kind="stable")
    for part in np.split(order, np.searchsorted(by[order], np.arange(_COMMIT, shape.activities, _COMMIT))):
        later, earlier = plan.later[part], plan.earlier[part]
        new = np.zeros(shape.elements, np.bool_)
        new[later] = new[earlier] = True
        fresh = np.flatnonzero(new & ~known)
        known |= new
        names = [called(shape, number) for number in fresh.tolist()]
        key[fresh] = keys(names)
        table = pa.table(
            [numbers(key[fresh]), numbers(_terms(shape, fresh)), pa.array(names)], schema=PROV_NAMES.schema
        )
        links = links_of(key[later], key[earlier], plan.term[part], plan.across[part])
        parts = [catalog.write("prov_names", table), catalog.write("prov_links", links)]
        catalog.commit(add=parts, operation="provenance")
    return catalog


def _terms(shape: Shape, chosen: Numbers) -> npt.NDArray[np.int8]:
    terms = np.full(len(chosen), _PLACE["entity"], np.int8)
    terms[chosen < shape.activities] = _PLACE["activity"]
    terms[chosen > shape.script] = _PLACE["agent"]
    return terms


def more(links: int, turn: int) -> tuple[pa.Table, pa.Table]:
    """Names and links that a graph has not yet: of new activities, of which each has five links."""
    steps = -(-links // 5)
    files = [f"urn:holotype:file:new:{_digest(-1 - turn * steps - n)}:new/{turn}-{n}.tsv" for n in range(2 * steps)]
    content = [f"urn:holotype:content:{file.split(':')[4]}" for file in files[:steps]]
    activities = [f"urn:holotype:activity:{_digest(-1 - turn * steps - n)[:32]}" for n in range(steps)]
    by, made, used, of = keys(activities), keys(files[:steps]), keys(files[steps:]), keys(content)
    shared = np.repeat(keys(_OTHERS[:2]), steps)
    parts = [(by, used, "used"), (made, by, "wasGeneratedBy"), (made, of, "specializationOf")]
    parts += [(by, shared[n * steps : (n + 1) * steps], "wasAssociatedWith") for n in range(2)]
    terms = np.repeat(np.array([_PLACE[term] for _, _, term in parts], np.int8), steps)[:links]
    later, earlier = (np.concatenate([part[end] for part in parts])[:links] for end in (0, 1))
    ids = [*activities, *files, *content]
    names = pa.table(
        [
            numbers(keys(ids)),
            numbers(np.repeat(np.array([1, 0], np.int8), [steps, len(ids) - steps])),
            pa.array(ids),
        ],
        schema=PROV_NAMES.schema,
    )
    ends = np.concatenate([later, earlier])
    return names.filter(numbers(np.isin(names["key"].to_numpy(), ends))), links_of(
        later, earlier, terms, terms == _PLACE["specializationOf"]
    )
