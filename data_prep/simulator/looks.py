"""A person's looks: what stays the same over all of its clips, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.simulator.seeds import generator
from data_prep.simulator.shape import Float64, draw_proportions, landmarks_of

Colour = tuple[float, float, float]

SKIN: tuple[Colour, ...] = (
    (0.93, 0.78, 0.68),
    (0.90, 0.72, 0.60),
    (0.87, 0.69, 0.54),
    (0.82, 0.62, 0.47),
    (0.74, 0.54, 0.40),
    (0.62, 0.43, 0.31),
    (0.47, 0.32, 0.23),
)
HAIR: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06),
    (0.13, 0.09, 0.07),
    (0.22, 0.14, 0.09),
    (0.34, 0.22, 0.13),
    (0.55, 0.40, 0.23),
    (0.42, 0.19, 0.10),
    (0.45, 0.44, 0.43),
)
IRIS: tuple[Colour, ...] = (
    (0.20, 0.12, 0.07),
    (0.30, 0.19, 0.10),
    (0.38, 0.32, 0.16),
    (0.30, 0.42, 0.36),
    (0.36, 0.49, 0.62),
)
CLOTHES: tuple[Colour, ...] = (
    (0.85, 0.85, 0.86),
    (0.20, 0.22, 0.27),
    (0.45, 0.17, 0.18),
    (0.22, 0.34, 0.48),
    (0.36, 0.42, 0.30),
    (0.60, 0.52, 0.44),
)


@dataclass(frozen=True)
class Looks:
    """One person: everything that stays the same over all of its clips.

    Attributes
    ----------
    landmarks
        (68, 2) float64 in units of the face's width.
    light
        Direction to the lamp.
    hair_style
        "short", "fringe", "long" or "receding"; `key` seeds the skin's and hair's texture.
    """

    key: tuple[str | int, ...]
    female: bool
    landmarks: Float64
    skin: Colour
    hair: Colour
    iris: Colour
    lip: Colour
    clothes: Colour
    background: Colour
    light: tuple[float, float, float]
    ambient: float
    hair_style: str
    hairline: float
    brow_thickness: float
    beard: float
    freckles: float
    wrinkles: float
    moles: int
    roughness: float

    def rng(self, *names: str | int) -> np.random.Generator:
        """A generator of this person's own."""
        return generator(*self.key, *names)


def draw_looks(*key: str | int, female: bool | None = None) -> Looks:
    """A random person, the same for the same key."""
    rng = generator(*key, "looks")
    woman = bool(rng.random() < 0.5) if female is None else female
    skin_index = int(rng.choice(len(SKIN), p=[0.16, 0.22, 0.22, 0.17, 0.11, 0.07, 0.05]))
    skin = _jitter(rng, SKIN[skin_index], 0.004)
    dark = skin_index >= 4
    hair = HAIR[
        int(rng.integers(0, 3)) if dark else int(rng.choice(7, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05]))
    ]
    iris = IRIS[int(rng.integers(0, 2)) if dark else int(rng.choice(5, p=[0.3, 0.25, 0.15, 0.12, 0.18]))]
    styles, odds = (
        (("long", "fringe", "short"), (0.5, 0.35, 0.15))
        if woman
        else (("short", "fringe", "receding"), (0.55, 0.25, 0.2))
    )
    azimuth, elevation = rng.uniform(-0.7, 0.7), rng.uniform(0.15, 0.6)
    light = np.array([np.sin(azimuth), -np.sin(elevation), 1.0])
    light /= np.linalg.norm(light)
    grey = rng.uniform(0.35, 0.75)
    return Looks(
        key=key,
        female=woman,
        landmarks=landmarks_of(draw_proportions(rng, female=woman), rng),
        skin=skin,
        hair=_jitter(rng, hair, 0.004),
        iris=_jitter(rng, iris, 0.02),
        lip=_lip_colour(rng, skin, woman),
        clothes=_jitter(rng, CLOTHES[int(rng.integers(0, len(CLOTHES)))], 0.04),
        background=_jitter(rng, (grey, grey, grey), 0.025),
        light=(float(light[0]), float(light[1]), float(light[2])),
        ambient=float(rng.uniform(0.42, 0.6)),
        hair_style=str(rng.choice(styles, p=odds)),
        hairline=float(rng.uniform(-0.03, 0.04)),
        brow_thickness=float(rng.uniform(0.7, 1.05) if woman else rng.uniform(0.95, 1.5)),
        beard=0.0 if woman else float(rng.choice((0.0, 0.25, 0.6), p=(0.5, 0.3, 0.2))),
        freckles=float(rng.choice((0.0, 0.4, 1.0), p=(0.6, 0.25, 0.15))) * (not dark),
        wrinkles=float(rng.uniform(0.0, 1.0) ** 2),
        moles=int(rng.integers(0, 5)),
        roughness=float(rng.uniform(0.6, 1.3)),
    )


def _jitter(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    moved = np.clip(np.asarray(colour) * rng.normal(1.0, 0.05) + rng.normal(0.0, spread, 3), 0.02, 0.98)
    return float(moved[0]), float(moved[1]), float(moved[2])


def _lip_colour(rng: np.random.Generator, skin: Colour, woman: bool) -> Colour:
    redness = rng.uniform(0.25, 0.75 if woman else 0.4)
    return _jitter(
        rng, tuple(np.asarray(skin) * (1 - redness) + np.array((0.66, 0.26, 0.26)) * redness), 0.015
    )
