"""All engines give the same outcomes, whatever a unit does, and leave nothing behind."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmark.engines import run_tasks
from benchmark.engines.tasks import EngineError, Limits, Options, Task
from benchmark.run import _side_by_side
from benchmark.settings import Settings
from methods import METHODS

HERE = str(Path(__file__).parent)
ENGINES = ("local", "dask", "slurm")
MIXED = "units_for_engines:mixed"


@pytest.fixture(autouse=True)
def _units_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, str(Path.cwd())]))


@pytest.fixture
def run(tmp_path):
    """Run units named by what they do; gives key -> outcome in the order of arrival."""

    def run_units(engine, *does, workers=2, **limits):
        options = Options(folder=tmp_path / "slurm", parameters={"cluster": "local"})
        outcomes = run_tasks(engine, MIXED, tasks(tmp_path, *does), Limits(workers, **limits), options)
        return {outcome.key: outcome for outcome in outcomes}

    return run_units


def tasks(folder, *does, **more):
    """One task per name; "well:2" does `well` under another key."""
    return [Task(name, {"does": name.split(":")[0], "out": str(folder / name), **more}) for name in does]


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("engine", ENGINES)
def test_same_outcomes_everywhere(engine, run, tmp_path):
    names = (
        "raises",
        "exits",
        "killed",
        "segfaults",
        "hangs",
        "eats",
        "grandchild_eats",
        "runs_out",
        "prints",
    )
    outcomes = run(engine, "well", *names, "well:2", timeout=4, memory_mb=400)
    assert {key: outcome.status for key, outcome in outcomes.items()} == {
        "well": "done",
        "raises": "failed",
        "exits": "crashed",
        "killed": "crashed",
        "segfaults": "crashed",
        "hangs": "timeout",
        "eats": "memory",
        "grandchild_eats": "memory",
        "runs_out": "memory",
        "prints": "failed",
        "well:2": "done",
    }
    assert outcomes["well"].error is None
    assert (tmp_path / "well:2").read_text() == "cpu 1"
    errors = {key: outcome.error for key, outcome in outcomes.items() if outcome.error}
    assert errors["raises"]["type"] == "ValueError"
    assert errors["raises"]["message"] == "the flow of casme2/sub01/EP02_01f has no frames"
    assert "in raises" in errors["raises"]["traceback"]
    assert "exit code 7" in errors["exits"]["message"]
    assert "SIGKILL" in errors["killed"]["message"]
    assert "SIGSEGV" in errors["segfaults"]["message"]
    assert "string_at" in errors["segfaults"]["traceback"]
    assert "in hangs" in errors["hangs"]["traceback"]
    assert "400 MB" in errors["eats"]["message"]
    assert outcomes["eats"].peak_memory_mb > 300
    assert outcomes["prints"].output.startswith("x") and len(outcomes["prints"].output) <= 8000
    assert is_gone(int((tmp_path / "hangs").read_text())), "a grandchild outlived its unit"


@pytest.mark.parametrize("engine", ["dask", "slurm"])
def test_a_killed_worker_costs_only_its_unit_which_is_tried_again_once(engine, run, tmp_path):
    outcomes = run(engine, "well", "kills_who_watches_once", "well:2", "kills_who_watches", "well:3")
    assert outcomes["kills_who_watches_once"].status == "done"
    assert (tmp_path / "kills_who_watches_once").read_text() == "second time"
    assert outcomes["kills_who_watches"].status == "crashed"
    assert all(outcomes[name].status == "done" for name in ("well", "well:2", "well:3"))


def test_serial_units_run_here_and_what_they_raise_is_their_outcome(run, tmp_path):
    outcomes = run("serial", "well", "raises", "runs_out", "quits", "well:2")
    assert {key: outcome.status for key, outcome in outcomes.items()} == {
        "well": "done",
        "raises": "failed",
        "runs_out": "memory",
        "quits": "failed",
        "well:2": "done",
    }
    assert (tmp_path / "well:2").read_text() == "cpu 1"
    assert "in raises" in outcomes["raises"].error["traceback"]
    assert outcomes["quits"].error["type"] == "SystemExit"
    assert outcomes["well"].peak_memory_mb > 10


def test_an_engine_whose_libraries_are_missing_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "benchmark.engines.dask", raising=False)
    with pytest.raises(EngineError, match=r"distributed.*\[cluster\]"):
        run_tasks("dask", MIXED, [], Limits())


def test_a_killed_supervisor_costs_only_what_was_in_flight(run):
    outcomes = run("local", "well", "kills_supervisor", "well:2", "well:3", workers=1)
    assert {key: outcome.status for key, outcome in outcomes.items()} == {
        "well": "done",
        "kills_supervisor": "crashed",
        "well:2": "done",
        "well:3": "done",
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_outcomes_are_streamed(engine, tmp_path):
    options = Options(folder=tmp_path / "slurm", parameters={"cluster": "local"})
    stream = run_tasks(engine, MIXED, tasks(tmp_path, "well", "hangs"), Limits(2), options)
    assert next(stream).key == "well"
    wait_until((tmp_path / "hangs").exists)
    wait_until((tmp_path / "hangs").read_text)
    stream.close()
    wait_until(lambda: is_gone(int((tmp_path / "hangs").read_text())))


def test_tasks_are_taken_as_places_become_free(tmp_path):
    taken = []

    def endless():
        for number in range(10**9):
            taken.append(number)
            yield Task(str(number), {"does": "well", "out": str(tmp_path / "out")})

    stream = run_tasks("local", MIXED, endless(), Limits(2))
    for _ in range(5):
        next(stream)
    stream.close()
    assert len(taken) <= 7


def test_mapped_files_do_not_count_as_memory(run, tmp_path):
    array = tmp_path / "frames.npy"
    np.save(array, np.ones(400 * 2**20, np.uint8))
    task = Task("map", {"does": "maps_a_file", "out": str(tmp_path / "out"), "file": str(array)})
    (outcome,) = run_tasks("local", MIXED, [task], Limits(1, memory_mb=250))
    assert outcome.status == "done", outcome.error
    assert (tmp_path / "out").read_text() == str(400 * 2**20)


@pytest.mark.parametrize("name", ["hangs_in_another_session", "leaves_a_daemon"])
def test_nothing_outlives_a_unit(name, run, tmp_path):
    outcomes = run("local", name, timeout=1.5)
    assert outcomes[name].status == ("done" if name == "leaves_a_daemon" else "timeout")
    wait_until(lambda: is_gone(int((tmp_path / name).read_text())))


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "threads", "expected"), [(2, None, "1"), (1, 2, "2")])
def test_inner_libraries_get_their_share_of_threads(run, tmp_path, workers, threads, expected):
    outcomes = run("local", "counts_threads", workers=workers, threads=threads)
    assert outcomes["counts_threads"].status == "done", outcomes["counts_threads"].error
    assert (tmp_path / "counts_threads").read_text() == expected


@pytest.mark.slow
def test_importing_all_methods_starts_no_thread_before_the_fork(tmp_path):
    modules = sorted({target.partition(":")[0] for target in METHODS.values()})
    (outcome,) = run_tasks(
        "local", MIXED, tasks(tmp_path, "counts_supervisor_threads"), Limits(2), Options(tuple(modules))
    )
    assert outcome.status == "done", outcome.error
    assert (tmp_path / "counts_supervisor_threads").read_text() == "1"


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_each_card_serves_one_unit_at_a_time(engine, tmp_path):
    names = [f"notes_its_device:{number}" for number in range(8)]
    limits = Limits(workers=4, devices=("cuda:0", "cuda:1"))
    outcomes = list(run_tasks(engine, MIXED, tasks(tmp_path, *names), limits))
    assert {outcome.status for outcome in outcomes} == {"done"}
    used = {}
    for name in names:
        device, begin, end = (tmp_path / name).read_text().split()
        used.setdefault(device, []).append((float(begin), float(end)))
    assert set(used) == {"cuda:0", "cuda:1"}
    for spans in used.values():
        spans.sort()
        assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))


RUNNER = """
import sys
from pathlib import Path
from benchmark.engines import run_tasks
from benchmark.engines.tasks import Limits, Options, Task

