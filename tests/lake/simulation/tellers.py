"""Who records how files came about, and who asks: deeds as those of ``people``.

Nobody makes anything in a run: the files are there, and it is said of them that somebody used or made them, so that
several often make the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from holotype.catalog import Conflict, EntryNotFound, ObjectMissing

from ..recorded import Said, said_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .people import Deed, Person

__all__ = ["asks", "tells"]


def tells(dataset: str, folder: int, used: Sequence[str], made: Sequence[str]) -> Deed:
    """Record an activity that used and made these files of a folder."""

    def deed(person: Person) -> None:
        witness, source = person.world.witness, person.world.stage.source(folder)
        person.count += 1
        name = f"{person.name}, {person.count}"
        activity = person.archive.activity(name, dataset=dataset, source=source, listen=False)
        try:
            with activity:
                for path in used:
                    activity.used(source / path)
                for path in made:
                    activity.generated(source / path)
        except (Conflict, ObjectMissing):
            if Said("activity", activity.id) in witness.histories[-1]:
                person.complain(f"{name!r} was recorded, and its teller was told that it was not")
            raise
        found = dict(_touched(witness.histories[-1], activity.id))
        for term, paths in (("used", used), ("wasGeneratedBy", made)):
            wanted = {_file(person, dataset, folder, path) for path in paths}
            if {each.partition("#")[0] for each, how in found.items() if how == term} != wanted:
                person.complain(f"{name!r} was confirmed, and did not {term} {sorted(paths)} but {found}")

    return deed


def asks(dataset: str, folder: int, path: str) -> Deed:
    """Ask what is recorded, which is exactly what was at one moment since, and what is known of one file."""

    def deed(person: Person) -> None:
        history, witness = person.archive.provenance, person.world.witness
        began = len(witness.histories) - 1
        found = said_in(history.document())
        if not any(_is(found, moment) for moment in witness.histories[began:]):
            person.complain("a document tells what was recorded at no moment")
        file, began = _file(person, dataset, folder, path), len(witness.histories) - 1
        for question in (history.upstream, history.downstream, history.explain, history.impact, history.document):
            try:
                question(file)
            except EntryNotFound:
                if Said("entity", file) in witness.histories[began]:
                    person.complain(f"{file} is known, and was not found")

    return deed


def _is(found: frozenset[Said], recorded: frozenset[Said]) -> bool:
    """Whether a document has just what was recorded; those who made snapshots are in it as well."""
    return recorded <= found and all(said.term == "agent" for said in found - recorded)


def _file(person: Person, dataset: str, folder: int, path: str) -> str:
    """The identifier of a file with these bytes, at this path."""
    content = person.world.stage.tree(folder)[path]
    assert content is not None
    return f"urn:holotype:file:{dataset}:{hashlib.sha256(content).hexdigest()}:{path}"


def _touched(history: frozenset[Said], activity: str) -> list[tuple[str, str]]:
    """The files that an activity used or made, each with the relation."""
    ends = [(said.term, dict(said.ends)) for said in history if said.term in ("used", "wasGeneratedBy")]
    return [
        (found["entity"], term)
        for term, found in ends
        if found.get("activity") == activity and found["entity"].startswith("urn:holotype:file:")
    ]
