"""STCLQP's codes, codebooks and histograms against slow versions written from the definition."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.lbp import block_edges
from features.lbp_top import lbp_top_codes
from features.stclqp import (
    _signs_and_magnitudes,
    component_codes,
    learn_codebook,
    magnitude_codes,
    magnitude_thresholds,
    orientation_codes,
    sign_codes,
)
from features.stclqp_blocks import block_tables, code_counts, quantised_histograms

STEPS = (
    lambda c, s: (0, -s, c),  # XY: (t, y, x)
    lambda c, s: (s, 0, c),  # XT
    lambda c, s: (c, -s, 0),  # YT
)


def offsets(plane, radius, points):
    for p in range(points):
        a = 2 * math.pi * p / points
        yield [
            float(round(v)) if abs(v - round(v)) < 1e-12 else v
            for v in (radius * d for d in STEPS[plane](math.cos(a), math.sin(a)))
        ]


def differences(volume, plane, radius, points):
    """(P, T', H', W') neighbour minus centre by shifted, weighted slices."""
    v, r = volume.astype(float), radius
    n = [s - 2 * r for s in volume.shape]
    centre = v[r:-r, r:-r, r:-r]
    result = []
    for offset in offsets(plane, radius, points):
        low = [math.floor(o) for o in offset]
        total = np.zeros(n)
        for corner in np.ndindex(2, 2, 2):
            weight = 1.0
            for o, f, c in zip(offset, low, corner, strict=True):
                weight *= (o - f) if c else 1 - (o - f)
            if weight:
                at = [slice(r + f + c, r + f + c + m) for f, c, m in zip(low, corner, n, strict=True)]
                total += weight * v[tuple(at)]
        result.append(total - centre)
    return np.array(result)


def packed(bits):
    return (bits.astype(int) << np.arange(len(bits))[:, None, None, None]).sum(axis=0)


def random_volume(seed, levels, extra=(3, 5, 4), radius=2):
    rng = np.random.default_rng(seed)
    shape = [2 * radius + e for e in extra]
    return (rng.integers(0, levels, shape) * (255 // max(levels - 1, 1))).astype(np.uint8)


volumes = st.builds(random_volume, st.integers(0, 2**32), st.sampled_from([1, 2, 3, 17, 256]))


@settings(deadline=None, max_examples=30)
@given(volumes, st.sampled_from([(2, 16), (1, 8), (2, 8)]))
def test_sign_and_magnitude_codes_follow_the_definition(volume, sampling):
    radius, points = sampling
    sign = sign_codes(volume, radius=radius, points=points)
    magnitude = magnitude_codes(volume, radius=radius, points=points)
    for plane in range(3):
        difference = differences(volume, plane, radius, points)
        np.testing.assert_array_equal(sign[plane], packed(difference >= -1e-6))
        absolute = np.abs(difference)
        np.testing.assert_array_equal(magnitude[plane], packed(absolute >= absolute.mean() - 1e-9))
    np.testing.assert_array_equal(sign, lbp_top_codes(volume, radii=(radius,) * 3, points=(points,) * 3))


def slow_orientation(volume, plane, radius, points):
    first, second = ((1, 2), (0, 2), (0, 1))[plane]
    padded = np.pad(volume.astype(float), 1, mode="edge")

    def shifted(i, j):
        at = [slice(1, 1 + s) for s in volume.shape]
        at[first] = slice(1 + i, 1 + i + volume.shape[first])
        at[second] = slice(1 + j, 1 + j + volume.shape[second])
        return padded[tuple(at)]

    weight = {-1: math.exp(-0.5), 0: 1.0, 1: math.exp(-0.5)}
    along = sum(weight[i] * (shifted(i, 1) - shifted(i, -1)) for i in weight)
    across = sum(weight[j] * (shifted(1, j) - shifted(-1, j)) for j in weight)
    angles = np.degrees(np.arctan2(across, along)) % 360
    levels = np.floor(angles / 22.5 + 1e-6).astype(int) % 16
    levels[(np.abs(along) < 1e-9) & (np.abs(across) < 1e-9)] = 0
    r, n = radius, [s - 2 * radius for s in volume.shape]
    centre = levels[r:-r, r:-r, r:-r]
    bits = []
    for offset in offsets(plane, radius, points):
        near = [math.floor(o + 0.5 + 1e-12) for o in offset]
        neighbour = levels[tuple(slice(r + o, r + o + m) for o, m in zip(near, n, strict=True))]
        turn = np.abs(neighbour - centre)
        bits.append(np.minimum(turn, 16 - turn) < 4)
    return packed(np.array(bits))


@settings(deadline=None, max_examples=25)
@given(st.builds(random_volume, st.integers(0, 2**32), st.sampled_from([1, 17, 256])))
def test_orientation_codes_follow_the_definition(volume):
    ours = orientation_codes(volume)
    for plane in range(3):
        agree = ours[plane] == slow_orientation(volume, plane, 2, 16)
        assert agree.mean() > 0.995  # an angle within rounding of a level's edge may differ


def test_orientation_of_a_ramp_is_the_same_everywhere():
    ramp = np.broadcast_to(np.arange(12, dtype=np.uint8) * 10, (9, 10, 12))
    assert (orientation_codes(np.ascontiguousarray(ramp)) == 0xFFFF).all()


def test_orientation_of_a_valley_by_hand():
    valley = np.broadcast_to(np.abs(np.arange(-8, 9)) * 10, (9, 9, 17)).astype(np.uint8)
    code = orientation_codes(np.ascontiguousarray(valley))[0, 2, 2]
    assert code[0] == 0xFFFF
    just_right = int(code[7])  # centre one right of the bottom: neighbours two to the left point left
    assert not (just_right >> 8) & 1  # p = 8 of 16 is straight to the left
    assert just_right & 1


def test_components_are_stacked_in_order():
    volume = random_volume(0, 256)
    codes = component_codes(volume)
    assert codes.shape == (3, 3, 3, 5, 4)
    for component, make in enumerate((sign_codes, magnitude_codes, orientation_codes)):
        np.testing.assert_array_equal(codes[component], make(volume))


def raw_lloyd(rows, centers, iterations=300):
    """k-means over every single row, without weights."""
    nearest = None
    for _ in range(iterations):
        distances = ((rows[:, None] - centers) ** 2).sum(axis=2)
        moved = distances.argmin(axis=1)
        if nearest is not None and np.array_equal(moved, nearest):
            break
        nearest = moved
        centers = np.array(
            [
                rows[nearest == c].mean(axis=0) if (nearest == c).any() else centers[c]
                for c in range(len(centers))
            ]
        )
    return centers


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([4, 6, 8, 10, 16]), st.integers(1, 6), st.integers(1, 60))
def test_weighted_codes_give_the_k_means_of_all_pixels(seed, points, n_centers, m):
    rng = np.random.default_rng(seed)
    codes = rng.choice(2**points, min(m, 2**points), replace=False)
    counts = rng.integers(1, 9, len(codes))
    bits = (codes[:, None] >> np.arange(points - 1, -1, -1)) & 1
    init = bits[rng.integers(0, len(codes), n_centers)] + rng.normal(0, 0.05, (n_centers, points))
    book = learn_codebook(codes, counts, n_centers=n_centers, init=init, seed=0, points=points)
    expected = raw_lloyd(np.repeat(bits, counts, axis=0).astype(float), init)
    np.testing.assert_allclose(book.centers, expected, atol=1e-9)
    every = (np.arange(2**points)[:, None] >> np.arange(points - 1, -1, -1)) & 1
    distances = ((every[:, None] - book.centers) ** 2).sum(axis=2)
    chosen = distances[np.arange(2**points), book.lookup]
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=1e-12)
    assert book.inertia == pytest.approx((counts * chosen[codes]).sum(), abs=1e-6)


def test_the_first_of_equally_near_centres_wins():
    book = learn_codebook(
        np.array([0, 3]), np.array([1, 1]), n_centers=2, points=2, init=np.array([[0, 0], [1, 1.0]])
    )
    assert book.lookup.tolist() == [0, 0, 0, 1]  # 01 and 10 lie between the two


def test_codebooks_depend_on_the_seed_alone_and_restarts_do_not_harm():
    rng = np.random.default_rng(5)
    codes, counts = rng.choice(65536, 400, replace=False), rng.integers(1, 50, 400)
    books = [learn_codebook(codes, counts, seed=s) for s in (1, 1, 2)]
    np.testing.assert_array_equal(books[0].centers, books[1].centers)
    assert not np.array_equal(books[0].centers, books[2].centers)
    one = learn_codebook(codes, counts, seed=1, restarts=1)
    assert books[0].inertia <= one.inertia


def test_codes_that_do_not_occur_change_nothing():
    init = np.random.default_rng(7).random((3, 4))
    few = learn_codebook(np.array([1, 6, 9]), np.array([2, 5, 1]), n_centers=3, init=init)
    counts = np.zeros(16)
    counts[[1, 6, 9]] = 2, 5, 1
    everything = learn_codebook(np.arange(16), counts, n_centers=3, init=init)
    np.testing.assert_array_equal(few.centers, everything.centers)


def test_fewer_codes_than_centres():
    book = learn_codebook(np.array([5]), np.array([10]), n_centers=20, seed=0)
    assert np.isfinite(book.centers).all()
    assert book.inertia == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("codes", "counts", "options", "message"),
    [
        ([], [], {}, "not 0"),
        ([1, 2], [1], {}, "equally long"),
        ([16], [1], {"points": 4}, r"0 to 2\^4 - 1"),
        ([1], [-1], {}, "negative"),
        ([1], [0], {}, "not 0"),
        ([1], [1], {"init": np.zeros((3, 16))}, "shape"),
        ([1], [1], {"n_centers": 300}, "256"),
    ],
)
def test_bad_input_is_named(codes, counts, options, message):
    with pytest.raises(ValueError, match=message):
        learn_codebook(np.array(codes, int), np.array(counts, int), **options)


