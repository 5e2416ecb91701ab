"""A small real run to break, and the count of what was broken and what survived."""

import json
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
INJECTED = Path(__file__).parent / "injected"
EMOTIONS = ("happiness", "disgust", "surprise", "others")
SUBJECTS = 5
CHEAP = ("majority",)
LEARNING = ("majority", "linear")


class Faults:
    """Counts faults of one test: each is injected, and survives if the test goes on to say so."""

    def __init__(self, properties):
        self.properties = properties
        self.open = []

    def inject(self, name):
        self.properties.append(("fault injected", name))
        self.open.append(name)

    def survived(self):
        """All faults injected so far did no harm; called after the assertions that show it."""
        self.properties += [("fault survived", name) for name in self.open]
        self.open = []


@pytest.fixture
def faults(request):
    return Faults(request.node.user_properties)


def write_database(folder):
    """Own data as a manifest: 5 subjects x 4 emotions, 8 frames of 48 x 40, landmarks beside them."""
    generator = np.random.default_rng(5)
    rows = ["database,subject,clip,emotion,fps,onset,apex,offset,frames"]
    height, width, frames = 48, 40, 8
    grid = [(x, y) for y in np.linspace(8, 40, 11) for x in np.linspace(7, 33, 6)]
    for subject in range(SUBJECTS):
        face = generator.integers(60, 196, (height, width, 3))
        for emotion in EMOTIONS:
            place = folder / f"s{subject}" / emotion
            place.mkdir(parents=True)
            for number in range(frames):
                moved = np.roll(face, number * EMOTIONS.index(emotion) // 4, axis=0)
                noisy = np.clip(moved + generator.integers(-3, 4, moved.shape), 0, 255)
                cv2.imwrite(str(place / f"{number + 1:03d}.png"), noisy.astype(np.uint8))
            body = {"points": [[float(x), float(y)] for x, y in grid], "frame": "001.png"}
            (place / "landmarks.json").write_text(json.dumps(body))
            rows.append(f"own,s{subject},{emotion},{emotion},100,1,,{frames},s{subject}/{emotion}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


class Laboratory:
    """A run of cheap methods on small data in folders of its own, to be started and broken."""

    def __init__(self, folder, data, settings, methods=CHEAP):
        self.folder, self.data, self.settings, self.methods = folder, data, settings, methods
        self.out, self.cache = folder / "run", folder / "cache"

    def command(self, *words):
        return [
            *(sys.executable, "-m", "benchmark", "run", "--data", f"manifest={self.data}"),
            *("--landmarks", "file", "--methods", *self.methods, "--tim", "6", "--protocol", "loso"),
            *("--profile", "quick", "--settings", str(self.settings), "--device", "cpu"),
            *("--workers", "2", "--out", str(self.out), "--cache", str(self.cache), "--tables-only", *words),
        ]

    def environment(self, fault=None):
        environment = {**os.environ, "PYTHONPATH": f"{INJECTED}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
        if fault is not None:
            usual = {"mark": str(self.folder / "met"), "nth": 1, "then": "die"}
            environment["BENCH_FAULT"] = json.dumps({**usual, **fault})
        return environment

    def start(self, *words, fault=None, **options):
        """Start a run and do not wait for it."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(fault),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, *words, fault=None, **options):
        """Run to the end, whatever end that is; the result has its exit status and all it printed."""
        process = self.start(*words, fault=fault, **options)
        printed, _ = process.communicate(timeout=300)
        process.printed = printed
        return process

    def verb(self, *words):
        """Another verb of the programme."""
        return subprocess.run(
            [sys.executable, "-m", "benchmark", *words],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def table(self):
        return (self.out / "table3.csv").read_bytes()

    def records(self):
        return sorted((self.out / "units").glob("*.json"))

    def met(self):
        """How often what a fault waits for has happened."""
        return len(list(self.folder.glob("met.*")))


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    return write_database(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory):
    """Small frames, so that a whole run takes seconds."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    tables = (f"[methods.{name}]\nframe_size = [32, 32]\n" for name in LEARNING)
    path.write_text("\n".join(['[slurm]\ncluster = "local"', *tables]))
    return path


@pytest.fixture
def laboratory(tmp_path, small_data, small_settings):
    """A run of the majority class only: as quick as a run can be."""
    return Laboratory(tmp_path, small_data, small_settings)


@pytest.fixture
def learning_laboratory(tmp_path, small_data, small_settings):
    """A run with a method that computes features and learns."""
    return Laboratory(tmp_path, small_data, small_settings, LEARNING)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, small_data):
    """Gives the finished run of the same methods that was never disturbed."""

    @cache
    def run_of(settings, methods):
        folder = tmp_path_factory.mktemp("undisturbed")
        reference = Laboratory(folder, small_data, settings, methods)
        ended = reference.run()
        assert ended.returncode == 0, ended.printed
        return reference

    return lambda laboratory: run_of(laboratory.settings, laboratory.methods)


@pytest.fixture
def dice():
    """Moments to strike, the same in every session."""
    return random.Random(20)


@pytest.fixture(scope="session")
def staged_settings(tmp_path_factory):
    """A frame CNN of a few units and iterations, which leaves its stage in the cache."""
    path = tmp_path_factory.mktemp("settings") / "staged.toml"
    table = {
        "frame_size": [60, 56],
        "crop": 49,
        "width": 0.05,
        "hidden": 8,
        "evaluations": 2,
        "candidates": 1,
        "m_rates": [0.001],
        "m_iterations": [6],
        "joint_rates": [0.01],
        "joint_iterations": [3],
        "m_batch": 8,
        "joint_batch": 2,
        "joint_window": 4,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    path.write_text("\n".join(["[methods.tlcnn-e]", *lines]) + "\n")
    return path


@pytest.fixture
def staged_laboratory(tmp_path, small_data, staged_settings):
    """A run whose units start from a stage that is made once per fold."""
    return Laboratory(tmp_path, small_data, staged_settings, ("tlcnn-e",))
