"""Draw docs/img/simulator.jpg, the contact sheet of the simulator: `python docs/draw_simulator.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.databases import load
from data_prep.frames import read_frames
from data_prep.simulator import SimulatorSettings, read_truth, simulate, true_displacement
from data_prep.simulator.faces import draw_looks
from data_prep.simulator.render import draw_neutral
from data_prep.simulator.stills import draw_still, plan_rafd

Picture = npt.NDArray[np.uint8]

TILE = (200, 190)
"""(height, width) of a tile."""


def tile(picture: Picture) -> Picture:
    """The middle of a picture in the tile's proportions, at the tile's size."""
    height, width = picture.shape[:2]
    wanted = min(width, round(height * TILE[1] / TILE[0]))
    left = (width - wanted) // 2
    cut = picture[:, left : left + wanted]
    return np.asarray(cv2.resize(cut, TILE[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def people(settings: SimulatorSettings, rows: int) -> list[list[Picture]]:
    """Neutral faces of different people."""
    tiles = []
    for number in range(8 * rows):
        neutral = draw_neutral(draw_looks(settings.seed, f"casme2/{number + 1:02d}"), (300, 290), 170.0)
        tiles.append(tile(np.rint(neutral.picture * 255).astype(np.uint8)))
    return [tiles[8 * row : 8 * row + 8] for row in range(rows)]


def photographs(settings: SimulatorSettings) -> list[Picture]:
    """The eight expressions of one person."""
    return [tile(draw_still(plan, settings)[0]) for plan in plan_rafd(5, 1)[-8:]]


def arrows(field: npt.NDArray[np.float32]) -> Picture:
    """A displacement field as colours: hue is its direction, strength its length over the longest."""
    length = np.hypot(field[..., 0], field[..., 1])
    hue = (np.degrees(np.arctan2(field[..., 1], field[..., 0])) % 360) / 2
    value = 255 * length / length.max()
    hsv = np.stack([hue, np.full_like(hue, 255), value], axis=-1).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def movement(settings: SimulatorSettings, folder: Path) -> list[Picture]:
    """Of two clips: onset, apex, their difference ten times enlarged, and the true field."""
    root = simulate(folder, settings, workers=2).clip_roots["casme2"]
    tiles: list[Picture] = []
    for emotion in ("happiness", "surprise"):
        clip = next(c for c in load("casme2", root).clips if c.emotion == emotion)
        place = Path(str(clip.annotations)).parent
        frames, apex = read_frames(clip.frames), read_truth(place).apex
        change = np.clip(128 + 10 * (frames[apex].astype(int) - frames[0]), 0, 255).astype(np.uint8)
        tiles += [
            tile(frames[0]),
            tile(frames[apex]),
            tile(change),
            tile(arrows(true_displacement(place, apex))),
        ]
    return tiles


def main() -> None:
    """Write the sheet."""
    settings = SimulatorSettings()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*people(settings, 2), photographs(settings), movement(settings, Path(folder))]
    sheet = np.vstack([np.hstack(row) for row in rows])
    target = Path(__file__).parent / "img" / "simulator.jpg"
    target.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(target), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
