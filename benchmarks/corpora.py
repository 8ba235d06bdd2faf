"""The two corpora that the benchmarks back up, made from fixed seeds, and the edits that are made to them.

**A**: many small files. 100,000 files of 1 to 20 KiB in 1,000 folders: 45 % tables (CSV), 40 % records (JSON), 15 %
random bytes. **B**: few large files. Four of 1 GiB: random bytes, a smooth float32 signal (`.npy`), sequencer reads
(FASTQ), an int16 image stack.

The same parameters always give the same bytes. Run as a script, this makes or edits one corpus::

    python -m benchmarks.corpora make A cache --scale 0.01
    python -m benchmarks.corpora edit A cache/A-0.01 --scale 0.01

The benchmark does so in a process of its own: the peak memory that the kernel reports for a program includes that of
the process which started it, so the one that measures must stay small.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import instruments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "EditsA",
    "EditsB",
    "corpus_a",
    "corpus_b",
    "edit_a",
    "edit_b",
    "ensure",
    "scaled_files",
    "scaled_size",
    "small_file",
]

EDITION = 1
"""Raised whenever the same parameters would give other bytes, so that a cached corpus of an older edition is made
again."""

SEED = 20260101
FILES = 100_000
SIZE = 1 << 30
PER_FOLDER = 100
BATCH = 1_000
"""Files of corpus A made at a time: about 10 MiB."""

KINDS = ("csv",) * 9 + ("json",) * 8 + ("bin",) * 3
"""File `n` is of kind `n` modulo 20: so its name can be told without looking."""

RANDOM, SIGNAL, READS, STACK = "random.bin", "signal.npy", "reads.fastq", "stack.raw"


@dataclass(frozen=True)
class EditsA:
    """What `edit_a` did, as paths relative to the corpus; no file is in two of these, none of them in the renamed
    folder."""

    changed: tuple[str, ...]
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    renamed: tuple[str, str]
    """The folder's name before and after."""


@dataclass(frozen=True)
class EditsB:
    """What `edit_b` did: offsets and lengths in bytes."""

    inserted_at: int
    inserted: int
    overwritten_at: int
    overwritten: int
    appended: int


def corpus_a(root: Path, *, files: int = FILES, seed: int = SEED) -> None:
    """Make corpus A in the new folder `root`: a hundred files to a folder, so at least 200 files.

    Raises:
        ValueError: fewer than 200 files, which would leave `edit_a` no second folder.
    """
    if files < 2 * PER_FOLDER:
        raise ValueError(f"corpus A needs at least {2 * PER_FOLDER} files, not {files}")
    root.mkdir(parents=True)
    for first in range(0, files, BATCH):
        for number, content in _small_files(seed, first=first, count=min(BATCH, files - first)):
            if number % PER_FOLDER == 0:
                (root / small_file(number)).parent.mkdir()
            _write(root, small_file(number), content)


def corpus_b(root: Path, *, size: int = SIZE, seed: int = SEED) -> None:
    """Make corpus B in the new folder `root`: four files of about `size` bytes (at least 1 MiB) each."""
    root.mkdir(parents=True)
    # A generator of its own for each, so that they can be made side by side and the bytes are the same whoever is
    # first.
    rngs = [np.random.Generator(np.random.SFC64([seed, number])) for number in range(4)]
    streams: list[tuple[str, Iterable[bytes | memoryview]]] = [
        (READS, instruments.fastq(rngs[0], size=size)),
        (SIGNAL, instruments.signal_npy(rngs[1], size=size)),
        (STACK, instruments.image_stack(rngs[2], size=size)),
        (RANDOM, instruments.random_bytes(rngs[3], size=size)),
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(_write_stream, root / name, blocks) for name, blocks in streams]:
            done.result()


def small_file(number: int) -> str:
    """The path of file `number` of corpus A within it, such as `d0001/f000123.csv`."""
    return f"d{number // PER_FOLDER:04d}/f{number:06d}.{KINDS[number % len(KINDS)]}"


