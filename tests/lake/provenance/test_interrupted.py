"""An activity whose process is killed leaves a record: somebody else on the machine makes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from holotype import lake
from holotype.catalog import ArchiveReadOnly, Catalog, HolotypeError, StorageFailed
from holotype.catalog.provenance.checking import check
from holotype.lake.lineage.notes import Notes

from .test_activity import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Laboratory

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing is killed so here")

BLOCK = """
import os, signal, sys, time
from holotype import lake
archive = lake.open(sys.argv[1], author="ada@lab")
os.chdir(sys.argv[2])
with archive.activity("long", parameters={"alpha": 0.5, "api_key": "hunter2hunter2"}, dataset="study"):
    open("raw.txt").read()
    open("half.txt", "w").write("half")
    with archive.activity("inner", dataset="study"):
        open("whole.txt", "w").write("whole")
    os.kill(os.getpid(), signal.SIGKILL)
"""
COMMAND = """
import sys
from holotype import lake
archive = lake.open(sys.argv[1], author="ada@lab")
archive.run(["sh", "-c", "echo half > half.txt; echo begun; sleep 60", "--token", "hunter2hunter2"], dataset="study",
            name="sleepy", parameters={"n": 1}, passing=lambda stream, data: print("begun", flush=True))
"""


def killed(laboratory: Laboratory, program: str = BLOCK) -> None:
    """A process that is killed by its own hand half way."""
    words = [sys.executable, "-c", program, laboratory.archive.url, str(laboratory.data)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def notes(laboratory: Laboratory) -> list[Path]:
    """The files of this archive's notes."""
    folder = Path(os.environ["HOLOTYPE_STATE"]) / "activities" / laboratory.archive.id
    return sorted(folder.iterdir()) if folder.is_dir() else []


@contextmanager
def watched(look: Callable[[], None]) -> Iterator[None]:
    """While a block runs, something is looked at again and again in a thread, whose error is raised behind it."""
    stop = threading.Event()

    def again() -> None:
        while not stop.is_set():
            look()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(again)
        try:
            yield
        finally:
            stop.set()
        looking.result()


@pytest.fixture
def raw(laboratory: Laboratory) -> Laboratory:
    """One file, kept."""
    (laboratory.data / "raw.txt").write_text("raw")
    (laboratory.data / "old.txt").write_text("old")
    laboratory.keep()
    time.sleep(0.05)  # what was written before is older than what is written from now on
    return laboratory


def test_what_was_killed_is_recorded_by_whoever_asks(raw: Laboratory) -> None:
    killed(raw)
    waiting = raw.archive.provenance.interrupted()
    assert waiting.select("name", "kind", "author", "dataset", "certain").rows() == [
        ("long", "python", "ada@lab", "study", True)
    ]
    assert "long" not in raw.edges()
    settled = raw.archive.provenance.settle()
    assert settled["activity"].to_list() == waiting["activity"].to_list()
    assert raw.archive.provenance.interrupted().is_empty()
    assert raw.archive.provenance.settle().is_empty()
    assert notes(raw) == []
    facts = told(raw, "long")
    assert facts["outcome"] == "interrupted"
    assert "gone before" in str(facts["error"])
    rows = raw.archive.sql("SELECT began, ended, outcome, author FROM activities WHERE name = 'long'").pl().rows()
    assert rows == [(waiting["began"][0], None, "interrupted", "ada@lab")]
    assert check(raw.archive.provenance.document()) == ()


def test_what_changed_while_it_ran_is_named_and_not_claimed(raw: Laboratory) -> None:
    killed(raw)
    raw.archive.provenance.settle()
    # What the inner block made is known to be its own.
    assert told(raw, "long")["changed-while-it-ran"] == ["study/half.txt"]
    edges = raw.edges()
    assert edges["long"] == [(frozenset(), frozenset())]
    assert [made for _, made in edges["inner"]] == [{"whole.txt"}]
    raw.keep()
    recipe = raw.archive.provenance.explain("study/whole.txt")
    assert recipe.select("name", "outcome").rows() == [("long", "interrupted"), ("inner", "completed")]
    assert json.loads(recipe["parameters"][0])["alpha"] == 0.5


def test_nothing_secret_is_in_a_note_or_a_record(raw: Laboratory) -> None:
    killed(raw)
    (note,) = notes(raw)
    text = note.read_text("utf-8")
    assert "hunter2" not in text
    assert '"alpha": 0.5' in text
    if os.name == "posix":
        assert (note.stat().st_mode & 0o777, note.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    raw.archive.provenance.settle()
    everything = str([raw.archive.read(table).to_pylist() for table in ("prov_elements", "prov_relations")])
    assert "hunter2" not in everything
    assert str(raw.data) not in everything


@pytest.mark.parametrize("how", ["activity", "run", "backup", "table"])
def test_the_next_use_for_writing_settles_it(raw: Laboratory, how: str) -> None:
    killed(raw)
    match how:
        case "activity":
            with raw.archive.activity("next"):
                assert told(raw, "long")["outcome"] == "interrupted"
        case "run":
            raw.archive.run(["true"], name="next")
        case "backup":
            raw.keep()
        case _:
            raw.archive.write_table("counts", pl.DataFrame({"x": [1]}))
    assert told(raw, "long")["outcome"] == "interrupted"
    assert notes(raw) == []


def test_a_command_whose_watcher_is_killed_is_recorded_with_its_command(raw: Laboratory) -> None:
    words = [sys.executable, "-c", COMMAND, raw.archive.url]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert raw.archive.provenance.interrupted().is_empty()  # it goes on
        assert raw.archive.provenance.settle().is_empty()
        os.killpg(process.pid, signal.SIGKILL)
    (settled,) = raw.archive.provenance.settle().to_dicts()
    assert (settled["name"], settled["kind"]) == ("sleepy", "run")
    assert told(raw, "sleepy")["changed-while-it-ran"] == ["study/half.txt"]
    elements = raw.archive.read("prov_elements").to_pylist()
    (plan,) = [row for row in elements if str(row["id"]).startswith("urn:holotype:command:")]
    assert "sleep 60" in plan["attributes"]
    assert "hunter2" not in str(elements)


def test_it_is_recorded_once_whoever_settles_at_the_same_time(raw: Laboratory) -> None:
    killed(raw)
    archives = [lake.open(raw.archive.url) for _ in range(6)]
    together = threading.Barrier(len(archives))
    found: list[int] = []

    def settle(archive: lake.Archive) -> None:
        together.wait()
        found.append(archive.provenance.settle().height)

    threads = [threading.Thread(target=settle, args=(archive,)) for archive in archives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 0, 0, 0, 0, 1]
    assert told(raw, "long")["outcome"] == "interrupted"


def test_who_is_killed_between_the_record_and_the_note_is_not_recorded_twice(raw: Laboratory) -> None:
    after = "from holotype.lake.lineage.notes import Noted\nimport os, signal\n"
    after += "Noted.done = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
    program = BLOCK.replace("\nfrom holotype import lake\n", f"\nfrom holotype import lake\n{after}", 1)
    killed(raw, program.replace("    os.kill(os.getpid(), signal.SIGKILL)\n", ""))
    assert len(notes(raw)) == 2  # the outer one was going on, the inner one was recorded
    settled = raw.archive.provenance.settle()
    assert settled["name"].to_list() == ["long"]
    assert told(raw, "inner")["outcome"] == "completed"
    assert notes(raw) == []


def test_a_settler_that_is_killed_leaves_it_to_the_next(raw: Laboratory) -> None:
    killed(raw)
    for moment in ("Catalog.commit = ", "lake_notes.Notes.remove = "):
        program = f"""
import os, signal, sys
from holotype import lake
from holotype.catalog import Catalog
import holotype.lake.lineage.notes as lake_notes
{moment}lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
lake.open(sys.argv[1]).provenance.settle()
"""
        killed(raw, program)
        assert len(notes(raw)) == 1
    assert raw.archive.provenance.settle().is_empty()  # the second had said it
    assert told(raw, "long")["outcome"] == "interrupted"
    assert notes(raw) == []


def test_an_activity_that_ends_leaves_no_note(raw: Laboratory) -> None:
    with raw.archive.activity("block"):
        assert len(notes(raw)) == 1
        raw.keep()
        assert raw.archive.provenance.interrupted().is_empty()
    with pytest.raises(ValueError, match="no"), raw.archive.activity("fails"):
        raise ValueError("no")
    raw.archive.run(["true"])
    with pytest.raises(HolotypeError):
        raw.archive.run(["no-such-program-anywhere"])
    assert notes(raw) == []
    assert set(raw.edges()) == {"block", "fails", "true"}


def test_without_a_place_for_notes_work_goes_on_and_says_so(
    raw: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HOLOTYPE_STATE", str(tmp_path / "file"))
    with raw.archive.activity("block"):
        pass
    raw.archive.run(["true"])
    for name in ("block", "true"):
        facts = told(raw, name)
        assert facts["outcome"] == "completed"
        assert "could not be noted" in str(facts["notes"])
        assert str(tmp_path) not in str(facts["notes"])
    assert raw.archive.provenance.interrupted().is_empty()


def test_what_ended_and_could_not_be_recorded_is_recorded_later(
    raw: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Catalog.commit

    def away(self: Catalog, **given: Any) -> object:
        raise StorageFailed("the storage is away")

    monkeypatch.setattr(Catalog, "commit", away)
    with pytest.raises(StorageFailed), raw.archive.activity("ends"):
        (raw.data / "made.txt").write_text("made")
    monkeypatch.setattr(Catalog, "commit", commit)
    assert raw.archive.provenance.interrupted()["name"].to_list() == ["ends"]
    raw.keep()
    facts = told(raw, "ends")
    assert facts["outcome"] == "completed"
    assert "the storage is away" in str(facts["notes"])
    assert "error" not in facts
    ((ended,),) = raw.archive.sql("SELECT ended FROM activities WHERE name = 'ends'").pl().rows()
    assert ended is not None


def test_a_command_that_is_broken_off_is_recorded_as_interrupted(raw: Laboratory) -> None:
    def interrupt() -> None:
        while not (raw.data / "part.txt").exists():
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # as Ctrl-C does

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        raw.archive.run(["sh", "-c", "echo x > part.txt; sleep 60"], name="stopped", dataset="study")
    thread.join()
    facts = told(raw, "stopped")
    assert (facts["outcome"], facts["changed-while-it-ran"]) == ("interrupted", ["study/part.txt"])
    assert notes(raw) == []


def test_of_another_machine_nothing_is_settled_unless_it_is_asked_for(raw: Laboratory) -> None:
    killed(raw)
    (path,) = notes(raw)
    note = json.loads(path.read_text("utf-8"))
    for other in (
        {"host": "node7", "boot": "another"},
        {"host": "node7", "boot": None},
        {"namespace": "pid:[1]"},
    ):
        path.write_text(json.dumps(note | {"process": note["process"] | other}))
        assert raw.archive.provenance.interrupted()["certain"].to_list() == [False]
        assert raw.archive.provenance.settle().is_empty()
        assert raw.archive.provenance.settle(dead_after=timedelta(days=1)).is_empty()
        raw.keep()
        assert "long" not in raw.edges()
    note["began"] = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    path.write_text(json.dumps(note | {"process": note["process"] | {"host": "node7", "boot": "another"}}))
    assert raw.archive.provenance.settle(dead_after=timedelta(days=1))["name"].to_list() == ["long"]
    assert "changed-while-it-ran" not in told(raw, "long")  # its files may lie elsewhere


def test_a_number_that_was_given_away_again_is_another_process(raw: Laboratory) -> None:
    killed(raw)
    (path,) = notes(raw)
    note = json.loads(path.read_text("utf-8"))
    note["process"]["number"] = os.getpid()
    path.write_text(json.dumps(note))
    assert raw.archive.provenance.interrupted()["certain"].to_list() == [True]
    note["process"]["boot"] = "the start before"
    path.write_text(json.dumps(note))
    assert raw.archive.provenance.settle()["name"].to_list() == ["long"]


def test_what_is_no_note_is_left_alone(raw: Laboratory) -> None:
    killed(raw)
    (path,) = notes(raw)
    for name, content in (("x.json", "{"), ("y.json", "[]"), ("z.json", '{"format": 99}'), ("w.json", '{"format": 1}')):
        path.with_name(name).write_text(content)
    assert raw.archive.provenance.settle().height == 1
    assert [each.name for each in notes(raw)] == ["w.json", "x.json", "y.json", "z.json"]
    for each in notes(raw):
        each.unlink()


def test_nobodys_work_fails_for_what_somebody_else_has_left(raw: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(raw)
    commit = Catalog.commit

    def fails(self: Catalog, **given: Any) -> object:
        if given["operation"] == "settle":
            raise StorageFailed("not now")
        return commit(self, **given)

    monkeypatch.setattr(Catalog, "commit", fails)
    raw.keep()
    with raw.archive.activity("goes on"):
        pass
    assert raw.archive.provenance.interrupted()["name"].to_list() == ["long"]
    with pytest.raises(StorageFailed, match="not now"):
        raw.archive.provenance.settle()
    monkeypatch.setattr(Catalog, "commit", commit)
    raw.keep()
    assert told(raw, "long")["outcome"] == "interrupted"


def test_a_dataset_too_large_to_look_through_is_said_to_be(raw: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.lineage.settling._LOOKED", 2)
    killed(raw)
    raw.archive.provenance.settle()
    facts = told(raw, "long")
    assert "more than 2 files" in str(facts["notes"])
    assert "changed-while-it-ran" not in facts


def test_who_may_only_read_settles_nothing(raw: Laboratory) -> None:
    killed(raw)
    reader = lake.open(raw.archive.url, read_only=True)
    assert reader.provenance.interrupted().height == 1
    with pytest.raises(ArchiveReadOnly):
        reader.provenance.settle()
    raw.archive.provenance.settle()


def test_a_note_is_whole_or_not_there(raw: Laboratory) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(len(Notes(raw.archive.id).every()))
        for path in notes(raw):
            with suppress(FileNotFoundError):
                if path.suffix == ".json":
                    json.loads(path.read_text("utf-8"))

    with watched(look):
        for _ in range(10):
            with raw.archive.activity("short", listen=False):
                pass
    assert set(seen) <= {0, 1}
