"""What lies elsewhere is named without what opens doors, and arguments lead to paths."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow.fs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.lake.capturing.adapters.arguments import argument, places_of
from holotype.lake.capturing.adapters.calls import does_of
from holotype.lake.capturing.files import FRESH, READ, WRITE
from holotype.lake.capturing.remote import cleaned, local_path, scheme_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://lab/reads.csv", "s3://lab/reads.csv"),
        ("s3://key:secret@lab/reads.csv", "s3://lab/reads.csv"),
        ("sftp://ada@host:22/data/a@b.csv", "sftp://host:22/data/a@b.csv"),
        ("https://lab/t.csv?X-Amz-Signature=5f&versionId=3.a", "https://lab/t.csv?versionId=3.a"),
        ("https://lab/t.csv?sig=5f#access_token=7", "https://lab/t.csv"),
        ("postgresql://ada:pw@host/db", "postgresql://host/db"),
        ("holotype://run@2/t.csv::s3://k:s@lab/archive", "holotype://run@2/t.csv::s3://lab/archive"),
        ("zip://t.csv::https://u:p@lab/a.zip?token=1", "zip://t.csv::https://lab/a.zip"),
        ("https://user:p@ss@lab/t.csv", "https://lab/t.csv"),
    ],
)
def test_a_url_is_kept_without_user_password_and_keys(url: str, expected: str) -> None:
    assert cleaned(url) == expected


@given(
    user=st.text(st.characters(exclude_characters="/?#", exclude_categories=("Cs", "Cc")), min_size=1),
    secret=st.text("abcdefghij0123456789%+:", min_size=12),
    links=st.integers(1, 3),
)
def test_no_secret_is_left_wherever_it_stands(user: str, secret: str, links: int) -> None:
    link = f"https://{user}:{secret}@host/path?key={secret}&version=1&x={secret}#{secret}"
    found = cleaned("::".join([link] * links))
    assert secret not in found
    assert "host/path?version=1" in found


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("s3://a", "s3"),
        ("S3://a", "s3"),
        ("simplecache::s3://a", "simplecache"),
        ("C:\\data\\a", None),
        ("C://data", None),
        ("/data/a", None),
        ("a:b", None),
        ("", None),
    ],
)
def test_a_url_is_told_from_a_path(text: str, scheme: str | None) -> None:
    assert scheme_of(text) == scheme


@pytest.mark.skipif(os.name == "nt", reason="paths begin with a drive")
def test_a_url_of_a_file_here_is_its_path(tmp_path: Path) -> None:
    (tmp_path / "50%20").write_text("")
    assert local_path("file:///data/a%20b") == "/data/a b"
    assert local_path(f"file://{tmp_path}/50%20") == f"{tmp_path}/50%20"
    assert local_path("file://localhost/data/a") == "/data/a"
    assert local_path("s3://data/a") is None
    assert local_path("simplecache::file:///data/a") == "/data/a"
    assert local_path("zip://t.csv::/data/a.zip") == "/data/a.zip"
    assert local_path("zip://t.csv::s3://lab/a.zip") is None
    assert local_path("holotype://run@1/t.csv::file:///archive") is None


class Holder(SimpleNamespace):
    """Some library's object."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a.csv", ["a.csv"]),
        (PurePosixPath("d/a.csv"), [os.fspath(PurePosixPath("d/a.csv"))]),
        (b"a,b", []),
        (None, []),
        (3, []),
        (["a", PurePosixPath("b"), None, ["c"]], ["a", "b", "c"]),
        ("s3://lab/a", ["s3://lab/a"]),
        (fsspec.open("memory://lab/a"), ["memory:///lab/a"]),
        (fsspec.open("file:///data/a"), ["/data/a"]),
        (fsspec.open_files(["memory://lab/a", "memory://lab/b"]), ["memory:///lab/a", "memory:///lab/b"]),
        (Holder(files=["a", "b"]), ["a", "b"]),
        (Holder(_pl_partition_by=Holder(base_path="out")), ["out"]),
        (Holder(name="column"), []),
        (object(), []),
        ([[[[["too deep"]]]]], []),
    ],
)
def test_an_argument_leads_to_its_places(value: Any, expected: list[str]) -> None:
    assert places_of(value) == expected


def test_bytes_are_a_path_only_to_those_who_take_them_so() -> None:
    assert places_of(b"caf\xe9", take_bytes=True) == [os.fsdecode(b"caf\xe9")]


def test_paths_on_a_filesystem_are_there() -> None:
    local = pyarrow.fs.LocalFileSystem()
    assert places_of("/data/a", filesystem=local) == ["/data/a"]
    assert places_of("a", filesystem=pyarrow.fs.SubTreeFileSystem("/data", local)) == ["/data/a"]
    assert places_of("lab/a", filesystem=fsspec.filesystem("memory")) == ["memory://lab/a"]
    wrapped = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(fsspec.filesystem("memory")))
    assert places_of(["/lab/a"], filesystem=wrapped) == ["memory://lab/a"]
    assert places_of("s3://lab/a", filesystem=wrapped) == ["s3://lab/a"]


def test_an_open_file_is_the_file_of_its_name_only_if_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open("a", "w") as file:
        assert places_of(file) == ["a"]
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert places_of(file) == []
    monkeypatch.chdir(tmp_path)
    assert places_of(file) == []  # closed


def test_an_argument_is_found_by_its_place_or_one_of_its_names() -> None:
    assert argument(("self", "a"), {}, 1, ("path",)) == "a"
    assert argument(("self",), {"where": "a"}, 1, ("path", "where")) == "a"
    assert argument((), {}, 0, ("path",)) is None


@pytest.mark.parametrize(
    ("mode", "does"),
    [
        ("r", READ),
        ("rb", READ),
        ("r+", READ | WRITE),
        ("r+b", READ | WRITE),
        ("a", READ | WRITE),
        ("w", WRITE | FRESH),
        ("wb", WRITE | FRESH),
        ("w-", WRITE | FRESH),
        ("x", WRITE | FRESH),
        ("w+", WRITE | FRESH),
    ],
)
def test_a_mode_says_what_is_done(mode: str, does: int) -> None:
    assert does_of(mode) == does
