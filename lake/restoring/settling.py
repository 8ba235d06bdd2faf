"""Giving restored entries their owner, mode, attributes and time, with no call more than each needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from holotype.catalog import InvalidOption

from ..tree.attributes import apply, group_number, user_number
from ..tree.naming import rules_of_platform
from ..tree.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..tree.entries import Entry
    from ..tree.naming import Rules
    from .targets import Nature

__all__ = ["Owners", "Settler", "owners_here"]

Owners = Literal["numbers", "names", "none"]

_BY_DESCRIPTOR = os.utime in os.supports_fd


def owners_here(owners: Owners | None) -> Owners:
    """What is asked for, or else what this process may do.  Raises ``InvalidOption``."""
    if owners not in (None, "numbers", "names", "none"):
        raise InvalidOption(f"owners is 'numbers', 'names' or 'none', not {owners!r}", owners=owners)
    privileged = hasattr(os, "geteuid") and os.geteuid() == 0
    return owners or ("numbers" if privileged else "none")


class Settler:
    """Settles entries of one restore; safe to use from several threads.

    ``owners``: as ``Placer`` has it.  ``nature``: what the file system gives a new file by itself.  ``rules``: what it
    cannot keep is not tried, and has been told of.
    """

    def __init__(
        self,
        owners: Owners,
        nature: Nature,
        on_problem: Callable[[Problem], object] | None,
        *,
        rules: Rules | None = None,
    ) -> None:
        self.owners: Owners = owners
        self._rules = rules_of_platform() if rules is None else rules
        self._here = (nature.uid, nature.gid)
        self._not_given = 0o7000 | nature.umask
        self._on_problem = on_problem

    def needs_more(self, entry: Entry) -> bool:
        """Whether a file needs more than to be opened with its mode, to have its mode, owner and attributes."""
        return bool(entry.mode & self._not_given or entry.xattrs) or self._owner(entry) is not None

    def opened(self, entry: Entry, fd: int) -> None:
        """Settle a file that was written, while it is open."""
        if not _BY_DESCRIPTOR:
            return
        if self.needs_more(entry):
            self.settle(entry, fd)
            return
        try:
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        except (OSError, OverflowError) as error:
            self.report(entry, "attributes", f"the time could not be set: {error}")

    def closed(self, entry: Entry, path: bytes) -> None:
        """Settle a file that was closed, on platforms that settle no open ones."""
        if not _BY_DESCRIPTOR:
            self.settle(entry, path)

    def settle(self, entry: Entry, where: int | bytes, *, dir_fd: int | None = None) -> None:
        """Settle anything: ``where`` is its descriptor, or its name below ``dir_fd``, or its path."""
        mode = entry.mode
        if self.owners == "none" and entry.kind != "directory":
            # Another person's set-user-id bit on my file would lend my rights.
            mode &= ~((0o4000 if entry.uid != self._here[0] else 0) | (0o2000 if entry.gid != self._here[1] else 0))
            if mode != entry.mode:
                message = "set-user-id and set-group-id are not set, because the owner is another here"
                self.report(entry, "attributes", message)
        owner, rules = self._owner(entry), self._rules
        if owner is not None and not rules.owners:
            owner, mode = None, mode & ~0o6000
        # On Windows a mode that cannot be had still says whether a file is read-only.
        settable = rules.modes is None or rules.platform == "windows" or mode in rules.modes
        wrong = apply(
            where,
            mtime_ns=entry.mtime_ns,
            mode=mode if settable else None,
            owner=owner,
            xattrs=entry.xattrs if rules.xattrs else None,
            dir_fd=dir_fd,
            link=entry.kind == "symlink",
        )
        for message in wrong:
            self.report(entry, "attributes", message)

    def report(self, entry: Entry, problem: str, message: str) -> None:
        """Tell of a problem."""
        if self._on_problem is not None:
            self._on_problem(Problem(entry.path, problem, message))

    def _owner(self, entry: Entry) -> tuple[int, int] | None:
        """The numbers of the user and the group to give an entry to; ``None`` when what is made has them already."""
        if self.owners == "none":
            return None
        wanted = (entry.uid, entry.gid)
        if self.owners == "names":
            user = user_number(entry.owner) if entry.owner else None
            group = group_number(entry.group) if entry.group else None
            wanted = (entry.uid if user is None else user, entry.gid if group is None else group)
        return None if wanted == self._here else wanted
