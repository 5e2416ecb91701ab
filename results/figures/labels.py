"""Names beside points, put where they cover neither a point nor each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from results.table_text import columns_of

LETTER, LINE, GAP = 4.6, 9.5, 6.0
"""Width and height of a letter and the distance from the point, in points of print at font size 7.5."""
CROWDED = 0.2
"""A name of which more than this share would be covered is left out."""
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))

Box = tuple[float, float, float, float]


def place_labels(
    axes: Axes, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], names: Sequence[str]
) -> int:
    """Write a name beside each point, on the side where it overlaps least; equal input, equal places.

    Names for which there is no room are left out, and counted.
    """
    scale = 72 / axes.figure.dpi
    points = axes.transData.transform(np.column_stack([x, y])) * scale
    left, low, right_end, top = (float(value) * scale for value in axes.bbox.extents)
    frame = (left, low, right_end, top)
    taken: list[Box] = [(px - 4, py - 4, px + 4, py + 4) for px, py in points]
    without = 0
    for (px, py), name, at in zip(points, names, zip(x, y, strict=True), strict=True):
        boxes = [_box(px, py, columns_of(name) * LETTER, side) for side in SIDES]
        costs = [sum(_overlap(box, other) for other in taken) + 9 * _outside(box, frame) for box in boxes]
        best = int(np.argmin(costs))
        if costs[best] > CROWDED * columns_of(name) * LETTER * LINE:
            without += 1
            continue
        taken.append(boxes[best])
        right, up = SIDES[best]
        axes.annotate(
            name,
            at,
            (GAP * right, GAP * up if right == 0 else 0.8 * GAP * up),
            textcoords="offset points",
            ha=("center", "left", "right")[right],
            va=("center", "bottom", "top")[up],
            fontsize=7.5,
        )
    return without


def _box(px: float, py: float, width: float, side: tuple[int, int]) -> Box:
    right, up = side
    left = px - width / 2 + right * (width / 2 + GAP)
    low = py - LINE / 2 + up * (LINE / 2 + GAP * (1 if right == 0 else 0.8))
    return (left, low, left + width, low + LINE)


def _outside(box: Box, frame: Box) -> float:
    """How far a box sticks out to the left and right, in points."""
    return max(frame[0] - box[0], 0.0) + max(box[2] - frame[2], 0.0)


def _overlap(a: Box, b: Box) -> float:
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0
