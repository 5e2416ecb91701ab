"""The serial engine: units one after another in this process, for a debugger, a notebook, or Windows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from benchmark.engines.calls import call, limit_threads
from benchmark.engines.memory import peak_memory_mb
from benchmark.engines.tasks import Engine, Limits, Options, Outcome, Task


def run_serial(function: str, tasks: Iterable[Task], limits: Limits, options: Options) -> Iterator[Outcome]:
    """Run units one after another on the first device, in this process, with what it prints left alone.

    What a unit raises, SystemExit too, is its outcome; Ctrl-C ends the run. `peak_memory_mb` is that of
    the process so far, units before it included.

    Raises
    ------
    ValueError
        For two units of one key.
    """
    limit_threads(limits.threads_per_unit)
    done: set[str] = set()
    for task in tasks:
        if task.key in done:
            raise ValueError(f"two units of the same key {task.key} in one run")
        done.add(task.key)
        place = {"device": limits.slots[0], "threads": limits.threads_per_unit}
        began = time.monotonic()
        status, error = call(function, {**task.payload, **place}, (Exception, SystemExit))
        seconds = time.monotonic() - began
        yield Outcome(task.key, status, error, seconds, peak_memory_mb())


SERIAL = Engine(
    run_serial,
    cannot=(
        "units run in this process, one after another: limits of time and memory are not enforced, a unit "
        "that crashes or calls os._exit ends the run (what is finished is kept), and what a method keeps in "
        "its class or module it finds again in the next unit"
    ),
    one_by_one=True,
)
