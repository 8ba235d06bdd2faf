"""Controlled vocabularies and ontologies: terms, what else they are called, what replaced them, and what is below what.

They are read from files of the user's: OBO, OBO Graphs JSON, CSV or TSV.  Nothing is fetched.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidChoice
from ..lazily import once
from .nearness import Near
from .vocabularyfiles import read_terms

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from .vocabularyfiles import Told

__all__ = ["Term", "Vocabulary"]


@dataclass(frozen=True)
class Term:
    """One term.

    ``id``: such as ``CL:0000084``.  ``synonyms``: what else it is called.  ``parents``: the ids that it is a kind of.
    ``obsolete``: whether it is not to be used any more, and ``replaced_by``: the ids of those to use instead.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    obsolete: bool = False
    replaced_by: tuple[str, ...] = ()


def _refuse_other_than_a_term(name: str, given: object) -> None:
    if not isinstance(given, Term):
        raise InvalidChoice(f"the vocabulary {name} has Terms, and {given!r} is none", vocabulary=name)


class Vocabulary:
    """Terms by their ids, names and synonyms.  Raises ``InvalidChoice`` for an id that is given twice."""

    def __init__(self, name: str, terms: Iterable[Term]) -> None:
        self.name = name
        self.terms: Mapping[str, Term] = {}
        by_id: dict[str, Term] = {}
        for term in terms:
            _refuse_other_than_a_term(name, term)
            if term.id in by_id:
                raise InvalidChoice(f"the vocabulary {name} has the id {term.id} twice", vocabulary=name, term=term.id)
            by_id[term.id] = term
        self.terms = by_id
        self._names: dict[str, Term] = {}
        self._synonyms: dict[str, Term] = {}
        self._folded: dict[str, Term] = {}
        # What is obsolete comes last, so that its names mean the terms that took them over.
        for term in sorted(by_id.values(), key=lambda term: term.obsolete):
            self._names.setdefault(term.name, term)
            for synonym in term.synonyms:
                self._synonyms.setdefault(synonym, term)
            self._folded.setdefault(_folded(term.id), term)
        for names in (self._names, self._synonyms):
            for written, term in names.items():
                self._folded.setdefault(_folded(written), term)
        self._below: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self.terms)

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, name: str | None = None) -> Vocabulary:
        """The vocabulary in a file: OBO, OBO Graphs JSON, or CSV or TSV with a column ``id`` and, if there are any,
        ``name`` (or ``label``), ``synonyms`` and ``parents`` with ``|`` between several, ``obsolete``, ``replaced_by``.
        It may be packed.

        Raises ``SchemaUnreadable`` where it cannot be understood, ``SubjectNotFound`` where it is not.
        """
        title, every = read_terms(path)
        return cls(name or title, [_term(each) for each in every])

    def find(self, written: str) -> tuple[Term, str] | None:
        """The term that is meant, and how: by its ``id``, its ``name``, a ``synonym``, or ``spelling`` where only
        capitals, blanks, hyphens and underscores differ.
        """
        for terms, how in ((self.terms, "id"), (self._names, "name"), (self._synonyms, "synonym")):
            term = terms.get(written)
            if term is not None:
                return term, how
        term = self._folded.get(_folded(written))
        return None if term is None else (term, "spelling")

    def is_below(self, term: str, above: str) -> bool:
        """Whether a term is another one or below it, over any number of steps."""
        if above not in self._below:
            self._below[above] = self._all_below(above)
        return term in self._below[above]

    def _all_below(self, above: str) -> frozenset[str]:
        found, waiting = {above}, deque([above])
        while waiting:
            for child in self._children.get(waiting.popleft(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return frozenset(found)

    @once
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        children: dict[str, list[str]] = {}
        for term in self.terms.values():
            for parent in term.parents:
                children.setdefault(parent, []).append(term.id)
        return {parent: tuple(each) for parent, each in children.items()}

    def instead_of(self, term: str) -> tuple[Term, ...]:
        """The terms to use: the term itself or, where it is obsolete, those that replaced it, if it says any."""
        seen: set[str] = set()
        found: list[Term] = []
        waiting = [term]
        while waiting:
            each = self.terms.get(waiting.pop(0))
            if each is None or each.id in seen:
                continue
            seen.add(each.id)
            if each.obsolete:
                waiting += each.replaced_by
            else:
                found.append(each)
        return tuple(found)

    def near(self, written: str, *, most: int = 3) -> tuple[Term, ...]:
        """The terms in use whose names or synonyms are most like what is written, the most like first."""
        found: dict[str, Term] = {}
        for name in self._near.to(written, most=4 * most):
            term = self._names.get(name) or self._synonyms[name]
            found.setdefault(term.id, term)
        return tuple(found.values())[:most]

    @once
    def _near(self) -> Near:
        every = {**self._synonyms, **self._names}
        return Near([name for name, term in every.items() if not term.obsolete])


def _folded(written: str) -> str:
    return " ".join(written.casefold().replace("_", " ").replace("-", " ").split())


def _term(told: Told) -> Term:
    return Term(
        told.id,
        told.name or told.id,
        tuple(dict.fromkeys(told.synonyms)),
        tuple(dict.fromkeys(told.parents)),
        told.obsolete,
        tuple(dict.fromkeys(told.replaced_by)),
    )