if __name__ == "__main__":
    engine, folder = sys.argv[1], Path(sys.argv[2])
    options = Options(folder=folder / "slurm", parameters={"cluster": "local"})
    tasks = [Task(name, {"does": name, "out": str(folder / name)})
             for name in ("hangs", "hangs_in_another_session")]
    try:
        list(run_tasks(engine, "units_for_engines:mixed", tasks, Limits(2), options))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("local", signal.SIGINT),
        ("local", signal.SIGKILL),
        pytest.param("dask", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("dask", signal.SIGKILL, marks=pytest.mark.slow),
        ("slurm", signal.SIGINT),
    ],
)
def test_ending_the_run_ends_children_and_grandchildren(engine, number, tmp_path):
    script = tmp_path / "runner.py"
    script.write_text(textwrap.dedent(RUNNER))
    command = [sys.executable, str(script), engine, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    names = ("hangs", "hangs_in_another_session") if engine != "slurm" else ("hangs",)
    for name in names:
        wait_until(lambda name=name: (tmp_path / name).exists() and (tmp_path / name).read_text())
    grandchildren = [int((tmp_path / name).read_text()) for name in names]
    family = [psutil.Process(pid).parents() for pid in grandchildren]
    before = [p.pid for tree in family for p in tree if "engines.supervisor" in " ".join(p.cmdline())]
    os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
    printed, _ = process.communicate(timeout=60)
    for pid in grandchildren + before:
        wait_until(lambda pid=pid: is_gone(pid), 30)
    assert printed == ("interrupted\n" if number == signal.SIGINT else "")
    assert before


def test_two_units_of_one_key_are_refused(tmp_path):
    for engine in ENGINES:
        options = Options(folder=tmp_path / "slurm", parameters={"cluster": "local"})
        with pytest.raises(ValueError, match="key"):
            list(run_tasks(engine, MIXED, tasks(tmp_path, "hangs", "hangs"), Limits(2), options))


def test_an_engine_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr("benchmark.engines.dask._CONNECT_SECONDS", 1)
    with pytest.raises(ValueError, match=r"did you mean slurm"):
        run_tasks("slrum", MIXED, [], Limits())
    with pytest.raises(EngineError, match="no_such_module_here"):
        list(run_tasks("local", MIXED, [], Limits(), Options(("no_such_module_here",))))
    with pytest.raises(EngineError, match="no dask scheduler answers"):
        list(run_tasks("dask", MIXED, [], Limits(), Options(scheduler="tcp://127.0.0.1:9")))


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"workers": 0}, "workers"), ({"timeout": 0}, "timeout"), ({"memory_mb": -1}, "memory_mb"),
     ({"devices": ()}, "devices")],
)  # fmt: skip
def test_impossible_limits_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        Limits(**fields)


