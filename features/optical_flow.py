"""Dense optical flow of a clip, from its first frame or between neighbours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
FlowOfPair = Callable[[UInt8, UInt8], Float32]

SMALLEST_SIDE = 12
"""Frames with a shorter side are refused: below it DIS cannot run and Farneback returns border effects."""


def flow_from_first(frames: npt.NDArray[np.uint8], algorithm: str = "farneback") -> Float32:
    """Displacement of every pixel of the first frame to each later frame.

    Parameters
    ----------
    frames
        (T, H, W) grey or (T, H, W, 3) RGB, uint8, T >= 2, sides of at least 12 pixels.
    algorithm
        A name in `ALGORITHMS`.

    Returns
    -------
    (T-1, H, W, 2) float32
        u (right) then v (down), in pixels on the first frame's grid.

    Raises
    ------
    ValueError
        For other input or an unknown name.

    Notes
    -----
    RGB becomes grey by OpenCV's rounded 0.299 R + 0.587 G + 0.114 B. OpenCV runs with one thread here,
    because clips are what runs side by side; equal input gives equal bits.

    References
    ----------
    Farneback, "Two-frame motion estimation based on polynomial expansion", SCIA 2003, for the default;
    Kroeger, Timofte, Dai & Van Gool, "Fast optical flow using dense inverse search", ECCV 2016, for "dis".

    Examples
    --------
    A pattern of waves that moves to the right by a pixel a frame:

    >>> y, x = np.mgrid[:48, :48]
    >>> waves = [127 + 60 * np.sin((x - t) / 3) + 60 * np.sin(y / 4) for t in range(3)]
    >>> flow = flow_from_first(np.array(waves, np.uint8))
    >>> flow.shape, flow.dtype
    ((2, 48, 48, 2), dtype('float32'))
    >>> np.allclose(flow[:, 12:-12, 12:-12].mean(axis=(1, 2)), [[1, 0], [2, 0]], atol=0.01)
    True
    """
    pair, grey = _prepare(frames, algorithm)
    with _one_cv2_thread():
        return np.stack([pair(grey[0], later) for later in grey[1:]])


def flow_between_neighbours(frames: npt.NDArray[np.uint8], algorithm: str = "farneback") -> Float32:
    """Displacement from every frame to the next.

    Parameters
    ----------
    frames, algorithm
        As in `flow_from_first`.

    Returns
    -------
    (T-1, H, W, 2) float32
        u (right) then v (down), in pixels; field t is on the grid of frame t and leads to frame t + 1.

    Raises
    ------
    ValueError
        As `flow_from_first`.

    References
    ----------
    As in `flow_from_first`.

    Examples
    --------
    A pattern of waves that moves to the right by a pixel a frame:

    >>> y, x = np.mgrid[:48, :48]
    >>> waves = [127 + 60 * np.sin((x - t) / 3) + 60 * np.sin(y / 4) for t in range(3)]
    >>> flow = flow_between_neighbours(np.array(waves, np.uint8))
    >>> np.allclose(flow[:, 12:-12, 12:-12].mean(axis=(1, 2)), [1, 0], atol=0.01)
    True
    """
    pair, grey = _prepare(frames, algorithm)
    with _one_cv2_thread():
        return np.stack([pair(first, second) for first, second in pairwise(grey)])


def to_grey(frames: npt.NDArray[np.uint8]) -> UInt8:
    """(T, H, W) or RGB (T, H, W, 3) uint8 to contiguous grey (T, H, W) uint8 by OpenCV's luma weights.

    OpenCV's grey for OpenCV's flows; the texture descriptors have `features.colour.grey`, which says why.

    Raises
    ------
    ValueError
        For other shapes or types.
    """
    colour = frames.ndim == 4 and frames.shape[-1] == 3
    if frames.dtype != np.uint8 or not (frames.ndim == 3 or colour):
        raise ValueError(
            f"frames must be uint8 of shape (T, H, W) or (T, H, W, 3), got {frames.dtype} {frames.shape}"
        )
    if not colour:
        return np.ascontiguousarray(frames)
    t, h, w, _ = frames.shape
    tall = np.ascontiguousarray(frames).reshape(t * h, w, 3)
    return np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY), np.uint8).reshape(t, h, w)


def _prepare(frames: npt.NDArray[np.uint8], algorithm: str) -> tuple[FlowOfPair, UInt8]:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm!r} is not a flow algorithm, must be one of {sorted(ALGORITHMS)}")
    grey = to_grey(frames)
    if len(grey) < 2:
        raise ValueError(f"flow needs at least 2 frames, got {len(grey)}")
    if min(grey.shape[1:]) < SMALLEST_SIDE:
        raise ValueError(
            f"frames of {grey.shape[1]} x {grey.shape[2]} pixels are too small for optical flow: "
            f"both sides must be at least {SMALLEST_SIDE}"
        )
    return ALGORITHMS[algorithm](), grey


_threads_lock = threading.Lock()
_threads_state = {"users": 0, "before": 0}


@contextmanager
def _one_cv2_thread() -> Iterator[None]:
    """Hold OpenCV at one thread while at least one caller, in any Python thread, is inside."""
    with _threads_lock:
        if _threads_state["users"] == 0:
            _threads_state["before"] = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _threads_state["users"] += 1
    try:
        yield
    finally:
        with _threads_lock:
            _threads_state["users"] -= 1
            if _threads_state["users"] == 0:
                cv2.setNumThreads(_threads_state["before"])


def _farneback() -> FlowOfPair:
    """Farneback (2003): pyramid scale 0.5, 3 levels, window 15, 3 iterations, polynomials of 5 px, 1.2."""

    def pair(first: UInt8, second: UInt8) -> Float32:
        return np.asarray(
            cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0),
            np.float32,
        )

    return pair


def _dis() -> FlowOfPair:
    """DIS (Kroeger et al. 2016), MEDIUM preset carried on to full resolution.

    Every preset stops at a coarser scale and loses up to half of a sub-pixel displacement.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setFinestScale(0)

    def pair(first: UInt8, second: UInt8) -> Float32:
        return np.asarray(estimator.calc(first, second, None), np.float32)

    return pair


def _ilk() -> FlowOfPair:
    """Iterative Lucas-Kanade of scikit-image with its defaults."""
    from skimage.registration import optical_flow_ilk

    def pair(first: UInt8, second: UInt8) -> Float32:
        return _swapped(optical_flow_ilk(first, second, dtype=np.float32))

    return pair


def _tvl1_skimage() -> FlowOfPair:
    """TV-L1 of scikit-image with its defaults."""
    from skimage.registration import optical_flow_tvl1

    def pair(first: UInt8, second: UInt8) -> Float32:
        return _swapped(optical_flow_tvl1(first, second, dtype=np.float32))

    return pair


def _tvl1() -> FlowOfPair:
    """TV-L1 (Zach et al. 2007): tau .25, lambda .15, theta .3, 5 scales by .8, 5 warps, epsilon .01, 30 x 10.

    The parameters are those of OpenCV's defaults, written out: 30 inner and 10 outer iterations, median
    filter of 5, gamma 0. The field's flow images are made with it.
    """
    estimator: Any = getattr(cv2, "optflow").DualTVL1OpticalFlow.create()  # noqa: B009 - mypy sees none
    for name, value in _TVL1.items():
        getattr(estimator, f"set{name}")(value)

    def pair(first: UInt8, second: UInt8) -> Float32:
        return np.asarray(estimator.calc(first, second, None), np.float32)

    return pair


_TVL1 = {
    "Tau": 0.25,
    "Lambda": 0.15,
    "Theta": 0.3,
    "ScalesNumber": 5,
    "ScaleStep": 0.8,
    "WarpingsNumber": 5,
    "Epsilon": 0.01,
    "InnerIterations": 30,
    "OuterIterations": 10,
    "MedianFiltering": 5,
    "Gamma": 0.0,
}


def _swapped(rows_columns: npt.NDArray[Any]) -> Float32:
    """(2, H, W) row and column displacements to (H, W, 2) u, v."""
    return np.ascontiguousarray(np.stack([rows_columns[1], rows_columns[0]], axis=-1), np.float32)


ALGORITHMS: dict[str, Callable[[], FlowOfPair]] = {
    "farneback": _farneback,
    "dis": _dis,
    "ilk": _ilk,
    "tvl1-skimage": _tvl1_skimage,
}
"""Name to a function that makes an estimator of one pair; estimators are not shared between threads.

"tvl1" is there where OpenCV has its contributed modules, which the pinned package lacks.
"""

if hasattr(cv2, "optflow"):
    ALGORITHMS["tvl1"] = _tvl1