def test_histograms_of_codebook_entries():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 2**16, (2, 3, 4, 9, 10)).astype(np.uint16)
    lookups = rng.integers(0, 5, (2, 3, 2**16)).astype(np.uint8)
    tables = block_tables(codes, (2, 3))
    ours = quantised_histograms(tables, lookups, n_centers=5, blocks=(2, 3))
    assert ours.shape == (2, 3, 2, 3, 5)
    entries = lookups[1, 2][codes[1, 2]][:, 4:9, 3:6]
    np.testing.assert_allclose(ours[1, 2, 1, 1], np.bincount(entries.ravel(), minlength=5) / 60, rtol=1e-6)
    counts = code_counts(tables, (2, 3), (2, 3))
    assert counts.shape == (2, 3, 2**16)
    assert counts[1, 0, codes[1, 0, 0, 0, 0]] == (codes[1, 0] == codes[1, 0, 0, 0, 0]).sum()


@settings(max_examples=30, deadline=None)
@given(
    arrays(np.uint16, st.tuples(*map(st.integers, (1, 1, 3, 2), (2, 4, 9, 9))), elements=st.integers(0, 7))
)
def test_tables_of_blocks_hold_what_is_there(codes):
    tables = block_tables(codes, (3, 2))
    sizes = tables[: 6 * len(codes)]
    assert sizes.sum() == len(tables) - len(sizes)
    where = np.arange(codes.shape[2]), np.arange(codes.shape[3])
    rows, columns = (
        np.searchsorted(block_edges(len(w), n, ""), w, "right") - 1
        for w, n in zip(where, (3, 2), strict=True)
    )
    for v, volume in enumerate(codes):
        for b in range(6):
            inside = volume[:, rows == b // 2][:, :, columns == b % 2].ravel().tolist()
            start = len(sizes) + sizes[: 6 * v + b].sum()
            entries = tables[start : start + sizes[6 * v + b]].astype(int)
            assert dict(zip(entries >> 16, (entries & 65535) + 1, strict=True)) == Counter(inside)


def test_a_code_may_fill_a_block_of_any_size():
    codes = np.full((1, 3, 256, 257), 65535, np.uint16)
    tables = block_tables(codes, (1, 1))
    assert tables[0] == len(tables) - 1 == 4
    assert code_counts(tables, (1,), (1, 1))[0, 65535] == codes.size


@pytest.mark.parametrize("levels", [1, 2, 3, 256])
def test_signs_and_magnitudes_of_one_pass_are_those_in_double_precision(levels):
    """Whole plateaus, ties between unequal pixels and noise; the signs beside the codes of LBP-TOP."""
    rng = np.random.default_rng(levels)
    volume = (rng.integers(0, levels, (9, 14, 61)) * (255 // max(levels - 1, 1))).astype(np.uint8)
    volume[:, 5:] = volume[:1, 5:]  # nothing moves in the lower part
    codes = component_codes(volume)
    np.testing.assert_array_equal(codes[0], sign_codes(volume))
    for plane, least in enumerate(magnitude_thresholds(volume)):
        sizes = np.abs(differences(volume, plane, 2, 16))
        assert least == pytest.approx(sizes.mean(), abs=1e-12)
        bits = sizes >= sizes.mean() - 1e-9
        expected = (bits << np.arange(16)[:, None, None, None]).sum(axis=0)
        np.testing.assert_array_equal(codes[1, plane], expected)
    np.testing.assert_array_equal(
        _signs_and_magnitudes(volume, np.array([3.0, 300.0, 0.0]), 2, 16)[1][1:],
        np.stack([np.zeros_like(codes[1, 1]), np.full_like(codes[1, 1], 65535)]),
    )
