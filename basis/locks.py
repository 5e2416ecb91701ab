"""Waiting for another process that makes the same thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def held(path: Path, busy: Callable[[], None], *, patience: float = 0) -> Iterator[None]:
    """Hold a lock file for the block; the system releases it when the process is killed.

    Parameters
    ----------
    path
        The lock file, in a folder that is there.
    busy
        Called once when another process holds it, before waiting for that one.
    patience
        Seconds to wait before `busy` is called.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        busy()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
