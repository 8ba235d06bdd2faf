"""Whether the times that provenance tells contradict the order that it tells.

PROV-CONSTRAINTS orders events, and says nothing of clocks: a document in which a figure was plotted before its data
were measured is valid as long as only the times say so.  Nobody wants such a record, so whatever is to be kept is held
against its times as well.  A time with a zone and one without cannot be compared, and are not.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from .checking import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .model import Document, Record

__all__ = ["contradictions"]


class _Event(NamedTuple):
    time: datetime
    record: Record


def contradictions(document: Document) -> tuple[Violation, ...]:
    """Every pair of records whose times contradict the order of what they tell; the name of the constraint that orders
    them stands in each.
    """
    found = list(_contradictions(document.records))
    for bundle in document.bundles:
        found += _contradictions(bundle.records)
    return tuple(found)


def _contradictions(records: Iterable[Record]) -> Iterator[Violation]:
    starts, ends = defaultdict[str, list[_Event]](list), defaultdict[str, list[_Event]](list)
    made, gone = defaultdict[str, list[_Event]](list), defaultdict[str, list[_Event]](list)
    uses = list[tuple[str, str | None, _Event]]()
    makes = list[tuple[str, str, _Event]]()
    for record in records:
        subject = record.id if record.term == "activity" else record.arguments[0] if record.arguments else None
        if not isinstance(subject, str):
            continue
        if record.term == "activity":
            _note(starts[subject], record["startTime"], record)
            _note(ends[subject], record["endTime"], record)
        time = record["time"] if record.term in _TIMED else None
        if not isinstance(time, datetime):
            continue
        event, other = _Event(time, record), record.arguments[1]
        match record.term:
            case "wasStartedBy":
                starts[subject].append(event)
            case "wasEndedBy":
                ends[subject].append(event)
            case "wasGeneratedBy":
                made[subject].append(event)
                makes.append((subject, other if isinstance(other, str) else "", event))
            case "wasInvalidatedBy":
                gone[subject].append(event)
            case _:
                uses.append((subject, other if isinstance(other, str) else None, event))
    for activity, first in starts.items():
        yield from _against(first, ends[activity], "start-precedes-end")
    for activity, entity, event in uses:
        yield from _against(starts[activity], [event], "usage-within-activity")
        yield from _against([event], ends[activity], "usage-within-activity")
        if entity is not None:
            yield from _against(made[entity], [event], "generation-precedes-usage")
            yield from _against([event], gone[entity], "usage-precedes-invalidation")
    for _, activity, event in makes:
        yield from _against(starts[activity], [event], "generation-within-activity")
        yield from _against([event], ends[activity], "generation-within-activity")
    for entity, first in made.items():
        yield from _against(first, gone[entity], "generation-precedes-invalidation")


_TIMED = frozenset({"used", "wasGeneratedBy", "wasInvalidatedBy", "wasStartedBy", "wasEndedBy"})


def _note(events: list[_Event], time: str | datetime | None, record: Record) -> None:
    if isinstance(time, datetime):
        events.append(_Event(time, record))


def _against(earlier: list[_Event], later: list[_Event], constraint: str) -> Iterator[Violation]:
    for one in earlier:
        for other in later:
            if (one.time.tzinfo is None) == (other.time.tzinfo is None) and one.time > other.time:
                yield Violation(
                    constraint,
                    (one.record, other.record) if one.record != other.record else (one.record,),
                    f"{_said(one)} comes after {_said(other)}, which it has to precede",
                )


def _said(event: _Event) -> str:
    record = event.record
    named = record.id if record.term == "activity" else record.arguments[0]
    return f"{record.term} of {named} at {event.time.isoformat()}"
