"""What two archives have recorded of how things came about goes from one to the other, and no file has two makers."""

from __future__ import annotations

from itertools import count, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype import lake
from holotype.catalog import provenance as prov
from holotype.lake.moving.histories import histories

from ...effort import share
from ..crashes.promise import check_history
from ..recorded import Said, said_in, said_of
from ..surroundings import plain_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holotype.lake import Archive


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    with plain_surroundings():
        yield


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of the dataset ``study``."""
    folder = tmp_path / "study"
    folder.mkdir()
    for name in ("raw", "counts", "figure"):
        (folder / name).write_text(f"{name}\n")
    return folder


@pytest.fixture
def ends(tmp_path: Path, source: Path) -> tuple[Archive, Archive]:
    """An archive of the dataset, and its copy."""
    here = lake.create(tmp_path / "here")
    here.backup(source, dataset="study")
    here.copy(tmp_path / "there")
    return here, lake.open(tmp_path / "there")


def tell(archive: Archive, name: str, source: Path, *, used: str = "raw", made: str = "counts") -> str:
    """Record an activity; its identifier."""
    with archive.activity(name, dataset="study", source=source, listen=False) as activity:
        activity.used(source / used)
        activity.generated(source / made)
    return activity.id


def recorded(archive: Archive) -> frozenset[Said]:
    """What is recorded, without what is known of snapshots."""
    return said_of(*(archive.read(table).to_pylist() for table in ("prov_elements", "prov_relations")))


def exchange(here: Archive, there: Archive) -> None:
    """Bring what either has to the other, and prove that both have the same then."""
    for one, other in ((here, there), (there, here)):
        before = recorded(other)
        one.sync(other)
        check_history(other, must=before)
    assert here.compare(there).equal
    assert there.compare(here).equal


def test_what_both_saw_made_has_one_maker_at_either_end(ends: tuple[Archive, Archive], source: Path) -> None:
    makers = {tell(archive, name, source) for archive, name in zip(ends, ("one", "other"), strict=True)}
    # What came of it, and what was done with it.
    for archive in ends:
        tell(archive, "plot", source, used="counts", made="figure")
    exchange(*ends)
    for archive in ends:
        exported = [record for record in archive.provenance.document().records if record.term == "wasGeneratedBy"]
        made = [id for record in exported if prov.file_version(id := str(record["entity"])) is not None]
        assert len(made) == len(set(made)) == 4
        assert makers <= {str(record["activity"]) for record in exported}
        reached = archive.provenance.upstream("study/figure", depth=3)
        assert reached.filter(reached["label"].is_in(["one", "other"])).height


def test_what_was_brought_is_not_brought_again(ends: tuple[Archive, Archive], source: Path) -> None:
    for archive, name in zip(ends, ("one", "other"), strict=True):
        tell(archive, name, source)
    exchange(*ends)
    versions = [archive.read("prov_relations").num_rows for archive in ends]
    exchange(*ends)
    assert [archive.read("prov_relations").num_rows for archive in ends] == versions
    # And who was not there takes it over as it is.
    third = lake.create(Path(ends[0].url) / ".." / "third")
    for archive in ends:
        archive.sync(third)
        check_history(third, must=frozenset())
    assert third.compare(ends[0]).equal
    assert third.compare(ends[1]).equal


def test_what_is_made_again_later_is_told_apart_at_either_end(ends: tuple[Archive, Archive], source: Path) -> None:
    here, there = ends
    tell(here, "one", source)
    tell(here, "again", source)
    tell(there, "other", source)
    exchange(here, there)
    tell(there, "third", source)
    exchange(here, there)
    for archive in ends:
        made = archive.read("prov_relations").to_pylist()
        assert len([row for row in made if row["term"] == "wasGeneratedBy"]) == 4


def test_what_others_gave_names_to_keeps_them(ends: tuple[Archive, Archive]) -> None:
    text = """document
    prefix ex <http://example.org/>
    wasGeneratedBy(ex:figure, ex:plot, -)
    wasAssociatedWith(ex:plot, ex:ben, -)
    endDocument"""
    for archive in ends:
        archive.provenance.record(prov.read_provn(text))
    exchange(*ends)
    assert recorded(ends[0]) == said_in(prov.read_provn(text))


def test_what_is_recorded_there_while_something_is_brought_is_neither_lost_nor_doubled(
    ends: tuple[Archive, Archive], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = ends
    tell(here, "one", source)
    rivals: Iterator[Callable[[], object]] = iter(
        [lambda: tell(there, "other", source), lambda: here.sync(lake.open(there.url))]
    )

    def slow(*ends: Any) -> Iterator[Any]:
        yield from list(histories(*ends))
        rival = next(rivals, None)
        if rival is not None:
            rival()

    monkeypatch.setattr("holotype.lake.sync.histories", slow)
    here.sync(there)
    monkeypatch.undo()
    assert next(rivals, None) is None
    check_history(there, must=frozenset())
    exchange(here, there)


_unique = count()
_FILES = st.sampled_from(["raw", "counts", "figure"])
_ENDS = st.integers(0, 2)
# Who tells of what, and from where to where something is brought.
_STEPS = st.lists(st.tuples(_ENDS, _FILES, _FILES) | st.tuples(_ENDS, _ENDS), min_size=2, max_size=9)


@given(steps=_STEPS)
@settings(max_examples=share(15), deadline=None)
def test_whoever_tells_and_brings_what_all_have_the_same_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, str] | tuple[int, int]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "study"
    if not folder.exists():
        folder.mkdir()
        for name in ("raw", "counts", "figure"):
            (folder / name).write_text(f"{name}\n")
    archives = [lake.create(f"memory://histories/{next(_unique)}") for _ in range(3)]
    told = set[str]()
    for number, step in enumerate(steps):
        if len(step) == 3:
            told.add(tell(archives[step[0]], f"step {number}", folder, used=step[1], made=step[2]))
        elif step[0] != step[1]:
            archives[step[0]].sync(archives[step[1]])
            check_history(archives[step[1]], must=frozenset())
    for _ in range(2):
        for one, other in permutations(archives, 2):
            one.sync(other)
    for one, other in permutations(archives, 2):
        assert one.compare(other).equal
    for archive in archives:
        check_history(archive, must=frozenset(Said("activity", id) for id in told))
