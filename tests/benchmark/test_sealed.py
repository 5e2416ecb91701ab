"""A method that opens the files beside its view is refused, and what it may open stays open."""

import json
import os

import numpy as np
import pytest

from benchmark.units.execute import run_unit
from benchmark.units.sealed import OutsideTheView, Seal, sealed
from benchmark.units.unit import Job, Prepared, Unit
from data_prep.clips import prepared_set, rows_of
from methods.base import FrameSettings, Method, Prediction
from methods.contract import prepared_beside, toy_clips


@pytest.fixture
def place(tmp_path):
    """A cache, with a set of clips and one of photographs, and a run beside it."""
    for name in (
        "cache/casme2/abc/meta.json",
        "cache/casme2/abc/frames.npy",
        "cache/casme2/abc/features/lbp.json",
        "cache/kdef/def/meta.json",
        "run/units/one.json",
        "run/table3.csv",
        "run/scratch/key/state.json",
        "elsewhere/meta.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.zeros(2)) if path.suffix == ".npy" else path.write_text("{}")
    return tmp_path


@pytest.fixture
def seal(place):
    return Seal(place / "cache", place / "run", (place / "cache/kdef/def", place / "run/scratch/key"))


WAYS = {
    "open": lambda path: open(path, "rb"),  # noqa: PTH123, SIM115
    "os.open": lambda path: os.open(path, os.O_RDONLY),
    "bytes": lambda path: open(os.fsencode(path), "rb"),  # noqa: PTH123, SIM115
    "pathlib": lambda path: path.read_bytes(),
    "numpy": np.load,
    "map": lambda path: np.memmap(path, np.uint8, "r"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name", ["cache/casme2/abc/meta.json", "cache/casme2/abc/frames.npy", "run/units/one.json"]
)
def test_labels_and_pixels_beside_the_view_cannot_be_opened(place, seal, way, name):
    with sealed(seal), pytest.raises(OutsideTheView, match=name.rsplit("/", 1)[1]):
        WAYS[way](place / name)


def test_a_link_and_a_way_round_lead_nowhere(place, seal, monkeypatch):
    (place / "link").symlink_to(place / "cache/casme2")
    monkeypatch.chdir(place / "cache/kdef")
    with sealed(seal):
        for path in ("../casme2/abc/meta.json", place / "link/abc/meta.json", place / "run/table3.csv"):
            with pytest.raises(OutsideTheView):
                open(path)  # noqa: PTH123, SIM115


def test_another_name_of_a_closed_file_is_not_given(place, seal):
    closed, other = place / "cache/casme2/abc/meta.json", place / "cache/other.json"
    folder = os.open(closed.parent, os.O_RDONLY)
    with sealed(seal):
        for way in (os.link, os.rename, os.replace):
            with pytest.raises(OutsideTheView, match=r"meta\.json"):
                way(closed, other)
        with pytest.raises(OutsideTheView, match=r"meta\.json"):
            os.open("meta.json", os.O_RDONLY, dir_fd=folder)
        (place / "run/scratch/key/new.json").write_text("{}")
        (place / "run/scratch/key/new.json").rename(place / "run/scratch/key/newer.json")
    os.close(folder)
    assert closed.exists()
    assert not other.exists()


def test_features_photographs_scratch_and_all_else_stay_open(place, seal):
    names = ("cache/casme2/abc/features/lbp.json", "cache/kdef/def/meta.json", "run/scratch/key/state.json")
    with sealed(seal):
        for name in (*names, "elsewhere/meta.json"):
            assert (place / name).read_text() == "{}"
        (place / "run/scratch/key/new.json").write_text("{}")
    assert (place / "cache/casme2/abc/meta.json").read_text() == "{}"


def test_a_cache_inside_the_run_folder_is_a_cache(place):
    inside = Seal(place / "cache", place)
    with sealed(inside):
        assert (place / "cache/casme2/abc/features/lbp.json").read_text() == "{}"
        with pytest.raises(OutsideTheView):
            (place / "cache/casme2/abc/meta.json").read_text()


class Peeks(Method):
    """Takes the labels of the clips that it is to predict from the cache."""

    name = title = "peeks"
    Settings = FrameSettings

    def fit(self, clips, *, seed):
        self.folder = prepared_set(clips).folder

    def predict(self, clips):
        labels = json.loads((self.folder / "meta.json").read_text())["labels"]
        return Prediction(({},), np.eye(4)[[labels[i] for i in rows_of(clips)]][None], 0)

    def save(self, folder):
        """Nothing to keep."""

    def load(self, folder):
        """Nothing was kept."""


def test_a_unit_whose_method_opens_the_cache_ends_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.units.execute.load_method", lambda name: Peeks)
    toy = toy_clips(12, 10)
    clips = prepared_beside(toy, tmp_path / "cache")
    peek = Peeks()
    peek.fit(clips, seed=0)
    assert peek.predict(clips.without_labels()).scores[0].argmax(1).tolist() == clips.labels.tolist()
    unit = Unit("peeks", 1, 4, "clips", "fold1", 0, "none", clips.digest, None, {})
    prepared = Prepared(str(prepared_set(clips).folder), clips.digest, {})
    run, cache = str(tmp_path / "run"), str(tmp_path / "cache")
    job = Job(unit, run, prepared, {}, cache, "quick", {}, False, False)
    with pytest.raises(OutsideTheView, match=r"meta\.json"):
        run_unit({**job.as_json(), "device": "cpu", "threads": 1})
