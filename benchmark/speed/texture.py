"""Speed of texture descriptors, chi-square kernel and SVM grid, each beside a straightforward version.

Times are processor seconds of one thread, except for the row that uses two.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.feature import local_binary_pattern
from sklearn.metrics.pairwise import additive_chi2_kernel
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from basis.compiled import compiled, compiled_any_order
from benchmark.speed.rows import Row, best_of
from data_prep.clips import Clips, Float32
from features.kernels import chi_square_distances
from features.lbp import uniform_labels
from features.lbp_bytes import codes_of_run, count_run
from features.lbp_top import lbp_top
from features.slpp import SupervisedLPP
from features.stclqp import component_codes, learn_codebook
from features.stclqp_blocks import block_tables, code_counts, quantised_histograms
from features.stlbp_ip import stlbp_ip
from methods.base import Context
from methods.svm.kernels import Kernel, measure_between
from methods.svm.one_vs_one import fit_one_vs_one
from methods.svm.solver import SVMMethod, SVMSettings, Variant

PART = "texture"
UInt8 = npt.NDArray[np.uint8]
CLIPS = 560
FOLDS = 5


def measure(quick: bool) -> list[Row]:
    """All rows of this part; `quick` takes fewer repetitions and scales some work up from a share."""
    with threadpool_limits(1):
        codes, terms = octagon_rate(), division_rate()
        rows = [row for size in (128, 227) for row in lbp_top_rows(size, codes, quick)]
        rows += [thread_row(quick), stlbp_ip_row(quick)]
        rows += [chi_square_row(terms, quick), machine_row(), svm_grid_row(quick)]
        rows += stclqp_rows(quick)
    return rows


def cpu_seconds(work: Callable[[], Any], repeats: int = 3) -> float:
    """Least processor seconds of this thread."""
    return best_of(work, repeats, time.thread_time)


def octagon_rate() -> float:
    """Codes of one plane made and counted per second by one core, with everything in its first cache."""
    row = np.random.default_rng(0).integers(0, 256, 8192, np.uint8)
    offsets = np.zeros((8, 4), np.uint64) + np.arange(4, dtype=np.uint64)
    codes, four = np.empty(4096, np.uint8), np.zeros((1, 4, 256), np.uint32)
    return 4096 * 200 / cpu_seconds(lambda: _made_and_counted(row, offsets, codes, four, 200), 5)


@compiled
def _made_and_counted(row: Any, offsets: Any, codes: Any, four: Any, repeats: Any) -> None:
    for _ in range(repeats):
        codes_of_run(row, np.uintp(1024), offsets, codes)
        count_run(codes, 0, codes.size, four, np.uintp(0))


@compiled_any_order
def _division_terms(x: Any, y: Any, repeats: Any) -> Any:
    """Chi-square terms of two short rows in the first-level cache."""
    total = np.float32(0)
    for r in range(repeats):
        for k in range(x.size):
            difference = x[k] - y[k] * np.float32(r)
            total += difference * difference / (x[k] + y[k])
    return total


def division_rate() -> float:
    """Chi-square terms per second of one core with everything in its cache."""
    x, y = np.ones(1024, np.float32), np.ones(1024, np.float32)
    return 1024 * 20_000 / cpu_seconds(lambda: _division_terms(x, y, 20_000), 3)


def textured_clip(size: int, n_frames: int = 32, seed: int = 0) -> UInt8:
    """(T, size, size, 3) uint8: smooth texture that drifts, with sensor noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(size // 8 + 2, size // 8 + 2, 3))
    still = np.kron(coarse, np.ones((8, 8, 1)))[:size, :size]
    drift = rng.normal(0, 0.02, (n_frames, 1, 1, 3)).cumsum(axis=0)
    values = 120 + 35 * (still + drift) + rng.normal(0, 2.5, (n_frames, size, size, 3))
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def plane_by_plane(volume: UInt8, blocks: int) -> Float32:
    """LBP-TOP with scikit-image: every plane through `local_binary_pattern`, then histograms."""
    labels, bins = uniform_labels(8)
    parts = []
    for axis in range(3):
        planes = np.moveaxis(volume, axis, 0)
        codes = np.stack([local_binary_pattern(np.ascontiguousarray(p), 8, 3) for p in planes])
        inner = np.moveaxis(codes.astype(np.uint8), 0, axis)[3:-3, 3:-3, 3:-3]
        for rows in np.array_split(inner, blocks, axis=1):
            for block in np.array_split(rows, blocks, axis=2):
                parts.append(np.bincount(labels[block.ravel()], minlength=bins) / block.size)
    return np.concatenate(parts).astype(np.float32)


def lbp_top_rows(size: int, codes_per_second: float, quick: bool) -> list[Row]:
    """RGB, 6 x 6 blocks, radius 3, 8 points: codes and histograms in one thread."""
    clip = textured_clip(size)
    seconds = cpu_seconds(
        lambda: [lbp_top(clip[..., c], blocks=(6, 6)) for c in range(3)], 5 if quick else 20
    )
    slow = cpu_seconds(lambda: [plane_by_plane(clip[..., c], 6) for c in range(3)], 1 if quick else 3)
    # what cannot be left out: every centre's code in three planes, made and counted, all of it in cache
    limit = 3 * 3 * (32 - 6) * (size - 6) ** 2 / codes_per_second
    what = f"LBP-TOP 32x{size}x{size} RGB, R=3, P=8, 6x6 blocks"
    note = f"{clip.size / seconds / 1e6:.0f} M voxels/s"
    return [Row.against(PART, what, seconds, "scikit-image, planes", slow, note=note, limit_seconds=limit)]


def thread_row(quick: bool) -> Row:
    """Several clips on two threads against one."""
    clips = [textured_clip(128, seed=s) for s in range(4)]

    def describe(clip: UInt8) -> Float32:
        return np.concatenate([lbp_top(clip[..., c], blocks=(6, 6)) for c in range(3)])

    one = two = np.inf
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5 if quick else 40):  # in turn, so that both meet the moments when two cores are free
            one = min(one, best_of(lambda: [describe(clip) for clip in clips], 1))
            two = min(two, best_of(lambda: list(pool.map(describe, clips)), 1))
    return Row.against(PART, f"LBP-TOP, {len(clips)} clips on 2 threads", two, "1 thread", one)


