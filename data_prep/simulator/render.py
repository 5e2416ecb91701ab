"""From a clip's plan to its frames: one warp of the neutral face per frame, then the camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.simulator.canvas import Canvas, Image
from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.faces import Looks, draw_face
from data_prep.simulator.movement import Floats, Movement, bumps_of, coarse_points, inverse
from data_prep.simulator.seeds import generator
from data_prep.simulator.settings import SimulatorSettings

SUPERSAMPLING = 2
"""The neutral face is warped at twice the frame's resolution and then averaged down."""

REFERENCE_WIDTH = 230.0
"""Amplitude and drift are given in pixels on a face this wide."""


@dataclass(frozen=True)
class Neutral:
    """A person's neutral face, ready to be warped.

    picture: (2H, 2W, 3) float32 RGB 0..1; landmarks: (68, 2) pixels of the frame; unit: (68, 2) in face
    widths; scale, origin: of the frame, in pixels; shape: (H, W) of the frame.
    """

    picture: Image
    landmarks: Floats
    unit: Floats
    scale: float
    origin: tuple[float, float]
    shape: tuple[int, int]


def frame_origin(shape: tuple[int, int], face_width: float) -> tuple[float, float]:
    """Where the point between the eyes lies: centred, with room for the hair above."""
    return (shape[1] - 1) / 2, min(0.80 * face_width, 0.47 * shape[0])


def draw_neutral(looks: Looks, shape: tuple[int, int], face_width: float) -> Neutral:
    """Draw a person once; small faces are drawn finer and averaged down to twice the frame's resolution."""
    origin = frame_origin(shape, face_width)
    fine = SUPERSAMPLING + 1 if face_width < 160 else SUPERSAMPLING
    large = tuple(((np.asarray(origin) + 0.5) * fine - 0.5).tolist())
    canvas = Canvas((shape[0] * fine, shape[1] * fine), face_width * fine, (large[0], large[1]))
    picture = draw_face(canvas, looks, looks.landmarks)
    size = (shape[1] * SUPERSAMPLING, shape[0] * SUPERSAMPLING)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    landmarks = looks.landmarks * face_width + np.asarray(origin)
    return Neutral(small.astype(np.float32), landmarks, looks.landmarks, face_width, origin, shape)


def movement_of(plan: ClipPlan, neutral: Neutral, settings: SimulatorSettings) -> Movement:
    """The clip's movement in pixels of its frames."""
    per_pixel = neutral.scale / REFERENCE_WIDTH
    names = tuple(plan.units)
    shares = np.array([plan.units[name] for name in names])
    peak = plan.peak * per_pixel * shares / shares.max()
    intensities = _time_course(generator(settings.seed, plan.key, "course"), plan, len(names)) * peak
    blink = generator(settings.seed, plan.key, "blink")
    if blink.random() < settings.blinks:
        names = (*names, "blink")
        intensities = np.column_stack([intensities, _blink(blink, plan, neutral)])
    head = generator(settings.seed, plan.key, "head")
    ox, oy = neutral.origin
    return Movement(
        names=names,
        bumps=bumps_of(names, neutral.unit, neutral.scale, neutral.origin),
        intensities=intensities,
        head_centre=(ox, oy + 0.10 * neutral.scale),
        head_radii=(0.60 * neutral.scale, 0.85 * neutral.scale),
        head=_head_motion(head, plan.frames, settings.drift * per_pixel, neutral.scale),
    )


def _time_course(rng: np.random.Generator, plan: ClipPlan, units: int) -> Floats:
    """(T, units): 0 at the onset, 1 at the apex, near rest at the offset; units are slightly out of step."""
    rest = rng.uniform(0.0, 0.25)
    course = np.empty((plan.frames, units))
    for k in range(units):
        late = float(np.clip(0.08 * rng.standard_normal(), -0.15, 0.15)) * min(
            plan.apex, plan.frames - 1 - plan.apex
        )
        apex = plan.apex + late
        t = np.arange(plan.frames, dtype=float)
        rise = np.sin(0.5 * np.pi * np.clip(t / apex, 0.0, 1.0)) ** 2
        fall = np.cos(0.5 * np.pi * np.clip((t - apex) / (plan.frames - 1 - apex), 0.0, 1.0)) ** 2
        course[:, k] = np.where(t <= apex, rise, rest + (1.0 - rest) * fall)
    return course


