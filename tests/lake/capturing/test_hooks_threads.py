"""Who hears what is done in threads, tasks, pools and children: the block that they were started in."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING

import pytest

from holotype.lake.capturing.hooks import listening, unheard

from .hearing import marks

if TYPE_CHECKING:
    from pathlib import Path


class TestWhoHears:
    def test_two_activities_in_two_threads_do_not_mix(self, tmp_path: Path) -> None:
        meet = threading.Barrier(2, timeout=30)
        found = {}

        def work(name: str) -> None:
            meet.wait()
            with listening() as heard:
                meet.wait()
                for number in range(50):
                    (tmp_path / f"{name}{number}").write_text("1")
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(lambda number: (tmp_path / f"{name}-pool{number}").write_text("1"), range(9)))
                meet.wait()
            found[name] = set(marks(heard.seen, tmp_path))

        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in "ab":
            assert found[name] == {*(f"{name}{n}" for n in range(50)), *(f"{name}-pool{n}" for n in range(9))}

    def test_threads_and_pools_that_are_started_inside_are_heard(self, tmp_path: Path) -> None:
        def write(name: str) -> None:
            (tmp_path / name).write_text("1")
            if name == "thread":  # and threads of threads
                own = threading.Thread(target=write, args=("grandchild",))
                own.start()
                own.join()

        with listening(all_threads=False) as heard:
            thread = threading.Thread(target=write, args=("thread",))
            thread.start()
            thread.join()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(write, "executor").result()
            with ThreadPool(1) as threads:
                threads.map(write, ["pool"])
        assert marks(heard.seen, tmp_path) == dict.fromkeys(("executor", "grandchild", "pool", "thread"), "w")

    def test_work_handed_to_a_pool_that_two_share_is_heard_by_whoever_handed_it_over(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(1) as executor, ThreadPool(1) as threads, ExitStack() as stack:
            executor.submit(int).result()
            found = []
            for name in ("one", "two"):
                with listening(all_threads=False) as heard:
                    executor.submit((tmp_path / f"{name}-submit").write_text, "1").result()
                    threads.apply_async((tmp_path / f"{name}-apply").write_text, ("1",)).get()
                    threads.map((tmp_path / f"{name}-map").write_text, ["1"])
                    list(threads.imap((tmp_path / f"{name}-imap").write_text, ["1"]))
                found.append(set(marks(heard.seen, tmp_path)))
            executor.submit((tmp_path / "after").write_text, "1").result()
            stack.close()
        assert found == [{f"{name}-{how}" for how in ("submit", "apply", "map", "imap")} for name in ("one", "two")]

    def test_a_thread_that_was_there_is_heard_by_the_only_block(self, tmp_path: Path) -> None:
        go, done = threading.Event(), threading.Event()

        def work() -> None:
            go.wait(30)
            (tmp_path / "worked").write_text("1")
            done.set()

        for all_threads in (True, False):
            go.clear()
            done.clear()
            thread = threading.Thread(target=work)
            thread.start()
            with listening(all_threads=all_threads) as heard:
                go.set()
                assert done.wait(30)
            thread.join()
            assert marks(heard.seen, tmp_path) == ({"worked": "w"} if all_threads else {})

    def test_where_two_blocks_could_be_meant_neither_takes_it_and_both_say_so(self, tmp_path: Path) -> None:
        go, opened, leave = threading.Event(), threading.Event(), threading.Event()
        found = []

        def stray() -> None:
            go.wait(30)
            (tmp_path / "stray").write_text("1")
            leave.set()

        def other() -> None:
            with listening() as heard:
                opened.set()
                leave.wait(30)
            found.append(heard)

        threads = [threading.Thread(target=stray), threading.Thread(target=other)]
        for thread in threads:
            thread.start()
        assert opened.wait(30)
        with listening() as heard:
            go.set()
            for thread in threads:
                thread.join()
        for each in (heard, *found):
            assert marks(each.seen, tmp_path) == {}
            assert len(each.notes) == 1
            assert "which block" in each.notes[0]

    def test_a_block_within_a_block_hears_for_itself(self, tmp_path: Path) -> None:
        with listening() as outer:
            (tmp_path / "before").write_text("1")
            with listening() as inner:
                (tmp_path / "inside").write_text("1")
            (tmp_path / "after").write_text("1")
        assert marks(inner.seen, tmp_path) == {"inside": "w"}
        assert marks(outer.seen, tmp_path) == {"before": "w", "after": "w"}
        assert outer.within == (inner,)
        assert inner.within == ()

    def test_tasks_are_heard_by_the_block_that_started_them(self, tmp_path: Path) -> None:
        found = {}

        async def write(name: str) -> None:
            await asyncio.sleep(0.001)
            (tmp_path / name).write_text("1")
            await asyncio.to_thread((tmp_path / f"{name}-thread").write_text, "1")
            await asyncio.get_running_loop().run_in_executor(None, (tmp_path / f"{name}-loop").write_text, "1")

        async def activity(name: str) -> None:
            with listening() as heard:
                await asyncio.gather(*(write(f"{name}{number}") for number in range(5)))
            found[name] = set(marks(heard.seen, tmp_path))

        async def both() -> None:
            await asyncio.gather(activity("a"), activity("b"))

        asyncio.run(both())
        for name in "ab":
            assert found[name] == {f"{name}{number}{end}" for number in range(5) for end in ("", "-thread", "-loop")}

    def test_a_thread_that_outlives_its_block_is_heard_by_nobody_who_claims_none(self, tmp_path: Path) -> None:
        go = threading.Event()

        def late() -> None:
            go.wait(30)
            (tmp_path / "late").write_text("1")

        with listening() as first:
            thread = threading.Thread(target=late)
            thread.start()
        with listening(all_threads=False) as second:
            go.set()
            thread.join()
        assert (marks(first.seen, tmp_path), marks(second.seen, tmp_path)) == ({}, {})

    def test_a_block_may_end_elsewhere_than_it_began(self, tmp_path: Path) -> None:
        async def begin(stack: ExitStack) -> None:
            stack.enter_context(listening())
            (tmp_path / "inside").write_text("1")

        async def run() -> None:
            with ExitStack() as stack:
                await asyncio.create_task(begin(stack))

        asyncio.run(run())
        with listening() as heard:
            (tmp_path / "after").write_text("1")
        assert marks(heard.seen, tmp_path) == {"after": "w"}

    def test_what_is_unheard_is_so_in_its_threads_as_well(self, tmp_path: Path) -> None:
        with listening() as heard:
            with unheard(), ThreadPoolExecutor(1) as pool:
                (tmp_path / "own").write_text("1")
                pool.submit((tmp_path / "pool").write_text, "1").result()
            (tmp_path / "heard").write_text("1")
        assert marks(heard.seen, tmp_path) == {"heard": "w"}

    def test_what_a_block_raises_goes_through_and_what_it_wrote_is_known(self, tmp_path: Path) -> None:
        def fail() -> None:
            (tmp_path / "half").write_text("1")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), listening() as heard:
            fail()
        assert marks(heard.seen, tmp_path) == {"half": "w"}

    def test_what_was_heard_so_far_is_known_while_a_block_is_open_and_fixed_when_it_is_over(
        self, tmp_path: Path
    ) -> None:
        with listening() as heard:
            assert marks(heard.seen, tmp_path) == {}
            (tmp_path / "a").write_text("1")
            assert marks(heard.seen, tmp_path) == {"a": "w"}
        (tmp_path / "b").write_text("1")
        (tmp_path / "a").unlink()
        assert marks(heard.seen, tmp_path) == {"a": "w"}
