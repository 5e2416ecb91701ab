"""Frames on the device: statistics, cutting, mirroring, sampling."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.clips import Clips, Stills, prepared_set
from methods.training.windows import (
    Sampler,
    View,
    central_windows,
    channel_statistics,
    cut_in_place,
    frames_of,
    gathered,
    training_footage,
    unlabelled_footage,
)

CPU = torch.device("cpu")


def toy(n=5, frames=20, height=12, width=14, seed=0):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (n, frames, height, width, 3)).astype(np.uint8)
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), np.arange(n) % 4)


def sampler(clips, positions, length, seed=0, mirror=True):
    generator = torch.Generator().manual_seed(seed)
    data = training_footage(clips, positions, CPU)
    return Sampler(data, positions, length=length, crop=8, mirror=mirror, generator=generator)


def test_statistics_are_numpys_over_every_eighth_frame():
    clips = toy()
    mean, deviation = channel_statistics(clips[i] for i in range(3))
    pixels = prepared_set(clips).frames[:3, ::8].reshape(-1, 3).astype(float)
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(deviation, pixels.std(0))


def test_a_constant_colour_has_deviation_one():
    assert channel_statistics([np.full((1, 4, 4, 3), 7, np.uint8)]) == ((7.0,) * 3, (1.0,) * 3)


@settings(deadline=None, max_examples=30)
@given(
    clip=st.integers(0, 4),
    start=st.integers(0, 4),
    top=st.integers(0, 4),
    left=st.integers(0, 6),
    mirrored=st.integers(0, 1),
)
def test_a_window_is_a_slice(clip, start, top, left, mirrored):
    clips = toy()
    data = training_footage(clips, range(5), CPU)
    windows = torch.tensor([[clip], [start], [top], [left], [mirrored]])
    found = frames_of(data, windows, View(16, 16, 8))
    cut = clips[clip][start : start + 16, top : top + 8, left : left + 8].astype(np.float32)
    cut = cut[:, :, ::-1] if mirrored else cut
    expected = (cut - np.array(data.statistics[0])) / np.array(data.statistics[1])
    assert found.shape == (1, 16, 3, 8, 8)
    np.testing.assert_allclose(found[0], expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_the_gather_of_a_gpu_cuts_the_same_windows():
    data = training_footage(toy().select([4, 2, 0]), range(3), CPU)
    generator = torch.Generator().manual_seed(0)
    drawn = Sampler(data, range(3), length=16, crop=8, mirror=True, generator=generator).draw(40)
    assert torch.equal(gathered(data, drawn, 16, 8), cut_in_place(data, drawn, 16, 8))
    assert set(drawn[4].tolist()) == {0, 1}


def test_cutting_leaves_a_read_only_array_as_it_is():
    clips = toy()
    prepared_set(clips).frames.flags.writeable = False
    before = prepared_set(clips).frames.copy()
    data = training_footage(clips, range(5), CPU)
    frames_of(data, torch.zeros((5, 3), dtype=torch.int64), View(4, 4, 8)).zero_()
    assert np.array_equal(prepared_set(clips).frames, before)


def test_positions_count_within_the_view():
    clips = toy()
    data = training_footage(clips.select([3, 1]), range(2), CPU)
    found = frames_of(data, torch.tensor([[1], [0], [0], [0], [0]]), View(1, 1, 8))
    pixels = (found[0, 0].permute(1, 2, 0) / data.scale + data.mean).round().numpy()
    assert np.array_equal(pixels, prepared_set(clips).frames[1, 0, :8, :8]) and data.labels.tolist() == [3, 1]


def test_prediction_needs_no_labels():
    data = unlabelled_footage(toy().without_labels(), ((0.0,) * 3, (1.0,) * 3), CPU)
    assert len(data) == 5 and len(data.labels) == 0


def test_photographs_are_clips_of_one_frame():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 12, 14, 3)).astype(np.uint8)
    stills = Stills(pixels, np.arange(4), ("a",) * 4, tuple("abcd"), "digest")
    data = training_footage(stills, range(4), CPU)
    assert data.frames.shape == (4, 1, 12, 14, 3) and data.labels.tolist() == [0, 1, 2, 3]


def test_an_epoch_of_frames_is_every_frame_once():
    draws = sampler(toy(), [0, 2, 3], length=1).draw(60)
    assert Counter(zip(draws[0].tolist(), draws[1].tolist(), strict=True)) == Counter(
        (clip, frame) for clip in (0, 2, 3) for frame in range(20)
    )


def test_an_epoch_of_clips_is_every_clip_once_with_a_start_of_its_own():
    windows = sampler(toy(), [0, 2, 3], length=16)
    starts = set()
    for _ in range(40):
        draws = windows.draw(3)
        assert sorted(draws[0].tolist()) == [0, 2, 3]
        starts |= set(draws[1].tolist())
    assert starts == set(range(5))


def test_crops_and_mirrors_reach_every_place_and_stay_inside():
    draws = sampler(toy(), [0, 1], length=1).draw(2000)
    assert set(draws[2].tolist()) == set(range(5)) and set(draws[3].tolist()) == set(range(7))
    assert abs(float(draws[4].float().mean()) - 0.5) < 0.05
    assert not sampler(toy(), [0, 1], length=1, mirror=False).draw(50)[4].any()


@settings(deadline=None, max_examples=20)
@given(before=st.integers(0, 30), n=st.integers(1, 40), length=st.sampled_from([1, 16]))
def test_draws_go_on_where_the_state_was_taken(before, n, length):
    one = sampler(toy(), [0, 1, 4], length=length, seed=5)
    if before:
        one.draw(before)
    state = {name: tensor.clone() for name, tensor in one.state().items()}
    expected = one.draw(n)
    other = sampler(toy(), [0, 1, 4], length=length, seed=6)
    other.restore(state)
    assert torch.equal(other.draw(n), expected)


@pytest.mark.parametrize(
    ("frames", "expected"), [(32, [0, 8, 16]), (64, list(range(0, 49, 8))), (20, [0, 4]), (16, [0])]
)
def test_windows_of_a_clip_cover_it_to_the_end(frames, expected):
    data = training_footage(toy(n=2, frames=frames), range(2), CPU)
    windows = central_windows(data, [1, 0], View(16, 8, 8))
    assert windows[0].tolist() == [1] * len(expected) + [0] * len(expected)
    assert windows[1].tolist() == expected * 2
    assert windows[2:].T.unique(dim=0).tolist() == [[2, 3, 0]]


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        sampler(toy(), [0], length=21)


@settings(deadline=None, max_examples=20)
@given(start=st.integers(0, 4), top=st.integers(0, 4), left=st.integers(0, 6), mirrored=st.integers(0, 1))
def test_a_difference_is_minus_the_same_place_in_the_first_frame(start, top, left, mirrored):
    clips = toy()
    data = training_footage(clips, range(5), CPU)
    windows = torch.tensor([[2], [start], [top], [left], [mirrored]])
    found = frames_of(data, windows, View(16, 16, 8, difference=4.0))
    clip = clips[2].astype(np.float32) - clips[2][0].astype(np.float32)
    cut = clip[start : start + 16, top : top + 8, left : left + 8] / 4
    cut = cut[:, :, ::-1] if mirrored else cut
    np.testing.assert_array_equal(found[0], cut.transpose(0, 3, 1, 2))


def test_ten_crops_are_corners_and_centre_and_the_same_mirrored():
    data = training_footage(toy(n=2, frames=16), range(2), CPU)
    windows = central_windows(data, [1, 0], View(16, 8, 8, crops=10))
    assert windows[0].tolist() == [1] * 10 + [0] * 10
    places = {(0, 0), (0, 6), (4, 0), (4, 6), (2, 3)}
    one = windows[2:, :10].T.tolist()
    assert {(top, left) for top, left, mirrored in one if not mirrored} == places
    assert {(top, left) for top, left, mirrored in one if mirrored} == places
