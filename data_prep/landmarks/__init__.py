"""66 facial landmarks of a clip's first frame, by one of several back ends.

The points are the 68 of 300-W in their order without the two inner mouth corners (0-based 60 and 64);
indices up to 59 are the same in both. A back end is chosen by name:

- `file`: a JSON sidecar beside the frames, as the simulator writes it;
- `face-alignment`: the FAN network; downloads two weight files at first use unless they are there;
- `facemesh`: MediaPipe's face mesh, whose models are inside its wheel, so it works offline;
- `template`: a mean shape scaled into a face that is already cropped.

A back end is imported when it is first used. An installed package adds one, a
`data_prep.landmarks.base.Backend`, through an entry point of the group `tlcnn_bench.landmarks`.
"""

from __future__ import annotations

from pathlib import Path

from basis.registry import Registry
from data_prep.landmarks.base import (
    Backend,
    BackendError,
    Face,
    Float32,
    LandmarksNotFound,
    Options,
    Sidecar,
    UInt8,
    drop_inner_corners,
    largest_face,
)
from data_prep.landmarks.file import read_landmark_file
from data_prep.landmarks.template import MEAN_SHAPE, mean_shape

BACKENDS = Registry(
    "landmark back end",
    {
        "file": "data_prep.landmarks.file:BACKEND",
        "face-alignment": "data_prep.landmarks.face_alignment:BACKEND",
        "facemesh": "data_prep.landmarks.facemesh:BACKEND",
        "template": "data_prep.landmarks.template:BACKEND",
    },
    group="tlcnn_bench.landmarks",
    error=BackendError,
)


def backend_named(name: str) -> Backend:
    """The back end of that name; an unknown name is a BackendError that lists the valid ones."""
    backend: Backend = BACKENDS.load(name)
    return backend


def find_face(
    backend: str, frame: UInt8, sidecar: Sidecar | None = None, options: Options | None = None
) -> Face:
    """The largest upright face of one frame, and how many others it shows.

    Parameters
    ----------
    backend
        A name of `BACKENDS`.
    frame
        (H, W, 3) uint8 RGB: the raw first frame of a clip.
    sidecar
        The landmark file and the frame's name in it, or None.
    options
        Device and weights folder, for the back ends that have them.

    Raises
    ------
    LandmarksNotFound
        If this frame or file yields no face, or the largest one lies on its side or stands upside down.
    BackendError
        If the back end is unknown or cannot work here.
    """
    return largest_face(backend_named(backend).faces(frame, sidecar, options or Options()), backend)


def find_landmarks(
    backend: str, frame: UInt8, annotations: str | None, options: Options | None = None
) -> Float32:
    """(66, 2) float32 landmarks of the largest face: x and y in pixels, pixel centres at whole numbers.

    Other parameters and errors are those of `find_face`.

    Parameters
    ----------
    backend, frame, options
        As in `find_face`.
    annotations
        Path of the sidecar file, or None; whatever frame it names.
    """
    sidecar = None if annotations is None else Sidecar(Path(annotations))
    return find_face(backend, frame, sidecar, options).points


__all__ = [
    "BACKENDS",
    "MEAN_SHAPE",
    "Backend",
    "BackendError",
    "Face",
    "LandmarksNotFound",
    "Options",
    "Sidecar",
    "backend_named",
    "drop_inner_corners",
    "find_face",
    "find_landmarks",
    "mean_shape",
    "read_landmark_file",
]
