"""Memory that was freed: kept for the next array of its kind, or given back to the system."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's names of the two settings (malloc.h)."""
KEPT = 2**26
"""Bytes at the end of a heap that are kept when they are free."""
LARGE = 2**25
"""Arrays of more bytes are mapped one by one and given back at once; glibc allows no higher limit."""


@cache
def keep_freed_memory() -> bool:
    """From now on this process keeps what it frees, up to `KEPT` bytes a heap; False where it cannot be told.

    By default glibc gives every large array back to the system and takes it again page by page, which costs
    a third of the time of preparing small pictures. Only glibc has these settings.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, KEPT)) and bool(mallopt(_MMAP_THRESHOLD, LARGE))


def give_back_freed_memory() -> bool:
    """Give what is free in all heaps back to the system; False where that cannot be asked for (not glibc)."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    return bool(trim(0))


@contextmanager
def without_collection() -> Iterator[None]:
    """No search for cycles of garbage: of a command that makes much and ends soon it takes a tenth."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
