"""What all programs have in common: how they fail when the machine is at fault, and how a command says that data is."""

from __future__ import annotations

from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Retry, Rule, StopRun, StopSample, When

__all__ = ["CUT_OFF", "NO_MEMORY", "REFERENCE", "THREADS", "malformed", "usual", "watched"]

# Statuses that commands here end with themselves, as sysexits.h of BSD names them: 64 for wrong use, 65 for wrong data.
_DATA = 65

NO_MEMORY = (
    r"[Oo]ut of memory|[Ii]nsufficient memory|std::bad_alloc|OutOfMemoryError"
    r"|([Cc]annot|[Cc]ould not|[Cc]ouldn't|[Ff]ailed to|[Ff]ail to) allocate"
)
"""How programs say that there was no memory left, when nobody killed them for it."""
# With these a shell tells that a signal ended what it ran: 6, 7, 8 or 11, of which programs die that look at no answer.
_BROKE_DOWN = (134, 135, 136, 139)
_NO_SPACE = r"No space left on device|Disk quota exceeded|File too large"

CUT_OFF = "EOF marker is absent|No BGZF EOF marker|Failed to read BGZF|truncated file"
"""How programs that read BAM or packed VCF say that a file ends too early: with several threads some of them go on, and
end well.
"""

THREADS = Parameter(kind="int", default=2, minimum=1, maximum=256, about="Processors that one task uses.")


def usual(*own: Rule, last: tuple[Rule, ...] = (), memory: str = "256 GiB") -> tuple[Rule, ...]:
    """The rules of a stage: what ran out is raised, memory up to so much; what may pass is tried again; its ``own``;
    what broke down is tried once more; and what is ``last``.
    """
    more = Retry(3, raising={"memory": 2}, up_to={"memory": memory})
    room = Retry(2, wait="1 min", raising={"disk": 2})
    return (
        Rule(When(Failure.MEMORY), more),
        Rule(When((Failure.EXIT, Failure.SIGNAL), says=NO_MEMORY), more),
        Rule(When(Failure.DISK), room),
        Rule(When(Failure.EXIT, says=_NO_SPACE), room),
        Rule(When(Failure.TIME), Retry(1, raising={"time": 2}, up_to={"time": "14 d"})),
        Rule(When((Failure.NODE, Failure.START)), Retry(3, wait="30 s", longest="10 min")),
        *own,
        Rule(When(Failure.SIGNAL), Retry(1, wait="10 s")),
        Rule(When(Failure.EXIT, codes=_BROKE_DOWN), Retry(1, raising={"memory": 2}, up_to={"memory": memory})),
        *last,
    )


def malformed(says: str, reason: str) -> tuple[Rule, ...]:
    """The rules for data that is wrong: no second attempt makes it right.  ``says``: how the program tells."""
    stop = StopSample(reason)
    return Rule(When(Failure.EXIT, codes=_DATA), stop), Rule(When(Failure.EXIT, says=says), stop)


def watched(command: str, says: str, reason: str) -> str:
    """A command that fails for wrong data where a program goes on and only says so on its standard error.

    ``says``: an extended regular expression for ``grep``; ``reason``: what is said then.  Both without quotes.
    """
    return (
        "exec 3>&2 2>said.log\ntrap 'cat said.log >&3' EXIT\n"
        f"{command.strip()}\nif grep -qE '{says}' said.log; then\n    echo '{reason}' >&2\n    exit {_DATA}\nfi\n"
    )


REFERENCE = (Rule(When((Failure.EXIT, Failure.MISSING, Failure.INVALID)), StopRun("the reference cannot be indexed")),)
"""The rules for what is made of the reference: without it there is nothing to do."""
