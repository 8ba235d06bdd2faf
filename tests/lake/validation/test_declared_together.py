"""Several declare at once, back up meanwhile, and bring what was declared from one archive to another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import Catalog, Conflict, HolotypeError, SchemaRefused
from holotype.lake import Archive
from holotype.lake.context import Context
from holotype.lake.schema import TABLES
from holotype.validators import Column, TableSchema

from ..archive.trees import SMALL, fill, new_archive
from ..making import Clock
from ..retention.interleaving import SharedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = TableSchema("samples", (Column("id", "string"), Column("mass", "number", least=0)))
LOOSER = TableSchema("samples", (Column("id", "string"), Column("mass", "number")))
STRICTER = TableSchema("samples", (Column("id", "string"), Column("mass", "number", least=2)))
NEGATIVE = b"id,mass\na,1\nb,-2\n"


class Meeting:
    """One archive and two who have it open; what ``meanwhile`` does comes before the first one's next commit."""

    def __init__(self) -> None:
        self.store, self.clock = SharedStore(), Clock()
        Catalog.create(self.store, tables=TABLES, settings={"chunking": SMALL}, clock=self.clock)
        self.ada, self.bob = (self._opened(name) for name in ("ada", "bob"))

    def _opened(self, author: str) -> Archive:
        return Archive(
            Context(self.store, Catalog.open(self.store, tables=TABLES, clock=self.clock), author, self.clock)
        )

    def meanwhile(self, act: Callable[[], object]) -> None:
        """Have this done when the next commit is about to be made."""

        def give_way(call: str) -> None:
            if call.startswith("create log/"):
                self.store.give_way = lambda call: None
                act()

        self.store.give_way = give_way


@pytest.fixture
def meeting() -> Meeting:
    """Nothing is in the archive yet."""
    return Meeting()


def declare(archive: Archive, schema: TableSchema, **options: Any) -> lake.Declared:
    """Declare a schema for the table of the study."""
    given: dict[str, Any] = {"files": "samples.csv", "ahead": True, **options}
    return archive.declare_schema("study", schema, **given)


def test_of_two_who_declare_at_once_the_second_has_the_next_number(meeting: Meeting) -> None:
    meeting.meanwhile(lambda: declare(meeting.bob, FIRST))
    made = declare(meeting.ada, LOOSER)
    assert (made.version, made.verdict, made.author) == (2, "compatible", "ada")
    rows = meeting.bob.schemas()
    assert rows.select("version", "author").rows() == [(1, "bob"), (2, "ada")]


def test_of_two_who_declare_the_same_at_once_there_is_one_version(meeting: Meeting) -> None:
    meeting.meanwhile(lambda: declare(meeting.bob, FIRST))
    assert declare(meeting.ada, FIRST).author == "bob"
    assert meeting.ada.schemas().height == 1


def test_what_breaks_what_another_has_just_declared_is_refused(meeting: Meeting) -> None:
    meeting.meanwhile(lambda: declare(meeting.bob, FIRST))
    with pytest.raises(SchemaRefused):
        declare(meeting.ada, STRICTER)
    assert meeting.ada.schema("study").schema == FIRST


def test_who_may_break_one_version_does_not_break_another_unseen(meeting: Meeting) -> None:
    declare(meeting.ada, FIRST)
    meeting.meanwhile(lambda: declare(meeting.bob, LOOSER))
    with pytest.raises(Conflict, match=r"bob declared something else for samples\.csv of study meanwhile"):
        declare(meeting.ada, STRICTER, breaking=True)
    meeting.meanwhile(lambda: declare(meeting.bob, LOOSER, files="others.csv"))
    assert declare(meeting.ada, STRICTER, breaking=True).version == 3, "what is for other files is no matter"
    meeting.meanwhile(lambda: declare(meeting.bob, LOOSER))
    with pytest.raises(Conflict):
        meeting.ada.withdraw_schema("study", files="samples.csv", reason="doubts")


def test_many_who_declare_at_once_leave_versions_without_a_gap(tmp_path: Path) -> None:
    archive = new_archive(tmp_path / "archive")
    archives = [lake.open(archive.url, author=f"{n}", storage_options={"durable": False}) for n in range(4)]

    def loosen(n: int) -> str:
        try:
            for step in range(5):
                declare(archives[n], TableSchema("s", (Column("mass", "number", least=-10 * step - n),)))
        except HolotypeError as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(loosen, range(4))) <= {"done", "SchemaRefused"}
    rows = archive.schemas()
    assert rows["version"].to_list() == list(range(1, rows.height + 1))
    assert set(rows["verdict"][1:].to_list()) <= {"compatible"}
    ends = [archive.schema("study", version=number).schema.columns[0].least for number in rows["version"].to_list()]
    assert ends == sorted(ends, key=lambda end: -float(str(end)))


