"""From a clip's plan to its frames: one warp of the neutral face per frame, then the camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from data_prep.simulator.anatomy import actions_of
from data_prep.simulator.canvas import Canvas, Image
from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.faces import draw_face
from data_prep.simulator.looks import Looks
from data_prep.simulator.movement import Float64, Movement, bumps_of, coarse_points, inverse
from data_prep.simulator.seeds import generator
from data_prep.simulator.settings import SimulatorSettings

SUPERSAMPLING = 2
"""The neutral face is drawn at twice the frame's resolution; a pixel of a frame is the mean of 2 x 2."""

REFERENCE_WIDTH = 230.0
"""Amplitude and drift are given in pixels on a face this wide, noise in grey levels."""

FINE_FACE = 160.0
"""Faces narrower than this are drawn finer and averaged down, so that single hairs stay thin."""

WALK_TERMS = 8
"""Terms of the series of a smooth random walk; they hold 97 % of its variance at the end."""

FLICKER_KEPT = 0.7
"""Correlation of the brightness of neighbouring frames."""


@dataclass(frozen=True)
class Neutral:
    """A person's neutral face, ready to be warped.

    Attributes
    ----------
    picture
        (2H, 2W, 3) float32 RGB 0..1, element (i, j) the mean over the square of a frame's pixel whose corner
        lies there: every second one is the frame at rest.
    landmarks
        (68, 2) pixels of the frame.
    unit
        (68, 2) in face widths.
    scale, origin
        Of the frame, in pixels.
    shape
        (H, W) of the frame.
    """

    picture: Image
    landmarks: Float64
    unit: Float64
    scale: float
    origin: tuple[float, float]
    shape: tuple[int, int]


def frame_origin(shape: tuple[int, int], face_width: float) -> tuple[float, float]:
    """Where the point between the eyes lies: centred, with room for the hair above."""
    return (shape[1] - 1) / 2, min(0.80 * face_width, 0.47 * shape[0])


