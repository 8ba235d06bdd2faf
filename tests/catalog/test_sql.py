"""SQL and Polars read the same tables, explained by their sentences, and can change nothing in the archive."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from holotype.catalog import Catalog, InvalidOption, LocalStore, sql_mentioned

from .faults import FaultyStore
from .samples import SAMPLES, TABLES, add_samples, keys, masses, new_catalog, pages, readings, reopened

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.catalog import ObjectStore


@pytest.fixture(params=["memory", "local"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Catalog:
    """Three samples in three segments, some readings, no pages."""
    catalog = new_catalog(LocalStore(tmp_path / "it's an archive") if request.param == "local" else None)
    for n in (3, 1, 2):
        add_samples(catalog, n)
    catalog.commit(add=[catalog.write("readings", readings(5, 4))], operation="test")
    return catalog


def snapshot(store: ObjectStore) -> dict[str, bytes]:
    return {key: bytes(store.get(key)) for key in keys(store)}


def test_a_select_gives_arrow_polars_pandas_or_tuples(catalog: Catalog) -> None:
    found = catalog.sql("SELECT sample, mass FROM samples WHERE mass > 1 ORDER BY mass")
    assert found.fetchall() == [("s-2", 2), ("s-3", 3)]
    assert catalog.sql("SELECT mass FROM samples ORDER BY 1").pl()["mass"].to_list() == [1, 2, 3]
    rows = catalog.sql("SELECT * FROM readings ORDER BY id").to_arrow_table()
    assert rows["time"].type == pa.timestamp("us", tz="UTC")
    assert rows["values"].to_pylist() == [[4.0, 0.5], [5.0, 0.5]]


def test_parameters_are_given_beside_the_text(catalog: Catalog) -> None:
    assert catalog.sql("SELECT mass FROM samples WHERE sample = ?", params=["s-2"]).fetchall() == [(2,)]
    assert catalog.sql("SELECT mass FROM samples WHERE mass = $m", params={"m": 3}).fetchall() == [(3,)]


def test_tables_join_and_binary_columns_compare(catalog: Catalog) -> None:
    query = "SELECT count(*) FROM samples JOIN readings ON id = from_hex('00000004') WHERE mass < 3"
    assert catalog.sql(query).fetchall() == [(2,)]


def test_an_empty_table_has_its_types(catalog: Catalog) -> None:
    assert catalog.sql("SELECT * FROM pages").fetchall() == []
    assert catalog.sql("DESCRIBE pages").fetchall()[0][:2] == ("text", "VARCHAR")
    fresh = new_catalog()
    assert fresh.sql('SELECT id, time, "values" FROM readings').types == ["BLOB", "TIMESTAMP WITH TIME ZONE", "FLOAT[]"]


def test_the_sentences_are_comments(catalog: Catalog) -> None:
    columns = catalog.sql("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'samples'").fetchall()
    assert columns == [(column.name, column.about) for column in SAMPLES.columns]
    views = dict(catalog.sql("SELECT view_name, comment FROM duckdb_views() WHERE comment IS NOT NULL").fetchall())
    assert views == {table.name: table.about for table in TABLES}


def test_views_can_be_added_and_build_on_each_other(catalog: Catalog) -> None:
    views = {"heavy": "SELECT * FROM samples WHERE mass > 1", "heaviest": "SELECT max(mass) AS mass FROM heavy"}
    assert catalog.sql("SELECT mass FROM heaviest", views=views).fetchall() == [(3,)]
    assert catalog.connection(views=views).sql("SELECT count(*) FROM heavy").fetchall() == [(2,)]


def test_a_query_reads_the_version_it_was_made_for(catalog: Catalog) -> None:
    before = catalog.state
    relation = catalog.sql("SELECT count(*) FROM samples")
    add_samples(catalog, 4)
    catalog.compact()
    assert relation.fetchall() == [(3,)]
    assert catalog.sql("SELECT count(*) FROM samples").fetchall() == [(4,)]
    assert catalog.sql("SELECT count(*) FROM samples", state=before).fetchall() == [(3,)]


def test_a_relation_outlives_everything_it_came_from(catalog: Catalog) -> None:
    store = catalog.store
    derived = Catalog.open(store, tables=TABLES).sql("SELECT * FROM samples").filter("mass > 1").aggregate("sum(mass)")
    gc.collect()
    assert derived.fetchall() == [(5,)]


def test_queries_do_not_see_each_other(catalog: Catalog) -> None:
    fresh = new_catalog()
    both = [catalog.sql("SELECT count(*) FROM samples"), fresh.sql("SELECT count(*) FROM samples")]
    assert [relation.fetchall() for relation in both] == [[(3,)], [(0,)]]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: catalog.sql(f"SELECT sum(mass) + {n} FROM samples").fetchall(), range(20)))
    assert found == [[(6 + n,)] for n in range(20)]


def test_only_the_tables_that_are_mentioned_are_opened(catalog: Catalog) -> None:
    store = FaultyStore(catalog.store)
    reader = Catalog.open(store, tables=TABLES)
    del store.calls[:]
    reader.sql("SELECT count(*) FROM readings").fetchall()
    assert [call for call in store.calls if "tables/samples" in call] == []
    reader.sql('SELECT count(*) FROM READINGS, "samples"').fetchall()
    reads = [call for call in store.calls if call.startswith("get tables/")]
    assert len(reads) == len(set(reads)) == 4  # each is verified once


def test_which_tables_a_query_mentions() -> None:
    tables = dict.fromkeys(("a", "b", "c"))
    views = {"v": "SELECT * FROM a", "w": "SELECT * FROM v, b"}
    assert sql_mentioned("SELECT * FROM a", tables, views) == (["a"], [])
    assert sql_mentioned('select * from "A" join C', tables, views) == (["a", "c"], [])
    assert sql_mentioned("SELECT * FROM w", tables, views) == (["a", "b"], ["v", "w"])
    assert sql_mentioned("SHOW TABLES", tables, views) == (["a", "b", "c"], ["v", "w"])
    assert sql_mentioned("SELECT * FROM query_table('b' || '')", tables, views) == (["a", "b", "c"], ["v", "w"])
    assert sql_mentioned("SELECT abc FROM aa", tables, {}) == (["a", "b", "c"], [])


@pytest.mark.parametrize(
    "text",
    [
        "DROP VIEW samples",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO 'x.csv'",
        "SELECT 1; SELECT 2",
        "SET threads = 1",
        "ATTACH 'x.db'",
        "",
    ],
)
def test_sql_takes_one_select(catalog: Catalog, text: str) -> None:
    with pytest.raises(InvalidOption, match="not one SELECT"):
        catalog.sql(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT masss FROM samples", r"(?i)candidate.*mass"),
        ("SELEC 1", "SELEC"),
        ("SELECT * FROM sampels", "sampels"),
    ],
)
def test_what_is_wrong_in_the_sql_is_said_by_duckdb_and_raised_as_ours(catalog: Catalog, text: str, said: str) -> None:
    with pytest.raises(InvalidOption, match=said) as caught:
        catalog.sql(text).fetchall()
    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert caught.value.about["query"] == text


@pytest.mark.parametrize("params", [[1, 2], {"a": 1}, [object()], 3])
def test_parameters_that_a_query_cannot_take_are_refused(catalog: Catalog, params: Any) -> None:
    with pytest.raises(InvalidOption, match="DuckDB refuses the query"):
        catalog.sql("SELECT ?", params=params)


def test_a_query_that_is_no_text_is_refused(catalog: Catalog) -> None:
    nothing: Any = None
    with pytest.raises(InvalidOption, match="DuckDB refuses the query"):
        catalog.sql(nothing)


def test_what_goes_wrong_while_a_relation_is_read_is_duckdbs_own(catalog: Catalog) -> None:
    relation = catalog.sql("SELECT error('no ' || sample) FROM samples")
    with pytest.raises(duckdb.Error, match="no "):
        relation.fetchall()


def test_names_of_python_variables_are_no_tables(catalog: Catalog) -> None:
    frame = pl.DataFrame({"x": [1]})
    with pytest.raises(InvalidOption, match="frame"):
        catalog.sql("SELECT * FROM frame")
    connection = catalog.connection()
    connection.register("frame", frame)  # handing one over works
    assert connection.sql("SELECT count(*) FROM frame, samples").fetchall() == [(3,)]


def test_no_statement_changes_the_archive_or_reaches_a_file(catalog: Catalog, tmp_path: Path) -> None:
    before = snapshot(catalog.store)
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    places = [tmp_path / "new.parquet"]
    for segment in catalog.state.segments("samples"):
        if (path := catalog.store.path(segment.key)) is not None:
            places.append(path)
    attempts = [f"SELECT * FROM '{tmp_path / 'secret.csv'}'", f"ATTACH '{tmp_path / 'x.db'}'"]
    attempts += ["SET enable_external_access = true", "INSTALL httpfs", f"SELECT * FROM glob('{tmp_path}/*')"]
    for place in places:
        name = str(place).replace("'", "''")
        attempts += [
            f"COPY (SELECT 1) TO '{name}'",
            f"COPY (SELECT 1) TO '{name}' (FORMAT parquet, USE_TMP_FILE false)",
            f"SELECT * FROM read_parquet('{name}')",
        ]
    attempts += [
        "INSERT INTO samples VALUES ('s-9', 9, 'fresh', NULL)",
        "DELETE FROM samples",
        "UPDATE samples SET mass = 0",
    ]
    connection = catalog.connection()
    for text in attempts:
        with pytest.raises(duckdb.Error):
            connection.sql(text).fetchall()
    # What it may do with its own memory is its own affair.
    connection.execute("CREATE TABLE mine AS SELECT * FROM samples")
    connection.execute("DROP VIEW samples")
    assert snapshot(catalog.store) == before
    assert not (tmp_path / "new.parquet").exists()
    assert masses(reopened(catalog)) == [3, 1, 2]


def test_sorting_more_than_fits_into_memory_works(catalog: Catalog, tmp_path: Path) -> None:
    connection = catalog.connection()
    connection.execute("SET memory_limit = '80MB'")
    connection.execute("SET threads = 1")
    found = connection.sql("SELECT max(h) FROM (SELECT hash(i) h, i FROM range(4000000) t(i) ORDER BY h)")
    assert len(found.fetchall()) == 1


def test_many_segments_are_one_view(tmp_path: Path) -> None:
    catalog = new_catalog(LocalStore(tmp_path / "archive", durable=False))
    for n in range(4):
        texts = [catalog.write("pages", pages(f"{n}.{m}")) for m in range(100)]
        catalog.commit(add=texts, operation="test")
    assert catalog.sql("SELECT count(DISTINCT text) FROM pages").fetchall() == [(400,)]


def test_a_lazy_frame_has_the_types_of_the_model(catalog: Catalog) -> None:
    for table in TABLES:
        empty = pl.DataFrame(table.empty())
        assert catalog.scan(table.name).collect_schema() == empty.schema
        assert catalog.scan(table.name).collect().schema == empty.schema
    assert catalog.scan("samples").filter(pl.col("mass") > 1).collect()["mass"].to_list() == [3, 2]
    assert catalog.scan("samples").collect().equals(pl.DataFrame(catalog.read("samples")))


def test_a_lazy_frame_may_be_of_an_older_version(catalog: Catalog) -> None:
    before = catalog.state
    frame = catalog.scan("samples")
    add_samples(catalog, 4)
    assert frame.collect().height == 3
    assert catalog.scan("samples", state=before).collect().height == 3
    assert catalog.scan("samples").collect().height == 4
