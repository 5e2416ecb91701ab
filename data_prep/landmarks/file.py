"""Landmarks from a JSON sidecar beside the frames: `{"points": [[x, y], ...], "frame": "img1.jpg"}`.

A file that names its frame holds for that frame only: the head moves between two clips of one folder.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.landmarks.base import (
    Backend,
    Float32,
    LandmarksNotFound,
    Options,
    Sidecar,
    UInt8,
    drop_inner_corners,
    nothing_to_load,
)

MAX_FILE_BYTES = 2**20


def read_landmark_file(path: Path | str, frame: str | int | None = None) -> Float32:
    """Read a sidecar: `{"points": [[x, y], ...], ...}` with 66 points, or 68 of which two are dropped.

    Parameters
    ----------
    path
        The JSON file.
    frame
        The picture's file name or the video's frame number (counted from 1) that the points are wanted
        for; None takes them for whatever frame.

    Returns
    -------
    (66, 2) float32

    Raises
    ------
    LandmarksNotFound
        If the file is missing, too large, no JSON, has other points, or was measured on another frame; the
        message names the file.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - of thousands of clips, whose names a Path would intern
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise LandmarksNotFound(f"{path}: no regular file of at most {MAX_FILE_BYTES} bytes")
        with open(path, "rb") as file:  # noqa: PTH123
            body = json.loads(file.read())
        points = np.asarray(body["points"], dtype=np.float64)
    except OSError as error:
        raise LandmarksNotFound(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, ArithmeticError, RecursionError, KeyError, TypeError) as error:
        raise LandmarksNotFound(f'{path}: no JSON with "points": [[x, y], ...] ({error})') from error
    if points.shape not in {(66, 2), (68, 2)} or not np.isfinite(points).all():
        raise LandmarksNotFound(f"{path}: 66 (or 68) finite points are needed, it has shape {points.shape}")
    measured = body.get("frame")
    if frame is not None and measured is not None and not _same_frame(measured, frame):
        raise LandmarksNotFound(
            f"{path}: was measured on frame {str(measured)[:80]!r}, the clip begins with {frame!r}; give the "
            "clip a file of its own, <first frame>.landmarks.json"
        )
    return drop_inner_corners(points) if len(points) == 68 else points.astype(np.float32)


def _same_frame(measured: Any, wanted: str | int) -> bool:
    """Whether a sidecar's "frame" names the wanted one: a picture by its name, with or without a folder."""
    if isinstance(wanted, int):
        return str(measured) == str(wanted)
    name = str(measured).replace("\\", "/").rsplit("/", 1)[-1]
    return name in {wanted, wanted.rpartition(".")[0] or wanted}


def _faces(frame: UInt8, sidecar: Sidecar | None, options: Options) -> list[Float32]:
    if sidecar is None:
        raise LandmarksNotFound(
            "no landmark file (landmarks.json) lies beside the frames; for data without such files choose "
            "the back end face-alignment, facemesh or template"
        )
    return [read_landmark_file(sidecar.path, sidecar.frame)]


BACKEND = Backend(_faces, lambda: "file/1", nothing_to_load)
