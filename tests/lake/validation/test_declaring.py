"""What the tables of a dataset have to be is declared in versions, and a version that breaks is not made unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandera.polars as pandera
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holotype import lake
from holotype.catalog import (
    ArchiveReadOnly,
    Catalog,
    DatasetNotFound,
    EntryNotFound,
    FormatTooNew,
    InvalidName,
    InvalidOption,
    SchemaRefused,
    open_store,
)
from holotype.lake.schema import TABLES
from holotype.validators import (
    Column,
    Reference,
    TableSchema,
    Term,
    Vocabulary,
    compare_schemas,
    from_frictionless,
    from_pandera,
    infer_schema,
)

from ...effort import share
from ..archive.trees import fill, new_archive

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

SAMPLES = TableSchema("samples", (Column("id", "string", unique=True), Column("mass", "number", least=0)))
LOOSER = TableSchema("samples", (Column("id", "string", unique=True), Column("mass", "number")))
STRICTER = TableSchema("samples", (Column("id", "string", unique=True), Column("mass", "integer", least=0)))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with one snapshot of a study."""
    archive = lake.create(tmp_path / "archive", author="ada")
    archive.backup(fill(tmp_path / "study", {"samples.csv": b"id,mass\na,1\n", "notes.txt": b"x\n"}), dataset="study")
    return archive


def test_a_schema_is_declared_and_comes_back_as_it_is(archive: Archive) -> None:
    made = archive.declare_schema("study", SAMPLES, files="samples.csv", message="as agreed")
    assert (made.dataset, made.files, made.version, made.since) == ("study", "samples.csv", 1, 2)
    assert (made.verdict, made.compatible, made.author, made.message) == ("first", True, "ada", "as agreed")
    assert made.schema == SAMPLES
    again = lake.open(archive.url).schema("study")
    assert again == made
    assert again.label == f"1+{SAMPLES.digest[:7]}"


