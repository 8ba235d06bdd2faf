"""What a writer hands back: the text, and what the format could not hold.

What is lost is not foretold by rules, which could be wrong: what was written is read again, as whoever gets it would
read it, and compared.  So for every document and every format, counting records one by one::

    read(write(document)) == document - the records of its losses + what is left of them
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model import TERMS, Name, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import Document, Value

__all__ = ["Loss", "Written", "losses"]

_Said = tuple[str | None, Record]


@dataclass(frozen=True)
class Loss:
    """A record that the target could not hold as it is: ``what`` of it is lost, in words.

    ``left``: what a reader of the target finds in its place; several records may have become one, which only the first
    of them has here.  ``bundle``: the bundle that the record is in.  Without a ``record``: a bundle that said nothing.
    """

    record: Record | None
    what: str
    left: tuple[Record, ...] = ()
    bundle: str | None = None


@dataclass(frozen=True)
class Written:
    """What was written, in which format, and what it could not hold."""

    text: str
    lost: tuple[Loss, ...] = ()
    format: str = ""


def losses(before: Document, after: Document) -> tuple[Loss, ...]:
    """What of ``before`` is not in ``after``, which was read from what was written of it."""
    said, kept = Counter(map(_plain, before)), Counter(map(_plain, after))
    gone, come = said - kept, kept - said
    originals = {_plain(each): each[1] for each in before} if gone else {}
    left: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for bundle, record in come.elements():
        left[_place(bundle, record)].append(record)
    told: set[tuple[object, ...]] = set()
    found: list[Loss] = []
    for bundle, plain in gone.elements():
        record = originals[bundle, plain]
        place = _place(bundle, record)
        instead = tuple(left.get(place, ()))
        again = f"that {_short(record)} was said more than once"
        what = again if (bundle, plain) in kept else _missing(record, instead)
        found.append(Loss(record, what, () if place in told else instead, bundle))
        told.add(place)
    # What stands where nothing was said.
    for place, records in left.items():
        if place not in told:
            found.extend(_come(records, place[0]))
    silent = {bundle.id for bundle in before.bundles} - {bundle.id for bundle in after.bundles}
    silent -= {bundle for bundle, _ in before if bundle is not None}
    found.extend(Loss(None, f"the bundle {each}, which says nothing", (), each) for each in sorted(silent))
    return tuple(found)


def _plain(said: _Said) -> _Said:
    """A statement as it is compared: the order of attributes says nothing."""
    bundle, record = said
    return bundle, replace(record, attributes=tuple(sorted(record.attributes, key=repr)))


def _place(bundle: str | None, record: Record) -> tuple[object, ...]:
    """What a record and what is left of it have in common."""
    return bundle, record.term, record.id or record.arguments[:1]


def _come(records: Iterable[Record], bundle: object) -> Iterator[Loss]:
    for record in records:
        where = bundle if isinstance(bundle, str) else None
        yield Loss(None, f"that {_short(record)} was not said", (record,), where)


def _missing(record: Record, instead: tuple[Record, ...]) -> str:
    """In words, what of a record is not in those that are there instead."""
    if not instead:
        return f"all of {_short(record)}"
    lacks: list[str] = []
    kept = {pair for each in instead for pair in each.attributes}
    lacks += [f"{name} = {_value(value)}" for name, value in record.attributes if (name, value) not in kept]
    for place, argument in enumerate(TERMS[record.term].arguments):
        value = record.arguments[place]
        if value is not None and value not in {each.arguments[place] for each in instead}:
            lacks.append(f"{argument.name} = {value}")
    if record.id not in {each.id for each in instead}:
        lacks.append("its identifier")
    if lacks:
        return f"of {_short(record)}: " + ", ".join(lacks)
    more = {name for name, _ in kept - set(record.attributes)}
    if more:
        return f"that nothing else was said with {_short(record)}: it now has {', '.join(sorted(more))}"
    return f"that {_short(record)} was said by itself: it is one with others of its kind"


def _value(value: Value) -> str:
    if isinstance(value, Name):
        return value.uri
    return repr(value.text) + (f"@{value.language}" if value.language else "")


def _short(record: Record) -> str:
    named = [str(argument) for argument in record.arguments if isinstance(argument, str)]
    return f"{record.term}({', '.join([record.id] if record.id and not named else named)})"
