"""A subject is one thing to look at, and waits for no other."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from holotype.validators import Subject


class Slow(io.BytesIO):
    """A file on a storage that answers when it is told to."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.asked, self.answered = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked.set()
        assert self.answered.wait(60)
        return super().read(size)


def test_who_reads_a_slow_file_holds_up_nobody_who_reads_another() -> None:
    slow, quick = Slow(b"##fileformat=VCFv4.3\n"), io.BytesIO(b"@HD\tVN:1.6\n")
    with ThreadPoolExecutor(2) as threads:
        try:
            waiting = threads.submit(lambda: Subject(slow, name="slow").format)
            assert slow.asked.wait(60)
            assert threads.submit(lambda: Subject(quick, name="quick").format).result(60) == "sam"
            assert not waiting.done()
        finally:
            slow.answered.set()
        assert waiting.result(60) == "vcf"


def test_what_a_subject_is_is_worked_out_once() -> None:
    read: list[int | None] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            read.append(size)
            return super().read(size)

    subject: Any = Subject(Counting(b"##fileformat=VCFv4.3\n"), name="a")
    assert {subject.format for _ in range(3)} == {"vcf"}
    once = len(read)
    assert subject.head.startswith(b"##fileformat")
    assert len(read) == once
    subject.forget()
    assert subject.head.startswith(b"##fileformat")
    assert len(read) > once
