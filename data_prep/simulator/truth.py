"""The ground truth beside each clip, and the dense field recomputed from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_prep.simulator.movement import Float64, Movement
from data_prep.simulator.shape import KEPT_66

LANDMARKS_FILE = "landmarks.json"
TRUTH_FILE = "truth.json"


class TruthError(ValueError):
    """A truth file that cannot be used; the message names it and what is wrong."""


@dataclass(frozen=True)
class Truth:
    """What really happened in a clip.

    Attributes
    ----------
    files
        Frame file names, first to last.
    apex
        0-based frame; emotion and action units as annotated.
    shape
        (H, W).
    movement
        Everything that moved, in pixels.
    landmarks
        (T, 66, 2) pixels per frame.
    """

    files: tuple[str, ...]
    emotion: str
    action_units: str
    apex: int
    fps: float
    shape: tuple[int, int]
    movement: Movement
    landmarks: Float64


def landmarks_json(points: Float64, first_file: str) -> str:
    """The sidecar that the `file` landmark back end reads: 66 points of the first frame."""
    rows = [[round(float(x), 4), round(float(y), 4)] for x, y in points]
    return json.dumps({"points": rows, "frame": first_file})


def landmarks_over_time(movement: Movement, neutral_68: Float64) -> Float64:
    """(T, 66, 2): where the 66 points of the first frame lie in every frame."""
    points = neutral_68[KEPT_66]
    return np.stack([points + movement.at(t, points) for t in range(len(movement.intensities))])


def truth_json(truth: Truth) -> str:
    """The truth as one JSON document; numbers are rounded to 1e-4 px (landmarks) and 1e-7 (the rest)."""
    m = truth.movement
    document = {
        "files": list(truth.files),
        "emotion": truth.emotion,
        "action_units": truth.action_units,
        "apex": truth.apex,
        "fps": truth.fps,
        "shape": list(truth.shape),
        "actions": list(m.names),
        "intensities": np.round(m.intensities, 7).tolist(),
        "bumps": np.round(m.bumps, 7).tolist(),
        "head": {
            "centre": list(m.head_centre),
            "radii": list(m.head_radii),
            "motion": np.round(m.head, 9).tolist(),
        },
        "landmarks": np.round(truth.landmarks, 4).tolist(),
    }
    return json.dumps(document, separators=(",", ":"))


def read_truth(clip_folder: Path) -> Truth:
    """Read a clip's `truth.json`; TruthError if it is missing or not one of ours."""
    path = clip_folder / TRUTH_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        movement = Movement(
            names=tuple(document["actions"]),
            bumps=np.array(document["bumps"], float).reshape(-1, 7),
            intensities=np.array(document["intensities"], float),
            head_centre=tuple(document["head"]["centre"]),
            head_radii=tuple(document["head"]["radii"]),
            head=np.array(document["head"]["motion"], float),
        )
        return Truth(
            files=tuple(document["files"]),
            emotion=document["emotion"],
            action_units=document["action_units"],
            apex=int(document["apex"]),
            fps=float(document["fps"]),
            shape=(int(document["shape"][0]), int(document["shape"][1])),
            movement=movement,
            landmarks=np.array(document["landmarks"], float),
        )
    except FileNotFoundError as error:
        raise TruthError(f"{path} is missing: only simulated clips have ground truth") from error
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TruthError(f"{path} is not a simulator's truth file: {error!r}") from error


def true_displacement(clip_folder: Path, frame: int) -> npt.NDArray[np.float32]:
    """Dense field F from the first frame to `frame`, (H, W, 2) float32, x and y in pixels.

    Forward convention: frame(x + F(x)) = first(x), as dense optical flow measures it.

    Raises
    ------
    IndexError
        For a frame outside the clip.
    TruthError
        For a folder without ground truth.
    """
    truth = read_truth(clip_folder)
    if not 0 <= frame < len(truth.files):
        raise IndexError(f"{clip_folder}: frame {frame} is not one of 0..{len(truth.files) - 1}")
    x, y = np.meshgrid(np.arange(truth.shape[1], dtype=float), np.arange(truth.shape[0], dtype=float))
    return truth.movement.at(frame, np.stack([x, y], axis=-1)).astype(np.float32)
