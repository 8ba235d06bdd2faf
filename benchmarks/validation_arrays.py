"""What validating arrays costs: megabytes a second on one processor.

``python benchmarks/validation_arrays.py [MEGABYTES]`` makes a file of each kind, validates it twice and prints the
better time; the file is then in the system's cache, so that this speaks of the checks and not of the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from holotype.validators import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MAKERS", "Measured", "measure"]

_COLUMNS = 8


@dataclass(frozen=True)
class Measured:
    """``stored`` and ``content``: megabytes of the file, and of the numbers in it.  ``seconds``: of validating it."""

    name: str
    stored: float
    content: float
    seconds: float

    def __str__(self) -> str:
        fast, within = self.stored / self.seconds, self.content / self.seconds
        size = f"{self.name:<24}{self.stored:>8.0f} MB {self.seconds:>8.2f} s"
        return f"{size} {fast:>8.0f} MB/s stored {within:>8.0f} MB/s of numbers"


def _numbers(megabytes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = megabytes * 1_000_000 // (8 * _COLUMNS)
    # Measurements with some digits: they pack as such do.
    return np.round(np.random.default_rng(7).normal(100, 15, (rows, _COLUMNS)), 2)


def _npy(path: Path, megabytes: int) -> None:
    np.save(path, _numbers(megabytes))


def _npz(path: Path, megabytes: int) -> None:
    np.savez(path, signal=_numbers(megabytes))


def _hdf5(path: Path, megabytes: int, **options: object) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("signal", data=_numbers(megabytes), chunks=(1 << 14, _COLUMNS), **options)


def _parquet(path: Path, megabytes: int, compression: str, *, dictionary: bool = False) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = _numbers(megabytes)
    table = pa.table({f"c{index}": numbers[:, index] for index in range(_COLUMNS)})
    pq.write_table(table, path, compression=compression, use_dictionary=dictionary, write_page_checksum=True)


def _arrow(path: Path, megabytes: int) -> None:
    import pyarrow as pa

    numbers = _numbers(megabytes)
    table = pa.table({f"c{index}": numbers[:, index] for index in range(_COLUMNS)})
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=1 << 16)


def _zarr(path: Path, megabytes: int) -> None:
    import zarr

    zarr.create_array(str(path), data=_numbers(megabytes), chunks=(1 << 14, _COLUMNS))


MAKERS: Mapping[str, Callable[[Path, int], None]] = {
    "plain.npy": _npy,
    "stored.npz": _npz,
    "plain.h5": _hdf5,
    "checksummed.h5": lambda path, size: _hdf5(path, size, fletcher32=True),
    "gzip.h5": lambda path, size: _hdf5(path, size, compression="gzip", shuffle=True),
    "plain.parquet": lambda path, size: _parquet(path, size, "none"),
    "zstd.parquet": lambda path, size: _parquet(path, size, "zstd"),
    "snappy.parquet": lambda path, size: _parquet(path, size, "snappy", dictionary=True),
    "plain.arrow": _arrow,
    "default.zarr": _zarr,
}
"""How each file is made."""


def measure(name: str, megabytes: int, folder: Path) -> Measured:
    """Make a file, validate it twice, and tell the better time."""
    path = folder / name
    MAKERS[name](path, megabytes)
    times: list[float] = []
    for _ in range(2):
        began = time.perf_counter()
        report = validate(path)
        times.append(time.perf_counter() - began)
        if not report.ok:
            raise ValueError(f"{name}: {report}")
    files = path.rglob("*") if path.is_dir() else [path]
    return Measured(name, sum(each.stat().st_size for each in files) / 1e6, megabytes, min(times))


def main(megabytes: int) -> None:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        for name in MAKERS:
            print(measure(name, megabytes, Path(folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
