"""STLBP-IP: local binary patterns of integral projections of difference images.

Source: Huang, Wang, Zhao & Pietikainen, "Facial micro-expression recognition using spatiotemporal local
binary pattern with integral projection", ICCV workshops 2015.

Notes
-----
A block has four histograms, each of which sums to 1: appearance (1D-LBP of the horizontal, then of the
vertical projections, averaged over frames), then motion (2D LBP of the vertical projections over time, XT,
then of the horizontal ones, YT). The difference images follow the paper's abstract (frame minus first frame,
signed); robust PCA belongs to its successor. How 2D codes treat the image borders is not stated there; here
only pixels with all neighbours inside count. Comparisons are exact, as in `features.lbp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.lbp import Codes, block_edges, labels_for, lbp_codes, normalised

Float64 = npt.NDArray[np.float64]
Reference = Literal["first", "previous"]
_TIE = 1e-6


@dataclass(frozen=True)
class Projections:
    """Integral projections of one block's difference images.

    Attributes
    ----------
    horizontal
        (T - 1, height) float64 sums over x of each row.
    vertical
        (T - 1, width) float64 sums over y of each column.
    """

    horizontal: Float64
    vertical: Float64


def stlbp_ip(
    volume: npt.NDArray[Any],
    *,
    blocks: tuple[int, int] = (8, 9),
    points: int = 8,
    radius: int = 3,
    mask: int = 9,
    reference: Reference = "first",
    absolute: bool = False,
    uniform: bool = True,
) -> npt.NDArray[np.float32]:
    """STLBP-IP descriptor of one grey clip.

    Parameters
    ----------
    volume
        (T, H, W), grey, any real dtype, T >= 2.
    blocks
        (rows, columns) of the frame, cut as in LBP-TOP.
    points, radius
        Of the 2D LBP of the temporal images; the radius in pixels and frames.
    mask
        Odd width of the 1D mask in pixels; its neighbours are mask - 1 bits.
    reference, absolute, uniform
        The frame to subtract, "first" or "previous"; sizes of differences alone; uniform labels, not all.

    Returns
    -------
    (rows * columns * bins of the four histograms,) float32
        Blocks row by row, each: appearance of rows and of columns, motion XT and YT; 4 x 59 by default.

    Raises
    ------
    ValueError
        When a block is smaller than the mask or than 2 radius + 1, or frames are fewer than 2 radius + 2.

    References
    ----------
    Huang et al. (2015), as at the top of this module.

    Examples
    --------
    >>> clip = np.random.default_rng(0).integers(0, 256, (8, 20, 18), np.uint8)
    >>> stlbp_ip(clip, blocks=(2, 1)).reshape(2, 4, 59).sum(axis=2).round(3).tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    differences = difference_images(volume, reference=reference, absolute=absolute)
    blocks_of_clip = map(projections, _blocks_of(differences, blocks, radius, mask))
    parts = [_block_descriptor(block, points, radius, mask, uniform) for block in blocks_of_clip]
    return np.concatenate(parts).astype(np.float32)


def difference_images(
    volume: npt.NDArray[Any], *, reference: Reference = "first", absolute: bool = False
) -> Float64:
    """(T - 1, H, W) float64 differences of frames 2..T to the first or to the previous frame.

    Raises
    ------
    ValueError
        For another shape, fewer than two frames or an unknown reference.
    """
    if volume.ndim != 3 or len(volume) < 2:
        raise ValueError(f"STLBP-IP needs a volume (T, H, W) with at least 2 frames, got {volume.shape}")
    if reference not in {"first", "previous"}:
        raise ValueError(f"reference must be 'first' or 'previous', got {reference!r}")
    values = volume.astype(np.float64)
    differences: Float64 = values[1:] - (values[:1] if reference == "first" else values[:-1])
    return np.abs(differences) if absolute else differences


def projections(differences: npt.NDArray[Any]) -> Projections:
    """Horizontal and vertical integral projections of (T - 1, H, W) images."""
    return Projections(differences.sum(axis=2, dtype=np.float64), differences.sum(axis=1, dtype=np.float64))


