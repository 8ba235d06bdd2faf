"""Search: finding things by words, tags and values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import InvalidOption
from holotype.lake.annotations import annotate
from holotype.lake.forget import forget
from holotype.lake.search import search

from ..making import keep, new_archive

if TYPE_CHECKING:
    from holotype.lake.context import Context


@pytest.fixture
def archive() -> Context:
    """Two datasets with messages, files and annotations."""
    made = new_archive()
    keep(made, "liver", {"raw/A.csv": [b"1"], "raw/old.csv": [b"2"]}, message="first run, contaminated")
    keep(made, "liver", {"raw/A.csv": [b"3"], "Plots/summary.pdf": [b"4"]}, message="Second Run")
    keep(made, "plants/roots", {"raw/a.csv": [b"5"]}, message="liverwort, by mistake")
    return made


def found(archive: Context, *asked: Any, **options: Any) -> list[str]:
    """What was found, in one word each."""
    rows = search(archive, *asked, **options).to_dicts()
    return [
        row["dataset"] + (f"@{row['number']}" if row["number"] else "") + (f":{row['path']}" if row["path"] else "")
        for row in rows
    ]


def test_names_messages_and_paths_are_searched_in_any_case(archive: Context) -> None:
    assert found(archive, "LIVER") == ["liver", "plants/roots@1"]
    assert found(archive, "second") == ["liver@2"]
    assert found(archive, "summary") == ["liver@2:Plots/summary.pdf"]
    assert found(archive, "nothing of the kind") == []


def test_all_words_have_to_be_found_and_the_datasets_name_may_help(archive: Context) -> None:
    assert found(archive, "run contaminated") == ["liver@1"]
    assert found(archive, "liver a.csv") == ["liver@2:raw/A.csv"]
    assert found(archive, "a.csv") == ["liver@2:raw/A.csv", "plants/roots@1:raw/a.csv"]
    assert found(archive, "plants summary") == []


def test_only_the_newest_state_is_searched(archive: Context) -> None:
    assert found(archive, "old.csv") == []
    annotate(archive, "liver@1", {"note": "broken pipette"})
    assert found(archive, "pipette") == ["liver@1"]
    annotate(archive, "liver@1", {"note": "repaired"})
    assert found(archive, "pipette") == []
    forget(archive, snapshots=["liver@2"])
    assert found(archive, "second") == []
    assert found(archive, "old.csv") == ["liver@1:raw/old.csv"]


def test_keys_and_values_are_words_too(archive: Context) -> None:
    annotate(archive, "liver", {"Principal Investigator": "Rivera"})
    annotate(archive, "liver@1", {"dose": 0.25}, tags=["Approved"])
    assert found(archive, "rivera") == ["liver"]
    assert found(archive, "investigator") == ["liver"]
    assert found(archive, "0.25") == ["liver@1"]
    assert found(archive, "approved") == ["liver@1"]


def test_tags_are_asked_for_by_their_names(archive: Context) -> None:
    annotate(archive, "liver@1", tags=["ok", "mine"])
    annotate(archive, "liver@2", tags=["ok"])
    annotate(archive, "plants/roots", {"ok": "a value, not a tag"})
    assert found(archive, tags=["ok"]) == ["liver@1", "liver@2"]
    assert found(archive, tags=["ok", "mine"]) == ["liver@1"]
    assert found(archive, "second", tags="ok") == ["liver@2"]
    assert search(archive, tags=["mine"])["tags"].to_list() == [["mine", "ok"]]


def test_values_are_compared_by_their_type(archive: Context) -> None:
    day = datetime(2026, 5, 4, tzinfo=UTC)
    annotate(archive, "liver@1", {"dose": 9, "lab": "Rivera", "blind": True, "day": day})
    annotate(archive, "liver@2", {"dose": 10.5, "lab": "rivera", "blind": False, "day": "10"})
    assert found(archive, where={"dose": (">", 9)}) == ["liver@2"]
    assert found(archive, where={"dose": (">=", 9), "blind": True}) == ["liver@1"]
    assert found(archive, where={"dose": 9}) == ["liver@1"]
    assert found(archive, where={"dose": ("!=", 9)}) == ["liver@2"]
    assert found(archive, where={"dose": "9"}) == []
    assert found(archive, where={"lab": "Rivera"}) == ["liver@1"]
    assert found(archive, where={"lab": ("contains", "IVER")}) == ["liver@1", "liver@2"]
    assert found(archive, where={"day": ("<=", day)}) == ["liver@1"]
    assert found(archive, where={"dose": ("<", 10), "lab": ("=", "rivera")}) == []


def test_a_kind_can_be_asked_for(archive: Context) -> None:
    annotate(archive, "liver", tags=["ok"])
    annotate(archive, "liver@2", tags=["ok"])
    annotate(archive, "liver", tags=["ok"], path="raw/A.csv")
    assert found(archive, tags=["ok"], kind="dataset") == ["liver"]
    assert found(archive, tags=["ok"], kind="snapshot") == ["liver@2"]
    assert found(archive, tags=["ok"], kind="file") == ["liver@2:raw/A.csv"]
    assert found(archive, "summary", kind="snapshot") == []
    assert found(archive, "summary", kind="file") == ["liver@2:Plots/summary.pdf"]


def test_what_is_said_of_a_file_in_every_version_can_be_said_otherwise_of_one(archive: Context) -> None:
    annotate(archive, "liver", {"quality": "good"}, path="raw/A.csv")
    assert found(archive, where={"quality": "good"}) == ["liver@2:raw/A.csv"]
    annotate(archive, "liver@1", {"quality": "bad"}, path="raw/A.csv")
    assert found(archive, where={"quality": "bad"}) == ["liver@1:raw/A.csv"]
    assert found(archive, where={"quality": "good"}) == ["liver@2:raw/A.csv"]
    annotate(archive, "liver@2", {"quality": "so-so"}, path="raw/A.csv")
    assert found(archive, where={"quality": "good"}) == []
    assert found(archive, "a.csv") == ["liver@1:raw/A.csv", "liver@2:raw/A.csv", "plants/roots@1:raw/a.csv"]


def test_what_was_said_of_forgotten_snapshots_is_not_found(archive: Context) -> None:
    annotate(archive, "liver@1", tags=["ok"])
    forget(archive, snapshots=["liver@1"])
    assert found(archive, tags=["ok"]) == []


def test_what_cannot_be_asked_is_refused(archive: Context) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"text": "  "},
        {"kind": "file"},
        {"text": "x", "kind": "folder"},
        {"where": {"k": None}},
        {"where": {"k": ("~", 1)}},
        {"where": {"k": ("contains", 1)}},
        {"where": {"k": [1]}},
    ]
    for options in wrong:
        with pytest.raises(InvalidOption):
            search(archive, **options)


def test_words_are_taken_as_they_are_not_as_patterns(archive: Context) -> None:
    keep(archive, "plants/roots", {"100%_a+b(c).txt": [b"1"]})
    assert found(archive, "100%_a+b(c)") == ["plants/roots@2:100%_a+b(c).txt"]
    assert found(archive, "a.b") == []
