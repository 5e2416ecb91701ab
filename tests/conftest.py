"""Shared by all tests."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def simulated_cache(tmp_path_factory):
    """A cache folder that holds the tiny simulated databases, shared by all test processes."""
    from benchmark.sources import simulator
    from data_prep.simulator import simulate

    root = tmp_path_factory.getbasetemp()
    root = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    cache = root / "shared-cache"
    settings = simulator("tiny", {})
    with FileLock(root / "simulate.lock"):
        simulate(cache / "simulated" / f"tiny-{settings.digest[:12]}", settings, workers=2)
    return cache
