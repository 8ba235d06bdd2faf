"""Recording: records of PROV become segments, which one commit makes visible together with the data they speak of.

What an archive is told has to be possible: PROV-CONSTRAINTS is held over it together with what the archive has said
before of the same things, and so are its times.  What is nothing but what is said of it, such as an environment, is
written once.

All of that is decided by looking at one state, and somebody else may say something before the commit: that his file was
made by him, that an element is called so.  So a commit has to pass a check: whoever looks again sees the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Conflict, ObjectMissing, ProvenanceRefused
from .checking import check
from .graph import Graph
from .linking import graph_rows
from .model import ELEMENTS, TERMS, Bundle, Document
from .rows import element_rows, relation_rows
from .stored import statements
from .tables import PROV_ELEMENTS, PROV_LINKS, PROV_NAMES, PROV_RELATIONS, PROV_TABLES
from .times import contradictions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from ..catalog import Catalog
    from ..commits import Check
    from ..log import Entry, Segment
    from ..state import State
    from .checking import Violation
    from .model import Record

__all__ = ["Recorded", "record", "refusals", "refuse", "says_something", "shared"]

_TABLES = frozenset(table.name for table in PROV_TABLES)
# What is nothing but what is said of it, or always said in the same words.
_SHARED = re.compile(
    r"urn:holotype:(?:content|command|parameters|environment|git|grade|person|software|system|code):.*|pkg:.*",
    re.DOTALL,
)
# What an identifier says by itself: that it is an entity; or that, or an activity.
_ENTITY = re.compile(r"urn:holotype:(?:file|outside|unread|snapshot):")
_OURS = re.compile(r"urn:holotype:(?:file|outside|unread|snapshot|activity):")
# Of a thing that was there before, these say nothing that has to come before or after anything.
_ORDERED = frozenset({"specializationOf", "alternateOf", "hadMember", "mentionOf"})


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was written, and belongs to nothing yet.

    ``segments``: to be added in one commit.  ``check``: what that commit has to pass, with the state that was looked at
    as its view; it raises ``Conflict``, with ``said`` about it, when somebody said something meanwhile that would have
    been looked at: then all is to be told and recorded anew.
    """

    segments: tuple[Segment, ...]
    check: Check


def says_something(entries: Iterable[Entry], *, after: int) -> bool:
    """Whether any of ``entries`` after this version says something of provenance; a compaction only moves it."""
    return any(
        entry.version > after and not entry.is_compaction and not _TABLES.isdisjoint(entry.add) for entry in entries
    )


def shared(id: str) -> bool:
    """Whether an element is nothing but what its identifier stands for, so that all is said once it was said once."""
    return _SHARED.fullmatch(id) is not None


def record(
    catalog: Catalog, document: Document, *, recorded: datetime, author: str, state: State | None = None
) -> Recorded:
    """Write what ``document`` says as segments, to be added in a commit; what is said already is left out.

    ``recorded``: when, and ``author``: by whom, it is said.  ``state``: what to look at, by default the newest state
    seen.  Raises ``ProvenanceRefused`` with the constraints that it breaks, ``ArchiveReadOnly``, or what the store
    raises.
    """
    state = state or catalog.state
    graph = Graph(catalog, state=state)
    known = _known(graph, document)
    said = [(bundle, each) for bundle, each in document if not _again(each, known)]
    news = _of(said, document)
    before = _before(catalog, graph, news, known)
    _refuse(refusals(before, news))
    elements = [each for each in said if each[1].term in ELEMENTS]
    relations = [each for each in said if each[1].term not in ELEMENTS]
    names, links = graph_rows((each for _, each in said), known=lambda ids: graph.known(list(ids)))
    rows = {
        PROV_ELEMENTS.name: element_rows(elements, recorded=recorded, author=author),
        PROV_RELATIONS.name: relation_rows(relations, recorded=recorded, author=author),
        PROV_NAMES.name: names,
        PROV_LINKS.name: links,
    }
    segments = catalog.write_all({table: each for table, each in rows.items() if each.num_rows})
    return Recorded(tuple(segments), _check(catalog, document, state, known, news, before))


