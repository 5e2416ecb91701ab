"""Heads held still: a known motion comes back, a simulated head's is found, and sets never mix."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basis.canonical import digest_of
from data_prep import examine
from data_prep.clips import Database, prepared_set
from data_prep.crop import Box, face_box
from data_prep.landmarks import MEAN_SHAPE
from data_prep.registration import NONE
from data_prep.registration.head import NOT_FOLLOWED, Head, Similarity, rigid_patches
from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.looks import draw_looks
from data_prep.simulator.render import draw_neutral, movement_of, render
from data_prep.simulator.settings import SimulatorSettings
from data_prep.simulator.shape import KEPT_66

SHAPE = (184, 176)
POINTS = np.asarray(MEAN_SHAPE) * (100, 115) + (38, 52)
BOX = face_box(POINTS, SHAPE)
MIDDLE = complex(BOX.left + BOX.right - 1, BOX.top + BOX.bottom - 1) / 2
RIGID = [*range(5), *range(12, 17), 28, 29, 30]
"""Landmarks at the sides of the face and along the nose."""


REST = Similarity()


def scene(place=REST, gain=1.0, offset=0.0):
    """A smooth texture whose every point has moved, known everywhere: no picture is interpolated."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    origin = ((x + 1j * y) - MIDDLE - place.shift) / place.turned
    level = np.full(SHAPE, 128.0)
    for _ in range(30):
        wave = np.exp(2j * np.pi * rng.random()) / rng.uniform(8, 40)
        level += 12 * np.cos(2 * np.pi * ((origin * wave).real + rng.random()))
    return np.clip(np.rint(gain * level + offset), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def corners_moved(place):
    z = np.array([BOX.left, BOX.right]) + 1j * np.array([[BOX.top], [BOX.bottom]]) - MIDDLE
    return (place.turned - 1) * z + place.shift


FIRST = scene()
amount = st.floats(-1, 1)


@settings(max_examples=12)
@given(x=amount, y=amount, turn=amount, growth=amount, light=amount)
def test_a_known_motion_comes_back(x, y, turn, growth, light):
    place = Similarity(1 + 0.02 * growth + 0.04j * turn, complex(5 * x, 5 * y))
    head = Head(FIRST, POINTS, BOX)
    laid = head.laid(scene(place, 1 + 0.1 * light, 5 * light))
    (found,) = head.places
    assert np.abs(corners_moved(found) - corners_moved(place)).max() < 0.03
    seen, wanted = (
        p[8:-8, 8:-8].astype(float) for p in (laid, FIRST[BOX.top : BOX.bottom, BOX.left : BOX.right])
    )
    inside = (wanted > 20) & (wanted < 225)
    np.testing.assert_allclose(seen[inside], (wanted * (1 + 0.1 * light) + 5 * light)[inside], atol=4)
    assert head.notes() == []


def test_a_frame_that_has_not_moved_keeps_its_bytes_but_for_the_last_digit():
    head = Head(FIRST, POINTS, BOX)
    laid = head.laid(FIRST)
    assert np.abs(corners_moved(head.places[0])).max() < 1e-6
    np.testing.assert_array_equal(laid, FIRST[BOX.top : BOX.bottom, BOX.left : BOX.right])


def test_a_real_face_shifted_by_fourier_comes_back():
    from scipy.ndimage import fourier_shift
    from skimage import data

    face = np.ascontiguousarray(data.astronaut()[10:250, 110:350])
    points = np.asarray(MEAN_SHAPE) * (84, 100) + (72, 62)
    head = Head(face, points, face_box(points, face.shape[:2]))
    for shift in ((0.3, -0.7), (1.6, 0.45), (-2.25, 3.1)):
        moved = [np.fft.ifft2(fourier_shift(np.fft.fft2(face[..., c]), shift[::-1])).real for c in range(3)]
        head.laid(np.clip(np.rint(np.stack(moved, axis=-1)), 0, 255).astype(np.uint8))
        assert abs(head.places[-1].shift - complex(*shift)) < 0.02
        assert abs(head.places[-1].turned - 1) < 5e-4


@pytest.fixture(scope="module")
def neutral():
    return draw_neutral(draw_looks(3, "casme2/05"), SHAPE, 104.0)


def simulated(neutral, units, index, **knobs):
    """A clip's frames, its movement, and the head that was followed through it."""
    wanted = SimulatorSettings(**knobs)
    named = dict.fromkeys(units.split(), 1.0)
    peak = 2.5 if named else 0.0
    plan = ClipPlan("casme2", 5, index, "happiness", "any", named or {"L12": 1.0}, peak, 25, 12, 200.0)
    movement = movement_of(plan, neutral, wanted)
    frames = list(render(plan, neutral, movement, wanted))
    landmarks = neutral.landmarks[KEPT_66]
    head = Head(frames[0], landmarks, face_box(landmarks, SHAPE))
    laid = np.stack([head.laid(frame) for frame in frames[1:]])
    return laid, movement, landmarks, head


def at(place, landmarks, box):
    """Where a similarity moves landmarks, (66, 2) displacements."""
    z = landmarks @ (1, 1j) - complex(box.left + box.right - 1, box.top + box.bottom - 1) / 2
    moved = (place.turned - 1) * z + place.shift
    return np.stack([moved.real, moved.imag], axis=1)


def test_the_motion_of_a_simulated_head_is_found_beside_an_expression(neutral):
    """The truth is the simulator's: its head's own motion, and where every landmark lies in every frame."""
    errors, before, after = [], [], []
    for index, units in enumerate(("L12 R12", "L1 R1 L2 R2", "L4 R4 L7 R7", "L9 R9 L10 R10")):
        _, movement, landmarks, head = simulated(neutral, units, index, drift=2.0, turn=0.3)
        only_head = dataclasses.replace(movement, intensities=np.zeros_like(movement.intensities))
        for frame, place in enumerate(head.places, start=1):
            found = at(place, landmarks, head.box)
            errors += np.linalg.norm(found - only_head.at(frame, landmarks), axis=1)[RIGID].tolist()
            moved = movement.at(frame, landmarks)
            before += np.linalg.norm(moved, axis=1)[RIGID].tolist()
            after += np.linalg.norm(moved - found, axis=1)[RIGID].tolist()
        assert head.notes() == []
    assert np.median(errors) < 0.06 and np.quantile(errors, 0.95) < 0.2
    assert np.median(before) > 0.4 > 8 * np.median(after)


def test_a_still_head_is_left_nearly_as_it_is(neutral):
    still = {"drift": 0.0, "turn": 0.0, "light": 0.0, "flicker": 0.0, "blinks": 0.0}
    laid, _, landmarks, head = simulated(neutral, "", 1, noise=0.0, **still)
    assert np.ptp(laid.astype(int), axis=0).max() <= 1
    _, _, landmarks, noisy = simulated(neutral, "", 1, **still)
    for place in head.places:
        assert np.abs(at(place, landmarks, head.box)).max() < 0.003
    shifts = [np.linalg.norm(at(place, landmarks, noisy.box), axis=1) for place in noisy.places]
    assert np.median(shifts) < 0.05 and np.max(shifts) < 0.15


def test_patches_lie_on_skin_that_expressions_do_not_move():
    corners = rigid_patches(POINTS, float(np.linalg.norm(POINTS[36] - POINTS[45])), 15)
    middles = corners + 7
    assert len(corners) > 15
    for landmarks, least in ((range(17, 27), 14), (range(36, 48), 10), (range(48, 60), 18)):
        gaps = np.linalg.norm(middles[:, None] - POINTS[list(landmarks)], axis=2)
        assert gaps.min() >= least
    assert (middles[:, 1] < POINTS[17:27, 1].min()).any(), "none on the forehead"
    assert (np.abs(middles[:, 0] - POINTS[28, 0]) < 8).any(), "none on the nose"


def test_frames_that_show_something_else_are_named_and_laid_like_the_one_before():
    rng = np.random.default_rng(0)
    head = Head(FIRST, POINTS, BOX)
    place = Similarity(1, 2 + 1j)
    head.laid(scene(place))
    head.laid(rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8))
    head.laid(np.full((*SHAPE, 3), 90, np.uint8))
    head.laid(scene(Similarity(1, 60 + 0j)))
    assert head.places[1:] == head.places[:1] * 3
    assert head.notes() == [(NOT_FOLLOWED, "3 of 5, the first is 3")]
    head.laid(FIRST)
    assert np.abs(corners_moved(head.places[-1])).max() < 0.01


