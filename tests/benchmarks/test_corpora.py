"""The corpora of the benchmarks: the same bytes from the same seed, of the promised kinds, with exactly the edits that
are said."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import corpora, trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 2 << 20


def digests(root: Path) -> dict[str, str]:
    """Every file's SHA-256, by its path."""
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in trees.contents(root)}


@pytest.fixture
def small_files(tmp_path: Path) -> Path:
    """A corpus A of 1,230 files in 13 folders."""
    corpora.corpus_a(tmp_path / "A", files=1_230)
    return tmp_path / "A"


@pytest.fixture
def large_files(tmp_path: Path) -> Path:
    """A corpus B of four files of 2 MiB."""
    corpora.corpus_b(tmp_path / "B", size=SIZE)
    return tmp_path / "B"


@pytest.mark.parametrize(
    "make",
    [
        lambda root, seed: corpora.corpus_a(root, files=300, seed=seed),
        lambda root, seed: corpora.corpus_b(root, size=1 << 20, seed=seed),
    ],
    ids=["A", "B"],
)
def test_a_seed_always_gives_the_same_bytes_and_another_seed_gives_others(
    make: Callable[[Path, int], None], tmp_path: Path
) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        make(tmp_path / name, seed)
    assert digests(tmp_path / "one") == digests(tmp_path / "again")
    one, other = digests(tmp_path / "one"), digests(tmp_path / "other")
    assert one.keys() == other.keys()
    assert not [name for name in one if one[name] == other[name]]


def test_a_has_the_files_its_numbers_say_a_hundred_to_a_folder(small_files: Path) -> None:
    found = trees.contents(small_files)
    assert sorted(found) == sorted(corpora.small_file(number) for number in range(1_230))
    assert len(list(small_files.iterdir())) == 13
    sizes = np.array([each.st_size for each in found.values()])
    assert sizes.min() >= 900  # a kibibyte, rounded down to whole lines
    assert sizes.max() <= 20 << 10
    assert 9 << 10 < sizes.mean() < 12 << 10


def test_no_two_files_of_a_are_alike(small_files: Path) -> None:
    assert len(set(digests(small_files).values())) == 1_230


def test_the_tables_and_records_of_a_can_be_read(small_files: Path) -> None:
    for table in small_files.rglob("*.csv"):
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert rows
        assert all(0 < float(row["temperature_C"]) < 100 and row["status"] == "ok" for row in rows)
    for records in small_files.rglob("*.json"):
        assert {"id", "sample", "signal", "unit", "flag", "well"} == set(json.loads(records.read_text())[0])


def test_too_few_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 200 files, not 199"):
        corpora.corpus_a(tmp_path / "A", files=199)


