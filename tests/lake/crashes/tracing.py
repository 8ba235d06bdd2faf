"""The verbs of provenance: what they record, how one sees that it was, and the questions that only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import provenance as prov

from ..recorded import Said, said_in
from .laboratory import FOREIGN
from .promise import Broken

if TYPE_CHECKING:
    from holotype.lake import Archive

    from .laboratory import Bench

__all__ = ["acts", "acted", "asks", "is_linked", "is_recorded", "ran", "records", "runs"]

_NEWS = prov.read_provn(
    """document
    prefix ex <http://example.org/>
    agent(ex:ben)
    activity(ex:review, 2024-05-02T10:00:00Z, 2024-05-02T11:00:00Z)
    used(ex:review, ex:figure, -)
    wasGeneratedBy(ex:report, ex:review, 2024-05-02T10:30:00Z)
    wasDerivedFrom(ex:report, ex:figure, ex:review, -, -)
    wasAssociatedWith(ex:review, ex:ben, -)
    bundle ex:notes
      entity(ex:report, [prov:label="draft"])
    endBundle
    endDocument"""
)


def acts(bench: Bench) -> None:
    """Read a file of a dataset in a block of Python, and write another."""
    path, made = bench.source("edits") / "sub" / "new.csv", bench.scratch / "normalised.csv"
    # Nobody listens, or what else this process opens would count.
    with bench.archive.activity("normalise", parameters={"scale": 2}, dataset="edits", listen=False) as activity:
        made.write_bytes(path.read_bytes() * 2)
        activity.used(path)
        activity.used("same@1/a", role="reference")
        activity.generated(made)


def acted(bench: Bench) -> bool:
    """Whether it is recorded with what it read and wrote."""
    return _did(bench.archive, "normalise", used={"sub/new.csv", "a"}, made={"{outside}/normalised.csv"})


def runs(bench: Bench) -> None:
    """Run a command."""
    source = bench.source("edits") / "sub" / "new.csv"
    command = ["sh", "-c", f"sort '{source}' > sorted.csv"]
    ran = bench.archive.run(
        command, name="sort", dataset="edits", cwd=bench.scratch, how="states", inputs=[source], outputs=["sorted.csv"]
    )
    if not ran.ok:
        raise Broken(f"the command failed: {ran.stderr!r}")


def ran(bench: Bench) -> bool:
    """Whether it is recorded with what it read and wrote."""
    return _did(bench.archive, "sort", used={"sub/new.csv"}, made={"{outside}/sorted.csv"})


def records(bench: Bench) -> None:
    """Record a document."""
    bench.archive.provenance.record(_NEWS)


def is_recorded(bench: Bench) -> bool:
    """Whether all of it is there."""
    return said_in(_NEWS) <= said_in(bench.archive.provenance.document())


def is_linked(archive: Archive) -> bool:
    """Whether a backup of the edits has said of the file that was renamed where it came from."""
    return "measure" in archive.provenance.upstream("edits@2/sub/moved")["label"].to_list()


def asks(bench: Bench) -> None:
    """Ask every question about what the laboratory knows."""
    history, laboratory = bench.archive.provenance, bench.laboratory
    if (found := said_in(history.document())) != laboratory.told:
        raise Broken(f"a document has {found ^ laboratory.told}, or has not")
    if "measure" not in history.upstream("edits@1/moves")["label"].to_list():
        raise Broken("nobody knows where a file came from")
    if "moves" not in history.downstream("edits@1/shared")["path"].to_list():
        raise Broken("nobody knows what came of a file")
    if history.explain("edits@1/moves")["name"].to_list() != ["measure"]:
        raise Broken("nobody knows how a file was made")
    if ("moves", ["edits@1"]) not in history.impact("edits@1/shared").select("path", "snapshots").rows():
        raise Broken("nobody knows which snapshots hold what came of a file")
    if not said_in(FOREIGN) >= said_in(history.document("http://example.org/figure")):
        raise Broken("a document of one thing speaks of others")
    if not history.path("edits@1/moves", "edits@1/shared").height:
        raise Broken("nobody knows the way from a file to what it came from")


def _did(archive: Archive, name: str, *, used: set[str], made: set[str]) -> bool:
    """Whether an activity of this name is recorded with these files, by their labels."""
    elements = archive.read("prov_elements").to_pylist()
    labels = {row["id"]: row["label"] for row in elements}
    said = said_in(archive.provenance.document())
    return any(
        used <= _related(said, labels, "used", row["id"])
        and made <= _related(said, labels, "wasGeneratedBy", row["id"])
        for row in elements
        if row["term"] == "activity" and row["label"] == name
    )


def _related(said: frozenset[Said], labels: dict[str, str], term: str, activity: str) -> set[str]:
    found = (dict(each.ends) for each in said if each.term == term)
    return {labels[ends["entity"]] for ends in found if ends.get("activity") == activity}
