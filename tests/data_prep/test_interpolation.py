"""TIM against the published procedure, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_prep.interpolation import resample, tim, tim_matrix, timed_matrix


def published_tim(frames: np.ndarray, length: int) -> np.ndarray:
    """Zhou, Zhao and Pietikainen 2011 as published: mean, SVD, path graph, W = (QQ')^-1 QV, synthesis.

    The frames must be linearly independent after the mean is removed, as the procedure demands.
    """
    n = len(frames)
    x = frames.reshape(n, -1).astype(np.float64).T
    mean = x.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    u, q = u[:, : n - 1], (s[:, None] * vt)[: n - 1]
    laplacian = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    laplacian[0, 0] = laplacian[-1, -1] = 1
    eigenvalues, vectors = np.linalg.eigh(laplacian)
    v = vectors[:, np.argsort(eigenvalues)][:, 1:]
    j = np.arange(1, n)
    curve_at = lambda t: np.sin(np.pi * j * t + np.pi * (n - j) / (2 * n))  # noqa: E731
    for k in range(n - 1):
        if v[0, k] * curve_at(1 / n)[k] < 0:
            v[:, k] *= -1
    scale = v[0] / curve_at(1 / n)
    w = np.linalg.solve(q @ q.T, q @ v)
    back = np.linalg.inv(w.T)
    positions = np.linspace(0, 1, length)
    curve = np.stack([curve_at(p * (1 - 1 / n) + 1 / n) * scale for p in positions], axis=1)
    return (u @ (back @ curve) + mean).T.reshape(length, *frames.shape[1:])


def clip(n: int, seed: int, shape: tuple[int, ...] = (9, 8, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("n", "m"), [(3, 7), (7, 3), (10, 32), (33, 32), (45, 64), (67, 32), (20, 20), (2, 5)]
)
def test_equals_the_published_procedure(n: int, m: int) -> None:
    frames = clip(n, seed=n * 100 + m)
    np.testing.assert_allclose(tim(frames, m), published_tim(frames, m), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 40), m=st.integers(1, 80), seed=st.integers(0, 10**6))
def test_equals_the_published_procedure_for_any_lengths(n: int, m: int, seed: int) -> None:
    frames = np.random.default_rng(seed).normal(100, 40, (n, 120))
    np.testing.assert_allclose(tim(frames, m), published_tim(frames, m), atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 16, 67, 200])
def test_same_length_is_the_identity(n: int) -> None:
    np.testing.assert_array_equal(tim_matrix(n, n), np.eye(n))
    frames = clip(n, seed=n)
    np.testing.assert_array_equal(resample(frames, n), frames)


@given(n=st.integers(1, 150), m=st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_rows_sum_to_one_and_ends_are_kept(n: int, m: int) -> None:
    matrix = tim_matrix(n, m)
    assert matrix.shape == (m, n)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(matrix[0], np.eye(n)[0])
    if m > 1:
        np.testing.assert_array_equal(matrix[-1], np.eye(n)[-1])
    np.testing.assert_allclose(matrix[::-1, ::-1] if m > 1 else matrix, matrix, atol=1e-12)


def test_one_frame_is_repeated() -> None:
    frame = clip(1, seed=1)
    np.testing.assert_array_equal(resample(frame, 5), np.repeat(frame, 5, axis=0))
    np.testing.assert_array_equal(tim(frame, 3), np.repeat(frame, 3, axis=0))


def test_two_frames_follow_the_cosine_between_them() -> None:
    frames = np.array([[0.0], [1.0]])
    positions = np.linspace(0, 1, 9)
    expected = 0.5 - np.cos(np.pi / 2 * (positions + 0.5)) / np.sqrt(2) / np.cos(np.pi / 4) / np.sqrt(2)
    np.testing.assert_allclose(tim(frames, 9)[:, 0], expected, atol=1e-12)


def test_equal_frames_stay_equal() -> None:
    frames = np.repeat(clip(1, seed=3), 12, axis=0)
    np.testing.assert_array_equal(resample(frames, 32), np.repeat(frames[:1], 32, axis=0))


def test_a_cosine_of_the_basis_is_interpolated_exactly() -> None:
    n, m, j = 21, 50, 4
    wave = lambda t: np.cos(np.pi * j * (t + 0.5) / n)  # noqa: E731
    out = tim(wave(np.arange(n))[:, None], m)
    np.testing.assert_allclose(out[:, 0], wave(np.linspace(0, n - 1, m)), atol=1e-12)


@given(
    frames=hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 40))),
    m=st.integers(1, 64),
)
@settings(max_examples=80, deadline=None)
def test_resample_is_the_float64_result_rounded_half_up(frames: np.ndarray, m: int) -> None:
    exact = tim_matrix(len(frames), m).astype(np.longdouble) @ frames.astype(np.longdouble)
    expected = np.clip(np.floor(exact + 0.5 + 1e-9), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(resample(frames, m), expected)


@given(
    frames=hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 40))),
    m=st.integers(1, 40),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_so_it_is_of_frames_that_do_not_lie_evenly(frames: np.ndarray, m: int, data: st.DataObject) -> None:
    gaps = data.draw(hnp.arrays(np.float64, len(frames), elements=st.floats(0.1, 5)))
    exact = timed_matrix(np.cumsum(gaps), m).astype(np.longdouble) @ frames.astype(np.longdouble)
    expected = np.clip(np.floor(exact + 0.5 + 1e-9), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(resample(frames, m, np.cumsum(gaps)), expected)


@pytest.mark.parametrize("n", [66, 67])
def test_frames_that_differ_by_little_or_by_all_are_resampled_alike(n: int) -> None:
    rng = np.random.default_rng(n)
    for frames in (rng.integers(100, 103, (n, 2500)), rng.choice([0, 255], (n, 2500))):
        exact = tim_matrix(n, 31).astype(np.longdouble) @ frames.astype(np.longdouble)
        expected = np.clip(np.floor(exact + 0.5 + 1e-9), 0, 255)
        np.testing.assert_array_equal(resample(frames.astype(np.uint8), 31), expected)


def test_resample_is_exact_over_many_values() -> None:
    frames = clip(67, seed=5, shape=(60_000,))
    exact = tim(frames, 32)
    np.testing.assert_array_equal(resample(frames, 32), np.clip(np.floor(exact + 0.5), 0, 255))


def test_halves_are_rounded_up() -> None:
    frames = np.array([[10, 0, 255], [11, 1, 254]], dtype=np.uint8)
    np.testing.assert_array_equal(resample(frames, 3)[1], [11, 1, 255])
    even = np.array([[10], [10], [11], [11]], dtype=np.uint8)
    assert resample(even, 3)[1, 0] == 11


def test_overshoot_is_kept_by_tim_and_clipped_by_resample() -> None:
    frames = np.array([[0], [0], [255], [255], [0], [0]], dtype=np.uint8)
    values = tim(frames, 64)
    assert values.min() < -1
    assert values.max() > 256
    np.testing.assert_array_equal(resample(frames, 64), np.clip(np.floor(values + 0.5), 0, 255))


def test_result_does_not_depend_on_neighbouring_pixels() -> None:
    frames = clip(31, seed=7, shape=(40_000,))
    whole = resample(frames, 32)
    np.testing.assert_array_equal(
        resample(np.ascontiguousarray(frames[:, 12_345:12_350]), 32), whole[:, 12_345:12_350]
    )


def test_any_shape_and_type() -> None:
    for shape in [(), (4,), (2, 3, 4, 5)]:
        frames = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
        out = tim(frames, 4)
        assert out.shape == (4, *shape)
        assert out.dtype == np.float64
        flat = tim(frames.reshape(6, -1), 4).reshape(out.shape)
        np.testing.assert_array_equal(out, flat)


def test_views_that_are_not_contiguous() -> None:
    frames = clip(9, seed=2, shape=(20, 20, 3))
    turned = frames[:, ::2, ::-1]
    np.testing.assert_array_equal(resample(turned, 5), resample(np.ascontiguousarray(turned), 5))


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        tim(np.zeros((0, 3)), 4)
    with pytest.raises(ValueError, match="5 -> 0"):
        resample(clip(5, seed=0), 0)
    with pytest.raises(TypeError, match="float64"):
        resample(np.zeros((3, 4)), 2)
    with pytest.raises(ValueError, match="first axis"):
        tim(3.0, 2)
    assert not tim_matrix(5, 3).flags.writeable
