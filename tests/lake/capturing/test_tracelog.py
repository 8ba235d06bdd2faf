"""What strace writes is understood line by line, whoever speaks in between."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from holotype.lake.capturing.ledger import Ledger
from holotype.lake.capturing.states import look
from holotype.lake.capturing.tracelog import TraceLog

from .commands import marks

if TYPE_CHECKING:
    from pathlib import Path


class Told:
    """A log that is told line by line, of what happens in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.path.realpath(folder)
        self.ledger = Ledger(look((self.folder,)), began_ns=0)
        self.log = TraceLog(self.ledger, folder=self.folder)
        self.time = 0

    def say(self, *lines: str) -> None:
        """Lines without their times; ``@`` stands for the folder."""
        for line in lines:
            self.time += 1
            pid, _, body = line.replace("@", self.folder).partition(" ")
            self.log.feed(f"{pid:5} 1700000000.{self.time:06} {body}\n".encode())

    def marks(self) -> dict[str, str]:
        """What was seen in the end."""
        self.log.finish()
        return marks(self.ledger.seen()[0], self.folder)  # type: ignore[arg-type]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    for name in ("a", "b", "sub/a", "sub/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    return Told(tmp_path)


def test_a_call_that_was_interrupted_in_the_telling_is_put_together(told: Told) -> None:
    told.say(
        '1 execve("/bin/sh", ["sh"], 0x7f /* 3 vars */) = 0',
        "1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 2",
        '1 openat(AT_FDCWD<@>, "a", O_RDONLY <unfinished ...>',
        '2 openat(AT_FDCWD<@>, "b", O_RDONLY <unfinished ...>',
        "1 <... openat resumed>)             = 3<@/a>",
        "2 <... openat resumed>)             = -1 EACCES (Permission denied)",
    )
    assert told.marks() == {"a": "r"}


def test_a_call_that_failed_or_was_begun_anew_did_nothing(told: Told) -> None:
    told.say(
        '1 openat(AT_FDCWD<@>, "a", O_RDONLY) = -1 ENOENT (No such file or directory)',
        '1 openat(AT_FDCWD<@>, "a", O_RDONLY) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)',
        '1 openat(AT_FDCWD<@>, "a", O_RDONLY <unfinished ...>',
        "1 <... openat resumed>) = ? <unavailable>",
        '1 unlink("a") = -1 EBUSY (Device or resource busy)',
        '1 rename("a", "b") = -1 EXDEV (Invalid cross-device link)',
        '1 openat(AT_FDCWD<@>, "b", O_RDONLY <unfinished ...>',
        "1 +++ killed by SIGKILL +++",
    )
    assert told.marks() == {}
    assert told.log.processes[0].returncode == -9


@pytest.mark.parametrize("fork", ["vfork(", "clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}, 88"])
def test_a_child_may_speak_before_its_parent_says_whose_it_is(told: Told, fork: str) -> None:
    told.say(
        '1 execve("/bin/python", ["python"], 0x7f /* 3 vars */) = 0',
        f"1 {fork} <unfinished ...>",
        '2 chdir("sub") = 0',
        '2 execve("/bin/mv", ["mv", "a", "b"], 0x7f /* 3 vars */ <unfinished ...>',
        "1 <... call resumed>) = 2",
        "2 <... execve resumed>) = 0",
        '2 openat(AT_FDCWD<@/sub>, "a", O_RDONLY) = 3<@/sub/a>',
        '1 openat(AT_FDCWD<@>, "b", O_RDONLY) = 3<@/b>',
    )
    assert told.marks() == {"sub/a": "r", "b": "r"}
    assert [(each.pid, each.parent, each.argv) for each in told.log.processes] == [
        (1, None, ("python",)),
        (2, 1, ("mv", "a", "b")),
    ]


def test_a_child_whose_parent_never_speaks_again_is_an_orphan(told: Told) -> None:
    told.say(
        "1 vfork( <unfinished ...>",
        '2 openat(AT_FDCWD<@>, "a", O_RDONLY) = 3<@/a>',
        "2 clone(child_stack=NULL, flags=SIGCHLD) = 3",
        '3 openat(AT_FDCWD<@>, "b", O_RDONLY) = 3<@/b>',
        "1 +++ killed by SIGKILL +++",
    )
    assert told.marks() == {"a": "r", "b": "r"}
    assert [(each.pid, each.parent) for each in told.log.processes] == [(1, None), (2, None), (3, 2)]


