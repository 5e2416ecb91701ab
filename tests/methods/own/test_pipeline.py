"""A scikit-learn estimator as a method: it keeps the contract, and its numbers are scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from methods.base import Context, MethodError
from methods.contract import CHECKS, Trial, toy_clips
from methods.own.pipeline import PipelineMethod


class Rows(PipelineMethod):
    """Mean grey of each row in the middle frame."""

    name, title = "rows", "Rows"
    grid = {"logisticregression__C": (0.01, 1.0)}  # noqa: RUF012

    def features(self, clip, landmarks):
        return clip[len(clip) // 2].mean(axis=(1, 2))

    def estimator(self):
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


class Forest(Rows):
    name, title, grid = "forest", "Forest", {}

    def estimator(self):
        return RandomForestClassifier(20)


class Margin(Rows):
    name, title, grid = "margin", "Margin", {"C": (0.1, 1.0)}

    def estimator(self):
        return LinearSVC()


@pytest.fixture(scope="module")
def clips():
    return toy_clips(64, 52)


@pytest.mark.parametrize("method", [Rows, Forest, Margin])
def test_the_contract(method, clips, tmp_path):
    trial = Trial(method, clips, tmp_path)
    for check in CHECKS.values():
        check(trial)


def test_scores_are_those_of_scikit_learn_itself(clips):
    train, test = clips.select(range(16)), clips.select(range(16, 24))
    method = Rows()
    method.fit(train, seed=0)
    found = method.predict(test.without_labels())
    x = np.stack([clips[i][16].mean(axis=(1, 2)) for i in range(24)])
    for i, C in enumerate((0.01, 1.0)):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
        expected = model.fit(x[:16], train.labels).predict_proba(x[16:])
        np.testing.assert_allclose(found.scores[i], expected, rtol=1e-5)
    assert [each["logisticregression__C"] for each in found.candidates] == [0.01, 1.0]


def test_the_seed_of_the_unit_is_the_random_state(clips):
    def scores(seed):
        method = Forest()
        method.fit(clips, seed=seed)
        return method.predict(clips.without_labels()).scores

    assert np.array_equal(scores(3), scores(3))
    assert not np.array_equal(scores(3), scores(4))


def test_a_class_that_training_lacked_is_never_named(clips):
    train = clips.select(np.flatnonzero(clips.labels != 2))
    for method in (Rows(), Margin()):
        method.fit(train, seed=0)
        assert (method.predict(clips.without_labels()).scores.argmax(axis=2) != 2).all()
    alone = Rows(context=Context(grouped=True))
    alone.fit(clips.select(np.flatnonzero(clips.labels == 1)), seed=0)
    assert (alone.predict(clips.without_labels()).scores.argmax(axis=2) == 1).all()


def test_features_that_are_no_vector_are_refused(clips):
    class Wrong(Rows):
        def features(self, clip, landmarks):
            return clip.mean(axis=(1, 2))

    with pytest.raises(MethodError, match=r"vector.*\(32, 3\)"):
        Wrong().fit(clips, seed=0)
