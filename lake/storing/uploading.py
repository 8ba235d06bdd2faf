"""Finished packs on their way into distant storage, on threads of their own: processors go on packing meanwhile."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..packs import Pack

__all__ = ["Uploads"]


class Uploads:
    """Threads that store packs.

    ``store``: what stores one.  ``failed``: told what it raised; then the packs that still come are dropped.
    ``threads``: how many; so many are under way at most, and one waits for them.
    """

    def __init__(
        self, store: Callable[[Pack], object], *, failed: Callable[[BaseException], object], threads: int
    ) -> None:
        self._store, self._failed = store, failed
        self._waiting: queue.SimpleQueue[Pack | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(threads + 1)
        self._changed = threading.Condition()
        self._running = threads
        self._broken = False
        for number in range(threads):
            threading.Thread(target=self._work, name=f"holotype-upload-{number}", daemon=True).start()

    def add(self, pack: Pack) -> None:
        """Have a pack stored; waits until a thread is about to be free."""
        self._room.acquire()
        self._waiting.put(pack)

    def finish(self) -> None:
        """Until all that was added is stored, or dropped.  Nothing can be added any more."""
        # Whoever is interrupted here comes back to wait for the rest: a word too many does no harm.
        self._waiting.put(None)
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)

    def _work(self) -> None:
        while (pack := self._waiting.get()) is not None:
            try:
                if not self._broken:
                    self._store(pack)
            except BaseException as error:  # noqa: BLE001 - handed to the reader's thread, which raises it
                self._broken = True
                self._failed(error)
            finally:
                self._room.release()
        self._waiting.put(None)  # for the next
        with self._changed:
            self._running -= 1
            self._changed.notify_all()
