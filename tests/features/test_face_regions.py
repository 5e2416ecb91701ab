"""The 36 regions: the table, rasterising against a scalar point-in-polygon test, degenerate regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.landmarks import mean_shape
from features.face_regions import (
    REGIONS,
    DegenerateRegions,
    inside_polygon,
    region_masks,
    region_pixels,
    region_polygons,
    require_regions,
)

SHAPE = (163, 134)


def _winding(polygon, x, y):
    """Even-odd rule for one point, from the definition: how many edges a ray to the left crosses."""
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (y0 <= y) != (y1 <= y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


@given(st.integers(0, 2**32 - 1), st.integers(3, 7))
@settings(max_examples=40, deadline=None)
def test_pixels_of_any_polygon(seed, corners):
    """Polygons of any kind, also crossing themselves and leaving the frame; corners off the pixel grid."""
    polygon = np.random.default_rng(seed).uniform(-4, 16, (corners, 2))
    expected = [[_winding(polygon, x, y) for x in range(13)] for y in range(11)]
    np.testing.assert_array_equal(inside_polygon(polygon, (11, 13)), expected)


def test_a_square_is_half_open():
    mask = inside_polygon([(1, 1), (4, 1), (4, 3), (1, 3)], (6, 6))
    assert mask.sum() == 6
    assert mask[1:3, 1:4].all()


def test_an_arrow_head_is_not_its_convex_hull():
    arrow = [(0.0, 0.0), (10.0, 5.0), (0.0, 10.0), (5.0, 5.0)]
    mask = inside_polygon(arrow, (11, 11))
    assert mask[5, 8]
    assert not mask[5, 2]


def test_vertices_by_hand():
    points = np.zeros((66, 2))
    points[[17, 19, 2, 41, 36, 45]] = [(10, 20), (14, 18), (4, 40), (20, 30), (0, 0), (50, 0)]
    polygons = region_polygons(points)
    np.testing.assert_allclose(polygons[0], [(10, 14.8), (14, 12.8), (14, 18), (10, 20)])
    np.testing.assert_allclose(polygons[14][1], (12, 35))


def test_the_table_is_a_mirror_of_itself():
    """Left and right regions come in pairs: mirrored points of ROI a are those of ROI b."""
    mirror = dict(enumerate([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31]))
    mirror |= {36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40}
    mirror |= {48: 54, 49: 53, 50: 52, 51: 51, 52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 57: 57, 58: 56, 59: 55}

    def mirrored(name):
        parts = sorted(
            f"{mirror[int(part.removesuffix('U'))]}{'U' if part.endswith('U') else ''}"
            for part in name.split("~")
        )
        return "~".join(parts)

    def plain(names):
        return frozenset("~".join(sorted(name.split("~"))) for name in names)

    regions = [plain(names) for names in REGIONS]
    images = [frozenset(mirrored(name) for name in names) for names in REGIONS]
    assert len(set(regions)) == 36
    assert set(images) == set(regions)


def test_regions_of_a_face_do_not_overlap_and_are_symmetric():
    face = mean_shape(*SHAPE)
    masks = region_masks(face, SHAPE)
    assert masks.shape == (36, *SHAPE)
    assert masks.sum(axis=0).max() == 1
    assert region_pixels(face, SHAPE).degenerate == ()
    eyes = np.rint(face[36:42].mean(axis=0)).astype(int), np.rint(face[42:48].mean(axis=0)).astype(int)
    for x, y in eyes:
        assert not masks[:, y, x].any()


def test_pixels_are_those_of_the_masks():
    face = mean_shape(96, 80)
    pixels, masks = region_pixels(face, (96, 80)), region_masks(face, (96, 80))
    for k in range(36):
        span = slice(pixels.starts[k], pixels.starts[k + 1])
        again = np.zeros((96, 80), bool)
        again[pixels.rows[span], pixels.columns[span]] = True
        np.testing.assert_array_equal(again, masks[k])


def test_a_region_thinner_than_a_pixel_has_the_pixel_at_its_centre():
    face, shape = mean_shape(8, 7), (8, 7)
    pixels, masks, polygons = region_pixels(face, shape), region_masks(face, shape), region_polygons(face)
    thin = [k for k in range(36) if not masks[k].any()]
    assert thin and pixels.degenerate == ()
    for k in thin:
        (row,) = pixels.rows[pixels.starts[k] : pixels.starts[k + 1]]
        (column,) = pixels.columns[pixels.starts[k] : pixels.starts[k + 1]]
        assert np.abs(polygons[k].mean(axis=0) - [column, row]).max() <= 0.5


def test_68_points_give_the_same_regions():
    face = mean_shape(*SHAPE)
    more = np.insert(face, [60, 63], 0.0, axis=0)
    for a, b in zip(region_polygons(face), region_polygons(more), strict=True):
        np.testing.assert_array_equal(a, b)


def test_regions_outside_the_frame_are_named():
    face = mean_shape(*SHAPE) - [0, 30]
    assert 1 in region_pixels(face, SHAPE).degenerate
    with pytest.raises(DegenerateRegions, match=r"1, 2,.*163 x 134") as caught:
        require_regions(face, SHAPE)
    assert caught.value.numbers[0] == 1


@pytest.mark.parametrize(
    ("points", "message"), [(np.zeros((5, 2)), "shape"), (np.full((66, 2), np.nan), "finite")]
)
def test_what_are_no_landmarks_is_refused(points, message):
    with pytest.raises(ValueError, match=message):
        region_polygons(points)
