"""The functions that open files where no audit event is raised, or under whose names people know it.

A line of the table is a module, functions in it (``read_*`` is every one that begins so), what they do and where the
path stands among their arguments.  The place of a method's first own argument is 1, after ``self``; the name of an
argument is taken from the function itself.  Libraries that open their files through Python raise audit events; for
those the table only says by whose hand::

    numpy.save        NAME     ndarray → open("x.npy", "wb")        by numpy.save, heard through open
    polars.read_csv   READ     Rust opens the file                  by polars.read_csv, heard through its argument
"""

from __future__ import annotations

from dataclasses import dataclass

from ..files import FRESH, READ, WRITE

__all__ = ["NAME", "SEEDS", "TABLE", "Mode", "Seed", "Use"]

# Nothing is read from the arguments.
NAME = 0
_WRITTEN = WRITE | FRESH
# No call gives so many arguments by their place.
_BY_NAME = 99


@dataclass(frozen=True)
class Mode:
    """What is done with a file is said by an argument, as ``open`` has it; ``default`` where it is not given."""

    place: int
    default: str
    name: str = "mode"


@dataclass(frozen=True)
class Use:
    """One line of the table (see the module).

    ``shown``: what the module is called by those who use it.  ``also``: another name of the argument.  ``prefix``:
    whether what is written is all files that begin so.  ``elsewhere``: whether only URLs are meant, since files here
    are heard one by one.  ``on_self``: whether the method's object is the filesystem that the path is on.
    ``take_bytes``: whether bytes are a path.  ``besides``: functions that begin so and are none.  ``note``: what has to
    be said when one of them is called.
    """

    module: str
    functions: str
    does: int | Mode
    place: int = 0
    shown: str | None = None
    also: str = ""
    prefix: bool = False
    elsewhere: bool = False
    on_self: bool = False
    take_bytes: bool = False
    besides: str = ""
    note: str | None = None

    @property
    def library(self) -> str:
        """The name by which people know the module."""
        return self.shown or self.module


@dataclass(frozen=True)
class Seed:
    """A function that sets the seed of random numbers, and where its value stands.

    ``makes``: whether it makes a generator and leaves all others alone; libraries do that for themselves.
    """

    module: str
    function: str
    place: int = 0
    shown: str | None = None
    makes: bool = False

    @property
    def name(self) -> str:
        """The name by which people know the function."""
        return f"{self.shown or self.module}.{self.function}"


# What frames and columns are written as, and what frames alone are.
_BOTH = "csv excel json latex markdown pickle string"
_FRAMES = "feather html orc parquet stata xml"


def _written(kind: str, forms: str) -> str:
    return " ".join(f"{kind}.to_{form}" for form in forms.split())


