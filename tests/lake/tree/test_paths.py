"""Patterns choose what their documentation says; paths that are not text are shown and kept."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest

paths: Any = import_module("holotype.lake.tree.paths")
catalog: Any = import_module("holotype.catalog")


def rows(*given: str) -> pa.Table:
    """Rows of paths; one that ends with a slash is a folder's."""
    found = [path.rstrip("/") for path in given]
    kinds = ["directory" if path.endswith("/") or not path else "file" for path in given]
    return pa.table({"path": pa.array(found, pa.string()), "kind": pa.array(kinds, pa.string())})


TREE = (
    "",
    "a.tmp",
    "notes.txt",
    "reads/",
    "reads/a.fastq",
    "reads/raw/",
    "reads/raw/a.tmp",
    "reads/raw/x",
    "x/",
    "x/notes.txt",
    "x/reads/",
)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*.tmp", ["a.tmp", "reads/raw/a.tmp"]),
        ("reads/*.fastq", ["reads/a.fastq"]),
        ("/notes.txt", ["notes.txt"]),
        ("notes.txt", ["notes.txt", "x/notes.txt"]),
        ("./notes.txt", ["notes.txt"]),
        ("reads/**", ["reads/a.fastq", "reads/raw", "reads/raw/a.tmp", "reads/raw/x"]),
        ("reads/", ["reads", "reads/a.fastq", "reads/raw", "reads/raw/a.tmp", "reads/raw/x", "x/reads"]),
        ("/reads", ["reads", "reads/a.fastq", "reads/raw", "reads/raw/a.tmp", "reads/raw/x"]),
        ("**/raw/x", ["reads/raw/x"]),
        ("raw", ["reads/raw", "reads/raw/a.tmp", "reads/raw/x"]),
        ("raw/x", []),
        ("**/x/", ["x", "x/notes.txt", "x/reads"]),
        ("[!r]otes.tx?", ["notes.txt", "x/notes.txt"]),
        ("[a", []),
        ("*", [path.rstrip("/") for path in TREE[1:]]),
        ("**", [path.rstrip("/") for path in TREE[1:]]),
        ("/", [path.rstrip("/") for path in TREE]),
    ],
)
def test_a_pattern_chooses(pattern: str, chosen: list[str]) -> None:
    table = rows(*TREE)
    patterns = paths.Patterns((pattern,))
    assert table.filter(patterns.mask(table))["path"].to_pylist() == chosen
    assert [
        path for path in table["path"].to_pylist() if patterns.matches(path, directory=f"{path}/" in TREE or not path)
    ] == chosen


def test_characters_with_a_meaning_can_be_meant_as_they_are() -> None:
    for name in ("a*b", "a?b", "a[b]c", "a\\b", "!a", "a.b", "a(b|c)$^+{2}"):
        table = rows(name, "aXb", "abc", "ab")
        patterns = paths.Patterns((paths.literal(name),))
        assert table.filter(patterns.mask(table))["path"].to_pylist() == [name]
        assert patterns.matches(name)


def test_many_patterns_are_matched_together() -> None:
    table = rows(*(f"f{number:04}" for number in range(3000)))
    chosen = [f"f{number:04}" for number in range(0, 3000, 3)]
    found = table.filter(paths.Patterns(tuple(map(paths.literal, chosen))).mask(table))
    assert found["path"].to_pylist() == chosen


def test_no_pattern_matches_nothing() -> None:
    nothing = paths.Patterns(())
    assert not nothing
    assert not nothing.matches("a")
    assert not nothing.may_contain("a")
    assert nothing.mask(rows("a", "b/")).to_pylist() == [False, False]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "empty"),
        ("a\0b", "zero byte"),
        ("!a", "begins with '!'"),
        ("a/../b", "goes up"),
        ("[z-a]", "range from 'z'"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(catalog.InvalidOption, match=why):
        paths.Patterns((pattern,))


def test_one_string_is_not_a_list_of_patterns() -> None:
    with pytest.raises(catalog.InvalidOption, match="as a list"):
        paths.Patterns("*.tmp")


def test_folders_that_cannot_hold_a_match_need_no_look() -> None:
    patterns = paths.Patterns(("reads/*/x", "/top", "deep/**/y"))
    assert all(patterns.may_contain(folder) for folder in ("", "reads", "reads/a", "deep", "deep/a/b"))
    assert not any(patterns.may_contain(folder) for folder in ("other", "reads/a/b", "a/reads"))


def test_bytes_that_are_no_text_are_shown_escaped() -> None:
    assert paths.shown(b"a/\xff\n\xc3\xa9") == "a/\\xff\n\u00e9"
    text, odd = paths.columns(["plain", "a/\udcff", "\\xff"])
    assert text.to_pylist() == ["plain", "a/\\xff", "\\xff"]
    assert odd.to_pylist() == [None, b"a/\xff", None]
    assert [paths.raw_path(*row) for row in zip(text.to_pylist(), odd.to_pylist(), strict=True)] == [
        b"plain",
        b"a/\xff",
        b"\\xff",
    ]


def test_folders_above_are_found_once_each() -> None:
    assert paths.parents([b"a/b/c", b"a/b/d", b"e"]) == {b"", b"a", b"a/b"}
    assert paths.parents([b""]) == set()


def test_keys_of_nothing() -> None:
    empty = pa.table({"path": pa.array([], pa.string()), "path_bytes": pa.array([], pa.binary())})
    assert len(paths.keys(empty)) == 0
    chunked = pa.table(
        {"path": pa.chunked_array([["b/a"], ["", "c"]], pa.string()), "path_bytes": pa.nulls(3, pa.binary())}
    )
    assert paths.keys(chunked).to_pylist() == [b"b\0a", b"", b"c"]
