"""What another package adds in one file and one line each is found wherever ours is, under its own title."""

import csv

import cv2
import numpy as np
import pytest

GUESTS = '''
"""A method, a protocol, a database, a database of photographs and an engine of another laboratory."""

import json
import re

import numpy as np

from benchmark.engines.serial import run_serial
from benchmark.engines.tasks import Engine
from benchmark.protocols import Fold, Protocol
from data_prep.databases.photographs import ByName
from data_prep.databases.tabled import Release
from methods.base import Curve, FrameSettings, Method, Prediction


class Warmth(Method):
    """The nearest mean change of brightness; warms up on photographs."""

    name = "guest-warmth"
    title = "Warmth of the guest"
    reference = "Guest & Host, On warmth, 2031, https://example.org/warmth"
    Settings = FrameSettings
    trial = {"frame_size": (32, 28)}
    learns_from_stills = True
    curve_titles = {"warming": "Warming of the guest"}

    def fit(self, clips, *, seed):
        stills = self.context.stills(self.frame_size)
        steps = np.arange(3) / (1 + len(stills))
        self.curves["warming"] = Curve((1.0, 2.0, 3.0), tuple(float(step) for step in steps))
        change = self._change(clips)
        known = [change[clips.labels == c] for c in range(len(clips.classes))]
        self.centres = [float(each.mean()) if len(each) else 1e6 for each in known]

    def _change(self, clips):
        return np.array([np.abs(clips[i][-1].astype(float) - clips[i][0]).mean() for i in range(len(clips))])

    def predict(self, clips):
        scores = -np.abs(self._change(clips)[:, None] - np.array(self.centres))
        return Prediction(({},), scores[None].astype(np.float32), 0)

    def save(self, folder):
        (folder / "warmth.json").write_text(json.dumps(self.centres))

    def load(self, folder):
        self.centres = json.loads((folder / "warmth.json").read_text())


def halves(labels, subjects, databases, *, seed):
    half = np.arange(len(labels)) // 4 % 2
    return tuple(Fold(f"half{i + 1}", np.flatnonzero(half != i), np.flatnonzero(half == i)) for i in (0, 1))


HALVES = Protocol(
    name="guest-halves",
    title="Halves of the guest",
    splitter=halves,
    grouped=False,
    unit="fold",
    headline="mean",
    leaks="The guest knows every second person.",
)
FACES = Release(
    name="guest-faces",
    fps=100.0,
    subject_folder=re.compile(r"p0*(\\\\d+)"),
    subject=lambda number: f"{number:02d}",
    tables_hint="guest_faces.csv",
    tree_hint="p01, p02, ...",
    table=re.compile(r"guest_faces\\\\.csv"),
)


def named(file):
    subject, emotion, _ = file.split("_")
    return subject, emotion, file


SMILES = ByName("guest-smiles", named, "01_happy_1.png")
ENGINE = Engine(run_serial, cannot="a guest promises nothing")
'''.replace("\\\\", "\\")
ENTRIES = {
    "methods": {"guest-warmth": "guests:Warmth"},
    "protocols": {"guest-halves": "guests:HALVES"},
    "databases": {"guest-faces": "guests:FACES"},
    "expressions": {"guest-smiles": "guests:SMILES"},
    "engines": {"guest-engine": "guests:ENGINE"},
}


@pytest.fixture
def guests(install):
    install("guests", GUESTS, "1.2", **ENTRIES)


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.as_posix().encode())
    noise = np.random.default_rng(seed).integers(0, 20, (60, 50, 3))
    cv2.imwrite(str(path), (noise + shade).astype(np.uint8))


@pytest.fixture
def faces(tmp_path):
    """12 clips of 3 people, a class for each of four emotions."""
    rows = [("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion")]
    for person in (1, 2, 3):
        for clip, emotion in enumerate(("happiness", "disgust", "surprise", "others")):
            rows.append((person, f"c{clip}", 1, 3, 6, emotion))
            for frame in range(1, 7):
                picture(tmp_path / f"faces/p0{person}/c{clip}/{frame}.png", 90 + 5 * clip * frame)
    with (tmp_path / "faces/guest_faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path / "faces"


@pytest.fixture
def smiles(tmp_path):
    for person in ("01", "02"):
        for emotion in ("happy", "neutral"):
            picture(tmp_path / f"smiles/{person}_{emotion}_1.png", 120)
    return tmp_path / "smiles"


def test_what_a_package_adds_is_listed_and_checked(guests, faces, smiles, command):
    listed = command("list").stdout
    for names in ENTRIES.values():
        assert all(name in listed for name in names)
    checked = command("check", "guest-warmth", f"guest-faces={faces}", f"guest-smiles={smiles}").stdout
    for said in ("guest-warmth: ", "12 clips usable", "4 photographs usable"):
        assert said in checked


@pytest.mark.slow
def test_what_a_package_adds_is_run_and_shown_under_its_own_title(
    guests, faces, smiles, command, tmp_path, install
):
    run = tmp_path / "run"
    words = (
        "run", "--methods", "guest-warmth", "majority", "--protocol", "guest-halves", "--tim", 8,
        "--data", f"guest-faces={faces}", "--expressions", f"guest-smiles={smiles}",
        "--landmarks", "template",
        "--profile", "quick", "--device", "cpu", "--engine", "guest-engine", "--cache", tmp_path / "cache",
        "--out", run,
    )  # fmt: skip
    printed = command(*words).stdout
    assert "a guest promises nothing" in printed and "guests 1.2" in printed
    (row,) = (row for row in csv.DictReader((run / "table3.csv").open()) if row["method"] == "guest-warmth")
    assert (row["title"], row["protocol"]) == ("Warmth of the guest", "guest-halves")
    assert float(row["mean"]) > 50
    page = (run / "report.html").read_text()
    for shown in (
        "Warmth of the guest",
        "Halves of the guest",
        "The guest knows every second person.",
        "On warmth",
    ):
        assert shown in page
    drawn = " ".join(path.read_text() for path in (run / "figures").glob("*.svg"))
    for shown in ("Warmth of the guest", "Warming of the guest"):
        assert shown in drawn
    assert "Training of the 3D-CNN" not in page + drawn
    install("guests", GUESTS, "1.3", **ENTRIES)
    refused = command(*words, check=False).stderr
    for what in ("protocol guest-halves", "database guest-faces"):
        assert f"{what} guests 1.2" in refused
