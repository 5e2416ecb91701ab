"""The 36 regions of interest of MDMO: polygons between landmarks, and the pixels inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

N_REGIONS = 36

BROW_LIFT = 0.104
"""How far above the brows ROIs 1 to 6 reach, as a share of the distance between the outer eye corners."""

_VERTICES = """
17U 19U 19 17 | 19U 21U 21 19 | 21U 21U~22U 27 21 | 21U~22U 22U 22 27 | 22U 24U 24 22 | 24U 26U 26 24
0 17 36 1 | 17 19 38 36 | 19 21 39 38 | 21 27 28 39 | 27 22 42 28 | 22 24 43 42
24 26 45 43 | 26 16 15 45 | 2 2~41 3~29 3 | 41 39 3~29 2~41 | 39 28 29 3~29 | 28 42 13~29 29
42 46 14~46 13~29 | 14~46 14 13 13~29 | 3 3~29 4~33 4 | 3~29 29 33 4~33 | 29 13~29 12~33 33
13~29 13 12 12~33 | 4 4~33 5~59 5 | 4~33 33 59 5~59 | 33 12~33 11~55 55 | 12~33 12 11 11~55
5~59 59 58 6~58 | 6~58 58 57 8~57 | 8~57 57 56 10~56 | 10~56 56 55 11~55
5 5~59 6~58 6 | 6 6~58 8~57 8 | 8 8~57 10~56 10 | 10 10~56 11~55 11
"""
"""ROIs 1 to 36; `aU` is landmark a lifted, `a~b` the midpoint of two points."""

REGIONS: tuple[tuple[str, ...], ...] = tuple(
    tuple(region.split()) for line in _VERTICES.strip().splitlines() for region in line.split("|")
)
"""The vertices of each ROI by name, in drawing order."""

_NAMES = [name.split("~") for names in REGIONS for name in names]
_ENDS = np.array([[int(part.removesuffix("U")) for part in (parts[0], parts[-1])] for parts in _NAMES])
_RAISED = np.array([parts[0].endswith("U") for parts in _NAMES])


class DegenerateRegions(ValueError):
    """Regions that hold no pixel of the frame; `numbers` are theirs, from 1 to 36."""

    def __init__(self, numbers: Sequence[int], shape: tuple[int, int]) -> None:
        self.numbers = tuple(numbers)
        super().__init__(
            f"ROIs {', '.join(map(str, self.numbers))} hold no pixel of the {shape[0]} x {shape[1]} frame: "
            "the landmarks lie outside it, or the face is too small"
        )


@dataclass(frozen=True)
class RegionPixels:
    """Pixels of all 36 regions: those of ROI k (from 1) are rows[starts[k-1]:starts[k]], columns alike.

    Attributes
    ----------
    rows, columns
        (n,) int64.
    starts
        (37,) int64.
    degenerate
        Numbers of the regions without a pixel, outside the frame.
    """

    rows: Int64
    columns: Int64
    starts: Int64
    degenerate: tuple[int, ...]


def region_polygons(landmarks: npt.ArrayLike) -> tuple[Float64, ...]:
    """The polygons of the 36 ROIs, each (vertices, 2) float64, x and y in pixels.

    Parameters
    ----------
    landmarks
        (66, 2) or (68, 2), 300-W order (both agree up to index 59, all that is used here).

    Raises
    ------
    ValueError
        For another shape or for numbers that are not finite.

    Notes
    -----
    After Liu et al. (2016), "A main directional mean optical flow feature for spontaneous
    micro-expression recognition". Not all polygons are convex. Eye openings, the wedges of the cheeks
    beside the nose and the inside of the lips belong to no ROI.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape not in {(66, 2), (68, 2)}:
        raise ValueError(f"landmarks must have shape (66, 2) or (68, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("landmarks must be finite numbers")
    lift = BROW_LIFT * np.linalg.norm(points[36] - points[45])
    vertices = (points[_ENDS[:, 0]] + points[_ENDS[:, 1]]) / 2
    vertices[:, 1] -= lift * _RAISED
    return tuple(np.split(vertices, np.cumsum([len(names) for names in REGIONS])[:-1]))


def inside_polygon(polygon: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Pixels of a (height, width) frame whose centre lies inside the polygon, (height, width) bool.

    Even-odd rule with half-open edges: two polygons that share an edge never share a pixel, and no pixel
    between them is lost.

    Parameters
    ----------
    polygon
        (vertices, 2), x and y; the centre of pixel (row, column) is the point (column, row).
    shape
        (height, width).
    """
    inside = np.zeros(shape, np.bool_)
    rows, columns = _inside(np.asarray(polygon, np.float64), shape)
    inside[rows, columns] = True
    return inside


def region_masks(landmarks: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Masks of the 36 ROIs on a (height, width) frame, (36, height, width) bool; see `region_polygons`."""
    return np.stack([inside_polygon(polygon, shape) for polygon in region_polygons(landmarks)])


def region_pixels(landmarks: npt.ArrayLike, shape: tuple[int, int]) -> RegionPixels:
    """The pixels of the 36 ROIs on a (height, width) frame, region after region; see `region_polygons`.

    A region that is too thin to hold the centre of any pixel has the pixel at its own centre: on very small
    frames nothing else is seen of it.
    """
    found = [_pixels_of(polygon, shape) for polygon in region_polygons(landmarks)]
    counts = np.array([len(rows) for rows, _ in found])
    return RegionPixels(
        rows=np.concatenate([rows for rows, _ in found]),
        columns=np.concatenate([columns for _, columns in found]),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        degenerate=tuple(int(k) + 1 for k in np.flatnonzero(counts == 0)),
    )


def _pixels_of(polygon: Float64, shape: tuple[int, int]) -> tuple[Int64, Int64]:
    """Rows and columns of the pixels inside a polygon, else of the one at its centre; none outside."""
    rows, columns = _inside(polygon, shape)
    if not len(rows):
        column, row = np.rint(polygon.mean(axis=0)).astype(np.int64)
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            return np.array([row], np.int64), np.array([column], np.int64)
    return rows, columns


def require_regions(landmarks: npt.ArrayLike, shape: tuple[int, int]) -> RegionPixels:
    """`region_pixels`, but DegenerateRegions where a region holds no pixel of the frame."""
    pixels = region_pixels(landmarks, shape)
    if pixels.degenerate:
        raise DegenerateRegions(pixels.degenerate, shape)
    return pixels


@compiled
def _inside(polygon: Float64, shape: tuple[int, int]) -> tuple[Int64, Int64]:
    """Rows and columns of the pixels inside a polygon, found in its bounding box.

    Edges are taken from their upper to their lower end, so that both neighbours of an edge cut it alike.
    """
    left = int(min(max(np.floor(polygon[:, 0].min()), 0), shape[1]))
    right = int(min(max(np.ceil(polygon[:, 0].max()) + 1, left), shape[1]))
    top = int(min(max(np.floor(polygon[:, 1].min()), 0), shape[0]))
    bottom = int(min(max(np.ceil(polygon[:, 1].max()) + 1, top), shape[0]))
    rows = np.empty((bottom - top) * (right - left), np.int64)
    columns = np.empty_like(rows)
    found = 0
    for y in range(top, bottom):
        for x in range(left, right):
            inside = False
            for k in range(len(polygon)):
                upper, lower = polygon[k], polygon[(k + 1) % len(polygon)]
                if upper[1] > lower[1]:
                    upper, lower = lower, upper
                if upper[1] <= y < lower[1]:
                    slope = (lower[0] - upper[0]) / (lower[1] - upper[1])
                    if x < upper[0] + (y - upper[1]) * slope:
                        inside = not inside
            if inside:
                rows[found], columns[found] = y, x
                found += 1
    return rows[:found].copy(), columns[:found].copy()
