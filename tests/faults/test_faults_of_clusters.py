"""Workers of a dask scheduler of the user's own, each a process that was started by hand."""

import dataclasses
import re
import subprocess
import sys

import psutil
import pytest

from benchmark.engines import run_tasks
from benchmark.engines.tasks import Limits, Options
from benchmark.flags import parser, settings_of
from benchmark.run import plan_run
from benchmark.units.jobs import tasks_of

UNIT = "benchmark.units.execute:run_unit"


def started(laboratory, *words):
    """`dask ...` in the source tree, and the address that it prints when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=laboratory.environment(),
        cwd=laboratory.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if found := re.search(r"(?:Scheduler at|Registered to):\s+(tcp://\S+)", line):
            return process, found[1]
    raise AssertionError(f"dask {words} ended with status {process.wait()}")


@pytest.fixture
def scheduler(laboratory):
    """The address of a scheduler with two workers, none of them started by the run."""
    head, address = started(laboratory, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    workers = [
        started(laboratory, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny")[0]
        for _ in range(2)
    ]
    yield address
    for process in (*workers, head):
        for member in (*psutil.Process(process.pid).children(recursive=True), process):
            member.kill()
        process.wait()


@pytest.mark.slow
def test_a_scheduler_of_the_users_own_gives_the_same_table(laboratory, undisturbed, scheduler):
    ended = laboratory.run("--engine", "dask", "--scheduler", scheduler)
    assert ended.returncode == 0, ended.printed
    assert laboratory.table() == undisturbed(laboratory).table()


@pytest.mark.slow
def test_a_worker_that_sees_another_cache_refuses_the_unit(laboratory, scheduler, faults):
    words = [*laboratory.command()[3:], "--engine", "dask", "--scheduler", scheduler]
    planned = plan_run(settings_of(parser().parse_args(words)), lambda line: None)
    right, wrong = list(tasks_of(planned.folder, planned.assembled, planned.units[:2], lambda line: None))
    wrong = dataclasses.replace(
        wrong, payload={**wrong.payload, "clips": {**wrong.payload["clips"], "digest": "0" * 64}}
    )
    faults.inject("a worker with another cache digest")
    found = {
        one.key: one
        for one in run_tasks("dask", UNIT, [right, wrong], Limits(2), Options(scheduler=scheduler))
    }
    assert found[right.key].status == "done"
    assert found[wrong.key].status == "failed"
    assert found[wrong.key].error["type"] == "CacheDamaged"
    assert "000000000000 is expected" in found[wrong.key].error["message"]
    assert [path.stem for path in laboratory.records()] == [right.key]
    faults.survived()
