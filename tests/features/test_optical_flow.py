"""Flow of warped pictures whose displacement is known, shapes, errors, determinism."""

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from features.optical_flow import (
    ALGORITHMS,
    flow_between_neighbours,
    flow_from_first,
    to_grey,
)


def _face(size):
    """A photographed face, large enough to be warped finely and then reduced."""
    face = data.astronaut()[20:200, 140:300]
    return cv2.resize(face, (4 * size, 4 * size), interpolation=cv2.INTER_CUBIC)


def _bumps(size, peak):
    """Two Gaussian displacements, one upwards and one to the lower right, as (size, size, 2)."""
    y, x = np.mgrid[:size, :size]
    up = np.exp(-((y - 0.35 * size) ** 2 + (x - 0.35 * size) ** 2) / (2 * (0.09 * size) ** 2))
    aside = np.exp(-((y - 0.65 * size) ** 2 + (x - 0.6 * size) ** 2) / (2 * (0.09 * size) ** 2))
    return (up[..., None] * [0.0, -peak] + aside[..., None] * [0.8 * peak, 0.6 * peak]).astype(np.float32)


def _pair(size=128, peak=0.5, noise=1.0):
    """First frame, second frame, and the field between them: second(x + f(x)) = first(x)."""
    field = _bumps(size, peak)
    large = cv2.resize(field, (4 * size, 4 * size), interpolation=cv2.INTER_CUBIC) * 4
    y, x = np.mgrid[: 4 * size, : 4 * size].astype(np.float32)
    back = large.copy()
    for _ in range(10):
        back = cv2.remap(large, x - back[..., 0], y - back[..., 1], cv2.INTER_LINEAR)
    face = _face(size).astype(np.float32)
    warped = cv2.remap(face, x - back[..., 0], y - back[..., 1], cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    frames = [cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in (face, warped)]
    noisy = np.stack(frames) + rng.normal(0, noise, (2, size, size, 1))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), field


def _end_point_error(flow, field):
    moving = np.hypot(field[..., 0], field[..., 1]) > 0.1
    return float(np.hypot(*(flow - field)[moving].T).mean()), float(np.hypot(*field[moving].T).mean())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_half_a_pixel_is_seen(algorithm):
    frames, field = _pair()
    error, without = _end_point_error(flow_from_first(frames, algorithm)[0], field)
    assert error < 0.5 * without


def test_dis_is_the_accurate_one():
    frames, field = _pair()
    errors = {name: _end_point_error(flow_from_first(frames, name)[0], field)[0] for name in ALGORITHMS}
    assert min(errors, key=errors.get) == "dis"
    assert errors["dis"] < 0.75 * errors["farneback"]


def test_a_preset_that_stops_early_loses_magnitude():
    frames, field = _pair()
    grey = to_grey(frames)
    unmended = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(grey[0], grey[1], None)
    assert (
        _end_point_error(flow_from_first(frames, "dis")[0], field)[0]
        < 0.8 * _end_point_error(unmended, field)[0]
    )


def test_from_first_and_between_neighbours():
    first, _ = _pair(size=48)
    frames = np.concatenate([first, first[:1]])
    from_first, neighbours = flow_from_first(frames), flow_between_neighbours(frames)
    assert from_first.shape == neighbours.shape == (2, 48, 48, 2)
    assert from_first.dtype == neighbours.dtype == np.float32
    np.testing.assert_array_equal(from_first[0], neighbours[0])
    np.testing.assert_array_equal(from_first[1], flow_from_first(frames[[0, 2]])[0])
    np.testing.assert_array_equal(neighbours[1], flow_from_first(frames[[1, 2]])[0])


def test_u_is_to_the_right_and_v_is_down():
    frames, _ = _pair(size=64, noise=0)
    right = np.stack([frames[0], np.roll(frames[0], 1, axis=1)])
    down = np.stack([frames[0], np.roll(frames[0], 1, axis=0)])
    for algorithm in ALGORITHMS:
        assert np.median(flow_from_first(right, algorithm)[0, 8:-8, 8:-8, 0]) == pytest.approx(1, abs=0.15)
        assert np.median(flow_from_first(down, algorithm)[0, 8:-8, 8:-8, 1]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("algorithm", ["farneback", "dis"])
def test_the_same_bits_again_and_from_other_threads(algorithm):
    frames, _ = _pair(size=64)
    expected = flow_from_first(frames, algorithm)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(flow_from_first(frames, algorithm))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for flow in [*found, flow_from_first(frames, algorithm)]:
        np.testing.assert_array_equal(flow, expected)


def test_the_number_of_opencv_threads_is_put_back():
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        flow_from_first(_pair(size=32)[0])
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_grey_is_the_rounded_luma(seed):
    rgb = np.random.default_rng(seed).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(to_grey(rgb) - luma).max() < 0.51
    np.testing.assert_array_equal(to_grey(rgb[..., 0]), rgb[..., 0])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((3, 32, 32), np.float32), "must be uint8"),
        (np.zeros((32, 32), np.uint8), "shape"),
        (np.zeros((3, 32, 32, 4), np.uint8), "shape"),
        (np.zeros((1, 32, 32), np.uint8), "at least 2 frames"),
        (np.zeros((3, 32, 8), np.uint8), "at least 12"),
    ],
)
def test_what_is_no_clip_is_refused(frames, message):
    with pytest.raises(ValueError, match=message):
        flow_from_first(frames)


def test_an_unknown_algorithm_names_the_known():
    with pytest.raises(ValueError, match="farneback"):
        flow_from_first(np.zeros((2, 32, 32), np.uint8), "farnebäck")
