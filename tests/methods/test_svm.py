"""The SVM base class: its choices, its arithmetic against scikit-learn, tiny classes, saving."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import additive_chi2_kernel, chi2_kernel, polynomial_kernel, rbf_kernel
from sklearn.svm import SVC

from data_prep.clips import Clips, LabelsHidden
from methods.base import Context, MethodError
from methods.folds import inner_folds
from methods.svm.kernels import Kernel, mean_distance, measure_between
from methods.svm.one_vs_one import OneVsOne, fit_one_vs_one, pair_scores
from methods.svm.solver import SVMMethod, SVMSettings, standardise


@dataclasses.dataclass(frozen=True)
class ToySettings(SVMSettings):
    frame_size: tuple[int, int] = (4, 4)
    C: tuple[float, ...] = (0.125, 2.0, 512.0)


class Toy(SVMMethod):
    """Mean colours of a clip's pixels; the variant scales them, which a linear kernel feels through C."""

    name, title, Settings = "toy", "Toy", ToySettings
    kernel_list = (Kernel("linear"), Kernel("rbf", gamma=0.5), Kernel("chi2"), Kernel("poly", 1.0, 1.0, 2))

    def variants(self):
        return ({"scale": 1.0}, {"scale": 0.01})

    def kernels(self):
        return self.kernel_list

    def features(self, clips, variant):
        with pytest.raises(LabelsHidden):
            _ = clips.labels
        rows = [clips[i].mean(axis=0).ravel() / 255 * variant["scale"] for i in range(len(clips))]
        return np.array(rows, np.float32)


class Standardised(Toy):
    """The toy with a map that is fitted in every fold."""

    kernel_list = (Kernel("linear"), Kernel("rbf", gamma=0.5))

    def reduce(self, features, labels, variant):
        return standardise(features)


class Sweep(Toy):
    one_candidate_per_variant = True


