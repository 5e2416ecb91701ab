"""What happens inside the process of one unit, from the fork to its end."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from benchmark.engines.calls import call, limit_threads

DUMP_STACK = signal.SIGUSR1
"""Sent before a unit is stopped at its time limit; it prints the stack of every thread."""


def run_child(
    function: str, payload: Mapping[str, Any], threads: int, result: int, output: int, parent: int
) -> NoReturn:
    """Run one unit in this freshly forked process: report over file descriptor `result`, then end."""
    code = 1
    try:
        _detach(output, parent)
        if threads != 1:
            limit_threads(threads)
        status, error = call(function, payload)
        _send(result, {"status": status, "error": error})
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


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


def _send(result: int, message: Mapping[str, Any]) -> None:
    data = memoryview(json.dumps(message).encode())
    while data:
        data = data[os.write(result, data) :]
