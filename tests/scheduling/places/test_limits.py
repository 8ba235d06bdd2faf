"""What a job is given, what it takes, what it may not, and where what it says goes."""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import psutil

from holotype.scheduling import Ended, Job, LocalPlace

from .machine import eventually, job_of, naps, shell
from .place_contract import until_over, until_running

if TYPE_CHECKING:
    from pathlib import Path

HAS = (
    "import sys, time; kept = bytearray(int(sys.argv[1])); kept[::4096] = kept[::4096]; time.sleep(float(sys.argv[2]))"
)
MANY = 64 << 20


def outcome(place: LocalPlace, job: Job) -> Ended:
    """What becomes of a job."""
    place.submit(job)
    ended = until_over(place, [job.id])[job.id]
    assert isinstance(ended, Ended)
    return ended


# -- what it is given


def test_a_job_works_in_its_folder_with_its_variables_and_nothing_to_read(place: LocalPlace, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    given = {"PATH": os.environ["PATH"], "EMPTY": "", "NAME": "a b'\n"}
    job = shell(tmp_path, "a", "pwd; cat; env", folder=str(tmp_path / "there"), environment=given)
    assert outcome(place, job).ok
    said = (tmp_path / "a.out").read_text()
    assert said.startswith(f"{tmp_path}/there\n")
    for line in ("EMPTY=\n", "NAME=a b'\n"):
        assert line in said
    for name in ("HOME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"):
        assert f"{name}=" not in said


def test_arguments_arrive_as_they_are(place: LocalPlace, tmp_path: Path) -> None:
    given = ["", " ", "$(exit 1)", "a\nb", "'\"\\", "ä€😀", os.fsdecode(b"\xff\xfe/\x80"), "*"]
    assert outcome(place, shell(tmp_path, "a", 'printf "%s\\0" "$@"', *given)).ok
    assert (tmp_path / "a.out").read_bytes().split(b"\0")[:-1] == [os.fsencode(each) for each in given]


def test_folders_and_files_may_have_names_that_are_no_text(place: LocalPlace, tmp_path: Path) -> None:
    there = os.path.join(os.fsencode(tmp_path), b"\xff\n \xe4")
    os.mkdir(there)
    job = Job(
        id="a",
        command=("/bin/pwd",),
        folder=os.fsdecode(there),
        stdout=os.fsdecode(there + b"/\xfe"),
        stderr=os.fsdecode(there + b"/\xfe"),
        environment={"NAME": os.fsdecode(b"\xfd")},
    )
    assert outcome(place, job).ok
    with open(there + b"/\xfe", "rb") as said:
        assert said.read() == there + b"\n"


def test_thousands_of_arguments(place: LocalPlace, tmp_path: Path) -> None:
    given = [f"{number:0200}" for number in range(5000)]
    assert outcome(place, shell(tmp_path, "a", "echo $#", *given)).ok
    assert (tmp_path / "a.out").read_text() == "5000\n"


def test_jobs_of_any_identifier_are_each_their_own(place: LocalPlace, tmp_path: Path) -> None:
    ids = [
        "../a",
        "a/b",
        "a",
        "A",
        "\u00e4",
        "a\u0308",
        ".",
        "..",
        "new.a",
        "place.d",
        "x" * 5000,
        "a b\n",
        "\udcff",
        "CON",
    ]
    for number, id in enumerate(ids):
        place.submit(shell(tmp_path, id, f"exit {number}", stdout=f"{tmp_path}/out", stderr=f"{tmp_path}/out"))
    found = until_over(place, ids)
    assert [found[id].code for id in ids] == list(range(len(ids)))
    with closing(LocalPlace(tmp_path / "place")) as other:
        assert other.poll(ids) == found


def test_the_same_identifier_in_another_place_is_another_job(place: LocalPlace, tmp_path: Path) -> None:
    seconds, asleep = naps()
    with closing(LocalPlace(tmp_path / "other")) as other:
        for each in (place, other):
            each.submit(shell(tmp_path, "a", f"env -u X sleep {seconds} & wait"))
        eventually(lambda: len(asleep()) == 2)
        other.cancel("a")
        until_over(other, "a")
        assert len(asleep()) == 1
        place.cancel("a")
        until_over(place, "a")


# -- what keeps it from being started


def test_what_keeps_a_job_from_being_started_is_said(place: LocalPlace, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("echo no\n")
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)
    there = {"PATH": "/nowhere"}
    cases = {
        "there is no program no-such in PATH, which is '/nowhere'": job_of(tmp_path, "a", "no-such", environment=there),
        "there is no program ./no-such": job_of(tmp_path, "b", "./no-such"),
        "./plain cannot be run: Permission denied": job_of(tmp_path, "c", "./plain"),
        "what is to run ./script, by its first line": job_of(tmp_path, "d", "./script"),
        f"its folder {tmp_path}/none is none": job_of(tmp_path, "e", "true", folder=f"{tmp_path}/none"),
        f"its folder {tmp_path}/plain is none": job_of(tmp_path, "f", "true", folder=f"{tmp_path}/plain"),
        f"its output cannot be written to {tmp_path}/none/out": job_of(
            tmp_path, "g", "true", stdout=f"{tmp_path}/none/out"
        ),
        "embedded null byte": job_of(tmp_path, "h", "echo", "a\0b"),
        "illegal environment variable name": job_of(tmp_path, "i", "true", environment={"A=B": ""}),
        "surrogates not allowed": job_of(tmp_path, "j", "echo", "\ud800"),
        "Argument list too long": job_of(tmp_path, "k", "echo", "x" * (4 << 20)),
        "/ cannot be run": job_of(tmp_path, "l", "/"),
    }
    for job in cases.values():
        place.submit(job)
    found = until_over(place, [job.id for job in cases.values()])
    for message, job in cases.items():
        assert found[job.id].cause == "start"
        assert message in found[job.id].message
    # And the next one is started all the same.
    assert outcome(place, shell(tmp_path, "z", "exit 0")).ok


def test_a_job_whose_beginning_cannot_be_written_down_is_not_begun(place: LocalPlace, tmp_path: Path) -> None:
    assert outcome(place, shell(tmp_path, "z", "exit 0")).ok
    place.close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        place.submit(shell(tmp_path, "a", "echo started"))
        found = until_over(place, "a")["a"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.cause == "start"
    assert "cannot be written down" in found.message
    assert not (tmp_path / "a.out").exists()


# -- what it takes


def test_the_memory_that_a_job_has_is_told(place: LocalPlace, tmp_path: Path) -> None:
    alone = outcome(place, job_of(tmp_path, "a", sys.executable, "-S", "-c", HAS, str(MANY), "0"))
    assert MANY < alone.memory < 3 * MANY


def test_memory_counts_for_all_that_it_has_started(place: LocalPlace, tmp_path: Path) -> None:
    each = f'"{sys.executable}" -S -c "{HAS}" {MANY} 4'
    together = outcome(place, shell(tmp_path, "b", f"{each} & {each} & {each} & wait"))
    assert 3 * MANY < together.memory < 6 * MANY


def test_a_job_that_has_more_memory_than_it_may_is_ended(place: LocalPlace, tmp_path: Path) -> None:
    has = [sys.executable, "-S", "-c", HAS, str(MANY)]
    place.submit(job_of(tmp_path, "a", *has, "1000", memory=MANY // 2))
    place.submit(job_of(tmp_path, "b", *has, "1", memory=MANY * 4))
    place.submit(shell(tmp_path, "c", '"$@" & sleep 1000', *has, "1000", memory=MANY // 2))
    found = until_over(place, "abc")
    assert (found["a"].cause, found["a"].ok) == ("memory", False)
    assert found["a"].memory > MANY // 2
    assert found["b"].ok
    assert found["c"].cause == "memory"


def test_memory_that_several_share_counts_once(place: LocalPlace, tmp_path: Path) -> None:
    """As workers do that are forked when a reference was read."""
    script = (
        "import os, time\nkept = bytearray(100 << 20)\nkept[::4096] = kept[::4096]\n"
        "for _ in range(4):\n    if not os.fork():\n        time.sleep(1.5)\n        os._exit(0)\nwhile True:\n"
        "    try:\n        os.wait()\n    except ChildProcessError:\n        break\n"
    )
    ended = outcome(place, job_of(tmp_path, "a", sys.executable, "-S", "-c", script, memory=250 << 20))
    assert ended.ok
    assert ended.memory < 200 << 20


def test_processor_time_and_bytes_count_for_all_that_it_has_started(place: LocalPlace, tmp_path: Path) -> None:
    busy = f'"{sys.executable}" -S -c "import time\nwhile time.process_time() < 0.3: pass"'
    copy = f"head -c {MANY} /dev/zero > zeros; cat zeros > again"
    ended = outcome(place, shell(tmp_path, "a", f"({busy} & {busy} & wait); ({copy}); sleep 1"))
    assert ended.ok
    assert 0.6 <= ended.cpu < 30
    assert ended.read is not None
    assert ended.written is not None
    assert 2 * MANY <= ended.read < 3 * MANY
    assert 2 * MANY <= ended.written < 3 * MANY


# -- what it says


def test_what_a_job_prints_goes_to_files_and_through_no_memory(place: LocalPlace, tmp_path: Path) -> None:
    job = shell(tmp_path, "a", f"head -c {4 * MANY} /dev/zero; head -c {4 * MANY} /dev/zero >&2; sleep 1000")
    others = set(psutil.Process().children(recursive=True))
    place.submit(job)
    until_running(place, "a")
    eventually(lambda: os.path.getsize(tmp_path / "a.err") == 4 * MANY)
    started = set(psutil.Process().children(recursive=True)) - others
    assert 0 < sum(each.memory_info().rss for each in started) < MANY
    place.cancel(["a"])
    ended = until_over(place, ["a"])["a"]
    assert os.path.getsize(tmp_path / "a.out") == 4 * MANY
    assert ended.memory < MANY


def test_output_and_error_may_be_one_file_in_the_order_in_which_they_were_said(
    place: LocalPlace, tmp_path: Path
) -> None:
    both = {"stdout": f"{tmp_path}/both", "stderr": f"{tmp_path}/both"}
    assert outcome(place, shell(tmp_path, "a", "echo 1; echo 2 >&2; echo 3", **both)).ok
    assert (tmp_path / "both").read_text() == "1\n2\n3\n"


def test_a_job_begins_with_no_signal_ignored_and_nothing_open(place: LocalPlace, tmp_path: Path) -> None:
    script = "grep -E 'Sig(Ign|Blk):' /proc/self/status; ls /proc/self/fd"
    # As a shell has them for what it begins in the background.
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGQUIT, signal.SIGUSR1)}
    try:
        place.submit(shell(tmp_path, "a", script))
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert until_over(place, ["a"])["a"].ok
    ignored, blocked, *descriptors = (tmp_path / "a.out").read_text().splitlines()
    assert {ignored.split()[1], blocked.split()[1]} == {"0" * 16}
    # The last is the folder that is listed.
    assert descriptors == ["0", "1", "2", "3"]
