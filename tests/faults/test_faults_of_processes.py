"""Runs that are killed, interrupted, doubled or starved end in the table of an undisturbed one."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from results.records.store import read_records


def everything_of(process):
    """The run's process and all that it started."""
    try:
        main = psutil.Process(process.pid)
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def assert_completes(laboratory, undisturbed):
    ended = laboratory.run()
    assert ended.returncode == 0, ended.printed
    assert laboratory.table() == undisturbed(laboratory).table()
    records, bad = read_records(laboratory.out)
    assert not bad
    assert not list(laboratory.out.rglob(".*.tmp")), "a half-written file was left behind"
    assert {record.status for record in records} == {"done"}
    assert len(records) == len(undisturbed(laboratory).records())


@pytest.mark.slow
def test_killed_20_times_at_random_moments(learning_laboratory, undisturbed, faults, dice):
    """Kills strike from start-up to report; half of them take the whole family at once, as a crash does."""
    laboratory = learning_laboratory
    started = time.monotonic()
    assert laboratory.run().returncode == 0
    seconds = time.monotonic() - started
    shutil.rmtree(laboratory.out)
    shutil.rmtree(laboratory.cache)
    kills = 0
    for attempt in range(200):
        process, began = laboratory.start(), time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0.1, 1.0) * seconds)
        family = everything_of(process)
        for victim in family if attempt % 2 else family[:1]:
            victim.kill()
        process.communicate(timeout=60)
        psutil.wait_procs(family, timeout=30)
        assert not any(member.is_running() for member in family), "a process outlived the killed run"
        if process.returncode == -signal.SIGKILL:
            kills += 1
            faults.inject("kill -9 of a run")
        else:
            seconds = min(seconds, time.monotonic() - began)
            assert laboratory.table() == undisturbed(laboratory).table()
            shutil.rmtree(laboratory.out)
            shutil.rmtree(laboratory.cache)
        if kills == 20:
            break
    assert kills == 20
    assert_completes(laboratory, undisturbed)
    faults.survived()


@pytest.mark.parametrize(
    ("at", "match"),
    [
        ("halved", r"/units/"),
        ("replace", r"meta\.json$"),
        ("replace", r"run\.json$"),
        *(
            pytest.param(at, match, marks=pytest.mark.slow)
            for at, match in (
                ("fsync", r"/units/"),
                ("replace", r"/units/"),
                ("fsync", r"frames\.npy"),
                ("halved", r"frames\.npy$"),
                ("halved", r"meta\.json$"),
                ("halved", r"\.part$"),
                ("replace", r"table3\.csv$"),
            )
        ),
    ],
)
def test_killed_while_a_file_is_written(laboratory, undisturbed, faults, at, match):
    fault = {"at": at, "match": match, "nth": 3 if match in (r"/units/", r"\.part$") else 1}
    faults.inject(f"kill -9 at {at} of {match}")
    ended = laboratory.run(fault=fault)
    assert laboratory.met() >= fault["nth"], "the fault did not strike"
    assert ended.returncode == -signal.SIGKILL, ended.printed
    assert_completes(laboratory, undisturbed)
    faults.survived()


@pytest.mark.slow
@pytest.mark.parametrize(("at", "match"), [("fsync", r"/features/.*npy"), ("halved", r"/features/.*npy$")])
def test_killed_while_features_are_written(learning_laboratory, undisturbed, faults, at, match):
    test_killed_while_a_file_is_written(learning_laboratory, undisturbed, faults, at, match)


@pytest.mark.slow
def test_killed_while_a_stage_is_written(staged_laboratory, undisturbed, faults):
    faults.inject("kill -9 while half a stage is written")
    fault = {"at": "halved", "match": r"/stages/.*safetensors", "nth": 2}
    ended = staged_laboratory.run(fault=fault)
    assert staged_laboratory.met() >= fault["nth"], "the fault did not strike"
    assert ended.returncode == -signal.SIGKILL, ended.printed
    assert_completes(staged_laboratory, undisturbed)
    faults.survived()


