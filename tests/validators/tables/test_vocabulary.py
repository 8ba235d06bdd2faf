"""Columns of terms are held against vocabularies in the user's files, and put right where that is no guess."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from holotype.validators import (
    Column,
    InvalidChoice,
    SchemaCheck,
    SchemaUnreadable,
    TableSchema,
    Term,
    Vocabulary,
    standardise,
    validate,
)

if TYPE_CHECKING:
    from pathlib import Path

OBO = """format-version: 1.2
ontology: cl

[Term]
id: CL:0000000
name: cell

[Term]
id: CL:0000084
name: T cell ! of the thymus
alt_id: CL:0000804
synonym: "T-lymphocyte" EXACT [GOC:x]
synonym: "thymus \\"T\\" cell" RELATED []
is_a: CL:0000000 {source="x"} ! cell

[Term]
id: CL:0000625
name: CD8-positive T cell
is_a: CL:0000084

[Term]
id: CL:0000999
name: old T cell
is_obsolete: true
replaced_by: CL:0000084

[Term]
id: CL:0000998
name: lost cell
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""
GRAPH = {
    "graphs": [
        {
            "nodes": [
                {"id": "http://purl.obolibrary.org/obo/CL_0000000", "lbl": "cell", "type": "CLASS"},
                {
                    "id": "http://purl.obolibrary.org/obo/CL_0000084",
                    "lbl": "T cell",
                    "type": "CLASS",
                    "meta": {"synonyms": [{"pred": "hasExactSynonym", "val": "T-lymphocyte"}]},
                },
                {
                    "id": "http://purl.obolibrary.org/obo/CL_0000999",
                    "lbl": "old T cell",
                    "meta": {
                        "deprecated": True,
                        "basicPropertyValues": [
                            {
                                "pred": "http://purl.obolibrary.org/obo/IAO_0100001",
                                "val": "http://purl.obolibrary.org/obo/CL_0000084",
                            }
                        ],
                    },
                },
            ],
            "edges": [
                {
                    "sub": "http://purl.obolibrary.org/obo/CL_0000084",
                    "pred": "is_a",
                    "obj": "http://purl.obolibrary.org/obo/CL_0000000",
                }
            ],
        }
    ]
}
TABLE = """id,name,synonyms,parents,obsolete,replaced_by
CL:0000000,cell,,,,
CL:0000084,T cell,T-lymphocyte|T lymphocyte,CL:0000000,,
CL:0000999,old T cell,,,true,CL:0000084
"""


def written(kind: str, folder: Path) -> Path:
    """The cells as a file."""
    text = {"obo": OBO, "json": json.dumps(GRAPH), "csv": TABLE, "tsv": TABLE.replace(",", "\t")}[kind]
    path = folder / f"cells.{kind}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def cells(tmp_path: Path) -> Vocabulary:
    """Cells, of OBO."""
    return Vocabulary.read(written("obo", tmp_path))


@pytest.mark.parametrize("kind", ["obo", "json", "csv", "tsv"])
def test_a_vocabulary_is_read_with_synonyms_parents_and_what_replaced_what(kind: str, tmp_path: Path) -> None:
    cells = Vocabulary.read(written(kind, tmp_path))
    assert cells.name == "cells"
    assert cells.terms["CL:0000084"].parents == ("CL:0000000",)
    assert "T-lymphocyte" in cells.terms["CL:0000084"].synonyms
    assert [term.id for term in cells.instead_of("CL:0000999")] == ["CL:0000084"]
    assert cells.is_below("CL:0000084", "CL:0000000")
    assert not cells.is_below("CL:0000000", "CL:0000084")


def test_comments_escapes_and_other_kinds_of_stanzas_of_obo_are_no_terms(cells: Vocabulary) -> None:
    assert len(cells) == 5
    assert cells.terms["CL:0000084"].name == "T cell"
    assert 'thymus "T" cell' in cells.terms["CL:0000084"].synonyms
    assert cells.is_below("CL:0000625", "CL:0000000")


def test_a_packed_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cells.obo.gz"
    path.write_bytes(gzip.compress(OBO.encode()))
    assert len(Vocabulary.read(path)) == 5


@pytest.mark.parametrize(
    ("written", "how"),
    [("CL:0000084", "id"), ("T cell", "name"), ("T-lymphocyte", "synonym"), ("CL:0000804", "synonym"),
     ("t_Cell", "spelling"), ("  t  lymphocyte", "spelling")],
)  # fmt: skip
def test_a_term_is_found_by_whatever_it_is_called(written: str, how: str, cells: Vocabulary) -> None:
    found = cells.find(written)
    assert found is not None
    assert (found[0].id, found[1]) == ("CL:0000084", how)


def judged(values: list[str | None], cells: Vocabulary, **options: Any) -> list[tuple[str, int, str]]:
    """Codes, rows and what is proposed, for a column of terms."""
    schema = TableSchema("t", (Column("cell", "string", vocabulary="cl", **options),))
    report = validate(pl.DataFrame({"cell": values}), checks=[SchemaCheck(schema, vocabularies={"cl": cells})])
    return sorted((row["code"], row["row"], row["expected"]) for row in report.findings.to_pylist())


