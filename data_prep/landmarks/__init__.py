"""66 facial landmarks of a clip's first frame, by one of several back ends.

The points are the 68 of 300-W in their order without the two inner mouth corners (0-based 60 and 64);
indices up to 59 are the same in both. A back end is chosen by name:

- `file`: a JSON sidecar beside the frames, as the simulator writes it;
- `face-alignment`: the FAN network; downloads two weight files at first use unless they are there;
- `facemesh`: MediaPipe's face mesh, whose models are inside its wheel, so it works offline;
- `template`: a mean shape scaled into a face that is already cropped.

Back ends import what they need when they are first used.
"""

from __future__ import annotations

import difflib
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.errors import Mendable
from data_prep import crop

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Log = Callable[[str], None]

DROPPED_OF_68 = (60, 64)
MAX_FILE_BYTES = 2**20


class LandmarksNotFound(Mendable, ValueError):
    """No usable face in this frame or file; the clip is set aside with this reason."""


class BackendError(Mendable, RuntimeError):
    """A back end that cannot work here at all; the message says what to install or where to put a file."""


@dataclass(frozen=True)
class Options:
    """device: "cpu" or "cuda", None picks CUDA where there is one; weights: folder with weight files."""

    device: str | None = None
    weights: Path | None = None


@dataclass(frozen=True)
class Backend:
    """One way to find landmarks.

    find: (H, W, 3) uint8 RGB frame, annotation path or None, options -> (66, 2) float32;
    identity: name and version, which become part of the prepared data's digest; it must be cheap;
    ready: makes sure that the back end can work, and says what it is going to download before it does.
    """

    find: Callable[[UInt8, str | None, Options], Float32]
    identity: Callable[[], str]
    ready: Callable[[Options, Log], None]


def find_landmarks(
    backend: str, frame: UInt8, annotations: str | None, options: Options | None = None
) -> Float32:
    """Landmarks of one frame.

    Parameters
    ----------
    backend
        A name of `BACKENDS`.
    frame
        (H, W, 3) uint8 RGB: the raw first frame of a clip.
    annotations
        Path of the sidecar file, or None.
    options
        Device and weights folder, for the back ends that have them.

    Returns
    -------
    (66, 2) float32
        x and y in pixels, pixel centres at whole numbers.

    Raises
    ------
    LandmarksNotFound
        If this frame or file yields no face.
    BackendError
        If the back end is unknown or cannot work here.
    """
    points = backend_named(backend).find(frame, annotations, options or Options())
    if points.shape != (66, 2) or not np.isfinite(points).all():
        raise LandmarksNotFound(f"the back end {backend} gave no 66 finite points, but shape {points.shape}")
    return points


