"""STCLQP: sign, magnitude and orientation codes on three planes, quantised by learnt codebooks.

Source: Huang, Zhao, Hong, Zheng & Pietikainen, "Spontaneous facial micro-expression analysis using
spatiotemporal completed local quantized patterns", Neurocomputing 2016; codebooks after Hussain & Triggs,
"Visual recognition using local quantized patterns", ECCV 2012.

Notes
-----
No public code of STCLQP exists. Its abstract confirms the three components and a codebook for each in
appearance and temporal planes; the magnitude threshold follows CLBP (Guo et al. 2010); the orientation
component is our reading and described at `orientation_codes`. A codebook is learnt by Lloyd's iterations
until no code changes its centre: a code goes to the nearest centre (Euclidean, the first on ties), a centre
without codes stays where it is. Random starts are distinct codes, drawn by their counts, plus N(0, 0.05)
jitter. Sums of counts are whole numbers, so results depend on no order; k-means of distinct codes with their
counts is that of all pixels, in far less time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.binary_kmeans import bits, distance_tables, lloyd
from features.lbp import Circle, Codes, check_points
from features.lbp_top import lbp_top_codes, margins_of, plane_circles
from features.stclqp_loops import (
    absolute_sum,
    gradient_levels,
    nearest_centres,
    orientation_bits,
)
from features.stclqp_signs import sign_and_magnitude

COMPONENTS = ("sign", "magnitude", "orientation")
_ROUNDING = 1e-9
UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]


def sign_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """Sign component of XY, XT, YT: which neighbours are as bright as the centre.

    Parameters
    ----------
    volume
        (T, H, W) uint8.
    radius, points
        Of the neighbours in every plane: pixels and frames, and 1 to 16.

    Returns
    -------
    (3, T', H', W') uint16
        Bit 2^p is set where neighbour p >= the centre; each size shrinks by 2 radius. Sampling and
        exactness are those of `features.lbp_top.lbp_top_codes`.

    Raises
    ------
    TypeError, ValueError
        As `features.lbp_top.lbp_top_codes`.

    References
    ----------
    Huang et al. (2016), as at the top of this module.

    Examples
    --------
    Only the neighbour to the right is as bright as the centre; the plane YT does not see it:

    >>> clip = np.zeros((3, 3, 3), np.uint8)
    >>> clip[1, 1, 1:] = 1, 9
    >>> sign_codes(clip, radius=1, points=4).ravel()
    array([1, 1, 0], dtype=uint16)
    """
    return lbp_top_codes(volume, radii=(radius,) * 3, points=(points,) * 3)


def magnitude_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """Magnitude component of XY, XT, YT: which neighbours differ much from the centre.

    Parameters
    ----------
    volume
        (T, H, W) uint8.
    radius, points
        Of the neighbours in every plane: pixels and frames, and 1 to 16.

    Returns
    -------
    (3, T', H', W') uint16
        Bit 2^p is set where |neighbour p - centre| >= c, the mean of |neighbour - centre| over all
        centres and neighbours of the plane in this clip; values within 1e-9 of c count as equal.

    Raises
    ------
    TypeError, ValueError
        As `features.lbp_top.lbp_top_codes`.

    References
    ----------
    Huang et al. (2016), as at the top of this module; the threshold after Guo, Zhang & Zhang, "A completed
    modeling of local binary pattern operator for texture classification", IEEE TIP 19 (2010).

    Examples
    --------
    The neighbour to the right alone differs; in the plane YT none does, so all reach the mean of 0:

    >>> clip = np.zeros((3, 3, 3), np.uint8)
    >>> clip[1, 1, 2] = 9
    >>> magnitude_codes(clip, radius=1, points=4).ravel()
    array([ 1,  1, 15], dtype=uint16)
    """
    thresholds = magnitude_thresholds(volume, radius=radius, points=points)
    codes: Codes = _signs_and_magnitudes(volume, thresholds, radius, points)[1]
    return codes


def magnitude_thresholds(volume: UInt8, *, radius: int = 2, points: int = 16) -> Float64:
    """(3,) mean |neighbour - centre| of all centres and neighbours of XY, XT, YT, as `magnitude_codes`.

    Raises
    ------
    TypeError, ValueError
        As `features.lbp_top.lbp_top_codes`.
    """
    margins = margins_of(volume, (radius,) * 3)
    flat = np.ascontiguousarray(volume, np.float64).reshape(-1)
    centres = np.array([size - 2 * radius for size in volume.shape])
    shape, total = np.array(volume.shape), np.empty(3)
    for plane, (around, axes) in enumerate(plane_circles((radius,) * 3, (points,) * 3)):
        offsets = _flat_offsets(around, axes, volume.shape)
        total[plane] = absolute_sum(flat, shape, np.array(margins), offsets, around.weights, centres)
    return np.asarray(total / (centres.prod() * points))


def _signs_and_magnitudes(volume: UInt8, thresholds: Float64, radius: int, points: int) -> Codes:
    """(2, 3, T', H', W') uint16."""
    margins = np.array(margins_of(volume, (radius,) * 3))
    flat = np.ascontiguousarray(volume, np.float32).reshape(-1)
    shape = np.array(volume.shape)
    codes = np.empty((2, 3, *(s - 2 * radius for s in volume.shape)), np.uint16)
    for plane, (around, axes) in enumerate(plane_circles((radius,) * 3, (points,) * 3)):
        offsets = _flat_offsets(around, axes, volume.shape)
        least = thresholds[plane] - _ROUNDING
        sign_and_magnitude(flat, shape, margins, offsets, around.weights, least, *codes[:, plane])
    return codes


def orientation_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """Orientation component of XY, XT, YT: which neighbours' gradients point as the centre's.

    Parameters
    ----------
    volume
        (T, H, W) uint8.
    radius, points
        Of the neighbours in every plane: pixels and frames, and 1 to 16.

    Returns
    -------
    (3, T', H', W') uint16
        Inside each plane the gradient is taken by 3 x 3 derivative-of-Gaussian kernels (sigma 1, borders
        repeated) and its angle cut into 16 levels, [0, 22.5), [22.5, 45), ... degrees; no gradient is
        level 0. Neighbours are nearest pixels. Bit 2^p is set where the circular distance of the levels of
        neighbour p and centre is below 4.

    Raises
    ------
    TypeError, ValueError
        As `features.lbp_top.lbp_top_codes`.

    References
    ----------
    Huang et al. (2016), as at the top of this module; the component is our reading of its abstract.

    Examples
    --------
    A ridge: right of its top (the second of three centres) the gradient turns round, bit 0 of XY and XT:

    >>> ridge = np.tile(np.array([0, 10, 20, 10, 0], np.uint8), (3, 3, 1))
    >>> orientation_codes(ridge, radius=1, points=4).reshape(3, 3)
    array([[15, 14, 11],
           [15, 14, 11],
           [15, 15, 15]], dtype=uint16)
    """
    margins = margins_of(volume, (radius,) * 3)
    padded = np.pad(volume, 1, mode="edge").astype(np.float32)
    shape = np.array(volume.shape)
    codes = np.empty((3, *(s - 2 * radius for s in volume.shape)), np.uint16)
    for plane, (first, second) in enumerate(((1, 2), (0, 2), (0, 1))):
        levels = np.empty(volume.size, np.uint8)
        strides = _strides(padded.shape)
        gradient_levels(padded.reshape(-1), np.array(padded.shape), strides[first], strides[second], levels)
        offsets = _nearest_offsets(plane, radius, points, volume.shape)
        orientation_bits(levels, shape, np.array(margins), offsets, codes[plane])
    return codes


def component_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """(3 components, 3 planes, T', H', W') uint16: sign, magnitude and orientation codes together.

    Parameters, and what is raised, as in `sign_codes`.
    """
    thresholds = magnitude_thresholds(volume, radius=radius, points=points)
    orientations = orientation_codes(volume, radius=radius, points=points)
    return np.concatenate([_signs_and_magnitudes(volume, thresholds, radius, points), orientations[None]])


def _strides(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[1] * shape[2], shape[2], 1


def _flat_offsets(around: Circle, axes: tuple[int, int], shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    strides = _strides(shape)
    return around.flat_offsets((strides[axes[0]], strides[axes[1]])).astype(np.uint64)


def _nearest_offsets(plane: int, radius: int, points: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    """(P,) steps through a flat volume to the pixels nearest to a plane's neighbours."""
    around, axes = plane_circles((radius,) * 3, (points,) * 3)[plane]
    exact = (around.steps * around.weights[:, :, np.newaxis]).sum(axis=1)
    nearest = np.floor(exact + 0.5 + 1e-12).astype(np.int64)
    strides = _strides(shape)
    steps: npt.NDArray[np.int64] = nearest @ np.array([strides[axes[0]], strides[axes[1]]])
    return steps.astype(np.uint64)


@dataclass(frozen=True)
class Codebook:
    """A vocabulary of binary codes.

    Attributes
    ----------
    centers
        (n_centers, P) float64, most significant bit first.
    lookup
        (2^P,) uint8, nearest centre of every code, the first one on ties.
    inertia
        Weighted sum of squared distances of the codes learnt from.
    """

    centers: Float64
    lookup: UInt8
    inertia: float


def learn_codebook(
    codes: npt.NDArray[np.integer[Any]],
    counts: npt.NDArray[Any],
    *,
    n_centers: int = 20,
    init: Float64 | None = None,
    seed: int = 0,
    points: int | None = None,
    restarts: int = 5,
    max_iterations: int = 300,
) -> Codebook:
    """Weighted k-means of distinct binary codes.

    Parameters
    ----------
    codes, counts
        (m,) integers below 2^points, and how often each occurs.
    n_centers, points
        Up to 256; bits of a code, by default those of `init`, otherwise 16.
    init
        (n_centers, points) starting centres, bits most significant first, or None for random ones.
    seed, restarts, max_iterations
        Of the random starts; how many, of which the best is kept; iterations of each at most.

    Returns
    -------
    Codebook

    Raises
    ------
    ValueError
        For empty or ill-shaped input.

    References
    ----------
    Hussain & Triggs (2012), as at the top of this module.

    Examples
    --------
    >>> corners = np.array([[0.0, 0, 0, 0], [1, 1, 1, 1]])
    >>> book = learn_codebook(np.array([0, 1, 14, 15]), np.array([5, 5, 3, 3]), n_centers=2, init=corners)
    >>> book.centers.tolist(), book.inertia
    ([[0.0, 0.0, 0.0, 0.5], [1.0, 1.0, 1.0, 0.5]], 4.0)
    """
    if points is None:
        points = 16 if init is None else np.shape(init)[-1]
    values, weights = _occurring(np.asarray(codes), np.asarray(counts, np.float64), n_centers, points)
    starts = _starts(init, values, weights, (n_centers, points), np.random.default_rng(seed), restarts)
    table = np.asarray(np.bincount(values, weights, 2**points), np.float64)
    return _best([lloyd(table.reshape(-1, min(256, 2**points)), start, max_iterations) for start in starts])


def _occurring(
    codes: npt.NDArray[Any], counts: Float64, n_centers: int, points: int
) -> tuple[Codes, Float64]:
    """The codes whose count is not 0, and these counts; ValueError for what `learn_codebook` cannot take."""
    check_points(points)
    if codes.ndim != 1 or codes.shape != counts.shape or not counts.any():
        raise ValueError(
            f"codes and counts must be equally long, with a count that is not 0: "
            f"{codes.shape}, {counts.shape}"
        )
    if codes.min() < 0 or codes.max() >= 2**points or counts.min() < 0:
        raise ValueError(f"codes must be from 0 to 2^{points} - 1 and counts must not be negative")
    if not 1 <= n_centers <= 256:
        raise ValueError(f"n_centers must be from 1 to 256, got {n_centers}")
    return codes[counts > 0].astype(np.uint16), counts[counts > 0]


def _starts(
    init: Float64 | None,
    codes: Codes,
    counts: Float64,
    shape: tuple[int, int],
    rng: np.random.Generator,
    restarts: int,
) -> list[Float64]:
    """Starting centres of shape (n_centers, P): the given ones alone, or `restarts` draws."""
    if init is None:
        return [_draw_centres(codes, counts, *shape, rng) for _ in range(restarts)]
    if np.shape(init) != shape:
        raise ValueError(f"init must have shape {shape}, got {np.shape(init)}")
    return [np.array(init, np.float64)]


def _draw_centres(
    codes: Codes, counts: Float64, n_centers: int, points: int, rng: np.random.Generator
) -> Float64:
    drawn = rng.choice(len(codes), min(n_centers, len(codes)), replace=False, p=counts / counts.sum())
    again = rng.choice(len(codes), n_centers - len(drawn))
    chosen = bits(codes[np.concatenate([drawn, again])], points)
    return np.asarray(chosen + rng.normal(0, 0.05, chosen.shape))


def _best(results: list[tuple[Float64, float]]) -> Codebook:
    """The codebook of the centres with the least inertia, of several (centres, inertia)."""
    centers, inertia = min(results, key=lambda result: result[1])
    nearest, _ = nearest_centres(*distance_tables(centers))
    return Codebook(centers, nearest.reshape(-1), inertia)
