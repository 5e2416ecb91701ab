"""The onset-apex picture step by step, against formulas and known fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.bi_woof import bi_woof
from features.flow_image import Recipe, apex_field, flow_image, normalised, reduced, spotted_apex, with_strain

Y, X = np.mgrid[0:40, 0:30].astype(np.float32)


def field(u, v):
    return np.stack([np.broadcast_to(u, Y.shape), np.broadcast_to(v, Y.shape)], axis=-1).astype(np.float32)


@pytest.mark.parametrize(
    ("u", "v", "strain"),
    [
        (0.5, -2.0, 0.0),
        (0.1 * X, 0 * X, 0.1),
        (0 * X, 0.2 * Y, 0.2),
        (0.1 * Y, 0.1 * X, np.sqrt(0.2**2 / 2)),
        (0.1 * Y, -0.1 * X, 0.0),
        (0.3 * X, 0.4 * Y, 0.5),
    ],
)
def test_strain_of_linear_fields(u, v, strain):
    """Stretching counts, shifting and turning do not."""
    channels = with_strain(field(u, v))
    assert np.allclose(channels[..., 2], strain, atol=1e-5)
    assert np.array_equal(channels[..., 0], field(u, v)[..., 0])


def test_minmax_spans_bytes_and_cuts_fractions():
    channels = np.zeros((4, 5, 3), np.float32)
    channels[0, 0] = (-2.0, 1.0, 0.0)
    channels[1, 1] = (3.0, 1.5, 0.0)
    made = normalised(channels, "minmax")
    assert made.dtype == np.uint8
    assert made[..., 0].min() == 0 and made[..., 0].max() == 255
    assert made[2, 2, 0] == int(2 / 5 * 255)
    assert not made[..., 2].any()


def test_symmetric_keeps_the_zero_and_none_keeps_everything():
    channels = np.zeros((4, 5, 3), np.float32)
    channels[0, 0, 0], channels[1, 1, 1] = -2.0, 4.0
    made = normalised(channels, "symmetric")
    assert made[3, 3].tolist() == [128, 128, 128] and made[0, 0, 0] == 1 and made[1, 1, 1] == 255
    assert normalised(channels, "none") is channels


@given(st.integers(0, 2**32 - 1))
def test_pictures_do_not_know_the_amplitude(seed):
    channels = np.random.default_rng(seed).normal(size=(6, 6, 3)).astype(np.float32)
    assert np.array_equal(normalised(channels, "minmax"), normalised(4 * channels, "minmax"))


def test_reduction_keeps_constants_and_the_order_of_channels():
    made = reduced(np.dstack([X, Y, 0 * X + 7]), 28)
    assert made.shape == (28, 28, 3) and np.allclose(made[..., 2], 7)
    assert (np.diff(made[0, :, 0]) > 0).all() and (np.diff(made[:, 0, 1]) > 0).all()


def moving(shifts):
    """A blob that moves down by these pixels from frame to frame."""
    frames = [255 * np.exp(-((X - 15) ** 2 + (Y - 15 - shift) ** 2) / 30) for shift in shifts]
    return np.repeat(np.stack(frames).astype(np.uint8)[..., None], 3, axis=3)


def test_the_spotter_finds_the_frame_of_the_largest_movement():
    frames = moving([0, 0.3, 0.8, 2.0, 1.2, 0.5])
    assert np.array_equal(apex_field(frames, np.nan, "farneback"), apex_field(frames, 3 / 5, "farneback"))
    assert apex_field(frames, np.nan, "farneback")[15, 15, 1] > 0.5


def test_divide_and_conquer_follows_the_larger_half():
    lengths = np.array([0, 0, 0, 5, 2, 2, 2, 2], np.float32)
    flow = np.zeros((8, 12, 12, 2), np.float32)
    flow[..., 0] = lengths[:, None, None]
    assert spotted_apex(flow, "largest") == 3
    assert spotted_apex(flow, "divide") in (4, 5, 6, 7)
    assert spotted_apex(flow[:1], "divide") == 0


def test_a_steady_spotter_does_not_follow_the_head():
    """A brow that rises and falls on a head that drifts ever farther."""
    flow = np.zeros((8, 12, 12, 2), np.float32)
    flow[..., 1] = np.linspace(0, 4, 8)[:, None, None]
    flow[:, 2:5, 3:9, 0] = np.array([0, 1, 2, 3, 2, 1, 0, 0])[:, None, None]
    assert (spotted_apex(flow), spotted_apex(flow, "largest")) == (3, 7)


def test_an_apex_at_the_first_frame_is_the_second():
    frames = moving([0, 1.0, 0])
    assert np.array_equal(flow_image(frames, 0.0, Recipe()), flow_image(frames, 0.5, Recipe()))
    with pytest.raises(ValueError, match=r"0\.\.1"):
        flow_image(frames, 1.5, Recipe())
    with pytest.raises(ValueError, match="two frames"):
        flow_image(frames[:1], 0.5, Recipe())


@pytest.mark.parametrize("change", [{"algorithm": "x"}, {"normalise": "x"}, {"spotter": "x"}, {"side": 1}])
def test_a_recipe_says_what_it_can_be(change):
    with pytest.raises(ValueError, match="must"):
        Recipe(**change)


def test_bi_woof_of_known_movement():
    channels = np.zeros((10, 10, 3), np.float32)
    channels[:5, :5] = (2.0, 0.0, 0.1)
    channels[5:, 5:] = (0.0, 1.0, 0.3)
    made = bi_woof(channels, blocks=(2, 2))
    expected = np.zeros(32)
    expected[0], expected[24 + 2] = 0.1, 0.3
    assert np.allclose(made, expected / np.linalg.norm(expected), atol=1e-6)
    assert bi_woof(np.zeros((10, 10, 3), np.float32)).shape == (200,)
    assert not bi_woof(np.zeros((10, 10, 3), np.float32)).any()


def test_bi_woof_weighs_votes_by_length_and_blocks_by_strain():
    channels = np.zeros((10, 10, 3), np.float32)
    channels[..., 2] = 1
    channels[0, 0], channels[0, 1] = (3.0, 0.0, 1.0), (-1.0, 0.0, 1.0)
    made = bi_woof(channels, blocks=(1, 1))
    assert made[0] / made[4] == pytest.approx(3)
