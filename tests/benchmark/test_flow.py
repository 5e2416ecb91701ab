"""From simulated frames to flow images to a run and its page, and what is refused on the way."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.settings import Settings, SettingsError, checked
from benchmark.sources import assemble
from benchmark.verbs import VerbError
from benchmark.verbs.check import check
from benchmark.verbs.fit import fit
from benchmark.verbs.flow import ABOUT, LABELS, SHEET, recipe_of
from benchmark.verbs.predict import flow_image_clip, predict
from benchmark.verbs.saved_model import load as load_model
from data_prep.databases import load
from data_prep.simulator import read_truth
from data_prep.tasks import TaskError
from features.flow_image import spotted_apex
from features.optical_flow import flow_from_first
from methods.flow_pictures import made_pictures
from results.records.run_file import read_run_file

TASK = ("--task", "three")


@pytest.fixture(scope="module")
def data(tiny_folder):
    return [f"casme2={tiny_folder / 'casme2'}", f"smic={tiny_folder / 'smic'}"]


@pytest.fixture(scope="module")
def made(command, data, simulated_cache, tmp_path_factory):
    """The folder that `flow` writes, and what it said."""
    out = tmp_path_factory.mktemp("flow") / "images"
    where = ("--landmarks", "file", "--cache", simulated_cache, "--out", out)
    done = command("flow", "--data", *data, *TASK, *where, "--tim", 8, "--algorithm", "farneback")
    return out, done.stdout


def test_the_folder_holds_pictures_labels_their_making_and_a_sheet(made):
    out, said = made
    about = json.loads((out / ABOUT).read_text())
    assert about["recipe"]["algorithm"] == "farneback" and about["tim"] == 8 and about["simulated"]
    database = load("flow-images", out)
    assert len(database.clips) == about["clips"] and not database.warnings and not database.set_aside
    assert {clip.database for clip in database.clips} == {"casme2", "smic"}
    assert all(path.stem.endswith(" ") for path in out.glob("s*_*.png"))
    assert (out / LABELS).read_text().startswith("data,subject,clip,label\n")
    assert cv2.imread(str(out / SHEET)).shape[1] == 4 * 4 * 28
    assert f"flow-images={out}" in said


def test_the_pictures_are_those_that_methods_make_of_the_frames(made, data, simulated_cache):
    out, _ = made
    settings = Settings(
        data=dict(item.split("=") for item in data),
        task="three",
        methods=("flow-logreg",),
        tim=(8,),
        landmarks="file",
        cache=str(simulated_cache),
    )
    clips = assemble(checked(settings), lambda line: None).clips(8, (163, 134), lambda line: None)
    rows = made_pictures(clips, recipe_of("farneback", "minmax", "steady"))
    database = load("flow-images", out)
    for name, row in zip(clips.names, rows, strict=True):
        assert np.array_equal(database.images[name], row), name


@pytest.mark.slow
def test_a_run_on_them_has_their_classes_and_leaves_out_what_needs_frames(made, command, tmp_path):
    out, _ = made
    run = tmp_path / "run"
    (tmp_path / "short.toml").write_text("[methods.ststnet]\nepochs = 2\n")
    options = (
        "--protocol",
        "cross-database",
        "--draws",
        1,
        "--engine",
        "serial",
        "--cache",
        tmp_path / "cache",
        "--out",
        run,
    )
    methods = ("all", "!off-apexnet", "!rcn-a", "!htnet", "--settings", tmp_path / "short.toml")
    done = command("run", "--data", f"flow-images={out}", *TASK, *options, "--methods", *methods)
    assert "need frames: tlcnn" in done.stdout and "lbp-top" in done.stdout
    file = read_run_file(run)
    assert file.task.classes == ("negative", "positive", "surprise") and file.task.headline == "uf1-uar"
    assert {info.name for info in file.methods} == {"bi-woof", "ststnet", "majority", "flow-logreg"}
    assert file.data.simulated and (run / "report.html").is_file()
    assert set(file.data.class_counts) == {"casme2", "smic"}


def test_a_method_that_needs_frames_is_refused_by_name(made, command):
    out, _ = made
    done = command("run", "--data", f"flow-images={out}", "--methods", "flow-logreg", "mdmo", check=False)
    assert done.returncode == 2
    assert "mdmo need frames" in done.stderr and done.stderr.count("\n") == 1


def test_check_says_what_is_in_the_folder(made, command):
    out, _ = made
    done = command("check", f"flow-images={out}")
    assert "28x28 pixels" in done.stdout and "known set: no" in done.stdout


def test_spotters_against_the_simulator_s_truth(simulated_cache, tiny_folder):
    """Mean error in lengths of a clip; the small size, which is larger, is in the docstring."""
    settings = Settings(
        data={"casme2": str(tiny_folder / "casme2")},
        methods=("flow-logreg",),
        tim=(16,),
        landmarks="file",
        cache=str(simulated_cache),
    )
    assembled = assemble(checked(settings), print)
    clips = assembled.clips(16, (64, 52), print)
    wrong = {"steady": [], "largest": []}
    for i, clip in enumerate(assembled.plan.clips):
        truth = read_truth(Path(clip.frames.paths[0]).parent)
        flow = flow_from_first(clips[i], "farneback")
        for spotter, errors in wrong.items():
            errors.append(abs((spotted_apex(flow, spotter) + 1) / 15 - truth.apex / (len(truth.files) - 1)))
    assert np.mean(wrong["steady"]) < 0.12 < np.mean(wrong["largest"])


def test_check_says_which_clips_are_in_a_task(made, data, capsys):
    out, _ = made
    assert check([data[0], f"flow-images={out}"], False, print, "three") == 0
    said = capsys.readouterr().out
    assert said.count("task three: casme2: ") == 2 and "not in the task three: " in said
    with pytest.raises(TaskError, match=r"casme2-5.*smic"):
        check([data[1]], False, print, "casme2-5")


def test_a_model_of_flow_images_labels_a_flow_image(made, tmp_path, capsys):
    out, _ = made
    settings = Settings(data={"flow-images": str(out)}, task="three", cache=str(tmp_path / "cache"))
    fit(settings, "flow-logreg", tmp_path / "model", 32, 0, lambda line: None)
    method, _ = load_model(tmp_path / "model")
    picture = min(out.glob("s*.png"))
    predict(tmp_path / "model", picture, None, None, None, "cpu", None, print)
    said = capsys.readouterr().out.splitlines()
    scores = method.predict(flow_image_clip(picture, method)).scores[0, 0]
    best = ("negative", "positive", "surprise")[int(scores.argmax())]
    assert said[0] == f"{picture}: {best}" and f"{best:<10} {scores.max():.3f}" in "\n".join(said)
    frames = tmp_path / "frames"
    frames.mkdir()
    with pytest.raises(VerbError, match=r"without faces.*--landmarks"):
        predict(tmp_path / "model", frames, None, None, None, "cpu", None, print)
    with pytest.raises(VerbError, match="--onset"):
        predict(tmp_path / "model", picture, 1, None, None, "cpu", None, print)
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((28, 28), np.uint8))
    with pytest.raises(VerbError, match="no flow image"):
        predict(tmp_path / "model", tmp_path / "grey.png", None, None, None, "cpu", None, print)


def test_clips_of_one_class_can_be_prepared_and_not_learnt_from(made, tmp_path):
    out, _ = made
    mapping = tmp_path / "own.csv"
    mapping.write_text("emotion,class\nsurprise,up\nboredom,down\n")
    settings = Settings(data={"flow-images": str(out)}, mapping=str(mapping), methods=("majority",), tim=(1,))
    with pytest.raises(TaskError, match=r"'up'.*tell apart"):
        assemble(settings, lambda line: None, learn=True)
    assert len(assemble(settings, lambda line: None).plan.clips)


def test_a_folder_of_something_else_stays_as_it_is(made, command, tmp_path, data):
    (tmp_path / "thesis.tex").write_text("\\end")
    done = command("flow", "--data", *data, "--out", tmp_path, check=False)
    assert done.returncode == 2 and "holds something else" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (("farnebeck", "minmax", "largest"), "farneback"),
        (("farneback", "none", "largest"), "symmetric"),
        (("farneback", "minmax", "devide"), "divide"),
    ],
)
def test_a_recipe_that_is_none_names_what_there_is(recipe, message):
    with pytest.raises(ValueError, match=message):
        recipe_of(*recipe)


def test_frames_and_flow_images_do_not_mix(made):
    out, _ = made
    with pytest.raises(SettingsError, match="one after the other"):
        checked(Settings(data={"flow-images": str(out), "casme2": "x"}))
