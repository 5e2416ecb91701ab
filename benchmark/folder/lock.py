"""One run per folder: a lock that ends with its process and a message that names who holds it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from basis.errors import Mendable
from basis.locks import lock_of

LOCK = ".run.lock"
HOLDER = ".run.json"


class FolderInUse(Mendable, RuntimeError):
    """Another run works in this folder; the message names its process and host."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process, or raise FolderInUse at once.

    The system releases the lock when its process ends, however that happens, so a killed run leaves
    nothing that has to be removed by hand.

    Raises
    ------
    FolderInUse
        While another process holds it.
    OSError
        Where it cannot be held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = lock_of(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FolderInUse(_who_holds(folder)) from None
    except OSError as error:
        # flock names no file
        raise OSError(error.errno, error.strerror, str(folder / LOCK)) from error
    holder = folder / HOLDER
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _who_holds(folder: Path) -> str:
    try:
        holder = json.loads((folder / HOLDER).read_text())
        who = f"process {holder['pid']} on host {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return f"{folder} is in use by {who}; wait until that run has ended, or use another --out folder"
