"""Nobody can tell that a function is listened to: not by what it is, gives, raises, or is afterwards."""

from __future__ import annotations

import importlib
import inspect
import pickle
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas import read_csv as read_by_another_name
from pyarrow import csv, parquet

from holotype.lake.capturing.adapters import placing
from holotype.lake.capturing.adapters.patching import Patch, patch
from holotype.lake.capturing.adapters.placing import find, functions_meant
from holotype.lake.capturing.adapters.table import SEEDS, TABLE
from holotype.lake.capturing.hooks import listening

from .hearing import fill, marks, script, users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTIONS: dict[str, Any] = {
    "pandas.read_csv": pd.read_csv,
    "pandas.DataFrame.to_csv": pd.DataFrame.to_csv,
    "polars.scan_parquet": pl.scan_parquet,
    "polars.LazyFrame.sink_csv": pl.LazyFrame.sink_csv,
    "numpy.load": np.load,
    "numpy.save": np.save,
    "pyarrow.parquet.read_table": parquet.read_table,
    "h5py.File.__init__": h5py.File.__init__,
}
# Of C: there is another object in their place meanwhile.
REPLACED: dict[str, tuple[Any, str]] = {
    "pyarrow.csv.read_csv": (csv, "read_csv"),
    "pyarrow.memory_map": (pa, "memory_map"),
    "pyarrow.OSFile": (pa, "OSFile"),
    "numpy.random.default_rng": (np.random, "default_rng"),
}