def _blink(rng: np.random.Generator, plan: ClipPlan, neutral: Neutral) -> Floats:
    """A partial blink of about 0.15 s somewhere in the clip, in pixels of the lid's way."""
    p = neutral.landmarks
    opening = float((p[[40, 41, 46, 47], 1] - p[[38, 37, 44, 43], 1]).mean())
    middle = rng.uniform(0.2, 0.8) * plan.frames
    width = 0.045 * plan.fps
    t = np.arange(plan.frames, dtype=float)
    lid = np.exp(-0.5 * ((t - middle) / width) ** 2)
    lid -= lid[0]
    way: Floats = rng.uniform(0.25, 0.5) * opening * np.clip(lid, 0.0, None)
    return way


def _head_motion(rng: np.random.Generator, frames: int, drift: float, scale: float) -> Floats:
    """(T, 4) smooth drift that starts at 0: shifts with deviation `drift`, slight turn and growth."""
    t = np.linspace(0.0, 1.0, frames)
    basis = np.stack([t, np.sin(np.pi * t), np.sin(2 * np.pi * t)], axis=1)
    weights = rng.standard_normal((3, 4)) * np.array([[1.0], [0.35], [0.2]])
    sizes = np.array([drift, drift, 0.5 * drift / scale, 0.35 * drift / scale])
    motion: Floats = (basis @ weights) * sizes
    return motion


def render(
    plan: ClipPlan, neutral: Neutral, movement: Movement, settings: SimulatorSettings
) -> Iterator[npt.NDArray[np.uint8]]:
    """The clip's frames in order, (H, W, 3) uint8 RGB."""
    rng = generator(settings.seed, plan.key, "camera")
    camera = _Camera(neutral, movement)
    gain = 1.0
    for frame in range(plan.frames):
        gain = 1.0 + 0.7 * (gain - 1.0) + settings.flicker * rng.standard_normal()
        picture = camera.picture(frame) * np.float32(255.0 * gain)
        if settings.noise > 0.0:
            grain = rng.standard_normal(picture.shape, dtype=np.float32)
            picture += np.float32(settings.noise) * grain
        yield np.clip(np.rint(picture), 0, 255).astype(np.uint8)


class _Camera:
    """Warps the neutral face; unit fields are evaluated once per clip on a coarse grid."""

    def __init__(self, neutral: Neutral, movement: Movement) -> None:
        self.neutral = neutral
        self.movement = movement
        self.large = neutral.picture.shape[:2]
        points = coarse_points(neutral.shape, max(1.5, 0.018 * neutral.scale))
        unit = Movement(
            names=movement.names,
            bumps=movement.bumps,
            intensities=np.eye(len(movement.names)),
            head_centre=movement.head_centre,
            head_radii=movement.head_radii,
            head=np.zeros((len(movement.names), 4)),
        )
        head = Movement(
            names=(),
            bumps=np.zeros((0, 7)),
            intensities=np.zeros((4, 0)),
            head_centre=movement.head_centre,
            head_radii=movement.head_radii,
            head=np.eye(4),
        )
        fields = [unit.at(k, points) for k in range(len(movement.names))] + [
            head.at(k, points) for k in range(4)
        ]
        self.fields = np.stack(fields)
        columns = np.arange(self.large[1], dtype=np.float32)
        rows = np.arange(self.large[0], dtype=np.float32)
        self.x, self.y = np.meshgrid(columns, rows)

    def picture(self, frame: int) -> Image:
        """Frame without camera noise, (H, W, 3) float32 0..1."""
        numbers = np.concatenate([self.movement.intensities[frame], self.movement.head[frame]])
        forward = np.tensordot(numbers, self.fields, axes=1).astype(np.float32)
        back = inverse(forward, self.neutral.shape) * np.float32(SUPERSAMPLING)
        back = cv2.resize(back, (self.large[1], self.large[0]), interpolation=cv2.INTER_CUBIC)
        warped = cv2.remap(
            self.neutral.picture,
            self.x - back[..., 0],
            self.y - back[..., 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        height, width = self.neutral.shape
        small: Image = cv2.resize(warped, (width, height), interpolation=cv2.INTER_AREA)
        return small
