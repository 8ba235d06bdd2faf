"""What each step that touches every byte costs, alone: cutting, hashing, compressing, packing, reading.

    python benchmarks/hotpath.py [MEBIBYTES]

Works on pieces of the large corpus (random bytes, a float32 signal, sequencer reads, an int16 image stack) in memory,
on one core unless it says otherwise, and prints the best of five; compare figures within one run only.
"""

from __future__ import annotations

import hashlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks import instruments
from holotype.catalog import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

chunkers: Any = import_module("holotype.lake.chunkers")
packs: Any = import_module("holotype.lake.packs")

MIB = 1 << 20
SEED = 20_260_101
ROUNDS = 5
# The element types of the pieces that are numbers, and where these begin.
NUMBERS = {"signal": ("<f4", 128), "stack": ("<i2", 0)}


def main(mebibytes: int = 64) -> None:
    """Measure everything on pieces of so many mebibytes."""
    pieces = made(mebibytes * MIB)
    cutting(pieces)
    hashing(pieces)
    zstandard(pieces)
    filters(pieces)
    trials(pieces)
    writing_and_reading(pieces)


def made(size: int) -> dict[str, bytes]:
    """The pieces, about ``size`` bytes each."""
    makers: dict[str, Callable[..., Any]] = {
        "noise": instruments.random_bytes,
        "signal": instruments.signal_npy,
        "reads": instruments.fastq,
        "stack": instruments.image_stack,
    }
    return {
        name: b"".join(bytes(block) for block in maker(np.random.default_rng([SEED, number]), size=size))
        for number, (name, maker) in enumerate(makers.items())
    }


def cutting(pieces: dict[str, bytes]) -> None:
    """FastCDC, and whether two threads are faster than one."""
    cuts = partial(chunkers.FastCDC().cuts, final=True)
    for name in ("noise", "reads"):
        show(f"FastCDC, {name}", len(pieces[name]), best(cuts, pieces[name]))
    both = [pieces["noise"], pieces["reads"]]
    with ThreadPoolExecutor(2) as threads:
        show("FastCDC, two threads", total(both), best(lambda: list(threads.map(cuts, both))))


def hashing(pieces: dict[str, bytes]) -> None:
    """The two hashes of every byte that is read."""
    parts = pieces_of(pieces["noise"])
    show("BLAKE3", total(parts), best(lambda: [blake3(part).digest() for part in parts]))
    show("SHA-256", total(parts), best(lambda: [hashlib.sha256(part).digest() for part in parts]))


def zstandard(pieces: dict[str, bytes]) -> None:
    """Bytes: Zstandard on pages of 1 MiB."""
    for name in ("reads", "signal", "stack", "noise"):
        for level in (1, 3, 6) if name == "reads" else (1,):
            compress = partial(pa.Codec("zstd", compression_level=level).compress, asbytes=True)
            both_ways(f"zstd -{level}, {name}", pieces_of(pieces[name]), compress, "zstd")


def filters(pieces: dict[str, bytes]) -> None:
    """Numbers: every filter on blocks of 1 MiB."""
    for name, (dtype, begin) in NUMBERS.items():
        for filter in packs.FILTERS:
            codec = packs.TypedCodec(dtype, filter)
            both_ways(f"{filter}, {name}", pieces_of(pieces[name][begin:]), codec.encode, codec.name)


def both_ways(what: str, parts: list[memoryview], encode: Callable[[memoryview], bytes], codec: str) -> None:
    """Encode and decode parts of 1 MiB."""
    stored = [encode(part) for part in parts]
    there = best(lambda: [encode(part) for part in parts])
    back = best(lambda: [packs.decode(codec, frame, MIB) for frame in stored])
    show(what, total(parts), there, back, ratio=total(parts) / total(stored))


def trials(pieces: dict[str, bytes]) -> None:
    """What finding out how a file is best cut and stored costs, and what is found."""
    for name, data in pieces.items():
        look = partial(chunkers.layout_of, name.encode(), len(data), partial(read, data))
        layout = look()
        found = ", ".join(f"{region.dtype} {region.filter}" for region in layout.regions) if layout else "bytes"
        print(f"{f'looking at {name}':<34}{best(look) * 1e3:>9.1f} ms   {found}")
        seconds = best(chunkers.compressible, memoryview(data)[:MIB])
        print(f"{f'is a chunk of {name} noise?':<34}{seconds * 1e3:>9.2f} ms")


def read(data: bytes, offset: int, length: int) -> bytes:
    """A piece of a file that is in memory."""
    return data[offset : offset + length]


def writing_and_reading(pieces: dict[str, bytes]) -> None:
    """Whole packs: made of chunks, read back, and checked."""
    for name, compress in (("noise", False), ("reads", True)):
        parts = pieces_of(pieces[name])
        named = [([blake3(part).digest()], [part]) for part in parts]
        pack(f"Parquet pack, {name}", total(parts), partial(parquet, named, compress=compress))
    for name, (dtype, begin) in NUMBERS.items():
        blocks = pieces_of(pieces[name][begin:])
        ids = [blake3(block).digest() for block in blocks]
        pack(f"Zarr pack, {name}", total(blocks), partial(zarr, ids, blocks, dtype))


def parquet(named: list[tuple[list[bytes], list[memoryview]]], *, compress: bool) -> Any:
    """A Parquet pack of groups of chunks."""
    writer = packs.ParquetPackWriter("session", compress=compress)
    for ids, values in named:
        writer.add(ids, values)
    return writer.finish()


def zarr(ids: list[bytes], blocks: list[memoryview], dtype: str) -> Any:
    """A Zarr pack of blocks."""
    writer = packs.ZarrPackWriter("session", dtype=dtype, block_bytes=MIB, filter="delta+bitshuffle")
    for chunk, block in zip(ids, blocks, strict=True):
        writer.append(chunk, writer.encode(block))
    return writer.finish()


def pack(what: str, size: int, make: Callable[[], Any]) -> None:
    """Make, read and check one pack."""
    seconds, made = best(make), make()
    store = MemoryStore("hotpath")
    for item in made.objects:
        store.put(item.key, item.parts)
    rows = made.chunks.append_column("object", pa.repeat(made.row["object"], made.chunks.num_rows))
    reader = packs.PackReader(store)
    back = best(lambda: sum(len(data) for _, data in reader.read_many(rows)))
    checked = best(lambda: reader.check_pack(made.row["object"], rows))
    show(what, size, seconds, back, ratio=size / made.row["bytes"])
    show("  and checked", size, checked)
    store.delete([item.key for item in made.objects])


def pieces_of(data: bytes) -> list[memoryview]:
    """Pieces of 1 MiB; what is left over is left out."""
    view = memoryview(data)
    return [view[start:stop] for start, stop in pairwise(range(0, len(data) + 1, MIB))]


def total(parts: list[Any]) -> int:
    """The bytes of parts together."""
    return sum(map(len, parts))


def best(work: Callable[..., object], *arguments: object) -> float:
    """The shortest of some rounds, in seconds."""
    rounds: list[float] = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work(*arguments)
        rounds.append(time.perf_counter() - begin)
    return min(rounds)


def show(what: str, size: int, seconds: float, back: float | None = None, *, ratio: float | None = None) -> None:
    """One line: MB/s there, MB/s back, how many times smaller."""
    line = f"{what:<34}{size / seconds / 1e6:>9,.0f} MB/s"
    line += f"{size / back / 1e6:>9,.0f} MB/s back" if back is not None else ""
    print(line + (f"{ratio:>7.2f} times smaller" if ratio is not None else ""))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