def test_dask_started_here_listens_on_loopback_only(tmp_path):
    stream = run_tasks("dask", MIXED, tasks(tmp_path, "well", "hangs"), Limits(2))
    next(stream)
    me = psutil.Process()
    listening = {
        (process.name(), connection.laddr.ip)
        for process in [me, *me.children(recursive=True)]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    stream.close()
    assert len(listening) >= 1
    assert {address for _, address in listening} == {"127.0.0.1"}


def test_short_units_share_a_job(tmp_path):
    from benchmark.engines.slurm import group

    short = [Task(str(number), {}, expected_seconds=3) for number in range(10_000)]
    groups = group(short, 600)
    assert [task for jobs in groups for task in jobs] == short
    assert len(groups) <= 51
    assert len(group([Task(str(n), {}, 700) for n in range(5)], 600)) == 5
    assert len(group([Task(str(n), {}, 700) for n in range(5000)], 600)) <= 1000
    assert group([], 600) == []


def test_a_journal_line_that_is_being_written_is_read_when_it_is_whole(tmp_path):
    from benchmark.engines.slurm import _Journal

    outcome = {"key": "a", "status": "done", "error": None, "seconds": 1.0, "peak_memory_mb": 2.0}
    line = json.dumps(outcome).encode() + b"\n"
    journal = _Journal(tmp_path / "journal")
    assert list(journal.new_outcomes()) == []
    journal.path.write_bytes(b'{"start": "a"}\n' + line[:20])
    assert list(journal.new_outcomes()) == []
    journal.path.write_bytes(b'{"start": "a"}\n' + line)
    assert [found.key for found in journal.new_outcomes()] == ["a"]
    assert list(journal.new_outcomes()) == []


def test_a_supervisor_whose_run_is_gone_ends_without_a_word():
    """It still has to answer when the other side closes: there is nobody to answer."""
    ours, theirs = socket.socketpair()
    ours.sendall(b'{"preload": [], "function": "", "threads": 1}\n')
    ours.close()
    start = f"from benchmark.engines.supervisor import main; main({theirs.fileno()})"
    with theirs:
        done = subprocess.run(
            [sys.executable, "-c", start],
            pass_fds=[theirs.fileno()],
            capture_output=True,
            timeout=60,
            check=True,
        )
    assert done.stderr == b""


def test_units_one_by_one_are_counted_as_one_at_a_time():
    """Or the time left would be said to be that of as many workers as there are cores."""
    at_a_time = {
        name: _side_by_side(Settings(engine=name, workers=4), ("cpu",)) for name in ("serial", "local")
    }
    assert at_a_time == {"serial": 1, "local": 4}
    assert _side_by_side(Settings(engine="local"), ("cuda:0", "cuda:1", "cuda:2")) == 3
