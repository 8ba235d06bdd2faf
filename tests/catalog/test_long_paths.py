"""Long paths on Windows get their prefix; everything else is as it was."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import LocalStore, long_path

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"C:\data\run", r"\\?\C:\data\run"),
        ("C:/data/./run/../a", r"\\?\C:\data\a"),
        ("c:\\" + "x" * 300, "\\\\?\\c:\\" + "x" * 300),
        ("C:\\", "\\\\?\\C:\\"),
        (r"\\server\share\run", r"\\?\UNC\server\share\run"),
        ("//server/share/run", r"\\?\UNC\server\share\run"),
        (r"\\?\C:\data", r"\\?\C:\data"),
        (r"\\?\UNC\server\share", r"\\?\UNC\server\share"),
        (r"\\.\pipe\x", r"\\.\pipe\x"),
        (r"data\run", r"data\run"),
        ("C:run", "C:run"),
        (r"\data", r"\data"),
    ],
)
def test_a_path_of_windows_gets_its_prefix(path: str, expected: str) -> None:
    assert long_path(path, windows=True) == expected
    assert long_path(os.fsencode(path), windows=True) == os.fsencode(expected)
    assert long_path(long_path(path, windows=True), windows=True) == expected
    assert long_path(path, windows=False) == path


def test_a_store_hands_the_system_the_long_path_and_tells_the_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a link stands for the prefix."""
    (tmp_path / "place").mkdir()
    (tmp_path / "prefixed").symlink_to("place")
    monkeypatch.setattr(
        "holotype.catalog.stores.local.long_path", lambda path: path.replace(f"{os.sep}place", f"{os.sep}prefixed")
    )
    asked: list[str] = []
    real = os.open

    def opening(path: str, *rest: int) -> int:
        asked.append(path)
        return real(path, *rest)

    monkeypatch.setattr(os, "open", opening)
    store = LocalStore(tmp_path / "place", durable=False)
    store.put("a/b", [b"x"])
    assert store.create("c", b"y")
    assert bytes(store.get("a/b")) == b"x"
    assert {info.key for info in store.list("")} == {"a/b", "c"}
    assert asked
    assert all(f"{os.sep}prefixed{os.sep}" in path for path in asked)
    assert store.url == f"file://{tmp_path}/place"
    assert store.path("a/b") == tmp_path / "place/a/b"
    store.delete(["a/b", "c"])
    assert os.listdir(tmp_path / "place") == []
