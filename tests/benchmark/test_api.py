"""What a script or a notebook does: load, take folds, run a class of its own, read the tables."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import benchmark
from benchmark.api import revision_of_code
from benchmark.settings import SettingsError
from methods import METHODS
from methods.own.pipeline import PipelineMethod
from results.records.run_file import NotARun


class Brightness(PipelineMethod):
    name, title = "brightness", "Brightness over time"
    grid = {"C": (0.1, 10.0)}  # noqa: RUF012

    def features(self, clip, landmarks):
        return clip.mean(axis=(1, 2, 3)) / 255

    def estimator(self):
        return LogisticRegression()


@pytest.fixture
def tiny(simulated_cache):
    return {"simulator": "tiny", "cache": str(simulated_cache), "workers": 1}


@pytest.fixture(autouse=True)
def registry_as_it_was():
    held = dict(METHODS.added)
    yield
    METHODS.added.clear()
    METHODS.added.update(held)


def test_importing_it_imports_nothing_heavy():
    code = "import sys, benchmark; print({'torch', 'pandas', 'sklearn', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert "evaluate" in dir(benchmark)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = benchmark.nothing_of_the_kind


def test_clips_and_folds(tiny):
    clips = benchmark.load(tim=10, frame_size=(40, 32), settings=tiny, log=lambda line: None)
    assert clips[0].shape == (10, 40, 32, 3)
    for fold in benchmark.folds(clips, "subject", seed=3):
        people = np.array(clips.subjects)
        assert not set(people[fold.train]) & set(people[fold.test])
        assert len(fold.train) + len(fold.test) == len(clips)


def test_a_class_of_ones_own_stands_in_the_table_and_is_not_run_twice(tiny, tmp_path):
    lines = []
    asked = {
        "out": tmp_path / "run",
        "protocols": ["clips"],
        "log": lines.append,
        "tables_only": True,
        **tiny,
    }
    done = benchmark.evaluate([Brightness, "majority"], **asked)
    assert done.status == 0
    assert set(done.table["title"]) == {"Brightness over time", "Majority class"}
    assert {"truth", "honest", "paper_style"} <= set(done.predictions.columns)
    assert "Brightness over time" in done._repr_html_()
    lines.clear()
    again = benchmark.evaluate([Brightness, "majority"], **asked)
    assert any("10 planned, 10 already done" in line for line in lines)
    pd.testing.assert_frame_equal(again.table, done.table)
    pd.testing.assert_frame_equal(
        benchmark.open_run(tmp_path / "run").frame("per_fold"), done.frame("per_fold")
    )


def test_what_cannot_be_is_refused_with_what_can(tmp_path):
    with pytest.raises(SettingsError, match="subclass"):
        benchmark.evaluate([int])
    with pytest.raises(ValueError, match="exists"):
        benchmark.evaluate([type("Taken", (Brightness,), {"name": "lbp-top"})])
    with pytest.raises(NotARun):
        benchmark.open_run(tmp_path)


def revision(value, body="return clip.mean()", blanks=""):
    names = {"benchmark": benchmark, "__name__": "notebook"}
    head = f"{blanks}class Own(benchmark.PipelineMethod):\n    grid = {{'C': {value}}}\n"
    exec(f"{head}    def features(self, clip, landmarks):\n        {body}\n", names)
    return revision_of_code(names["Own"])


def test_a_class_that_changes_has_another_revision_and_one_that_moved_has_not():
    first = revision((1, 2))
    assert revision((1, 2)) == revision((1, 2), blanks="\n\n") == first > 1
    others = [
        revision((1, 3)),
        revision((1, 2), "return clip.max()"),
        revision((1, 2), "return clip[1].mean()"),
    ]
    assert len({first, *others}) == 4
    nested = [revision((1, 2), f"return [x + {n} for x in clip]") for n in (1, 2)]
    assert nested[0] != nested[1]