def stlbp_ip_row(quick: bool) -> Row:
    """One grey clip of the default face size, 8 x 9 blocks."""
    volume = textured_clip(163)[:, :, :134, 1]
    return Row(
        PART, "STLBP-IP 32x163x134, 8x9 blocks", cpu_seconds(lambda: stlbp_ip(volume), 3 if quick else 10)
    )


def chi_square_row(terms_per_second: float, quick: bool) -> Row:
    """Kernel of 560 clips of LBP-TOP histograms; scikit-learn's time is scaled up from some of its rows."""
    rng = np.random.default_rng(0)
    histograms = rng.gamma(0.3, size=(CLIPS, 324, 59)).astype(np.float32)
    histograms = (histograms / histograms.sum(axis=2, keepdims=True)).reshape(CLIPS, -1)
    seconds = cpu_seconds(lambda: chi_square_distances(histograms), 2 if quick else 5)
    rows = 14 if quick else CLIPS
    doubles = histograms.astype(np.float64)
    slow = cpu_seconds(lambda: additive_chi2_kernel(doubles[:rows], doubles), 1) * CLIPS / rows
    note = "" if rows == CLIPS else f"scikit-learn: {rows} rows, scaled up"
    limit = CLIPS * (CLIPS + 1) / 2 * histograms.shape[1] / terms_per_second
    what = f"chi-square distances {CLIPS} x {histograms.shape[1]}"
    return Row.against(PART, what, seconds, "scikit-learn", slow, note=note, limit_seconds=limit)


def machine_row() -> Row:
    """The five inner machines of one kernel and one weight of MDMO's sweep, 358 clips each."""
    rng = np.random.default_rng(3)
    labels = rng.choice(4, 358, p=[0.16, 0.32, 0.14, 0.38])
    x = rng.normal(0.4 * rng.normal(size=(4, 72))[labels], 1.0)
    gram = (0.1 * x @ x.T + 1) ** 3
    seconds = cpu_seconds(lambda: [fit_one_vs_one(gram, labels, 1.0, 5000) for _ in range(5)])
    machine = SVC(kernel="precomputed", max_iter=5000)
    slow = cpu_seconds(lambda: [machine.fit(gram, labels) for _ in range(5)])
    note = "the same coefficients to the last bit"
    return Row.against(PART, "5 SVMs of 4 classes, 358 clips", seconds, "scikit-learn", slow, note=note)