def test_a_thread_speaks_for_its_process_and_may_become_it(told: Told) -> None:
    told.say(
        '1 execve("/bin/one", ["one"], 0x7f /* 3 vars */) = 0',
        "1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x7f}, 88) = 2",
        '2 chdir("sub") = 0',
        '1 unlink("a") = 0',
        '2 execve("/bin/two", ["two"], 0x7f /* 3 vars */ <pid changed to 1 ...>',
        "1 +++ superseded by execve in pid 2 +++",
        "1 <... execve resumed>) = -1 (errno 18446744073709551359)",
        '1 openat(AT_FDCWD<@/sub>, "b", O_RDONLY) = 3<@/sub/b>',
        "1 +++ exited with 0 +++",
    )
    os.unlink(os.path.join(told.folder, "sub", "a"))
    assert told.marks() == {"sub/a": "d", "sub/b": "r"}
    (process,) = told.log.processes
    assert (process.argv, process.returncode) == (("two",), 0)
    assert told.log.left() == ()


def test_flags_are_taken_wherever_a_call_has_them(told: Told) -> None:
    told.say(
        '1 open("a", O_RDONLY|O_CLOEXEC) = 3<@/a>',
        '1 openat2(3<@/sub>, "a", {flags=O_RDWR, resolve=RESOLVE_BENEATH}, 24) = 4<@/sub/a>',
        '1 openat(AT_FDCWD<@>, "b", O_RDONLY|O_PATH) = 4<@/b>',
        '1 openat(AT_FDCWD<@>, ".", O_RDONLY|O_DIRECTORY) = 4<@>',
        '1 openat(AT_FDCWD<@>, ".", O_RDONLY) = 4<@>',
        '1 openat(AT_FDCWD<@>, "/dev/stdin", O_RDONLY) = 4<pipe:[123]>',
        '1 openat(AT_FDCWD<@>, "/dev/fd/9", O_RDONLY) = 4<@/b>(deleted)',
        '1 creat("sub/b", 0644) = 4<@/sub/b>',
    )
    assert told.marks() == {"a": "r", "sub/a": "r", "sub/b": "w"}


def test_letters_that_strace_escapes_are_what_they_were(tmp_path: Path) -> None:
    names = [b"\xff\xc3\xa9", b"t\tn\nr\rv\vf\f", b'q"u\\o', b"a<b>c", b"\x01\x02\x7f7"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    told = Told(tmp_path)
    told.say(
        r'1 openat(AT_FDCWD<@>, "\377\303\251", O_RDONLY) = 3<@/\377\303\251>',
        r'1 openat(AT_FDCWD<@>, "t\tn\nr\rv\vf\f", O_RDONLY) = 3<@/t\tn\nr\rv\vf\f>',
        r'1 openat(AT_FDCWD<@>, "\x71\"u\\o", O_RDONLY) = 3<@/\x71\"u\\o>',
        r'1 openat(AT_FDCWD<@>, "a<b>c", O_RDONLY) = 3<@/a\74b\76c>',
        r'1 openat(AT_FDCWD<@>, "\1\2\1777", O_RDONLY) = 3<@/\1\2\1777>',
    )
    assert told.marks() == {os.fsdecode(name): "r" for name in names}


def test_lines_that_are_cut_anywhere_are_put_together(told: Told) -> None:
    line = f'1 1700000000.000001 openat(AT_FDCWD<{told.folder}>, "a", O_RDONLY) = 3<{told.folder}/a>\n'.encode()
    for byte in line:
        told.log.feed(bytes([byte]))
    assert told.marks() == {"a": "r"}


def test_exchanging_two_names_writes_both(told: Told) -> None:
    told.say('1 renameat2(AT_FDCWD<@>, "a", AT_FDCWD<@>, "sub/a", RENAME_EXCHANGE) = 0')
    assert told.marks() == {"a": "w", "sub/a": "w"}
    assert {each.path: each.renamed_from for each in told.ledger.seen()[0]} == {
        f"{told.folder}/a": f"{told.folder}/sub/a",
        f"{told.folder}/sub/a": f"{told.folder}/a",
    }


def test_lines_of_no_known_form_are_passed_over(told: Told) -> None:
    told.say(
        "1 --- SIGSEGV {si_signo=SIGSEGV} ---",
        "1 +++ something new +++",
        "1 unheard(AT_FDCWD) = 0",
        "1 openat(0x7ffe, 0x12, O_RDONLY) = 3",
        '1 rename("a") = 0',
        "1 <... openat resumed>) = 3<@/a>",
        "strace: Process 12 attached",
        "1 execve(NULL, NULL, NULL) = 0",
        "1 chdir(0x12) = 0",
        "1 fchdir(3) = 0",
        "1 +++ killed by SIGRT_3 +++",
    )
    assert told.marks() == {}


def test_a_process_in_a_namespace_of_its_own_is_followed_by_what_it_says(told: Told) -> None:
    told.say(
        '1 execve("/bin/box", ["box"], 0x7f /* 3 vars */) = 0',
        "1 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 1",
        *['77 openat(AT_FDCWD<@>, "a", O_RDONLY) = 3<@/a>'] * 10_001,
    )
    assert marks(told.ledger.seen()[0], told.folder) == {"a": "r"}  # type: ignore[arg-type]
