"""The face rectangle and what it does to frames and landmarks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.crop import Box, CropError, crop, crop_landmarks, face_box
from data_prep.landmarks import MEAN_SHAPE


def face(left: float, top: float, width: float, height: float) -> np.ndarray:
    return np.asarray(MEAN_SHAPE) * (width, height) + (left, top)


def test_rectangle_just_contains_the_landmarks_and_the_raised_brows() -> None:
    points = face(200, 150, 100, 120)
    raised = 0.104 * np.hypot(*(points[45] - points[36]))
    box = face_box(points, (480, 640))
    assert box == Box(200, int(np.floor(150 - raised)), 301, 271)
    assert (box.width, box.height) == (101, 271 - box.top)


def test_rectangle_is_clipped_to_the_image() -> None:
    box = face_box(face(-4, 3, 100, 120), (115, 90))
    assert box == Box(0, 0, 90, 115)


@given(left=st.floats(-200, 700), top=st.floats(-200, 500), width=st.floats(1, 500), height=st.floats(1, 500))
@settings(max_examples=200, deadline=None)
def test_rectangle_is_inside_the_image_or_refused(
    left: float, top: float, width: float, height: float
) -> None:
    points = face(left, top, width, height)
    try:
        box = face_box(points, (480, 640))
    except CropError as error:
        assert "span" in str(error)
        return
    assert 0 <= box.left < box.right <= 640
    assert 0 <= box.top < box.bottom <= 480
    assert min(box.width, box.height) >= 16
    assert box.left <= max(points[:, 0].min(), 0)
    assert box.right > min(points[:, 0].max(), 639)
    assert box.top <= max(points[:, 1].min(), 0)
    assert box.bottom > min(points[:, 1].max(), 479)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (face(600, 100, 100, 120), "outside the frame"),
        (face(-500, 100, 100, 120), "outside the frame"),
        (face(100, 100, 6, 8), "under 16 pixels"),
        (face(100, 100, 0, 0), "under 16 pixels"),
        (face(100, 100, float("nan"), 8), "finite"),
        (np.zeros((68, 2)), r"\(68, 2\)"),
    ],
)
def test_unusable_landmarks_are_refused_with_numbers(points: np.ndarray, message: str) -> None:
    with pytest.raises(CropError, match=message):
        face_box(points, (480, 640))


@pytest.mark.parametrize("size", [(50, 40), (100, 80), (200, 160), (50, 200)])
def test_a_point_in_the_picture_and_its_landmark_stay_together(size: tuple[int, int]) -> None:
    frame = np.zeros((200, 300, 3), np.uint8)
    centre = (141.0, 77.0)
    cv2.circle(frame, (141, 77), 9, (255, 255, 255), -1)
    box = Box(100, 40, 180, 140)
    out = crop(frame, box, size)
    assert out.shape == (*size, 3)
    weight = out[..., 0].astype(float)
    y, x = np.indices(size)
    seen = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
    expected = crop_landmarks(np.array([centre]), box, size)[0]
    np.testing.assert_allclose(seen, expected, atol=0.15)


def test_same_size_is_a_plain_cut() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)
    box = Box(5, 6, 45, 56)
    np.testing.assert_array_equal(crop(frame, box, (50, 40)), frame[6:56, 5:45])
    points = np.array([[5.0, 6.0], [20.5, 30.25]])
    np.testing.assert_allclose(crop_landmarks(points, box, (50, 40)), points - (5, 6), atol=1e-5)


def test_shrinking_averages_areas() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    out = crop(frame, Box(0, 0, 60, 40), (10, 15))
    means = frame.reshape(10, 4, 15, 4, 3).mean(axis=(1, 3))
    assert np.abs(out - means).max() <= 0.51


def test_landmarks_of_many_clips_at_once() -> None:
    box = Box(10, 20, 110, 220)
    points = np.random.default_rng(2).uniform(0, 200, (5, 66, 2))
    together = crop_landmarks(points, box, (64, 48))
    assert together.dtype == np.float32
    for one, moved in zip(points, together, strict=True):
        np.testing.assert_array_equal(crop_landmarks(one, box, (64, 48)), moved)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_pixel_is_the_one_of_opencv(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(16, 90)), data.draw(st.integers(16, 90))
    top, left = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 5))
    size = data.draw(st.integers(1, height + 4)), data.draw(st.integers(1, width + 4))
    smooth, values = data.draw(st.booleans()), data.draw(st.sampled_from([(0, 256), (127, 129), (254, 256)]))
    frame = np.random.default_rng(height * width).integers(*values, (100, 100, 3), dtype=np.uint8)
    frame = cv2.GaussianBlur(frame, (0, 0), 4) if smooth else frame
    cut = np.ascontiguousarray(frame[top : top + height, left : left + width])
    shrinks = size[0] <= height and size[1] <= width
    expected = cv2.resize(cut, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    box = Box(left, top, left + width, top + height)
    np.testing.assert_array_equal(crop(frame, box, size), expected)
