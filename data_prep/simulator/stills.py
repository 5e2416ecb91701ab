"""Expression photographs in the naming of KDEF and RaFD, at macro-expression strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.simulator.canvas import Canvas
from data_prep.simulator.faces import Expression, draw_face
from data_prep.simulator.looks import Looks, draw_looks
from data_prep.simulator.movement import Float64, Movement, bumps_of
from data_prep.simulator.recipes import units_of
from data_prep.simulator.render import FINE_FACE, REFERENCE_WIDTH, exposed, frame_origin
from data_prep.simulator.seeds import generator
from data_prep.simulator.settings import SimulatorSettings

MACRO: Mapping[str, str] = MappingProxyType(
    {
        "neutral": "",
        "angry": "4+5+7+23",
        "disgusted": "9+10+17",
        "afraid": "1+2+4+5+20+25",
        "happy": "6+12+25",
        "sad": "1+4+15+17",
        "surprised": "1+2+5+25+26",
        "contemptuous": "L12+L14",
    }
)
"""Expression to action units."""

KDEF_CODES: Mapping[str, str] = MappingProxyType(
    {
        "afraid": "AF",
        "angry": "AN",
        "disgusted": "DI",
        "happy": "HA",
        "neutral": "NE",
        "sad": "SA",
        "surprised": "SU",
    }
)
RAFD_WORDS: Mapping[str, str] = MappingProxyType({**{name: name for name in MACRO}, "afraid": "fearful"})
GAZES = ("frontal", "left", "right")


@dataclass(frozen=True)
class StillPlan:
    """One photograph: database, the person's key, expression, gaze, file path below the root, session."""

    database: str
    person: str
    female: bool
    expression: str
    gaze: str
    path: str
    session: str


def plan_kdef(people: int, sessions: int) -> tuple[StillPlan, ...]:
    """`KDEF/AF01/AF01ANS.JPG`: half of the people are women; sessions A and B show the same people."""
    plans = []
    for number in range(people):
        female = number % 2 == 0
        code = f"{'F' if female else 'M'}{number // 2 + 1:02d}"
        for session in "AB"[:sessions]:
            for expression, letters in KDEF_CODES.items():
                name = f"{session}{code}"
                path = f"KDEF/{name}/{name}{letters}S.JPG"
                plans.append(StillPlan("kdef", f"kdef/{code}", female, expression, "frontal", path, session))
    return tuple(plans)


def plan_rafd(people: int, gazes: int) -> tuple[StillPlan, ...]:
    """`Rafd090_01_Caucasian_female_angry_frontal.jpg`."""
    plans = []
    for number in range(1, people + 1):
        female = number % 2 == 0
        sex = "female" if female else "male"
        for expression, word in RAFD_WORDS.items():
            for gaze in GAZES[:gazes]:
                path = f"Rafd090_{number:02d}_Caucasian_{sex}_{word}_{gaze}.jpg"
                plans.append(StillPlan("rafd", f"rafd/{number:02d}", female, expression, gaze, path, "A"))
    return tuple(plans)


def still_frame(face_width: float) -> tuple[int, int]:
    """(height, width) of a photograph."""
    return round(1.80 * face_width), round(1.70 * face_width)


def draw_still(plan: StillPlan, settings: SimulatorSettings) -> tuple[npt.NDArray[np.uint8], Float64]:
    """The photograph (H, W, 3) uint8 RGB and its 68 landmarks in pixels."""
    looks = draw_looks(settings.seed, plan.person, female=plan.female)
    rng = generator(settings.seed, plan.path, "still")
    points, expression = _expressed(plan, looks, rng)
    width = settings.preset.face_width
    shape = still_frame(width)
    origin = frame_origin(shape, width)
    fine = 2 if width < FINE_FACE else 1
    large = (np.asarray(origin) + 0.5) * fine - 0.5
    canvas = Canvas((shape[0] * fine, shape[1] * fine), fine * width, (float(large[0]), float(large[1])))
    picture = cv2.resize(
        draw_face(canvas, looks, points, expression), shape[::-1], interpolation=cv2.INTER_AREA
    )
    picture *= np.float32(255.0 * rng.normal(1.0, 0.02))
    noise = settings.noise * width / REFERENCE_WIDTH
    return exposed(picture, rng, noise), points * width + np.asarray(origin)


def _expressed(plan: StillPlan, looks: Looks, rng: np.random.Generator) -> tuple[Float64, Expression]:
    """Landmarks moved by the expression, in units, and the creases it makes."""
    gaze = {"frontal": 0.0, "left": 1.0, "right": -1.0}[plan.gaze]
    combination = MACRO[plan.expression]
    if not combination:
        return looks.landmarks, Expression(gaze=gaze)
    names = units_of(combination)
    strength = 0.055 * float(np.exp(0.2 * rng.standard_normal()))
    shares = np.exp(0.15 * rng.standard_normal(len(names)))
    movement = Movement(
        names=names,
        bumps=bumps_of(names, looks.landmarks, 1.0, (0.0, 0.0)),
        intensities=strength * shares[None],
        head_centre=(0.0, 0.0),
        head_radii=(1.0, 1.0),
        head=np.zeros((1, 4)),
    )
    points = looks.landmarks + movement.at(0, looks.landmarks)
    points = _opened(points, combination, strength)
    units = set(combination.replace("L", "").split("+"))
    return points, Expression(
        gaze=gaze,
        furrow=float(bool(units & {"4", "9"})),
        nasolabial=float(bool(units & {"9", "10", "12"})),
        crow=float("6" in units),
    )


def _opened(points: Float64, combination: str, strength: float) -> Float64:
    """Lips apart: the inner contour of the lower lip follows the outer one."""
    units = combination.split("+")
    dropped = "26" in units
    gap = strength * (1.7 if dropped else 0.55 if "25" in units else 0.0)
    if gap == 0.0:
        return points
    moved = points.copy()
    if dropped:
        for corner, inward in ((48, 1.0), (60, 1.0), (54, -1.0), (64, -1.0)):
            moved[corner] += (0.25 * inward * gap, 0.38 * gap)
    for inner, share in ((67, 0.8), (66, 1.0), (65, 0.8)):
        moved[inner, 1] += gap * share
    for outer, share in ((55, 0.3), (56, 0.6), (57, 0.7), (58, 0.6), (59, 0.3)):
        moved[outer, 1] += gap * share
    return moved
