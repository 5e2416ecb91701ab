"""The SLURM engine: groups of units become one array job; outcomes come back through journal files."""

from __future__ import annotations

import json
import math
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import submitit

from benchmark.engines.local import run_local
from benchmark.engines.tasks import Engine, EngineError, Limits, Options, Outcome, Task, crash

_MOST_JOBS = 1000
_ATTEMPTS = 2
_SPARE_SECONDS = 300.0
_GROUP_SECONDS = 600.0


def run_slurm(function: str, tasks: Iterable[Task], limits: Limits, options: Options) -> Iterator[Outcome]:
    """Run units as SLURM jobs, at most `limits.workers` jobs at a time.

    Units that are expected to take `group_seconds` together share a job, one after another, each in a
    process of its own; there are never more than 1,000 jobs. When a job ends before its units did (a node
    failed, the time limit came), what is missing is submitted once more; a unit that was running when two
    jobs died counts as crashed. `folder` must be seen by all nodes; `parameters` go to
    submitit.AutoExecutor.update_parameters and win over those derived from `limits`.

    Raises
    ------
    EngineError
        Without a folder that all nodes see.
    """
    if options.folder is None:
        raise EngineError("the engine slurm needs a folder that all nodes see")
    parameters = dict(options.parameters)
    cluster, seconds = parameters.pop("cluster", "slurm"), parameters.pop("group_seconds", _GROUP_SECONDS)
    submitter = _Submitter(function, limits, options.folder, options.preload, cluster, parameters)
    waiting = group(list(tasks), seconds)
    starts: dict[str, int] = {}
    try:
        while waiting:
            jobs = submitter.submit(waiting)
            waiting = []
            while jobs:
                for job in list(jobs):
                    ended = job.done()
                    yield from job.journal.new_outcomes()
                    if ended:
                        jobs.remove(job)
                        again, crashed = _unfinished(job, starts)
                        yield from crashed
                        waiting += [again] if again else []
                time.sleep(submitter.poll_seconds if jobs else 0)
    finally:
        submitter.cancel()


def group(tasks: Sequence[Task], seconds: float) -> list[list[Task]]:
    """Cut tasks, in their order, into groups expected to take `seconds` each, at most 1,000 groups.

    Raises
    ------
    ValueError
        For two units of one key.
    """
    keys = {task.key for task in tasks}
    if len(keys) != len(tasks):
        raise ValueError(f"{len(tasks) - len(keys)} units have the key of another unit of this run")
    seconds = max(seconds, sum(task.expected_seconds for task in tasks) / (_MOST_JOBS / 2))
    groups: list[list[Task]] = []
    held = math.inf
    for task in tasks:
        if held + task.expected_seconds > seconds:
            groups.append([])
            held = 0.0
        groups[-1].append(task)
        held += task.expected_seconds
    return groups


def run_group(
    function: str, tasks: Sequence[Task], limits: Limits, preload: Sequence[str], journal: str
) -> None:
    """What one job does: run its units and write down each start and each outcome at once."""
    with Path(journal).open("a") as file:
        for outcome in run_local(function, _noted(tasks, file), limits, Options(tuple(preload))):
            _note(file, asdict(outcome))


def _noted(tasks: Iterable[Task], file: Any) -> Iterator[Task]:
    for task in tasks:
        _note(file, {"start": task.key})
        yield task


def _note(file: Any, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()
    os.fsync(file.fileno())


@dataclass
class _Journal:
    """The reader's side of a job's journal: whole lines only, each once."""

    path: Path
    position: int = 0
    started: list[str] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)

    def new_outcomes(self) -> Iterator[Outcome]:
        """Outcomes written since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.position)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.position += len(whole)
        for line in map(json.loads, whole.splitlines()):
            if "start" in line:
                self.started.append(line["start"])
            else:
                self.finished.add(line["key"])
                yield Outcome(**line)


@dataclass
class _Job:
    tasks: list[Task]
    journal: _Journal
    handle: Any

    def done(self) -> bool:
        """Whether the job has ended, well or not."""
        return bool(self.handle.done())

    def how_it_ended(self) -> str:
        """SLURM's state and the log, for the record of a unit that left none."""
        with suppress(Exception):
            return f"{self.handle.state}; its log is {self.handle.paths.stderr}"
        return "state unknown"


class _Submitter:
    def __init__(
        self,
        function: str,
        limits: Limits,
        folder: Path,
        preload: tuple[str, ...],
        cluster: str,
        parameters: dict[str, Any],
    ) -> None:
        self.function, self.preload = function, preload
        self.limits = replace(limits, workers=1, threads=limits.threads_per_unit)
        self.workers, self.parameters = limits.workers, parameters
        self.poll_seconds = 0.2 if cluster == "local" else 5.0
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.jobs: list[_Job] = []
        try:
            self.executor = submitit.AutoExecutor(folder=self.folder / "jobs", cluster=cluster)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"cannot submit jobs to {cluster!r}: {error}") from error

    def submit(self, groups: Sequence[list[Task]]) -> list[_Job]:
        """One array job with a task per group."""
        self.executor.update_parameters(**self._parameters(groups))
        journals = [self.folder / f"{uuid.uuid4().hex}.jsonl" for _ in groups]
        handles = self.executor.map_array(
            run_group,
            *zip(
                *(
                    (self.function, tasks, self._own_limits(), self.preload, str(journal))
                    for tasks, journal in zip(groups, journals, strict=True)
                ),
                strict=True,
            ),
        )
        jobs = [
            _Job(list(tasks), _Journal(journal), handle)
            for tasks, journal, handle in zip(groups, journals, handles, strict=True)
        ]
        self.jobs += jobs
        return list(jobs)

    def cancel(self) -> None:
        """End the jobs that still run."""
        for job in self.jobs:
            if not job.done():
                job.handle.cancel()

    def _own_limits(self) -> Limits:
        """Inside a job the scheduler has made one GPU visible, whatever its number on the node."""
        wants_gpu = "cpu" not in self.limits.devices
        return replace(self.limits, devices=("cuda",) if wants_gpu else ("cpu",))

    def _parameters(self, groups: Sequence[list[Task]]) -> dict[str, Any]:
        longest = max(sum(task.expected_seconds for task in tasks) for tasks in groups)
        seconds = (self.limits.timeout or 0.0) + 4 * longest + _SPARE_SECONDS
        values: dict[str, Any] = {
            "name": "tlcnn-bench",
            "timeout_min": math.ceil(seconds / 60),
            "cpus_per_task": self.limits.threads_per_unit,
            "gpus_per_node": 0 if "cpu" in self.limits.devices else 1,
            "slurm_array_parallelism": self.workers,
        }
        if self.limits.memory_mb is not None:
            values["mem_gb"] = math.ceil(self.limits.memory_mb * 1.25 / 1024) + 1
        return {**values, **self.parameters}


def _unfinished(job: _Job, starts: dict[str, int]) -> tuple[list[Task], list[Outcome]]:
    """What an ended job left undone: units to submit again, and units that have used up their attempts."""
    left = [task for task in job.tasks if task.key not in job.journal.finished]
    running = [task.key for task in left if task.key in job.journal.started]
    for key in running or [task.key for task in left]:
        starts[key] = starts.get(key, 0) + 1
    crashed = [
        crash(task.key, f"its job ended: {job.how_it_ended()}")
        for task in left
        if starts.get(task.key, 0) >= _ATTEMPTS
    ]
    return [task for task in left if starts.get(task.key, 0) < _ATTEMPTS], crashed


SLURM = Engine(run_slurm, elsewhere=True)
