"""Shared by all tests."""

import importlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # threads that wait for one another leave the core to others
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background of a script: what the tests start would be deaf to Ctrl-C too
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import pytest
from filelock import FileLock

# One commit passes or fails once and for all; HYPOTHESIS_PROFILE=explore draws new examples at every run.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

LONGEST = (
    "test_fingerprints.py",
    "test_controls.py",
    "test_faults_of_processes.py",
    "test_pages.py",
    "test_engines.py",
    "test_readme_command.py",
    "test_every_method.py",
    "test_run.py",
    "test_page.py",
    "test_faults_of_files.py",
    "test_notebooks.py",
    "test_numbers.py",
    "test_training.py",
    "test_flow.py",
    "test_cache.py",
    "test_tlcnn.py",
    "test_result_tables.py",
    "test_one_file_and_one_line.py",
)


def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that no worker is alone with one at the end.

    What needs MediaPipe is skipped by Python's version: where there is a wheel a lack of it is a failure.
    """
    if sys.version_info >= (3, 13):
        without = pytest.mark.skip(reason="MediaPipe has no wheel for Python 3.13")
        for item in items:
            if item.get_closest_marker("facemesh"):
                item.add_marker(without)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def of_docs():
    """Imports a module of the folder docs, whose modules import one another, by its name."""
    folder = str(Path(__file__).parent.parent / "docs")

    def module(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(folder)
            return importlib.import_module(name)

    return module


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory):
    """A folder that all test processes of this session share; what is made there takes a lock."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root


@pytest.fixture(scope="session")
def simulated_cache(tiny_folder):
    """A cache folder that holds the tiny simulated databases, shared by all test processes."""
    return tiny_folder.parent.parent


@pytest.fixture(scope="session")
def tiny_folder(shared_root):
    """The tiny simulated databases themselves."""
    from benchmark.sources import simulator
    from data_prep.simulator import simulate

    cache = shared_root / "shared-cache"
    settings = simulator("tiny", {})
    folder = cache / "simulated" / f"tiny-{settings.digest[:12]}"
    with FileLock(shared_root / "simulate.lock"):
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


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of somebody else's for this test and the processes that it starts.

    install("their_thing", source, methods={"name": "their_thing:Class"}, version="1.0"): entry points by
    the last part of their group; returns the folder that is on the path.
    """

    def made(module, source, version="1.0", **groups):
        folder = tmp_path / f"site-{module}-{version}"
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n")
        points = [
            line
            for group, names in groups.items()
            for line in (f"[tlcnn_bench.{group}]", *(f"{name} = {where}" for name, where in names.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(points) + "\n")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        return folder

    return made


def pytest_terminal_summary(terminalreporter):
    """One line for the whole session: faults injected, survived, lost; the lost ones by name."""
    injected, survived = Counter(), Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if report.when == "teardown" and name == "fault injected":
                    injected[value] += 1
                if report.when == "teardown" and name == "fault survived":
                    survived[value] += 1
    if not injected:
        return
    lost = injected - survived
    terminalreporter.section("faults")
    terminalreporter.write_line(
        f"faults injected {injected.total()}, survived {survived.total()}, lost {lost.total()}"
    )
    for name, count in lost.items():
        terminalreporter.write_line(f"  lost: {count} x {name}")
