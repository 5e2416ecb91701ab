"""What the simulator writes is read by the loaders of the real releases, every clip of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.databases import load, load_stills
from data_prep.databases.check import report, report_stills
from data_prep.simulator import SimulatorSettings, simulate
from data_prep.simulator.presets import PRESETS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def preset():
    """A few people each of CASME (from both sections), CASME II and SMIC."""
    casme = replace(
        PRESETS["small"].casts["casme"], subjects=8, emotions={"happiness": 2, "disgust": 4, "tense": 2}
    )
    return replace(PRESETS["tiny"], casts={**PRESETS["tiny"].casts, "casme": casme})


@pytest.fixture(scope="module")
def simulated(tmp_path_factory, preset):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_prep.simulator.settings.PRESETS", {"tiny": preset})
        return simulate(tmp_path_factory.mktemp("simulated"), SimulatorSettings(size="tiny"))


@pytest.mark.parametrize("name", ["casme", "casme2", "smic"])
def test_every_simulated_clip_is_usable(simulated, preset, name):
    cast = preset.casts[name]
    database = load(name, simulated.clip_roots[name])
    checked = report(database, decode=True)
    assert (checked.usable, checked.set_aside) == (cast.clips, ())
    assert {c.name: c.here for c in checked.emotions if c.here} == dict(cast.emotions)
    for clip in database.clips:
        assert clip.fps == cast.fps and clip.annotations is not None
        assert Path(clip.frames.paths[0]).name == json.loads(Path(clip.annotations).read_text())["frame"]
        truth = json.loads((Path(clip.annotations).parent / "truth.json").read_text())
        assert [Path(path).name for path in clip.frames.paths] == truth["files"]
        assert clip.apex is None if name == "smic" else clip.apex == clip.onset + truth["apex"]


@pytest.mark.parametrize("name", ["kdef", "rafd"])
def test_every_simulated_photograph_is_usable(simulated, name):
    database = load_stills(name, simulated.still_roots[name])
    assert database.stills and all(still.annotations for still in database.stills)
    checked = report_stills(database, decode=True)
    assert (checked.usable, checked.set_aside) == (len(database.stills), ())
