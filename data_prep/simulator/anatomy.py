"""A person's own muscles: the same action unit looks alike within a person and less alike across people.

Faces differ in where their muscles attach, how many strands they have and where skin folds, so that two
coders' "AU4" pulls straight down on one face and together on another. Here every person's pulls of an action
unit are the common ones of `ACTIONS` turned, moved, widened and weighted by factors of that person's own.
Both sides of a face are mirror images, the gain of a unit stays what it is, and nothing of it is annotated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from data_prep.simulator.movement import ACTIONS, Action, Float64, Pull
from data_prep.simulator.seeds import generator
from data_prep.simulator.settings import SimulatorSettings

TURN, SHIFT, SPREAD, SHARE = 36.0, 0.6, 0.35, 0.6
"""Of a full personal style: degrees that a unit's direction is turned; its place is moved, in sigmas of each
pull; logarithm of its width's factor; logarithm of each pull's weight. Choices, see docs/calibration.md."""

FURTHEST = 2.0
"""Standard deviations at which what is drawn is cut off, so that no muscle lies on another's place."""


def actions_of(subject: str, settings: SimulatorSettings) -> Mapping[int, Action]:
    """The person's own action units by number; with style 0 they are `ACTIONS`."""
    return {number: _own(action, number, subject, settings) for number, action in ACTIONS.items()}


def _own(action: Action, number: int, subject: str, settings: SimulatorSettings) -> Action:
    rng = generator(settings.seed, subject, "anatomy", number)
    drawn = settings.style * np.clip(rng.standard_normal(4 + len(action.pulls)), -FURTHEST, FURTHEST)
    turn, wider = np.deg2rad(TURN) * drawn[0], np.exp(SPREAD * drawn[1])
    moved = [
        _moved(pull, float(turn), SHIFT * drawn[2:4], float(wider), float(np.exp(SHARE * share)))
        for pull, share in zip(action.pulls, drawn[4:], strict=True)
    ]
    return replace(action, pulls=tuple(moved))


def _moved(pull: Pull, turn: float, shift: Float64, wider: float, weight: float) -> Pull:
    (x, y), (across, down) = pull.direction, pull.sigma
    cos, sin = np.cos(turn) * weight, np.sin(turn) * weight
    return replace(
        pull,
        direction=(float(cos * x - sin * y), float(sin * x + cos * y)),
        sigma=(across * wider, down * wider),
        offset=(pull.offset[0] + float(shift[0]) * across, pull.offset[1] + float(shift[1]) * down),
    )
