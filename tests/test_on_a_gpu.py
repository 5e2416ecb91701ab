"""The prepared script for a GPU runs whole on CPU tensors, with nets of a second."""

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "docs" / "on_a_gpu.py"


@pytest.mark.slow
def test_every_part_of_the_gpu_script_runs_on_cpu_tensors(tmp_path):
    main = runpy.run_path(str(SCRIPT))["main"]
    out = tmp_path / "found.json"
    main(["--device", "cpu", "--tiny", "--cache", str(tmp_path / "cache"), "--out", str(out)])
    found = json.loads(out.read_text())
    assert found["equal"]["within"]
    assert set(found["steps"]) == {"stage E", "stage M", "joint", "3D-CNN"}
    assert all(seconds > 0 for seconds in found["steps"].values())
    for name in ("tlcnn", "3d-cnn"):
        assert 0 <= found["control"][name]["accuracy"] <= 1 and found["control"][name]["clips"] > 0
    planned = found["cost"]["iterations of a fold"]
    hours = found["steps"]["3D-CNN"] * planned["3D-CNN"] * 5 / 3600
    assert found["cost"]["3D-CNN, hours"] == pytest.approx(hours)
