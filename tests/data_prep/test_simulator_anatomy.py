"""A person's own muscles: alike within a person, different across people, as strong as the common ones."""

import numpy as np
import pytest

from data_prep.simulator.anatomy import actions_of
from data_prep.simulator.casting import ClipPlan, plan_clips
from data_prep.simulator.looks import draw_looks
from data_prep.simulator.movement import ACTIONS, Movement, bumps_of
from data_prep.simulator.presets import PRESETS
from data_prep.simulator.render import draw_neutral, movement_of
from data_prep.simulator.settings import SimulatorSettings
from data_prep.simulator.shape import MEAN_SHAPE, MIRROR

FACE = 100.0
PEOPLE = tuple(f"casme2/{number:02d}" for number in range(1, 5))
GRID = np.stack(np.meshgrid(np.arange(-60.0, 60.0, 2.0), np.arange(-45.0, 90.0, 2.0)), axis=-1)


def movement(unit, subject, knobs):
    names = (f"L{unit}", f"R{unit}")
    bumps = bumps_of(names, MEAN_SHAPE, FACE, (0.0, 0.0), actions_of(subject, knobs))
    return Movement(names, bumps, np.ones((1, 2)), (0.0, 0.0), (60.0, 85.0), np.zeros((1, 4)))


def fields(unit, knobs):
    return np.stack([movement(unit, subject, knobs).at(0, GRID) for subject in PEOPLE])


def likeness(one, other):
    return (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)


def test_without_a_style_everybody_has_the_common_muscles_to_the_bit():
    for subject in PEOPLE:
        assert actions_of(subject, SimulatorSettings(style=0.0)) == ACTIONS


@pytest.mark.parametrize("unit", ACTIONS)
def test_a_unit_of_ones_own_is_symmetric_and_as_strong_as_the_common_one(unit):
    for subject, field in zip(PEOPLE, fields(unit, SimulatorSettings()), strict=True):
        own = movement(unit, subject, SimulatorSettings())
        moved = own.at(0, MEAN_SHAPE * FACE)
        assert np.allclose(moved[MIRROR] * (-1, 1), moved, atol=1e-9)
        assert np.linalg.norm(field, axis=-1).max() == pytest.approx(ACTIONS[unit].gain, rel=0.1)


@pytest.mark.parametrize("unit", ACTIONS)
def test_people_differ_the_more_the_more_style_they_have(unit):
    common = fields(unit, SimulatorSettings(style=0.0))[0]
    alike = {
        style: np.mean([likeness(common, own) for own in fields(unit, SimulatorSettings(style=style))])
        for style in (0.3, 1.0)
    }
    assert 0.3 < alike[1.0] < alike[0.3] < 1.0


def test_two_clips_of_a_person_move_by_the_same_field_and_the_truth_says_which():
    knobs = SimulatorSettings(drift=0.0, turn=0.0, blinks=0.0)
    neutral = draw_neutral(draw_looks(0, PEOPLE[0]), (92, 88), 52.0)

    def bumps(person, index):
        units = {"L12": 1.0, "R12": 1.0}
        plan = ClipPlan("casme2", person, index, "happiness", "12", units, 3.0, 9, 4, 200.0)
        return movement_of(plan, neutral, knobs).bumps

    assert np.array_equal(bumps(1, 1), bumps(1, 2))
    assert not np.allclose(bumps(1, 1), bumps(2, 1))


def test_skin_is_not_torn_at_the_defaults_strengths():
    """Where the field's gradient reaches 1 neighbouring points change places."""
    knobs = SimulatorSettings(size="full")
    for plan in plan_clips("casme2", PRESETS["full"].casts["casme2"], knobs)[::12]:
        shares = np.array(list(plan.units.values()))
        names, peak = tuple(plan.units), plan.peak * FACE / 230.0
        landmarks = draw_looks(knobs.seed, plan.subject).landmarks
        bumps = bumps_of(names, landmarks, FACE, (0.0, 0.0), actions_of(plan.subject, knobs))
        intensities = (peak * shares / shares.max())[None]
        own = Movement(names, bumps, intensities, (0.0, 0.0), (60.0, 85.0), np.zeros((1, 4)))
        slopes = np.stack(np.gradient(own.at(0, GRID), 2.0, axis=(0, 1)), axis=-1)
        assert np.linalg.norm(slopes, axis=(-2, -1)).max() < 0.8
