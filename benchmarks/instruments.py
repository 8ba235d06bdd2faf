"""What the corpora are made of: streams of bytes as laboratory instruments write them.

Each generator takes a `numpy.random.Generator` and yields blocks of a few MiB, so that memory stays bounded at any
size and one seed always gives the same bytes. Everything is vectorised: a GiB takes seconds.

How well each stream compresses follows from a plain model of its instrument (converter width, noise, calibration,
quality bins), the one described in its docstring. The parameters were set once, beside other tools' published sizes,
and are not to be touched to make a result look better.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FRAME_SHAPE", "csv_files", "fastq", "image_stack", "json_files", "random_bytes", "signal", "signal_npy"]

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

BLOCK = 4 << 20
"""Bytes made at a time: large enough for numpy to work at full speed, small enough that a few of them are nothing."""

FRAME_SHAPE = (512, 512)


def random_bytes(rng: np.random.Generator, *, size: int) -> Iterator[bytes]:
    """`size` bytes that nothing compresses, such as data that were compressed or encrypted before."""
    for start in range(0, size, BLOCK):
        yield rng.bytes(min(BLOCK, size - start))


def signal(rng: np.random.Generator, *, samples: int, first: int = 0) -> Iterator[npt.NDArray[np.float32]]:
    """A biopotential amplifier: a 16-bit converter over ±250 mV, the samples stored as float32 in millivolts.

    Two slow oscillations under a drifting gain, with noise of 3.5 steps (1 σ), rounded to whole converter steps.
    `first` is the index of the first sample, so that a piece in the middle can be made again with other noise.
    """
    millivolts_per_step = 500 / 65536
    block = BLOCK // 4
    for start in range(first, first + samples, block):
        time = np.arange(start, min(start + block, first + samples), dtype=np.float64)
        steps = np.sin(time / 5000)
        steps *= 5000 + 200 * np.sin(time[0] / 3e6)  # the gain drifts over minutes: one value per block is enough
        steps += 1000 * np.sin(time / 377)
        steps += 3.5 * rng.standard_normal(time.size, dtype=np.float32)
        np.rint(steps, out=steps)
        steps += 0.0  # a converter counts in integers: it has no negative zero
        steps *= millivolts_per_step
        yield steps.astype(np.float32)


def signal_npy(rng: np.random.Generator, *, size: int) -> Iterator[bytes | memoryview]:
    """`signal` as a NumPy file: its header, then `size` bytes (rounded down to whole samples) of little-endian
    float32."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (size // 4,)})
    yield header.getvalue()
    for block in signal(rng, samples=size // 4):
        yield block.data.cast("B")


def image_stack(rng: np.random.Generator, *, size: int) -> Iterator[memoryview]:
    """A dim fluorescence stack from a scientific CMOS camera: 512 × 512 frames of int16, no header, at least one
    frame.

    A bright spot of 60 photoelectrons over a background of 20, photon noise and 1.6 electrons of read noise, 0.46
    electrons per count, an offset of 100 counts, and a lamp that flickers by 5 %.
    """
    rows, columns = np.mgrid[0 : FRAME_SHAPE[0], 0 : FRAME_SHAPE[1]]
    electrons = (20 + 60 * np.exp(-((rows - 256) ** 2 + (columns - 256) ** 2) / 20000)).astype(np.float32)
    for frame in range(max(1, size // (FRAME_SHAPE[0] * FRAME_SHAPE[1] * 2))):
        light = electrons * np.float32(1 + 0.05 * np.sin(frame / 30))
        noise = rng.standard_normal(FRAME_SHAPE, dtype=np.float32)
        noise *= np.sqrt(light + np.float32(1.6**2))
        yield (np.float32(100) + (light + noise) / np.float32(0.46)).astype(np.int16).data.cast("B")


READ_LENGTH = 150
QUALITIES = np.frombuffer(b"#,7<AFK", np.uint8)
"""The seven bins (2, 11, 22, 27, 32, 37, 42) that sequencers of one widespread kind write, worst first."""


def _quality_steps() -> Bytes:
    """Chances of the next quality given this one, as a table [late in the read?, quality * 256 + random byte] →
    quality.

    A run of one quality ends with the chance in `leaves`; what follows is drawn from `drawn`.
    """
    leaves = np.array([[0.30, 0.80, 0.80, 0.80, 0.75, 0.50, 0.10], [0.20, 0.80, 0.80, 0.80, 0.75, 0.50, 0.20]])
    drawn = np.array([0.02, 0.06, 0.06, 0.06, 0.13, 0.22, 0.45])
    table = np.empty((2, 7, 256), np.uint8)
    for phase, quality in np.ndindex(2, 7):
        chances = leaves[phase, quality] * drawn
        chances[quality] += 1 - leaves[phase, quality]
        table[phase, quality] = np.searchsorted(np.cumsum(chances)[:-1], (np.arange(256) + 0.5) / 256)
    return table.reshape(2, 7 * 256)


def fastq(rng: np.random.Generator, *, size: int) -> Iterator[memoryview]:
    """Sequencer reads: whole FASTQ records, at most `size` bytes.

    Reads of 150 bases from both strands of one bacterial genome of 5 million bases, in the order of the flow cell (so
    neighbours in the file are unrelated, while the whole file covers the genome many times), seven quality bins that
    come in runs and worsen towards the end, `N` where the quality is lowest and substitutions where it is low.
    """
    bases = np.frombuffer(b"ACGT", np.uint8)
    strand = rng.integers(0, 4, 5_000_000, dtype=np.uint8)
    strands = bases[np.concatenate([strand, 3 - strand[::-1]])]
    windows = np.lib.stride_tricks.sliding_window_view(strands, READ_LENGTH)
    table = _quality_steps()
    where = 0  # the read's place on the flow cell: columns fastest, then rows, then tiles
    written = 0
    while True:
        count = 16_384
        starts = rng.integers(0, strand.size - READ_LENGTH, count) + strand.size * rng.integers(0, 2, count)
        quality = _qualities(rng, table, count)
        sequence = windows[starts]
        poor = np.flatnonzero(quality <= 1)
        swapped = bases[rng.integers(0, 4, poor.size, dtype=np.uint8)]
        sequence.reshape(-1)[poor] = np.where(quality.reshape(-1)[poor] == 0, np.uint8(ord("N")), swapped)
        places = where + np.cumsum(rng.integers(18, 400, count))
        where = int(places[-1])
        tile, place = np.divmod(places, 31_000 * 2_200)
        row, column = np.divmod(place, 31_000)
        records = _columns(
            count,
            b"@A00738:154:HTMWVDSXX:1:",
            _digits(1101 + tile % 600, 4),
            b":",
            _digits(1000 + column, 5, padded=False),
            b":",
            _digits(1000 + row * 16, 5, padded=False),
            b" 1:N:0:GATTACAG\n",
            sequence,
            b"\n+\n",
            QUALITIES[quality],
            b"\n",
        )
        lengths = np.cumsum(np.count_nonzero(records, axis=1)) + written
        fitting = int(np.searchsorted(lengths, size, side="right"))
        flat = records[:fitting].reshape(-1)
        yield flat[flat != 0].data
        if fitting < count:
            return
        written = int(lengths[-1])


def _qualities(rng: np.random.Generator, table: Bytes, count: int) -> Bytes:
    """One row of qualities (0 to 6) per read, each base's drawn from the one before."""
    draws = np.frombuffer(rng.bytes(READ_LENGTH * count), np.uint8).reshape(READ_LENGTH, count)
    steps = np.empty((READ_LENGTH, count), np.uint8)
    state = np.full(count, 6, np.uint16)
    for cycle in range(READ_LENGTH):
        state = table[int(cycle > 100)].take((state << 8) + draws[cycle]).astype(np.uint16)
        steps[cycle] = state
    return np.ascontiguousarray(steps.T)


@dataclass(frozen=True)
class _Text:
    """Equal-width lines, cut into files: file `i` has `rows[i]` of them."""

    lines: Bytes
    rows: Counts

    def files(self, *, head: bytes, tail: bytes = b"", cut: int = 0) -> Iterator[bytes]:
        """Each file: `head`, its lines without the last `cut` bytes, `tail`."""
        stop = 0
        for count in self.rows.tolist():
            start, stop = stop, stop + count
            body = self.lines[start:stop].tobytes()
            yield head + body[: len(body) - cut] + tail


def csv_files(rng: np.random.Generator, *, sizes: Counts, first: int) -> Iterator[bytes]:
    """Climate loggers: one table per entry of `sizes` (bytes, rounded down to whole lines), numbered from `first`.

    One line per second from one site; temperature, pressure and humidity drift slowly and jitter by a digit or two.
    """
    head = b"time_s,temperature_C,pressure_hPa,humidity_pct,site,status\n"
    width = len("1700000000,21.43,1013.2,45.1,S07,ok\n")
    rows, file, line = _lines_per_file(sizes, spare=len(head), width=width)
    time = 1_700_000_000 + (first + file) * 1_000 + line
    temperature = 2143 + 300 * np.sin(time / 9_000) + 2 * rng.standard_normal(line.size)
    pressure = 10_132 + 80 * np.sin(time / 50_000) + rng.standard_normal(line.size)
    humidity = 451 + 90 * np.cos(time / 9_000) + rng.standard_normal(line.size)
    centi, hecto, deci = (values.astype(np.int64) for values in (temperature, pressure, humidity))
    lines = _columns(
        line.size,
        _digits(time, 10),
        b",",
        _digits(centi // 100, 2),
        b".",
        _digits(centi % 100, 2),
        b",",
        _digits(hecto // 10, 4),
        b".",
        _digits(hecto % 10, 1),
        b",",
        _digits(deci // 10, 2),
        b".",
        _digits(deci % 10, 1),
        b",S",
        _digits((first + file) % 17, 2),
        b",ok\n",
    )
    return _Text(lines, rows).files(head=head)


def json_files(rng: np.random.Generator, *, sizes: Counts, first: int) -> Iterator[bytes]:
    """Plate readers: one JSON array of records per entry of `sizes` (bytes, rounded down to whole records), numbered
    from `first`."""
    sample = b'", "well": "'
    width = len(
        '  {"id": 12345678, "sample": "S00421", "well": "C07", "signal": 0.1234, "unit": "RFU", "flag": "pass"},\n'
    )
    rows, file, line = _lines_per_file(sizes, spare=len(b"[\n]\n"), width=width)
    well = line % 96
    value = np.minimum(9_999, (2_000 + 40 * well + 60 * rng.standard_normal(line.size)).astype(np.int64))
    flags = np.frombuffer(b"passfail", np.uint8).reshape(2, 4)[(value > 5_900).astype(np.int64)]
    lines = _columns(
        line.size,
        b'  {"id": ',
        _digits(10_000_000 + (first + file) * 200 + line, 8),
        b', "sample": "S',
        _digits((first + file) * 3 + line // 96, 5),
        sample,
        np.frombuffer(b"ABCDEFGH", np.uint8)[well // 12][:, None],
        _digits(1 + well % 12, 2),
        b'", "signal": 0.',
        _digits(value, 4),
        b', "unit": "RFU", "flag": "',
        flags,
        b'"},\n',
    )
    return _Text(lines, rows).files(head=b"[\n", tail=b"\n]\n", cut=len(",\n"))


def _lines_per_file(sizes: Counts, *, spare: int, width: int) -> tuple[Counts, Counts, Counts]:
    """How many lines each file gets, and for every line the number of its file and its own number within it."""
    rows = np.maximum(1, (sizes - spare) // width)
    file = np.repeat(np.arange(rows.size), rows)
    return rows, file, np.arange(file.size) - np.repeat(np.cumsum(rows) - rows, rows)


_FOUR = ((np.arange(10_000)[:, None] // np.array([1000, 100, 10, 1])) % 10 + ord("0")).astype(np.uint8)
"""Row `n` is the four digits of `n`: numbers become text by looking up, four digits at a time."""


def _digits(values: Counts, width: int, *, padded: bool = True) -> Bytes:
    """The last `width` decimal digits as text, one row per value; unless `padded`, leading zeros become NUL, which
    `fastq` drops."""
    groups = -(-width // 4)
    text = np.empty((values.size, groups * 4), np.uint8)
    rest = values
    for group in reversed(range(groups)):
        rest, digits = np.divmod(rest, 10_000)
        text[:, group * 4 : group * 4 + 4] = _FOUR[digits]
    text = text[:, groups * 4 - width :]
    if not padded:
        text = np.where(np.maximum.accumulate(text != ord("0"), axis=1), text, np.uint8(0))
    return text


def _columns(count: int, *parts: bytes | Bytes) -> Bytes:
    """Put constant text and columns of text side by side, `count` lines high."""
    lines = np.empty((count, sum(len(part) if isinstance(part, bytes) else part.shape[1] for part in parts)), np.uint8)
    at = 0
    for part in parts:
        column = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        lines[:, at : at + column.shape[-1]] = column
        at += column.shape[-1]
    return lines