class TestRealLibraries:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_a_function_of_python_stays_what_it_is(self, name: str) -> None:
        function = FUNCTIONS[name]
        before = (inspect.signature(function), pickle.dumps(function), function.__doc__, function.__name__)
        dictionary, code = dict(vars(function)), getattr(function, "__code__", None)
        with listening():
            found = (inspect.signature(function), pickle.dumps(function), function.__doc__, function.__name__)
            assert found == before
            assert pickle.loads(found[1]) is function
        assert dict(vars(function)) == dictionary
        assert getattr(function, "__code__", None) is code

    @pytest.mark.parametrize("name", REPLACED)
    def test_what_is_replaced_pickles_and_is_back_afterwards(self, name: str) -> None:
        module, attribute = REPLACED[name]
        before = getattr(module, attribute)
        with listening():
            now = getattr(module, attribute)
            assert now is not before
            assert (now.__name__, now.__doc__, now.__module__) == (before.__name__, before.__doc__, before.__module__)
            kept = pickle.dumps(now)
            assert pickle.loads(kept) is now
        assert getattr(module, attribute) is before
        assert pickle.loads(kept) is before

    def test_functions_are_heard_by_whatever_name_they_were_imported(self, tmp_path: Path) -> None:
        fill(tmp_path, {"table.csv": "a\n1\n"})
        bound = pl.DataFrame({"a": [1]}).write_csv
        with listening() as heard:
            read_by_another_name(tmp_path / "table.csv")
            bound(tmp_path / "out.csv")
        assert users(heard, tmp_path) == {
            "out.csv": ("polars.DataFrame.write_csv",),
            "table.csv": ("pandas.read_csv",),
        }

    def test_classes_of_c_are_the_classes_of_their_instances(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1"})
        before = pa.OSFile(str(tmp_path / "in"))
        original = pa.OSFile
        with listening() as heard:
            made = pa.OSFile(str(tmp_path / "in"))
            assert isinstance(made, pa.OSFile)
            assert isinstance(before, pa.OSFile)
            assert issubclass(original, pa.OSFile)
            assert issubclass(pa.OSFile, pa.NativeFile)

            class Own(pa.OSFile):
                pass

            own = Own(str(tmp_path / "in"))
            assert type(own) is Own
        assert type(made) is original
        assert isinstance(own, pa.OSFile)
        assert marks(heard.seen, tmp_path) == {"in": "r"}
        for each in (before, made, own):
            each.close()

    def test_what_a_call_raises_is_what_it_raised_before(self, tmp_path: Path) -> None:
        wrong: Any = pl.read_parquet
        unfinished: Any = pd.read_csv

        def failure() -> tuple[type, str]:
            with pytest.raises(Exception, match=r".") as caught:
                wrong(tmp_path / "missing.parquet", no_such_option=1)
            return caught.type, str(caught.value)

        before = failure()
        with listening() as heard:
            assert failure() == before
            with pytest.raises(TypeError):
                unfinished()
            with pytest.raises(FileNotFoundError):
                h5py.File(tmp_path / "missing.h5")
        assert (heard.seen, heard.notes) == ((), ())

    def test_everything_is_as_it_was_when_the_last_of_several_blocks_ends(self) -> None:
        codes = {name: getattr(function, "__code__", None) for name, function in FUNCTIONS.items()}
        finders = list(sys.meta_path)
        first, second = listening(), listening()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert pl.scan_parquet.__code__ is not codes["polars.scan_parquet"]
        second.__exit__(None, None, None)
        assert {name: getattr(function, "__code__", None) for name, function in FUNCTIONS.items()} == codes
        assert sys.meta_path == finders

    def test_every_line_of_the_table_for_what_is_installed_leads_to_a_function(self) -> None:
        """A library that renames one would otherwise be heard no more, and nobody would notice."""
        for name in ("pandas", "polars", "numpy", "pyarrow", "h5py", "zarr", "joblib", "duckdb", "fsspec", "random"):
            for line in TABLE:
                if line.module.partition(".")[0] == name:
                    module = importlib.import_module(line.module)
                    functions = list(functions_meant(module, line))
                    assert functions
                    assert [attribute for attribute in functions if find(module, attribute) is None] == []
        for seed in SEEDS:
            if seed.module in ("random", "numpy.random"):
                assert find(importlib.import_module(seed.module), seed.function) is not None


# -- a stand-in for a library

LIBRARY = '''
"""A library whose functions open files where nobody sees it."""

import os


def load(path, *, strict=False):
    """Load it."""
    return _load(path) + ("!" if strict else "")


def _load(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


def closing(path, suffix):
    def load_more(path):
        return _load(path) + suffix
    return load_more


load_more = closing("", "?")


async def load_later(path):
    return _load(path)


class Reader:
    def __init__(self, path):
        self.text = _load(path)

    @classmethod
    def of(cls, path):
        return cls(path)

    @staticmethod
    def just(path):
        return _load(path)
'''


@pytest.fixture
def library() -> Iterator[types.ModuleType]:
    module = types.ModuleType("stand_in_library")
    sys.modules["stand_in_library"] = module
    exec(compile(LIBRARY, "stand_in_library.py", "exec"), vars(module))
    yield module
    del sys.modules["stand_in_library"]


def patched(owner: Any, name: str) -> tuple[Patch, list[Any]]:
    """A patch that notes what a function is called with."""
    calls: list[Any] = []

    def around(original: Any, /, *args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return original(*args, **kwargs)

    made = patch(owner, name, around)
    assert made is not None
    return made, calls


class TestPatching:
    def test_a_function_is_called_through_what_is_around_it(self, library: Any, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"
        load = library.load
        made, calls = patched(library, "load")
        assert load(path) == "1"
        assert calls == []
        for _ in range(2):
            made.do()
            assert load(path, strict=True) == "1!"
            with pytest.raises(TypeError, match="strictly"):
                load(path, strictly=True)
            assert calls == [((path,), {"strict": True}), ((path,), {"strictly": True})]
            calls.clear()
            made.undo()
            assert load(path=path) == "1"
            assert calls == []

    def test_functions_with_variables_from_outside_keep_them(self, library: Any, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"
        made, calls = patched(library, "load_more")
        made.do()
        assert library.load_more(path) == "1?"
        made.undo()
        assert library.load_more(path) == "1?"
        assert len(calls) == 1

    def test_methods_of_all_kinds_are_called_as_they_were(self, library: Any, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"

        class Derived(library.Reader):
            pass

        made = [patched(library.Reader, name) for name in ("__init__", "of", "just")]
        for each, _ in made:
            each.do()
        assert Derived.of(path).text == Derived.just(path) == "1"
        assert type(Derived.of(path)) is Derived
        for each, _ in made:
            each.undo()
        assert [len(calls) for _, calls in made] == [2, 2, 1]

    def test_what_is_no_plain_function_is_left_alone(self, library: Any) -> None:
        for name in ("load_later", "missing", "__doc__"):
            assert patch(library, name, lambda original, *args: original(*args)) is None

    def test_nothing_is_put_around_the_same_function_twice(self, library: Any) -> None:
        library.also = library.load
        made, _ = patched(library, "load")
        made.do()
        assert patch(library, "also", lambda original, *args: original(*args)) is None
        made.undo()

    def test_what_somebody_else_has_put_there_stays(self, library: Any) -> None:
        made, _ = patched(library, "load")
        made.do()
        library.load.__code__ = other = (lambda path: path).__code__
        made.undo()
        assert library.load.__code__ is other

    def test_it_is_done_and_undone_while_it_is_called(self, library: Any, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"
        made, _ = patched(library, "load")
        stop, wrong = threading.Event(), []

        def call() -> None:
            while not stop.is_set():
                if library.load(path, strict=True) != "1!":
                    wrong.append(1)

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(300):
            made.do()
            made.undo()
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong


class TestAdaptersThatFail:
    def test_a_call_goes_on_when_its_arguments_cannot_be_understood(self, tmp_path: Path) -> None:
        class Strange:
            def __fspath__(self) -> str:
                raise RuntimeError("not now")

        fill(tmp_path, {"table.csv": "a\n1\n"})
        with listening() as heard:
            with pytest.raises(RuntimeError, match="not now"):
                pd.read_csv(Strange())
            assert pd.read_csv(tmp_path / "table.csv").shape == (1, 1)
        assert heard.notes == ("pandas: what a call uses was not understood (RuntimeError)",)
        assert users(heard, tmp_path) == {"table.csv": ("pandas.read_csv",)}

    def test_an_event_that_cannot_be_understood_is_said_and_the_program_goes_on(self) -> None:
        with listening() as heard:
            sys.audit("os.rename", object(), 3, "and", "more")
            sys.audit("open")
        assert len(heard.notes) == 2
        assert all("was not understood" in note for note in heard.notes)

    def test_a_version_that_is_not_understood_is_said_and_all_else_is_heard(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: object) -> None:
            raise TypeError

        monkeypatch.setattr(placing, "_made", {})
        monkeypatch.setattr("holotype.lake.capturing.adapters.placing.patch", fail)
        with listening() as heard:
            pd.DataFrame({"a": [1]}).to_csv(tmp_path / "table.csv")
        assert (
            "what pandas reads and writes by itself is not heard: this version of it is not understood" in heard.notes
        )
        assert users(heard, tmp_path) == {"table.csv": ("open",)}


class TestArrivals:
    def test_a_library_that_is_imported_later_is_heard(self, tmp_path: Path) -> None:
        found = script(
            tmp_path,
            """
            import sys
            assert not {"polars", "numpy", "h5py"} & set(sys.modules)
            begin()
            import polars
            from h5py import File
            polars.DataFrame({"a": [1]}).write_parquet("table.parquet")
            File("lab.h5", "w").close()
            end()
            code = polars.DataFrame.write_parquet.__code__
            assert "patching" not in code.co_filename
            assert not hasattr(polars.__spec__.loader, "__dict__") or "exec_module" not in vars(polars.__spec__.loader)
            """,
        )
        assert found["by"]["table.parquet"] == ["polars.DataFrame.write_parquet"]
        assert found["by"]["lab.h5"] == ["h5py.File"]
        assert set(found["by"]) == {"table.parquet", "lab.h5", "main.py"}

    def test_a_library_that_cannot_be_imported_fails_as_before(self, tmp_path: Path) -> None:
        (tmp_path / "joblib").mkdir()
        (tmp_path / "joblib" / "__init__.py").write_text("")
        (tmp_path / "joblib" / "numpy_pickle.py").write_text("raise OSError('no such thing')")
        script(
            tmp_path,
            """
            begin()
            for _ in range(2):
                try:
                    import joblib.numpy_pickle
                except OSError as error:
                    assert str(error) == "no such thing"
                else:
                    raise AssertionError
            try:
                import tables.file
            except ImportError as error:
                assert error.name in ("tables", "tables.file"), error.name
            end()
            """,
        )