class _Given(SVMMethod):
    """An SVM method over features that are there already."""

    name, title, Settings = "given", "given", SVMSettings
    rows: Float32

    def kernels(self) -> tuple[Kernel, ...]:
        """Chi-square with five widths."""
        return tuple(Kernel("chi2", gamma=g) for g in (0.25, 0.5, 1.0, 2.0, 4.0))

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """The rows, whatever the clips."""
        return self.rows


def svm_grid_row(quick: bool) -> Row:
    """11 C x 5 gamma x 5 inner folds over 448 training clips, against one kernel for every fit."""
    rng = np.random.default_rng(1)
    labels = rng.choice(4, 448, p=[0.3, 0.42, 0.08, 0.2])
    rows = rng.gamma(0.3 + 0.05 * rng.random((4, 19_116))[labels], 1.0).astype(np.float32)
    rows /= rows.sum(axis=1, keepdims=True) / 324
    method = _Given(context=Context())
    method.rows = rows
    clips = Clips.from_arrays(
        np.zeros((448, 1, 1, 1, 3), np.uint8), np.zeros((448, 66, 2), np.float32), labels
    )
    start = time.thread_time()
    method.fit(clips, seed=0)
    seconds = time.thread_time() - start
    share = 10 if quick else 60
    start = time.thread_time()
    train = measure_between("chi2", rows, rows)
    SVC(kernel="precomputed").fit(np.exp(-train / train.mean()), labels)
    kernel_in_numba = time.thread_time() - start
    start = time.thread_time()
    additive_chi2_kernel(rows[:share].astype(np.float64), rows.astype(np.float64))
    kernel = (time.thread_time() - start) * 448 / share
    fits = 11 * 5 * 5
    return Row.against(
        PART,
        "SVM grid: 11 C x 5 gamma x 5 folds, 448 x 19,116",
        seconds,
        "kernel inside every fit",
        fits * kernel,
        note=f"{fits} fits x one scikit-learn kernel; with ours in each it would be "
        f"{fits * kernel_in_numba:.0f} s",
    )


def stclqp_rows(quick: bool) -> list[Row]:
    """STCLQP's stages on some clips, and the whole for 560 clips and five folds from them."""
    clips = [textured_clip(128, seed=s)[..., 1] for s in range(4 if quick else 12)]
    coding = cpu_seconds(lambda: component_codes(clips[0]), 3)
    codes = [component_codes(clip) for clip in clips]
    tabulating = cpu_seconds(lambda: block_tables(codes[0]), 3)
    tables = [block_tables(each) for each in codes]
    total = np.sum([code_counts(table, (3, 3), (8, 8)) for table in tables], axis=0)
    counting = cpu_seconds(lambda: code_counts(tables[0], (3, 3), (8, 8)), 3)
    distinct = [np.flatnonzero(counts) for counts in total.reshape(9, -1)]

    def books() -> list[UInt8]:
        return [
            learn_codebook(found, counts[found], seed=b).lookup
            for b, (found, counts) in enumerate(zip(distinct, total.reshape(9, -1), strict=True))
        ]

    lookups = np.stack(books()).reshape(3, 3, -1)
    codebooks = cpu_seconds(books, 1)
    histograms = cpu_seconds(lambda: quantised_histograms(tables[0], lookups), 3)
    slpp = _slpp_seconds()
    once = CLIPS * (coding + tabulating)
    whole = once + FOLDS * (codebooks + CLIPS * (counting + histograms) + 3 * 6 * slpp)
    size = int(np.mean([len(found) for found in distinct]))
    return [
        Row(PART, "STCLQP codes 32x128x128, 9 volumes", coding),
        Row(PART, "the same, tables of blocks", tabulating),
        Row(PART, "STCLQP 9 codebooks of 20, 5 starts", codebooks, note=f"{size} distinct codes each"),
        Row(PART, "STCLQP counts and histograms in a fold, 32x128x128", counting + histograms),
        Row(PART, "supervised LPP 448 x 3,840", slpp),
        Row(
            PART,
            "STCLQP 560 clips, codebooks and SLPP of 5 folds",
            whole / 2,
            note="sum of the stages above on 2 cores",
        ),
    ]


def _slpp_seconds() -> float:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 448)
    features = rng.random((448, 3840)) + 0.2 * rng.random((4, 3840))[labels]
    work: Callable[[], Any] = lambda: SupervisedLPP().fit(features, labels)  # noqa: E731
    return cpu_seconds(work, 1)