def refuse(
    catalog: Catalog, document: Document, *, graph: Graph, also: Callable[[Sequence[str]], Iterable[Record]]
) -> None:
    """Refuse what cannot be true together with what is known otherwise than by records.

    ``graph``: with what is known so beside it.  ``also``: what is known so of elements.  Raises ``ProvenanceRefused``
    as ``record`` does, or what the store raises.
    """
    wanted = sorted(_wanted(graph, document, _known(graph, document)))
    before = list(statements(catalog, wanted, state=graph.state).records) if wanted else []
    _refuse(refusals([*before, *also(wanted)], document))


def _refuse(wrong: Sequence[Violation]) -> None:
    if wrong:
        raise ProvenanceRefused(
            "what is to be recorded cannot be true: " + "; ".join(each.message for each in wrong[:5]),
            violations=tuple(wrong),
            constraints=tuple(dict.fromkeys(each.constraint for each in wrong)),
        )


def _check(
    catalog: Catalog, document: Document, view: State, known: frozenset[str], news: Document, before: Sequence[Record]
) -> Check:
    """Whether what was recorded with a look at ``view`` would have been recorded with a later one."""

    def check(since: Sequence[Entry], present: State) -> None:
        if not says_something(since, after=view.version):
            return
        graph = Graph(catalog, state=present)
        try:
            same = _known(graph, document) == known and set(_before(catalog, graph, news, known)) == {*before}
        except ObjectMissing:  # it went on, and what there was is collected; if not, whoever looks again finds out
            same = False
        if not same:
            raise Conflict("something was said of the same things meanwhile: look again", said=True)

    return check


def refusals(before: Collection[Record], document: Document) -> tuple[Violation, ...]:
    """The constraints that a document breaks, by itself or with what was said before of what it speaks of."""
    whole = Document((*before, *document.records), document.bundles, document.prefixes)
    return (*check(whole), *contradictions(whole))


def _known(graph: Graph, document: Document) -> frozenset[str]:
    ids = list(dict.fromkeys(id for _, each in document for id in _ids(each)))
    if not ids:
        return frozenset()
    return frozenset(id for id, there in zip(ids, graph.known(ids).tolist(), strict=True) if there)


def _ids(record: Record) -> list[str]:
    if record.term in ELEMENTS:
        return [record.id] if record.id is not None else []
    return [value for value in record.arguments if isinstance(value, str)]


def _taken_for_others(record: Record) -> list[str]:
    """The elements that a relation takes for what their identifiers say they are not."""
    return [
        value
        for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True)
        if isinstance(value, str)
        and _OURS.match(value)
        and argument.refers in ("entity", "activity")
        and (argument.refers == "entity") != bool(_ENTITY.match(value))
    ]


def _again(record: Record, known: Collection[str]) -> bool:
    """Whether this was said when its first element first was."""
    first = _ids(record)[:1]
    return bool(first) and first[0] in known and shared(first[0])


def _of(said: list[tuple[str | None, Record]], document: Document) -> Document:
    bundles = tuple(
        Bundle(bundle.id, tuple(each for name, each in said if name == bundle.id), bundle.prefixes)
        for bundle in document.bundles
    )
    return Document(tuple(each for name, each in said if name is None), bundles, document.prefixes)


def _wanted(graph: Graph, document: Document, known: Collection[str]) -> set[str]:
    """The elements of which something was said before that what is new could contradict: those it speaks of, but for
    those whose identifiers of ours say what they are, and all that lies between what came later and what it is now said
    to have come from.
    """
    wanted = set[str]()
    for each in document.records:
        ids = [id for id in _ids(each) if id in known and not shared(id)]
        if each.term in ELEMENTS:
            wanted.update(id for id in ids if each.term != "entity" or not _ENTITY.match(id))
            continue
        wanted.update(id for id in ids if not _OURS.match(id))
        wanted.update(id for id in _taken_for_others(each) if id in ids)
        first, *others = _ids(each)
        if each.term not in _ORDERED and first in ids:
            wanted.add(first)
            wanted.update(id for other in others if other in ids and other != first for id in graph.path(other, first))
    return wanted


def _before(catalog: Catalog, graph: Graph, document: Document, known: Collection[str]) -> list[Record]:
    """What was said before that what is new could contradict."""
    wanted = sorted(_wanted(graph, document, known))
    return list(statements(catalog, wanted, state=graph.state).records) if wanted else []
