"""pandas reads archived files by their URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from holotype.catalog import DatasetNotFound, EntryNotFound

from .watching import new_archive

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

FRAME = pd.DataFrame(
    {"gene": ["TP53", "BRCA1", "MYC"], "count": [3, 1, 2]}, index=pd.Index(["a", "b", "c"], name="well")
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A snapshot of one table in three formats, on disk."""
    source = tmp_path / "run"
    source.mkdir()
    FRAME.to_csv(source / "table.csv")
    FRAME.to_csv(source / "table.csv.gz")
    FRAME.to_parquet(source / "table.parquet")
    archive = new_archive(str(tmp_path / "archive"))
    archive.backup(source, dataset="lab/run42")
    return archive


@pytest.mark.parametrize("version", ["lab/run42@1", "lab/run42@latest", "lab/run42"])
def test_csv(archive: Archive, version: str) -> None:
    pd.testing.assert_frame_equal(
        pd.read_csv(f"holotype://{version}/table.csv::{archive.url}", index_col="well"), FRAME
    )


def test_compressed_csv(archive: Archive) -> None:
    # Some versions of pandas look for the ending of the whole URL, so it is said here.
    url = f"holotype://lab/run42@1/table.csv.gz::{archive.url}"
    pd.testing.assert_frame_equal(pd.read_csv(url, index_col="well", compression="gzip"), FRAME)


def test_parquet(archive: Archive) -> None:
    url = f"holotype://lab/run42@1/table.parquet::{archive.url}"
    pd.testing.assert_frame_equal(pd.read_parquet(url), FRAME)
    pd.testing.assert_frame_equal(pd.read_parquet(url, columns=["count"]), FRAME[["count"]])


def test_options_for_the_storage_are_given_by_its_protocol(archive: Archive) -> None:
    url = f"holotype://lab/run42@1/table.csv::{archive.url}"
    assert len(pd.read_csv(url, storage_options={"file": {"durable": False}})) == 3


def test_an_opened_file(archive: Archive) -> None:
    with archive.open("lab/run42", "table.csv") as file, pd.read_csv(file, chunksize=2) as parts:
        assert [len(part) for part in parts] == [2, 1]
    with archive.open("lab/run42", "table.csv") as file:
        pd.testing.assert_frame_equal(pd.read_csv(file, index_col="well"), FRAME)


def test_what_is_not_there_is_said_with_what_is(archive: Archive) -> None:
    with pytest.raises(EntryNotFound, match=r"table\.csv"):
        pd.read_csv(f"holotype://lab/run42@1/tabel.csv::{archive.url}")
    with pytest.raises(DatasetNotFound, match="lab/run42"):
        pd.read_csv(f"holotype://lab/run24@1/table.csv::{archive.url}")
