"""No room calls what only some platforms have, except in the places listed here, where there is another way.

That the other way works is what ``tests/lake/environments`` runs.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from .source import modules, parsed

# What Python's ``os`` has on Linux or macOS and not on Windows; most constants begin with one of a few words.
NOT_EVERYWHERE = frozenset(
    re.findall(
        r"\w+",
        """
        chflags chown chroot confstr copy_file_range ctermid environb eventfd eventfd_read eventfd_write fchdir fchown
        fdatasync fork forkpty fpathconf fstatvfs fwalk getegid getenvb geteuid getgid getgrouplist getgroups
        getloadavg getpgid getpgrp getpriority getrandom getresgid getresuid getsid getuid getxattr grantpt initgroups
        killpg lchflags lchmod lchown listxattr lockf login_tty major makedev memfd_create minor mkfifo mknod nice
        openpty pathconf pidfd_open pipe2 posix_fadvise posix_fallocate posix_openpt posix_spawn posix_spawnp pread
        preadv ptsname pwrite pwritev readv register_at_fork removexattr sched_getaffinity sched_setaffinity
        sched_yield sendfile setegid seteuid setgid setgroups setns setpgid setpgrp setpriority setregid setresgid
        setresuid setreuid setsid setuid setxattr splice statvfs sync sysconf tcgetpgrp tcsetpgrp timerfd_create
        ttyname uname unlockpt unshare wait wait3 wait4 waitid writev O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NOATIME
        O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC O_TMPFILE O_BINARY O_NOINHERIT SEEK_DATA SEEK_HOLE
        """,
    )
)
CONSTANTS = re.compile(r"(?:CLONE|EFD|EX|F|GRND|MFD|POSIX|PRIO|P|RTLD|RWF|SCHED|SPLICE|ST|TFD|XATTR)_[A-Z_]+")
# Modules that a platform lacks, and the signals, and what to do about them, that every one has.
FOREIGN = frozenset(
    {"fcntl", "grp", "msvcrt", "nt", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "winreg"}
)
SIGNALS = frozenset({"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"})

# Module, what it calls, and what keeps the call from where it is not.
GUARDED = {
    ("catalog.catalog", "getuid"): "hasattr",
    ("catalog.stores.local", "POSIX_FADV_DONTNEED"): "hasattr of posix_fadvise; memory is let go by the system itself",
    ("catalog.stores.local", "posix_fadvise"): "hasattr; memory is let go by the system itself",
    ("catalog.stores.local", "pread"): "hasattr; else a seek and a read, under a lock",
    ("catalog.stores.local", "writev"): "hasattr; else a write for each part",
    ("catalog.stores.sftppool", "register_at_fork"): "hasattr; where nothing forks there is nothing to do",
    ("lake.capturing.processes", "SIGKILL"): "hasattr of killpg; else a program of Windows",
    ("lake.capturing.processes", "killpg"): "hasattr; else a program of Windows",
    ("lake.capturing.running", "pidfd_open"): "hasattr; else it is looked now and then",
    ("lake.capturing.running", "wait4"): "hasattr; else time and memory are not counted",
    ("lake.capturing.strace", "O_NONBLOCK"): "hasattr of mkfifo; else there is no strace either",
    ("lake.capturing.strace", "mkfifo"): "hasattr; else there is no strace either",
    ("lake.capturing.watching", "geteuid"): "hasattr; nobody is privileged",
    ("lake.capturing.events", "register_at_fork"): "hasattr; where nothing forks there is nothing to do",
    ("scheduling.checking.asking", "SIGKILL"): "hasattr of killpg; else the process alone is ended",
    ("scheduling.checking.asking", "P_PID"): "hasattr of waitid; else it is waited for",
    ("scheduling.checking.asking", "waitid"): "hasattr; else it is waited for",
    ("scheduling.checking.asking", "killpg"): "hasattr; else the process alone is ended",
    ("scheduling.places.guard", "SIGCHLD"): "hasattr of fork; else it looks again and again",
    ("scheduling.places.guard", "SIGHUP"): "hasattr of fork; there is none to handle",
    ("scheduling.places.guard", "SIGPIPE"): "hasattr of fork; there is none to be ignored",
    ("scheduling.places.guard", "SIGXFSZ"): "hasattr of fork; there is none to be ignored",
    ("scheduling.places.guard", "resource"): "hasattr of fork; else time and memory are not counted",
    ("scheduling.places.guard", "setsid"): "hasattr; there are no sessions",
    ("scheduling.places.guard", "wait4"): "hasattr of fork; else time and memory are not counted",
    ("scheduling.places.identity", "pidfd_open"): "hasattr; else by number",
    ("scheduling.places.keeper", "SIGHUP"): "hasattr of fork; there is none to ignore",
    ("scheduling.places.pool", "fork"): "the keeper, which asks for it",
    ("scheduling.places.trees", "SIGCONT"): "adopt, which is Linux's; else psutil",
    ("scheduling.places.trees", "SIGKILL"): "adopt, which is Linux's; else psutil",
    ("scheduling.places.trees", "sysconf"): "adopt, which is Linux's; else psutil",
    ("scheduling.running.durable", "O_DIRECTORY"): "hasattr; else the system sees to it",
    ("scheduling.running.lock", "fcntl"): "sys.platform; else msvcrt",
    ("scheduling.running.lock", "msvcrt"): "sys.platform; else fcntl",
    ("scheduling.site", "sched_getaffinity"): "hasattr; all processors are ours",
    ("lake.tree.attributes", "chown"): "hasattr; files are their maker's",
    ("lake.tree.attributes", "getxattr"): "hasattr of listxattr; there are none",
    ("lake.tree.attributes", "listxattr"): "hasattr; there are none",
    ("lake.tree.attributes", "setxattr"): "hasattr of listxattr; each is a problem",
    ("lake.tree.attributes", "SEEK_DATA"): "hasattr of SEEK_HOLE; holes are zeros",
    ("lake.tree.attributes", "SEEK_HOLE"): "hasattr; holes are zeros",
    ("lake.storing.helpers", "sched_getaffinity"): "hasattr; else all processors count",
    ("lake.storing.intake", "preadv"): "hasattr; else a seek and a read",
    ("lake.restoring.placing", "makedev"): "whether os.mknod takes a descriptor; each is a problem",
    ("lake.restoring.placing", "mknod"): "whether os.mknod takes a descriptor; each is a problem",
    ("lake.restoring.placing", "pwrite"): "hasattr; else a seek and a write",
    ("lake.retention.sessions", "sysconf"): "/proc, which is read before it; else time decides",
    ("lake.restoring.settling", "geteuid"): "hasattr; nobody is privileged",
    ("lake.tree.statuses", "major"): "hasattr; the number as it is",
    ("lake.tree.statuses", "minor"): "hasattr of major; the number as it is",
    ("lake.restoring.targets", "getxattr"): "hasattr of listxattr; there are no ACLs to keep",
    ("lake.restoring.targets", "listxattr"): "hasattr; there are no ACLs to keep",
    ("lake.restoring.targets", "removexattr"): "hasattr of listxattr; there are no ACLs to keep",
    ("lake.restoring.targets", "setxattr"): "only what was found before; there are no ACLs to keep",
    ("lake.restoring.terrain", "chown"): "hasattr; nothing has an owner",
    ("lake.restoring.terrain", "geteuid"): "hasattr; nobody is privileged",
    ("lake.restoring.terrain", "mkfifo"): "hasattr; there are none",
    ("lake.restoring.terrain", "pathconf"): "hasattr; what the platform says by itself",
    ("lake.restoring.terrain", "setxattr"): "hasattr; there are none",
    ("scheduling.tasks.entering", "getgid"): "hasattr of getuid; what is made is of who the image says",
    ("scheduling.tasks.entering", "getuid"): "hasattr; what is made is of who the image says",
}


def is_foreign(module: str, name: str) -> bool:
    """Whether a name of a module of Python is missing somewhere."""
    if module == "os":
        return name in NOT_EVERYWHERE or CONSTANTS.fullmatch(name) is not None
    return module == "signal" and name.startswith("SIG") and name.isupper() and name not in SIGNALS


def uses(module: str) -> set[str]:
    """What a module uses that is missing somewhere, and what it imports that is."""
    found: set[str] = set()
    for node in ast.walk(parsed(module)):
        match node:
            case ast.Attribute(ast.Name(home), name) if is_foreign(home, name):
                found.add(name)
            case ast.ImportFrom(str(home), names) if not node.level:
                found |= {alias.name for alias in names if is_foreign(home, alias.name)}
                found |= {home} & FOREIGN
            case ast.Import(names):
                found |= {alias.name for alias in names} & FOREIGN
            case _:
                pass
    return found


def test_what_not_every_platform_has_is_called_where_there_is_another_way() -> None:
    found = {(module, name) for module in modules() for name in uses(module)}
    wrong = [f"{module} uses {name}" for module, name in sorted(found - GUARDED.keys())]
    assert not wrong, "\n".join(wrong)


def test_the_list_has_nothing_that_is_not_called_any_more() -> None:
    found = {(module, name) for module in modules() for name in uses(module)}
    assert not GUARDED.keys() - found


def test_what_is_guarded_is_asked_for_first() -> None:
    """Each module asks whether the platform has it, in some way, before it is called."""
    asked: dict[str, str] = defaultdict(str)
    for module in {module for module, _ in GUARDED}:
        asked[module] = modules()[module].read_text("utf-8")
    for (module, name), how in GUARDED.items():
        if how.startswith("hasattr"):
            named = re.match(r"hasattr(?: of (\w+))?", how)
            assert named is not None
            assert f'hasattr(os, "{named[1] or name}")' in asked[module], (module, name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("os.fork()", {"fork"}),
        ("from os import O_DIRECTORY, path", {"O_DIRECTORY"}),
        ("import fcntl, os", {"fcntl"}),
        ("from pwd import getpwnam", {"pwd"}),
        ("signal.SIGKILL; signal.SIGINT", {"SIGKILL"}),
        ("os.posix_fadvise(1, 0, 0, os.POSIX_FADV_DONTNEED)", {"posix_fadvise", "POSIX_FADV_DONTNEED"}),
        ("os.open(p, os.O_RDONLY | os.O_CREAT); os.link(a, b); hasattr(os, 'pread')", set[str]()),
    ],
)
def test_such_a_call_is_found(text: str, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.parsed", lambda module: ast.parse(text))
    assert uses("any") == expected
