"""Draw docs/img/simulator.jpg, the contact sheet of the simulator: `python docs/draw_simulator.py`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.simulator import SimulatorSettings
from data_prep.simulator.casting import ClipPlan
from data_prep.simulator.looks import draw_looks
from data_prep.simulator.recipes import units_of
from data_prep.simulator.render import draw_neutral, movement_of, render
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


def colours(field: npt.NDArray[np.float32]) -> Picture:
    """A displacement field as colours: hue is its direction, strength its length over the longest."""
    length = np.hypot(field[..., 0], field[..., 1])
    hue = (np.degrees(np.arctan2(field[..., 1], field[..., 0])) % 360) / 2
    value = 255 * length / length.max()
    hsv = np.stack([hue, np.full_like(hue, 255), value], axis=-1).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def movement(settings: SimulatorSettings) -> list[Picture]:
    """Of two clips: onset, apex, their difference ten times enlarged, and the true field."""
    tiles: list[Picture] = []
    for person, emotion, combination in ((7, "happiness", "6+12"), (6, "surprise", "1+2+5")):
        neutral = draw_neutral(draw_looks(settings.seed, f"casme2/{person:02d}"), (300, 290), 170.0)
        units = dict.fromkeys(units_of(combination), 1.0)
        clip = ClipPlan("casme2", person, 1, emotion, combination, units, settings.amplitude, 41, 20, 200.0)
        moved = movement_of(clip, neutral, settings)
        frames = list(render(clip, neutral, moved, settings))
        change = np.clip(128 + 10 * (frames[20].astype(int) - frames[0]), 0, 255).astype(np.uint8)
        y, x = np.mgrid[:300, :290].astype(float)
        field = moved.at(20, np.stack([x, y], axis=-1)).astype(np.float32)
        tiles += [tile(frames[0]), tile(frames[20]), tile(change), tile(colours(field))]
    return tiles


def main() -> None:
    """Write the sheet."""
    settings = SimulatorSettings()
    rows = [*people(settings, 2), photographs(settings), movement(settings)]
    sheet = np.vstack([np.hstack(row) for row in rows])
    target = Path(__file__).parent / "img" / "simulator.jpg"
    target.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(target), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