def test_a_face_without_texture_is_left_as_it_is_and_named():
    grey = np.full((*SHAPE, 3), 90, np.uint8)
    head = Head(grey, POINTS, BOX)
    np.testing.assert_array_equal(head.laid(grey), grey[: BOX.height, : BOX.width])
    assert head.notes() == [(NOT_FOLLOWED, "1 of 2, the first is 2")]


def wandering(world, i):
    """A clip of the small database in which the whole picture shifts by a pixel a frame."""
    clip = world.write_clip(i)
    for k, path in enumerate(clip.frames.paths):
        first = cv2.imread(clip.frames.paths[0])
        move = np.float32([[1, 0, k], [0, 1, -0.5 * k]])
        cv2.imwrite(path, cv2.warpAffine(first, move, (128, 96), borderMode=cv2.BORDER_REPLICATE))
    return clip


def test_registered_and_other_frames_share_a_cache_and_never_mix(world):
    database = Database("toy", str(world.root), tuple(wandering(world, i) for i in range(2)))
    wanted = [(6, (48, 40))]
    plain, held = (world.plan(database, registration=name, wanted=wanted) for name in (NONE, "rigid"))
    assert plain.digest != held.digest == world.plan(database, registration="rigid").digest
    moving, still = (prepared_set(world.prepared(plan)).frames for plan in (plain, held))
    changes = [np.abs(np.diff(f[:, :, 6:-6, 6:-6].astype(int), axis=1)).mean() for f in (moving, still)]
    assert changes[1] < 0.1 * changes[0]
    np.testing.assert_array_equal(still[:, 0], moving[:, 0])
    other = dataclasses.replace(world, cache=world.cache / "other")
    again = other.plan(database, registration="rigid")
    np.testing.assert_array_equal(prepared_set(other.prepared(again)).frames, still)


