"""A URL, a path or a path object opens the store it names; anything else is refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import InvalidOption, LocalStore, MemoryStore, open_store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_path_opens_a_local_store(tmp_path: Path) -> None:
    place = tmp_path / "an archive, ünïcode"
    store = open_store(str(place))
    assert (
        store == open_store(place) == open_store(f"file://{place}") == open_store(f"file:{place}") == LocalStore(place)
    )
    assert store == open_store(store.url)
    assert store.url == f"file://{place.as_posix()}"
    store.put("a", [b"x"])
    assert (place / "a").read_bytes() == b"x"


def test_a_relative_path_is_kept_when_the_process_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("archive")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put("a", [b"x"])
    assert (tmp_path / "archive" / "a").read_bytes() == b"x"


def test_a_path_object_is_never_taken_for_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(tmp_path / "memory:" / "x")
    assert isinstance(store, LocalStore)


def test_memory_urls_open_the_memory_store() -> None:
    store = open_store("memory://some/archive")
    assert store == MemoryStore("some/archive") == MemoryStore("memory://some/archive/")
    assert store.url == "memory://some/archive"
    assert open_store(store.url) == store


def test_durability_can_be_given_up_by_name(tmp_path: Path) -> None:
    assert LocalStore(tmp_path).durable
    store = open_store(tmp_path, storage_options={"durable": False})
    assert isinstance(store, LocalStore)
    assert not store.durable


@pytest.mark.parametrize("url", ["nosuch://bucket/archive", "sftp://host", "file://", "memory://a::file:///b"])
def test_what_cannot_be_opened_is_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        open_store(url)
    assert url.partition(":")[0] in str(caught.value)


@pytest.mark.parametrize("url", ["nosuch://ada:a-password@host/archive", "ftp://ada:a-pass@word@host/archive::s3://b"])
def test_a_password_in_a_url_is_told_to_nobody(url: str) -> None:
    with pytest.raises(InvalidOption, match=r"(nosuch|ftp)://host/archive") as caught:
        open_store(url)
    assert "a-pass" not in f"{caught.value} {caught.value.about}"


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="secret, token"):
        open_store(tmp_path, storage_options={"token": 1, "secret": 2})
    with pytest.raises(InvalidOption, match="durable"):
        open_store("memory://x", storage_options={"durable": True})


def test_a_local_store_loads_nothing_heavy() -> None:
    program = """
import sys
from holotype.catalog import LocalStore, open_store
open_store("/nowhere")
print(*{name.partition(".")[0] for name in sys.modules} & {"fsspec", "numpy", "pyarrow", "polars", "duckdb", "pandera"})
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