def backend_named(name: str) -> Backend:
    """The back end of that name; an unknown name is a BackendError that lists the valid ones."""
    if name not in BACKENDS:
        near = difflib.get_close_matches(name, BACKENDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise BackendError(f"{name!r} is no landmark back end, must be one of {', '.join(BACKENDS)}{hint}")
    return BACKENDS[name]


def drop_inner_corners(points: npt.NDArray[Any]) -> Float32:
    """(68, 2) points of 300-W to the 66 used here, float32."""
    return np.delete(np.asarray(points, dtype=np.float32), DROPPED_OF_68, axis=0)


def read_landmark_file(path: Path) -> Float32:
    """Read a sidecar: `{"points": [[x, y], ...], ...}` with 66 points, or 68 of which two are dropped.

    Returns
    -------
    (66, 2) float32

    Raises
    ------
    LandmarksNotFound
        If the file is missing, too large, no JSON, or has other points; the message names the file.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise LandmarksNotFound(f"{path}: no regular file of at most {MAX_FILE_BYTES} bytes")
        body = json.loads(path.read_bytes())
        points = np.asarray(body["points"], dtype=np.float64)
    except OSError as error:
        raise LandmarksNotFound(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, ArithmeticError, RecursionError, KeyError, TypeError) as error:
        raise LandmarksNotFound(f'{path}: no JSON with "points": [[x, y], ...] ({error})') from error
    if points.shape not in {(66, 2), (68, 2)} or not np.isfinite(points).all():
        raise LandmarksNotFound(f"{path}: 66 (or 68) finite points are needed, it has shape {points.shape}")
    return drop_inner_corners(points) if len(points) == 68 else points.astype(np.float32)


def _from_file(frame: UInt8, annotations: str | None, options: Options) -> Float32:
    if annotations is None:
        raise LandmarksNotFound(
            "no landmark file (landmarks.json) lies beside the frames; for data without such files choose "
            "the back end face-alignment, facemesh or template"
        )
    return read_landmark_file(Path(annotations))


def _from_template(frame: UInt8, annotations: str | None, options: Options) -> Float32:
    """The mean shape placed so that the face rectangle of `crop` is the whole frame."""
    return mean_shape(*frame.shape[:2])


def mean_shape(height: int, width: int) -> Float32:
    """(66, 2) float32: the mean shape in a prepared frame of this size, below the raised brows' strip."""
    shape = np.asarray(MEAN_SHAPE)
    above = crop.RAISED * float(shape[45, 0] - shape[36, 0]) * width / height
    span = np.array([width, height / (1 + above)])
    return np.asarray(shape * span + (0.0, height - span[1]) - 0.5, dtype=np.float32)


def _from_facemesh(frame: UInt8, annotations: str | None, options: Options) -> Float32:
    from data_prep.landmarks import facemesh as landmarks_facemesh

    return landmarks_facemesh.find(frame)


def _facemesh_identity() -> str:
    from data_prep.landmarks import facemesh as landmarks_facemesh

    return landmarks_facemesh.identity()


def _facemesh_ready(options: Options, log: Log) -> None:
    from data_prep.landmarks import facemesh as landmarks_facemesh

    landmarks_facemesh.ready()


def _from_face_alignment(frame: UInt8, annotations: str | None, options: Options) -> Float32:
    from data_prep.landmarks import face_alignment as landmarks_face_alignment

    return landmarks_face_alignment.find(frame, options)


def _face_alignment_identity() -> str:
    from data_prep.landmarks import face_alignment as landmarks_face_alignment

    return landmarks_face_alignment.identity()


def _face_alignment_ready(options: Options, log: Log) -> None:
    from data_prep.landmarks import face_alignment as landmarks_face_alignment

    landmarks_face_alignment.ready(options, log)


def _always_ready(options: Options, log: Log) -> None:
    """Nothing to load."""


BACKENDS: dict[str, Backend] = {
    "file": Backend(_from_file, lambda: "file/1", _always_ready),
    "face-alignment": Backend(_from_face_alignment, _face_alignment_identity, _face_alignment_ready),
    "facemesh": Backend(_from_facemesh, _facemesh_identity, _facemesh_ready),
    "template": Backend(_from_template, lambda: "template/1", _always_ready),
}

MEAN_SHAPE: tuple[tuple[float, float], ...] = (
    (0.0, 0.172),
    (0.002, 0.27),
    (0.016, 0.481),
    (0.042, 0.599),
    (0.083, 0.697),
    (0.133, 0.773),
    (0.26, 0.9),
    (0.4, 0.987),
    (0.5, 1.0),
    (0.6, 0.987),
    (0.74, 0.9),
    (0.867, 0.773),
    (0.917, 0.697),
    (0.958, 0.599),
    (0.984, 0.481),
    (0.998, 0.27),
    (1.0, 0.172),
    (0.09, 0.054),
    (0.134, 0.018),
    (0.202, 0.0),
    (0.29, 0.006),
    (0.391, 0.021),
    (0.609, 0.021),
    (0.71, 0.006),
    (0.798, 0.0),
    (0.866, 0.018),
    (0.91, 0.054),
    (0.5, 0.132),
    (0.5, 0.244),
    (0.5, 0.351),
    (0.5, 0.417),
    (0.383, 0.455),
    (0.43, 0.482),
    (0.5, 0.493),
    (0.57, 0.482),
    (0.617, 0.455),
    (0.168, 0.156),
    (0.212, 0.119),
    (0.29, 0.116),
    (0.37, 0.175),
    (0.3, 0.186),
    (0.226, 0.185),
    (0.63, 0.175),
    (0.71, 0.116),
    (0.788, 0.119),
    (0.832, 0.156),
    (0.774, 0.185),
    (0.7, 0.186),
    (0.31, 0.645),
    (0.37, 0.615),
    (0.445, 0.6),
    (0.5, 0.607),
    (0.555, 0.6),
    (0.63, 0.615),
    (0.69, 0.645),
    (0.63, 0.69),
    (0.565, 0.712),
    (0.5, 0.717),
    (0.435, 0.712),
    (0.37, 0.69),
    (0.44, 0.643),
    (0.5, 0.645),
    (0.56, 0.643),
    (0.56, 0.648),
    (0.5, 0.65),
    (0.44, 0.648),
)
"""(66, 2): x and y of a frontal neutral face in the rectangle that its landmarks span.

Measured with the face mesh on one frontal photograph, made symmetric; the mouth is closed by hand.
"""
