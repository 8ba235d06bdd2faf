"""What libraries read and write by themselves is heard, under the names by which people call them."""

from __future__ import annotations

import io
import os
import random
import threading
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import h5py
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import zarr
from pyarrow import csv as arrow_csv
from pyarrow import dataset, feather, fs, ipc, orc, parquet

from holotype import lake
from holotype.lake.capturing.hooks import listening

from .hearing import fill, marks, one, users

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
ROWS = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
NUMBERS = np.arange(12, dtype="i4")
# Whose types are narrower, or wider, than what it takes and gives.
ZARR: Any = zarr
HDF: Any = h5py


@dataclass(frozen=True)
class Way:
    """A library's way to write a file and to read it again, and what it is said to have been done by."""

    name: str
    write: Callable[[Path], object]
    writer: str
    read: Callable[[Path], object]
    reader: str


def _hdf_write(path: Path) -> None:
    with HDF.File(path, "w") as file:
        file["x"] = NUMBERS


def _hdf_read(path: Path) -> None:
    with HDF.File(path) as file:
        file["x"][:]


def _arrow_stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _arrow_mapped(path: Path) -> None:
    with pa.memory_map(str(path)) as source:
        ipc.open_file(source).read_all()


def _parquet_in_parts(path: Path) -> None:
    with parquet.ParquetWriter(path, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _csv_in_parts(path: Path) -> None:
    with arrow_csv.CSVWriter(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)


def _mapped_numbers(path: Path) -> None:
    mapped = np.memmap(path, "i4", "w+", shape=(12,))
    mapped[:] = NUMBERS
    mapped.flush()


def _duckdb_read(path: Path) -> None:
    with duckdb.connect() as connection:
        duckdb.read_parquet(str(path), connection=connection).fetchall()


CSV = Way("csv", lambda p: FRAME.to_csv(p), "pandas.DataFrame.to_csv", lambda p: pd.read_csv(p), "pandas.read_csv")
WAYS = [
    CSV,
    Way(
        "csv.gz",
        lambda p: FRAME["a"].to_csv(p),
        "pandas.Series.to_csv",
        lambda p: pd.read_csv(str(p), engine="pyarrow"),
        "pandas.read_csv",
    ),
    Way(
        "parquet",
        lambda p: FRAME.to_parquet(p),
        "pandas.DataFrame.to_parquet",
        lambda p: pd.read_parquet(path=p),
        "pandas.read_parquet",
    ),
    Way(
        "feather",
        lambda p: FRAME.to_feather(p),
        "pandas.DataFrame.to_feather",
        lambda p: pd.read_feather(p),
        "pandas.read_feather",
    ),
    Way("orc", lambda p: FRAME.to_orc(p), "pandas.DataFrame.to_orc", lambda p: pd.read_orc(p), "pandas.read_orc"),
    Way(
        "pickle",
        lambda p: FRAME.to_pickle(p),
        "pandas.DataFrame.to_pickle",
        lambda p: pd.read_pickle(p),
        "pandas.read_pickle",
    ),
    Way(
        "parquet",
        lambda p: ROWS.write_parquet(p),
        "polars.DataFrame.write_parquet",
        lambda p: pl.read_parquet(p),
        "polars.read_parquet",
    ),
    Way(
        "csv",
        lambda p: ROWS.write_csv(file=str(p)),
        "polars.DataFrame.write_csv",
        lambda p: pl.read_csv(source=p),
        "polars.read_csv",
    ),
    Way(
        "ipc",
        lambda p: ROWS.lazy().sink_ipc(p),
        "polars.LazyFrame.sink_ipc",
        lambda p: pl.scan_ipc(p).collect(),
        "polars.scan_ipc",
    ),
    Way(
        "ndjson",
        lambda p: ROWS.write_ndjson(p),
        "polars.DataFrame.write_ndjson",
        lambda p: pl.scan_ndjson([p]).collect(),
        "polars.scan_ndjson",
    ),
    Way(
        "parquet",
        lambda p: ROWS.lazy().sink_parquet(p),
        "polars.LazyFrame.sink_parquet",
        lambda p: pl.scan_parquet(p).select("a").collect(),
        "polars.scan_parquet",
    ),
    Way(
        "json",
        lambda p: ROWS.write_json(p),
        "polars.DataFrame.write_json",
        lambda p: pl.read_json(p),
        "polars.read_json",
    ),
    Way("npy", lambda p: np.save(p, NUMBERS), "numpy.save", lambda p: np.load(p), "numpy.load"),
    Way("npy", lambda p: np.save(p, NUMBERS), "numpy.save", lambda p: np.load(p, mmap_mode="r"), "numpy.load"),
    Way("npz", lambda p: np.savez(p, x=NUMBERS), "numpy.savez", lambda p: np.load(p)["x"], "numpy.load"),
    Way("txt", lambda p: np.savetxt(p, NUMBERS), "numpy.savetxt", lambda p: np.loadtxt(p), "numpy.loadtxt"),
    Way("raw", lambda p: NUMBERS.tofile(p), "open", lambda p: np.fromfile(p, "i4"), "open"),
    Way("raw", _mapped_numbers, "numpy.memmap", lambda p: np.memmap(p, "i4", "r")[0], "numpy.memmap"),
    Way(
        "parquet",
        lambda p: parquet.write_table(TABLE, p),
        "pyarrow.parquet.write_table",
        lambda p: parquet.read_table(p),
        "pyarrow.parquet.read_table",
    ),
    Way(
        "parquet",
        _parquet_in_parts,
        "pyarrow.parquet.ParquetWriter",
        lambda p: parquet.ParquetFile(p).read(),
        "pyarrow.parquet.ParquetFile",
    ),
    Way(
        "parquet",
        lambda p: parquet.write_table(TABLE, where=str(p)),
        "pyarrow.parquet.write_table",
        lambda p: dataset.dataset(p).to_table(),
        "pyarrow.dataset.dataset",
    ),
    Way(
        "feather",
        lambda p: feather.write_feather(TABLE, str(p)),
        "pyarrow.feather.write_feather",
        lambda p: feather.read_table(p),
        "pyarrow.feather.read_table",
    ),
    Way(
        "csv",
        lambda p: arrow_csv.write_csv(TABLE, p),
        "pyarrow.csv.write_csv",
        lambda p: arrow_csv.read_csv(p),
        "pyarrow.csv.read_csv",
    ),
    Way(
        "csv",
        _csv_in_parts,
        "pyarrow.csv.CSVWriter",
        lambda p: arrow_csv.open_csv(p).read_all(),
        "pyarrow.csv.open_csv",
    ),
    Way(
        "orc",
        lambda p: orc.write_table(TABLE, str(p)),
        "pyarrow.orc.write_table",
        lambda p: orc.ORCFile(p).read(),
        "pyarrow.orc.ORCFile",
    ),
    Way("arrow", _arrow_stream, "pyarrow.OSFile", _arrow_mapped, "pyarrow.memory_map"),
    Way("h5", _hdf_write, "h5py.File", _hdf_read, "h5py.File"),
    Way("joblib", lambda p: joblib.dump(NUMBERS, p), "joblib.dump", lambda p: joblib.load(p), "joblib.load"),
    Way(
        "parquet",
        lambda p: ROWS.write_parquet(p),
        "polars.DataFrame.write_parquet",
        _duckdb_read,
        "duckdb.read_parquet",
    ),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.writer}-{way.reader}")
def test_what_is_written_and_read_is_heard_and_by_whose_hand(way: Way, tmp_path: Path) -> None:
    path = tmp_path / f"table.{way.name}"
    with listening() as written:
        way.write(path)
    assert marks(written.seen, tmp_path) == {path.name: "w"}
    assert one(written, path).by == (way.writer,)
    fill(tmp_path, {})
    with listening() as read:
        way.read(path)
    assert marks(read.seen, tmp_path) == {path.name: "r"}
    assert one(read, path).by == (way.reader,)
    # And written over, it is another version.
    with listening() as again:
        way.read(path)
        way.write(path)
    assert marks(again.seen, tmp_path) == {path.name: "rw"}
    seen = one(again, path)
    assert set(seen.by) == {way.reader, way.writer}
    assert seen.before == one(read, path).after != seen.after
    assert (*written.notes, *read.notes, *again.notes) == ()


class TestFolders:
    def test_what_is_written_as_a_folder_is_its_new_files(self, tmp_path: Path) -> None:
        folder = fill(tmp_path, {"set/a=1/old.parquet": "not touched"}) / "set"
        with listening() as heard:
            parquet.write_to_dataset(TABLE, folder, partition_cols=["a"])
            dataset.write_dataset(TABLE, tmp_path / "plain", format="parquet")
            ROWS.write_parquet(tmp_path / "hive", partition_by="a")
        found = marks(heard.seen, tmp_path)
        assert set(found.values()) == {"w"}
        assert "set/a=1/old.parquet" not in found
        assert sorted(os.path.dirname(name) for name in found) == sorted(
            ["plain", *(f"{top}/a={number}" for top in ("set", "hive") for number in (1, 2, 3))]
        )

    def test_what_is_read_as_a_folder_or_by_a_pattern_is_the_files_there(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / "set" / name).mkdir(parents=True)
            parquet.write_table(TABLE, tmp_path / "set" / name / f"{name}.parquet")
        fill(tmp_path / "set", {"_SUCCESS": "", ".hidden": ""})
        every = {"set/one/one.parquet": "r", "set/two/two.parquet": "r"}
        for read in (
            lambda: dataset.dataset(tmp_path / "set").to_table(),
            lambda: parquet.read_table(tmp_path / "set"),
            lambda: pl.scan_parquet(tmp_path / "set/**/*.parquet").collect(),
            lambda: pl.read_parquet([tmp_path / "set/one/one.parquet", tmp_path / "set/two/two.parquet"]),
            lambda: pl.scan_pyarrow_dataset(dataset.dataset(tmp_path / "set")).collect(),
        ):
            with listening() as heard:
                read()
            assert marks(heard.seen, tmp_path) == every

    def test_a_folder_that_is_copied_is_read_and_written(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in/a": "1", "in/deep/b": "2"})
        (tmp_path / "out").mkdir()
        with listening() as heard:
            fs.copy_files(str(tmp_path / "in"), str(tmp_path / "out"))
        assert marks(heard.seen, tmp_path) == {"in/a": "r", "in/deep/b": "r", "out/a": "w", "out/deep/b": "w"}

    def test_of_a_chunked_array_only_the_chunks_that_were_touched_are_heard(self, tmp_path: Path) -> None:
        path = tmp_path / "volume.zarr"
        with listening() as written:
            array = ZARR.create_array(store=str(path), shape=(8,), chunks=(2,), dtype="i4")
            array[:4] = 1
        assert marks(written.seen, path) == {"zarr.json": "w", "c/0": "w", "c/1": "w"}
        assert one(written, path / "c" / "0").by == ("zarr.Array.__setitem__",)
        fill(tmp_path, {})
        with listening() as changed:
            array = ZARR.open_array(str(path), mode="r+")
            assert array[2:4].tolist() == [1, 1]
            array[0:2] = 2
        found = marks(changed.seen, path)
        assert {name: found[name] for name in ("zarr.json", "c/0", "c/1")} == {"zarr.json": "r", "c/0": "w", "c/1": "r"}

    def test_two_activities_may_use_chunked_arrays_at_the_same_time(self, tmp_path: Path) -> None:
        """Their files are opened by one thread of zarr's, for both of them."""
        meet = threading.Barrier(2, timeout=60)
        found = {}

        def work(name: str) -> None:
            with listening() as heard:
                meet.wait()
                array = ZARR.create_array(store=str(tmp_path / name), shape=(40,), chunks=(2,), dtype="i4")
                array[:] = 7
                assert int(array[:].sum()) == 280
                meet.wait()
            found[name] = {path.partition(os.sep)[0] for path in marks(heard.seen, tmp_path)}

        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {"one": {"one"}, "two": {"two"}}


class TestModes:
    def test_a_container_is_read_added_to_or_made_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "lab.h5"
        _hdf_write(path)
        for mode, change, expected in (
            ("r", False, "r"),
            ("r+", True, "rw"),
            ("a", True, "rw"),
            ("w", True, "w"),
        ):
            fill(tmp_path, {})
            with listening() as heard, HDF.File(path, mode) as file:
                if change:
                    file[f"more {mode}"] = NUMBERS
                else:
                    list(file)
            assert marks(heard.seen, tmp_path) == {"lab.h5": expected}, mode

    def test_a_class_of_ones_own_is_heard_as_its_library(self, tmp_path: Path) -> None:
        class Lab(HDF.File):
            pass

        with listening() as heard:
            Lab(os.fsencode(tmp_path / "lab.h5"), mode="w").close()
            assert isinstance(Lab(tmp_path / "lab.h5"), h5py.File)
        assert users(heard, tmp_path) == {"lab.h5": ("h5py.File",)}

    def test_a_file_that_was_open_before_is_heard_when_it_is_read(self, tmp_path: Path) -> None:
        fill(tmp_path, {"table.csv": "a,b\n1,2\n"})
        with (tmp_path / "table.csv").open() as file, listening() as heard:
            pd.read_csv(file)
        assert users(heard, tmp_path) == {"table.csv": ("pandas.read_csv",)}

    def test_a_member_of_an_archive_is_not_taken_for_a_file_of_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with zipfile.ZipFile(tmp_path / "lab.zip", "w") as archive:
            archive.writestr("table.csv", "a,b\n1,2\n")
        fill(tmp_path, {"table.csv": "another"})
        monkeypatch.chdir(tmp_path)
        with listening() as heard, zipfile.ZipFile("lab.zip") as archive, archive.open("table.csv") as member:
            pd.read_csv(member)
        assert marks(heard.seen, tmp_path) == {"lab.zip": "r"}

    def test_what_is_in_memory_is_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with listening() as heard:
            assert FRAME.to_csv() is not None
            pd.read_csv(io.StringIO("a,b\n1,2\n"))
            pl.read_csv(b"a,b\n1,2\n")
            arrow_csv.read_csv(io.BytesIO(b"a,b\n1,2\n"))
            np.save(io.BytesIO(), NUMBERS)
            with duckdb.connect(":memory:") as connection:
                connection.execute("SELECT 1")
        assert marks(heard.seen, tmp_path) == {}
        assert heard.remote == ()

    def test_files_that_sql_names_are_said_not_to_be_heard(self, tmp_path: Path) -> None:
        with listening() as heard, duckdb.connect(str(tmp_path / "lab.duckdb")) as connection:
            connection.execute("CREATE TABLE samples AS SELECT 1 AS a")
        assert marks(heard.seen, tmp_path) == {"lab.duckdb": "w"}
        assert heard.notes == ("files that DuckDB's SQL names are not heard",)


class TestElsewhere:
    def test_what_lies_elsewhere_is_named_by_its_url(self) -> None:
        with listening() as heard:
            FRAME.to_csv("memory://lab/table.csv")
            pd.read_csv("memory://lab/table.csv")
            with fsspec.open("memory://lab/table.csv", "rb") as file:
                file.read()
            filesystem = fsspec.filesystem("memory")
            parquet.write_table(TABLE, "/lab/table.parquet", filesystem=filesystem)
            dataset.dataset("/lab/table.parquet", filesystem=filesystem).to_table()
            ZARR.save("memory://lab/volume.zarr", NUMBERS)
        assert [(url.replace(":///", "://"), mode, by) for url, mode, by in heard.remote] == [
            ("memory://lab/table.csv", "w", "pandas.DataFrame.to_csv"),
            ("memory://lab/table.csv", "r", "pandas.read_csv"),
            ("memory://lab/table.csv", "r", "fsspec.MemoryFileSystem.open"),
            ("memory://lab/table.parquet", "w", "pyarrow.parquet.write_table"),
            ("memory://lab/table.parquet", "r", "pyarrow.dataset.dataset"),
            ("memory://lab/volume.zarr", "w", "zarr.save"),
        ]
        assert heard.seen == ()

    def test_a_url_of_a_file_here_is_the_file(self, tmp_path: Path) -> None:
        ROWS.write_csv(tmp_path / "table.csv")
        fill(tmp_path, {})
        for read, where in (
            (pd.read_csv, (tmp_path / "table.csv").as_uri()),
            (lambda url: pl.scan_csv(url).collect(), f"file://{tmp_path}/table.csv"),
            (lambda url: fsspec.open(url).open().close(), f"simplecache::file://{tmp_path}/table.csv"),
        ):
            with listening() as heard:
                read(where)
            assert marks(heard.seen, tmp_path) == {"table.csv": "r"}

    def test_what_an_archive_holds_is_named_as_it_was_asked_for(self, tmp_path: Path) -> None:
        archive = lake.create(tmp_path / "archive", name="lab")
        archive.backup(fill(tmp_path / "data", {"table.csv": "a,b\n1,2\n"}), dataset="run")
        url = f"holotype://run@1/table.csv::file://{tmp_path}/archive"
        with listening(leave_out=[tmp_path / "archive"]) as heard:
            assert pd.read_csv(url).shape == (1, 2)
        assert heard.remote == ((url, "r", "pandas.read_csv"),)
        assert marks(heard.seen, tmp_path) == {}


def test_random_numbers_are_known_by_their_seeds() -> None:
    state = random.getstate()
    legacy = np.random.get_state()
    try:
        with listening() as heard:
            random.seed(11)
            np.random.seed(seed=12)
            np.random.default_rng(13)
            np.random.default_rng()
            np.random.default_rng(np.random.default_rng(14))
            random.Random("own").random()
    finally:
        random.setstate(state)
        np.random.set_state(legacy)
    assert heard.seeds == (
        ("random.seed", "11"),
        ("numpy.random.seed", "12"),
        ("numpy.random.default_rng", "13"),
        ("numpy.random.default_rng", "None"),
        ("numpy.random.default_rng", "14"),
        ("numpy.random.default_rng", "<Generator>"),
        ("random.Random", "'own'"),
    )


def test_libraries_make_generators_for_themselves_of_which_nothing_is_said() -> None:
    with listening() as heard:
        FRAME.sample(frac=1, random_state=5)
    assert heard.seeds == ()
