"""The head of a clip, followed from the first frame by patches of skin, and frames laid on the first one.

Notes
-----
Patches are followed by Gauss-Newton steps (Lucas & Kanade 1981) on the grey face, reduced to about 128
pixels; each may become brighter or richer in contrast, so that light is not taken for movement. Patches that
disagree are given less weight (Geman & McClure), since a movement of the face reaches some of them. Every
frame is laid on the first, so that errors do not add up, and is read once, by cubic convolution at the moved
points; the first frame keeps its bytes. Sums are in float64 in a fixed order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.crop import Box
from data_prep.notes import Notes
from data_prep.registration.loops import common_motion, patch_motion, read_at, smoothed

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]

WIDTH = 128
"""Pixels of the face on which motion is measured; larger ones are averaged down by a whole factor."""

LEAST_SIDE = 9
"""Pixels of a patch's side at least."""

SIDE, STEP = 0.2, 0.13
"""Side of a patch and distance of its neighbours; like all lengths here in distances of the eyes' outer
corners."""

MOVING = (
    (range(17, 27), 0.22),
    (range(36, 48), 0.16),
    (range(48, 60), 0.28),
    (range(6, 11), 0.3),
    ((31, 35), 0.12),
)
"""Landmarks, and how near to them skin moves with expressions: brows, eyes, mouth, chin, nostrils."""

FOREHEAD = 0.55
"""How far above the brows skin is followed."""

COARSE = 3
"""Motion is looked for on a picture that many times smaller first."""

MOST_STEPS, ENOUGH = 12, 1e-3
"""Steps at most, and the change in pixels that needs no further one."""

FURTHEST, TURNED, SPREAD, ALIKE = 0.35, 0.2, 0.06, 0.6
"""A registration is believed that moves the rectangle's corners by no more, changes scale and angle by no
more, whose patches disagree, in the middle, by no more, and look as much alike."""

NOT_FOLLOWED = "frames whose head cannot be followed, registered like the frame before"


class Similarity(NamedTuple):
    """A shift, turn and change of scale: z = x + iy, from a fixed centre, goes to `turned` z + `shift`."""

    turned: complex = 1.0 + 0.0j
    shift: complex = 0.0j

    def after(self, first: Similarity) -> Similarity:
        """`first`, then this one."""
        return Similarity(self.turned * first.turned, self.turned * first.shift + self.shift)

    def numbers(self, unit: int = 1) -> Float64:
        """(4,) float64 a, b, c, d as in `loops`, lengths in units of so many pixels."""
        shift = self.shift / unit
        return np.array([self.turned.real, self.turned.imag, shift.real, shift.imag])


@dataclass(frozen=True)
class Found:
    """A head in a later frame.

    Attributes
    ----------
    place
        Where the first frame's points lie, from the rectangle's middle, in pixels of the raw frame.
    spread
        Pixels by which patches disagree with it, in the middle; infinite where they do not tell.
    change
        Of the last step, in pixels.
    alike
        How alike the patches look, at most 1.
    """

    place: Similarity
    spread: float = np.inf
    change: float = np.inf
    alike: float = 0.0


@dataclass(frozen=True)
class _Level:
    """The first frame at one resolution, and its patches.

    Attributes
    ----------
    picture
        (h, w) float64 grey, smoothed.
    corners
        (k, 2) int64, column and row of each patch's first pixel; side: pixels.
    centre
        (2,) float64, where similarities are counted from.
    unit
        Pixels of a raw frame in one of these.
    """

    picture: Float64
    corners: Int64
    side: int
    centre: Float64
    unit: int

    def found(self, later: Float64, start: Similarity) -> Found:
        """The head in a later picture of this resolution, from a first guess."""
        at = Found(start)
        middles = self.corners + self.side // 2 - self.centre
        reach = max(self.picture.shape) / 2
        for _ in range(MOST_STEPS):
            where = at.place.numbers(self.unit)
            motion = patch_motion(self.picture, later, self.corners, self.side, where, self.centre)
            size = motion[:, 2] + motion[:, 4]
            told = size > 0
            if not told.any():
                return Found(start)
            trust = 1 / (size[told] + np.median(size[told]))
            s, t, x, y, spread, alike = common_motion(middles[told], motion[told], trust).tolist()
            if not np.isfinite(spread):
                return Found(start)
            step = Similarity(complex(1 + s, t), complex(x, y) * self.unit)
            change = abs(x) + abs(y) + reach * (abs(s) + abs(t))
            at = Found(at.place.after(step), spread * self.unit, change * self.unit, alike)
            if change < ENOUGH:
                break
        return at


