"""What happens inside the process of one unit, from the fork to its end."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
DUMP_STACK = signal.SIGUSR1
"""Sent before a unit is stopped at its time limit; it prints the stack of every thread."""
_LONGEST = 20_000


def run_child(
    function: str, payload: Mapping[str, Any], threads: int, result: int, output: int, parent: int
) -> NoReturn:
    """Run one unit in this freshly forked process: report over file descriptor `result`, then end."""
    code = 1
    try:
        _detach(output, parent)
        if threads != 1:
            limit_threads(threads)
        _send(result, _call(function, payload))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def find_function(name: str) -> Callable[[Mapping[str, Any]], None]:
    """The function that "module:function" names; raises ImportError or AttributeError."""
    module, _, attribute = name.partition(":")
    function: Callable[[Mapping[str, Any]], None] = getattr(importlib.import_module(module), attribute)
    return function


def limit_threads(threads: int) -> None:
    """Give BLAS, OpenMP, torch and cv2 `threads` threads, loaded already or not.

    Numba has its number from the environment in which the supervisor started.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    if "numpy" in sys.modules:
        import threadpoolctl

        threadpoolctl.threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(threads)


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _detach(output: int, parent: int) -> None:
    """A session of its own (one kill reaches grandchildren), no terminal, no core dump, first to go."""
    os.setsid()
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.enable(file=2)
    faulthandler.register(DUMP_STACK, file=2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _call(function: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    try:
        find_function(function)(payload)
    except BaseException as error:
        name = type(error).__name__
        memory = isinstance(error, MemoryError) or name == "OutOfMemoryError"
        return {"status": "memory" if memory else "failed", "error": describe(error)}
    return {"status": "done", "error": None}


def describe(error: BaseException) -> dict[str, str]:
    """Type, message and traceback of an exception; both texts are cut to their last 20,000 characters."""
    lines = traceback.format_exception(error)
    return {
        "type": type(error).__name__,
        "message": _safe_text(error)[-_LONGEST:],
        "traceback": "".join(lines)[-_LONGEST:],
    }


def _safe_text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:
        return f"(its message cannot be shown: {type(second).__name__})"


def _send(result: int, message: Mapping[str, Any]) -> None:
    data = memoryview(json.dumps(message).encode())
    while data:
        data = data[os.write(result, data) :]
