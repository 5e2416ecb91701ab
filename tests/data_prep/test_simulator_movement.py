"""Movement: the fields, their inverse, and what an independent optical flow sees of them."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.simulator.casting import ClipPlan, plan_clips
from data_prep.simulator.looks import draw_looks
from data_prep.simulator.movement import ACTIONS, Movement, bumps_of, coarse_points, inverse
from data_prep.simulator.presets import PRESETS
from data_prep.simulator.render import draw_neutral, movement_of, render
from data_prep.simulator.settings import SimulatorSettings
from data_prep.simulator.shape import KEPT_66, MEAN_SHAPE, MIRROR

FACE = 120.0
SHAPE = (212, 200)
STILL = SimulatorSettings(drift=0.0, turn=0.0, light=0.0, blinks=0.0, flicker=0.0, noise=0.0)


@pytest.fixture(scope="module")
def neutral():
    return draw_neutral(draw_looks(3, "casme2/05"), SHAPE, FACE)


def plan(units="L12 R12", peak=4.0, emotion="happiness", index=1):
    named = dict.fromkeys(units.split(), 1.0)
    return ClipPlan("casme2", 5, index, emotion, "any", named, peak, frames=9, apex=4, fps=200.0)


def rendered(neutral, clip, knobs=STILL):
    movement = movement_of(clip, neutral, knobs)
    return np.stack(list(render(clip, neutral, movement, knobs))), movement


def field(movement, frame, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    return movement.at(frame, np.stack([x, y], axis=-1))


def face_mask(neutral, shape=SHAPE):
    (left, top), (right, bottom) = neutral.landmarks.min(axis=0), neutral.landmarks.max(axis=0)
    mask = np.zeros(shape, bool)
    mask[int(top) : int(bottom), int(left) : int(right)] = True
    return mask


def grey(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def dis(first, later):
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(0)
    return flow.calc(first, later, None)


def farneback(first, later):
    return cv2.calcOpticalFlowFarneback(first, later, None, 0.5, 3, 11, 5, 7, 1.5, 0)


@pytest.mark.parametrize(
    ("flow_of", "share", "style"), [(dis, 0.3, 1.0), (dis, 0.3, 0.0), (farneback, 0.65, 0.0)]
)
@pytest.mark.parametrize("units", ["L12 R12", "L4 R4", "L1 R1 L2 R2", "L26 R26", "R15"])
def test_dense_flow_measures_the_true_field(neutral, units, flow_of, share, style):
    frames, movement = rendered(neutral, plan(units, peak=5.0), dataclasses.replace(STILL, style=style))
    measured, true = flow_of(grey(frames[0]), grey(frames[4])), field(movement, 4)
    mask = face_mask(neutral)
    moving = mask & (np.linalg.norm(true, axis=-1) > 0.5)
    error = np.linalg.norm(measured - true, axis=-1)
    assert moving.sum() > 200
    assert np.median(error[moving]) < share * np.median(np.linalg.norm(true[moving], axis=-1))
    assert error[mask].mean() < 0.3
    reversed_error = np.linalg.norm(measured + true, axis=-1)
    assert np.median(reversed_error[moving]) > 2.0 * np.median(error[moving])


def test_a_frame_read_at_the_moved_points_is_the_first_frame(neutral):
    knobs = dataclasses.replace(STILL, drift=4.0)
    frames, movement = rendered(neutral, plan("L12 R12 L4 R4", peak=5.0), knobs)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    true = field(movement, 4).astype(np.float32)
    back = cv2.remap(frames[4], x + true[..., 0], y + true[..., 1], cv2.INTER_CUBIC).astype(float)
    mask = face_mask(neutral)
    unmoved = np.abs(frames[4].astype(float) - frames[0])[mask].mean()
    moved_back = np.abs(back - frames[0])[mask].mean()
    assert moved_back < 0.25 * unmoved


@settings(max_examples=25, deadline=None)
@given(
    centre=st.tuples(st.floats(50, 70), st.floats(50, 70)),
    sigma=st.floats(8, 15),
    size=st.floats(0, 4),
    angle=st.floats(0, 6.28),
)
def test_the_inverse_leads_back(centre, sigma, size, angle):
    shape, step = (120, 120), 2.0
    bump = np.array([[0, *centre, sigma, sigma, np.cos(angle), np.sin(angle)]])
    movement = Movement(("x",), bump, np.array([[size]]), (60.0, 60.0), (20.0, 20.0), np.zeros((1, 4)))
    points = coarse_points(shape, step)
    back = inverse(movement.at(0, points).astype(np.float32), shape)
    assert np.abs(movement.at(0, points - back) - back).max() < 0.05


def test_zero_amplitude_leaves_only_the_nuisances(neutral):
    frames, movement = rendered(neutral, plan(peak=0.0))
    assert np.array_equal(frames[0], frames[4])
    assert not field(movement, 4).any()
    noisy, _ = rendered(neutral, plan(peak=0.0), dataclasses.replace(STILL, noise=2.0 * 230.0 / FACE))
    assert (noisy[4].astype(float) - noisy[0])[60:150, 60:140].std() == pytest.approx(2.0 * 2**0.5, rel=0.05)


def test_at_zero_amplitude_the_emotion_changes_no_pixel(neutral):
    knobs = SimulatorSettings(amplitude=0.0, blinks=1.0)
    happy, _ = rendered(neutral, plan(peak=0.0), knobs)
    angry, _ = rendered(neutral, plan("L4 R4 L5 R5 L7 R7", peak=0.0, emotion="anger"), knobs)
    assert np.array_equal(happy, angry)


def test_head_and_blink_move_where_nothing_else_does(neutral):
    knobs = dataclasses.replace(STILL, drift=2.0)
    _, drifting = rendered(neutral, plan(peak=0.0), knobs)
    assert not field(drifting, 0).any()
    assert np.linalg.norm(drifting.at(8, neutral.landmarks), axis=-1).min() > 0.05
    _, blinking = rendered(neutral, plan(peak=0.0), dataclasses.replace(STILL, blinks=1.0))
    lids = np.abs(blinking.intensities[:, blinking.names.index("blink")])
    assert lids.max() > 0
    chin = max(np.abs(blinking.at(t, neutral.landmarks[8])).max() for t in range(9))
    assert chin < 0.01 * lids.max()


def ends_of_heads(neutral, people, clips, **knobs):
    """(people, clips, 3): shift and turn of the last frame, in standard deviations."""
    knobs = SimulatorSettings(size="tiny", **knobs)
    ends = np.empty((people, clips, 3))
    for person, index in np.ndindex(people, clips):
        clip = dataclasses.replace(plan(index=index), person=person)
        x, y, turn, _ = movement_of(clip, neutral, knobs).head[-1]
        sizes = np.array([knobs.drift * FACE / 230, knobs.drift * FACE / 230, np.deg2rad(knobs.turn)])
        ends[person, index] = np.array([x, y, turn]) / sizes
    return ends


@pytest.mark.parametrize(
    ("knobs", "share"), [({}, SimulatorSettings().habit), ({"habit": 0.3}, 0.3), ({"style": 0.0}, 0.0)]
)
def test_heads_of_a_person_move_alike_by_its_habit_and_no_more_in_all(neutral, knobs, share):
    ends = ends_of_heads(neutral, 150, 3, **knobs)
    assert np.sqrt(np.mean(ends**2)) == pytest.approx(1.0, abs=0.1)
    pairs = [np.mean(ends[:, a] * ends[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert np.mean(pairs) / np.mean(ends**2) == pytest.approx(share, abs=0.1)
    strangers = np.mean(ends[:-1] * ends[1:]) / np.mean(ends**2)
    assert strangers == pytest.approx(0.0, abs=0.1)


def test_the_light_on_a_person_changes_alike_by_its_habit(neutral):
    """Left against right of the picture in the last frame, relative to the first."""
    bright = dataclasses.replace(STILL, light=0.3, habit=0.8)
    changes = np.empty((20, 2))
    for person, index in np.ndindex(*changes.shape):
        clip = dataclasses.replace(plan(peak=0.0, index=index), person=person)
        movement = movement_of(clip, neutral, bright)
        first, *_, last = (frame.astype(float) for frame in render(clip, neutral, movement, bright))
        ratio = (last[60:150].mean(axis=(0, 2)) / first[60:150].mean(axis=(0, 2)))[60:140]
        changes[person, index] = np.polyfit(np.arange(80), ratio, 1)[0]
    assert np.corrcoef(changes.T)[0, 1] == pytest.approx(0.8, abs=0.2)


def displaced(names, landmarks=MEAN_SHAPE):
    names = tuple(names.split())
    bumps = bumps_of(names, landmarks, 100.0, (0.0, 0.0))
    movement = Movement(names, bumps, np.ones((1, len(names))), (0.0, 0.0), (60.0, 85.0), np.zeros((1, 4)))
    return movement.at(0, landmarks * 100.0)


@pytest.mark.parametrize(
    ("units", "landmark", "x", "y"),
    [
        ("L1 R1", 21, 0, -1),
        ("L2 R2", 18, 0, -1),
        ("L4 R4", 21, 1, 1),
        ("L5 R5", 37, 0, -1),
        ("L7 R7", 41, 0, -1),
        ("L9 R9", 31, 0, -1),
        ("L10 R10", 50, 0, -1),
        ("L12 R12", 48, -1, -1),
        ("L12 R12", 54, 1, -1),
        ("L14 R14", 54, 1, 0),
        ("L15 R15", 48, 0, 1),
        ("L17 R17", 57, 0, -1),
        ("L20 R20", 48, -1, 0),
        ("L23 R23", 50, 0, 1),
        ("L26 R26", 8, 0, 1),
    ],
)
def test_action_units_pull_where_the_manual_says(units, landmark, x, y):
    moved = displaced(units)[landmark]
    assert np.linalg.norm(moved) > 0.15
    for value, sign in zip(moved, (x, y), strict=True):
        if sign:
            assert np.sign(value) == sign
            assert abs(value) > 0.3 * np.linalg.norm(moved)


@pytest.mark.parametrize("unit", ACTIONS)
def test_a_two_sided_unit_is_symmetric_and_as_strong_as_its_gain(unit):
    moved = displaced(f"L{unit} R{unit}")
    assert np.allclose(moved[MIRROR] * (-1, 1), moved, atol=1e-9)
    names = (f"L{unit}", f"R{unit}")
    movement = Movement(
        names,
        bumps_of(names, MEAN_SHAPE, 100.0, (100.0, 100.0)),
        np.ones((1, 2)),
        (0.0, 0.0),
        (60.0, 85.0),
        np.zeros((1, 4)),
    )
    peak = np.linalg.norm(field(movement, 0, (220, 200)), axis=-1).max()
    assert peak == pytest.approx(ACTIONS[unit].gain, rel=0.05)


def test_left_is_the_subjects_left():
    moved = np.linalg.norm(displaced("L12"), axis=-1)
    assert moved[54] > 0.5
    assert moved[48] < 0.05


def test_the_mirror_is_an_involution_and_the_mean_face_symmetric():
    assert np.array_equal(MIRROR[MIRROR], np.arange(68))
    assert np.allclose(MEAN_SHAPE[MIRROR] * (-1, 1), MEAN_SHAPE)
    assert len(KEPT_66) == 66
    assert not {60, 64} & set(KEPT_66.tolist())


def test_time_runs_from_rest_over_the_apex_to_near_rest(neutral):
    clip = dataclasses.replace(plan(), frames=61, apex=28)
    course = movement_of(clip, neutral, STILL).intensities
    peak = course.max()
    assert peak == pytest.approx(4.0 * FACE / 230.0, rel=0.01)
    assert np.all(course[0] == 0)
    assert np.all(np.abs(course.argmax(axis=0) - 28) <= 5)
    assert np.all(course[-1] < 0.3 * peak)


def test_default_movements_are_as_small_and_short_as_micro_expressions():
    knobs = SimulatorSettings()
    clips = [c for name, cast in PRESETS["small"].casts.items() for c in plan_clips(name, cast, knobs)]
    peaks = np.array([c.peak for c in clips])
    seconds = np.array([(c.frames - 1) / c.fps for c in clips])
    low, middle, high = np.percentile(peaks, (5, 50, 95))
    assert low >= 0.5
    assert middle <= 3.0
    assert high <= 5.0
    assert np.all((seconds > 0.1) & (seconds <= 0.705))
    assert 0.3 <= seconds.mean() <= 0.37  # CASME II: mean 67.2 frames at 200 fps, SMIC HS 33.7 at 100 fps
    assert all(2 <= c.apex <= c.frames - 3 for c in clips)