_PANDAS = (
    Use(
        "pandas", "read_*", READ, besides="read_clipboard read_gbq read_iceberg read_sql read_sql_query read_sql_table"
    ),
    Use("pandas", "read_sql read_sql_query read_sql_table", READ, 1),
    Use("pandas", _written("DataFrame", f"{_BOTH} {_FRAMES}"), _WRITTEN, 1),
    Use("pandas", _written("Series", _BOTH), _WRITTEN, 1),
    Use("pandas", "DataFrame.to_hdf Series.to_hdf", Mode(3, "a"), 1),
    Use("pandas", "HDFStore.__init__", Mode(2, "a"), 1),
    Use("pandas", "ExcelFile.__init__", READ, 1),
)
_POLARS = (
    Use("polars", "read_*", READ, besides="read_clipboard read_database read_database_uri"),
    Use("polars", "read_database_uri", READ, 1),
    Use("polars", "scan_*", READ),
    Use("polars", "DataFrame.write_*", _WRITTEN, 1, besides="write_clipboard write_database"),
    Use("polars", "LazyFrame.sink_*", _WRITTEN, 1, besides="sink_batches"),
)
_NUMPY = (
    Use("numpy", "save savez savez_compressed savetxt load loadtxt genfromtxt", NAME),
    Use("numpy", "memmap.__new__", NAME),
)
_PARQUET = "pyarrow.parquet.core"
_ARROW = (
    Use(_PARQUET, "read_table read_pandas read_metadata read_schema", READ, shown="pyarrow.parquet"),
    Use(_PARQUET, "ParquetFile.__init__ ParquetDataset.__init__", READ, 1, shown="pyarrow.parquet"),
    Use(_PARQUET, "write_table write_to_dataset write_metadata", _WRITTEN, 1, shown="pyarrow.parquet"),
    Use(_PARQUET, "ParquetWriter.__init__", _WRITTEN, 1, shown="pyarrow.parquet"),
    Use("pyarrow.dataset", "dataset parquet_dataset", READ),
    Use("pyarrow.dataset", "write_dataset", _WRITTEN, 1),
    Use("pyarrow.feather", "read_table read_feather", READ),
    Use("pyarrow.feather", "write_feather", _WRITTEN, 1),
    Use("pyarrow.orc", "read_table", READ),
    Use("pyarrow.orc", "ORCFile.__init__", READ, 1),
    Use("pyarrow.orc", "write_table ORCWriter.__init__", _WRITTEN, 1),
    Use("pyarrow.csv", "read_csv open_csv", READ),
    Use("pyarrow.csv", "write_csv", _WRITTEN, 1),
    Use("pyarrow.csv", "CSVWriter", _WRITTEN),
    Use("pyarrow.json", "read_json open_json", READ),
    Use("pyarrow.ipc", "open_file open_stream", READ),
    Use("pyarrow.ipc", "new_file new_stream", _WRITTEN),
    Use("pyarrow.ipc", "RecordBatchFileReader.__init__ RecordBatchStreamReader.__init__", READ, 1),
    Use("pyarrow.ipc", "RecordBatchFileWriter.__init__ RecordBatchStreamWriter.__init__", _WRITTEN, 1),
    Use("pyarrow", "OSFile memory_map", Mode(1, "r")),
    Use("pyarrow", "create_memory_map output_stream", _WRITTEN),
    Use("pyarrow", "input_stream", READ),
    Use("pyarrow.fs", "copy_files", READ),
    Use("pyarrow.fs", "copy_files", _WRITTEN, 1),
)
_ZARR = "zarr.api.synchronous"
_ARRAYS = (
    Use("h5py._hl.files", "File.__init__", Mode(2, "r"), 1, shown="h5py", take_bytes=True),
    Use("tables.file", "open_file", Mode(1, "r"), shown="tables"),
    # A store of zarr's in a folder is files that Python opens, one for each chunk: what is read of it is known exactly.
    Use(_ZARR, "open open_array open_group", Mode(_BY_NAME, "a"), shown="zarr", elsewhere=True),
    Use(_ZARR, "load open_consolidated", READ, shown="zarr", elsewhere=True),
    Use(_ZARR, "save save_array save_group", _WRITTEN, shown="zarr", elsewhere=True),
    Use(
        _ZARR,
        "array create create_array create_group create_hierarchy empty from_array full group ones zeros",
        _WRITTEN,
        _BY_NAME,
        shown="zarr",
        also="store",
        elsewhere=True,
    ),
    Use("zarr.core.array", "Array.__getitem__ Array.__setitem__ Array.append Array.resize", NAME, shown="zarr"),
    Use("zarr.core.group", "Group.__getitem__ Group.create_array Group.create_group", NAME, shown="zarr"),
)
_IO = "tensorflow.python.lib.io.file_io"
_READERS = "tensorflow.python.data.ops.readers"
_CHECKPOINT = "tensorflow.python.checkpoint.checkpoint"
_UNKNOWN = "files that TensorFlow reads by names made within a graph are not heard"
_LEARNING = (
    Use(_IO, "FileIO.__init__", Mode(2, "r"), 1, shown="tensorflow.io.gfile", take_bytes=True),
    Use(_IO, "copy copy_v2 rename rename_v2", READ, shown="tensorflow.io.gfile", take_bytes=True),
    Use(_IO, "copy copy_v2 rename rename_v2", _WRITTEN, 1, shown="tensorflow.io.gfile", take_bytes=True),
    Use("tensorflow.python.ops.io_ops", "read_file", READ, shown="tensorflow.io", note=_UNKNOWN),
    Use("tensorflow.python.ops.io_ops", "write_file", _WRITTEN, shown="tensorflow.io", note=_UNKNOWN),
    Use(
        _READERS,
        "TextLineDatasetV2.__init__ TFRecordDatasetV2.__init__ FixedLengthRecordDatasetV2.__init__",
        READ,
        1,
        shown="tensorflow.data",
    ),
    Use("tensorflow.python.lib.io.tf_record", "TFRecordWriter.__init__", _WRITTEN, 1, shown="tensorflow.io"),
    Use("tensorflow.python.saved_model.save", "save", _WRITTEN, 1, shown="tensorflow.saved_model"),
    Use("tensorflow.python.saved_model.load", "load", READ, shown="tensorflow.saved_model"),
    Use(_CHECKPOINT, "Checkpoint.write Checkpoint.save", _WRITTEN, 1, "tensorflow.train", prefix=True),
    Use(_CHECKPOINT, "Checkpoint.read Checkpoint.restore", READ, 1, "tensorflow.train", prefix=True),
    Use("keras.src.saving.saving_api", "load_model", READ, shown="keras.models"),
    Use("keras.src.saving.saving_api", "load_weights", READ, 1, shown="keras.Model"),
    Use("keras.src.saving.saving_api", "save_model", _WRITTEN, 1, shown="keras.models"),
    Use("keras.src.saving.saving_api", "save_weights", _WRITTEN, 1, shown="keras.Model"),
    *(
        Use(f"keras.src.utils.{kind}_dataset_utils", f"{kind}_dataset_from_directory", READ, shown="keras.utils")
        for kind in ("image", "text", "audio")
    ),
    Use("torch.serialization", "load", READ, shown="torch"),
    Use("torch.serialization", "save", _WRITTEN, 1, shown="torch"),
    Use("torch.jit._serialization", "load", READ, shown="torch.jit"),
    Use("torch.jit._serialization", "save", _WRITTEN, 1, shown="torch.jit"),
    *(
        use
        for kind in ("torch", "numpy", "tensorflow", "flax", "paddle", "mlx")
        for use in (
            Use(f"safetensors.{kind}", "load_file", READ),
            Use(f"safetensors.{kind}", "save_file save_model", _WRITTEN, 1),
        )
    ),
    Use("safetensors", "safe_open", READ),
    Use("joblib.numpy_pickle", "load", READ, shown="joblib"),
    Use("joblib.numpy_pickle", "dump", _WRITTEN, 1, shown="joblib"),
)
_SQL = "files that DuckDB's SQL names are not heard"
_DATABASES = (
    Use("duckdb", "read_csv read_json read_parquet", READ),
    Use("duckdb", "sql query execute", NAME, note=_SQL),
    Use("duckdb", " ".join(f"DuckDBPyConnection.{name}" for name in ("sql", "query", "execute")), NAME, note=_SQL),
    Use("duckdb", "connect", Mode(_BY_NAME, "r+")),
)
# They open their files through Python, sooner or later.
_PICTURES = (
    Use("PIL.Image", "open Image.save", NAME),
    Use("tifffile.tifffile", "imread imwrite memmap TiffFile.__init__ TiffWriter.__init__", NAME, shown="tifffile"),
    Use("nibabel.loadsave", "load save", NAME, shown="nibabel"),
    Use("astropy.io.fits", "open HDUList.writeto getdata getheader writeto append update", NAME),
)
_FILESYSTEMS = (
    Use("fsspec.spec", "AbstractFileSystem.open", Mode(2, "rb"), 1, shown="fsspec", on_self=True),
    Use("fsspec.spec", "AbstractFileSystem.cat_file", READ, 1, shown="fsspec", on_self=True),
    Use("fsspec.spec", "AbstractFileSystem.pipe_file", _WRITTEN, 1, shown="fsspec", on_self=True),
)

TABLE = (
    *_PANDAS,
    *_POLARS,
    *_NUMPY,
    *_ARROW,
    *_ARRAYS,
    *_LEARNING,
    *_DATABASES,
    *_PICTURES,
    *_FILESYSTEMS,
)

SEEDS = (
    Seed("random", "Random.seed", 1),
    Seed("numpy.random", "seed"),
    Seed("numpy.random", "default_rng", makes=True),
    Seed("torch.random", "manual_seed", shown="torch"),
    Seed("tensorflow.python.framework.random_seed", "set_seed", shown="tensorflow.random"),
    Seed("keras.src.utils.rng_utils", "set_random_seed", shown="keras.utils"),
)
