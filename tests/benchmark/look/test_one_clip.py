"""The page of one labelled video: whole, self-contained, and true to what was decided."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark.look.one_clip import Seen, write_seen
from benchmark.verbs.predict import clip_of


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    texture = np.random.default_rng(0).integers(60, 200, (120, 100, 3), dtype=np.uint8)
    for number in range(1, 13):
        frame = cv2.GaussianBlur(texture, (0, 0), 3)
        frame[40:50, 20 + number : 40 + number] = 250
        cv2.imwrite(str(folder / f"{number:03d}.png"), frame)
    return clip_of(folder, "template", 8, (60, 48), onset=3, offset=12)


def written(watched, tmp_path, steps=None):
    shares = np.array([0.1, 0.6, 0.2, 0.1])
    seen = Seen("<b>video</b>", "LBP-TOP", watched.clips, watched, shares, "probabilities", steps)
    write_seen(tmp_path / "seen.html", seen)
    return (tmp_path / "seen.html").read_text()


def test_it_says_what_was_decided_and_from_which_frames(watched, tmp_path):
    text = written(watched, tmp_path)
    assert f": {watched.clips.classes[1]}</h1>" in text
    assert "frames 3 to 12" in text and "0.600" in text
    assert "<b>video</b>" not in text
    assert all(note in text for note, _ in watched.notes)
    assert not re.search(r'(src|href)="(?!data:)', text), "nothing is fetched"


def test_it_says_whether_the_head_was_held_still(watched, tmp_path):
    held = "the head held still (rigid)"
    assert held not in written(watched, tmp_path)
    assert held in written(replace(watched, registration="rigid"), tmp_path)


def test_its_three_animations_hold_every_frame(watched, tmp_path):
    held = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", written(watched, tmp_path))
    assert [Image.open(io.BytesIO(base64.b64decode(each))).n_frames for each in held] == [8, 8, 8]


def test_arrows_point_where_the_bar_goes(watched, tmp_path):
    lines = re.findall(r'<line x1="([-\d.]+)" y1="[-\d.]+" x2="([-\d.]+)"', written(watched, tmp_path))
    shifts = np.array([float(to) - float(at) for at, to in lines])
    assert abs(shifts.max()) > 2 * abs(shifts.min())


def test_decisions_over_time_are_runs_of_frames(watched, tmp_path):
    text = written(watched, tmp_path, np.array([1, 1, 1, 0, 0, 1, 1, 1], np.int16))
    rows = re.findall(r"<tr><td>([^<]+)</td><td>([^<]+)</td></tr>", text)
    names = watched.clips.classes
    assert rows == [("1 to 3", names[1]), ("4 to 5", names[0]), ("6 to 8", names[1])]
