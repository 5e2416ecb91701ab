"""LBP and LBP-TOP against slow versions written from the definition, exact arithmetic and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import local_binary_pattern

from features.lbp import block_counts, block_edges, lbp_codes, uniform_labels
from features.lbp_bytes import SLOPE
from features.lbp_top import lbp_top, lbp_top_codes


def snapped(offset):
    return float(round(offset)) if abs(offset - round(offset)) < 1e-12 else offset


def sample(volume, t, y, x):
    """Trilinear interpolation at one point; whole coordinates need no neighbour beyond."""
    total = 0.0
    for it, wt in ((math.floor(t), 1 - t % 1), (math.floor(t) + 1, t % 1)):
        for iy, wy in ((math.floor(y), 1 - y % 1), (math.floor(y) + 1, y % 1)):
            for ix, wx in ((math.floor(x), 1 - x % 1), (math.floor(x) + 1, x % 1)):
                if wt * wy * wx:
                    total += wt * wy * wx * float(volume[it, iy, ix])
    return total


def slow_codes(volume, radii, points):
    """The definition, one centre and one neighbour at a time."""
    rx, ry, rt = radii
    m = max(rx, ry)
    n_t, n_y, n_x = volume.shape
    codes = np.zeros((3, n_t - 2 * rt, n_y - 2 * m, n_x - 2 * m), int)
    for t in range(rt, n_t - rt):
        for y in range(m, n_y - m):
            for x in range(m, n_x - m):
                for plane in range(3):
                    for p in range(points[plane]):
                        a = 2 * math.pi * p / points[plane]
                        c, s = math.cos(a), math.sin(a)
                        dx, dy, dt = ((rx * c, -ry * s, 0), (rx * c, 0, rt * s), (0, -ry * s, rt * c))[plane]
                        neighbour = sample(volume, t + snapped(dt), y + snapped(dy), x + snapped(dx))
                        bit = neighbour >= float(volume[t, y, x]) - 1e-6
                        codes[plane, t - rt, y - m, x - m] |= int(bit) << p
    return codes


def slow_histograms(volume, radii, points, blocks, uniform):
    codes = slow_codes(volume, radii, points)
    parts = []
    for i in range(blocks[0]):
        for j in range(blocks[1]):
            for plane in range(3):
                height, width = codes.shape[2:]
                rows = slice(i * height // blocks[0], (i + 1) * height // blocks[0])
                columns = slice(j * width // blocks[1], (j + 1) * width // blocks[1])
                n = points[plane]
                values = codes[plane, :, rows, columns].ravel()
                if uniform:
                    kept = [c for c in range(2**n) if changes(c, n) <= 2]
                    counts = [np.count_nonzero(values == c) for c in kept]
                    counts.append(len(values) - sum(counts))
                else:
                    counts = np.bincount(values, minlength=2**n)
                parts.append(np.asarray(counts) / len(values))
    return np.concatenate(parts)


def changes(code, n):
    bits = [(code >> p) & 1 for p in range(n)]
    return sum(bits[p] != bits[p - 1] for p in range(n))


@st.composite
def cases(draw, same_radius=False):
    radii = (3, 3, 3) if same_radius else tuple(draw(st.integers(1, 3)) for _ in range(3))
    m = max(radii[:2])
    extra = [draw(st.integers(1, 3)) for _ in range(3)]
    shape = (2 * radii[2] + extra[0], 2 * m + extra[1], 2 * m + extra[2])
    levels = draw(st.sampled_from([1, 2, 3, 8, 256]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    volume = (rng.integers(0, levels, shape) * (255 // max(levels - 1, 1))).astype(np.uint8)
    return volume, radii


@settings(deadline=None, max_examples=60)
@given(cases(), st.tuples(*[st.sampled_from([2, 4, 8, 16])] * 3))
def test_codes_follow_the_definition(case, points):
    volume, radii = case
    codes = lbp_top_codes(volume, radii=radii, points=points)
    assert codes.dtype == np.uint16
    np.testing.assert_array_equal(codes, slow_codes(volume, radii, points))


@settings(deadline=None, max_examples=40)
@given(cases(same_radius=True))
def test_bytes_in_sixteen_bits_follow_the_definition(case):
    volume, radii = case
    codes = slow_codes(volume, radii, (8, 8, 8))
    np.testing.assert_array_equal(lbp_top_codes(volume), codes)
    counts = np.stack([np.bincount(plane.ravel(), minlength=256) for plane in codes])
    ours = lbp_top(volume, uniform=False).reshape(3, 256) * codes[0].size
    np.testing.assert_allclose(ours, counts, rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(cases(), st.sampled_from([(4, 4, 4), (8, 8, 8), (8, 4, 2)]), st.data())
def test_histograms_follow_the_definition(case, points, data):
    volume, radii = case
    m = max(radii[:2])
    blocks = tuple(data.draw(st.integers(1, size - 2 * m)) for size in volume.shape[1:])
    uniform = data.draw(st.booleans())
    ours = lbp_top(volume, radii=radii, points=points, blocks=blocks, uniform=uniform)
    assert ours.dtype == np.float32
    expected = slow_histograms(volume, radii, points, blocks, uniform)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_the_slope_decides_every_sum_of_bytes_as_the_true_weights_do():
    # e A + r B with e / r = 3 + 3 sqrt 2: the sign of (3 A + B) + 3 A sqrt 2, in whole numbers
    A = np.arange(-2040, 2041, dtype=np.int32)[:, None]
    B = np.arange(-2550, 2551, dtype=np.int32)
    p, q = 3 * A + B, 3 * A
    squares = np.sign(p) * p**2 + np.sign(q) * 2 * q**2
    exact = np.where(np.sign(p) * np.sign(q) >= 0, np.sign(p + q), np.sign(squares)) >= 0
    np.testing.assert_array_equal(B + 7 * A + (A * SLOPE >> 16) >= 0, exact)
    assert not np.array_equal(B + 7 * A + (A * (SLOPE + 1) >> 16) >= 0, exact)


@pytest.mark.parametrize("blocks", [(1, 1), (5, 4), (17, 13)])
def test_histograms_of_larger_clips_are_those_of_their_codes(blocks):
    """Rows longer than a vector, blocks of unequal sizes; scikit-image has the single plane."""
    rng = np.random.default_rng(3)
    volume = np.cumsum(rng.integers(-9, 10, (9, 41, 83)), axis=2).astype(np.uint8)
    codes, (labels, n) = lbp_top_codes(volume), uniform_labels(8)
    parts = [block_counts(plane, labels, n, blocks) for plane in codes]
    expected = np.concatenate([part / part.sum(axis=2, keepdims=True) for part in parts], axis=2)
    np.testing.assert_array_equal(lbp_top(volume, blocks=blocks), expected.astype(np.float32).ravel())
    seen = lbp_top(volume[..., ::2], blocks=(1, 1))
    np.testing.assert_array_equal(seen, lbp_top(volume[..., ::2].copy(), blocks=(1, 1)))


@pytest.mark.parametrize(("radius", "points"), [(1, 8), (2, 8), (3, 8), (2, 16), (1, 4)])
def test_single_plane_agrees_with_scikit_image(radius, points):
    image = np.random.default_rng(radius).integers(0, 256, (40, 37)).astype(np.uint8)
    theirs = local_binary_pattern(image, points, radius)[radius:-radius, radius:-radius]
    ours = lbp_codes(image, radius=radius, points=points)
    assert (ours == theirs.astype(int)).mean() > 0.999  # scikit-image rounds offsets to 5 digits
    volume = np.repeat(image[None], 2 * radius + 1, axis=0)
    codes = lbp_top_codes(volume, radii=(radius,) * 3, points=(points,) * 3)
    np.testing.assert_array_equal(codes[0, 0], ours)


def test_a_bright_pixel_sets_one_bit_by_hand():
    volume = np.zeros((3, 3, 3), np.uint8)
    volume[1, 1, 1] = 10
    volume[1, 1, 2] = 10  # to the right: p = 0 in XY and XT
    volume[1, 0, 1] = 10  # above: p = 1 of 4 in XY and YT
    volume[2, 1, 1] = 10  # later: p = 1 in XT, p = 0 in YT
    codes = lbp_top_codes(volume, radii=(1, 1, 1), points=(4, 4, 4))
    assert codes[:, 0, 0, 0].tolist() == [0b0011, 0b0011, 0b0011]


def test_a_constant_volume_is_all_ties():
    assert (lbp_top_codes(np.full((8, 9, 9), 77, np.uint8)) == 255).all()
    histogram = lbp_top(np.full((8, 9, 9), 77, np.uint8)).reshape(3, 59)
    assert (histogram[:, 57] == 1).all()


def test_uniform_labels():
    labels, n = uniform_labels(8)
    assert n == 59
    assert labels[[0, 1, 2, 3, 4, 5, 255]].tolist() == [0, 1, 2, 3, 4, 58, 57]
    assert uniform_labels(16)[1] == 243
    assert uniform_labels(4)[1] == 15
    for points in (4, 8):
        labels, n = uniform_labels(points)
        for code in range(2**points):
            assert (labels[code] == n - 1) == (changes(code, points) > 2)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_blocks_cover_everything_once(length, blocks):
    if blocks > length:
        with pytest.raises(ValueError, match="blocks"):
            block_edges(length, blocks, "rows")
        return
    edges = block_edges(length, blocks, "rows")
    assert edges[0] == 0
    assert edges[-1] == length
    assert np.diff(edges).min() >= length // blocks


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 9), st.sampled_from([8, 16]))
def test_block_counts_against_bincount(seed, blocks, side, points):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**points, (2, side + 3, side + 4)).astype(np.uint16)
    labels, n = uniform_labels(points)
    counts = block_counts(codes, labels, n, (blocks, 1))
    for i in range(blocks):
        rows = slice(i * (side + 3) // blocks, (i + 1) * (side + 3) // blocks)
        expected = np.bincount(labels[codes[:, rows]].ravel(), minlength=n)
        np.testing.assert_array_equal(counts[i, 0], expected)


def test_floating_point_pixels_are_refused_with_the_reason():
    with pytest.raises(TypeError, match="round after interpolating"):
        lbp_top(np.zeros((8, 8, 8)))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((6, 9, 9), {}, r"at least \(7, 7, 7\)"),
        ((7, 9, 9), {"blocks": (4, 1)}, "cannot be cut into 4 blocks"),
        ((7, 9, 9), {"points": (8, 17, 8)}, "from 1 to 16"),
        ((7, 9, 9), {"radii": (3, 3, 0)}, "whole numbers >= 1"),
        ((7, 9), {}, r"\(T, H, W\)"),
    ],
)
def test_bad_arguments_are_named(shape, options, message):
    with pytest.raises(ValueError, match=message):
        lbp_top(np.zeros(shape, np.uint8), **options)
