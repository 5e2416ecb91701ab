"""Tests of significance against scipy, statsmodels and scikit-posthocs, and their size by simulation."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from results.numbers import tables
from results.numbers.statistics import (
    TableHasHoles,
    corrected_t,
    effect_size,
    friedman_nemenyi,
    holm,
    paired_t,
    paper_t,
    refuse_holes,
    sign_flip,
    wins_ties_losses,
)
from results.numbers.statistics_table import statistics_frame
from results.records.runs import load_results
from results.records.store import ResultsError, write_record

random = np.random.default_rng(4)


@pytest.mark.parametrize("n", [2, 5, 26, 80])
def test_paired_t_equals_scipy(n: int) -> None:
    a, b = random.normal(size=(2, n))
    made, oracle = paired_t(a - b), stats.ttest_rel(a, b)
    assert made.t == pytest.approx(oracle.statistic)
    assert made.p == pytest.approx(oracle.pvalue)
    interval = oracle.confidence_interval(0.95)
    assert (made.low, made.high) == pytest.approx((interval.low, interval.high))


def test_corrected_t_is_the_formula_of_nadeau_and_bengio() -> None:
    """By hand: ten differences of mean .02 over 448 training and 112 test clips."""
    d = np.array([0.01, 0.03, 0.02, 0.02, 0.04, 0.0, 0.01, 0.03, 0.02, 0.02])
    variance = sum((x - 0.02) ** 2 for x in d) / 9
    t = 0.02 / np.sqrt((1 / 10 + 112 / 448) * variance)
    made = corrected_t(d, 112 / 448)
    assert made.t == pytest.approx(t)
    assert made.p == pytest.approx(2 * stats.t.sf(t, 9))
    assert made.p > paired_t(d).p
    assert corrected_t(d, 0.0).p == pytest.approx(paired_t(d).p)


@pytest.mark.parametrize("n", [3, 5, 9])
def test_sign_flip_equals_scipy_permutation_test(n: int) -> None:
    d = random.normal(0.4, 1, size=n)
    oracle = stats.permutation_test(
        (d, np.zeros(n)), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(d) == pytest.approx(oracle.pvalue)


def test_drawn_sign_flips_agree_with_the_t_test_and_repeat() -> None:
    d = random.normal(0.3, 1, size=60)
    assert sign_flip(d) == sign_flip(d)
    assert sign_flip(d) == pytest.approx(paired_t(d).p, abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_equals_statsmodels(p_values: list[float]) -> None:
    with patch("gc.collect"):  # which statsmodels calls each time, for half a second
        expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(p_values), expected, atol=1e-12)


def test_paper_t_equals_scipy() -> None:
    a, b = random.normal(size=(2, 10))
    assert paper_t(a, b) == pytest.approx(stats.ttest_ind(a, b).pvalue)


@pytest.mark.filterwarnings("error")
def test_a_method_with_the_same_number_on_every_fold_is_compared_without_a_warning() -> None:
    same, other = [100 * 43 / 112] * 5, [75.0, 82.1, 82.1, 84.8, 71.4]
    (difference,), spread = np.mean(other, keepdims=True) - same[0], np.var(other, ddof=1) / 2
    t = difference / np.sqrt(spread * 2 / 5)
    assert paper_t(same, other) == pytest.approx(2 * stats.t.sf(t, 8))


def test_identical_columns_have_p_1_and_never_nan() -> None:
    same = np.array([0.5, 0.6, 0.7])
    zero = same - same
    assert paired_t(zero).p == corrected_t(zero, 0.25).p == sign_flip(zero) == paper_t(same, same) == 1.0
    assert effect_size(zero) == 0.0
    assert wins_ties_losses(zero) == (0, 3, 0)
    assert paper_t(np.ones(3), np.ones(3)) == 1.0


def test_a_constant_difference_is_no_division_by_zero() -> None:
    made = paired_t([0.1, 0.1, 0.1])
    assert made.p == sign_flip([0.1, 0.1, 0.1]) == 0.25
    assert np.isnan([made.low, made.high]).all()
    assert effect_size([-0.1, -0.1, -0.1]) == -np.inf


def test_effect_size_and_counts() -> None:
    d = np.array([1.0, 2.0, 3.0, 0.0, -1.0])
    assert effect_size(d) == pytest.approx(1.0 / np.std(d, ddof=1))
    assert wins_ties_losses(d) == (3, 1, 1)


def test_holes_are_refused_and_listed() -> None:
    scores = np.array([[1.0, np.nan], [0.5, 0.2]])
    with pytest.raises(TableHasHoles, match=r"missing.*FDM.*fold1"):
        refuse_holes(scores, ["fold1", "fold2"], ["MDMO", "FDM"])
    for test in (paired_t, sign_flip, effect_size):
        with pytest.raises(TableHasHoles, match="1 of 3"):
            test([0.1, np.nan, 0.2])
    with pytest.raises(ResultsError, match="at least 2"):
        paired_t([0.1])


def test_ranks_and_critical_difference_equal_scikit_posthocs() -> None:
    scores = random.normal(size=(12, 5)) + np.array([0, 0.5, 1, 1.5, 4.0])
    made = friedman_nemenyi(scores)
    assert made.friedman_p == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    p = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    apart = np.abs(made.mean_ranks[:, None] - made.mean_ranks[None, :])
    upper = np.triu_indices(5, 1)
    np.testing.assert_array_equal(apart[upper] > made.critical_difference, p[upper] < 0.05)
    assert made.mean_ranks.argmin() == 4
    with pytest.raises(ResultsError, match="at least 5 data sets"):
        friedman_nemenyi(scores[:4])


def test_false_positives_are_near_nominal_under_leave_one_subject_out() -> None:
    """Two equally good methods on subjects of unequal size and difficulty: 5 % are called different."""
    simulation = np.random.default_rng(12)
    called = {"paired": 0, "unpaired": 0, "nadeau": 0}
    repeats, subjects = 1500, 26
    for _ in range(repeats):
        sizes = simulation.integers(2, 25, size=subjects)
        skill = np.clip(simulation.normal(0.6, 0.15, size=subjects), 0.05, 0.95)
        a, b = (simulation.binomial(sizes, skill) / sizes for _ in range(2))
        called["paired"] += paired_t(a - b).p < 0.05
        called["unpaired"] += paper_t(a, b) < 0.05
        called["nadeau"] += corrected_t(a - b, 1 / (subjects - 1)).p < 0.05
    rate = {name: n / repeats for name, n in called.items()}
    assert 0.035 < rate["paired"] < 0.07
    assert rate["nadeau"] < rate["paired"]
    assert rate["unpaired"] < 0.03


Make = Callable[..., Any]


def test_pairs_of_a_run(fake_run: Make) -> None:
    run = fake_run(methods=("lbp-top", "stclqp", "majority"), protocols=("clips", "loso"), seeds=(0, 1))
    found = tables.tested(load_results(run.write()))
    frame = statistics_frame(found)
    assert len(frame) == 6
    cells = {(cell.protocol, cell.method): cell for cell, _ in found}
    for _, row in frame.iterrows():
        names = {"LBP-TOP": "lbp-top", "STCLQP": "stclqp", "Majority class": "majority"}
        a, b = (100 * cells[row["protocol"], names[row[x]]].accuracies("honest") for x in "ab")
        means = (a - b).mean(axis=1)
        assert row["p_paired_t"] == pytest.approx(stats.ttest_rel(a.mean(1), b.mean(1)).pvalue)
        assert row["difference"] == pytest.approx(means.mean())
        assert row["wins"] + row["ties"] + row["losses"] == row["n"] == len(means)
        if row["protocol"] == "loso":
            assert (row["unit"], row["test"], row["p"]) == ("subject", "paired t", row["p_paired_t"])
        else:
            assert (row["unit"], row["test"]) == ("fold", "exact sign flip")
            assert row["p"] == row["p_sign_flip"] == sign_flip(means)
            assert row["p_corrected_t"] == pytest.approx(corrected_t(means, 18 / 72).p)
            assert "too few" in row["verdict"]
    for _, group in frame.groupby("protocol"):
        np.testing.assert_allclose(group["p_holm"], holm(group["p"]))


def test_identical_methods_are_called_identical(fake_run: Make) -> None:
    run = fake_run(methods=("majority", "linear"))
    for unit in run.units:
        if unit["method"] == "linear":
            unit["method"] = "majority"
    records = {unit["fold"]: run.record(unit) for unit in run.units[:5]}
    run = fake_run("twins", methods=("majority", "linear"))
    folder = run.folder
    run.write(but=lambda unit: True)
    for unit in run.units:
        write_record(folder / "units", run.record(unit, scores=records[unit["fold"]].scores))
    (row,) = statistics_frame(tables.tested(load_results(folder))).to_dict("records")
    assert (row["p"], row["p_holm"], row["verdict"]) == (1.0, 1.0, "identical")
    assert row["effect_size"] == 0.0
