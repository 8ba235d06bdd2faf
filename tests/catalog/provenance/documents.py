"""Documents of PROV as hypothesis makes them: of every term, with few enough names for records to share them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from holotype.catalog.provenance.model import ELEMENTS, PROV, TERMS, XSD, Bundle, Document, Literal, Name, Record

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from holotype.catalog.provenance.model import Value

EX = "http://example.org/"
OTHER = "urn:other:"
PREFIXES = MappingProxyType({"ex": EX})

# What every serialisation can hold.
PLAIN = st.sampled_from([EX + name for name in ("e1", "e2", "a1", "a2", "agent", "gen1", "use1", "plan-1", "x_2")])
# What a name of PROV-N has to escape, or cannot have at all.
TRICKY = st.builds(
    str.__add__,
    st.sampled_from([EX, EX + "in/", OTHER, "http://no.prefix/#", ""]),
    st.text("ab1é-._:/#=',;()[]%20~@&+*?$! \"{|}^`\\", min_size=1, max_size=8),
)
# No control characters: XML has no way to write most of them.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t", exclude_characters="￾￿"),
    max_size=12,
)


@lru_cache(maxsize=16)  # making a strategy takes longer than drawing from it
def moments(*, naive: bool = True) -> SearchStrategy[datetime]:
    """Times as ``xsd:dateTime`` has them: with a zone of whole minutes; with ``naive``, also without one."""
    zones = st.one_of(
        st.just(UTC),
        st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
        *([st.none()] if naive else []),
    )
    return st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001


@lru_cache(maxsize=16)
def literals() -> SearchStrategy[Literal]:
    """Text, text in a language, numbers, truths and others, each in a form that its datatype has."""
    return st.one_of(
        TEXT.map(Literal),
        st.builds(lambda text, language: Literal(text, language=language), TEXT, st.sampled_from(["en", "de-CH"])),
        st.integers(-(2**31), 2**31 - 1).map(lambda number: Literal(str(number), XSD + "int")),
        st.integers().map(lambda number: Literal(str(number), XSD + "integer")),
        st.sampled_from([Literal("true", XSD + "boolean"), Literal("1.5", XSD + "double")]),
        st.just(Literal("http://example.org/page", XSD + "anyURI")),
        st.just(Literal("2024-05-01T10:00:00.25Z", XSD + "dateTime")),
        st.builds(Literal, TEXT, st.just(EX + "unit")),
    )


@lru_cache(maxsize=16)
def attributes(names: SearchStrategy[str] = PLAIN) -> SearchStrategy[tuple[tuple[str, Value], ...]]:
    """Pairs of an IRI and a value; of PROV's own, those that any record may have."""
    pair = st.one_of(
        st.tuples(st.just(PROV + "type"), st.one_of(names.map(Name), st.just(Name(PROV + "Collection")))),
        st.tuples(st.just(PROV + "label"), st.one_of(TEXT.map(Literal), st.just(Literal("Bild", language="de")))),
        st.tuples(st.sampled_from([EX + "quality", EX + "note"]), st.one_of(literals(), names.map(Name))),
    )
    return st.lists(pair, max_size=3, unique=True).map(tuple)


@st.composite
def records(
    draw: st.DrawFn, names: SearchStrategy[str] = PLAIN, times: SearchStrategy[datetime] | None = None
) -> Record:
    """One record of any term: identifiers, optional arguments and attributes there or not, as the term allows."""
    term = TERMS[draw(st.sampled_from(tuple(TERMS)))]
    times = moments() if times is None else times
    arguments: tuple[str | datetime | None, ...] = ()
    for argument in term.arguments:
        if argument.required or draw(st.booleans()):
            arguments += (draw(times) if argument.refers == "time" else draw(names),)
        else:
            arguments += (None,)
    if not term.identified:
        return Record(term.name, None, arguments)
    id = draw(names if term.name in ELEMENTS else st.one_of(st.none(), names))
    return Record(term.name, id, arguments, draw(attributes(names)))


@st.composite
def documents(
    draw: st.DrawFn,
    names: SearchStrategy[str] = PLAIN,
    times: SearchStrategy[datetime] | None = None,
    *,
    bundles: bool = True,
) -> Document:
    """Documents that are well formed; few of them are valid.

    ``names``: identifiers, ``PLAIN`` or ``TRICKY``.  ``times``: see ``moments``.  ``bundles``: whether there may be
    any.
    """
    # A few names of all that there are, so that records speak of one another.
    some = st.sampled_from(draw(st.lists(names, min_size=1, max_size=5)))
    several = st.lists(records(some, times), max_size=6).map(tuple)
    named = st.lists(st.sampled_from([EX + "bundle1", EX + "bundle2"]), max_size=2 if bundles else 0, unique=True)
    return Document(
        draw(several),
        tuple(Bundle(id, draw(several)) for id in draw(named)),
        draw(st.sampled_from([PREFIXES, MappingProxyType({**PREFIXES, "": OTHER}), MappingProxyType({})])),
    )