def draw_neutral(looks: Looks, shape: tuple[int, int], face_width: float) -> Neutral:
    """Draw a person once; small faces are drawn finer and averaged down to twice the frame's resolution."""
    origin = frame_origin(shape, face_width)
    fine = SUPERSAMPLING + 1 if face_width < FINE_FACE else SUPERSAMPLING
    large = tuple(((np.asarray(origin) + 0.5) * fine - 0.5).tolist())
    canvas = Canvas((shape[0] * fine, shape[1] * fine), face_width * fine, (large[0], large[1]))
    picture = draw_face(canvas, looks, looks.landmarks)
    size = (shape[1] * SUPERSAMPLING, shape[0] * SUPERSAMPLING)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    means = cv2.blur(small, (SUPERSAMPLING,) * 2, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    landmarks = looks.landmarks * face_width + np.asarray(origin)
    return Neutral(means.astype(np.float32), landmarks, looks.landmarks, face_width, origin, shape)


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
    ox, oy = neutral.origin
    return Movement(
        names=names,
        bumps=bumps_of(
            names, neutral.unit, neutral.scale, neutral.origin, actions_of(plan.subject, settings)
        ),
        intensities=intensities,
        head_centre=(ox, oy + 0.10 * neutral.scale),
        head_radii=(0.60 * neutral.scale, 0.85 * neutral.scale),
        head=_head_motion(plan, settings, neutral.scale),
    )


def _time_course(rng: np.random.Generator, plan: ClipPlan, units: int) -> Float64:
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


def _blink(rng: np.random.Generator, plan: ClipPlan, neutral: Neutral) -> Float64:
    """A partial blink of about 0.15 s somewhere in the clip, in pixels of the lid's way."""
    p = neutral.landmarks
    opening = float((p[[40, 41, 46, 47], 1] - p[[38, 37, 44, 43], 1]).mean())
    middle = rng.uniform(0.2, 0.8) * plan.frames
    width = 0.045 * plan.fps
    t = np.arange(plan.frames, dtype=float)
    lid = np.exp(-0.5 * ((t - middle) / width) ** 2)
    lid -= lid[0]
    way: Float64 = rng.uniform(0.25, 0.5) * opening * np.clip(lid, 0.0, None)
    return way


def _walk(
    own: np.random.Generator, drawn: np.random.Generator, habit: float, shape: tuple[int, int]
) -> Float64:
    """(T, courses) smooth random walks: 0 at the first frame, deviation 1 at the last.

    The first terms of a random walk's Karhunen-Loeve series: its slow part, without the trembling. The share
    `habit` of their variance is of `own`, a person's in all clips, the rest of `drawn`, the clip's: walks of
    one person correlate by it, those of two people do not.
    """
    frames, courses = shape
    t = np.linspace(0.0, 1.0, frames)[:, None]
    rate = np.pi * (np.arange(WALK_TERMS) + 0.5)
    basis = np.sqrt(2.0) * np.sin(rate * t) / rate
    habitual, new = (rng.standard_normal((WALK_TERMS, courses)) for rng in (own, drawn))
    walk: Float64 = basis @ (np.sqrt(habit) * habitual + np.sqrt(1.0 - habit) * new)
    return walk


def _head_motion(plan: ClipPlan, settings: SimulatorSettings, scale: float) -> Float64:
    """(T, 4): shifts with deviation `drift` pixels at the end, turn with `turn` degrees, slight growth."""
    own, drawn = generator(settings.seed, plan.subject, "sway"), generator(settings.seed, plan.key, "head")
    drift = settings.drift * scale / REFERENCE_WIDTH
    sizes = np.array([drift, drift, np.deg2rad(settings.turn), 0.35 * drift / scale])
    motion: Float64 = _walk(own, drawn, settings.habits, (plan.frames, 4)) * sizes
    return motion


def render(
    plan: ClipPlan, neutral: Neutral, movement: Movement, settings: SimulatorSettings
) -> Iterator[npt.NDArray[np.uint8]]:
    """The clip's frames in order, (H, W, 3) uint8 RGB."""
    rng = generator(settings.seed, plan.key, "camera")
    camera = _Camera(neutral, movement)
    lamp = _Lamp(plan, neutral, settings)
    for frame in range(plan.frames):
        picture = camera.picture(frame)
        picture *= np.float32(255.0) * lamp.gain(frame)
        yield exposed(picture, rng, settings.noise * neutral.scale / REFERENCE_WIDTH)


def exposed(picture: Image, rng: np.random.Generator, noise: float) -> npt.NDArray[np.uint8]:
    """What the sensor makes of a picture in grey levels: Gaussian noise of this deviation, whole numbers."""
    if noise > 0.0:
        steps = rng.integers(0, len(QUANTILES), picture.shape, dtype=np.uint16)
        picture = picture + np.take(QUANTILES * np.float32(noise), steps)
    exposure: npt.NDArray[np.uint8] = cv2.convertScaleAbs(np.maximum(picture, np.float32(0.0)))
    return exposure


def _quantiles() -> Image:
    """The normal distribution as 4096 equally likely values, to six digits: equal on every processor."""
    values = ndtri((np.arange(4096) + 0.5) / 4096.0)
    rounded: Image = np.round(values / np.sqrt(np.mean(values**2)), 6).astype(np.float32)
    return rounded


QUANTILES = _quantiles()
"""Equally likely values of a standard normal variable; the largest is 3.7."""


class _Lamp:
    """How bright each frame is: flicker of the whole, and a gradient over the face that changes slowly."""

    def __init__(self, plan: ClipPlan, neutral: Neutral, settings: SimulatorSettings) -> None:
        own = generator(settings.seed, plan.subject, "lamp")
        drawn = generator(settings.seed, plan.key, "light")
        steps = drawn.standard_normal(plan.frames)
        self.level = np.ones(plan.frames)
        for frame in range(plan.frames):
            kept = FLICKER_KEPT * (self.level[frame - 1] - 1.0) if frame else 0.0
            new = settings.flicker * steps[frame] * (np.sqrt(1.0 - FLICKER_KEPT**2) if frame else 1.0)
            self.level[frame] = 1.0 + kept + new
        self.slope = settings.light * _walk(own, drawn, settings.habits, (plan.frames, 2))
        height, width = neutral.shape
        self.across = ((np.arange(width) - neutral.origin[0]) / neutral.scale)[None, :]
        self.down = ((np.arange(height) - neutral.origin[1]) / neutral.scale)[:, None]

    def gain(self, frame: int) -> Image:
        """(H, W, 1) float32 factor of brightness."""
        x, y = self.slope[frame]
        gain: Image = (self.level[frame] * (1.0 + x * self.across + y * self.down)).astype(np.float32)
        return gain[..., None]


class _Camera:
    """Warps the neutral face; unit fields are evaluated once per clip on a coarse grid."""

    def __init__(self, neutral: Neutral, movement: Movement) -> None:
        self.neutral = neutral
        self.movement = movement
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
        rows, columns = neutral.shape
        self.at_rest = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)

    def picture(self, frame: int) -> Image:
        """Frame without camera noise, (H, W, 3) float32 0..1."""
        numbers = np.concatenate([self.movement.intensities[frame], self.movement.head[frame]])
        forward = np.tensordot(numbers, self.fields, axes=1).astype(np.float32)
        back = inverse(forward, self.neutral.shape)
        rows, columns = self.neutral.shape
        where = self.at_rest - cv2.resize(back, (columns, rows), interpolation=cv2.INTER_CUBIC)
        where *= np.float32(SUPERSAMPLING)
        picture: Image = cv2.remap(
            self.neutral.picture, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return picture
