"""What must not grow: memory with the clips, work with the records that are known."""

import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.folder import ledger
from benchmark.speed import clips as many
from data_prep.databases import load
from data_prep.plan import Place, plan_data
from results.records.store import Record, read_record, write_record

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_memory_does_not_grow_with_mapped_clips(tmp_path):
    """330 clips, 60 MB more on disk: training holds hardly more of its own."""
    peaks, sizes = {}, {}
    for n in (10, 340):
        command = [sys.executable, "-m", "benchmark.speed.scale", str(tmp_path / "frames.npy"), str(n)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
        _, _, peaks[n], sizes[n] = json.loads(done.stdout)
    assert sizes[340] - sizes[10] > 60
    assert peaks[340] - peaks[10] < 0.5 * (sizes[340] - sizes[10])


def test_a_plan_holds_little_of_a_clip(tmp_path, monkeypatch):
    """Not its landmarks, 528 bytes, and no objects: some 400 bytes of description, digests and rectangle."""
    monkeypatch.setattr(many, "FRAMES", 2)
    source = load("manifest", many.collection(tmp_path / "data", 160))

    def planned(n):
        database = replace(source, clips=source.clips.at(range(n)))
        place = Place(tmp_path / "cache", log=lambda line: None)
        return plan_data([database], place, landmarks="file")

    planned(160)
    held = {}
    for n in (40, 160):
        tracemalloc.start()
        plan = planned(n)
        held[n] = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert plan.landmarks.shape == (n, 66, 2)
    assert held[160] - held[40] < 600 * 120


def test_known_records_are_not_read_again(tmp_path, monkeypatch):
    keys = [f"{number:064x}" for number in range(200)]
    for key in keys:
        write_record(tmp_path / "units", Record(key=key, unit={}, profile="quick", status="done"))
    assert len(ledger.survey(tmp_path).statuses) == 200
    read = []

    def counting(path):
        read.append(path)
        return read_record(path)

    monkeypatch.setattr(ledger, "read_record", counting)
    write_record(tmp_path / "units", Record(key=keys[7], unit={}, profile="quick", status="failed"))
    found = ledger.survey(tmp_path)
    assert [path.stem for path in read] == [keys[7]]
    assert found.statuses[keys[7]] == "failed"
    assert sum(found.done(key) for key in keys) == 199
