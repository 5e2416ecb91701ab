"""LBP-TOP: local binary patterns on three orthogonal planes.

Source: Zhao & Pietikainen, "Dynamic texture recognition using local binary patterns with an application to
facial expressions", IEEE Trans. Pattern Analysis and Machine Intelligence 29 (2007).

Notes
-----
Interpolated neighbours are compared with the centre in exact arithmetic (ties count as >=), where the
authors' MATLAB code computes in single precision and rounds down, so that exact ties there depend on where
in the image they occur. All planes use the same centres, as the authors' code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from features.lbp import (
    Circle,
    Codes,
    block_counts,
    block_edges,
    circle,
    labels_for,
    normalised,
    volume_codes,
)
from features.lbp_bytes import RADIUS, octagon_counts

Triple = tuple[int, int, int]


def lbp_top(
    volume: npt.NDArray[np.uint8],
    *,
    radii: Triple = (3, 3, 3),
    points: Triple = (8, 8, 8),
    blocks: tuple[int, int] = (1, 1),
    uniform: bool = True,
) -> npt.NDArray[np.float32]:
    """LBP-TOP descriptor of one grey or single-channel clip.

    Parameters
    ----------
    volume
        (T, H, W) uint8.
    radii
        Along x, y and t, in pixels and frames.
    points
        Neighbours in the planes XY, XT, YT, 1 to 16.
    blocks
        (rows, columns) of the interior; block i of n covers floor(i C / n) .. floor((i+1) C / n) - 1.
    uniform
        59 labels for 8 points (243 for 16) instead of 2^P.

    Returns
    -------
    (rows * columns * bins of the three planes,) float32
        Blocks row by row, then planes XY, XT, YT, then bins; each plane's histogram in a block sums to 1.

    Raises
    ------
    TypeError
        For pixels that are not uint8.
    ValueError
        For a clip too small for the radii or the blocks.

    References
    ----------
    Zhao & Pietikainen (2007), as at the top of this module.

    Examples
    --------
    >>> clip = np.random.default_rng(0).integers(0, 256, (7, 12, 10), np.uint8)
    >>> lbp_top(clip, blocks=(2, 1)).reshape(2, 3, 59).sum(axis=2).round(3).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    counted = _counts(volume, radii, points, blocks, uniform)
    return np.concatenate([normalised(c) for c in counted], axis=2).astype(np.float32).reshape(-1)


def lbp_top_codes(
    volume: npt.NDArray[np.uint8], *, radii: Triple = (3, 3, 3), points: Triple = (8, 8, 8)
) -> Codes:
    """Codes of the three planes at every centre of a clip.

    Parameters
    ----------
    volume
        (T, H, W) uint8.
    radii, points
        As in `lbp_top`.

    Returns
    -------
    (3, T', H', W') uint16
        Planes XY, XT, YT; T' = T - 2 Rt, H' = H - 2 max(Rx, Ry), W' = W - 2 max(Rx, Ry). With
        a = 2 pi p / P, bit 2^p is set where the pixel at (x + Rx cos a, y - Ry sin a, t) for XY,
        (x + Rx cos a, y, t + Rt sin a) for XT, (x, y - Ry sin a, t + Rt cos a) for YT is >= the centre.

    Raises
    ------
    TypeError, ValueError
        As `lbp_top`.

    References
    ----------
    Zhao & Pietikainen (2007), as at the top of this module.

    Examples
    --------
    Only the neighbour to the right is as bright as the centre; the plane YT does not see it:

    >>> clip = np.zeros((3, 3, 3), np.uint8)
    >>> clip[1, 1, 1:] = 1, 9
    >>> lbp_top_codes(clip, radii=(1, 1, 1), points=(4, 4, 4)).ravel()
    array([1, 1, 0], dtype=uint16)
    """
    return np.stack(list(_plane_by_plane(volume, radii, points)))


