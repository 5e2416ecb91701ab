"""Which processes belong to a unit and how much memory they hold."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

if sys.platform != "win32":
    import resource

_HELD = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.MULTILINE)
_HAS_CHILDREN_FILES = Path(f"/proc/self/task/{os.getpid()}/children").exists()


def memory_of(pid: int) -> int:
    """Bytes that a process holds for itself: anonymous, shared and swapped, without mapped files.

    Pages of memory-mapped files (the prepared clips) can be given back at any time and are shared by all
    units, so they do not count. Where the system does not tell them apart it is the resident size.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        with suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    return sum(int(size) for size in _HELD.findall(status)) * 1024


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset / 2**20)
    return resource_peak_mb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def resource_peak_mb(maxrss: int) -> float:
    """MB of `ru_maxrss`, which Linux counts in KiB and macOS in bytes."""
    return maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def children_of(pid: int) -> list[int]:
    """Direct children of a process, those of all its threads."""
    if not _HAS_CHILDREN_FILES:
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
    children: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - ten times a second, names only
            with suppress(OSError):
                children += map(int, Path(f"/proc/{pid}/task/{task}/children").read_bytes().split())
    return children


def tree_of(pid: int, orphans: Sequence[int] = (), known: Sequence[int] = ()) -> list[int]:
    """A unit's process, its descendants, and the orphans of its session or known to be its own."""
    mine = (orphan for orphan in orphans if orphan in known or _session_of(orphan) == pid)
    found = list(dict.fromkeys([pid, *mine]))
    for process in found:
        found += (child for child in children_of(process) if child not in found)
    return found


def _session_of(pid: int) -> int | None:
    with suppress(OSError):
        return os.getsid(pid)
    return None
