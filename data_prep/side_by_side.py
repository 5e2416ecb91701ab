"""One function over many items in threads, with progress lines and one thread for each inner library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from basis.memory import give_back_freed_memory, keep_freed_memory

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 5.0


def side_by_side(
    work: Callable[[Item], None],
    items: Sequence[Item],
    workers: int,
    log: Callable[[str], None],
    what: str,
) -> None:
    """Call `work` for every item in `workers` threads; the first error ends the rest and is raised.

    What was freed is given back from time to time: gaps in the heaps would grow with the number of items.
    """
    if not items:
        return
    keep_freed_memory()
    started = last = time.monotonic()
    with _one_inner_thread(), ThreadPoolExecutor(max(1, workers)) as pool:
        for done in _one_by_one(pool, work, items, 2 * max(1, workers)):
            now = time.monotonic()
            if now - last > SECONDS_BETWEEN_LINES and done < len(items):
                last = now
                give_back_freed_memory()
                left = (now - started) / done * (len(items) - done)
                log(f"{what}: {done}/{len(items)}, about {left:.0f} s left")
    give_back_freed_memory()
    log(f"{what}: {len(items)}/{len(items)} in {time.monotonic() - started:.1f} s")


def _one_by_one(
    pool: ThreadPoolExecutor, work: Callable[[Item], None], items: Sequence[Item], at_once: int
) -> Iterator[int]:
    """How many are done, whenever one is; only so many are handed out, so that thousands take no memory."""
    waiting = iter(items)
    running = {pool.submit(work, item) for item in islice(waiting, at_once)}
    done = 0
    try:
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
                done += 1
                running |= {pool.submit(work, item) for item in islice(waiting, 1)}
                yield done
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items, each made by a thread of its own while the one before is being used."""
    waiting = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(list, islice(waiting, 1))
        while item := coming.result():
            coming = pool.submit(list, islice(waiting, 1))
            yield item[0]


@contextmanager
def _one_inner_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)
