"""One function over many items in threads, with progress lines and one thread for each inner library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from basis.memory import keep_freed_memory

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 5.0


def side_by_side(
    work: Callable[[Item], None],
    items: Sequence[Item],
    workers: int,
    log: Callable[[str], None],
    what: str,
) -> None:
    """Call `work` for every item in `workers` threads; the first error ends the rest and is raised."""
    if not items:
        return
    keep_freed_memory()
    started = last = time.monotonic()
    with _one_inner_thread(), ThreadPoolExecutor(max(1, workers)) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                now = time.monotonic()
                if now - last > SECONDS_BETWEEN_LINES and done < len(items):
                    last = now
                    left = (now - started) / done * (len(items) - done)
                    log(f"{what}: {done}/{len(items)}, about {left:.0f} s left")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    log(f"{what}: {len(items)}/{len(items)} in {time.monotonic() - started:.1f} s")


@contextmanager
def _one_inner_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)
