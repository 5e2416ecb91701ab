"""Controls: where nothing can be learned, nobody learns; and numbers that must not move unnoticed.

One run of all methods is both: its labels are shuffled, so that nobody may be above chance, and its numbers
are stored.
"""

import os
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from basis.canonical import digest_of
from methods import METHODS

DESCRIPTORS = ("mdmo", "fdm", "lbp-top", "stlbp-ip", "stclqp")
ROOT = Path(__file__).parents[2]
REGRESSION = ROOT / "tests" / "regression"
STORED = {"quick": REGRESSION / "per_fold_quick.csv", "tiny": REGRESSION / "per_fold_tiny.csv"}
SHORT = REGRESSION / "short.toml"
PUBLISHED = ROOT / "docs" / "results" / "quick-small-table3.csv"
KEY = ["method", "protocol", "fold_name", "draw"]
ALL_ON_TINY = ("--methods", "all", "--simulator", "tiny", "--settings", SHORT, "--tables-only")
SHUFFLED = ("--control", "shuffled-labels", "--protocol", "cross-database")
"""What is stored; the README's run has the true labels, and the folds over clips and over people."""
SERIAL = ("--engine", "serial")
"""A process per unit doubles what units of a tenth of a second cost."""
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
NUMBERS = ["n_train", "n_test", "correct", "paper_style_correct", "candidate", "predictions"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, command):
    """All methods on the tiny databases with shuffled labels, the networks trained for a second.

    Everything is computed anew, in one process of two threads, libraries held to AVX2.
    """
    place = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AVX2.items():
            patch.setenv(name, value)
        command("run", *ALL_ON_TINY, *SHUFFLED, *SERIAL, "--threads", 2,
                "--cache", place / "cold", "--out", place / "run")  # fmt: skip
    return place / "run"


@pytest.fixture(scope="module")
def natively(simulated_cache, tmp_path_factory, command):
    """The same on this machine as it is, each unit in a process of its own."""
    folder = tmp_path_factory.mktemp("natively") / "run"
    command("run", *ALL_ON_TINY, *SHUFFLED, "--cache", simulated_cache, "--out", folder)
    return folder


def numbers_of(run):
    """What is stored of each fold; `predictions` is a hash of the classes and scores of its clips."""
    predictions = pd.read_parquet(run / "predictions.parquet").rename(columns={"fold": "fold_name"})
    given = [name for name in predictions if name.startswith(("clip", "honest", "paper_style", "score_"))]
    folds = predictions.sort_values("clip").groupby(KEY)[given]
    hashes = folds.apply(lambda rows: digest_of(rows.values.tolist())[:12]).rename("predictions")
    return pd.read_csv(run / "per_fold.csv").set_index(KEY).join(hashes)[NUMBERS].sort_index()


def same_as_stored(run, name):
    """The run's per-fold numbers are the stored ones; REFRESH=1 in the environment stores them first."""
    if os.environ.get("REFRESH"):
        numbers_of(run).to_csv(STORED[name])
    stored = pd.read_csv(STORED[name]).set_index(KEY)[NUMBERS].sort_index()
    assert set(METHODS) == set(stored.index.get_level_values("method"))
    pd.testing.assert_frame_equal(numbers_of(run), stored)


@pytest.mark.slow
def test_per_fold_numbers_are_those_stored(tiny):
    """Exact, on whatever machine, with whatever threads, workers and caches.

    Another number is a change of a method and needs a word in its commit. Where it is meant, both files are
    written anew by `TLCNN_README_RUN=runs/quick REFRESH=1 python -m pytest -m slow -k per_fold_numbers`.
    """
    same_as_stored(tiny, "tiny")


@pytest.mark.slow
def test_per_fold_numbers_of_this_machine_as_it_is(request):
    """The README's run, in TLCNN_README_RUN, has the stored folds, the published table and its findings.

    Without it all methods run on the tiny databases again, each unit in a process of one thread.
    """
    if finished := os.environ.get("TLCNN_README_RUN"):
        same_as_stored(Path(finished), "quick")
        assert (Path(finished) / "table3.csv").read_bytes() == PUBLISHED.read_bytes()
        said = runpy.run_path(str(ROOT / "docs" / "write_readme.py"))["findings"](Path(finished))
        assert f"<!-- findings -->\n{said}\n<!-- /findings -->" in (ROOT / "README.md").read_text("utf-8")
    else:
        same_as_stored(request.getfixturevalue("natively"), "tiny")


def right_of(run, *by):
    """The largest class's share of a run; of each group the share that is right, and its size."""
    predictions = pd.read_parquet(run / "predictions.parquet")
    right = (predictions["truth"] == predictions["honest"]).groupby([predictions[name] for name in by])
    return predictions["truth"].value_counts(normalize=True).max(), right.agg(["mean", "size"])


def nobody_is_above_chance(run):
    """No method is above the majority by more than chance allows.

    Cheap methods are tried under every protocol below. The bound is four standard deviations of the
    difference of two proportions; twenty methods are tried.
    """
    largest, right = right_of(run, "method")
    assert set(right.index) == set(METHODS)
    bound = largest + 4 * np.sqrt(largest * (1 - largest) / right["size"].min())
    assert (right["mean"] <= bound).all(), right


@pytest.mark.slow
def test_with_shuffled_labels_everyone_is_at_chance(tiny):
    nobody_is_above_chance(tiny)


@pytest.mark.slow
def test_where_nothing_moves_everyone_is_at_chance_over_people(simulated_cache, tmp_path, command):
    words = ("--set", "amplitude=0", "--protocol", "subject")
    place = ("--cache", simulated_cache, "--out", tmp_path / "run")
    command("run", *ALL_ON_TINY, *words, *SERIAL, *place)
    nobody_is_above_chance(tmp_path / "run")


PROTOCOLS = ("clips", "subject", "loso", "cross-database")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--control", "shuffled-labels"), ("--set", "amplitude=0")])
def test_every_protocol_leaves_cheap_methods_and_baselines_at_chance(
    words, simulated_cache, tmp_path, command
):
    """Two seeds of every protocol; what sees people or databases is no better off than what sees frames.

    Four standard deviations of a share of the tested clips, above the largest class of all.
    """
    methods = ("majority", "person-prior", "database-prior", "linear", "lbp-top")
    command("run", "--methods", *methods, "--simulator", "tiny", *words, "--protocol", *PROTOCOLS,
            "--seeds", 0, 1, "--tables-only", *SERIAL,
            "--cache", simulated_cache, "--out", tmp_path / "run")  # fmt: skip
    largest, right = right_of(tmp_path / "run", "method", "protocol")
    assert set(right.index) == {(method, protocol) for method in methods for protocol in PROTOCOLS}
    assert (right["size"] >= 2 * 34).all()
    assert (right["mean"] <= largest + 4 * np.sqrt(largest * (1 - largest) / right["size"])).all(), right


def test_descriptors_beat_the_majority_under_the_papers_protocol():
    """All five descriptors pooled, in the stored folds of the README's run (CI compares its own)."""
    folds = pd.read_csv(STORED["quick"])
    folds = folds[folds["protocol"] == "clips"].groupby("method")[["correct", "n_test"]].sum()
    right = folds["correct"] / folds["n_test"]
    assert right[list(DESCRIPTORS)].mean() > right["majority"]
