"""Draw docs/img/first-look.webp from a finished run: `python docs/draw_first_look.py RUN [CLIP]`.

A simulated clip, what changes in it, and what three methods say of it when they have not seen the person.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from benchmark.look.pictures import MILLISECONDS
from results.clip_page import PICTURES, picture_name
from results.records.run_file import read_run_file

METHODS = ("lbp-top", "tlcnn-d", "mdmo")
SCALE = 3
PANEL = 300
INK, QUIET, RIGHT, WRONG = (29, 29, 33), (92, 92, 102), (11, 107, 74), (168, 58, 0)


def main() -> None:
    """Choose the clip, unless one is named, and write the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("clip", nargs="?")
    given = parser.parse_args()
    said = decisions(given.run)
    clip = given.clip or choose(given.run, said)
    frames = drawn(given.run, clip, said.loc[clip])
    target = Path(__file__).parent / "img" / "first-look.webp"
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=70, loop=0, quality=70, method=6)


def decisions(run: Path) -> pd.DataFrame:
    """Index clip; truth and the decision of each method, folds over people."""
    found = pd.read_parquet(run / "predictions.parquet")
    found = found[(found["protocol"] == "subject") & found["method"].isin(METHODS)]
    table = found.pivot_table(
        "honest", "clip", "method", aggfunc=lambda values: values.value_counts().index[0]
    )
    return table.assign(truth=found.drop_duplicates("clip").set_index("clip")["truth"])


def most_frequent(values: pd.Series) -> str:
    """The decision of most seeds."""
    return str(values.value_counts().index[0])


def choose(run: Path, said: pd.DataFrame) -> str:
    """Of the clips on which the methods disagree, the one that moves most beside its noise."""
    right = (said[list(METHODS)].eq(said["truth"], axis=0)).sum(axis=1)
    several = right[(right > 0) & (right < len(METHODS))].index
    return max(several, key=lambda clip: contrast(run, clip))


def contrast(run: Path, clip: str) -> float:
    """How unevenly a clip's colour is spread: movement is in few places, noise everywhere."""
    pictures = load(run, clip, "difference").astype(float)
    strength = 255 - pictures.min(axis=-1)
    return float(np.percentile(strength, 99) - strength.mean())


def load(run: Path, clip: str, kind: str) -> np.ndarray:
    """(T, H, W, 3) uint8 frames of one of the run's animations."""
    animation = Image.open(run / PICTURES / f"{picture_name(clip)}-{kind}.webp")
    frames: list[np.ndarray] = []
    for number in range(animation.n_frames):
        animation.seek(number)
        animation.load()
        # equal frames in a row are stored as one that is shown longer
        shown = round(animation.info["duration"] / MILLISECONDS)
        frames += [np.asarray(animation.convert("RGB"))] * shown
    return np.stack(frames)


def drawn(run: Path, clip: str, said: pd.Series) -> list[Image.Image]:
    """The frames of the picture."""
    info = read_run_file(run)
    big, small = ImageFont.load_default(22), ImageFont.load_default(17)
    made = []
    for face, change in zip(load(run, clip, "face"), load(run, clip, "difference"), strict=True):
        height, width = face.shape[0] * SCALE, face.shape[1] * SCALE
        sheet = Image.new("RGB", (2 * width + PANEL, height), "white")
        for number, picture in enumerate((face, change)):
            sheet.paste(
                Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC),
                (number * width, 0),
            )
        draw = ImageDraw.Draw(sheet)
        left = 2 * width + 20
        draw.text((left, 18), "shown: " + said["truth"], INK, big)
        for line, name in enumerate(METHODS):
            right = said[name] == said["truth"]
            title = info.title(name).split(" (")[0]
            draw.text((left, 70 + 66 * line), title, QUIET, small)
            mark = "right: " if right else "wrong: "
            draw.text((left, 92 + 66 * line), mark + said[name], RIGHT if right else WRONG, big)
        draw.text((left, height - 34), "a simulated clip, slowed down", QUIET, small)
        made.append(sheet)
    return made


if __name__ == "__main__":
    main()
