"""What the folder that a restore goes to can hold: tried in a folder of its own there, before anything is restored.

What the operating system says by itself is only where this begins.  The same Linux has disks that know no case, sticks
that know no modes, and servers that give no file away; and on Windows one folder may tell ``a`` from ``A`` and the next
may not.  So names are given, attributes set, links made, and what comes of it is looked at.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holotype.catalog import long_path

from ..tree.naming import Rules, rules_of_platform
from .targets import stopped

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["rules_for"]

# How file systems say that they have no such thing; whatever else they say is a failure.
_NOT_HERE = frozenset(
    getattr(errno, name)
    for name in (
        "EINVAL",
        "EILSEQ",
        "ENAMETOOLONG",
        "ENOENT",
        "EPERM",
        "EACCES",
        "ENOTSUP",
        "EOPNOTSUPP",
        "ENOSYS",
        "EMLINK",
        "EXDEV",
    )
    if hasattr(errno, name)
)
_SOMEBODY = 65534  # nobody, on most systems: whoever may give a file away may give it to them
# The ACL that says no more than the mode 0644 does, as Linux has it in an attribute.
_ACL = bytes.fromhex("02000000" "01000600ffffffff" "04000400ffffffff" "20000400ffffffff")  # fmt: skip


def rules_for(target: str | os.PathLike[str], *, platform: Rules | None = None) -> Rules:
    """The rules of the folder ``target``, or where it does not exist yet of the nearest above it.

    ``platform``: where to begin, by default with what holds for this operating system.  Raises ``StorageFull``,
    ``StorageDenied`` and ``StorageFailed``.
    """
    rules = rules_of_platform() if platform is None else platform
    folder = long_path(os.path.realpath(os.fsencode(target)))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    at = os.path.join(folder, b".holotype-" + secrets.token_hex(8).encode())
    try:
        os.mkdir(at, 0o700)
        try:
            return _Trial(at).rules(rules)
        finally:
            shutil.rmtree(at)
    except OSError as error:
        raise stopped(os.fsencode(target), error) from error


class _Trial:
    """Trying things in the empty folder ``at``."""

    def __init__(self, at: bytes) -> None:
        self._at = at

    def rules(self, rules: Rules) -> Rules:
        """What holds here."""
        if rules.platform != "windows":  # whose rules for names hold on every disk, and a colon would make a stream
            rules = self._names(rules)
        rules = self._likeness(rules)
        where = self._file(b"plain")
        assert where is not None
        return replace(
            rules,
            symlinks=_can(os.symlink, b"plain", os.path.join(self._at, b"link")),
            hardlinks=_can(os.link, where, os.path.join(self._at, b"twin")),
            xattrs=rules.xattrs and _attributes(where),
            owners=rules.owners and _owners(where),
            modes=rules.modes if rules.modes is not None else _modes(where, self._at),
            specials=hasattr(os, "mkfifo") and _can(os.mkfifo, os.path.join(self._at, b"fifo")),
        )

    def _names(self, rules: Rules) -> Rules:
        """Which names there can be."""
        longest_bytes, longest_units = rules.longest_bytes, rules.longest_units
        if self._keeps("\u00e9".encode() * 200):  # of 400 bytes
            longest_bytes, longest_units = None, 255
        elif not self._keeps(b"x" * 255) and hasattr(os, "pathconf"):
            with suppress(OSError, ValueError):
                longest_bytes = os.pathconf(self._at, "PC_NAME_MAX")
        return replace(
            rules,
            characters=not self._keeps(b'<>:"|?*\\') or not self._keeps(b"a\tb"),
            ends=not self._keeps(b"dot.") or not self._keeps(b"space "),
            unicode=not self._keeps(b"latin \xe9"),
            longest_bytes=longest_bytes,
            longest_units=longest_units,
        )

    def _likeness(self, rules: Rules) -> Rules:
        """Which names are the same."""
        folds: Any = None
        if self._file(b"case") and self._is_there(b"CASE"):
            # \u00df is ss only to those who fold as Unicode has it.
            folds = "full" if self._file("fu\u00df".encode()) and self._is_there(b"fuss") else "simple"
        accented = self._file("caf\u00e9".encode()) is not None and self._is_there("cafe\u0301".encode())
        return replace(rules, folds=folds, normalises=accented)

    def _file(self, name: bytes) -> bytes | None:
        """Make an empty file: its path, ``None`` where there can be none of this name."""
        where = os.path.join(self._at, name)
        try:
            os.close(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            return where
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            return None
        return where

    def _is_there(self, name: bytes) -> bool:
        return os.path.lexists(os.path.join(self._at, name))

    def _keeps(self, name: bytes) -> bool:
        """Whether a file of this name can be made, and is then called that."""
        return self._file(name) is not None and name in map(os.fsencode, os.listdir(self._at))


def _can(call: Callable[..., object], *arguments: object) -> bool:
    """Whether the file system, and what this process may do, let it do something."""
    try:
        call(*arguments)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NOT_HERE and not _lacks_privilege(error):
            raise
        return False
    return True


def _lacks_privilege(error: OSError) -> bool:
    return getattr(error, "winerror", None) == 1314  # ERROR_PRIVILEGE_NOT_HELD: links, for plain users of Windows


def _attributes(where: bytes) -> bool:
    """Whether a file can have extended attributes: those that users give, or ACLs."""
    if not hasattr(os, "setxattr"):
        return False
    return _can(os.setxattr, where, "user.holotype", b"1") or _can(os.setxattr, where, "system.posix_acl_access", _ACL)


def _owners(where: bytes) -> bool:
    """Whether files have owners; somebody who may give none away anyway is not kept from trying."""
    if not hasattr(os, "chown"):
        return False
    if not (hasattr(os, "geteuid") and os.geteuid() == 0):
        return True
    if not _can(os.chown, where, _SOMEBODY, _SOMEBODY):
        return False
    return os.stat(where).st_uid == _SOMEBODY


def _modes(where: bytes, folder: bytes) -> frozenset[int] | None:
    """The only modes that files and folders can have; ``None`` when they can have any."""
    before = {os.stat(path).st_mode & 0o7777 for path in (where, folder)}
    for mode in (0o640, 0o751):
        if not _can(os.chmod, where, mode) or os.stat(where).st_mode & 0o7777 != mode:
            return frozenset(before)
    return None
