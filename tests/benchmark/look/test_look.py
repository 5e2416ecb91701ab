"""The page of a database: what it shows, what it keeps to itself, and whose folder it writes into."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.look.page import entry_of, page
from benchmark.look.pictures import animation, difference_pictures, flow_pictures
from benchmark.look.write import MARK, look
from benchmark.settings import SettingsError, resolve
from data_prep.clips import Clip, SetAside
from data_prep.frames.sources import ImageFrames
from data_prep.landmarks import mean_shape


@pytest.fixture
def clip():
    return Clip(
        database="db",
        subject="db/p1",
        name="db/p1/<c>&1",
        emotion="happiness",
        label=0,
        fps=100.0,
        onset=11,
        apex=None,
        offset=30,
        frames=ImageFrames(tuple(f"{i}.png" for i in range(20))),
    )


def entries_in(text: str):
    return json.loads(re.search(r"const clips = (\[.*?\]), height", text, re.S).group(1))


def moving_square(shift: int) -> np.ndarray:
    clip = np.full((3, 64, 64, 3), 120, np.uint8)
    for t in range(3):
        clip[t, 20:40, 20 + shift * t : 40 + shift * t] = 200
    return clip


def test_an_animation_holds_every_frame_and_plays_for_ever():
    pictures = np.random.default_rng(0).integers(0, 255, (5, 16, 12, 3), dtype=np.uint8)
    held = Image.open(io.BytesIO(animation(pictures)))
    assert (held.format, held.n_frames, held.size, held.info["loop"]) == ("WEBP", 5, (12, 16), 0)


def test_a_difference_is_red_where_it_became_brighter_and_blue_where_darker():
    shown, full = difference_pictures(moving_square(4))
    assert full > 6
    left, right = shown[2, 30, 22].astype(int), shown[2, 30, 45].astype(int)
    assert left[2] > left[0] + 60 and right[0] > right[2] + 60
    assert np.ptp(shown[0]) == 0, "the first frame differs nowhere from itself"


def test_noise_of_a_still_clip_is_not_magnified_to_full_colour():
    noise = np.random.default_rng(1).normal(128, 1, (6, 48, 48, 1)).clip(0, 255).astype(np.uint8)
    shown, _ = difference_pictures(np.repeat(noise, 3, axis=3))
    assert (247 - shown[:, :, :, 1].astype(int)).max() < 120


def test_flow_colours_tell_left_from_right():
    to_right, _ = flow_pictures(moving_square(2))
    to_left, _ = flow_pictures(moving_square(2)[::-1].copy())
    assert to_right[2, 30, 32, 0] > to_right[2, 30, 32, 1]
    assert to_left[2, 30, 32, 0] < to_left[2, 30, 32, 1]


def test_the_page_holds_every_clip_and_every_reason_and_escapes_names(clip):
    entry = entry_of(clip, ("positive", "negative"), mean_shape(163, 134), {"flow": "clips/x.webp"}, {})
    aside = SetAside("db", "db/p2/c9", "frames", "</script><b>no frame 7")
    text = page("db", (163, 134), [entry], [aside], mark=MARK)
    assert entries_in(text)[0]["name"] == clip.name
    assert entries_in(text)[0]["milliseconds"] == 200
    assert len(entries_in(text)[0]["regions"]) == 36
    assert "</script><b>" not in text and "no frame 7" in text
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", text), "the page asks for nothing"


def test_what_was_noticed_stands_beside_the_clip_and_what_check_says_below(clip):
    notes = ["several faces: the largest is taken"]
    entry = entry_of(clip, ("positive",), mean_shape(163, 134), {}, {}, notes)
    text = page("db", (163, 134), [entry], [], mark=MARK, remarks=["identity: 01 and 1 <are> one?"])
    assert entries_in(text)[0]["notes"] == notes
    assert "only with remarks (1)" in text and "01 and 1 &lt;are&gt; one?" in text
    assert "only with remarks" not in page("db", (163, 134), [replace(entry, notes=())], [], mark=MARK)


def test_an_unknown_rate_is_said_not_divided_by(clip):
    entry = entry_of(replace(clip, fps=float("nan")), ("positive",), mean_shape(163, 134), {}, {})
    assert entry.milliseconds is None


@pytest.mark.parametrize("held", ["thesis.pdf", "index.html"])
def test_a_folder_of_the_users_own_is_left_alone(tmp_path: Path, held):
    (tmp_path / held).write_text("mine")
    with pytest.raises(SettingsError, match="not empty"):
        look(resolve({}), tmp_path, faces=True, log=print)
    assert [path.name for path in tmp_path.iterdir()] == [held]
