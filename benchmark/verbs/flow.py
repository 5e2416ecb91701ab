"""The verb `flow`: the field's onset-apex pictures, written from frames as the public sets are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np

from basis.files import write_atomically
from basis.names import one_of
from benchmark.log import Log
from benchmark.settings import FLOW_IMAGES, Settings, SettingsError
from benchmark.sources import Assembled, assemble, n_workers
from benchmark.stamp import stamp
from benchmark.terminal.next_steps import next_steps
from data_prep.clips import Clip, UInt8
from data_prep.flow_images.names import person_of
from data_prep.tasks import OBJECTIVE, UNION
from features.flow_image import Normalise, Recipe, Spotter
from features.optical_flow import ALGORITHMS
from methods.flow_pictures import made_pictures

ABOUT = "flow.json"
LABELS = "labels.csv"
SHEET = "contact-sheet.webp"
SIZE = (163, 134)
"""(height, width) of the face between whose onset and apex the flow is measured: the methods' default."""

BEST, ELSE = "tvl1", "farneback"
"""The community's algorithm, where OpenCV's contributed modules are installed, and what stands in for it."""

_ZOOM, _PER_GROUP = 4, 2


def flow(
    settings: Settings, out: Path, algorithm: str, normalise: str, spotter: str, tim: int, *, log: Log
) -> int:
    """Write one picture a clip, a table of labels, how they were made, and a sheet of some of them.

    Parameters
    ----------
    settings
        Of a run; its data are what pictures are made of.
    out
        The folder of the pictures.
    algorithm
        Of `features.optical_flow.ALGORITHMS`, "auto" for TV-L1 where it is installed.
    normalise, spotter
        See `features.flow_image.Recipe`.
    tim
        Frames of a clip after interpolation, to which an annotated apex is rounded.
    log
        Takes one line for the user.

    Raises
    ------
    SettingsError
        Where `out` holds something else or the data are flow images already.
    """
    if FLOW_IMAGES in settings.data:
        raise SettingsError(f"{FLOW_IMAGES} are pictures of flow already; name databases of frames")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / ABOUT).is_file())):
        raise SettingsError(f"{out} is there and holds something else: name a new folder")
    recipe = recipe_of(algorithm, normalise, spotter)
    needed = replace(settings, methods=("flow-logreg",), tim=(tim,))
    needed = replace(needed, method_settings={"flow-logreg": {"frame_size": list(SIZE)}})
    assembled = assemble(needed, log)
    pictures = made_pictures(assembled.clips(tim, SIZE, log), recipe, threads=n_workers(settings))
    names = [file_name(clip) for clip in assembled.plan.clips]
    _require_different(names)
    for name, picture in zip(names, pictures, strict=True):
        write_atomically(out / name, _encoded(picture, ".png"))
    write_atomically(out / LABELS, _labels(assembled).encode())
    write_atomically(out / SHEET, _encoded(contact_sheet(assembled, pictures), ".webp"))
    about = {"recipe": described(recipe), "tim": tim, "frame_size": list(SIZE), **_about(assembled)}
    write_atomically(out / ABOUT, json.dumps(about, indent=1, sort_keys=True).encode())
    log(f"written: {len(names)} flow images ({recipe.algorithm}, {recipe.normalise}) in {out}")
    log(f"some of them: {out / SHEET}")
    task = ("--mapping", settings.mapping) if settings.mapping else ("--task", settings.task)
    for line in next_steps({FLOW_IMAGES: str(out)}, task=task):
        log(line)
    return 0