def test_what_was_prepared_before_there_was_registration_keeps_its_name():
    points, target = POINTS.astype(np.float32), examine.Target(6, (48, 40))
    key = examine.part_key("content", examine.Cut(BOX, points), target)
    before = {"content": "content", "box": list(BOX), "tim": 6, "size": [48, 40], "rev": examine.REVISION}
    assert key == digest_of(before)
    registered = {examine.part_key("content", examine.Cut(BOX, points + n, "rigid"), target) for n in (0, 1)}
    assert len({key, *registered}) == 3


def test_a_clip_that_cannot_be_followed_is_noted(world):
    clip = wandering(world, 3)
    cv2.imwrite(clip.frames.paths[4], np.full((96, 128, 3), 90, np.uint8))
    plan = world.plan(Database("toy", str(world.root), (clip,)), registration="rigid")
    assert [(note.kind, note.detail) for note in plan.notes] == [(NOT_FOLLOWED, "1 of 8, the first is 5")]
    assert any(NOT_FOLLOWED in line and clip.name in line for line in world.lines)


def test_the_box_of_a_face_at_the_frames_border_is_read_from_repeated_pixels():
    points = POINTS - (POINTS[:, 0].min() + 10, 0)
    box = face_box(points, SHAPE)
    assert box.left == 0
    head = Head(FIRST, points, box)
    assert head.laid(FIRST).shape == (box.height, box.width, 3)
    assert head.notes() == [] and isinstance(head.box, Box)
