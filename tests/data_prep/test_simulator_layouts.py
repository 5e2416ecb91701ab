"""The newer trees: what the simulator lays out is read by the loaders of the releases, clip by clip."""

from __future__ import annotations

import cv2
import pandas as pd
import pytest

from data_prep.clips import BY_DESIGN
from data_prep.databases import read
from data_prep.databases.check import check
from data_prep.simulator import SimulatorSettings, simulate
from data_prep.simulator.casting import plan_clips
from data_prep.simulator.layouts import PLACES, annotation_tables
from data_prep.simulator.modern import MODERN

WORDS = {"casme3": {"happiness": "happy", "sadness": "sad"}, "samm": {"others": "other"}}
"""Where a table's word for an emotion is another one than the plan's."""


def laid_out(root, name, size):
    """The plans of a database whose frames are empty files, and its settings."""
    knobs = SimulatorSettings(size=size, layouts=(name,))
    plans = plan_clips(name, knobs.preset.casts[name], knobs)
    places = [PLACES[name](plan, knobs.seed) for plan in plans]
    for place in places:
        (root / place.folder).mkdir(parents=True)
        for file in place.files:
            (root / place.folder / file).touch()
    for file, content in annotation_tables(name, plans, knobs.seed).items():
        (root / file).write_bytes(content)
    return plans, places


@pytest.mark.parametrize("name", MODERN)
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_every_clip_is_read_as_it_was_planned(tmp_path, name, size):
    plans, places = laid_out(tmp_path, name, size)
    database = read(name, tmp_path)
    assert {item.stage for item in database.set_aside} <= {BY_DESIGN}
    clips = {clip.frames.paths[0]: clip for clip in database.clips}
    assert len(clips) == len(database.clips) == len(plans)
    for plan, place in zip(plans, places, strict=True):
        clip = clips[str(tmp_path / place.folder / place.files[0])]
        assert len(clip.frames) == plan.frames and clip.fps == plan.fps
        assert (clip.onset, clip.offset) == (place.onset, place.onset + plan.frames - 1)
        assert [str(unit) for unit in clip.action_units] == plan.combination.split("+")
        if name != "casme3-c":
            assert clip.apex == place.onset + plan.apex
            assert clip.emotion.lower() == WORDS.get(name, {}).get(plan.emotion, plan.emotion)


def test_the_parts_of_a_release_have_people_of_their_own_and_dfme_three_rates(tmp_path):
    parts = ("dfme", "dfme-test-a", "dfme-test-b")
    plans = {name: laid_out(tmp_path / name, name, "tiny")[0] for name in parts}
    people = [{plan.person for plan in plans[name]} for name in parts]
    assert sum(map(len, people)) == len(set.union(*people))
    assert {plan.fps for plan in plans["dfme"]} == {500.0, 300.0, 200.0}


def test_layouts_leave_the_knobs_of_every_other_simulation_as_they_were():
    assert "layouts" not in SimulatorSettings().knobs()
    assert SimulatorSettings(layouts=("samm",)).digest != SimulatorSettings(layouts=("mmew",)).digest


def test_a_layout_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"casme4.*samm.*casme3.*dfme"):
        SimulatorSettings(layouts=("casme4",))


@pytest.mark.slow
def test_written_trees_are_decoded_and_what_was_filmed_in_grey_is_grey(tmp_path):
    made = simulate(tmp_path, SimulatorSettings(size="tiny", layouts=("casme-sq", "4dme", "casme3-c")))
    assert list(made.clip_roots) == ["casme-sq", "4dme", "casme3-c"]
    for name, root in made.clip_roots.items():
        report = check(name, root, decode=True)
        assert report.usable == len(read(name, root).clips) and not report.faults
    seen = {
        name: cv2.imread(read(name, root).clips[0].frames.paths[0], cv2.IMREAD_UNCHANGED).ndim
        for name, root in made.clip_roots.items()
    }
    assert seen == {"casme-sq": 3, "4dme": 2, "casme3-c": 3}


def test_dfme_numbers_its_emotions_as_the_release_does(tmp_path):
    laid_out(tmp_path, "dfme", "small")
    (table,) = tmp_path.glob("*.xlsx")
    rows = pd.read_excel(table)
    numbers = dict(zip(rows["Emotion"], rows["EmotionId"], strict=True))
    published = {
        "anger": 0,
        "contempt": 1,
        "disgust": 2,
        "fear": 3,
        "happiness": 4,
        "sadness": 5,
        "surprise": 6,
    }
    assert numbers.items() <= published.items() and len(numbers) > 3
