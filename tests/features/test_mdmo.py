"""MDMO against fields whose answer is known, and against a slow version written from the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.landmarks import mean_shape
from features.face_regions import DegenerateRegions, region_masks
from features.mdmo import head_motion, mdmo, without_head_motion

H, W = 96, 80
FACE = mean_shape(H, W)
Y, X = np.mgrid[:H, :W].astype(np.float64)
HEAD = [*range(6), *range(11, 17), 28]


def _affine_field(matrix, shift):
    points = np.stack([X, Y], axis=-1)
    return points @ np.asarray(matrix).T + shift - points


def _clip(*fields):
    return np.stack(fields).astype(np.float32)


def _brow_bump(peak, landmarks=FACE):
    """Displacement upwards around both brows, nothing elsewhere."""
    field = np.zeros((H, W, 2))
    for brow in (landmarks[17:22], landmarks[22:27]):
        x, y = brow.mean(axis=0)
        field[..., 1] -= peak * np.exp(-((X - x) ** 2) / (2 * 9.0**2) - ((Y - y) ** 2) / (2 * 4.0**2))
    return field


def _slow(flow, landmarks, pooling="per_frame"):
    """MDMO from its definition, one vector at a time."""
    masks = region_masks(landmarks, flow.shape[1:3])
    residual = []
    for field in flow.astype(np.float64):
        moved = []
        points = np.clip(landmarks[HEAD].astype(np.float64), 0, [flow.shape[2] - 1, flow.shape[1] - 1])
        for x, y in points:
            i, j = min(int(y), flow.shape[1] - 2), min(int(x), flow.shape[2] - 2)
            a, b = y - i, x - j
            moved.append(
                (1 - a) * ((1 - b) * field[i, j] + b * field[i, j + 1])
                + a * ((1 - b) * field[i + 1, j] + b * field[i + 1, j + 1])
            )
        moved = points + np.array(moved)
        a = np.linalg.lstsq(np.c_[moved, np.ones(13)], points, rcond=None)[0]
        y, x = np.mgrid[: flow.shape[1], : flow.shape[2]].astype(np.float64)
        grid = np.stack([x, y, np.ones_like(x)], axis=-1)
        residual.append((grid + np.dstack([field, np.zeros_like(x)])) @ a - grid[..., :2])
    groups = [residual] if pooling == "all_frames" else [[field] for field in residual]
    vectors = np.zeros((36, 2))
    for group in groups:
        for k, mask in enumerate(masks):
            inside = np.concatenate([field[mask] for field in group])
            angles = np.arctan2(inside[:, 1], inside[:, 0])
            bins = np.rint(angles / (np.pi / 4)).astype(int) % 8
            fullest = np.bincount(bins, minlength=8).argmax()
            away = (angles[bins == fullest] - fullest * np.pi / 4 + np.pi) % (2 * np.pi) - np.pi
            theta = fullest * np.pi / 4 + away.mean()
            rho = np.hypot(*inside[bins == fullest].T).mean()
            vectors[k] += rho * np.array([np.cos(theta), np.sin(theta)]) / len(groups)
    rho = np.hypot(*vectors.T)
    return np.stack([rho / rho.max(), np.arctan2(vectors[:, 1], vectors[:, 0])], axis=1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.sampled_from(["per_frame", "all_frames"]))
@settings(max_examples=8, deadline=None)
def test_equals_the_slow_version(seed, n, pooling):
    rng = np.random.default_rng(seed)
    flow = rng.normal(0, rng.choice([0.05, 1.0, 5.0]), (n, H, W, 2)).astype(np.float32)
    face = (FACE + rng.normal(0, 0.5, FACE.shape)).astype(np.float32)
    ours, slow = mdmo(flow, face, pooling=pooling), _slow(flow, face, pooling)
    np.testing.assert_allclose(ours[:, 0], slow[:, 0], atol=1e-5)
    away = (ours[:, 1] - slow[:, 1] + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(away, 0, atol=1e-4)


@given(
    st.tuples(*[st.floats(-0.1, 0.1)] * 4),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)
@settings(max_examples=30, deadline=None)
def test_the_head_alone_is_no_expression(bend, shift):
    matrix = np.eye(2) + np.reshape(bend, (2, 2))
    found = mdmo(_clip(_affine_field(matrix, shift)), FACE)
    np.testing.assert_array_equal(found, 0)


def test_a_constant_field_gives_nothing():
    np.testing.assert_array_equal(mdmo(np.full((4, H, W, 2), 2.5, np.float32), FACE), 0)


def test_angles_around_zero_do_not_average_to_the_opposite():
    """A still head, and in every region half of the vectors at +10, half at -10 degrees."""
    flow = np.zeros((1, H, W, 2), np.float32)
    angle = np.deg2rad(np.where((Y + X) % 2 == 0, 10.0, -10.0))
    flow[0, ..., 0], flow[0, ..., 1] = np.cos(angle), np.sin(angle)
    for x, y in np.rint(FACE[HEAD]).astype(int):
        flow[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 0
    found = mdmo(flow, FACE)
    assert np.abs(found[:, 1]).max() < np.deg2rad(3)
    assert found[:, 0].min() > 0.8


def test_raised_brows_under_a_moving_head():
    turn = np.deg2rad(1.0)
    matrix = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    head = _affine_field(matrix, (1.2, 0.8))
    fields = [_brow_bump(0.5 * s) + s * head for s in (0.5, 1.0, 0.7)]
    found = mdmo(_clip(*fields), FACE)
    top = set(np.argsort(found[:, 0])[-4:] + 1)
    assert top == {1, 2, 5, 6}
    np.testing.assert_allclose(np.rad2deg(found[[0, 1, 4, 5], 1]), -90, atol=6)


def test_magnitudes_are_relative_to_the_largest():
    weak, strong = mdmo(_clip(_brow_bump(0.3)), FACE), mdmo(_clip(_brow_bump(3.0)), FACE)
    assert weak[:, 0].max() == strong[:, 0].max() == 1
    np.testing.assert_allclose(weak[[0, 1, 4, 5], 0], strong[[0, 1, 4, 5], 0], atol=1e-3)


def test_dust_is_no_motion():
    assert mdmo(_clip(_brow_bump(2e-2)), FACE).any()
    np.testing.assert_array_equal(mdmo(_clip(_brow_bump(1e-4)), FACE), 0)


def test_shape_type_and_range():
    flow = np.random.default_rng(0).normal(size=(5, H, W, 2)).astype(np.float32)
    found = mdmo(flow, FACE)
    assert found.shape == (36, 2)
    assert found.dtype == np.float32
    assert 0 <= found[:, 0].min() <= found[:, 0].max() == 1
    assert (found[:, 1] >= -np.float32(np.pi)).all()
    assert (found[:, 1] < np.float32(np.pi)).all()


def test_a_main_direction_to_the_left_is_minus_pi():
    flow = np.zeros((1, H, W, 2), np.float32)
    left = region_masks(FACE, (H, W))[21]
    flow[0, left, 0] = -1.0
    found = mdmo(flow, FACE)
    assert found[21, 0] == 1
    assert found[21, 1] == pytest.approx(-np.pi, abs=1e-6)


def test_head_motion_brings_the_points_back():
    matrix, shift = np.array([[1.02, 0.01], [-0.01, 0.99]]), np.array([0.5, -0.4])
    a = head_motion(_clip(_affine_field(matrix, shift)), FACE)[0]
    np.testing.assert_allclose(a[:, :2], np.linalg.inv(matrix), atol=1e-5)
    np.testing.assert_allclose(a[:, 2], -np.linalg.inv(matrix) @ shift, atol=1e-4)


def test_the_residual_keeps_what_the_head_does_not_do():
    head, bump = _affine_field(np.eye(2), (1.0, -2.0)), _brow_bump(0.5)
    left = without_head_motion(_clip(head + bump), FACE)[0]
    np.testing.assert_allclose(left, bump, atol=0.03)


def test_regions_without_pixels_are_an_error():
    with pytest.raises(DegenerateRegions, match="hold no pixel"):
        mdmo(np.zeros((2, H, W, 2), np.float32), FACE - [0, 40])


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (np.zeros((H, W, 2), np.float32), "shape"),
        (np.zeros((0, H, W, 2), np.float32), "shape"),
        (np.full((2, H, W, 2), np.nan, np.float32), "finite"),
    ],
)
def test_what_is_no_flow_is_refused(flow, message):
    with pytest.raises(ValueError, match=message):
        mdmo(flow, FACE)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="all_frames"):
        mdmo(np.zeros((1, H, W, 2), np.float32), FACE, pooling="frames")
