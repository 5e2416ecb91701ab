"""Speed of the preparation: TIM against its published procedure, whole clips against a Pillow loop."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image
from threadpoolctl import threadpool_limits

from basis.cores import cores
from benchmark.engines.memory import peak_memory_mb
from benchmark.speed.rows import Row, best_of
from data_prep.clips import Clip, Database
from data_prep.crop import face_box
from data_prep.examine import files_of
from data_prep.frames.sources import ImageFrames
from data_prep.interpolation import resample, tim, tim_matrix
from data_prep.landmarks import MEAN_SHAPE
from data_prep.prepare import Place, plan_data, prepared

PART = "prepare"
FACE = (283, 227)
SIZE = (163, 134)
LENGTH = 32
SOURCE = (480, 640)

UInt8 = npt.NDArray[np.uint8]


def measure(quick: bool) -> list[Row]:
    """Rows for TIM, for clips per second, their share of decoding, peak memory at 100 and 400 clips."""
    return [*_tim_rows(quick), *_clips_rows(quick), *_memory_rows((100, 400), 12 if quick else 48)]


def published_tim(frames: npt.NDArray[Any], length: int) -> npt.NDArray[np.float64]:
    """TIM as published, step by step: mean, SVD, path graph, W = (QQ')^-1 QV, synthesis; the baseline.

    Parameters
    ----------
    frames
        (n, ...) numbers, linearly independent after their mean is removed.
    length
        Frames of the result.

    Returns
    -------
    (length, ...)
    """
    n = len(frames)
    columns = frames.reshape(n, -1).astype(np.float64).T
    mean = columns.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(columns - mean, full_matrices=False)
    rank = int((s > s[0] * 1e-12).sum())
    u, q = u[:, :rank], s[:rank, None] * vt[:rank]
    graph = np.diag(np.r_[1.0, np.full(n - 2, 2.0), 1.0]) - np.eye(n, k=1) - np.eye(n, k=-1)
    vectors = np.linalg.eigh(graph)[1][:, 1:]
    w = np.linalg.solve(q @ q.T, q @ vectors)
    j = np.arange(1, n)
    s_at = np.linspace(0, 1, length)[:, None] * (1 - 1 / n) + 1 / n
    start = np.sin(np.pi * j / n + np.pi * (n - j) / (2 * n))
    curve = np.sin(np.pi * j * s_at + np.pi * (n - j) / (2 * n)) * (vectors[0] / start)
    back = np.linalg.lstsq(w.T, curve.T, rcond=None)[0]
    return np.asarray((u @ back + mean).T.reshape(length, *frames.shape[1:]))


def _tim_rows(quick: bool) -> list[Row]:
    n = 67
    clip = _moving_clip(n, FACE, seed=0)
    repeats = 3 if quick else 10
    with threadpool_limits(1):
        ours = best_of(lambda: resample(clip, LENGTH), repeats)
        double = best_of(lambda: tim(clip, LENGTH), repeats)
        start = time.perf_counter()
        slow = published_tim(clip, LENGTH)
        published = time.perf_counter() - start
        limit = 2 * LENGTH * clip.size / _float32_rate()
    error = float(np.abs(slow - tim(clip, LENGTH)).max())
    what = f"TIM {n} -> {LENGTH} of {FACE[0]}x{FACE[1]}x3"
    baseline = "as published (SVD)"
    return [
        Row.against(PART, f"{what}, uint8", ours, baseline, published, limit_seconds=limit),
        Row.against(
            PART, f"{what}, float64", double, baseline, published, note=f"largest difference {error:.0e}"
        ),
    ]


def _clips_rows(quick: bool) -> list[Row]:
    """Clips of a real length against a Pillow loop, by the clock, and a decoder alone, in processor time."""
    n_clips, n_frames, workers = 12 if quick else 60, 67, cores()
    loops, ours, decoders, used = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        database = _database(root, n_clips, n_frames, SOURCE, shared=n_clips)
        for k in range(3):
            loops.append(_timed(partial(_pillow_loop, database, root / "loop.npy"))[0])
            seconds, processor = _timed(partial(_prepare, database, root / f"cache{k}", workers))
            ours.append(seconds)
            used.append(processor)
            decoders.append(_timed(partial(_decode, database, workers))[1])
    what = f"{n_clips} clips of {n_frames} JPG {SOURCE[1]}x{SOURCE[0]}, {workers} threads"
    note = f"{n_clips / min(ours):.1f} clips/s, with hashes and checks"
    least = min(decoders)
    return [
        Row.against(PART, what, min(ours), "serial Pillow loop", min(loops), note=note),
        Row(PART, f"{what}: processor time", min(used), note="limit: decoder alone", limit_seconds=least),
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor, that some work takes."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def _decode(database: Database, workers: int) -> None:
    """What cannot be spared: every file read and decoded, clips side by side."""

    def clip(paths: Sequence[str]) -> None:
        for path in paths:
            simplejpeg.decode_jpeg(Path(path).read_bytes())

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(clip, [files_of(clip.frames) for clip in database.clips]))


def _memory_rows(counts: Sequence[int], n_frames: int) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in counts:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                seconds, before, peak = pool.submit(_peak, Path(folder) / str(n), n, n_frames).result()
            note = f"peak memory {peak:.0f} MiB, {peak - before:.0f} MiB above the start"
            rows.append(Row(PART, f"{n} clips of {n_frames} JPG 320x240, 2 threads", seconds, note=note))
    return rows


def _peak(folder: Path, n_clips: int, n_frames: int) -> tuple[float, float, float]:
    """(seconds, peak MiB before, peak MiB after) of preparing clips; run in a process of its own."""
    database = _database(folder, n_clips, n_frames, (240, 320), shared=8)
    before = _peak_mib()
    start = time.perf_counter()
    _prepare(database, folder / "cache", 2)
    return time.perf_counter() - start, before, _peak_mib()


def _prepare(database: Database, cache: Path, workers: int) -> None:
    place = Place(cache, workers, _silent)
    plan = plan_data([database], place, landmarks="file", wanted=[(LENGTH, SIZE)])
    prepared(plan, place, tim=LENGTH, size=SIZE)


def _silent(line: str) -> None:
    """Progress lines are of no interest here."""


def _pillow_loop(database: Database, path: Path) -> None:
    """What a plain script does: open, cut, resize frame by frame, interpolate, save. No hashes."""
    out = np.empty((len(database.clips), LENGTH, *SIZE, 3), np.uint8)
    for i, clip in enumerate(database.clips):
        points = np.asarray(json.loads(Path(str(clip.annotations)).read_text())["points"])
        box = face_box(points, SOURCE)
        assert isinstance(clip.frames, ImageFrames)
        frames = []
        for name in clip.frames.paths:
            with Image.open(name) as image:
                cut = image.convert("RGB").crop(box)
                frames.append(np.asarray(cut.resize(SIZE[::-1], Image.Resampling.BOX)))
        values = np.tensordot(tim_matrix(len(frames), LENGTH), np.stack(frames), axes=1)
        out[i] = np.clip(np.floor(values + 0.5), 0, 255)
    np.save(path, out)


def _database(root: Path, n_clips: int, n_frames: int, size: tuple[int, int], *, shared: int) -> Database:
    """Clips on disk whose frames repeat after `shared` clips; landmarks, hence contents, all differ."""
    height, width = size
    shape = np.asarray(MEAN_SHAPE) * (0.36 * width, 0.59 * height) + (0.3 * width, 0.25 * height)
    clips = []
    for i in range(n_clips):
        folder = root / f"EP{i % shared:03d}"
        paths = [folder / f"img{k:03d}.jpg" for k in range(n_frames)]
        if not folder.exists():
            folder.mkdir(parents=True)
            for path, frame in zip(paths, _moving_clip(n_frames, size, seed=i), strict=True):
                cv2.imwrite(str(path), frame)
        sidecar = folder / f"landmarks{i}.json"
        sidecar.write_text(json.dumps({"points": (shape + 0.001 * i).tolist()}))
        frames = ImageFrames(tuple(str(path) for path in paths))
        clips.append(
            Clip("speed", "speed/01", f"speed/{i}", "", i % 4, 200.0, 1, None, n_frames, frames, str(sidecar))
        )
    return Database("speed", str(root), tuple(clips))


def _moving_clip(n: int, size: tuple[int, int], *, seed: int) -> UInt8:
    """(n, height, width, 3) smooth picture with a slow drift and sensor noise."""
    rng = np.random.default_rng(seed)
    height, width = size
    coarse = rng.uniform(40, 210, (height // 12, width // 12, 3))
    still = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    out = np.empty((n, height, width, 3), np.uint8)
    for k in range(n):
        noise = rng.normal(0, 2, still.shape)
        out[k] = np.clip(still + 10 * np.sin(k / 9) + noise, 0, 255)
    return out


def _float32_rate() -> float:
    """Floating-point operations per second of a float32 matrix product on one core."""
    side = 768
    a = np.ones((side, side), np.float32)
    return 2 * side**3 / best_of(lambda: a @ a, 5)


def _peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return peak_memory_mb()
