"""The dask engine: units go to dask workers, and each worker runs them in processes of their own.

Native futures only: joblib's dask backend waits for ever once a worker has died.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import dask
from distributed import (
    CancelledError,
    Client,
    Future,
    KilledWorker,
    Nanny,
    Scheduler,
    SpecCluster,
    as_completed,
    get_worker,
)

from benchmark.engines.calls import describe
from benchmark.engines.local import Nursery, SupervisorDied
from benchmark.engines.tasks import Engine, EngineError, Limits, Options, Outcome, Task, crash

DEVICE_VARIABLE = "TLCNN_BENCH_DEVICE"
"""Set in a worker's environment, it says on which device the units of that worker run."""
_LOOPBACK = "127.0.0.1"
_CONNECT_SECONDS = 30
_nurseries: dict[int, tuple[str, Nursery]] = {}


def run_dask(function: str, tasks: Iterable[Task], limits: Limits, options: Options) -> Iterator[Outcome]:
    """Run units on the workers of `options.scheduler`, or on workers started here and bound to 127.0.0.1.

    When a worker dies its unit is tried once more, alone, after all others (a scheduler of the user's own
    tries each time as often as its setting `allowed-failures` says), then counts as crashed.
    Units that ask for GPUs only are placed on workers that offer the resource GPU.
    """
    with _connect(options.scheduler, limits) as client:
        own = limits if options.scheduler is None else replace(limits, threads=limits.threads or 1)
        common = {
            "function": function,
            "limits": asdict(replace(own, threads=own.threads_per_unit, workers=1)),
            "preload": options.preload,
            "run": client.id,
        }
        resources = {} if "cpu" in limits.devices else {"GPU": 1}
        try:
            yield from _stream(client, iter(tasks), limits, common, resources)
        finally:
            _stop(client)


def run_on_worker(
    task: Mapping[str, Any], function: str, limits: Mapping[str, Any], preload: Sequence[str], run: str
) -> dict[str, Any]:
    """One unit, called in a thread of a dask worker; ends the unit if nobody waits for it any more.

    Raises
    ------
    CancelledError
        Where nobody waits for it.
    """
    worker, key = get_worker(), get_worker().get_current_task()
    allowed = Limits(**{**limits, "devices": tuple(limits["devices"])})
    wanted = "cuda" if "cpu" not in allowed.devices else "cpu"
    nursery = _nursery(function, allowed, preload, run)
    try:
        nursery.start(Task(**task), os.environ.get(DEVICE_VARIABLE, wanted))
        while (outcome := nursery.wait(0.2)) is None:
            state = worker.state.tasks.get(key)
            if state is None or state.state in ("cancelled", "released"):
                _drop_nursery(threading.get_ident())
                raise CancelledError(key)
        return asdict(outcome)
    except SupervisorDied as error:
        _drop_nursery(threading.get_ident())
        return asdict(Outcome(task["key"], "crashed", {**describe(error), "type": "Crash"}, 0.0, 0.0))


def _nursery(function: str, limits: Limits, preload: Sequence[str], run: str) -> Nursery:
    """The supervisor of this worker thread, kept from unit to unit of one run."""
    thread = threading.get_ident()
    kept_run, kept = _nurseries.get(thread, ("", None))
    if kept is not None and kept_run == run:
        return kept
    _drop_nursery(thread)
    nursery = Nursery(function, limits, preload)
    _nurseries[thread] = (run, nursery)
    return nursery


def _drop_nursery(thread: int) -> None:
    _, nursery = _nurseries.pop(thread, ("", None))
    if nursery is not None:
        nursery.close()


def _drop_run(run: str) -> None:
    for thread, (of, _) in list(_nurseries.items()):
        if of == run:
            _drop_nursery(thread)


@contextmanager
def _connect(scheduler: str | None, limits: Limits) -> Iterator[Client]:
    if scheduler is None:
        with _own_cluster(limits) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        message = f"no dask scheduler answers at {scheduler!r} ({error}); start one with `dask scheduler`"
        raise EngineError(message) from error
    with client:
        yield client


@contextmanager
def _own_cluster(limits: Limits) -> Iterator[SpecCluster]:
    """One single-threaded worker per slot, reachable from this machine alone, without a dashboard."""
    options: dict[str, Any] = {"host": _LOOPBACK, "nthreads": 1, "memory_limit": 0, "dashboard": False}
    quiet = {"distributed.nanny.pre-spawn-environ": {"DASK_LOGGING__DISTRIBUTED": "critical"}}
    workers = {
        f"unit-{number}": {
            "cls": Nanny,
            "options": {
                **options,
                "env": {DEVICE_VARIABLE: device},
                "resources": {} if device == "cpu" else {"GPU": 1},
            },
        }
        for number, device in enumerate(limits.slots)
    }
    head = {
        "cls": Scheduler,
        "options": {
            "host": _LOOPBACK,
            "port": 0,
            "dashboard": False,
            "dashboard_address": f"{_LOOPBACK}:0",
            "allowed_failures": 0,
        },
    }
    with dask.config.set(quiet):
        cluster = SpecCluster(workers=workers, scheduler=head, silence_logs=logging.CRITICAL)
    with cluster:
        yield cluster


def _stream(
    client: Client, queue: Iterator[Task], limits: Limits, common: Mapping[str, Any], resources: Any
) -> Iterator[Outcome]:
    """Keep every worker thread busy, no more; units whose worker died run again at the end, one by one.

    A worker's death is counted against everything that it held; alone, only the guilty unit dies twice.
    """
    flying: dict[str, Task] = {}
    suspects: list[Task] = []
    alone = False
    arrived = as_completed()
    while True:
        places = 1 if alone else _places(client, limits)
        while len(flying) < places and (task := next(queue, None)):
            key = f"{task.key}, again" if alone else task.key
            if key in flying:
                raise ValueError(f"two units of the same key {task.key} in one run")
            body = {**asdict(task), "payload": dict(task.payload)}
            flying[key] = task
            arrived.add(client.submit(run_on_worker, body, **common, key=key, resources=resources))
        if not flying:
            if alone or not suspects:
                return
            queue, alone = iter(suspects), True
            continue
        future = next(arrived)
        task = flying.pop(future.key)
        if not alone and future.status == "error" and isinstance(future.exception(), KilledWorker):
            suspects.append(task)
        else:
            yield _outcome(future, task.key)


def _places(client: Client, limits: Limits) -> int:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return max(len(limits.slots), sum(int(worker["nthreads"]) for worker in workers))


def _outcome(future: Future, key: str) -> Outcome:
    if future.status == "finished":
        return Outcome(**future.result())
    if future.status != "error":
        raise EngineError(f"the dask scheduler lost unit {key} ({future.status}); run again to go on")
    error = future.exception()
    if isinstance(error, KilledWorker):
        where = f"the dask worker {error.last_worker.address} that ran it died, and so did another before"
        return crash(key, where)
    return Outcome(key, "failed", describe(error), 0.0, 0.0)


def _stop(client: Client) -> None:
    """Cancel what still runs and let the workers end their supervisors."""
    if client.status != "running":
        return
    client.cancel([Future(key, client) for key in client.futures])
    client.run(_drop_run, client.id, on_error="ignore")


DASK = Engine(run_dask)
