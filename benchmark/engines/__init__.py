"""Where units run: on this machine, on dask workers or as SLURM jobs, with the same outcomes everywhere.

Every unit runs in a process of its own, so that one that raises, calls `os._exit`, is killed, hangs or
eats memory costs nothing but itself. Which process starts that child differs between the engines; what
watches it (`supervisor`) and what runs in it (`child`) is the same code. Only `serial` forks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from basis.registry import Registry
from benchmark.engines.tasks import Engine, EngineError, Limits, Options, Outcome, Task

ENGINES = Registry(
    "engine",
    {
        "local": "benchmark.engines.local:LOCAL",
        "dask": "benchmark.engines.dask:DASK",
        "slurm": "benchmark.engines.slurm:SLURM",
        "serial": "benchmark.engines.serial:SERIAL",
    },
    group="tlcnn_bench.engines",
)
"""Name to the module's `Engine`; another package adds one with an entry point of tlcnn_bench.engines."""

OF_THE_EXTRA = ("dask", "distributed", "submitit")
"""What the extra `[cluster]` installs."""


def load_engine(name: str) -> Engine:
    """The engine of a name; UnknownName, or EngineError where what it needs is not installed."""
    try:
        loaded = ENGINES.load(name)
    except ModuleNotFoundError as error:
        cluster = str(error.name).partition(".")[0] in OF_THE_EXTRA
        extra = (
            "; the engines of clusters are an extra: pip install 'tlcnn-bench[cluster]'" if cluster else ""
        )
        raise EngineError(f"engine {name!r} needs {error.name}, which is not installed{extra}") from error
    if not isinstance(loaded, Engine):
        raise EngineError(f"engine {name!r} of {ENGINES.origin(name)} is no benchmark.engines.tasks.Engine")
    return loaded


def run_tasks(
    engine: str, function: str, tasks: Iterable[Task], limits: Limits, options: Options | None = None
) -> Iterator[Outcome]:
    """Run `function` ("module:function") once per task and yield each outcome as it arrives, in any order.

    The function is called in the unit's process with the task's payload and two more entries, "device"
    and "threads"; it stores its own results and returns nothing. Tasks are taken from the iterable as
    places become free. Closing the iterator, or Ctrl-C, ends all units and what they started.

    Raises
    ------
    EngineError
        When the engine cannot start.
    UnknownName
        For an unknown engine.
    """
    return load_engine(engine).run(function, tasks, limits, options or Options())
