"""Landmarks by MediaPipe's face mesh: models inside the wheel, no network.

Notes
-----
Static image mode (video mode carries state from frame to frame). The mesh has no 300-W points; those below
are the mesh vertices nearest to them, in the order of the 68. The detector misses faces that fill the frame
and faces that are small in it. So where the whole frame shows no face, it is tried again with a margin of
30 % around it, and then in squares of its short side, each half a square from the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.landmarks import BackendError, LandmarksNotFound, drop_inner_corners

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

REVISION = 2
VERSION = "0.10.21"
INSTALL = "pip install --no-deps -r offline.txt"
MARGIN = 0.3

JAW = (127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIP = (61, 40, 37, 0, 267, 270, 291, 405, 314, 17, 84, 181)
INNER_LIP = (78, 82, 13, 312, 308, 317, 14, 87)
VERTICES = (*JAW, *BROWS, *NOSE, *EYES, *OUTER_LIP, *INNER_LIP)

_lock = threading.Lock()
_meshes: list[Any] = []


def identity() -> str:
    """Name, installed version and revision of the search; raises BackendError where MediaPipe is missing."""
    try:
        return f"facemesh/{metadata.version('mediapipe')}/{REVISION}"
    except metadata.PackageNotFoundError as error:
        raise BackendError(_missing("it is not installed")) from error


def ready() -> None:
    """Load the model once; raises BackendError with the command that installs it."""
    with _lock:
        _mesh()


def find(frame: UInt8) -> Float32:
    """(66, 2) float32 of the face in an (H, W, 3) uint8 RGB frame; raises LandmarksNotFound."""
    with _lock:
        mesh = _mesh()
        for window in _windows(*frame.shape[:2]):
            points = _points(mesh, frame, *window)
            if points is not None:
                return drop_inner_corners(points)
    raise LandmarksNotFound(
        f"face mesh found no face in the first frame ({frame.shape[1]}x{frame.shape[0]} pixels)"
    )


def _windows(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Where to look, as (top, left, bottom, right), which may reach beyond the frame."""
    yield 0, 0, height, width
    rows, columns = round(MARGIN * height), round(MARGIN * width)
    yield -rows, -columns, height + rows, width + columns
    side = min(height, width)
    if max(height, width) > side:
        for start in (*range(0, max(height, width) - side, max(1, side // 2)), max(height, width) - side):
            top, left = (start, 0) if height > width else (0, start)
            yield top, left, top + side, left + side


def _points(
    mesh: Any, frame: UInt8, top: int, left: int, bottom: int, right: int
) -> npt.NDArray[np.float64] | None:
    """(68, 2) points of the face in one window, in pixels of the frame; None if there is no face."""
    height, width = frame.shape[:2]
    inside = frame[max(top, 0) : bottom, max(left, 0) : right]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    padded = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
    faces = mesh.process(padded).multi_face_landmarks
    if not faces:
        return None
    points = faces[0].landmark
    x = [left - 0.5 + points[i].x * (right - left) for i in VERTICES]
    y = [top - 0.5 + points[i].y * (bottom - top) for i in VERTICES]
    return np.array([x, y]).T


def _mesh() -> Any:
    if not _meshes:
        try:
            from mediapipe.python.solutions.face_mesh import FaceMesh
        except ImportError as error:
            raise BackendError(_missing(str(error))) from error
        _meshes.append(FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True))
    return _meshes[0]


def _missing(reason: str) -> str:
    return (
        f"the landmark back end facemesh needs mediapipe {VERSION} ({reason}); install it with\n"
        f"    {INSTALL}\nin the folder of this project"
    )
