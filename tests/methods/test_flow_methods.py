"""The methods on optical flow: mdmo, fdm and linear."""

import cv2
import numpy as np
import pytest
from skimage import data
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data_prep.clips import Clips, prepared_set
from data_prep.landmarks import mean_shape
from features.fdm import fdm
from features.optical_flow import flow_between_neighbours, flow_from_first
from methods import make_settings
from methods.base import Context, MethodError
from methods.fdm import FDM
from methods.linear import Linear, pooled_apex_flow
from methods.mdmo import MDMO

H, W, T = 72, 60, 8
FACE = mean_shape(H, W)
QUICK = {
    MDMO: {"lambda_step": 0.5, "degrees": (1, 2), "inner_folds": 2},
    FDM: {"grids": (4, 6), "depths": (3, 7), "C": (1.0, 32.0), "inner_folds": 2},
    Linear: {"C": (0.01, 1.0), "inner_folds": 2},
}
METHODS = list(QUICK)


def _clip(label, rng):
    """A photographed face whose brows rise (0) or whose mouth corners do (1), 1.5 px at the apex."""
    face = cv2.resize(data.astronaut()[20:200, 140:300], (W, H), interpolation=cv2.INTER_AREA)
    places = [FACE[17:22], FACE[22:27]] if label == 0 else [FACE[48:49], FACE[54:55]]
    y, x = np.mgrid[:H, :W].astype(np.float32)
    push = np.zeros((H, W), np.float32)
    for points in places:
        cx, cy = points.mean(axis=0)
        push += np.exp(-((x - cx) ** 2) / (2 * 8.0**2) - ((y - cy) ** 2) / (2 * 5.0**2))
    frames = []
    for t in range(T):
        amount = 1.5 * np.sin(np.pi * t / (T - 1)) * rng.uniform(0.9, 1.1)
        frames.append(cv2.remap(face, x, y + np.float32(amount) * push, cv2.INTER_CUBIC))
    return np.clip(np.stack(frames) + rng.normal(0, 1.5, (T, H, W, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    frames = np.stack([_clip(label, rng) for label in labels])
    return Clips.from_arrays(frames, np.repeat(FACE[None], 20, axis=0), labels)


def _made(method, **context):
    return method(make_settings(method, QUICK[method]), Context(**context))


def _halves(clips):
    return clips.select(np.arange(10)), clips.select(np.arange(10, 20))


@pytest.mark.parametrize("method", METHODS)
def test_movements_are_told_apart(method, clips):
    train, test = _halves(clips)
    fitted = _made(method)
    fitted.fit(train, seed=0)
    prediction = fitted.predict(test.without_labels())
    assert (prediction.scores[prediction.chosen].argmax(axis=1) == test.labels).mean() >= 0.9
    assert fitted.seconds["features"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_cache_and_threads_change_nothing(method, clips, tmp_path):
    train, test = _halves(clips)
    plain = _made(method)
    plain.fit(train, seed=0)
    stored = Clips.from_arrays(prepared_set(clips).frames, clips.landmarks, clips.labels, folder=tmp_path)
    for _ in range(2):
        cached = _made(method, threads=2)
        cached.fit(stored.select(np.arange(10)), seed=0)
        scores = cached.predict(stored.select(np.arange(10, 20)).without_labels()).scores
        np.testing.assert_array_equal(scores, plain.predict(test.without_labels()).scores)
    assert list((tmp_path / "features").glob("*.npy"))


def test_every_lambda_is_a_candidate_with_a_kernel_of_its_own():
    method = MDMO()
    lambdas = [variant["lambda"] for variant in method.variants()]
    assert lambdas == [round(0.01 * i, 2) for i in range(101)]
    assert {kernel.name for kernel in method.kernels()} == {"poly"}
    assert {kernel.degree for kernel in method.kernels()} == {1, 2, 3, 4}
    assert {kernel.coef for kernel in method.kernels() if kernel.degree > 1} == {0.0, 1.0}


def test_the_record_of_a_sweep(clips):
    train, test = _halves(clips)
    method = _made(MDMO)
    method.fit(train, seed=0)
    candidates = method.predict(test.without_labels()).candidates
    assert [candidate["lambda"] for candidate in candidates] == [0.0, 0.5, 1.0]
    assert all({"gamma", "coef", "degree", "C"} <= set(candidate) for candidate in candidates)


def test_lambda_weighs_magnitudes_against_angles(clips):
    method = _made(MDMO)
    both, angles = (method.features(clips.select([0]), {"lambda": weight})[0] for weight in (1.0, 0.0))
    assert not both[36:].any()
    assert not angles[:36].any()
    half = method.features(clips.select([0]), {"lambda": 0.5})[0]
    np.testing.assert_allclose(half, (both + angles) / 2, atol=1e-6)


def test_clips_without_a_usable_face_are_named(clips):
    landmarks = clips.landmarks.copy()
    landmarks[3] -= [0, 40]
    landmarks[5] = np.nan
    spoilt = Clips.from_arrays(prepared_set(clips).frames, landmarks, clips.labels)
    reasons = _made(MDMO).unusable(spoilt.without_labels())
    assert set(reasons) == {3, 5}
    assert "hold no pixel" in reasons[3]
    assert "finite" in reasons[5]
    assert _made(FDM).unusable(spoilt) == {}
    usable = spoilt.select([i for i in range(10) if i not in reasons])
    _made(MDMO).fit(usable, seed=0)
    with pytest.raises(MethodError, match=r"clip3.*hold no pixel"):
        _made(MDMO).fit(spoilt, seed=0)


@pytest.mark.parametrize(
    ("frames", "depths"), [(32, {3, 6, 10}), (64, {7, 10, 12}), (8, {3, 6}), (3, {2}), (2, {1})]
)
def test_depths_follow_the_length_of_the_clip(frames, depths):
    method = FDM()
    method._frames = frames
    assert {variant["depth"] for variant in method.variants()} == depths
    assert {variant["grid"] for variant in method.variants()} == {4, 6, 8, 12, 16}


def test_each_variant_gets_its_own_cuboids(clips):
    train, _ = _halves(clips)
    method = _made(FDM)
    method.fit(train, seed=0)
    flow = flow_between_neighbours(train[2])
    for variant in method.variants():
        grid, depth = variant["grid"], variant["depth"]
        expected = fdm(flow, grid=(grid, grid), depth=depth, threshold=method.settings.threshold)
        np.testing.assert_array_equal(method.features(train, variant)[2], expected)


def test_fdm_refuses_clips_of_another_length(clips):
    train, test = _halves(clips)
    method = _made(FDM)
    method.fit(train, seed=0)
    shorter = Clips.from_arrays(prepared_set(test).frames[10:, :5], test.landmarks)
    with pytest.raises(MethodError, match=r"8 frames.* 5"):
        method.predict(shorter.without_labels())


def test_fdm_remembers_its_length_when_saved(clips, tmp_path):
    train, test = _halves(clips)
    fitted, loaded = _made(FDM), _made(FDM)
    fitted.fit(train, seed=0)
    fitted.save(tmp_path)
    loaded.load(tmp_path)
    hidden = test.without_labels()
    np.testing.assert_array_equal(fitted.predict(hidden).scores, loaded.predict(hidden).scores)


def test_the_apex_of_the_floor_is_the_strongest_field():
    flow = np.zeros((3, 14, 14, 2), np.float32)
    flow[0] = 0.1
    flow[1, :7] = (1.0, 0.0)
    flow[1, 7:] = (0.0, -1.0)
    flow[2] = 0.2
    pooled = pooled_apex_flow(flow, 2).reshape(2, 2, 2)
    np.testing.assert_array_equal(pooled, [[(1, 0), (1, 0)], [(0, -1), (0, -1)]])


def test_the_floor_is_a_standardised_logistic_regression(clips):
    train, test = _halves(clips)
    train = train.with_labels(np.arange(10) % 4)
    method = _made(Linear)
    method.fit(train, seed=0)
    x, y = ([pooled_apex_flow(flow_from_first(part[i]), 7) for i in range(10)] for part in (train, test))
    scores = method.predict(test.without_labels()).scores
    for c, C in enumerate(method.settings.C):
        oracle = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
        expected = oracle.fit(np.float64(x), train.labels).predict_proba(np.float64(y))
        np.testing.assert_allclose(scores[c], expected, atol=2e-3)


def test_a_class_without_training_clips_is_never_chosen_by_the_floor(clips):
    train, test = _halves(clips)
    method = _made(Linear)
    method.fit(train, seed=0)
    scores = method.predict(test.without_labels()).scores
    assert scores.shape[2] == 4
    assert not scores[:, :, 2:].any()
    np.testing.assert_allclose(scores.sum(axis=2), 1, atol=1e-5)


def test_the_floor_with_one_class_and_three(clips):
    one = _made(Linear)
    one.fit(clips.select([0, 2, 4]), seed=0)
    assert (one.predict(clips.without_labels()).scores.argmax(axis=2) == 0).all()
    three = _made(Linear)
    three.fit(clips.with_labels(np.arange(20) % 3), seed=0)
    assert three.predict(clips.without_labels()).scores[..., :3].min() > 0
    assert any("no inner folds" in note for note in _fitted_on_one(clips).notes)


def _fitted_on_one(clips):
    method = _made(Linear)
    method.fit(clips.select([0]), seed=0)
    return method


@pytest.mark.parametrize("method", METHODS)
def test_prediction_before_fitting_says_so(method, clips):
    with pytest.raises(MethodError, match="not fitted"):
        _made(method).predict(clips.without_labels())
