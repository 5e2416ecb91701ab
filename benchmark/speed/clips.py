"""Whether a collection of DFME's size is prepared and run in flat memory: thousands of clips, ten folds.

Frames are few distinct pictures, linked into the folders of all clips; the landmarks beside each clip
differ, so that every clip is hashed, decoded and stored like a clip of its own.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from benchmark.engines.memory import memory_of, tree_of
from benchmark.speed.rows import Row

PART = "clips"
DFME = 7526
CLIPS_EACH = 11
"""Clips of a person, as in DFME: 7,526 of 671 people."""
DISTINCT = 32
FRAMES = 67
"""Of a clip, as real ones have."""
SOURCE = (160, 128)
METHODS = ("majority", "linear")
CLASSES = ("happiness", "disgust", "surprise", "others")
_POLL = 0.05
_MB = 1024 * 1024


def measure(quick: bool) -> list[Row]:
    """Rows of an eighth of the clips and of all, so that what grows can be told from what does not."""
    counts = (30, 120) if quick else (DFME // 8, DFME)
    return [row for n in counts for row in _rows(n)]


def _rows(n: int) -> Iterator[Row]:
    """Prepare, run, status and report of `n` clips, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="tlcnn-bench-clips-") as place:
        folder = Path(place)
        source, out, cache = collection(folder / "data", n), folder / "run", folder / "cache"
        settings = folder / "small.toml"
        settings.write_text("\n".join(f"[methods.{name}]\nframe_size = [32, 32]" for name in METHODS))
        flags = [
            *("--data", f"manifest={source}", "--landmarks", "file", "--allow-duplicates", "--tim", "8"),
            *("--methods", *METHODS, "--protocol", "clips", "subject", "--settings", str(settings)),
            *("--profile", "quick", "--device", "cpu", "--workers", "2", "--cache", str(cache)),
        ]
        where = ["--out", str(out)]
        yield _command(["prepare", *flags], f"prepare {n:,} clips of {FRAMES} frames", [cache])
        yield _command(
            ["run", *flags, *where, "--tables-only"],
            f"run of {n:,} clips, ten folds, {' and '.join(METHODS)}",
            [cache, out],
        )
        yield _command(["status", str(out)], f"status of {n:,} clips", [])
        yield _command(["report", str(out)], f"report of {n:,} clips", [])


def _command(words: Sequence[str], what: str, disk: Sequence[Path]) -> Row:
    """Run one verb: seconds, processor time, the largest memory that one of its processes held, disk."""
    before, began, most = os.times(), time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while True:
        with suppress(subprocess.TimeoutExpired):
            _, said = process.communicate(timeout=_POLL)
            break
        most = max([most, *(memory_of(each) for each in tree_of(process.pid))])
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with status {process.returncode}: {said.decode()[-500:]}")
    seconds, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    note = f"{used:.1f} s of processor time, no process over {most / _MB:.0f} MB"
    note += f", {sum(map(_size, disk)) / _MB:.0f} MB on disk" if disk else ""
    return Row(PART, what, seconds, note=note)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def collection(folder: Path, n: int) -> Path:
    """Write a manifest of `n` clips whose frames are links to `DISTINCT` pictures; returns the folder."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    random = np.random.default_rng(0)
    still = cv2.resize(random.uniform(40, 210, (14, 11, 3)), SOURCE[::-1], interpolation=cv2.INTER_CUBIC)
    for i in range(DISTINCT):
        noisy = np.clip(still + random.normal(0, 3, still.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(pictures / f"{i}.jpg"), noisy)
    points = [[x, y] for y in np.linspace(40, 130, 11).tolist() for x in np.linspace(25, 105, 6).tolist()]
    rows = [["database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames"]]
    for i in range(n):
        place = folder / f"s{i // CLIPS_EACH}" / f"{i}"
        place.mkdir(parents=True)
        for frame in range(FRAMES):
            os.link(pictures / f"{(i + frame) % DISTINCT}.jpg", place / f"{frame + 1}.jpg")
        own = [[x + 1e-4 * i, y] for x, y in points]
        (place / "landmarks.json").write_text(json.dumps({"points": own, "frame": "1.jpg"}))
        emotion, relative = CLASSES[(i + i // CLIPS_EACH) % 4], str(place.relative_to(folder))
        rows.append(["own", f"s{i // CLIPS_EACH}", str(i), emotion, "100", "1", "", str(FRAMES), relative])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder
