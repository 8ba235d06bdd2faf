"""A command is run under strace, and what it read and wrote is known afterwards."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holotype.catalog import CallError, InvalidOption, ProgramNotFound
from holotype.lake.capturing.processes import alive
from holotype.lake.capturing.watching import watch

from .commands import marks, one, run

NEEDS = ("strace", "sh")


def python(folder: Path, code: str, **more: object) -> dict[str, str]:
    """What a Python program did with the files below a folder."""
    command = [sys.executable, "-ISB", "-c", code]
    watched = watch(command, cwd=folder, roots=[folder], how="strace", **more)  # type: ignore[arg-type]
    assert watched.returncode == 0, watched.stderr
    return marks(watched.seen, folder)


def test_what_was_read_and_what_was_written_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "reads").write_text("b\na\n")
    watched = run(tmp_path, "sort reads > sorted")
    assert marks(watched.seen, tmp_path) == {"reads": "r", "sorted": "w"}
    assert watched.how == "strace"
    assert watched.note is None
    assert (watched.returncode, watched.signal, watched.timed_out) == (0, None, False)
    assert one(watched, tmp_path / "reads").by == ("sort",)
    assert one(watched, tmp_path / "sorted").by == ("sh",)


def test_each_file_has_its_status_before_and_after(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("abc")
    then = notes.stat()
    watched = run(tmp_path, "cat notes > /dev/null; printf longer > notes; printf new > other")
    seen = one(watched, notes)
    assert seen.before is not None
    assert seen.after is not None
    assert (seen.before.size, seen.before.mtime_ns, seen.before.inode) == (3, then.st_mtime_ns, then.st_ino)
    assert seen.after.size == 6
    assert (seen.read, seen.written) == (True, True)
    other = one(watched, tmp_path / "other")
    assert other.before is None
    assert other.after is not None
    assert other.after.size == 3


def test_programs_of_a_pipeline_are_named_with_what_they_used(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "b").write_text("2\n")
    watched = run(tmp_path, "cat a b | sort -r | tee out | grep -c . > count")
    assert marks(watched.seen, tmp_path) == {"a": "r", "b": "r", "out": "w", "count": "w"}
    assert one(watched, tmp_path / "out").by == ("tee",)
    assert {os.path.basename(each.path) for each in watched.outside if each.executed} >= {"cat", "sort", "tee", "grep"}


def test_a_file_changed_in_place_was_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a\n")
    watched = run(tmp_path, "sed -i s/a/b/ notes")
    assert marks(watched.seen, tmp_path) == {"notes": "rw"}
    seen = one(watched, tmp_path / "notes")
    assert seen.before is not None
    assert seen.after is not None
    assert seen.before.inode != seen.after.inode
    assert seen.renamed_from is None


def test_what_a_command_made_and_then_read_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a\n")
    watched = run(tmp_path, "cp in middle; cat middle middle > out")
    assert marks(watched.seen, tmp_path) == {"in": "r", "middle": "w", "out": "w"}


def test_a_file_that_was_made_and_removed_again_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a\n")
    watched = run(
        tmp_path, "echo x > scratch; cat scratch > out; rm scratch old; ln -s out link; rm link; mkfifo p; rm p"
    )
    assert marks(watched.seen, tmp_path) == {"old": "d", "out": "w"}
    assert one(watched, tmp_path / "old").before is not None


def test_a_moved_file_is_known_by_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "c").write_text("1\n")
    watched = run(tmp_path, "mv a b; mv b e; cat e > copy; mv d f; cat f/c >> copy")
    assert marks(watched.seen, tmp_path) == {"a": "rd", "e": "w", "copy": "w", "d/c": "rd", "f/c": "w"}
    assert one(watched, tmp_path / "e").renamed_from == os.path.realpath(tmp_path / "a")
    assert one(watched, tmp_path / "f" / "c").renamed_from == os.path.realpath(tmp_path / "d" / "c")
    assert one(watched, tmp_path / "copy").renamed_from is None


def test_a_file_moved_in_from_elsewhere_and_one_moved_out_are_seen_on_both_sides(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    (elsewhere / "folder").mkdir(parents=True)
    (elsewhere / "in").write_text("1\n")
    (elsewhere / "folder" / "deep").write_text("2\n")
    (root / "out").write_text("3\n")
    time.sleep(0.05)  # what is as new as the command cannot be told from what the command made
    watched = run(root, "mv ../elsewhere/in here; mv ../elsewhere/folder .; mv out ../elsewhere/")
    assert marks(watched.seen, root) == {"here": "w", "folder/deep": "w", "out": "d"}
    assert one(watched, root / "here").renamed_from == os.path.realpath(elsewhere / "in")
    assert one(watched, root / "folder" / "deep").renamed_from == os.path.realpath(elsewhere / "folder" / "deep")
    assert marks([each for each in watched.outside if not each.executed], elsewhere) == {
        "in": "d",
        "folder/deep": "d",
        "out": "w",
    }


def test_moving_a_file_away_and_back_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    assert marks(run(tmp_path, "mv a b; mv b a").seen, tmp_path) == {}


def test_two_files_that_change_places_are_both_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "b").write_text("22\n")
    watched = run(tmp_path, "mv a c; mv b a; mv c b")
    assert marks(watched.seen, tmp_path) == {"a": "w", "b": "w"}
    assert one(watched, tmp_path / "a").renamed_from == os.path.realpath(tmp_path / "b")


def test_what_is_added_to_still_holds_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("1\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "same").write_text("1\n")
    watched = run(tmp_path, "echo 2 >> log; echo 2 >> empty; echo 2 >> new; : >> same")
    assert marks(watched.seen, tmp_path) == {"log": "rw", "empty": "w", "new": "w"}


def test_files_opened_for_both_are_read_only_when_they_were_there(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("12345")
    (tmp_path / "looked").write_text("12345")
    code = """
with open("table", "r+") as file: file.write("x")
with open("looked", "r+") as file: file.read()
with open("new", "w+") as file: file.write("x"); file.seek(0); file.read()
"""
    assert python(tmp_path, code) == {"table": "rw", "looked": "r", "new": "w"}


def test_every_way_to_make_and_change_a_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("12345")
    (tmp_path / "b").write_text("12345")
    (tmp_path / "c").write_text("12345")
    (tmp_path / "folder").mkdir()
    code = """
import ctypes, os
os.truncate("a", 2)
os.truncate("b", 0)
os.link("c", "linked")
where = os.open("folder", os.O_RDONLY | os.O_DIRECTORY)
os.close(os.open("deep", os.O_WRONLY | os.O_CREAT, dir_fd=where))
os.rename("deep", "deeper", src_dir_fd=where, dst_dir_fd=where)
os.fchdir(where)
open("here", "w").close()
os.unlink("here")
open("../beside", "w").close()
os.chdir("..")
os.symlink("a", "soft")
open("soft").close()
nameless = os.open(".", os.O_TMPFILE | os.O_WRONLY)
os.write(nameless, b"x")
assert ctypes.CDLL(None).linkat(-100, b"/proc/self/fd/%d" % nameless, -100, b"named", 0x400) == 0
"""
    assert python(tmp_path, code) == {
        "a": "rw",
        "b": "w",
        "beside": "w",
        "c": "r",
        "folder/deeper": "w",
        "linked": "w",
        "named": "w",
    }


def test_names_of_all_bytes_are_taken_as_they_are(tmp_path: Path) -> None:
    names = [
        b"with space",
        b"new\nline",
        b"quo\"te's",
        b'a>b<c, "d',
        b"back\\slash\\n",
        b"\xff\xfe",
        "é€".encode(),
        b") = 3<x>",
    ]
    top = os.fsencode(tmp_path)
    for name in names:
        Path(os.fsdecode(os.path.join(top, name))).write_bytes(b"x")
    code = "import os\nfor name in sorted(os.listdir(b'.')): open(name).close(); open(name + b'~', 'w').close()"
    found = python(tmp_path, code)
    assert found == {os.fsdecode(name): "r" for name in names} | {os.fsdecode(name + b"~"): "w" for name in names}
    watched = watch(
        ["sh", "-c", 'cat "$@" > /dev/null', "sh", *map(os.fsdecode, names)], cwd=tmp_path, roots=[tmp_path]
    )
    assert marks(watched.seen, tmp_path) == {os.fsdecode(name): "r" for name in names}
    (cat,) = [each for each in watched.processes if each.argv[0] == "cat"]
    assert list(map(os.fsencode, cat.argv[1:])) == names


def test_relative_paths_go_from_where_each_process_is(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "in").write_text("1\n")
    watched = run(
        tmp_path, "cd a; (cd b; mv in ../moved; cd ..; rm -f b/none; mv moved b/again); mv b c; mv c/again top"
    )
    assert marks(watched.seen, tmp_path) == {"a/b/in": "d", "a/top": "w"}


def test_children_of_python_that_begin_elsewhere_are_followed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "in").write_text("1\n")
    code = """
import subprocess, threading
def work(n): subprocess.run(["sh", "-c", f"mv out{n} done{n}; cat in > /dev/null"], cwd="sub", check=True)
for n in range(6): open(f"sub/out{n}", "w").close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    assert python(tmp_path, code) == {"sub/in": "r"} | {f"sub/done{n}": "w" for n in range(6)}


def test_threads_belong_to_their_process(tmp_path: Path) -> None:
    code = """
import os, threading
def work(n): open(f"t{n}", "w").close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
threading.Thread(target=os.execv, args=("/bin/sh", ["told", "-c", "echo x > last; exit 7"])).start()
threading.Event().wait()
"""
    watched = watch([sys.executable, "-ISB", "-c", code], cwd=tmp_path, roots=[tmp_path], how="strace")
    assert marks(watched.seen, tmp_path) == {f"t{n}": "w" for n in range(8)} | {"last": "w"}
    (process,) = watched.processes
    assert process.argv[0] == "told"
    assert process.returncode == watched.returncode == 7
    assert one(watched, tmp_path / "last").by == ("told",)


def test_a_script_is_run_and_so_is_what_runs_it(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text("import helper\nopen('data').close()\n")
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "data").write_text("")
    (tmp_path / "tool").write_text("#!/bin/sh\necho x > out\n")
    (tmp_path / "tool").chmod(0o755)
    watched = run(tmp_path, f"'{sys.executable}' step.py data && ./tool data")
    expected = {"step.py": "rx", "helper.py": "r", "data": "r", "tool": "rx", "out": "w"}
    assert marks(watched.seen, tmp_path) == expected  # and no bytecode
    assert os.path.realpath(sys.executable) in {each.path for each in watched.outside if each.executed}


def test_links_are_followed_to_the_file(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (elsewhere / "data").write_text("1\n")
    (root / "link").symlink_to(elsewhere / "data")
    (tmp_path / "way").symlink_to(root)
    watched = watch(["sh", "-c", "cat link > out; mv out out2"], cwd=tmp_path / "way", roots=[tmp_path / "way"])
    assert marks(watched.seen, root) == {"out2": "w"}
    assert one(watched, elsewhere / "data").read
    assert watched.cwd == os.path.realpath(root)


def test_what_the_system_reads_for_a_program_is_left_out_but_programs_are_kept(tmp_path: Path) -> None:
    watched = watch([sys.executable, "-c", "import json, numpy"], cwd=tmp_path, roots=[tmp_path], how="strace")
    assert watched.returncode == 0
    assert not watched.seen
    others = [each.path for each in watched.outside if not each.executed]
    assert not [path for path in others if not path.startswith(os.path.realpath(tmp_path)) and "site-packages" in path]
    assert len(others) <= 3
    assert os.path.realpath(sys.executable) in {each.path for each in watched.outside if each.executed}


def test_a_command_that_fails_half_way_has_written_what_it_had(tmp_path: Path) -> None:
    watched = run(tmp_path, "echo 1 > first; echo sorry >&2; exit 3; echo 2 > second")
    assert watched.returncode == 3
    assert watched.signal is None
    assert marks(watched.seen, tmp_path) == {"first": "w"}
    assert watched.stderr == b"sorry\n"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_a_command_that_a_signal_ended_is_said_to_be(tmp_path: Path, number: signal.Signals) -> None:
    watched = run(tmp_path, f"echo 1 > first; kill -{number.value} $$; echo 2 > second")
    assert (watched.returncode, watched.signal) == (-number, number.name)
    assert watched.processes[0].returncode == -number
    assert marks(watched.seen, tmp_path) == {"first": "w"}


def test_processes_have_parents_times_and_ends(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    watched = run(tmp_path, "sh -c 'exit 4'; sleep 0.2; exec sh -c 'exit 5'")
    first, inner, sleep = watched.processes
    assert (first.argv, first.returncode) == (("sh", "-c", "exit 5"), 5)
    assert (inner.argv, inner.returncode, inner.parent) == (("sh", "-c", "exit 4"), 4, first.pid)
    assert (sleep.argv, sleep.returncode, sleep.parent) == (("sleep", "0.2"), 0, first.pid)
    assert began <= watched.began <= watched.ended <= datetime.now(UTC)
    assert sleep.ended is not None
    assert (sleep.ended - sleep.began).total_seconds() >= 0.2


def test_a_child_that_outlives_the_command_is_named_and_lives(tmp_path: Path) -> None:
    script = "(sleep 0.3; echo 1 > soon; sleep 1; echo 2 > later; cat soon > last) & echo 0 > now"
    began = time.monotonic()
    watched = run(tmp_path, script, linger=0.7)
    assert time.monotonic() - began < 5
    assert watched.returncode == 0
    assert marks(watched.seen, tmp_path) == {"now": "w", "soon": "w"}
    pids = {each.pid for each in watched.survivors}
    assert pids == {each.pid for each in watched.processes if each.returncode is None}
    assert any(each.argv == ("sleep", "1") for each in watched.survivors)
    # Whoever was let go can go on opening files.
    limit = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < limit:
        time.sleep(0.05)
    assert (tmp_path / "later").read_text() == "2\n"
    assert (tmp_path / "last").read_text() == "1\n"


def test_a_child_that_ends_soon_after_the_command_is_waited_for(tmp_path: Path) -> None:
    watched = run(tmp_path, "(sleep 0.3; echo 1 > soon) & exit 0", linger=20)
    assert marks(watched.seen, tmp_path) == {"soon": "w"}
    assert watched.survivors == ()


@pytest.mark.parametrize(
    "script", ["sleep 60; echo > late", "trap '' TERM; (trap '' TERM; setsid sleep 60) & sleep 60; sleep 60"]
)
def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path, script: str) -> None:
    began = time.monotonic()
    watched = run(tmp_path, f"echo 1 > first; {script}", timeout=0.5, grace=0.5)
    assert time.monotonic() - began < 15
    assert watched.timed_out
    assert watched.returncode < 0
    assert marks(watched.seen, tmp_path) == {"first": "w"}
    assert watched.survivors == ()
    assert not [each for each in watched.processes if alive(each.pid)]


def test_a_command_ends_when_whoever_waits_is_interrupted(tmp_path: Path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "pids").exists():
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "setsid sleep 60 & echo $$ $! > pids.new; mv pids.new pids; wait")
    thread.join()
    assert not [pid for pid in map(int, (tmp_path / "pids").read_text().split()) if alive(pid)]


def test_what_a_command_says_is_passed_on_and_its_end_is_kept(tmp_path: Path) -> None:
    said: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    watched = run(tmp_path, "seq 100000; echo oh >&2", passing=lambda stream, data: said[stream].append(data))
    assert b"".join(said["stdout"]) == b"".join(b"%d\n" % n for n in range(1, 100001))
    assert len(watched.stdout) == 65536
    assert watched.stdout.endswith(b"99999\n100000\n")
    assert b"".join(said["stderr"]) == watched.stderr == b"oh\n"


def test_what_the_listener_raises_is_raised_when_the_command_has_ended(tmp_path: Path) -> None:
    def broken(stream: str, data: bytes) -> None:
        raise RuntimeError(f"{stream}: {data!r}")

    with pytest.raises(RuntimeError, match="stdout: b'x"):
        run(tmp_path, "echo x; sleep 0.1; echo 1 > file", passing=broken)
    assert (tmp_path / "file").exists()


def test_streams_can_be_files_which_then_are_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("b\na\n")
    watched = watch(["sort"], cwd=tmp_path, roots=[tmp_path], stdin="in", stdout="out", stderr=tmp_path / "err")
    assert marks(watched.seen, tmp_path) == {"in": "r", "out": "w", "err": "w"}
    assert (tmp_path / "out").read_text() == "a\nb\n"
    assert one(watched, tmp_path / "out").by == ("sort",)
    assert watched.stdout == b""


def test_there_is_nothing_to_read_by_default(tmp_path: Path) -> None:
    assert run(tmp_path, "cat; echo done").stdout == b"done\n"


def test_the_environment_can_be_given_and_chooses_the_program(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "sorter"
    tool.write_text("#!/bin/sh\necho mine $VALUE\n")
    tool.chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "VALUE": "7"}
    assert watch(["sorter"], cwd=tmp_path, roots=[], env=env).stdout == b"mine 7\n"
    with pytest.raises(ProgramNotFound, match="sorter"):
        watch(["sorter"], cwd=tmp_path, roots=[])


def test_a_program_that_is_not_there_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotFound, match="no-such-program"):
        watch(["no-such-program"], cwd=tmp_path, roots=[tmp_path], stdout="out")
    (tmp_path / "data").write_text("no program")
    with pytest.raises(ProgramNotFound, match="data"):
        watch(["./data"], cwd=tmp_path, roots=[tmp_path])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("how", ["strace", "states"])
def test_a_file_that_is_no_program_is_an_error(tmp_path: Path, how: str) -> None:
    (tmp_path / "data").write_bytes(b"\x7fELF, but not really")
    (tmp_path / "data").chmod(0o755)
    with pytest.raises(ProgramNotFound, match=r"\./data cannot be run"):
        watch(["./data"], cwd=tmp_path, roots=[tmp_path], how=how)  # type: ignore[arg-type]


def test_a_folder_that_is_not_there_and_an_empty_command_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no folder"):
        watch(["true"], cwd=tmp_path / "none", roots=[tmp_path])
    with pytest.raises(CallError, match="empty"):
        watch([], cwd=tmp_path, roots=[tmp_path])


def test_with_too_many_files_an_earlier_status_is_known_of_those_declared_or_read_first(tmp_path: Path) -> None:
    for n in range(20):
        (tmp_path / f"f{n}").write_text(str(n))
    time.sleep(0.05)
    watched = run(tmp_path, "echo x > f1; echo x > f2; cat f3; echo x >> f4", limit=10, declared=["f2"])
    found = {os.path.basename(each.path): each for each in watched.seen}
    assert marks(watched.seen, tmp_path) == {"f1": "w", "f2": "w", "f3": "r", "f4": "w"}
    assert found["f1"].before is None
    for name, size in (("f2", 1), ("f3", 1)):
        status = found[name].before
        assert status is not None
        assert status.size == size


def test_long_arguments_and_many_of_them_are_cut(tmp_path: Path) -> None:
    long, many = "y" * 100_000, ["z"] * 6_000
    watched = watch(["sh", "-c", ":; echo $# > out", "sh", long, *many], cwd=tmp_path, roots=[tmp_path], how="strace")
    assert (tmp_path / "out").read_text() == "6001\n"
    assert marks(watched.seen, tmp_path) == {"out": "w"}
    argv = watched.processes[0].argv
    assert argv[4] == "y" * 4096 + "…"
    assert len(argv) == 4097
    assert argv[-1] == "…"


def test_more_is_opened_than_a_pipe_holds(tmp_path: Path) -> None:
    code = "for n in range(20_000): open(f'f{n % 500}', 'w').close()"
    assert python(tmp_path, code) == {f"f{n}": "w" for n in range(500)}


def test_roots_within_roots_and_elsewhere_are_told_from_the_rest(tmp_path: Path) -> None:
    for name in ("a", "a/deep", "b", "ab"):
        (tmp_path / name).mkdir()
    script = "for where in a a/deep b ab; do echo 1 > $where/file; done"
    roots = [tmp_path / "a" / "deep", tmp_path / "a", tmp_path / "b"]
    watched = watch(["sh", "-c", script], cwd=tmp_path, roots=roots)
    assert marks(watched.seen, tmp_path) == {"a/file": "w", "a/deep/file": "w", "b/file": "w"}
    assert one(watched, tmp_path / "ab" / "file") in watched.outside
