"""Shared by all tests."""

import os
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def simulated_cache(tiny_folder):
    """A cache folder that holds the tiny simulated databases, shared by all test processes."""
    return tiny_folder.parent.parent


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """The tiny simulated databases themselves."""
    from benchmark.sources import simulator
    from data_prep.simulator import simulate

    root = tmp_path_factory.getbasetemp()
    root = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    cache = root / "shared-cache"
    settings = simulator("tiny", {})
    folder = cache / "simulated" / f"tiny-{settings.digest[:12]}"
    with FileLock(root / "simulate.lock"):
        simulate(folder, settings, workers=2)
    return folder


@pytest.fixture(scope="session")
def command():
    """`python -m benchmark` in a process of its own; fails the test unless it exits 0 or check=False."""

    def run(*words, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run
