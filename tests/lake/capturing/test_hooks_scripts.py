"""The code that ran is known, and what children that were forked have done."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from holotype.lake.capturing.places import Places, installed
from holotype.lake.capturing.scripts import arguments, main_script

from .hearing import fill, script

if TYPE_CHECKING:
    from pathlib import Path

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")


class TestCode:
    def test_the_script_and_the_modules_beside_it_were_run(self, tmp_path: Path) -> None:
        fill(tmp_path, {"early.py": "", "late.py": "", "package/__init__.py": "", "package/part.py": "", "not.py": ""})
        found = script(
            tmp_path,
            """
            import early
            begin()
            import late, package.part, json.tool, xml.sax.handler
            open("package/part.py").read()
            end()
            """,
        )
        scripts = ("early.py", "late.py", "main.py", "package/__init__.py", "package/part.py")
        assert found["marks"] == dict.fromkeys(scripts, "rx")
        assert found["by"]["late.py"] == ["python"]
        assert found["by"]["package/part.py"] == ["open", "python"] or found["by"]["package/part.py"] == [
            "python",
            "open",
        ]

    def test_modules_under_the_roots_count_as_scripts_and_others_do_not(self, tmp_path: Path) -> None:
        fill(tmp_path, {"lab/analysis.py": "", "elsewhere/tool.py": "", "work/in": "1"})
        found = script(
            tmp_path / "work",
            """
            sys.path += ["../lab", "../elsewhere"]
            import analysis, tool
            begin()
            open("in").close()
            end()
            """,
            options='["../lab"]',
        )
        assert {os.path.relpath(path, os.path.realpath(tmp_path)) for path, *_ in found["seen"]} == {
            "lab/analysis.py",
            "work/in",
            "work/main.py",
        }

    def test_scripts_that_are_run_by_a_script_were_run(self, tmp_path: Path) -> None:
        fill(tmp_path, {"steps/one.py": "", "steps/two.py": "", "steps/shown.py": "raise ValueError"})
        found = script(
            tmp_path,
            """
            import runpy, traceback
            begin()
            runpy.run_path("steps/one.py")
            exec(compile(open("steps/two.py").read(), "steps/two.py", "exec"))
            try:
                exec(compile("raise ValueError", "steps/shown.py", "exec"))
            except ValueError:
                traceback.format_exc()  # which reads the source
            end()
            """,
        )
        assert {name: found["marks"][name] for name in ("steps/one.py", "steps/two.py")} == {
            "steps/one.py": "rx",
            "steps/two.py": "rx",
        }
        assert found["by"]["steps/shown.py"] == ["python"]

    def test_source_that_is_only_shown_is_not_data(self, tmp_path: Path) -> None:
        fill(tmp_path, {"lab/helper.py": "def fail():\n    raise ValueError\n"})
        found = script(
            tmp_path,
            """
            import importlib.util, linecache, traceback
            begin()
            linecache.getline("lab/helper.py", 1)
            end()
            """,
        )
        assert found["marks"] == {"main.py": "rx"}

    def test_no_script_is_known_where_a_program_runs_the_code(self) -> None:
        assert main_script() is None  # pytest
        assert arguments() == tuple(sys.argv)

    def test_the_script_and_its_arguments_are_known(self, tmp_path: Path) -> None:
        script(
            tmp_path,
            """
            from pathlib import Path
            from holotype.lake.capturing.scripts import main_script
            assert main_script() == Path("main.py").resolve()
            begin()
            end()
            """,
        )

    @pytest.mark.parametrize("how", ["vscode", "jupyter", "a child of jupyter"])
    def test_a_notebook_is_known_where_its_name_is(
        self, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notebook = fill(tmp_path, {"plot.ipynb": "{}"}) / "plot.ipynb"
        monkeypatch.setattr(sys.modules["__main__"], "__file__", None, raising=False)
        if how == "vscode":
            monkeypatch.setattr(sys.modules["__main__"], "__vsc_ipynb_file__", str(notebook), raising=False)
        else:
            monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
        if how == "jupyter":
            ipython = ModuleType("IPython")
            vars(ipython)["get_ipython"] = object
            monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert main_script() == (None if how == "a child of jupyter" else notebook.resolve())


class TestPlaces:
    def test_what_is_installed_is_left_out_and_data_within_it_is_not(self, tmp_path: Path) -> None:
        inner = os.path.join(installed()[0], "data")
        assert Places().left_out(os.path.join(inner, "table.csv"))
        assert not Places([inner]).left_out(os.path.join(inner, "table.csv"))
        assert Places([inner]).left_out(os.path.join(installed()[0], "other"))
        assert Places().left_out(os.__file__)
        assert Places().left_out(pytest.__file__)
        assert Places().left_out(str(tmp_path / "__pycache__" / "a.cpython-312.pyc"))
        assert not Places().left_out(str(tmp_path / "a.py"))
        assert not Places().left_out("/dev/shm/a")
        assert Places().left_out("/dev/null")

    def test_many_folders_are_remembered_but_not_without_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("holotype.lake.capturing.places._FOLDERS", 3)
        places = Places()
        for number in range(10):
            path = tmp_path / f"{number}" / "a"
            assert places.resolved(str(path)) == (os.path.join(os.path.realpath(tmp_path), f"{number}", "a"), None)


@FORKS
class TestChildren:
    def test_what_forked_workers_read_and_write_is_heard(self, tmp_path: Path) -> None:
        """As loaders of PyTorch and pools of processes have them."""
        fill(tmp_path, {f"image{number}": "1" * number for number in range(6)})
        found = script(
            tmp_path,
            """
            import glob, multiprocessing, os, tempfile
            tempfile.tempdir = os.getcwd()
            def load(name):
                text = open(name).read()
                open(name + ".out", "w").write(text)
                open(name + ".tmp", "w").write(text)
                os.replace(name + ".tmp", name + ".moved")
                return len(text)
            before = set(os.listdir())
            begin()
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert sum(pool.map(load, [f"image{number}" for number in range(6)])) == 15
            text = open("image3.out").read()
            end()
            assert not [name for name in os.listdir() if "holotype" in name]
            """,
            warnings="ignore",
        )
        names = [f"image{number}" for number in range(6)]
        expected = {**dict.fromkeys(names, "r"), "main.py": "rx"}
        expected |= {f"{name}.{end}": "w" for name in names for end in ("out", "moved")}
        assert found["marks"] == expected
        assert found["notes"] == []
        assert found["by"]["image1.moved"] == ["open"]

    def test_what_a_child_starts_and_removes_is_heard(self, tmp_path: Path) -> None:
        fill(tmp_path, {"old": "1"})
        found = script(
            tmp_path,
            """
            import os
            begin()
            child = os.fork()
            if child == 0:
                os.remove("old")
                os.system("exit 0")
                os.closerange(3, 100)
                open("late", "w").close()
                os._exit(0)
            os.waitpid(child, 0)
            end()
            """,
            warnings="ignore",
        )
        assert found["marks"] == {"old": "d", "late": "w", "main.py": "rx"}
        assert found["commands"] == [["exit 0"]]
        assert found["notes"] == ["what exit 0 read and wrote is not heard"]

    def test_a_child_that_ends_the_block_leaves_it_to_its_parent(self, tmp_path: Path) -> None:
        found = script(
            tmp_path,
            """
            import os
            begin()
            child = os.fork()
            open("child" if child == 0 else "parent", "w").close()
            if child == 0:
                end()
                os._exit(0)
            os.waitpid(child, 0)
            end()
            """,
            warnings="ignore",
        )
        assert found["marks"] == {"child": "w", "parent": "w", "main.py": "rx"}

    def test_a_child_may_listen_to_itself(self, tmp_path: Path) -> None:
        found = script(
            tmp_path,
            """
            import os
            begin()
            child = os.fork()
            if child == 0:
                with listening() as own:
                    open("inner", "w").close()
                open("names", "w").write(repr([os.path.basename(each.path) for each in own.seen if each.written]))
                os._exit(0)
            os.waitpid(child, 0)
            end()
            """,
            warnings="ignore",
        )
        assert (tmp_path / "names").read_text() == "['inner']"
        assert found["marks"] == {"names": "w", "main.py": "rx"}


def test_processes_that_are_not_forked_are_said_not_to_be_heard(tmp_path: Path) -> None:
    found = script(
        tmp_path,
        """
        import multiprocessing
        if __name__ == "__main__":
            begin()
            process = multiprocessing.get_context("spawn").Process(target=print)
            process.start()
            process.join()
            end()
        else:
            from contextlib import ExitStack as heard
            raise SystemExit
        """,
        warnings="ignore",
    )
    assert found["notes"] == ["what processes that multiprocessing spawned read and wrote is not heard"]
