"""Simulated clips, whose displacement is known at every pixel: flow, MDMO and FDM against the truth."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.databases import load
from data_prep.frames.reading import iterate
from data_prep.simulator import SimulatorSettings, read_truth, simulate, true_displacement
from features.face_regions import region_masks
from features.fdm import align, principal_vectors
from features.mdmo import mdmo
from features.optical_flow import flow_between_neighbours, flow_from_first

pytestmark = pytest.mark.slow


class SimulatedClip:
    """Frames, landmarks and true fields of one clip folder."""

    def __init__(self, clip):
        self.folder = Path(clip.frames.paths[0]).parent
        self.truth = read_truth(self.folder)
        self.frames = np.stack(list(iterate(clip.frames)))
        self.first = self.truth.files.index(Path(clip.frames.paths[0]).name)
        self.apex = self.truth.apex - self.first
        self.landmarks = np.array(json.loads((self.folder / "landmarks.json").read_text())["points"])
        self.face = region_masks(self.landmarks, self.frames.shape[1:3]).any(axis=0)

    def true_flow(self, frame):
        start = true_displacement(self.folder, self.first)
        return true_displacement(self.folder, self.first + frame) - start


@pytest.fixture(scope="module")
def clips(tiny_folder):
    return [SimulatedClip(clip) for clip in load("casme2", tiny_folder / "casme2").clips[::3]]


def _errors(clips, algorithm):
    """Mean end-point error inside the 36 regions at the apex, one per clip."""
    errors = []
    for clip in clips:
        true = clip.true_flow(clip.apex)
        flow = np.zeros_like(true)
        if algorithm is not None:
            flow = flow_from_first(clip.frames[[0, clip.apex]], algorithm)[0]
        errors.append(np.hypot(*(flow - true)[clip.face].T).mean())
    return np.array(errors)


def test_the_order_of_the_flow_algorithms(clips):
    none, farneback, dis = (_errors(clips, name).mean() for name in (None, "farneback", "dis"))
    assert dis < farneback < 0.7 * none


def test_main_directions_and_magnitudes(clips):
    """Where the true field says that a region moves, MDMO of the measured flow says where to and how much."""
    away, rho, true_rho = [], [], []
    for clip in clips:
        measured = mdmo(flow_from_first(clip.frames[[0, clip.apex]], "dis"), clip.landmarks)
        true = mdmo(clip.true_flow(clip.apex)[None], clip.landmarks)
        moving = true[:, 0] > 0.4
        turned = measured[moving, 1] - true[moving, 1]
        away.append(np.rad2deg(np.abs((turned + np.pi) % (2 * np.pi) - np.pi)))
        rho.append(measured[:, 0])
        true_rho.append(true[:, 0])
    angles = np.concatenate(away)
    assert np.median(angles) < 15
    assert np.percentile(angles, 90) < 45
    assert np.corrcoef(np.concatenate(rho), np.concatenate(true_rho))[0, 1] > 0.8


@pytest.fixture(scope="module")
def calm_clips(tmp_path_factory):
    """Clear movements of heads that keep still, in steady light: between neighbours flow is short."""
    calm = dict.fromkeys(("drift", "turn", "light", "flicker", "noise", "blinks"), 0.0)
    folder = tmp_path_factory.mktemp("calm")
    simulate(folder, SimulatorSettings(size="tiny", amplitude=5.0, **calm))
    return [SimulatedClip(clip) for clip in load("casme2", folder / "casme2").clips[::6]]


def test_principal_directions(calm_clips):
    """In cuboids that truly move, the principal vector of the measured flow points along the true one."""
    cosines = []
    for clip in calm_clips:
        n = 2 * (clip.apex // 2)
        true = np.stack([clip.true_flow(t) for t in range(n + 1)])
        increments = np.diff(true, axis=0).astype(np.float32)
        measured = flow_between_neighbours(clip.frames[: n + 1], "dis")
        a, b = (
            principal_vectors(align(flow), grid=(8, 8), depth=n // 2).reshape(-1, 2)
            for flow in (measured, increments)
        )
        moving = np.hypot(*b.T) > 0.5 * np.hypot(*b.T).max()
        a, b = a[moving], b[moving]
        cosines.append((a * b).sum(axis=1) / np.maximum(np.hypot(*a.T) * np.hypot(*b.T), 1e-9))
    assert np.median(np.concatenate(cosines)) > 0.65
