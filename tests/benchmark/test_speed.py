"""The speed table: names, rows, CSV, and that the slow version it compares with computes the same."""

from __future__ import annotations

import csv
import sys
import types

import numpy as np
import pytest
from rich.console import Console

from benchmark import speed
from benchmark.speed import run_parts
from benchmark.speed.clips import CLIPS_EACH, DISTINCT, FRAMES, collection
from benchmark.speed.rows import Row, best_of, print_rows, write_csv
from benchmark.speed.texture import plane_by_plane, textured_clip
from data_prep.databases import load
from features.lbp_top import lbp_top


def test_a_row_against_a_baseline_has_its_ratio():
    row = Row.against("texture", "work", 0.5, "plain", 4.0, limit_seconds=0.25)
    assert row.ratio == 8
    console = Console(width=150, record=True)
    print_rows([row, Row("texture", "alone", 2.0, note="n")], console)
    text = console.export_text()
    assert "8.0x" in text
    assert "50%" in text
    assert "500 ms" in text


def test_csv_keeps_full_precision_and_empty_cells(tmp_path):
    path = tmp_path / "deeper" / "speed.csv"
    write_csv([Row.against("a", "x, y", 1 / 3, "b", 1.0), Row("a", "alone", 2.0)], path)
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert float(first["seconds"]) == 1 / 3
    assert first["what"] == "x, y"
    assert second["ratio"] == second["limit_seconds"] == ""


def test_named_parts_run_once_and_in_order(monkeypatch, tmp_path):
    asked = []
    module = types.ModuleType("made_up_part")
    module.one = lambda quick: asked.append(("one", quick)) or [Row("one", "x", 1.0)]
    module.two = lambda quick: asked.append(("two", quick)) or [Row("two", "x", 1.0)]
    monkeypatch.setitem(sys.modules, "made_up_part", module)
    monkeypatch.setattr(speed, "PARTS", {"one": "made_up_part:one", "two": "made_up_part:two"})
    rows = run_parts(["two", "one", "two"], True, tmp_path / "speed.csv")
    assert [row.part for row in rows] == ["two", "one"]
    assert asked == [("two", True), ("one", True)]
    assert (tmp_path / "speed.csv").exists()
    assert len(run_parts([], False, None)) == 2


def test_an_unknown_part_names_the_near_one():
    with pytest.raises(ValueError, match="did you mean texture"):
        run_parts(["textur"], True, None)


def test_best_of_calls_once_more_than_it_times():
    calls, ticks = [], iter([0.0, 5.0, 10.0, 12.0])
    assert best_of(lambda: calls.append(1), 2, lambda: next(ticks)) == 2
    assert len(calls) == 3


def test_the_baseline_of_lbp_top_computes_the_same_descriptor():
    volume = np.ascontiguousarray(textured_clip(24, n_frames=12)[..., 0])
    slow = plane_by_plane(volume, 2).reshape(3, 4, 59).transpose(1, 0, 2)
    fast = lbp_top(volume, blocks=(2, 2)).reshape(4, 3, 59)
    # planes XY, XT, YT of the definition are slices along t, y, x; scikit-image turns XT and YT round
    assert np.abs(fast[:, 0] - slow[:, 0]).sum() < 0.05
    np.testing.assert_allclose(slow.sum(axis=2), 1, rtol=1e-5)


def test_a_large_collection_is_links_to_few_pictures_and_clips_that_differ(tmp_path):
    database = load("manifest", collection(tmp_path / "data", 2 * CLIPS_EACH))
    assert len(database.clips) == 2 * CLIPS_EACH
    assert len({clip.subject for clip in database.clips}) == 2
    assert {len(clip.frames) for clip in database.clips} == {FRAMES}
    files = [path for path in (tmp_path / "data").rglob("*.jpg") if path.parent.name != "pictures"]
    assert len({path.stat().st_ino for path in files}) <= DISTINCT < len(files)
    sidecars = {path.read_text() for path in (tmp_path / "data").rglob("landmarks.json")}
    assert len(sidecars) == 2 * CLIPS_EACH
