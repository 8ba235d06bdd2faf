"""Whether provenance can be true: PROV-CONSTRAINTS, as a check that finds every violation, each with its records.

    records → facts       what was left out is filled in              definitions 1 to 5, inferences 9 to 11
            → merging     what must be one and the same is made so    constraints 22 to 29
            → kinds       nothing is what it cannot be                constraints 50 to 56
            → ordering    nothing happens before itself               constraints 30 to 49

The specification tells validity by a normal form, to which inferences add statements until there are no more.  Here
nothing is added that no constraint would look at: inferences that could change a verdict are where their constraint is
checked, and each module says why the others could not.

Source: Constraints of the PROV Data Model, W3C Recommendation of 30 April 2013; for ``mentionOf``, PROV-LINKS.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from .facts import Instance
from .kinds import impossible
from .merging import Merged
from .ordering import misordered
from .violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..model import Document, Record

__all__ = ["Violation", "check"]


def check(document: Document) -> tuple[Violation, ...]:
    """Every violation of PROV-CONSTRAINTS in a document; none where it is valid.

    What stands outside its bundles is checked by itself, and so is each bundle: they may contradict one another.
    """
    return tuple(_violations(document))


def _violations(document: Document) -> Iterator[Violation]:
    yield from _in_one(document.records, document.prefixes)
    for bundle in document.bundles:
        yield from _in_one(bundle.records, {**document.prefixes, **bundle.prefixes})
    names = [bundle.id for bundle in document.bundles]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        several = chain.from_iterable(bundle.records for bundle in document.bundles if bundle.id == name)
        message = f"{names.count(name)} bundles have the name {name}"
        yield Violation("unique-bundle-name", tuple(several), message)


def _in_one(records: Sequence[Record], prefixes: Mapping[str, str]) -> Iterator[Violation]:
    instance = Instance(records, prefixes)
    yield from instance.unread
    merged = Merged(instance)
    yield from merged.violations
    yield from impossible(merged)
    yield from misordered(merged)