def temporal_images(block: Projections) -> tuple[Float64, Float64]:
    """Projections over time: XT (T - 1, width) of the vertical, YT (height, T - 1) of the horizontal."""
    return block.vertical, np.ascontiguousarray(block.horizontal.T)


def lbp_1d(signal: npt.NDArray[Any], mask: int = 9) -> Codes:
    """1D-LBP of signals along the last axis.

    Parameters
    ----------
    signal
        (..., n) real.
    mask
        Odd width P + 1 in samples, from 3 to 17.

    Returns
    -------
    (..., n - P) uint16
        Position i, P/2 <= i < n - P/2, is compared with the P/2 samples on its left, then the P/2 on its
        right; the leftmost gives the most significant bit, a bit is set where the neighbour >= the
        centre - 1e-6.

    Raises
    ------
    ValueError
        For an even mask, one above 17, or a signal shorter than the mask.

    References
    ----------
    Huang et al. (2015), as at the top of this module.

    Examples
    --------
    Of the neighbours 0, 0, 9, 0 of the centre 5 only the third is as large, binary 0010:

    >>> lbp_1d([0, 0, 5, 9, 0], mask=5)
    array([2], dtype=uint16)
    """
    if mask < 3 or mask % 2 == 0 or mask > 17:
        raise ValueError(f"mask must be an odd width from 3 to 17, got {mask}")
    values = np.asarray(signal, np.float64)
    half, n = mask // 2, values.shape[-1]
    if n < mask:
        raise ValueError(
            f"a projection of {n} samples is shorter than the mask of {mask}: use blocks of at least "
            f"{mask} x {mask} pixels or a mask of at most {n if n % 2 else n - 1}"
        )
    centre = values[..., half : n - half]
    codes: Codes = np.zeros(centre.shape, np.uint16)
    for k in [*range(half), *range(half + 1, mask)]:
        bit = values[..., k : n - mask + k + 1] >= centre - _TIE
        codes = np.asarray((codes << 1) | bit, np.uint16)
    return codes


def _block_descriptor(block: Projections, points: int, radius: int, mask: int, uniform: bool) -> Float64:
    """Appearance (horizontal, vertical), then motion (XT, YT) of one block."""
    appearance = [
        _histogram(lbp_1d(signal, mask), mask - 1, uniform).mean(axis=0)
        for signal in (block.horizontal, block.vertical)
    ]
    motion = [
        _histogram(lbp_codes(image, radius=radius, points=points).reshape(1, -1), points, uniform)[0]
        for image in temporal_images(block)
    ]
    return np.concatenate([*appearance, *motion])


def _histogram(codes: Codes, points: int, uniform: bool) -> Float64:
    """(n, bins) normalised histogram of each row of (n, positions) codes."""
    labels, bins = labels_for(points, uniform)
    rows = np.arange(len(codes))[:, np.newaxis] * bins
    counts = np.bincount((labels[codes] + rows).ravel(), minlength=len(codes) * bins)
    return normalised(counts.reshape(len(codes), bins))


def _blocks_of(differences: Float64, blocks: tuple[int, int], radius: int, mask: int) -> Iterator[Float64]:
    """The blocks of (T - 1, H, W) difference images row by row; ValueError where they are too small."""
    rows = block_edges(differences.shape[1], blocks[0], "rows of pixels")
    columns = block_edges(differences.shape[2], blocks[1], "columns of pixels")
    _check_sizes(differences.shape, int(np.diff(rows).min()), int(np.diff(columns).min()), radius, mask)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield differences[:, top:bottom, left:right]


def _check_sizes(shape: tuple[int, ...], height: int, width: int, radius: int, mask: int) -> None:
    """Raise ValueError naming the block size or number of frames that would do; shape (T - 1, H, W)."""
    least = max(mask, 2 * radius + 1)
    if min(height, width) < least:
        raise ValueError(
            f"blocks of {height} x {width} pixels are too small: mask {mask} and radius {radius} need "
            f"blocks of at least {least} x {least} pixels; use fewer blocks or larger frames than "
            f"{shape[1]} x {shape[2]}"
        )
    if shape[0] < 2 * radius + 1:
        raise ValueError(f"radius {radius} needs at least {2 * radius + 2} frames, got {shape[0] + 1}")
