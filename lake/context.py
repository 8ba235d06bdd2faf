"""What every verb of the archive works with: handed in, never looked up."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import Catalog, ObjectStore

__all__ = ["Context", "author_here", "host_here", "now"]


def now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def host_here() -> str:
    """This machine's name."""
    return socket.gethostname()


def author_here() -> str:
    """Whoever runs this process, as ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, in a container; Windows has no list of them
        user = "unknown"
    return f"{user}@{host_here()}"


@dataclass(frozen=True)
class Context:
    """An open archive: its storage, its records, who acts, by which clock and with what randomness.

    ``clock`` gives the time in UTC; nothing's safety rests on it.  ``entropy`` gives so many random bytes, for names
    that nobody had before.
    """

    store: ObjectStore
    catalog: Catalog
    author: str
    clock: Callable[[], datetime] = now
    entropy: Callable[[int], bytes] = os.urandom
