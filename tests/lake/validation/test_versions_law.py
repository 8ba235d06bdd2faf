"""Whatever is declared, withdrawn and backed up in whatever order: each snapshot is held to what was declared last."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype import lake
from holotype.catalog import EntryNotFound
from holotype.validators import Action, Column, Policy, TableSchema

from ...effort import share
from ..archive.trees import fill, new_archive

if TYPE_CHECKING:
    from holotype.lake import Archive

FILES = ("a.csv", "*.csv", "b.csv")
Step = tuple[str, str, int]

steps = st.lists(
    st.tuples(st.just("declare"), st.sampled_from(FILES), st.integers(0, 3))
    | st.tuples(st.just("withdraw"), st.sampled_from(FILES), st.just(0))
    | st.tuples(st.sampled_from(["back up", "look"]), st.sampled_from(["a.csv", "b.csv"]), st.integers(0, 3)),
    min_size=8,
    max_size=16,
)


def expected(held: dict[str, tuple[int, str]], values: dict[str, int]) -> set[tuple[str, str, str]]:
    """Which schema's version each file breaks: its one value is below what that asks for."""
    return {
        (name, f"table.schema:{files}", label)
        for name, value in values.items()
        for files, (least, label) in held.items()
        if files in (name, "*.csv") and value < least
    }


def broken(archive: Archive, reference: str) -> set[tuple[str, str, str]]:
    """What the last report on a snapshot says of that."""
    report = archive.report(reference)
    labels = {(row["path"], row["check"]): row["version"] for row in report.checked.to_pylist()}
    rows = [row for row in report.findings.to_pylist() if row["code"] == "table.range"]
    return {(row["path"], row["check"], labels[row["path"], row["check"]]) for row in rows}


@settings(max_examples=share(25), deadline=None)
@given(steps)
def test_a_snapshot_is_held_to_what_was_declared_last_before_it_and_can_be_for_ever(steps: list[Step]) -> None:
    archive, values = new_archive(), {"a.csv": 1, "b.csv": 1}
    unwritten = set(values)
    held: dict[str, tuple[int, str]] = {}
    made: dict[str, tuple[set[tuple[str, str, str]], set[str]]] = {}
    declared = dict[str, int]()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # What stays as it is counts as unchanged from the first, however young it is.
        patch.setattr("holotype.lake.backup._CLOCK_STEP_NS", -3_600_000_000_000)
        for what, files, number in steps:
            if what == "declare":
                schema = TableSchema("t", (Column("x", "integer", least=number),))
                version = archive.declare_schema("run", schema, files=files, ahead=True, breaking=True)
                held[files] = (number, version.label)
                declared.setdefault(files, version.since)
            elif what == "withdraw":
                if files in held:
                    archive.withdraw_schema("run", files=files, reason="enough")
                held.pop(files, None)
            else:
                unwritten |= {files} if values[files] != number else set()
                values[files] = number
                source = fill(Path(folder), {name: f"x\n{values[name]}\n".encode() for name in unwritten})
                unwritten.clear()
                asked = lake.Validation(policy=Policy(error=Action.RECORD)) if what == "look" else None
                snapshot = archive.backup(source, dataset="run", validation=asked, workers=0)
                made[snapshot.name] = expected(held, values), set(held)
        for name, (breaks, patterns) in made.items():
            try:
                assert broken(archive, name) == breaks
            except EntryNotFound:
                assert not patterns, "nothing was looked at, and nothing had to be"
            if not held and not patterns:
                continue
            number = int(name.partition("@")[2])
            if all(since <= number for since in declared.values()):  # it is older than none of them
                archive.validate(name, validation=lake.Validation(checks=()))
                assert broken(archive, name) == breaks
