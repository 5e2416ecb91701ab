"""Temporal interpolation (TIM): clips of any length to a common number of frames.

Source: Zhou, Zhao and Pietikainen, "Towards a practical lipreading system", CVPR 2011.

Notes
-----
The published procedure embeds the frames in a path graph (mean, SVD, eigenvectors of the Laplacian,
W = (QQ')^-1 QV, synthesis at sin(pi j s + pi (n - j) / (2n))). Written out, everything that depends on the
frames cancels: what is left is trigonometric (DCT-II) interpolation along time, one small matrix for each
pair of lengths. Two departures follow: duplicated frames, which the SVD procedure refuses, are welcome;
and a single frame is repeated.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

BLOCK = 16_384
BYTES_BLOCK = 1_024
TIE = 1e-9
_PLUS, _MINUS = np.float32(1), np.float32(-1)
_UNIT = float(np.finfo(np.float32).eps) / 2
_ROUNDING = 4 * _UNIT + TIE
"""What the rounding of the half, and of the product in float64, add to an error."""


@lru_cache(maxsize=4096)
def tim_matrix(n: int, m: int) -> Float64:
    """The linear map along time from n frames to m, read-only.

    Parameters
    ----------
    n, m
        Numbers of frames before and after, both at least 1.

    Returns
    -------
    (m, n) float64
        Rows sum to 1. The first row is the first frame, the last row the last frame (with m = 1: the
        first frame); m = n is the identity.

    Raises
    ------
    ValueError
        If a length is below 1.
    """
    if n < 1 or m < 1:
        raise ValueError(f"TIM needs at least one frame before and after, got {n} -> {m}")
    positions = np.arange(m, dtype=np.int64) * (n - 1) / max(m - 1, 1)
    return _matrix_at(n, positions)


def timed_matrix(times: npt.ArrayLike, m: int) -> Float64:
    """As `tim_matrix`, from frames at these times to m frames that lie evenly from the first to the last.

    Between two frames time passes at an even pace, so a wanted time becomes a position among the frames.

    Parameters
    ----------
    times
        (n,) rising times of the frames, in any unit.
    m
        Number of frames after, at least 1.

    Returns
    -------
    (m, n) float64
        Rows sum to 1; the first row is the first frame, the last row the last frame. Equal to `tim_matrix`
        for times that lie evenly.

    Raises
    ------
    ValueError
        If a length is below 1 or the times do not rise.
    """
    given = np.asarray(times, np.float64)
    if len(given) < 1 or m < 1 or not (np.diff(given) > 0).all():
        raise ValueError(f"TIM needs rising times and at least one frame, got {len(given)} times -> {m}")
    wanted = np.linspace(given[0], given[-1], m)
    return _matrix_at(len(given), np.interp(wanted, given, np.arange(len(given))))


def _matrix_at(n: int, positions: Float64) -> Float64:
    """(len(positions), n): trigonometric interpolation at positions 0..n-1; a whole one is that frame."""
    j = np.arange(1, n)[:, None]
    at_frames = np.cos(np.pi * j * (np.arange(n) + 0.5) / n)
    at_positions = np.cos(np.pi * j * (positions + 0.5) / n)
    matrix = (1.0 + 2.0 * (at_positions.T @ at_frames)) / n
    on_a_frame = positions == np.floor(positions)
    matrix[on_a_frame] = np.eye(n)[positions[on_a_frame].astype(np.int64)]
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.setflags(write=False)
    return matrix


def tim(frames: npt.ArrayLike, length: int) -> Float64:
    """Interpolate frames along their first axis.

    Parameters
    ----------
    frames
        (n, ...) numbers of any shape and type, n >= 1.
    length
        Number of frames wanted, below, equal to or above n.

    Returns
    -------
    (length, ...) float64
        Not clipped: interpolation may over- and undershoot the values of the frames.

    Raises
    ------
    ValueError
        If there is no frame or `length` is below 1.

    References
    ----------
    Zhou, Zhao & Pietikainen (2011), as at the top of this module.

    Examples
    --------
    >>> tim([0, 1], 3)
    array([0. , 0.5, 1. ])
    """
    values = np.asarray(frames)
    if values.ndim == 0:
        raise ValueError("TIM needs frames along a first axis, got a single number")
    matrix = tim_matrix(len(values), length)
    flat = values.reshape(len(values), -1)
    out = np.empty((length, flat.shape[1]))
    for start in range(0, flat.shape[1], BLOCK):
        block = slice(start, start + BLOCK)
        np.matmul(matrix, flat[:, block].astype(np.float64), out=out[:, block])
    return out.reshape(length, *values.shape[1:])


def resample(clip: UInt8, length: int, times: npt.ArrayLike | None = None) -> UInt8:
    """Interpolate an 8-bit clip: `tim`, clipped to 0..255, rounded half up.

    Parameters
    ----------
    clip
        (n, ...) uint8, n >= 1.
    length
        Number of frames wanted.
    times
        (n,) rising times of the frames where they do not lie evenly; see `timed_matrix`.

    Returns
    -------
    (length, ...) uint8

    Raises
    ------
    TypeError
        If the clip is not uint8.
    ValueError
        If there is no frame or `length` is below 1.

    Notes
    -----
    The product is taken in float32, in blocks, so memory does not grow with the clip. What is multiplied are
    distances from the first frame, which are small. The map from evenly spaced frames is the same seen from
    either end: it is taken of sums and differences of the frames that lie as far from either, half the work.
    Its error is below a bound that is known beforehand (`_float32_error`); values that lie nearer than that
    to a half are taken again in float64. Values within 1e-9 below a half count as a half, so that the result
    does not depend on the order of a sum.

    References
    ----------
    Zhou, Zhao & Pietikainen (2011), as at the top of this module.

    Examples
    --------
    >>> resample(np.array([0, 255], np.uint8), 3)
    array([  0, 128, 255], dtype=uint8)
    """
    if clip.dtype != np.uint8:
        raise TypeError(f"resample takes uint8 frames, got {clip.dtype}")
    flat = clip.reshape(len(clip), -1)
    if times is None:
        out = _resampled(flat, tim_matrix(len(clip), length), (length + 1) // 2)
    else:
        out = _resampled(flat, timed_matrix(times, length), length)
    return out.reshape(length, *clip.shape[1:])


def _resampled(flat: UInt8, matrix: Float64, made: int) -> UInt8:
    """(m, w) from frames (n, w) and their map (m, n), whose rows from `made` on mirror the first ones."""
    from data_prep.loops import fold, unfold  # brings numba, which a prepared set does not need

    n = len(flat)
    mirrored = matrix[::-1].copy()
    even, odd = _folded(matrix[:made])
    unit = _float32_error(even, odd)
    out = np.empty((len(matrix), flat.shape[1]), dtype=np.uint8)
    for start in range(0, flat.shape[1], BYTES_BLOCK):
        block, to = flat[:, start : start + BYTES_BLOCK], out[:, start : start + BYTES_BLOCK]
        sums, differences = (np.empty((k, block.shape[1]), np.float32) for k in (n - n // 2, n // 2))
        error = unit * fold(block, sums, differences) + _ROUNDING
        a, b = even @ sums, odd @ differences
        unfold(a, b, _PLUS, error, matrix, block, 0.5 + TIE, to[:made])
        unfold(a, b, _MINUS, error, mirrored, block, 0.5 + TIE, to[made:][::-1])
    return out


def _folded(matrix: Float64) -> tuple[Float32, Float32]:
    """What a map along time is to sums, and to differences, of the frames that lie as far from either end."""
    n = matrix.shape[1]
    turned = matrix[:, ::-1]
    even, odd = (matrix + turned) / 2, (matrix - turned) / 2
    return even[:, : n - n // 2].astype(np.float32), odd[:, : n // 2].astype(np.float32)


def _float32_error(even: Float32, odd: Float32) -> float:
    """Upper bound of |float32 sums - exact product| of frames that are at most 1 from the first one.

    Higham's bound for a sum of n products in any order, gamma_n = n u / (1 - n u), with one more unit for
    the rounding of the matrix to float32 and three for adding both halves, the half and a margin.
    """
    terms = (even.shape[1] + 4) * _UNIT
    sizes = np.abs(even).sum(axis=1, dtype=np.float64) + np.abs(odd).sum(axis=1, dtype=np.float64)
    return float(terms / (1 - terms) * 2 * sizes.max())
