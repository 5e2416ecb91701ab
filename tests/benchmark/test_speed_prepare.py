"""The preparation's speed rows: their baselines do the same work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.speed import prepare as speed_prepare
from data_prep.interpolation import tim
from data_prep.prepare import Place, plan_data, prepared


@pytest.mark.parametrize(("n", "m"), [(9, 20), (30, 32), (40, 7)])
def test_the_published_procedure_and_tim_agree(n: int, m: int) -> None:
    frames = np.random.default_rng(n).integers(0, 256, (n, 20, 15, 3), dtype=np.uint8)
    np.testing.assert_allclose(speed_prepare.published_tim(frames, m), tim(frames, m), atol=1e-8)


def test_the_pillow_loop_makes_nearly_the_same_frames(tmp_path: Path) -> None:
    """Pillow and OpenCV decode and average a little differently; the picture is the same."""
    database = speed_prepare._database(tmp_path, 2, 6, speed_prepare.SOURCE, shared=2)
    speed_prepare._pillow_loop(database, tmp_path / "loop.npy")
    place = Place(tmp_path / "cache", log=lambda line: None)
    clips = prepared(plan_data([database], place, landmarks="file"), place, tim=32, size=speed_prepare.SIZE)
    difference = np.abs(
        np.load(tmp_path / "loop.npy").astype(int) - np.stack([clips[i] for i in range(len(clips))])
    )
    assert difference.mean() < 1.5


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_clips(tmp_path: Path) -> None:
    """80 clips more, 160 MB of frames, and only a few MiB more."""
    rows = speed_prepare._memory_rows((20, 100), 8)
    above = [int(row.note.split(", ")[1].split(" MiB")[0]) for row in rows]
    assert above[1] < above[0] + 40
