"""Landmarks by MediaPipe's face mesh: models inside the wheel, no network.

Notes
-----
Static image mode (video mode carries state from frame to frame). The mesh has no 300-W points; those below
are the mesh vertices nearest to them, in the order of the 68. The detector misses faces that are small in
the frame, of two such people sometimes the larger one, and faces that fill the frame. So where the whole
frame shows no face, or only one that is narrower than a quarter of the frame, squares of its short side are
looked at too, each half a square from the one before; where they show none either, the frame with a margin
of 30 % around it.

The mesh fits an upright face into whatever it is given, one that stands upside down too. So the detector's
score of each face is compared with its score of the same picture turned by 180 degrees; where the turned
one is clearly better, the mesh is fitted there and its points are turned back.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.landmarks.base import (
    Backend,
    BackendError,
    Float32,
    LandmarksNotFound,
    Log,
    Options,
    Sidecar,
    UInt8,
    any_over,
    drop_inner_corners,
    installed_version,
)

Float64 = npt.NDArray[np.float64]

REVISION = 3
VERSION = "0.10.21"
INSTALL = "pip install -e '.[facemesh]' && pip install --no-deps -r offline.txt"
MARGIN = 0.3
LARGE = 0.25
SURE = 0.5
MAX_FACES = 8
TURNED_IS_BETTER = 0.1

JAW = (127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
OUTER_LIP = (61, 40, 37, 0, 267, 270, 291, 405, 314, 17, 84, 181)
INNER_LIP = (78, 82, 13, 312, 308, 317, 14, 87)
VERTICES = (*JAW, *BROWS, *NOSE, *EYES, *OUTER_LIP, *INNER_LIP)

CHATTER = re.compile(rb"INFO: |WARNING: All log messages|[IW]\d{4} |$")
"""How lines begin in which MediaPipe and TensorFlow Lite speak of themselves."""

_lock = threading.Lock()
_models: dict[str, Any] = {}


class Window(NamedTuple):
    """A rectangle to look in, in pixels; it may reach beyond the frame. Right and bottom are exclusive."""

    top: int
    left: int
    bottom: int
    right: int


def identity() -> str:
    """Name, installed version and revision of the search.

    Raises
    ------
    BackendError
        Where MediaPipe is missing.
    """
    version = installed_version("mediapipe", _missing("it is not installed"))
    return f"facemesh/{version}/{REVISION}"


def ready(options: Options, log: Log) -> None:
    """Load the models once.

    Raises
    ------
    BackendError
        With the command that installs them.
    """
    with _lock:
        _model("mesh")
        _model("detector")


def faces(frame: UInt8, sidecar: Sidecar | None, options: Options) -> list[Float32]:
    """(66, 2) float32 of every face in an (H, W, 3) uint8 RGB frame.

    Raises
    ------
    LandmarksNotFound
        Where there is none.
    """
    found: list[tuple[float, Float64]] = []
    enough = LARGE * max(frame.shape[:2])
    with _lock:
        for windows in _stages(*frame.shape[:2]):
            found += [each for window in windows for each in _faces_in(frame, window)]
            if any(np.ptp(points[:, 0]) >= enough for _, points in found):
                break
    if not found:
        raise LandmarksNotFound(
            f"face mesh found no face in the frame ({frame.shape[1]}x{frame.shape[0]} pixels)"
        )
    return [drop_inner_corners(points) for points in _distinct(found)]


def shows(frame: UInt8, points: Float32, options: Options) -> bool:
    """Whether the detector is sure of a face around the points, or the mesh finds one there."""
    with _lock:
        if _score(_cut(frame, _around(points.astype(np.float64)))) >= SURE:
            return True
    try:
        return any_over(faces(frame, None, options), points)
    except LandmarksNotFound:
        return False


def _stages(height: int, width: int) -> Iterator[list[Window]]:
    """Where to look: the whole frame, squares side by side, the frame with a margin."""
    yield [Window(0, 0, height, width)]
    side, longer = min(height, width), max(height, width)
    starts = [*range(0, longer - side, max(1, side // 2)), longer - side] if longer > side else []
    corners = [(start, 0) if height > width else (0, start) for start in starts]
    yield [Window(top, left, top + side, left + side) for top, left in corners]
    rows, columns = round(MARGIN * height), round(MARGIN * width)
    yield [Window(-rows, -columns, height + rows, width + columns)]


def _faces_in(frame: UInt8, window: Window) -> list[tuple[float, Float64]]:
    """Each face of one window as (distance from the window's centre, (68, 2) points in the frame)."""
    centre = np.array([window.left + window.right, window.top + window.bottom]) / 2
    found = []
    for points in _fitted(_cut(frame, window), window):
        upright = _upside_down(frame, points)
        if upright is not None:
            found.append((float(np.linalg.norm(upright.mean(axis=0) - centre)), upright))
    return found


def _upside_down(frame: UInt8, points: Float64) -> Float64 | None:
    """The points, or those of the face upside down where that fits better; None where neither holds."""
    window = _around(points)
    cut = _cut(frame, window)
    turned = np.ascontiguousarray(cut[::-1, ::-1])
    if _score(turned) <= _score(cut) + TURNED_IS_BETTER:
        return points
    fitted = _fitted(turned, window)
    corners = np.array([window.left + window.right, window.top + window.bottom])
    return corners - fitted[0] if fitted else None


def _around(points: Float64) -> Window:
    """A square twice as large as a face, around it."""
    centre, side = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0).max()
    left, top = np.floor(centre - side).astype(int).tolist()
    right, bottom = np.ceil(centre + side).astype(int).tolist()
    return Window(top, left, bottom, right)


