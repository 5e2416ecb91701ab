"""STLBP-IP against a slow version written from the definition and examples by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.colour import grey
from features.lbp import lbp_codes
from features.stlbp_ip import difference_images, lbp_1d, projections, stlbp_ip, temporal_images


def slow_lbp_1d(signal, mask):
    half, codes = mask // 2, []
    for i in range(half, len(signal) - half):
        neighbours = [signal[i + k] for k in range(-half, half + 1) if k]
        codes.append(int("".join("1" if v >= signal[i] - 1e-6 else "0" for v in neighbours), 2))
    return codes


def slow_uniform_histogram(codes):
    def circular_changes(code):
        bits = f"{code:08b}"
        return sum(bits[i] != bits[i - 1] for i in range(8))

    kept = [code for code in range(256) if circular_changes(code) <= 2]
    counts = np.zeros(59)
    for code in codes:
        counts[kept.index(code) if code in kept else 58] += 1
    return counts / counts.sum()


def slow_descriptor(volume, blocks):
    differences = volume[1:].astype(int) - volume[0]
    parts = []
    for i in range(blocks[0]):
        for j in range(blocks[1]):
            height, width = volume.shape[1:]
            block = differences[
                :,
                i * height // blocks[0] : (i + 1) * height // blocks[0],
                j * width // blocks[1] : (j + 1) * width // blocks[1],
            ]
            horizontal = [[int(row.sum()) for row in frame] for frame in block]
            vertical = [[int(column.sum()) for column in frame.T] for frame in block]
            for stack in (horizontal, vertical):
                parts.append(np.mean([slow_uniform_histogram(slow_lbp_1d(s, 9)) for s in stack], axis=0))
            for image in (np.array(vertical), np.array(horizontal).T):
                parts.append(slow_uniform_histogram(slow_lbp_2d(image)))
    return np.concatenate(parts)


def slow_lbp_2d(image):
    codes = []
    f = 3 / np.sqrt(2) - 2
    for y in range(3, image.shape[0] - 3):
        for x in range(3, image.shape[1] - 3):
            code = 0
            for p, (sx, sy) in enumerate(
                [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]
            ):
                if sx and sy:
                    value = (
                        (1 - f) ** 2 * image[y + 2 * sy, x + 2 * sx]
                        + f * (1 - f) * (image[y + 3 * sy, x + 2 * sx] + image[y + 2 * sy, x + 3 * sx])
                        + f**2 * image[y + 3 * sy, x + 3 * sx]
                    )
                else:
                    value = image[y + 3 * sy, x + 3 * sx]
                code |= int(value >= image[y, x] - 1e-6) << p
            codes.append(code)
    return codes


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(1, 2), st.integers(1, 3)),
    st.integers(8, 11),
    st.sampled_from([2, 5, 256]),
)
def test_the_descriptor_follows_the_definition(seed, blocks, n_frames, levels):
    rng = np.random.default_rng(seed)
    shape = (n_frames, blocks[0] * 9 + int(rng.integers(3)), blocks[1] * 9 + int(rng.integers(4)))
    volume = rng.integers(0, levels, shape).astype(np.uint8)
    ours = stlbp_ip(volume, blocks=blocks)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, slow_descriptor(volume, blocks), rtol=1e-6, atol=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=9, max_size=30), st.sampled_from([3, 5, 7, 9]))
def test_1d_codes_follow_the_definition(signal, mask):
    assert lbp_1d(np.array(signal), mask).tolist() == slow_lbp_1d(signal, mask)


def test_1d_codes_by_hand():
    assert lbp_1d(np.array([5, 1, 3, 2, 3]), 5).tolist() == [0b1001]
    assert lbp_1d(np.array([[1, 2, 3], [3, 2, 1], [7, 7, 7]]), 3).tolist() == [[0b01], [0b10], [0b11]]


def test_projections_and_temporal_images_by_hand():
    volume = np.array([[[1, 2], [3, 4]], [[2, 2], [3, 9]], [[0, 2], [3, 4]]], np.uint8)
    differences = difference_images(volume)
    assert differences.tolist() == [[[1, 0], [0, 5]], [[-1, 0], [0, 0]]]
    block = projections(differences)
    assert block.horizontal.tolist() == [[1, 5], [-1, 0]]
    assert block.vertical.tolist() == [[1, 5], [-1, 0]]
    xt, yt = temporal_images(block)
    assert xt.tolist() == [[1, 5], [-1, 0]]
    assert yt.tolist() == [[1, -1], [5, 0]]
    assert difference_images(volume, reference="previous")[1].tolist() == [[-2, 0], [0, -5]]
    assert difference_images(volume, absolute=True).min() == 0


def test_options_change_the_descriptor_and_its_length():
    volume = np.random.default_rng(0).integers(0, 256, (12, 20, 22)).astype(np.uint8)
    plain = stlbp_ip(volume, blocks=(2, 2))
    assert len(stlbp_ip(volume, blocks=(2, 2), uniform=False)) == 4 * 4 * 256
    assert len(stlbp_ip(volume, blocks=(2, 2), mask=5)) == 4 * (2 * 15 + 2 * 59)
    for options in ({"reference": "previous"}, {"absolute": True}, {"radius": 2}):
        assert not np.array_equal(plain, stlbp_ip(volume, blocks=(2, 2), **options))


def test_2d_codes_of_a_signed_image():
    image = np.random.default_rng(1).integers(-3, 3, (9, 12)) * 1000
    assert lbp_codes(image).ravel().tolist() == slow_lbp_2d(image)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((10, 40, 40), {"blocks": (5, 4)}, "at least 9 x 9"),
        ((7, 80, 90), {}, "at least 8 frames"),
        ((1, 80, 90), {}, "at least 2 frames"),
        ((10, 80, 90), {"mask": 4}, "odd width"),
        ((10, 80, 90), {"reference": "last"}, "'first' or 'previous'"),
    ],
)
def test_what_would_do_is_named(shape, options, message):
    with pytest.raises(ValueError, match=message):
        stlbp_ip(np.zeros(shape, np.uint8), **options)


def test_a_projection_shorter_than_the_mask_names_the_block_size():
    with pytest.raises(ValueError, match=r"9 x 9 pixels.*mask.* 7"):
        lbp_1d(np.zeros(8))


def test_grey_rounds_half_up():
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    assert grey(colours).tolist() == [255, 0, 76, 150, 29]
    many = np.random.default_rng(0).integers(0, 256, (500, 3)).astype(np.uint8)
    assert np.abs(grey(many) - many @ [0.299, 0.587, 0.114]).max() < 0.51
    with pytest.raises(ValueError, match="3 colours"):
        grey(np.zeros((3, 4), np.uint8))
