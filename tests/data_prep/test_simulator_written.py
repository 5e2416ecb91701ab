"""What the simulator writes: layouts that the real loaders read, truth, determinism, resumption."""

import dataclasses
import json
import math
import shutil
from collections import Counter
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest

from data_prep.clips import CLASSES, EXPRESSIONS
from data_prep.databases import load, load_stills
from data_prep.databases.emotions import CLASS_OF
from data_prep.frames.reading import read_frame
from data_prep.simulator import (
    SimulatorError,
    SimulatorSettings,
    TruthError,
    presets,
    read_truth,
    simulate,
    true_displacement,
)
from data_prep.simulator.presets import Cast, Preset
from data_prep.simulator.stills import draw_still, plan_kdef

MICRO = Preset(
    face_width=48.0,
    frame=(88, 84),
    casts=MappingProxyType(
        {
            "casme": Cast(8, 60.0, {"happiness": 4, "disgust": 4, "tense": 4, "repression": 4}),
            "casme2": Cast(2, 200.0, {"happiness": 2, "others": 2}),
            "smic": Cast(2, 100.0, {"positive": 2, "negative": 2}),
        }
    ),
    kdef=(1, 2),
    rafd=(1, 2),
    seconds=(0.2, 0.2),
)
CLIPS = ("casme", "casme2", "smic")