def _distinct(found: list[tuple[float, Float64]]) -> list[Float64]:
    """Faces without repetitions: of those that overlap, the one nearest to the centre of its window."""
    kept: list[Float64] = []
    for _, points in sorted(found, key=lambda each: each[0]):
        centre = points.mean(axis=0)
        if not any(((other.min(axis=0) < centre) & (centre < other.max(axis=0))).all() for other in kept):
            kept.append(points)
    return kept


def _cut(frame: UInt8, window: Window) -> UInt8:
    """The window's pixels; what lies beyond the frame repeats its border."""
    height, width = frame.shape[:2]
    inside = frame[max(window.top, 0) : window.bottom, max(window.left, 0) : window.right]
    beyond = (
        *(max(-window.top, 0), max(window.bottom - height, 0)),
        *(max(-window.left, 0), max(window.right - width, 0)),
    )
    return np.asarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE), dtype=np.uint8)


def _fitted(cut: UInt8, window: Window) -> list[Float64]:
    """(68, 2) points of each face in the cut-out window, in pixels of the frame."""
    corner = np.array([window.left, window.top])
    size = np.array([window.right - window.left, window.bottom - window.top])
    with _without_chatter():
        meshes = _model("mesh").process(cut).multi_face_landmarks or ()
    return [corner + size * [(mesh.landmark[i].x, mesh.landmark[i].y) for i in VERTICES] for mesh in meshes]


def _score(cut: UInt8) -> float:
    """The detector's score of its surest face, 0 where there is none."""
    with _without_chatter():
        found = _model("detector").process(cut).detections or ()
    return max((float(each.score[0]) for each in found), default=0.0)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """What MediaPipe's C++ says on stderr of its own workings is left out, its errors are not.

    It logs before its log is set up, so no setting of it has an effect.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not CHATTER.match(line):
                    os.write(2, line)


def _model(name: str) -> Any:
    """MediaPipe's mesh or its detector, loaded once."""
    if not _models:
        try:
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh
        except ImportError as error:
            raise BackendError(_missing(str(error))) from error
        blank = np.zeros((64, 64, 3), np.uint8)
        with _without_chatter():
            _models["detector"] = FaceDetection(model_selection=0, min_detection_confidence=0.1)
            _models["mesh"] = FaceMesh(static_image_mode=True, max_num_faces=MAX_FACES, refine_landmarks=True)
            # waits for their threads, which speak while they start
            for model in _models.values():
                model.process(blank)
    return _models[name]


def _missing(reason: str) -> str:
    return (
        f"the landmark back end facemesh needs mediapipe {VERSION} ({reason}); install it with\n"
        f"    {INSTALL}\nin the folder of this project (Python 3.11 or 3.12: it has no wheel for 3.13)"
    )


BACKEND = Backend(faces, identity, ready, shows)
