"""A snapshot's name is understood, and a wrong one is refused with what is wrong with it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

references: Any = import_module("holotype.lake.records.references")
catalog: Any = import_module("holotype.catalog")
Reference = references.Reference

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("rnaseq/liver@3", Reference("rnaseq/liver", number=3)),
        ("rnaseq/liver@latest", Reference("rnaseq/liver")),
        ("rnaseq/liver", Reference("rnaseq/liver")),
        ("a@0abcdef", Reference("a", digest="0abcdef")),
        ("a@12345678", Reference("a", number=12345678)),
        (f"a@{DIGEST}", Reference("a", digest=DIGEST)),
        (DIGEST, Reference(None, digest=DIGEST)),
    ],
)
def test_a_reference_is_understood(text: str, reference: Any) -> None:
    found = references.parse(text)
    assert found == reference
    assert references.parse(str(found)) == found
    assert found.latest == (found.number is None and found.digest is None)


@pytest.mark.parametrize("text", ["a@", "a@0", "a@-1", "a@1.5", "a@LATEST", "a@abc", "a@x", "a@1@2", "a@ 1"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(catalog.InvalidName, match="after the '@' comes"):
        references.parse(text)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("a" * 201, "201 characters"),
        (DIGEST, "digest"),
        ("/a", "slash"),
        ("a/", "slash"),
        ("a//b", "slash"),
        (".hidden", "begins with '.'"),
        ("a/..", "begins with '.'"),
        ("-x", "begins with '-'"),
        ("a.", "ends with a dot"),
        ("a b", "' '"),
        ("a\\b", "only letters"),
        ("\u00e9", "only letters"),
        ("a\n", "only letters"),
        ("x/CON", "device"),
        ("nul.txt", "device"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(catalog.InvalidName, match=why):
        references.check_name(name)


def test_a_path_may_follow_a_reference() -> None:
    assert references.parse_path("run42@2/a/b.csv") == (Reference("run42", number=2), "a/b.csv")
    assert references.parse_path("lab/run42@latest") == (Reference("lab/run42"), "")
    assert references.parse_path(f"{DIGEST}/a@b") == (Reference(None, digest=DIGEST), "a@b")
    assert references.parse_path("run42@2/a@3") == (Reference("run42", number=2), "a@3")
    with pytest.raises(catalog.InvalidName, match="no '@'"):
        references.parse_path("run42/a.csv")
