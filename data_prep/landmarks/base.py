"""What every landmark back end is and may raise, and the rules that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.errors import Mendable

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Log = Callable[[str], None]

DROPPED_OF_68 = (60, 64)
LARGEST_TILT = 60.0
_EYES, _MOUTH = slice(36, 48), slice(48, 66)


class LandmarksNotFound(Mendable, ValueError):
    """No usable face in this frame or file; the clip is set aside with this reason."""


class BackendError(Mendable, RuntimeError):
    """A back end that cannot work here at all; the message says what to install or where to put a file."""


@dataclass(frozen=True)
class Options:
    """What a back end that computes is told.

    Attributes
    ----------
    device
        "cpu" or "cuda"; None picks CUDA where there is one.
    weights
        Folder with weight files.
    """

    device: str | None = None
    weights: Path | None = None


@dataclass(frozen=True)
class Sidecar:
    """A landmark file beside the frames, and how the frame that is asked for is called there.

    Attributes
    ----------
    frame
        The picture's file name, or the number of a video's frame, counted from 1; None for a frame that has
        no name.
    """

    path: Path | str
    frame: str | int | None = None


@dataclass(frozen=True)
class Backend:
    """One way to find landmarks.

    Attributes
    ----------
    faces
        (H, W, 3) uint8 RGB frame, sidecar or None, options -> (66, 2) float32 for each face in it, in any
        order; LandmarksNotFound where there is none.
    identity
        Name and version, which become part of the prepared data's digest; it must be cheap.
    ready
        Makes sure that the back end can work, and says what it is going to download before it does.
    shows
        Whether a later frame still shows the face of these (66, 2) points there, of a back end that looks at
        pixels; None of one that does not.
    """

    faces: Callable[[UInt8, Sidecar | None, Options], Sequence[Float32]]
    identity: Callable[[], str]
    ready: Callable[[Options, Log], None]
    shows: Callable[[UInt8, Float32, Options], bool] | None = None


@dataclass(frozen=True)
class Face:
    """The largest face of a frame: points (66, 2) float32, and how many others there are."""

    points: Float32
    others: int = 0


def installed_version(distribution: str, missing: str) -> str:
    """The version of the library that a back end needs; BackendError with `missing` where it is not there."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError as error:
        raise BackendError(missing) from error


def largest_face(faces: Sequence[Float32], backend: str) -> Face:
    """The face whose landmarks span the largest rectangle, if it stands upright.

    Raises
    ------
    LandmarksNotFound
        For points of another shape, that are not finite, or of a face that lies on its side or stands upside
        down.
    """
    for points in faces:
        if points.shape != (66, 2) or not np.isfinite(points).all():
            raise LandmarksNotFound(
                f"the back end {backend} gave no 66 finite points, but shape {points.shape}"
            )
    if not faces:
        raise LandmarksNotFound(f"the back end {backend} found no face")
    largest = max(faces, key=lambda points: float(np.prod(np.ptp(points, axis=0))))
    tilt = tilt_of(largest)
    if abs(tilt) > LARGEST_TILT:
        lies = "stands upside down" if abs(tilt) > 180 - LARGEST_TILT else "lies on its side"
        raise LandmarksNotFound(
            f"the face {lies}: its eyes are {abs(tilt):.0f} degrees away from above its mouth, at most "
            f"{LARGEST_TILT:.0f} are read; turn the frames upright"
        )
    return Face(largest, len(faces) - 1)


def tilt_of(points: npt.NDArray[Any]) -> float:
    """Degrees from straight up to the line from the mouth to the eyes, clockwise in the picture.

    0 for an upright face, 180 for one upside down; 0 where eyes and mouth coincide, since `crop.face_box`
    refuses such points.

    Parameters
    ----------
    points
        (66, 2), y downwards.
    """
    x, y = np.asarray(points[_EYES].mean(axis=0) - points[_MOUTH].mean(axis=0), dtype=np.float64)
    return float(np.degrees(np.arctan2(x, -y))) if x or y else 0.0


def any_over(faces: Sequence[Float32], points: Float32) -> bool:
    """Whether the centre of one of these faces lies in the rectangle that the points span."""
    low, high = points.min(axis=0), points.max(axis=0)
    return any(bool(((low < centre) & (centre < high)).all()) for centre in (f.mean(axis=0) for f in faces))


def drop_inner_corners(points: npt.NDArray[Any]) -> Float32:
    """(68, 2) points of 300-W to the 66 used here, float32."""
    return np.delete(np.asarray(points, dtype=np.float32), DROPPED_OF_68, axis=0)


def nothing_to_load(options: Options, log: Log) -> None:
    """`Backend.ready` of a back end that needs no files."""
