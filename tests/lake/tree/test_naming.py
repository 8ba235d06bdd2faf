"""The rules for names of every platform, tried on this one."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

naming: Any = import_module("holotype.lake.tree.naming")
POSIX, WINDOWS, MACOS = naming.POSIX, naming.WINDOWS, naming.MACOS

NFC, NFD = "caf\u00e9".encode(), "cafe\u0301".encode()

# Parts that are there to make trouble.
PARTS = ["CON", "nul", "com1", ".", " ", ":", "a", "A", "\u00df", "\u0130", "\x01", "\\", "?", "~", "\U0001f9ec", "txt"]
names = st.one_of(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300),
).map(str.encode) | st.binary(min_size=1, max_size=300).map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"-"))


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "con", "PRN", "Aux", "NUL", "nul.txt", "NUL.tar.gz", "nul ", "aux .txt"),
        *("COM1", "com9.log", "LPT1", "lpt9", "COM\u00b9", "lpt\u00b3.x", "CONIN$", "conout$", "CONOUT$.txt"),
    ],
)
def test_devices_are_no_names_on_windows_with_any_ending(name: str) -> None:
    assert naming.unfit(name.encode(), WINDOWS)
    assert naming.unfit(name.encode(), POSIX) is naming.unfit(name.encode(), MACOS) is None


@pytest.mark.parametrize(
    "name",
    ["CONSOLE", "nul_", "xCON", "COM", "COM0", "COM10", "COM\u2074", "LPT0", "CONIN", "a.nul", ".con", "auxiliary"],
)
def test_what_only_looks_like_a_device_is_a_name(name: str) -> None:
    assert naming.unfit(name.encode(), WINDOWS) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((f"a{character}b", "which no name here may have") for character in '<>"|?*\\\x01\x1f\n'),
        ("notes.txt:stream", "colon"),
        ("a::$DATA", "colon"),
        ("C:", "drive"),
        ("C:x", "drive"),
        ("\\\\server\\share", "may have"),
        ("\\\\?\\C:\\x", "may have"),
        ("end.", "dot"),
        ("end ", "space"),
        ("...", "dot"),
    ],
)
def test_what_means_something_else_on_windows_is_no_name(name: str, why: str) -> None:
    assert why in naming.unfit(name.encode(), WINDOWS)
    assert naming.unfit(name.encode(), POSIX) is naming.unfit(name.encode(), MACOS) is None


@pytest.mark.parametrize("name", [b"a.b", b" a", b".a", b"..a", b"a b", b"\x7f", "\u00e9\U0001f9ec".encode()])
def test_a_name_is_a_name_everywhere(name: bytes) -> None:
    assert [naming.unfit(name, rules) for rules in (POSIX, WINDOWS, MACOS)] == [None] * 3


def test_what_is_no_text_is_a_name_on_posix_alone() -> None:
    assert naming.unfit(b"caf\xe9", POSIX) is None
    assert "not UTF-8" in naming.unfit(b"caf\xe9", WINDOWS)
    assert "not UTF-8" in naming.unfit(b"caf\xe9", MACOS)


@pytest.mark.parametrize(
    ("letter", "posix", "others"), [("x", 255, 255), ("\u00e9", 127, 255), ("\u4e2d", 85, 255), ("\U0001f9ec", 63, 127)]
)
def test_the_longest_name_is_counted_in_the_platforms_own_units(letter: str, posix: int, others: int) -> None:
    for rules, most in ((POSIX, posix), (WINDOWS, others), (MACOS, others)):
        assert naming.unfit((letter * most).encode(), rules) is None
        assert "may have more than 255" in naming.unfit((letter * (most + 1)).encode(), rules)


@pytest.mark.parametrize(
    ("one", "other", "windows", "macos"),
    [
        (b"Data/a", b"data/A", True, True),
        (NFC, NFD, False, True),
        (NFC, NFD.upper(), False, True),
        ("\u00c9".encode(), "\u00e9".encode(), True, True),
        ("\u0391\u03a3".encode(), "\u03b1\u03c2".encode(), True, True),
        ("stra\u00dfe".encode(), b"STRASSE", False, True),
        ("\u0131".encode(), b"i", False, False),
        ("\u017f".encode(), b"s", False, True),
        ("\u00b5".encode(), "\u03bc".encode(), False, True),
        ("\U00010400".encode(), "\U00010428".encode(), False, True),
        (b"caf\xe9", b"CAF\xe9", True, True),
        (b"a", b"b", False, False),
    ],
)
def test_which_names_are_the_same(one: bytes, other: bytes, *, windows: bool, macos: bool) -> None:
    for rules, expected in ((POSIX, False), (WINDOWS, windows), (MACOS, macos), (replace(WINDOWS, folds=None), False)):
        assert (naming.same(one, rules) == naming.same(other, rules)) is expected


def test_a_mac_may_tell_case_apart_and_not_spelling() -> None:
    rules = replace(MACOS, folds=None)
    assert naming.same(NFC, rules) == naming.same(NFD, rules) != naming.same(NFC.upper(), rules)
    assert naming.same(b"a", rules) != naming.same(b"A", rules)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        (b"wh?t.txt", "wh_t~", ".txt"),
        (b"NUL.txt", "NUL~", ".txt"),
        (b"NUL.tar.gz", "NUL_tar~", ".gz"),
        (b"con", "con~", ""),
        (b"end.", "end~", ""),
        (b"...", "~", ""),
        (b"a:b", "a_b~", ""),
        (b"caf\xe9.csv", "caf_~", ".csv"),
        (b"x" * 300 + b".fastq", "x" * 240 + "~", ".fastq"),
        (b".hidden", ".hidden~", ""),
        (b"no ending. and a sentence", "no ending. and a sentence~", ""),
    ],
)
def test_another_name_says_where_it_comes_from(name: bytes, start: str, end: str) -> None:
    new = naming.escaped(name, WINDOWS).decode()
    assert new.startswith(start)
    assert new.endswith(end)
    assert len(new) == len(start) + 8 + len(end)


@given(names)
def test_another_name_fits_everywhere(name: bytes) -> None:
    for rules in (POSIX, WINDOWS, MACOS, replace(POSIX, longest_bytes=143)):
        new = naming.escaped(name, rules)
        assert [naming.unfit(new, each) for each in (POSIX, WINDOWS, MACOS, rules)] == [None] * 4
        assert new not in (b".", b"..")
        assert b"/" not in new


@given(names, names)
def test_other_names_differ_where_names_do(one: bytes, other: bytes) -> None:
    if one != other:
        each = [
            naming.same(naming.escaped(name, WINDOWS), rules) for name in (one, other) for rules in (WINDOWS, MACOS)
        ]
        assert len(set(each[:2]) & set(each[2:])) == 0


@given(names)
def test_likeness_is_settled_in_one_step(name: bytes) -> None:
    for rules in (POSIX, WINDOWS, MACOS):
        assert naming.same(naming.same(name, rules), rules) == naming.same(name, rules)


@pytest.mark.parametrize(
    ("platform", "rules"),
    [("linux", POSIX), ("freebsd14", POSIX), ("win32", WINDOWS), ("cygwin", WINDOWS), ("darwin", MACOS)],
)
def test_a_platform_has_its_rules(platform: str, rules: Any) -> None:
    assert naming.rules_of_platform(platform) == rules