def test_what_is_no_term_is_told_with_those_that_are_near(cells: Vocabulary) -> None:
    values = ["CL:0000084", "T cel", None, "CL:0000999", "T cell", "CL:0000998"]
    assert judged(values, cells) == [
        ("table.term.obsolete", 3, "T cell (CL:0000084)"),
        ("table.term.obsolete", 5, None),
        ("table.term.synonym", 4, "T cell (CL:0000084)"),
        ("table.term.unknown", 1, "T cell (CL:0000084); cell (CL:0000000)"),
    ]
    assert judged(["T cell", "t cell"], cells, term="name") == [("table.term.synonym", 1, "T cell (CL:0000084)")]


def test_a_term_that_is_not_below_the_declared_one_is_told(cells: Vocabulary) -> None:
    told = judged(["CL:0000625", "CL:0000000"], cells, under="CL:0000084")
    assert told == [("table.term.above", 1, "a term below CL:0000084")]


def test_many_unknown_values_are_all_counted(cells: Vocabulary) -> None:
    schema = TableSchema("t", (Column("cell", "string", vocabulary="cl"),))
    table = pl.DataFrame({"cell": [f"unknown {each}" for each in range(5000)]})
    report = validate(table, checks=[SchemaCheck(schema, vocabularies={"cl": cells})])
    assert report.counts["table.term.unknown"] == 5000


def test_a_vocabulary_that_nobody_gave_is_asked_for() -> None:
    with pytest.raises(InvalidChoice, match="give it in vocabularies"):
        SchemaCheck(TableSchema("t", (Column("a", vocabulary="cl"),)))


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_what_can_be_put_right_is_and_the_old_table_stays(kind: str, cells: Vocabulary) -> None:
    values = ["t cell", "T-lymphocyte", "CL:0000999", "CL:0000998", "tee cell", None, "CL:0000084", "t cell"]
    given: Any = {"cell": values, "n": list(range(8))}
    table = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}[kind](given)
    done = standardise(table, {"cell": cells})
    assert type(done.frame) is type(table)
    now = done.frame["cell"].to_pylist() if kind == "pyarrow" else done.frame["cell"].to_list()
    assert now[:5] == ["CL:0000084", "CL:0000084", "CL:0000084", "CL:0000998", "tee cell"]
    changes = {(row["was"], row["now"], row["why"], row["rows"], row["first_row"]) for row in done.changes.to_dicts()}
    assert changes == {
        ("t cell", "CL:0000084", "spelling", 2, 0),
        ("T-lymphocyte", "CL:0000084", "synonym", 1, 1),
        ("CL:0000999", "CL:0000084", "obsolete", 1, 2),
    }
    left = {row["was"]: (row["why"], row["near"].split(";")[0]) for row in done.left.to_dicts()}
    assert left["CL:0000998"][0] == "obsolete"
    assert left["tee cell"] == ("unknown", "T cell (CL:0000084)")
    again = standardise(done.frame, {"cell": cells})
    assert not again.changes.height


def test_terms_are_written_by_name_where_that_is_asked(cells: Vocabulary) -> None:
    done = standardise(pl.DataFrame({"cell": ["CL:0000084"]}), {"cell": cells}, term="name")
    assert done.frame["cell"].to_list() == ["T cell"]


@pytest.mark.parametrize(
    ("frame", "vocabularies"),
    [("cells.csv", {"a": Vocabulary("v", [])}), (pl.DataFrame({"a": ["x"]}), Vocabulary("v", []))],
)
def test_what_is_no_table_or_no_vocabulary_by_its_column_is_refused(frame: Any, vocabularies: Any) -> None:
    with pytest.raises(InvalidChoice):
        standardise(frame, vocabularies)


def test_what_is_no_term_is_no_part_of_a_vocabulary() -> None:
    names: Any = ["liver", "heart"]
    with pytest.raises(InvalidChoice, match="'liver' is none"):
        Vocabulary("tissues", names)


def test_what_is_no_column_of_text_is_refused(cells: Vocabulary) -> None:
    for table, options in (({"a": [1]}, {}), ({"cell": [1]}, {}), ({"cell": ["x"]}, {"term": "label"})):
        with pytest.raises(InvalidChoice):
            standardise(pl.DataFrame(table), {"cell": cells}, **options)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\xff",
        b"[Term]\nid: A\nnonsense\n",
        b"[Term]\nid: A\n\n[Term]\nid: A\n",
        b"{",
        b"{}",
        b'{"graphs": [3]}',
        b'{"graphs": [{"nodes": [{"lbl": 1}]}]}',
        b"[" * 100_000,
        b"a,b\n1,2\n",
        b'id,name\n"1,2\n',
        gzip.compress(OBO.encode(), mtime=0)[:100],
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "strange.txt"
    path.write_bytes(data)
    with pytest.raises(SchemaUnreadable, match=r"strange\.txt"):
        Vocabulary.read(path)


def test_a_circle_of_parents_has_an_end() -> None:
    terms = [Term("A", "a", parents=("B",), obsolete=True, replaced_by=("B",)),
             Term("B", "b", parents=("A",), obsolete=True, replaced_by=("A",))]  # fmt: skip
    circle = Vocabulary("circle", terms)
    assert circle.is_below("A", "B")
    assert circle.instead_of("A") == ()
    with pytest.raises(InvalidChoice, match="twice"):
        Vocabulary("twice", [terms[0], terms[0]])


def test_near_terms_among_a_hundred_thousand_take_no_time_to_speak_of() -> None:
    many = Vocabulary("many", (Term(f"X:{each}", f"term number {each} of many") for each in range(100_000)))
    began = time.perf_counter()
    assert many.near("term numbr 4711 of many", most=1)[0].id == "X:4711"
    assert time.perf_counter() - began < 60
