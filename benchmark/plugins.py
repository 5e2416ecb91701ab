"""Methods of other packages, loaded with an eye on what their import does."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from methods import METHODS, load_method

if TYPE_CHECKING:
    from methods.base import Method

_SECONDS = 120
_TRIAL = "import sys; from methods import load_method; load_method(sys.argv[1])"


def loaded(name: str) -> tuple[type[Method], tuple[str, ...]]:
    """The class of a method and the names of the threads that importing it started.

    Units are forked from a process that has imported their methods, and a thread that another module left
    running makes a fork hang or crash: nothing may start one before `fit`.
    """
    before = set(threading.enumerate())
    method = load_method(name)
    return method, tuple(sorted(thread.name for thread in set(threading.enumerate()) - before))


def threads_in_words(name: str, threads: tuple[str, ...]) -> str:
    """What is wrong with a method whose import starts threads."""
    return (
        f"method {name!r} of {METHODS.origin(name) or 'this project'} starts threads while it is imported "
        f"({', '.join(threads)}): units are forked after that and may hang; start them in fit"
    )


def dies_at_import(name: str) -> str | None:
    """How a process ends that imports a method of another package, if it does not live through it.

    Tried in a process of its own, because `os._exit` cannot be caught.
    """
    if not METHODS.origin(name):
        return None
    command = [sys.executable, "-c", _TRIAL, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"importing it takes longer than {_SECONDS} s"
    if done.returncode in (0, 1):  # 1: an exception, which loading it here shows
        return None
    return f"importing it ends the process with status {done.returncode}"
