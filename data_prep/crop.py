"""The face rectangle of a clip, and frames cut to it.

One rectangle, from the first frame's landmarks, serves all frames of a clip: a rectangle that follows the
face would add its own jitter to movements of half a pixel.

Notes
-----
The paper: one rectangle that just contains the 66 landmarks of the first frame. Ours adds a strip above
the brows, 0.104 of the distance of the outer eye corners (landmarks 36 and 45): as far as MDMO's raised
brow regions reach, which a tight rectangle would cut off. It is rounded outwards to whole pixels and then
clipped to the image: it shrinks and is never padded. A rectangle that loses more than half of its area, or
has a side under 16 pixels, is an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

POLICY = "landmarks+raised-brows,clipped,area-or-linear,1"
RAISED = 0.104
LEAST_AREA = 0.5
LEAST_SIDE = 16


class CropError(ValueError):
    """Landmarks from which no usable rectangle follows; the message says which numbers are wrong."""


class Box(NamedTuple):
    """A rectangle in whole pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left


def face_box(landmarks: npt.NDArray[Any], image_size: tuple[int, int]) -> Box:
    """The rectangle of a face.

    Parameters
    ----------
    landmarks
        (66, 2) x and y in pixels of the first frame.
    image_size
        (height, width) of the frame.

    Raises
    ------
    CropError
        If landmarks are not finite or span nothing, or too little of the rectangle lies in the image.
    """
    if landmarks.shape != (66, 2) or not np.isfinite(landmarks).all():
        raise CropError(f"66 finite landmarks are needed, got an array of shape {landmarks.shape}")
    (x0, y0), (x1, y1) = landmarks.min(axis=0).tolist(), landmarks.max(axis=0).tolist()
    raised = RAISED * float(np.linalg.norm(landmarks[45] - landmarks[36]))
    left, right = np.floor(x0), np.ceil(x1) + 1
    top, bottom = np.floor(y0 - raised), np.ceil(y1) + 1
    wanted = max(right - left, 1.0) * max(bottom - top, 1.0)
    rows, columns = image_size
    box = Box(
        int(np.clip(left, 0, columns)),
        int(np.clip(top, 0, rows)),
        int(np.clip(right, 0, columns)),
        int(np.clip(bottom, 0, rows)),
    )
    seen = f"the landmarks span x {x0:.0f}..{x1:.0f} and y {y0:.0f}..{y1:.0f} in a frame of {columns}x{rows}"
    if box.height * box.width < LEAST_AREA * wanted:
        raise CropError(f"more than half of the face rectangle lies outside the frame: {seen}")
    if min(box.height, box.width) < LEAST_SIDE:
        raise CropError(f"the face rectangle has a side under {LEAST_SIDE} pixels: {seen}")
    return box


def crop(frame: UInt8, box: Box, size: tuple[int, int], out: UInt8 | None = None) -> UInt8:
    """Cut a frame to the rectangle and resize it.

    Parameters
    ----------
    frame
        (H, W, 3) uint8.
    box
        Rectangle inside the frame.
    size
        (height, width) wanted; the rectangle is stretched to it.
    out
        (height, width, 3) uint8 in one piece of memory, to be filled and returned in place of a new array.

    Returns
    -------
    (height, width, 3) uint8
        Area averaging (as cv2.INTER_AREA) where neither side grows, bilinear (cv2.INTER_LINEAR) otherwise.
    """
    (height, width), rows, columns = size, box.height, box.width
    made = np.empty((height, width, 3), np.uint8) if out is None else out
    shrinks = height <= rows and width <= columns
    if shrinks and (rows % height or columns % width):
        from data_prep.loops import area_average  # brings numba, which a prepared set does not need

        whole = np.ascontiguousarray(frame)
        return area_average(whole, box.top, box.left, (rows, columns), made)
    cut = frame[box.top : box.bottom, box.left : box.right]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    made[:] = cv2.resize(cut, (width, height), interpolation=method)
    return made


def crop_landmarks(landmarks: npt.NDArray[Any], box: Box, size: tuple[int, int]) -> Float32:
    """Landmarks in pixels of the cropped and resized frame.

    Parameters
    ----------
    landmarks
        (66, 2) or (n, 66, 2) x and y in pixels of the raw frame, pixel centres at whole numbers.
    box, size
        As given to `crop`.

    Returns
    -------
    the same shape, float32
        Points outside the rectangle keep coordinates outside the frame.
    """
    height, width = size
    scale = np.array([width / box.width, height / box.height])
    origin = np.array([box.left, box.top])
    return np.asarray((landmarks + 0.5 - origin) * scale - 0.5, dtype=np.float32)
