"""Landmarks of a face that is already cropped: a mean shape scaled into the frame."""

from __future__ import annotations

import numpy as np

from data_prep import crop
from data_prep.landmarks.base import Backend, Float32, Options, Sidecar, UInt8, nothing_to_load

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


def mean_shape(height: int, width: int) -> Float32:
    """(66, 2) float32: the mean shape in a prepared frame of this size, below the raised brows' strip."""
    shape = np.asarray(MEAN_SHAPE)
    above = crop.RAISED * float(shape[45, 0] - shape[36, 0]) * width / height
    span = np.array([width, height / (1 + above)])
    return np.asarray(shape * span + (0.0, height - span[1]) - 0.5, dtype=np.float32)


def _faces(frame: UInt8, sidecar: Sidecar | None, options: Options) -> list[Float32]:
    """The mean shape placed so that the face rectangle of `crop` is the whole frame."""
    return [mean_shape(*frame.shape[:2])]


BACKEND = Backend(_faces, lambda: "template/1", nothing_to_load)