@pytest.fixture(scope="module")
def micro():
    """The settings of a very small simulation, under the name "micro"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_prep.simulator.settings.PRESETS", {**presets.PRESETS, "micro": MICRO})
        yield SimulatorSettings(size="micro", seed=5)


@pytest.fixture(scope="module")
def written(micro, tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    return simulate(folder, micro, workers=2), folder


def contents(folder):
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "simulator.lock")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def clip_folders(folder):
    return sorted(p.parent for p in folder.rglob("truth.json"))


@pytest.mark.parametrize("name", CLIPS)
def test_the_real_loaders_read_every_clip(written, name):
    data, _ = written
    database = load(name, data.clip_roots[name])
    assert database.set_aside == ()
    assert Counter(c.emotion for c in database.clips) == MICRO.casts[name].emotions
    assert len({c.subject for c in database.clips}) == MICRO.casts[name].subjects
    for clip in database.clips:
        truth = read_truth(Path(clip.annotations).parent)
        assert [Path(p).name for p in clip.frames.paths] == list(truth.files)
        assert clip.emotion == truth.emotion
        assert clip.fps == truth.fps
        assert clip.apex is None or clip.apex - clip.onset == truth.apex
        assert read_frame(clip.frames, 0).shape == (88, 84, 3)


def test_both_sections_of_casme_are_written_with_their_own_frame_numbers(written):
    names = {p.name for p in written[1].glob("casme/*/Section A/*/*/*-??.jpg")}
    assert not any(name.split("-")[1].startswith("0") for name in names)
    padded = [p.stem.split("-")[1] for p in written[1].glob("casme/*/Section B/*/*/*.jpg")]
    assert padded and all(len(number) == 3 for number in padded)


def test_photographs_load_with_their_expressions_and_people(written):
    data, _ = written
    kdef = load_stills("kdef", data.still_roots["kdef"])
    rafd = load_stills("rafd", data.still_roots["rafd"])
    assert (kdef.set_aside, rafd.set_aside) == ((), ())
    assert (len(kdef.stills), len(rafd.stills)) == (1 * 7 * 2, 1 * 8 * 2)
    assert {s.subject for s in kdef.stills} == {"kdef/F01"}
    assert {EXPRESSIONS[s.label] for s in rafd.stills} == set(EXPRESSIONS) - {"shame"}
    assert all(s.annotations for s in (*kdef.stills, *rafd.stills))


def test_expressions_move_the_landmarks_of_photographs(written):
    root = written[0].still_roots["rafd"]

    def points(word):
        (path,) = root.glob(f"*_{word}_frontal.landmarks.json")
        return np.array(json.loads(path.read_text())["points"])

    neutral = points("neutral")
    assert points("happy")[[48, 54], 1].mean() < neutral[[48, 54], 1].mean() - 0.5
    assert points("sad")[[48, 54], 1].mean() > neutral[[48, 54], 1].mean() + 0.5
    assert points("surprised")[57, 1] > neutral[57, 1] + 2.0
    assert points("angry")[[21, 22], 1].mean() > neutral[[21, 22], 1].mean() + 0.5


def test_landmarks_follow_the_true_displacement(written):
    for folder in clip_folders(written[1])[::4]:
        truth = read_truth(folder)
        flow = true_displacement(folder, truth.apex)
        sidecar = json.loads((folder / "landmarks.json").read_text())
        first = np.array(sidecar["points"], np.float32)
        assert sidecar["frame"] == truth.files[0]
        assert np.allclose(first, truth.landmarks[0], atol=1e-3)
        sampled = cv2.remap(flow, first[:, 0], first[:, 1], cv2.INTER_LINEAR)[:, 0]
        assert np.allclose(first + sampled, truth.landmarks[truth.apex], atol=0.1)
        assert not true_displacement(folder, 0).any()


def test_truth_of_a_folder_without_one_is_an_error(written, tmp_path):
    with pytest.raises(TruthError, match=r"truth\.json is missing"):
        read_truth(tmp_path)
    (tmp_path / "truth.json").write_text('{"actions": []}')
    with pytest.raises(TruthError, match="not a simulator's truth file"):
        read_truth(tmp_path)
    folder = clip_folders(written[1])[0]
    with pytest.raises(IndexError, match="frame 999 is not one of"):
        true_displacement(folder, 999)


def test_the_same_bytes_from_one_worker(written, micro, tmp_path):
    simulate(tmp_path / "again", micro, workers=1)
    assert contents(tmp_path / "again") == contents(written[1])


def test_another_seed_gives_other_faces(micro):
    photo = plan_kdef(1, 1)[0]
    first, again, other = (
        draw_still(photo, dataclasses.replace(micro, seed=seed))[0].astype(float) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 5


def test_a_finished_folder_is_reused_and_a_cut_one_continued(written, micro, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(written[1], folder)
    expected = contents(folder)
    untouched = clip_folders(folder)[-1] / "truth.json"
    before = untouched.stat().st_mtime_ns
    lines = []
    simulate(folder, micro, workers=2, log=lines.append)
    assert lines == []
    (folder / "simulator.json").rename(folder / "simulator.partial.json")
    shutil.rmtree(clip_folders(folder)[0])
    next(folder.glob("kdef/KDEF/*/*.JPG")).unlink()
    (folder / "casme" / ".partial-1234").mkdir()
    simulate(folder, micro, workers=2, log=lines.append)
    assert lines
    assert contents(folder) == expected
    assert untouched.stat().st_mtime_ns == before


def missing_frame(folder):
    next(folder.glob("casme2/**/*.jpg")).unlink()


def cut_frame(folder):
    path = next(folder.glob("smic/**/*.bmp"))
    path.write_bytes(path.read_bytes()[:-40])


def missing_landmarks_of_a_photograph(folder):
    next(folder.glob("rafd/**/*.landmarks.json")).unlink()


def cut_table(folder):
    next(folder.glob("casme/*.xlsx")).write_bytes(b"PK")


def missing_frame_and_manifest(folder):
    missing_frame(folder)
    (folder / "simulator.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [missing_frame, cut_frame, missing_landmarks_of_a_photograph, cut_table, missing_frame_and_manifest],
)
def test_a_damaged_simulation_is_mended_and_the_log_says_so(written, micro, tmp_path, damage):
    folder = tmp_path / "damaged"
    shutil.copytree(written[1], folder)
    expected = contents(folder)
    damage(folder)
    assert contents(folder) != expected
    lines = []
    simulate(folder, micro, workers=2, log=lines.append)
    assert contents(folder) == expected
    assert any("written again" in line for line in lines) == (damage is not missing_frame_and_manifest)


def test_a_folder_with_another_simulation_is_refused(written, micro, tmp_path):
    with pytest.raises(SimulatorError, match="other settings"):
        simulate(written[1], dataclasses.replace(micro, amplitude=1.0), workers=1)
    (tmp_path / "simulator.json").write_text("{")
    with pytest.raises(SimulatorError, match="damaged"):
        simulate(tmp_path, micro, workers=1)


def test_a_failing_write_is_raised_and_leaves_no_manifest(micro, tmp_path):
    (tmp_path / "casme2").write_text("a file where a folder must be")
    with pytest.raises(OSError, match="casme2"):
        simulate(tmp_path, micro, workers=2)
    assert not (tmp_path / "simulator.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "huge"}, "size 'huge' is not one of"),
        ({"amplitude": -1.0}, r"amplitude must lie in 0\.\.230, got -1.0"),
        ({"amplitude": math.nan}, r"amplitude must lie in 0\.\.230, got nan"),
        ({"drift": math.inf}, r"drift must lie in 0\.\.230, got inf"),
        ({"style": 1.5}, r"style must lie in 0\.\.1"),
        ({"jpeg": 0}, r"jpeg must lie in 1\.\.100"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SimulatorSettings(**change)


def test_settings_that_differ_have_different_digests():
    knobs = SimulatorSettings()
    changes = ({"seed": 1}, {"amplitude": 1.0}, {"style": 0.5}, {"size": "full"}, {"drift": 0.1})
    digests = {dataclasses.replace(knobs, **change).digest for change in changes} | {knobs.digest}
    assert len(digests) == len(changes) + 1


def test_a_nearest_neighbour_tells_people_apart(simulated_cache):
    pictures, people = [], []
    for name in ("casme2", "smic"):
        (root,) = simulated_cache.glob(f"simulated/tiny-*/{name}")
        for clip in load(name, root).clips:
            small = cv2.resize(
                read_frame(clip.frames, len(clip.frames) - 1), (24, 24), interpolation=cv2.INTER_AREA
            )
            pictures.append(small.astype(float).ravel())
            people.append(clip.subject)
    pictures, people = np.array(pictures), np.array(people)
    apart = np.linalg.norm(pictures[:, None] - pictures[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert np.mean(people[apart.argmin(axis=1)] == people) == 1.0


@pytest.mark.facemesh
def test_an_independent_face_detector_finds_the_faces(simulated_cache):
    from data_prep.landmarks import find_landmarks

    (root,) = simulated_cache.glob("simulated/tiny-*/casme2")
    clips = {clip.subject: clip for clip in load("casme2", root).clips}
    for clip in clips.values():
        found = find_landmarks("facemesh", read_frame(clip.frames, 0), None)
        true = read_truth(Path(clip.annotations).parent).landmarks[0]
        eyes = np.linalg.norm(true[45] - true[36])
        assert np.linalg.norm(found - true, axis=1).mean() < 0.1 * eyes


def test_the_medium_size_is_full_times_45_percent():
    for name, cast in presets.FULL.casts.items():
        assert presets.MEDIUM.casts[name].clips == pytest.approx(0.45 * cast.clips, abs=1)
        for emotion, count in cast.emotions.items():
            assert presets.MEDIUM.casts[name].emotions[emotion] == pytest.approx(0.45 * count, abs=1)
    assert sum(cast.clips for cast in presets.MEDIUM.casts.values()) == 253


def test_class_counts_at_full_size_are_those_of_the_paper():
    full = presets.FULL
    assert {name: cast.clips for name, cast in full.casts.items()} == {
        "casme": 167,
        "casme2": 236,
        "smic": 157,
    }
    classes = Counter()
    for cast in full.casts.values():
        for emotion, count in cast.emotions.items():
            classes[CLASS_OF[emotion]] += count
    assert [classes[name] for name in CLASSES] == [91, 179, 75, 215]
