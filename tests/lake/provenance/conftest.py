"""A laboratory to trace things in: an archive, and a dataset that it keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from holotype import lake

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive, Snapshot


@dataclass(frozen=True)
class Laboratory:
    """``data`` is where the dataset ``study`` lies; ``root`` has room for other things."""

    archive: Archive
    root: Path
    data: Path

    def keep(self) -> Snapshot:
        """The dataset as it is, as its next snapshot."""
        return self.archive.backup(self.data, dataset="study")

    def edges(self) -> dict[str, list[tuple[frozenset[str], frozenset[str]]]]:
        """What each activity used and made, by its name and oldest first: names of files, as the tables tell them."""
        rows = self.archive.sql(
            """
            SELECT a.label, a.id, r.term, f.label
            FROM prov_elements a
            LEFT JOIN prov_relations r ON (r.term = 'used' AND r.subject = a.key)
                OR (r.term = 'wasGeneratedBy' AND r.object = a.key)
            LEFT JOIN (SELECT DISTINCT key, label, type FROM prov_elements) f
                ON f.key = CASE r.term WHEN 'used' THEN r.object ELSE r.subject END AND f.type = 'file'
            WHERE a.term = 'activity'
            ORDER BY a.began, a.id
            """
        ).fetchall()
        found: dict[str, dict[str, tuple[set[str], set[str]]]] = {}
        for name, activity, term, file in rows:
            used, made = found.setdefault(name, {}).setdefault(activity, (set(), set()))
            if file is not None:
                (used if term == "used" else made).add(file)
        return {
            name: [(frozenset(used), frozenset(made)) for used, made in each.values()] for name, each in found.items()
        }


def unmeasured(patch: pytest.MonkeyPatch) -> None:
    """Programs that are run write nothing of their own accord: coverage of children would be files that they made."""
    for name in [name for name in os.environ if name.startswith(("COV_", "COVERAGE_"))]:
        patch.delenv(name)


def opened(root: Path) -> Laboratory:
    """A laboratory in an empty folder."""
    (root / "data").mkdir()
    return Laboratory(lake.create(root / "archive", name="Rivera lab"), root, root / "data")


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    """An archive and an empty folder that is the source of ``study``, where the process is."""
    laboratory = opened(tmp_path)
    monkeypatch.chdir(laboratory.data)
    unmeasured(monkeypatch)
    return laboratory