def recipe_of(algorithm: str, normalise: str, spotter: str) -> Recipe:
    """The recipe, its algorithm found out where it is "auto"; errors name what there is.

    Raises
    ------
    SettingsError
        For a flow that is not installed, and an unknown word.
    """
    one_of(algorithm, dict.fromkeys(("auto", BEST, *ALGORITHMS)), "flow algorithm")
    normalise = one_of(normalise, ("minmax", "symmetric"), "normalisation of pictures")
    spotter = one_of(spotter, get_args(Spotter), "spotter")
    if algorithm == BEST and BEST not in ALGORITHMS:
        raise SettingsError(
            f"the flow {BEST!r} needs OpenCV's contributed modules: pip uninstall opencv-python, then pip "
            f"install opencv-contrib-python-headless (never both side by side); {ELSE!r} needs nothing"
        )
    chosen = algorithm
    if algorithm == "auto":
        chosen = BEST if BEST in ALGORITHMS else ELSE
    known: Normalise = "minmax" if normalise == "minmax" else "symmetric"
    how: dict[str, Spotter] = {each: each for each in get_args(Spotter)}
    return Recipe(algorithm=chosen, normalise=known, spotter=how[spotter])


def described(recipe: Recipe) -> dict[str, Any]:
    """The recipe with its algorithm in words."""
    words = (ALGORITHMS[recipe.algorithm].__doc__ or "").strip().splitlines()
    more = {"algorithm_in_words": words[0] if words else "", "channels": "RGB = u, v, strain"}
    return {**asdict(recipe), **more}


def file_name(clip: Clip) -> str:
    """`sub01_EP02_01f .png`: the naming of the public sets, with their blank."""
    return f"{person_of(clip.subject)}_{_own_name(clip)} .png"


def _own_name(clip: Clip) -> str:
    return clip.name.removeprefix(f"{clip.subject}/").replace("/", "-").replace("@", "#")


def _require_different(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"two clips would both be written as {twice[0]!r}: write their databases one by one"
        )


def _labels(assembled: Assembled) -> str:
    """Lines database,subject,clip,label: 0, 1, 2 for negative, positive, surprise, else what is annotated.

    That is the objective class where the task is of those, else the emotion word: the same task reads it.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["data", "subject", "clip", "label"])
    for clip in assembled.plan.clips:
        name = assembled.plan.classes[clip.label]
        label = UNION.index(name) if name in UNION else name if name in OBJECTIVE else clip.emotion.lower()
        writer.writerow([clip.database, person_of(clip.subject), _own_name(clip), label])
    return file.getvalue()


def _about(assembled: Assembled) -> dict[str, Any]:
    sources = assembled.sources
    return {
        "data": sources.name,
        "digest": assembled.plan.digest,
        "simulated": sources.simulated,
        "landmarks": sources.landmarks,
        "registration": assembled.settings.registration,
        "task": sources.task.name,
        "clips": len(assembled.plan.clips),
        "stamp": stamp(),
    }


def contact_sheet(assembled: Assembled, pictures: UInt8) -> UInt8:
    """Some clips of every database and class below one another: the picture, then u, v and strain in grey."""
    rows: list[UInt8] = []
    seen: dict[tuple[str, int], int] = {}
    for clip, picture in zip(assembled.plan.clips, pictures, strict=True):
        group = (clip.database, clip.label)
        seen[group] = seen.get(group, 0) + 1
        if seen[group] <= _PER_GROUP:
            parts = [picture, *(np.repeat(picture[..., i : i + 1], 3, axis=2) for i in range(3))]
            row = np.concatenate([np.kron(part, np.ones((_ZOOM, _ZOOM, 1), np.uint8)) for part in parts], 1)
            rows.append(_titled(row, f"{clip.name} ({assembled.plan.classes[clip.label]})"))
    return np.concatenate(rows)


def _titled(row: UInt8, title: str) -> UInt8:
    """A row with its title in white above it."""
    strip = np.zeros((18, row.shape[1], 3), np.uint8)
    plain = title.encode("ascii", "replace").decode()
    cv2.putText(strip, plain, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([strip, row])


def _encoded(rgb: UInt8, ending: str) -> bytes:
    """A picture without loss; the sheet is no PNG, or it would be read as one of the set."""
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101] if ending == ".webp" else []
    _, data = cv2.imencode(ending, cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR), lossless)
    return bytes(data.tobytes())
