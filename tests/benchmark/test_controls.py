"""Controls: where nothing can be learned, nobody learns; and numbers that must not move unnoticed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DESCRIPTORS = ("mdmo", "fdm", "lbp-top", "stlbp-ip", "stclqp")
NETWORKS = ("tlcnn", "tlcnn-e", "tlcnn-em", "c5-svm", "3d-cnn")
STORED = Path(__file__).parent.parent / "regression" / "per_fold_tiny.csv"
KEY = ["method", "protocol", "fold_name"]
NUMBERS = ["n_train", "n_test", "correct", "paper_style_correct", "candidate"]


@pytest.fixture(scope="module")
def tiny(simulated_cache, tmp_path_factory, command):
    """A run of the floors and the descriptors on the tiny databases, quick profile, both protocols."""
    folder = tmp_path_factory.mktemp("tiny") / "run"
    command("run", "--methods", "majority", "linear", *DESCRIPTORS, "--simulator", "tiny", "--tables-only",
            "--cache", simulated_cache, "--out", folder)  # fmt: skip
    return folder


@pytest.mark.slow
def test_per_fold_numbers_are_those_stored(tiny):
    """Exact: a change of these numbers is a change of a method and needs a word in its commit."""
    ours = pd.read_csv(tiny / "per_fold.csv").set_index(KEY)[NUMBERS].sort_index()
    stored = pd.read_csv(STORED).set_index(KEY)[NUMBERS].sort_index()
    pd.testing.assert_frame_equal(ours, stored)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--control", "shuffled-labels"), ("--set", "amplitude=0")])
def test_without_anything_to_learn_everyone_is_at_chance(words, simulated_cache, tmp_path, command):
    """Over people, no method is above the majority by more than chance allows.

    The bound is four standard deviations of the difference of two proportions; ten methods are tried.
    """
    command("run", "--methods", "all", "--simulator", "tiny", *words,
            "--tables-only", "--protocol", "subject", "--draws", 1,
            "--cache", simulated_cache, "--out", tmp_path / "run")  # fmt: skip
    predictions = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    right = (predictions["truth"] == predictions["honest"]).groupby(predictions["method"])
    right = right.agg(["mean", "size"])
    assert set(right.index) >= {*DESCRIPTORS, *NETWORKS, "linear"}
    largest = predictions[predictions["method"] == "majority"]["truth"].value_counts(normalize=True).max()
    n = right["size"].min()
    bound = largest + 4 * np.sqrt(largest * (1 - largest) / n)
    assert (right["mean"] <= bound).all(), right


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
            "--seeds", 0, 1, "--tables-only",
            "--cache", simulated_cache, "--out", tmp_path / "run")  # fmt: skip
    predictions = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    right = (predictions["truth"] == predictions["honest"]).groupby(
        [predictions["method"], predictions["protocol"]]
    )
    right = right.agg(["mean", "size"])
    assert set(right.index) == {(method, protocol) for method in methods for protocol in PROTOCOLS}
    assert (right["size"] >= 2 * 34).all()
    largest = predictions["truth"].value_counts(normalize=True).max()
    assert (right["mean"] <= largest + 4 * np.sqrt(largest * (1 - largest) / right["size"])).all(), right


@pytest.mark.slow
def test_cold_and_warm_caches_and_one_or_two_workers_give_the_same(tiny, simulated_cache, tmp_path, command):
    """The tiny run again beside its cache (warm, one worker) differs in no fold."""
    command("run", "--methods", "majority", "linear", *DESCRIPTORS, "--simulator", "tiny", "--tables-only",
            "--workers", 1, "--cache", simulated_cache, "--out", tmp_path / "warm")  # fmt: skip
    assert (tmp_path / "warm" / "table3.csv").read_bytes() == (tiny / "table3.csv").read_bytes()


@pytest.mark.slow
def test_descriptors_beat_the_majority_under_the_papers_protocol(tiny):
    """All five descriptors pooled: tiny data leave single methods to chance."""
    metrics = pd.read_csv(tiny / "per_fold.csv")
    metrics = metrics[metrics["protocol"] == "clips"]
    means = metrics.groupby("method")["accuracy"].mean()
    assert means[list(DESCRIPTORS)].mean() > means["majority"]