def test_it_comes_back_as_a_schema_of_pandera_and_as_a_frictionless_one(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    told = archive.schema("study")
    told.to_pandera().value.validate(pl.DataFrame({"id": ["a"], "mass": [1.5]}))
    with pytest.raises(pandera.errors.SchemaError):
        told.to_pandera().value.validate(pl.DataFrame({"id": ["a"], "mass": [-1.5]}))
    assert compare_schemas(SAMPLES, from_frictionless(told.to_frictionless().value).value).changes == ()


def test_a_version_that_accepts_all_that_the_one_before_did_is_made(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    made = archive.declare_schema("study", LOOSER, files="samples.csv")
    assert (made.version, made.verdict) == (2, "compatible")
    assert [(each.column, each.breaking) for each in made.evolution.changes] == [("mass", False)]
    assert archive.schema("study").schema == LOOSER
    assert archive.schema("study", version=1).schema == SAMPLES


def test_what_breaks_is_refused_with_the_columns_that_break(archive: Archive) -> None:
    archive.declare_schema("study", LOOSER, files="samples.csv")
    with pytest.raises(SchemaRefused, match=r"mass: type number → integer .*breaking=True") as told:
        archive.declare_schema("study", STRICTER, files="samples.csv")
    assert (told.value.columns, told.value.version) == (("mass",), 1)
    assert archive.schemas("study").height == 1
    made = archive.declare_schema("study", STRICTER, files="samples.csv", breaking=True, message="counted now")
    assert (made.version, made.verdict, made.compatible) == (2, "breaking", False)
    frame = made.evolution.frame.filter("breaking")
    assert frame["column"].to_list() == ["mass", "mass"]


def test_to_say_that_it_may_break_does_not_make_it_break(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv", breaking=True)
    assert archive.declare_schema("study", LOOSER, files="samples.csv", breaking=True).verdict == "compatible"


def test_what_is_declared_already_is_no_new_version(archive: Archive) -> None:
    first = archive.declare_schema("study", SAMPLES, files="samples.csv")
    assert archive.declare_schema("study", SAMPLES, files="samples.csv", message="once more") == first
    assert archive.schemas().height == 1


def test_all_versions_are_listed_with_when_who_and_why(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv", message="first")
    lake.open(archive.url, author="bob").declare_schema("study", LOOSER, message="no ends")
    archive.declare_schema("study", STRICTER, breaking=True, message="counts")
    rows = archive.schemas("study")
    assert rows["version"].to_list() == [1, 2, 3]
    assert rows["verdict"].to_list() == ["first", "compatible", "breaking"]
    assert rows["breaking"].to_list() == [[], [], ["mass"]]
    assert rows["author"].to_list() == ["ada", "bob", "ada"]
    assert rows["message"].to_list() == ["first", "no ends", "counts"]
    assert rows["holds"].to_list() == [False, False, True]
    assert rows["digest"].to_list() == [SAMPLES.digest, LOOSER.digest, STRICTER.digest]
    assert rows["time"].is_sorted()


def test_a_snapshot_has_the_versions_of_its_time(archive: Archive, tmp_path: Path) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    archive.backup(tmp_path / "study", dataset="study")
    archive.declare_schema("study", LOOSER)
    archive.backup(tmp_path / "study", dataset="study")
    assert archive.schema("study@2").version == 1
    assert archive.schema("study@3").version == archive.schema("study").version == 2
    assert archive.schemas("study@2")["version"].to_list() == [1]
    assert archive.schema("study@1").version == 2, "it is older than the first, so what holds now is what there is"
    with pytest.raises(InvalidOption, match="leave out version="):
        archive.schema("study@2", version=1)


def test_each_pattern_of_files_has_versions_of_its_own(archive: Archive) -> None:
    visits = TableSchema("visits", (Column("day", "date"),))
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    archive.declare_schema("study", visits, files="visits/*.csv")
    with pytest.raises(InvalidOption, match=r"say for which files of study: samples\.csv, visits/\*\.csv"):
        archive.schema("study")
    with pytest.raises(InvalidOption, match="say for which files"):
        archive.declare_schema("study", visits)
    assert archive.schema("study", files="visits/*.csv").schema == visits
    assert archive.schema("study", files="visits/may.csv").schema == visits, "a path will do as well"
    with pytest.raises(EntryNotFound, match=r"nothing is declared for donors\.csv of study"):
        archive.schema("study", files="donors.csv")
    with pytest.raises(EntryNotFound, match="version 7 of"):
        archive.schema("study", files="samples.csv", version=7)


def test_what_was_withdrawn_holds_no_more_and_what_follows_it_begins_anew(archive: Archive) -> None:
    archive.declare_schema("study", LOOSER, files="samples.csv")
    gone = archive.withdraw_schema("study", reason="they send anything")
    assert (gone.version, gone.schema) == (1, LOOSER)
    assert archive.withdraw_schema("study", reason="again") == gone
    assert archive.schemas("study")["verdict"].to_list() == ["first", "withdrawn"]
    with pytest.raises(EntryNotFound, match="nothing is declared for study"):
        archive.schema("study")
    assert archive.schema("study", version=1).schema == LOOSER
    made = archive.declare_schema("study", STRICTER)
    assert (made.version, made.verdict) == (3, "first")
    with pytest.raises(InvalidOption, match="say why"):
        archive.withdraw_schema("study", reason="")
    with pytest.raises(EntryNotFound, match=r"nothing is declared for other\.csv of study"):
        archive.withdraw_schema("study", files="other.csv", reason="doubts")


def test_a_dataset_that_there_is_not_is_a_mistake_unless_it_is_said_to_come(archive: Archive) -> None:
    with pytest.raises(DatasetNotFound, match=r"there is no dataset 'stduy'; the nearest are study; say ahead=True"):
        archive.declare_schema("stduy", SAMPLES, files="samples.csv")
    with pytest.raises(DatasetNotFound):
        archive.schemas("stduy")
    made = archive.declare_schema("trial", SAMPLES, files="samples.csv", ahead=True)
    assert made.since == 1
    assert archive.schema("trial") == made
    assert archive.schemas("study").is_empty()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"files": ""}, "matches nothing"),
        ({"files": "../samples.csv"}, "goes up"),
        ({}, "say which files of study"),
        ({"files": "*.csv", "tables": {"donors": "donors.csv"}}, "the schema samples speaks of no donors"),
        ({"files": "*.csv", "vocabularies": {"cells": ["T"]}}, "the schema samples speaks of no cells"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_kept(archive: Archive, options: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidOption, match=what):
        archive.declare_schema("study", SAMPLES, **options)
    assert archive.schemas().is_empty()


@pytest.mark.parametrize("schema", ["samples.csv", 7, None, {"a": 1}, {"fields": [{"name": 3}]}, pl.DataFrame()])
def test_what_is_no_schema_is_refused(archive: Archive, schema: object) -> None:
    with pytest.raises(InvalidOption, match="it is no schema that can be kept"):
        archive.declare_schema("study", schema, files="*.csv")


def test_a_schema_that_cannot_be_held_to_is_refused(archive: Archive) -> None:
    refers = TableSchema("s", (Column("donor", "string"),), (Reference(("donor",), "donors", ("id",)),))
    with pytest.raises(InvalidOption, match="refers to donors; give it in tables="):
        archive.declare_schema("study", refers, files="*.csv")
    for path in ("/etc/passwd", "../donors.csv", "a//b", "a\\b", ""):
        with pytest.raises(InvalidOption, match="is no path in a dataset, where donors could be"):
            archive.declare_schema("study", refers, files="*.csv", tables={"donors": path})
    named = TableSchema("s", (Column("cell", vocabulary="cells"),))
    with pytest.raises(InvalidOption, match="give it in vocabularies="):
        archive.declare_schema("study", named, files="*.csv")
    wrong: Any = {"cells": ["T"]}
    with pytest.raises(InvalidOption, match="cells is a list, and no Vocabulary"):
        archive.declare_schema("study", named, files="*.csv", vocabularies=wrong)
    with pytest.raises(InvalidOption, match="which cannot be"):
        archive.declare_schema("study", TableSchema("s", (Column("id", "string", pattern="("),)), files="*.csv")
    with pytest.raises(InvalidName):
        archive.declare_schema("a b", SAMPLES, files="*.csv")


def test_schemas_of_pandera_and_of_frictionless_can_be_declared_when_nothing_of_them_is_lost(archive: Archive) -> None:
    whole = pandera.DataFrameSchema({"id": pandera.Column(str), "mass": pandera.Column(float, pandera.Check.ge(0))})
    archive.declare_schema("study", whole, files="samples.csv")
    assert archive.schema("study").schema.by_name["mass"].least == 0
    part = pandera.DataFrameSchema({"id": pandera.Column(str, pandera.Check(lambda data: True, name="mine"))})
    with pytest.raises(InvalidOption, match="could not be held to: the check mine of id"):
        archive.declare_schema("study", part, files="other.csv")
    archive.declare_schema("study", from_pandera(part).value, files="other.csv")
    archive.declare_schema("study", {"fields": [{"name": "day", "type": "date"}]}, files="days.csv")
    assert archive.schema("study", files="days.csv").schema.by_name["day"].type == "date"


def test_what_is_inferred_from_a_sample_can_be_declared(archive: Archive) -> None:
    with archive.open("study@1", "samples.csv") as file:
        made = archive.declare_schema("study", infer_schema(file, name="samples"), files="samples.csv")
    assert [column.name for column in made.schema.columns] == ["id", "mass"]


def test_a_dataset_of_a_dataframe_needs_no_pattern(archive: Archive) -> None:
    archive.write_table("counts", pl.DataFrame({"gene": ["a"], "count": [1]}))
    made = archive.declare_schema("counts", infer_schema(archive.table("counts").collect(), ranges=False))
    assert made.files == "table.parquet"


def test_a_change_of_what_a_schema_refers_to_counts_as_breaking(archive: Archive) -> None:
    schema = TableSchema(
        "s",
        (Column("donor", "string"), Column("cell", "string", vocabulary="cells")),
        (Reference(("donor",), "donors", ("id",)),),
    )
    cells = Vocabulary("cells", [Term("C:1", "T cell", synonyms=("T lymphocyte",)), Term("C:2", "B cell")])
    more = Vocabulary("cells", [*cells.terms.values(), Term("C:3", "mast cell", parents=("C:2",), obsolete=True)])
    options: dict[str, Any] = {"files": "s.csv", "tables": {"donors": "donors.csv"}}
    first = archive.declare_schema("study", schema, vocabularies={"cells": cells}, **options)
    assert first.vocabularies["cells"].terms == cells.terms
    made = archive.declare_schema("study", schema, vocabularies={"cells": more}, **options)
    assert (made.verdict, made.evolution.changes[0].column) == ("compatible", "cell")
    assert archive.schema("study").vocabularies["cells"].terms == more.terms
    with pytest.raises(SchemaRefused, match=r"cell: vocabulary cells .terms are gone"):
        archive.declare_schema("study", schema, vocabularies={"cells": cells}, **options)
    with pytest.raises(SchemaRefused, match=r"the table: table donors: donors\.csv → people\.csv"):
        archive.declare_schema(
            "study", schema, files="s.csv", tables={"donors": "people.csv"}, vocabularies={"cells": more}
        )


def test_who_may_only_read_can_look_and_declares_nothing(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    reader = lake.open(archive.url, read_only=True)
    assert reader.schema("study").schema == SAMPLES
    assert reader.schemas().height == 1
    with pytest.raises(ArchiveReadOnly):
        reader.declare_schema("study", SAMPLES, files="samples.csv")
    with pytest.raises(ArchiveReadOnly):
        reader.withdraw_schema("study", reason="doubts")


def test_a_schema_of_a_later_version_of_the_library_is_refused_by_name(archive: Archive, tmp_path: Path) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    catalog = Catalog.open(open_store(archive.url), tables=TABLES)
    row = archive.read("schemas").to_pylist()[0]
    later = row["schema"].replace("holotype table schema 1", "holotype table schema 2")
    rows = [row | {"declaration": "later", "version": 2, "schema": later}]
    catalog.commit(add=[catalog.write("schemas", catalog.table("schemas").rows(rows))], operation="declare")
    assert archive.schemas()["version"].to_list() == [1, 2]
    assert archive.schema("study", version=1).schema == SAMPLES
    looks = (
        lambda: archive.schema("study"),
        lambda: archive.declare_schema("study", LOOSER),
        lambda: archive.backup(tmp_path / "study", dataset="study"),
    )
    for look in looks:
        with pytest.raises(FormatTooNew, match=r"version 2 of what samples\.csv of study has to be .* a later version"):
            look()
    archive.backup(tmp_path / "study", dataset="study", validation=lake.Validation(checks=(), schemas="none"))


def test_sql_knows_what_is_declared(archive: Archive) -> None:
    archive.declare_schema("study", SAMPLES, files="samples.csv")
    archive.declare_schema("study", LOOSER)
    archive.declare_schema("study", LOOSER, files="gone.csv")
    archive.withdraw_schema("study", files="gone.csv", reason="it is gone")
    assert archive.sql("SELECT files, version FROM declared_schemas").fetchall() == [("samples.csv", 2)]
    assert archive.sql("SELECT count(*) FROM schemas").fetchall() == [(4,)]


_columns = st.lists(
    st.builds(
        Column,
        st.sampled_from("abc"),
        st.sampled_from(["integer", "number", "any"]),
        nullable=st.booleans(),
        required=st.booleans(),
        least=st.none() | st.integers(-3, 3),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda column: column.name,
)


@settings(max_examples=share(15), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_columns, min_size=1, max_size=6))
def test_versions_are_numbered_without_a_gap_and_none_breaks_unasked(chain: list[list[Column]]) -> None:
    archive, kept = new_archive(), list[TableSchema]()
    for columns in chain:
        schema = TableSchema("t", tuple(columns))
        breaks = kept and not compare_schemas(kept[-1], schema).compatible
        if breaks:
            with pytest.raises(SchemaRefused):
                archive.declare_schema("d", schema, files="t.csv", ahead=True)
            continue
        archive.declare_schema("d", schema, files="t.csv", ahead=True)
        kept += [schema] if schema not in kept[-1:] else []
    assert archive.schemas()["version"].to_list() == list(range(1, len(kept) + 1))
    assert [archive.schema("d", version=number + 1).schema for number in range(len(kept))] == kept
