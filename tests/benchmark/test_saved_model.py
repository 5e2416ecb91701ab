"""A new video or folder of frames as one clip: the rules of the loaders hold for it too."""

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.verbs import VerbError
from benchmark.verbs.predict import clip_of
from benchmark.verbs.saved_model import CARD, load, save
from data_prep.clips import CLASSES
from data_prep.databases import load as load_database
from data_prep.examine import NO_MOVEMENT, ONE_PICTURE
from data_prep.landmarks import LandmarksNotFound, mean_shape
from data_prep.prepare import Place, plan_data, prepared
from methods.contract import toy_clips
from methods.linear import Linear
from methods.values import WrongKind

SIZE = (40, 36)


def picture(path, value):
    cv2.imwrite(str(path), np.full((60, 50, 3), value, np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Frames img1 ... img12.png, the n-th of grey value 10 n."""
    for n in range(1, 13):
        picture(tmp_path / f"img{n}.png", 10 * n)
    return tmp_path


def test_frames_are_taken_in_the_order_of_their_numbers(folder):
    clip = clip_of(folder, "template", 12, SIZE).clips
    assert clip.shape == (12, *SIZE)
    np.testing.assert_allclose(clip[0].mean((1, 2, 3)), 10 * np.arange(1, 13), atol=1)


def test_two_frames_of_one_number_are_refused(folder):
    picture(folder / "img03.png", 200)
    with pytest.raises(VerbError, match=r"frame 3.*img03\.png.*img3\.png"):
        clip_of(folder, "template", 12, SIZE)


def test_a_picture_of_another_name_pattern_is_not_a_frame(folder):
    picture(folder / "mask_3.png", 200)
    watched = clip_of(folder, "template", 12, SIZE)
    clip, notes = watched.clips, watched.notes
    np.testing.assert_allclose(clip[0].mean((1, 2, 3)), 10 * np.arange(1, 13), atol=1)
    assert notes == []
    (folder / "img3.png").unlink()
    with pytest.raises(VerbError, match=r"missing \(3\).*mask_3\.png"):
        clip_of(folder, "template", 12, SIZE)
    for n in range(1, 13):
        picture(folder / f"img{n}.png", n)
        picture(folder / f"mask_{n}.png", 200)
    with pytest.raises(VerbError, match="2 name patterns"):
        clip_of(folder, "template", 12, SIZE)


def test_part_of_a_clip_is_labelled_by_frame_numbers(folder):
    clip = clip_of(folder, "template", 4, SIZE, onset=3, offset=6).clips
    np.testing.assert_allclose(clip[0].mean((1, 2, 3)), [30, 40, 50, 60], atol=1)
    with pytest.raises(VerbError, match="frames 1 to 12"):
        clip_of(folder, "template", 4, SIZE, offset=13)


def test_a_clip_in_which_nothing_moves_is_said(folder):
    for n in range(1, 13):
        picture(folder / f"img{n}.png", 90)
    notes = clip_of(folder, "template", 12, SIZE).notes
    assert notes == [(NO_MOVEMENT, "12 frames")]
    notes = clip_of(folder, "template", 12, SIZE, onset=4, offset=4).notes
    assert notes == [(ONE_PICTURE, "1 frame")]


def test_a_missing_frame_is_refused(folder):
    (folder / "img5.png").unlink()
    with pytest.raises(VerbError, match=r"1 of frames 1 to 12 missing \(5\)"):
        clip_of(folder, "template", 12, SIZE)


def test_what_is_neither_frames_nor_video_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no video")
    for name in ("notes.txt", "nowhere"):
        with pytest.raises(VerbError, match=r"folder.*video file"):
            clip_of(tmp_path / name, "template", 12, SIZE)
    with pytest.raises(VerbError, match="no numbered pictures"):
        clip_of(tmp_path, "template", 12, SIZE)


@pytest.mark.parametrize("name", ["landmarks.json", "img1.landmarks.json"])
def test_landmarks_beside_the_frames_are_found(folder, name):
    points = mean_shape(60, 50)
    (folder / name).write_text(json.dumps({"points": points.tolist(), "frame": "img1.png"}))
    assert clip_of(folder, "file", 12, SIZE).clips.landmarks.shape == (1, 66, 2)


def test_landmarks_beside_a_video_are_found(tmp_path):
    video = tmp_path / "face.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 200.0, (50, 60))
    for n in range(8):
        writer.write(np.full((60, 50, 3), 10 * n, np.uint8))
    writer.release()
    body = {"points": mean_shape(60, 50).tolist(), "frame": 1}
    (tmp_path / "face.landmarks.json").write_text(json.dumps(body))
    assert len(clip_of(video, "file", 16, SIZE).clips) == 1
    shutil.copy(video, tmp_path / "other.avi")
    with pytest.raises(LandmarksNotFound, match="no landmark file"):
        clip_of(tmp_path / "other.avi", "file", 16, SIZE)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model as `fit` saves it."""
    method = Linear()
    method.fit(toy_clips(*SIZE, n=12, frames=4), seed=0)
    card = {"method": "linear", "revision": Linear.revision, "settings": {}, "tim": 4, "landmarks": "file"}
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(method, {**card, "classes": CLASSES}, folder)
    return folder


@pytest.fixture
def model(saved, tmp_path):
    """A model to break."""
    return shutil.copytree(saved, tmp_path / "model")


def test_a_saved_model_is_loaded_beside_files_that_are_not_its_own(model):
    (model / "notes.txt").write_text("the good one")
    method, card = load(model)
    assert isinstance(method, Linear) and card["tim"] == 4 and card["classes"] == CLASSES


def test_a_model_saved_before_there_was_registration_takes_frames_as_they_are(model):
    assert "registration" not in json.loads((model / CARD).read_text())
    assert load(model)[1]["registration"] == "none"


def test_a_clip_to_predict_is_registered_as_the_clips_of_its_database_are(tiny_folder, tmp_path):
    database = load_database("casme2", str(tiny_folder / "casme2"))
    clip = database.clips[0]
    one = dataclasses.replace(database, clips=(clip,))
    alone = {}
    for registration in ("none", "rigid"):
        place = Place(tmp_path, log=lambda line: None)
        plan = plan_data([one], place, landmarks="file", registration=registration)
        kept = prepared(plan, place, tim=8, size=SIZE)
        folder = Path(clip.frames.paths[0]).parent
        watched = clip_of(folder, "file", 8, SIZE, registration=registration)
        alone[registration] = watched.clips[0]
        np.testing.assert_array_equal(watched.clips[0], kept[0])
        assert watched.registration == registration
    assert (alone["none"][0] == alone["rigid"][0]).all() and (alone["none"] != alone["rigid"]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": None}, "method = None must be a text"),
        ({"tim": "x"}, "tim = 'x' must be a whole number"),
        ({"tim": -4}, r"tim = -4 must lie in 2\.\.4096"),
        ({"registration": "rigd"}, "'rigd' is not a registration; did you mean rigid"),
        ({"settings": []}, r"settings = \[\] must be a table"),
        ({"settings": {"C": "x"}}, "linear.C = 'x' must be a list of finite numbers"),
        ({"classes": []}, "classes must be two or more"),
        ({"sha256": {}}, "sha256 must name the method's files"),
        ({"sha256": {"linear.json": 3}}, r"sha256.linear.json = 3 must be a text"),
        ({"sha256": {"linear.json": "0"}}, "does not list linear.npz"),
        ({"revision": 99}, "saved by revision 99"),
    ],
)
def test_a_damaged_card_names_the_entry(model, change, message):
    card = json.loads((model / CARD).read_text())
    (model / CARD).write_text(json.dumps({**card, **change}))
    with pytest.raises((VerbError, WrongKind), match=message):
        load(model)


@pytest.mark.parametrize("content", ['{"sha256": {}}', "[]", "3", "{", "[" * 100_000])
def test_what_is_no_card_is_refused(model, content):
    (model / CARD).write_text(content)
    with pytest.raises(VerbError, match=r"model\.json.*read"):
        load(model)


def test_a_cut_or_missing_file_of_the_model_is_named(model):
    weights = model / "linear.npz"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(VerbError, match=r"linear\.npz is missing or damaged"):
        load(model)
    weights.unlink()
    with pytest.raises(VerbError, match=r"linear\.npz is missing or damaged"):
        load(model)