def test_a_snapshot_made_while_a_schema_is_declared_comes_before_it(meeting: Meeting, tmp_path: Path) -> None:
    source = fill(tmp_path / "study", {"samples.csv": NEGATIVE})
    meeting.meanwhile(lambda: meeting.bob.backup(source, dataset="study", workers=0))
    assert declare(meeting.ada, FIRST).since == 2
    assert meeting.ada.reports("study").is_empty()


def test_a_backup_under_way_is_held_to_what_is_declared_meanwhile(meeting: Meeting, tmp_path: Path) -> None:
    source = fill(tmp_path / "study", {"samples.csv": NEGATIVE})
    meeting.ada.backup(source, dataset="study", workers=0)
    for schema, codes in ((FIRST, {"table.range"}), (LOOSER, set[str]())):
        meeting.meanwhile(lambda schema=schema: declare(meeting.bob, schema))  # type: ignore[misc]
        made = meeting.ada.backup(source, dataset="study", workers=0)
        assert meeting.ada.report(made.name).codes == codes
        assert meeting.ada.schema(made.name).schema == schema
    assert meeting.ada.snapshots("study")["number"].to_list() == [1, 2, 3]


def test_a_first_backup_under_way_is_held_to_it_as_well(meeting: Meeting, tmp_path: Path) -> None:
    source = fill(tmp_path / "study", {"samples.csv": NEGATIVE})
    meeting.meanwhile(lambda: declare(meeting.bob, FIRST))
    made = meeting.ada.backup(source, dataset="study", workers=0)
    assert meeting.ada.report(made.name).codes == {"table.range"}
    meeting.meanwhile(lambda: declare(meeting.bob, FIRST, files="none.csv"))
    asked = lake.Validation(checks=(), schemas="none")
    assert meeting.ada.backup(source, dataset="study", workers=0, validation=asked).number == 2


def test_schemas_travel_with_the_datasets_that_they_are_for(tmp_path: Path) -> None:
    archive = new_archive()
    archive.backup(fill(tmp_path / "study", {"samples.csv": NEGATIVE}), dataset="study")
    archive.backup(tmp_path / "study", dataset="other")
    declare(archive, FIRST)
    archive.declare_schema("other", FIRST, files="*.csv")
    archive.copy(tmp_path / "part", datasets=["study"])
    part = lake.open(tmp_path / "part")
    assert part.schemas().equals(archive.schemas("study"))
    assert archive.compare(part, datasets=["study"]).equal
    archive.copy(tmp_path / "whole")
    whole = lake.open(tmp_path / "whole")
    assert whole.schemas().equals(archive.schemas())
    assert whole.schema("study") == archive.schema("study")
    made = whole.backup(tmp_path / "study", dataset="study")
    assert whole.report(made.name).codes == {"table.range"}, "it is held to there as well"


def test_a_schema_that_one_end_lacks_is_a_difference_and_is_brought_once(tmp_path: Path) -> None:
    archive, other = new_archive(), new_archive()
    archive.backup(fill(tmp_path / "study", {"samples.csv": NEGATIVE}), dataset="study")
    archive.sync(other)
    declare(archive, FIRST)
    found = archive.compare(other).differences
    assert found.select("what", "where", "object", "dataset").rows() == [("schema", "there", "samples.csv", "study")]
    for _ in range(2):
        archive.sync(other)
        assert archive.compare(other).equal
        assert other.schemas().equals(archive.schemas())


def test_versions_that_were_declared_apart_meet_and_the_later_one_holds_at_both_ends(tmp_path: Path) -> None:
    clock = Clock()
    archive, other = (new_archive(author=name, clock=clock) for name in ("ada", "bob"))
    archive.backup(fill(tmp_path / "study", {"samples.csv": NEGATIVE}), dataset="study")
    archive.sync(other)
    declare(archive, FIRST)
    declare(other, LOOSER)
    archive.sync(other)
    other.sync(archive)
    assert archive.compare(other).equal
    for end in (archive, other):
        assert end.schemas().select("version", "author").rows() == [(1, "ada"), (1, "bob")]
        assert end.schema("study").schema == LOOSER
        assert end.sql("SELECT author FROM declared_schemas").fetchall() == [("bob",)]
    assert declare(archive, FIRST, breaking=True).version == 2, "and the next one ends it"