def clips_of(labels, seed=0, noise=40.0, subjects=None):
    """Clips whose mean colour tells their class, more or less."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).uniform(60, 200, (4, 1, 4, 4, 3))
    frames = centres[labels] + rng.normal(0, noise, (len(labels), 2, 4, 4, 3))
    frames = np.clip(frames, 0, 255).astype(np.uint8)
    return Clips.from_arrays(frames, np.zeros((len(labels), 66, 2)), np.asarray(labels), subjects=subjects)


LABELS = np.array([0, 1, 2, 3] * 9 + [1] * 4)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("C", [0.01, 1.0, 1000.0])
def test_decisions_equal_those_of_scikit_learn(n_classes, C):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 60)
    x, new = rng.normal(labels[:, None], 1.5, (60, 7)), rng.normal(1, 2, (300, 7))
    machine = SVC(kernel="precomputed", C=C, decision_function_shape="ovo").fit(x @ x.T, labels)
    ours = fit_one_vs_one(x @ x.T, labels, C)
    decisions = new @ x.T @ ours.coefficients + ours.intercepts
    theirs = machine.decision_function(new @ x.T).reshape(300, -1)
    if n_classes == 2:
        theirs = -theirs
    np.testing.assert_allclose(decisions, theirs, atol=1e-9)
    np.testing.assert_array_equal(ours.scores(new @ x.T, 4).argmax(axis=1), machine.predict(new @ x.T))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(2, 90),
    st.sampled_from(["plain", "whole numbers", "half of the clips equal"]),
    st.sampled_from([Kernel("linear"), Kernel("poly", 0.1, 1.0, 4), Kernel("poly", 1.0, 0.0, 3)]),
    st.sampled_from([0.004, 1.0, 30.0, 32768.0]),
    st.sampled_from([1, 40, 3000]),
)
def test_machines_are_scikit_learns_to_the_last_bit(seed, n, kind, kernel, C, limit):
    """Ties, clips that stand twice, machines that are cut off, shrinking (over 1,000 steps) included."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, rng.integers(2, 5), n - 2)])
    x = rng.normal(0.5 * labels[:, None], 1.0, (n, rng.integers(1, 12)))
    if kind == "whole numbers":
        x = np.round(x)
    if kind == "half of the clips equal":
        x[::2] = x[0]
    gram = kernel.matrix(x @ x.T, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = SVC(kernel="precomputed", C=C, max_iter=limit).fit(gram, labels)
    ours = fit_one_vs_one(gram, labels, C, limit)
    one, two = np.triu_indices(len(ours.classes), 1)
    sign = -1 if len(ours.classes) == 2 else 1
    expected = np.zeros_like(ours.coefficients)
    kinds = labels[theirs.support_]
    for p, (i, j) in enumerate(zip(one, two, strict=True)):
        expected[theirs.support_[kinds == i], p] = sign * theirs.dual_coef_[j - 1, kinds == i]
        expected[theirs.support_[kinds == j], p] = sign * theirs.dual_coef_[i, kinds == j]
    np.testing.assert_array_equal(ours.coefficients, expected)
    np.testing.assert_array_equal(ours.intercepts, sign * theirs.intercept_)
    assert ours.stopped_early == bool(theirs.fit_status_)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_what_is_decided_is_the_highest_score(seed, k):
    rng = np.random.default_rng(seed)
    classes = np.sort(rng.choice(5, k, replace=False))
    pairs = k * (k - 1) // 2
    machine = OneVsOne(classes, rng.integers(-2, 3, (6, pairs)).astype(float), np.zeros(pairs))
    rows = rng.integers(-1, 2, (40, 6)).astype(float)
    np.testing.assert_array_equal(machine.decided(rows), machine.scores(rows, 5).argmax(axis=1))


def test_a_machine_refuses_what_it_cannot_solve():
    with pytest.raises(ValueError, match="finite"):
        fit_one_vs_one(np.diag([1.0, np.nan]), np.array([0, 1]), 1.0)
    with pytest.raises(ValueError, match="C must be above 0"):
        fit_one_vs_one(np.eye(2), np.array([0, 1]), 0.0)


def test_a_tied_vote_goes_to_the_first_class_as_in_libsvm():
    # 0 beats 1, 1 beats 2, 2 beats 0: one vote each, and class 2 has by far the highest confidence
    scores = pair_scores(np.array([[0.1, -9.0, 0.2]]), np.array([0, 1, 3]), 4)
    assert scores.argmax(axis=1).tolist() == [0]
    assert scores[0, 2] == -1


def test_classes_absent_from_training_are_never_chosen():
    ours = fit_one_vs_one(np.eye(4), np.array([1, 1, 3, 3]), 1.0)
    assert set(ours.scores(np.random.default_rng(0).normal(size=(50, 4)), 4).argmax(axis=1)) <= {1, 3}
    alone = fit_one_vs_one(np.eye(3), np.array([2, 2, 2]), 1.0)
    assert alone.scores(np.ones((5, 3)), 4).argmax(axis=1).tolist() == [2] * 5


def test_kernels_against_scikit_learn():
    rng = np.random.default_rng(1)
    a, b = rng.random((9, 5)).astype(np.float32), rng.random((6, 5)).astype(np.float32)
    ours = {name: measure_between(name, a, b) for name in ("dot", "squared", "chi2", "additive")}
    distance = mean_distance(measure_between("squared", a, a))
    np.testing.assert_allclose(
        Kernel("rbf", gamma=2.0).matrix(ours["squared"], distance), rbf_kernel(a, b, 2 / distance), rtol=1e-5
    )
    np.testing.assert_allclose(
        Kernel("poly", 0.3, 1.0, 4).matrix(ours["dot"], 1.0), polynomial_kernel(a, b, 4, 0.3, 1.0), rtol=1e-5
    )
    np.testing.assert_allclose(
        Kernel("chi2", 0.7).matrix(ours["chi2"], 1.0), chi2_kernel(a, b, gamma=0.7), rtol=1e-5
    )
    both = a[:, None] + b
    np.testing.assert_allclose(ours["additive"], (2 * a[:, None] * b / both).sum(axis=2), rtol=1e-5)
    np.testing.assert_allclose(ours["chi2"], -additive_chi2_kernel(a, b), rtol=1e-5)
    pairs = [((a[i] - a[j]) ** 2).sum() for i in range(9) for j in range(9) if i != j]
    assert distance == pytest.approx(np.mean(pairs), rel=1e-5)


def test_every_grid_point_is_a_candidate_in_order():
    method = Toy()
    method.fit(clips_of(LABELS), seed=3)
    result = method.predict(clips_of(LABELS, seed=1).without_labels())
    assert len(result.candidates) == 2 * 4 * 3 == len(result.scores)
    assert result.candidates[0] == {"scale": 1.0, "kernel": "linear", "C": 0.125}
    assert result.candidates[-1] == {
        "scale": 0.01, "kernel": "poly", "gamma": 1.0, "coef": 1.0, "degree": 2, "C": 512.0,
    }  # fmt: skip
    accuracy = (result.scores[result.chosen].argmax(axis=1) == LABELS).mean()
    assert accuracy > 0.8


def test_the_choice_is_the_best_inner_accuracy_by_plain_cross_validation():
    clips = clips_of(LABELS, noise=90.0)
    method = Toy()
    method.kernel_list = (Kernel("linear"),)
    method.fit(clips, seed=5)
    expected = []
    for variant in method.variants():
        x = method.features(clips.without_labels(), variant).astype(float)
        for C in method.settings.C:
            right = 0
            for train, test in inner_folds(LABELS, None, 5, 5):
                machine = SVC(kernel="linear", C=C).fit(x[train], LABELS[train])
                right += (machine.predict(x[test]) == LABELS[test]).sum()
            expected.append(right)
    assert method.predict(clips.without_labels()).chosen == int(np.argmax(expected))


@pytest.mark.parametrize("noise", [20.0, 60.0, 150.0, 400.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_keeps_the_best_candidate_of_each_variant(noise, seed, monkeypatch):
    fits = []

    def counted(self, *arguments):
        fits.append(type(self))
        return fitted(self, *arguments)

    fitted = SVMMethod._fitted
    monkeypatch.setattr(SVMMethod, "_fitted", counted)
    clips = clips_of(LABELS, seed=seed, noise=noise)
    full, sweep = Toy(), Sweep()
    full.fit(clips, seed=seed)
    sweep.fit(clips, seed=seed)
    assert fits.count(Sweep) < fits.count(Toy), "what can no longer win is not fitted to the end"
    all_points, kept = full.predict(clips.without_labels()), sweep.predict(clips.without_labels())
    assert [c["scale"] for c in kept.candidates] == [1.0, 0.01]
    for candidate, scores in zip(kept.candidates, kept.scores, strict=True):
        np.testing.assert_array_equal(all_points.scores[all_points.candidates.index(candidate)], scores)
    assert kept.candidates[kept.chosen] == all_points.candidates[all_points.chosen]


def test_a_fold_fitted_map_sees_training_clips_only():
    seen = []

    class Recording(Standardised):
        def reduce(self, features, labels, variant):
            seen.append(len(features))
            return super().reduce(features, labels, variant)

    Recording().fit(clips_of(LABELS), seed=0)
    assert seen == [40, 32, 32, 32, 32, 32] * 2


@pytest.mark.parametrize("kind", [Toy, Standardised, Sweep])
def test_saved_models_predict_the_same(kind, tmp_path):
    method, new = kind(), clips_of(LABELS, seed=8).without_labels()
    method.fit(clips_of(LABELS), seed=0)
    method.save(tmp_path)
    again = kind()
    again.load(tmp_path)
    first, second = method.predict(new), again.predict(new)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert (first.candidates, first.chosen) == (second.candidates, second.chosen)
    with pytest.raises(MethodError, match="another grid"):
        kind(ToySettings(C=(1.0, 2.0, 3.0))).load(tmp_path)


def test_threads_and_repetition_change_nothing():
    new = clips_of(LABELS, seed=2).without_labels()
    results = []
    for threads in (1, 2, 1):
        method = Standardised(context=Context(threads=threads))
        method.fit(clips_of(LABELS, noise=80.0), seed=7)
        results.append(method.predict(new))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0].scores, other.scores)
        assert results[0].chosen == other.chosen


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=14), st.booleans())
def test_tiny_and_missing_classes_are_handled(labels, grouped):
    subjects = [f"memory/s{i % 3}" for i in range(len(labels))]
    method = Toy(context=Context(grouped=grouped))
    method.kernel_list = (Kernel("linear"),)
    method.fit(clips_of(np.array(labels), subjects=subjects), seed=1)
    result = method.predict(clips_of(np.arange(4)).without_labels())
    assert set(result.scores.argmax(axis=2).ravel()) <= set(labels)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=2, max_size=40), st.integers(0, 99))
def test_inner_splits_cover_every_clip_once_and_keep_subjects_together(rows, seed):
    labels = np.array([label for label, _ in rows])
    groups = [f"s{group}" for _, group in rows]
    for given_groups in (None, groups):
        splits = inner_folds(labels, given_groups, 5, seed)
        if not splits:
            continue
        assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(rows)))
        for train, test in splits:
            assert not set(train) & set(test)
            if given_groups:
                assert not {groups[i] for i in train} & {groups[i] for i in test}


def test_errors_say_what_is_wrong():
    method = Toy()
    with pytest.raises(MethodError, match="not fitted"):
        method.predict(clips_of(LABELS).without_labels())
    with pytest.raises(MethodError, match="no training clips"):
        method.fit(clips_of(LABELS).select([]), seed=0)
    with pytest.raises(ValueError, match="linear, poly"):
        Kernel("gauss")
