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
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

BLOCK = 16_384
BYTES_BLOCK = 4_096
TIE = 1e-9


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
    The product is taken in float32, in blocks, so memory does not grow with the clip. Its error is below a
    bound that is known beforehand (`_float32_error`); values that lie nearer than that to a half are taken
    again in float64. Values within 1e-9 below a half count as a half, so that the result does not depend on
    the order of a sum.

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
    matrix = tim_matrix(len(clip), length) if times is None else timed_matrix(times, length)
    flat = clip.reshape(len(clip), -1)
    out = np.empty((length, flat.shape[1]), dtype=np.uint8)
    single = matrix.astype(np.float32)
    error = _float32_error(matrix)
    for start in range(0, flat.shape[1], BYTES_BLOCK):
        block = slice(start, start + BYTES_BLOCK)
        _resample_block(flat[:, block], matrix, single, error, out[:, block])
    return out.reshape(length, *clip.shape[1:])


def _float32_error(matrix: Float64) -> float:
    """Upper bound of |float32 product - exact product| for values 0..255, with the sum that rounding adds.

    Higham's bound for a sum of n products in any order, gamma_n = n u / (1 - n u), one more unit for the
    rounding of the matrix to float32 and one for adding the half.
    """
    unit = float(np.finfo(np.float32).eps) / 2
    terms = (matrix.shape[1] + 2) * unit
    return float(terms / (1 - terms) * 255 * np.abs(matrix).sum(axis=1).max() + 256 * unit + TIE)


def _resample_block(flat: UInt8, matrix: Float64, single: npt.NDArray[Any], error: float, out: UInt8) -> None:
    from data_prep.frame_loops import round_to_bytes  # brings numba, which a prepared set does not need

    values = single @ flat.astype(np.float32)
    doubtful = np.empty((values.size, 2), np.int32)
    found = round_to_bytes(values, error, out, doubtful)
    if found:
        rows, columns = doubtful[:found].T
        exact = np.einsum("in,ni->i", matrix[rows], flat[:, columns].astype(np.float64))
        out[rows, columns] = np.clip(np.floor(exact + (0.5 + TIE)), 0, 255)
