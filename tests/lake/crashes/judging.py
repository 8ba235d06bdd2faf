"""The verbs that look whether what is kept is sound, and say so: what they write down, and how one sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .promise import Broken

if TYPE_CHECKING:
    from .laboratory import Bench

__all__ = ["is_out", "is_quarantined", "is_scrubbed", "is_validated", "quarantines", "releases", "scrubs", "validates"]

_SOUND = "edits@1"


def validates(bench: Bench) -> bool:
    """Look at a snapshot that is sound."""
    given = bench.archive.validate(_SOUND)
    return given.ok


def is_validated(bench: Bench) -> bool:
    """Whether a report says that it is sound, and nothing that it is not."""
    if not bench.archive.quarantined().is_empty():
        raise Broken("what is sound is in quarantine, for its storage was away for a moment")
    of_it = bench.archive.read("reports").to_pylist()
    if len(of_it) > len({row["report"] for row in of_it}):
        raise Broken("a report is there twice")
    return bool(of_it) and all(row["errors"] == 0 for row in of_it)


def quarantines(bench: Bench) -> None:
    """Doubt two snapshots."""
    bench.archive.quarantine("same@1", "edits@1", reason="the balance was moved")


def is_quarantined(bench: Bench) -> bool:
    """Whether both are in quarantine."""
    return _doubted(bench) == {"same", "edits"}


def releases(bench: Bench) -> None:
    """Doubt two, and look again."""
    quarantines(bench)
    bench.archive.release("same@1", "edits@1", reason="it was not")


def is_out(bench: Bench) -> bool:
    """Whether neither is in quarantine any more, and it is on record that they were."""
    said = [row["event"] for row in bench.archive.read("quarantine").to_pylist()]
    return not _doubted(bench) and {"quarantined", "released"} <= set(said)


def scrubs(bench: Bench) -> bool:
    """Read through all of it."""
    return bench.archive.scrub(workers=1).ok


def is_scrubbed(bench: Bench) -> bool:
    """Whether it is on record that each pack is sound."""
    packs = {row["pack"] for row in bench.archive.read("packs").to_pylist()}
    return {row["pack"] for row in bench.archive.read("scrubs").to_pylist() if row["sound"]} >= packs


def _doubted(bench: Bench) -> set[str]:
    found = bench.archive.quarantined()["dataset"].to_list()
    if len(found) not in (0, 2):
        raise Broken("of what was doubted together one is in quarantine, and the other not")
    return {*found}