def plane_circles(radii: Triple, points: Triple) -> tuple[tuple[Circle, tuple[int, int]], ...]:
    """Circle and (first, second) axis of a (T, H, W) volume for each of the planes XY, XT, YT."""
    rx, ry, rt = (float(radius) for radius in radii)
    return (
        (circle((0.0, -ry), (rx, 0.0), points[0]), (1, 2)),
        (circle((0.0, rt), (rx, 0.0), points[1]), (0, 2)),
        (circle((rt, 0.0), (0.0, -ry), points[2]), (0, 1)),
    )


def margins_of(volume: npt.NDArray[np.uint8], radii: Triple) -> Triple:
    """(t, y, x) pixels without a full neighbourhood; raises if volume or radii do not do.

    Raises
    ------
    TypeError
        For pixels that are not uint8.
    ValueError
        For radii that are no whole numbers from 1 on, and a clip too small for them.
    """
    if volume.dtype != np.uint8:
        raise TypeError(
            f"the volume must be uint8, got {volume.dtype}: round after interpolating in time, otherwise "
            f"equal pixels differ by rounding and change the codes"
        )
    if len(radii) != 3 or not all(isinstance(r, int | np.integer) and r >= 1 for r in radii):
        raise ValueError(f"radii must be three whole numbers >= 1 along x, y and t, got {radii!r}")
    margin = max(radii[0], radii[1])
    needed = (2 * radii[2] + 1, 2 * margin + 1, 2 * margin + 1)
    if volume.ndim != 3 or any(have < need for have, need in zip(volume.shape, needed, strict=True)):
        raise ValueError(
            f"radii {tuple(radii)} need a volume (T, H, W) of at least {needed}, got {volume.shape}"
        )
    return radii[2], margin, margin


def _plane_by_plane(volume: npt.NDArray[np.uint8], radii: Triple, points: Triple) -> Iterator[Codes]:
    margins = margins_of(volume, radii)
    planes = plane_circles(radii, points)
    floats = np.ascontiguousarray(volume, np.float64)
    for around, axes in planes:
        yield volume_codes(floats, around, axes, margins)


def _counts(
    volume: npt.NDArray[np.uint8], radii: Triple, points: Triple, blocks: tuple[int, int], uniform: bool
) -> Iterator[npt.NDArray[np.int64]]:
    """(rows, columns, labels) counts of each plane."""
    margins = margins_of(volume, radii)
    if (*radii, *points) == (RADIUS,) * 3 + (8,) * 3:
        yield from _octagon_counts(volume, margins, blocks, uniform)
        return
    for codes, n_points in zip(_plane_by_plane(volume, radii, points), points, strict=True):
        yield block_counts(codes, *labels_for(n_points, uniform), blocks)


def _octagon_counts(
    volume: npt.NDArray[np.uint8], margins: Triple, blocks: tuple[int, int], uniform: bool
) -> Iterator[npt.NDArray[np.int64]]:
    """(rows, columns, labels) counts of each plane, for radius 3 and 8 points."""
    _, height, width = (size - 2 * margin for size, margin in zip(volume.shape, margins, strict=True))
    rows = block_edges(height, blocks[0], "rows of codes")
    edges = rows, block_edges(width, blocks[1], "columns of codes")
    volume = np.ascontiguousarray(volume)
    yield from octagon_counts(volume, _octagon_offsets(*volume.shape[1:]), edges, *labels_for(8, uniform))


@lru_cache(maxsize=16)
def _octagon_offsets(height: int, width: int) -> npt.NDArray[np.uint64]:
    """(3, 8, 4) steps through frames of this size to each plane's neighbours, for `octagon_counts`."""
    strides, planes = (height * width, width, 1), []
    for around, (first, second) in plane_circles((RADIUS,) * 3, (8,) * 3):
        offsets = around.flat_offsets((strides[first], strides[second])).astype(np.uint64)
        order = np.argsort(-around.weights, axis=1, kind="stable")
        planes.append(np.take_along_axis(offsets, order, axis=1))
    return np.stack(planes)
