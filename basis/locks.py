"""Waiting for another process that makes the same thing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout


def lock_of(path: Path | str, timeout: float = -1) -> BaseFileLock:
    """A lock that the system holds and releases; never the mere existence of a file, which a kill leaves.

    Parameters
    ----------
    path
        The lock file, in a folder that is there.
    timeout
        Seconds to wait for it; below 0 for ever.
    """
    known = inspect.signature(FileLock.__init__).parameters
    strict: dict[str, Any] = {"fallback_to_soft": False} if "fallback_to_soft" in known else {}
    return FileLock(path, timeout=timeout, **strict)


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
    lock = lock_of(path)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        busy()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