def test_interrupted_with_ctrl_c(laboratory, undisturbed, faults):
    process = laboratory.start()
    wait_until(lambda: len(laboratory.records()) >= 3)
    family = everything_of(process)
    faults.inject("Ctrl-C")
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    psutil.wait_procs(family, timeout=30)
    assert not any(member.is_running() for member in family)
    assert process.returncode == 130, printed
    assert "go on with: python" in printed
    assert "Traceback" not in printed
    assert_completes(laboratory, undisturbed)
    faults.survived()


@pytest.mark.parametrize(
    ("then", "words", "status"),
    [
        ("crash", (), "crashed"),
        pytest.param("hang", ("--timeout", "4"), "timeout", marks=pytest.mark.slow),
    ],
)
def test_a_unit_that_ends_badly_costs_only_itself(laboratory, undisturbed, faults, then, words, status):
    faults.inject(f"a unit that ends in {then}")
    ended = laboratory.run(*words, fault={"at": "replace", "match": "/units/", "nth": 2, "then": then})
    assert ended.returncode == 1, ended.printed
    records, bad = read_records(laboratory.out)
    assert not bad
    assert sorted(record.status for record in records) == sorted(["done"] * (len(records) - 1) + [status])
    assert len(records) == len(undisturbed(laboratory).records())
    assert "go on with: python" in ended.printed
    assert_completes(laboratory, undisturbed)
    faults.survived()


@pytest.mark.slow
def test_units_that_eat_memory_are_tried_again(laboratory, undisturbed, faults):
    faults.inject("all units above their memory limit")
    ended = laboratory.run("--memory-limit", "1")
    assert ended.returncode == 1, ended.printed
    records, _ = read_records(laboratory.out)
    assert "memory" in {record.status for record in records}
    assert_completes(laboratory, undisturbed)
    faults.survived()


def test_a_second_run_of_the_same_folder_is_refused(laboratory, undisturbed, faults):
    first = laboratory.start()
    wait_until((laboratory.out / ".run.json").exists)
    os.kill(first.pid, signal.SIGSTOP)
    faults.inject("a second run of the same folder")
    second = laboratory.run()
    os.kill(first.pid, signal.SIGCONT)
    printed, _ = first.communicate(timeout=120)
    assert second.returncode == 2, second.printed
    assert f"process {first.pid} on host {socket.gethostname()}" in second.printed
    assert "Traceback" not in second.printed
    assert first.returncode == 0, printed
    assert laboratory.table() == undisturbed(laboratory).table()
    faults.survived()


@pytest.mark.slow
def test_two_runs_share_one_cache(laboratory, undisturbed, faults, tmp_path, small_data, small_settings):
    other = type(laboratory)(tmp_path / "other", small_data, small_settings, laboratory.methods)
    other.cache = laboratory.cache
    faults.inject("two runs that fill one cache")
    processes = [each.start() for each in (laboratory, other)]
    printed = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert laboratory.table() == other.table() == undisturbed(laboratory).table()
    faults.survived()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["dask", "slurm"])
def test_other_engines_give_the_same_table_whatever_happens(laboratory, undisturbed, faults, engine):
    faults.inject(f"a unit that crashes on {engine}")
    fault = {"at": "replace", "match": "/units/", "nth": 2, "then": "crash"}
    ended = laboratory.run("--engine", engine, fault=fault)
    assert ended.returncode == 1, ended.printed
    assert "crashed: majority" in ended.printed
    ended = laboratory.run("--engine", engine)
    assert ended.returncode == 0, ended.printed
    assert laboratory.table() == undisturbed(laboratory).table()
    faults.survived()


@pytest.mark.slow
def test_clock_that_runs_backwards(laboratory, undisturbed, faults):
    faults.inject("wall clock that runs backwards")
    ended = laboratory.run(fault={"at": "clock"})
    assert ended.returncode == 0, ended.printed
    for number, path in enumerate(laboratory.records()):
        os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))
    assert_completes(laboratory, undisturbed)
    faults.survived()
