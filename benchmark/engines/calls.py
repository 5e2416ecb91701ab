"""Calling a unit's function, in whatever process, and putting what it raised into words."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.engines.tasks import Status

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
_LONGEST = 20_000


def find_function(name: str) -> Callable[[Mapping[str, Any]], None]:
    """The function that "module:function" names.

    Raises
    ------
    ImportError, AttributeError
        Where the module or its function is not there.
    """
    module, _, attribute = name.partition(":")
    function: Callable[[Mapping[str, Any]], None] = getattr(importlib.import_module(module), attribute)
    return function


def call(
    function: str, payload: Mapping[str, Any], caught: tuple[type[BaseException], ...] = (BaseException,)
) -> tuple[Status, dict[str, str] | None]:
    """Status ("done", "failed", "memory") and error of one call; what is not `caught` goes on.

    A MemoryError and a GPU's out-of-memory error count as memory.
    """
    try:
        find_function(function)(payload)
    except caught as error:
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        return ("memory" if memory else "failed"), describe(error)
    return "done", None


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


def limit_threads(threads: int) -> None:
    """Give BLAS, OpenMP, torch and cv2 `threads` threads, loaded already or not.

    Numba takes its number from the environment in which it was first imported.
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