def edit_a(root: Path, *, files: int = FILES, seed: int = SEED) -> EditsA:
    """Change one file in 200, add one for every 500, delete one in 1,000 (at least one each), and rename a folder.

    With all 100,000 files: 500 changed (half overwritten in place, half longer by a line), 200 added, 100 deleted.
    `files` is what the corpus was made with.
    """
    rng = np.random.Generator(np.random.SFC64([seed, 4]))
    folders = -(-files // PER_FOLDER)
    renamed = folders // 2
    numbers = rng.permutation(files)
    numbers = numbers[numbers // PER_FOLDER != renamed]
    changes, deletions, additions = max(1, files // 200), max(1, files // 1000), max(1, files // 500)
    changed = [small_file(number) for number in numbers[:changes].tolist()]
    deleted = [small_file(number) for number in numbers[changes : changes + deletions].tolist()]
    for place, name in enumerate(changed):
        text = rng.bytes(24).hex().encode()
        with (root / name).open("r+b") as file:
            # Half grow by a line, half keep their size, so that only the time gives the change away.
            file.seek(0, os.SEEK_END) if place % 2 else file.seek(512)
            file.write(text + b"\n" if place % 2 else text)
    for name in deleted:
        (root / name).unlink()
    added = []
    others = [folder for folder in range(folders) if folder != renamed]
    for number, content in _small_files(seed, first=files, count=additions):
        # Spread over the folders, as new measurements would be.
        added.append(f"d{others[number % len(others)]:04d}/{Path(small_file(number)).name}")
        _write(root, added[-1], content)
    before, after = f"d{renamed:04d}", f"d{renamed:04d}_recalibrated"
    (root / before).rename(root / after)
    return EditsA(changed=tuple(changed), added=tuple(added), deleted=tuple(deleted), renamed=(before, after))


def edit_b(root: Path, *, seed: int = SEED) -> EditsB:
    """Insert 1 KiB at 100 MiB into the reads, overwrite 1 MiB in the middle of the signal, append 8 MiB to the stack.

    Smaller corpora get the same in proportion: the insertion at a tenth, 1/16 overwritten, 1/8 appended. The random
    file stays as it is.
    """
    rng = np.random.Generator(np.random.SFC64([seed, 5]))
    reads, npy, stack = root / READS, root / SIGNAL, root / STACK

    inserted_at = min(100 << 20, reads.stat().st_size // 10)
    text = b"".join(bytes(block) for block in instruments.fastq(rng, size=2048))[:1024]
    edited = root / f"{READS}.new"  # as an editor does it: a new file that takes the old one's place
    with reads.open("rb") as old, edited.open("wb") as new:
        for start in range(0, inserted_at, 1 << 20):
            new.write(old.read(min(1 << 20, inserted_at - start)))
        new.write(text)
        shutil.copyfileobj(old, new, 1 << 20)
    edited.replace(reads)

    with npy.open("r+b") as file:
        np.lib.format.read_magic(file)
        (length,), _, _ = np.lib.format.read_array_header_1_0(file)
        middle = length // 2
        file.seek(4 * middle, os.SEEK_CUR)
        overwritten_at = file.tell()
        for block in instruments.signal(rng, samples=min(1 << 18, length // 16), first=middle):
            file.write(block.data)
        overwritten = file.tell() - overwritten_at

    before = stack.stat().st_size
    _write_stream(stack, instruments.image_stack(rng, size=min(8 << 20, before // 8)), append=True)
    return EditsB(inserted_at, len(text), overwritten_at, overwritten, appended=stack.stat().st_size - before)


def ensure(cache: Path, corpus: str, *, scale: float = 1.0, seed: int = SEED) -> Path:
    """The folder below `cache` with corpus `"A"` or `"B"` at `scale` (1.0 is the full size), made now unless it is
    there already.

    A stamp beside the folder, written last, says with which parameters it was made; without it the folder is taken
    for unfinished.
    """
    wanted = {
        "edition": EDITION,
        "corpus": corpus,
        "files": scaled_files(scale),
        "size": scaled_size(scale),
        "seed": seed,
    }
    root, stamp = cache / f"{corpus}-{scale:g}", cache / f"{corpus}-{scale:g}.json"
    if root.is_dir() and stamp.is_file() and json.loads(stamp.read_text()) == wanted:
        return root
    stamp.unlink(missing_ok=True)
    if root.exists():
        shutil.rmtree(root)
    if corpus == "A":
        corpus_a(root, files=scaled_files(scale), seed=seed)
    else:
        corpus_b(root, size=scaled_size(scale), seed=seed)
    stamp.write_text(json.dumps(wanted))
    return root


def scaled_files(scale: float) -> int:
    """How many files corpus A has at `scale`."""
    return max(2 * PER_FOLDER, round(FILES * scale))


def scaled_size(scale: float) -> int:
    """How many bytes each file of corpus B has at `scale`."""
    return max(1 << 20, round(SIZE * scale))


def _small_files(seed: int, *, first: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Files number `first` and on of corpus A, in order."""
    rng = np.random.Generator(np.random.SFC64([seed, 6, first]))
    numbers = np.arange(first, first + count)
    sizes = rng.integers(1 << 10, (20 << 10) + 1, count)
    place = numbers % len(KINDS)
    contents = {
        "csv": instruments.csv_files(rng, sizes=sizes[place < 9], first=first),
        "json": instruments.json_files(rng, sizes=sizes[(place >= 9) & (place < 17)], first=first),
        "bin": (rng.bytes(size) for size in sizes[place >= 17].tolist()),
    }
    for number in numbers.tolist():
        yield number, next(contents[KINDS[number % len(KINDS)]])


def _write(root: Path, name: str, content: bytes) -> None:
    with open(f"{root}/{name}", "xb", buffering=0) as file:  # a string and no buffer: with 100,000 files it counts
        file.write(content)


def _write_stream(path: Path, blocks: Iterable[bytes | memoryview], *, append: bool = False) -> None:
    with path.open("ab" if append else "xb", buffering=0) as file:
        for block in blocks:
            file.write(block)


def main(arguments: list[str] | None = None) -> None:
    """Make or edit one corpus, as the command line says."""
    parser = argparse.ArgumentParser(description="Make the benchmark's corpora, or edit one.")
    parser.add_argument("action", choices=["make", "edit"])
    parser.add_argument("corpus", choices=["A", "B"])
    parser.add_argument("folder", type=Path, help="make: where corpora are kept; edit: the corpus itself")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 100,000 files, or four of 1 GiB")
    given = parser.parse_args(arguments)
    if given.action == "make":
        print(ensure(given.folder, given.corpus, scale=given.scale))
    elif given.corpus == "A":
        print(edit_a(given.folder, files=scaled_files(given.scale)).renamed)
    else:
        print(edit_b(given.folder))


if __name__ == "__main__":
    main()
