"""Whether the programme stays quick and small when there is much to do: units by the 100,000, many clips."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import psutil

from benchmark.engines.memory import memory_of
from benchmark.speed.rows import Row
from data_prep.clips import Clips
from results.records.store import Record, write_record

SUBJECTS, CLIPS_EACH = 100, 4
METHODS, TIMS = ("majority", "linear"), ("4", "6")
CLIP = (16, 64, 64, 3)
_POLL = 0.01
_MB = 1024 * 1024


def measure(quick: bool) -> list[Row]:
    """Rows of a plan and its status, and of training from a memory map with few and with many clips."""
    seeds = 25 if quick else 250
    small, large = (100, 500) if quick else (500, 5000)
    with tempfile.TemporaryDirectory(prefix="tlcnn-bench-scale-") as folder:
        return [*_plan_rows(Path(folder), seeds), *_training_rows(Path(folder), small, large)]


def _plan_rows(folder: Path, seeds: int) -> list[Row]:
    out = folder / "run"
    command = [
        *(sys.executable, "-m", "benchmark", "VERB", "--data", f"manifest={_database(folder / 'data')}"),
        *("--landmarks", "file", "--methods", *METHODS, "--tim", *TIMS, "--protocol", "loso"),
        *("--settings", str(_small_frames(folder)), "--seeds", *map(str, range(seeds)), "--workers", "1"),
        *("--profile", "quick", "--device", "cpu", "--out", str(out), "--cache", str(folder / "cache")),
    ]
    prepare, run = ([verb if word == "VERB" else word for word in command] for verb in ("prepare", "run"))
    subprocess.run(prepare, check=True, capture_output=True)
    first, processor, memory = _until_first_record(run, out)
    keys = [unit["key"] for unit in json.loads((out / "run.json").read_text())["units"]]
    _fill(out / "units", keys)
    status = [sys.executable, "-m", "benchmark", "status", str(out)]
    many = f"{len(keys):,} units"
    started = f"{processor:.1f} s of processor time, {memory:.0f} MB in the main process"
    return [
        Row("scale", f"run of {many}: to the first record", first, note=started),
        _timed(status, f"status of {many}, records never seen"),
        _timed(status, f"status of {many}"),
    ]


def _until_first_record(command: Sequence[str], out: Path) -> tuple[float, float, float]:
    """Seconds from the command to its first record; processor time and memory (MB) of its main process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not any(out.glob("units/[0-9a-f]*.json")):
        if process.poll() is not None:
            raise RuntimeError(f"the run ended with status {process.returncode} before its first unit")
        time.sleep(_POLL)
    seconds, memory = time.perf_counter() - began, memory_of(process.pid) / _MB
    used = psutil.Process(process.pid).cpu_times()
    process.kill()
    process.wait()
    return seconds, used.user + used.system, memory


def _timed(command: Sequence[str], what: str) -> Row:
    """One call of a command: seconds, and in the note what the processor did of it."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=False, capture_output=True)
    seconds, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Row("scale", what, seconds, note=f"{used:.1f} s of processor time")


def _database(folder: Path) -> Path:
    """A manifest of many subjects with tiny clips of three pictures and landmarks beside them."""
    generator = np.random.default_rng(0)
    points = [[x, y] for y in np.linspace(8, 40, 11).tolist() for x in np.linspace(7, 33, 6).tolist()]
    rows = [["database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames"]]
    for subject in range(SUBJECTS):
        for emotion in ("happiness", "disgust", "surprise", "others")[:CLIPS_EACH]:
            place = folder / f"s{subject}" / emotion
            place.mkdir(parents=True)
            for number in (1, 2, 3):
                picture = generator.integers(0, 256, (48, 40, 3), dtype=np.uint8)
                cv2.imwrite(str(place / f"{number}.png"), picture)
            (place / "landmarks.json").write_text(json.dumps({"points": points, "frame": "1.png"}))
            relative = str(place.relative_to(folder))
            rows.append(["own", f"s{subject}", emotion, emotion, "100", "1", "", "3", relative])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def _small_frames(folder: Path) -> Path:
    path = folder / "small.toml"
    path.write_text("\n".join(f"[methods.{name}]\nframe_size = [32, 32]" for name in METHODS))
    return path


def _fill(units: Path, keys: Sequence[str]) -> None:
    """A small finished record for every unit, without the flush to disk that takes most of a write."""
    scores = np.zeros((1, CLIPS_EACH, 4), np.float32)
    with mock.patch("results.records.store.os.fsync"):
        for key in keys:
            write_record(units, Record(key=key, unit={}, profile="quick", status="done", scores=scores))


def _training_rows(folder: Path, small: int, large: int) -> list[Row]:
    """3D-CNN, fit and predict, each in a process of its own; memory without the mapped file's pages."""
    rows, held = [], {}
    for clips in (small, large):
        command = [sys.executable, "-m", "benchmark.speed.scale", str(folder / "frames.npy"), str(clips)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, before, held[clips], mapped = json.loads(done.stdout)
        grown = f", {held[clips] - held[small]:+.0f} MB against {small}" if clips != small else ""
        note = f"peak {held[clips]:.0f} MB{grown}; {before:.0f} MB before; frames {mapped:.0f} MB on disk"
        rows.append(Row("scale", f"3d-cnn (tiny) on {clips:,} mapped clips", seconds, note=note))
    return rows


def train_from_map(path: Path, n: int) -> tuple[float, float, float, float]:
    """Write `n` random clips to `path`, train and predict from its memory map.

    Returns
    -------
    seconds, the process's own memory before and at its peak (MB, without pages of mapped files), and the size
    of the file (MB)
    """
    from methods import load_method, make_settings

    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, *CLIP)}
        np.lib.format.write_array_header_1_0(file, header)
        generator = np.random.default_rng(0)
        for _ in range(n):
            file.write(generator.integers(0, 256, CLIP, dtype=np.uint8).tobytes())
    clips = _mapped(path)
    cls = load_method("3d-cnn")
    trial: dict[str, Any] = getattr(cls, "trial")  # noqa: B009 - of this method, not of every one
    method = cls(make_settings(cls, {**trial, "frame_size": CLIP[1:3]}))
    before, began = memory_of(os.getpid()) / _MB, time.perf_counter()
    with _watched() as peak:
        method.fit(clips, seed=0)
        method.predict(clips.without_labels())
    return time.perf_counter() - began, before, max(peak), path.stat().st_size / _MB


def _mapped(path: Path) -> Clips:
    frames = np.load(path, mmap_mode="r", allow_pickle=False)
    n = len(frames)
    return Clips.from_arrays(
        frames,
        np.zeros((n, 66, 2), np.float32),
        np.arange(n) % 4,
        subjects=[f"own/{i % SUBJECTS}" for i in range(n)],
        digest=path.name,
    )


@contextmanager
def _watched() -> Iterator[list[float]]:
    """The process's own memory in MB, sampled while the block runs."""
    samples = [memory_of(os.getpid()) / _MB]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(_POLL):
            samples.append(memory_of(os.getpid()) / _MB)

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        yield samples
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    print(json.dumps(train_from_map(Path(sys.argv[1]), int(sys.argv[2]))))
