"""Grey values of colour clips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]


def grey(frames: UInt8) -> UInt8:
    """(..., 3) uint8 RGB to (...) uint8 luma (ITU-R BT.601), rounded half up in 14-bit arithmetic.

    Raises
    ------
    ValueError
        For other shapes or types.

    Notes
    -----
    For the texture descriptors, which compare neighbours: these whole numbers are the same with every version
    of every library. The optical flows have OpenCV's own grey (`features.optical_flow.to_grey`), which is
    what their published numbers were made with; it differs by one level in 0.26 % of all colours, and
    moving either to the other would change published rows for nothing.
    """
    if frames.dtype != np.uint8 or frames.shape[-1:] != (3,):
        raise ValueError(
            f"frames must be uint8 with a last axis of 3 colours, got {frames.dtype}{frames.shape}"
        )
    weighted = frames[..., 0] * np.uint32(4899)
    weighted += frames[..., 1] * np.uint32(9617)
    weighted += frames[..., 2] * np.uint32(1868)
    return np.asarray((weighted + np.uint32(8192)) >> np.uint32(14), np.uint8)