def test_b_is_what_its_names_say(large_files: Path) -> None:
    assert sorted(trees.contents(large_files)) == ["random.bin", "reads.fastq", "signal.npy", "stack.raw"]
    assert (large_files / "random.bin").stat().st_size == SIZE
    assert (large_files / "stack.raw").stat().st_size == SIZE

    signal = np.load(large_files / "signal.npy")
    assert (signal.dtype, signal.shape) == (np.dtype("<f4"), (SIZE // 4,))
    assert float(np.abs(np.diff(signal)).max()) < 1 < float(np.ptp(signal))  # smooth: a thousandth of its range a step

    stack = np.fromfile(large_files / "stack.raw", "<i2").reshape(-1, 512, 512)
    assert stack[:, 256, 256].mean() > stack[:, 0, 0].mean() > 100  # a bright middle, over the camera's offset


def test_the_reads_of_b_are_whole_records_that_overlap(large_files: Path) -> None:
    text = (large_files / "reads.fastq").read_bytes()
    assert SIZE - 1_000 < len(text) <= SIZE
    lines = text.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) % 4 == 0
    heads, reads, pluses, qualities = (lines[part::4] for part in range(4))
    assert len(set(heads)) == len(heads)
    assert all(head.startswith(b"@") for head in heads)
    assert set(b"".join(reads)) == set(b"ACGTN")
    assert set(pluses) == {b"+"}
    assert set(b"".join(qualities)) == set(b"#,7<AFK")
    assert {len(line) for line in (*reads, *qualities)} == {150}


def test_the_edits_to_a_are_the_ones_said_and_no_others(small_files: Path) -> None:
    before = digests(small_files)
    edits = corpora.edit_a(small_files, files=1_230)
    after = digests(small_files)

    old, new = edits.renamed
    moved = {name: name.replace(old, new, 1) for name in before if name.startswith(f"{old}/")}
    assert len(moved) == 100
    assert all(after[moved[name]] == before[name] for name in moved)

    left = before.keys() - moved.keys()
    arrived = after.keys() - moved.values()
    assert (len(edits.changed), len(edits.added), len(edits.deleted)) == (6, 2, 1)
    assert left - arrived == set(edits.deleted)
    assert arrived - left == set(edits.added)
    assert {name for name in left & arrived if before[name] != after[name]} == set(edits.changed)


def test_half_of_the_changed_files_of_a_keep_their_size(small_files: Path) -> None:
    before = trees.contents(small_files)
    edits = corpora.edit_a(small_files, files=1_230)
    after = trees.contents(small_files)
    kept = [name for name in edits.changed if before[name].st_size == after[name].st_size]
    assert len(kept) == 3
    assert all(before[name].st_mtime_ns < after[name].st_mtime_ns for name in edits.changed)


def test_the_edits_to_b_are_the_ones_said_and_no_others(large_files: Path) -> None:
    before = {name: (large_files / name).read_bytes() for name in trees.contents(large_files)}
    edits = corpora.edit_b(large_files)
    after = {name: (large_files / name).read_bytes() for name in trees.contents(large_files)}
    assert before.keys() == after.keys()
    assert before["random.bin"] == after["random.bin"]

    reads, at = before["reads.fastq"], edits.inserted_at
    assert (at, edits.inserted) == (len(reads) // 10, 1024)
    assert after["reads.fastq"][:at] == reads[:at]
    assert after["reads.fastq"][at + 1024 :] == reads[at:]

    signal, at, end = before["signal.npy"], edits.overwritten_at, edits.overwritten_at + edits.overwritten
    assert edits.overwritten == SIZE // 16
    assert len(after["signal.npy"]) == len(signal)
    assert after["signal.npy"][:at] == signal[:at]
    assert after["signal.npy"][at:end] != signal[at:end]
    assert after["signal.npy"][end:] == signal[end:]

    assert edits.appended == max(512 * 512 * 2, SIZE // 8)  # at least one frame
    assert after["stack.raw"][: -edits.appended] == before["stack.raw"]
    assert len(after["stack.raw"]) == len(before["stack.raw"]) + edits.appended


def test_edits_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "again"):
        corpora.corpus_a(tmp_path / name / "A", files=300)
        corpora.corpus_b(tmp_path / name / "B", size=1 << 20)
        corpora.edit_a(tmp_path / name / "A", files=300)
        corpora.edit_b(tmp_path / name / "B")
    assert digests(tmp_path / "one") == digests(tmp_path / "again")


def test_a_cached_corpus_is_made_once_and_again_when_it_is_not_finished(tmp_path: Path) -> None:
    root = corpora.ensure(tmp_path, "A", scale=0.002)
    assert len(trees.contents(root)) == corpora.scaled_files(0.002) == 200
    whole = digests(root)

    (root / corpora.small_file(7)).write_text("kept, since the stamp says all is there")
    assert corpora.ensure(tmp_path, "A", scale=0.002) == root
    assert digests(root) != whole

    (tmp_path / f"{root.name}.json").unlink()
    assert corpora.ensure(tmp_path, "A", scale=0.002) == root
    assert digests(root) == whole


def test_scaling_down_has_a_floor() -> None:
    assert (corpora.scaled_files(1), corpora.scaled_files(0)) == (100_000, 200)
    assert (corpora.scaled_size(1), corpora.scaled_size(0)) == (1 << 30, 1 << 20)