class Head:
    """The head of one clip, followed through its frames in order.

    Parameters
    ----------
    first
        (H, W, 3) uint8, the raw first frame.
    landmarks
        (66, 2) in its pixels.
    box
        The face rectangle.

    Attributes
    ----------
    box
        As given.
    places
        Of each later frame, as `Found.place`.
    """

    def __init__(self, first: UInt8, landmarks: npt.ArrayLike, box: Box) -> None:
        points = np.asarray(landmarks, np.float64)
        self._span = max(1.0, float(np.sqrt(((points[36] - points[45]) ** 2).sum())))
        self.box = box
        self._region = _around(box, self._span, first.shape)
        self._centre = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
        unit = max(1, round(box.width / WIDTH))
        self._levels = [self._level(first, points, each) for each in (COARSE * unit, unit)]
        self._lost: list[int] = []
        self.places: list[Similarity] = []

    def laid(self, frame: UInt8) -> UInt8:
        """The next frame laid on the first, (H, W, 3) uint8, as large as the rectangle."""
        found = self._followed(frame)
        if found is None:
            self._lost.append(len(self.places) + 2)
        self.places.append(found or self._before)
        corner = np.array([self.box.left, self.box.top]) - self._centre
        out = np.empty((self.box.height, self.box.width, 3), np.uint8)
        read_at(np.ascontiguousarray(frame), self.places[-1].numbers(), self._centre, corner, out)
        return out

    def notes(self) -> Notes:
        """Which of the frames that were laid could not be followed."""
        if not self._lost:
            return []
        return [(NOT_FOLLOWED, f"{len(self._lost)} of {len(self.places) + 1}, the first is {self._lost[0]}")]

    @property
    def _before(self) -> Similarity:
        return self.places[-1] if self.places else Similarity()

    def _followed(self, frame: UInt8) -> Similarity | None:
        """The head's place, looked for around its last one, then around the first frame's."""
        coarse, fine = self._levels
        small, large = (_grey(frame, self._region, level.unit) for level in self._levels)
        for start in dict.fromkeys((self._before, Similarity())):
            found = fine.found(large, coarse.found(small, start).place)
            if self._believed(found):
                return found.place
        return None

    def _believed(self, found: Found) -> bool:
        corner = complex(self.box.width, self.box.height) / 2
        grown = found.place.turned - 1
        moved = max(abs(grown * z + found.place.shift) for z in (corner, corner.conjugate(), -corner))
        lengths = ((moved, FURTHEST), (found.spread, SPREAD), (found.change, SPREAD))
        near = all(length <= most * self._span for length, most in lengths)
        return near and abs(grown) <= TURNED and found.alike >= ALIKE

    def _level(self, first: UInt8, landmarks: Float64, unit: int) -> _Level:
        picture = _grey(first, self._region, unit)
        corner = np.array([self._region.left, self._region.top])
        points = (landmarks - corner + 0.5) / unit - 0.5
        side = max(LEAST_SIDE, round(SIDE * self._span / unit)) | 1
        corners = rigid_patches(points, self._span / unit, side)
        inside = (corners >= 1) & (corners + side < picture.shape[::-1])
        centre = (self._centre - corner + 0.5) / unit - 0.5
        return _Level(picture, corners[inside.all(axis=1)], side, centre, unit)


def rigid_patches(landmarks: Float64, span: float, side: int) -> Int64:
    """First pixels, column and row, of the patches on the skin that expressions move least.

    Parameters
    ----------
    landmarks
        (66, 2) in pixels.
    span
        Distance of the eyes' outer corners.
    side
        Of a patch, odd.

    Returns
    -------
    (k, 2) int64
        Of patches whose middle lies half a side inside the face, and away from landmarks as `MOVING` says.
    """
    up = np.array([0.0, FOREHEAD * span])
    outline = np.concatenate([landmarks[:17], landmarks[17:27][::-1] - up]).astype(np.float32)
    step = max(1, round(STEP * span))
    (left, top), (right, bottom) = np.floor(outline.min(axis=0)), np.ceil(outline.max(axis=0))
    grid = np.stack(np.meshgrid(np.arange(left, right, step), np.arange(top, bottom, step)), -1).reshape(
        -1, 2
    )
    deep = [cv2.pointPolygonTest(outline, middle.tolist(), True) for middle in grid]
    middles = grid[np.array(deep) >= side / 2]
    for moving, margin in MOVING:
        away = ((middles[:, None] - landmarks[list(moving)]) ** 2).sum(axis=2)
        middles = middles[(away >= (margin * span) ** 2).all(axis=1)]
    return middles.astype(np.int64) - side // 2


def _around(box: Box, span: float, shape: tuple[int, ...]) -> Box:
    """The part of a frame in which patches may lie, now and after they have moved."""
    above, aside = round((FOREHEAD + SIDE) * span), round(SIDE * span)
    return Box(
        max(box.left - aside, 0),
        max(box.top - above, 0),
        min(box.right + aside, shape[1]),
        min(box.bottom + aside, shape[0]),
    )


def _grey(frame: UInt8, region: Box, unit: int) -> Float64:
    """(h, w) float64: means of `unit` x `unit` pixels and three colours of a part of a frame, smoothed."""
    rows, columns = region.height // unit, region.width // unit
    part = frame[region.top : region.top + rows * unit, region.left : region.left + columns * unit]
    sums = part.reshape(rows, unit, columns, unit * 3).sum(axis=(1, 3), dtype=np.int64)
    picture: Float64 = smoothed(sums / (3.0 * unit * unit))
    return picture
