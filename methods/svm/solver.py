"""The base of every method that is a descriptor followed by a support vector machine.

How to build on it (the whole method, when the descriptor is a pure function in `features`):

    class MyMethod(SVMMethod):
        name, title = "my-method", "My descriptor"
        Settings = MySettings                         # frozen dataclass derived from SVMSettings

        def kernels(self):
            return (Kernel("linear"), Kernel("chi2"))

        def descriptor(self, variant):
            return Descriptor(lambda clip, landmarks: my_descriptor(clip), "my-method", {"blocks": 6})

Hooks, each with a default, one of the first two to be written:
- `descriptor(variant)`: what is computed of each clip alone (`methods.cached`); it is computed once for all
  folds, and so are chi-square distances between clips where no `reduce` changes the vectors;
- `features(clips, variant)`: the vectors of a view, where they depend on more;
- `variants()`: descriptor variants (JSON values) that are swept, e.g. ({"lambda": 0.0}, {"lambda": 0.1});
- `kernels()`: the kernels of the grid;
- `learn(clips, seed=)`: arrays that `features` needs and that are fitted on training clips without
  their labels, such as codebooks; they are found in `self.learned` and saved;
- `splits(clips, seed=)`: the inner folds that choose among the grid points;
- `reduce(features, labels, variant)`: an affine map (`standardise`, SLPP) fitted on training clips,
  refitted inside every inner fold because it may use labels;
- `one_candidate_per_variant`: for long sweeps, keep of each variant only the grid point that the
  inner folds choose.

Candidates are ordered by variant, kernel and C; the chosen one has the highest inner accuracy, the
first of them on ties.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from basis.files import atomically, write_json
from data_prep.clips import Clips, Float32, Int64
from features.kernels import CHI_SQUARE_NAME, chi_square_distances
from methods.base import FrameSettings, Method, MethodError, Prediction
from methods.cached import Descriptor, per_clip, per_pair
from methods.folds import inner_folds
from methods.svm.affine import Affine, standardise
from methods.svm.kernels import (
    CHI_SQUARE,
    Float64,
    Kernel,
    Measure,
    fold_matrices,
    mean_distance,
    measure_between,
)
from methods.svm.one_vs_one import GroupedKernel, Groups, OneVsOne

__all__ = ["Affine", "Kernel", "SVMMethod", "SVMSettings", "standardise"]

Variant = Mapping[str, Any]


@dataclass(frozen=True)
class SVMSettings(FrameSettings):
    """Settings of every SVM method: the C grid (2^-5 .. 2^15 by powers of 4) and the inner folds.

    Attributes
    ----------
    max_iterations
        Limit of one solver run (a cheap step each); reached only far from convergence, noted in the record
        when it happens.
    """

    C: tuple[float, ...] = tuple(2.0**e for e in range(-5, 16, 2))
    inner_folds: int = 5
    max_iterations: int = 200_000


@dataclass(frozen=True)
class _Variant:
    """What is kept of one descriptor variant: its map, mapped training features, kernel scales."""

    affine: Affine | None
    training: Float32
    scales: Float64


class SVMMethod(Method):
    """Descriptor, fold-fitted map, kernel SVM and grid; the module's docstring says how to derive one."""

    settings: Any
    one_candidate_per_variant: ClassVar[bool] = False

    def variants(self) -> Sequence[Variant]:
        """Descriptor variants that are swept."""
        return ({},)

    def kernels(self) -> Sequence[Kernel]:
        """Kernels of the grid."""
        return (Kernel("linear"),)

    def descriptor(self, variant: Variant) -> Descriptor | None:
        """What is computed of each clip alone, (d,) float32; None where `features` is written instead."""
        return None

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(len(clips), d) float32 of one variant, labels hidden; MethodError without a descriptor."""
        one = self.descriptor(variant)
        if one is None:
            raise MethodError(f"{self.name}: {type(self).__name__} has neither `descriptor` nor `features`")
        return per_clip(
            clips, one.compute, name=one.name, parameters=one.parameters, threads=self.context.threads
        )

    def learn(self, clips: Clips, *, seed: int) -> dict[str, npt.NDArray[Any]]:
        """What `features` needs and only training clips may decide; labels are hidden here."""
        return {}

    def splits(self, clips: Clips, *, seed: int) -> list[tuple[Int64, Int64]]:
        """Positions (train, test) of the inner folds that choose among the grid points."""
        groups = clips.subjects if self.context.grouped else None
        return inner_folds(clips.labels, groups, self.settings.inner_folds, seed)

    def reduce(self, features: Float32, labels: Int64, variant: Variant) -> Affine | None:
        """A map fitted on these (training) features, or None for none."""
        return None

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Fit every grid point on these clips and choose one by inner cross-validation on them."""
        labels = clips.labels
        self.require_clips(clips)
        splits = self.splits(clips, seed=seed)
        if not splits:
            self._note("no inner folds possible: the first grid point was taken")
        hidden = clips.without_labels(named=True)
        self.n_classes = len(clips.classes)
        self.seconds["features"] = 0.0
        with self._timed("features"):
            self.learned = self.learn(hidden, seed=seed)
        self._trained: Clips | None = hidden
        self._variants: list[_Variant] = []
        self._grid: list[tuple[int, int, int]] = []
        self._machines: list[OneVsOne] = []
        accuracies: list[float] = []
        with _one_blas_thread():
            for v in range(len(self.variants())):
                accuracies += self._fit_variant(v, hidden, labels, splits)
        self._chosen = int(np.argmax(accuracies))
        stopped = sum(machine.stopped_early for machine in self._machines)
        if stopped:
            self._note(
                f"{stopped} of {len(self._machines)} SVM fits reached {self.settings.max_iterations} "
                "iterations"
            )

    def predict(self, clips: Clips) -> Prediction:
        """Scores of every grid point; a class that training lacked gets -1."""
        self.require_fitted("_machines")
        scores = np.empty((len(self._grid), len(clips), self.n_classes), np.float32)
        kernels = self.kernels()
        for v, kept in enumerate(self._variants):
            features = self._mapped(clips.without_labels(), v)
            with _one_blas_thread():
                shared = None if kept.affine else self._shared(clips, self._trained, self.variants()[v])
                measures = self._measures(features, kept.training, shared)
                for k, points in self._points_of(v).items():
                    matrix = kernels[k].matrix(measures[kernels[k].measure], kept.scales[k])
                    for g in points:
                        scores[g] = self._machines[g].scores(matrix, self.n_classes)
        return Prediction(tuple(self._candidate(g) for g in range(len(self._grid))), scores, self._chosen)

    def _points_of(self, v: int) -> dict[int, list[int]]:
        """Kernel to grid points, of one variant."""
        points: dict[int, list[int]] = {}
        for g, (variant, k, _) in enumerate(self._grid):
            if variant == v:
                points.setdefault(k, []).append(g)
        return points

    def _mapped(self, clips: Clips, v: int) -> Float32:
        features = self._features(clips, self.variants()[v])
        affine = self._variants[v].affine
        return features if affine is None else affine(features)

    def _features(self, clips: Clips, variant: Variant) -> Float32:
        """`features`, checked."""
        features = np.asarray(self.features(clips, variant), np.float32)
        if features.ndim != 2 or len(features) != len(clips):
            raise MethodError(
                f"{self.name}: features of {len(clips)} clips must have shape ({len(clips)}, d), "
                f"got {features.shape}"
            )
        if not np.isfinite(features).all():
            bad = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
            raise MethodError(f"{self.name}: clip {clips.names[bad]!r} has features that are not finite")
        return features

    def _fit_variant(
        self, v: int, clips: Clips, labels: Int64, splits: Sequence[tuple[Int64, Int64]]
    ) -> list[float]:
        """Cross-validate and fit the grid of one variant; returns the inner accuracy of each kept point."""
        with self._timed("features"):
            raw = self._features(clips, self.variants()[v])
        variant, kernels = self.variants()[v], self.kernels()
        affine = self.reduce(raw, labels, variant)
        training = raw if affine is None else affine(raw)
        shared = None if affine is not None else self._shared(clips, clips, variant)
        measures = self._measures(training, chi_square=shared)
        accuracy = self._inner_accuracy(raw, labels, variant, measures if affine is None else None, splits)
        points = [(k, c) for k in range(len(kernels)) for c in range(len(self.settings.C))]
        if self.one_candidate_per_variant:
            points = [points[int(accuracy.argmax())]]
        distances = {m: mean_distance(values) for m, values in measures.items()}
        scales = np.array([distances[kernel.measure] for kernel in kernels])
        self._variants.append(_Variant(affine, training, scales))
        self._grid += [(v, k, c) for k, c in points]
        for k, some in groupby(points, key=lambda point: point[0]):
            gram = kernels[k].matrix(measures[kernels[k].measure], scales[k])
            self._machines += self._fitted(
                GroupedKernel.of(gram, Groups.of(labels)), [self.settings.C[c] for _, c in some]
            )
        return [float(accuracy[k, c]) for k, c in points]

    def _inner_accuracy(
        self,
        raw: Float32,
        labels: Int64,
        variant: Variant,
        measures: dict[Measure, Float64] | None,
        splits: Sequence[tuple[Int64, Int64]],
    ) -> Float64:
        """(kernels, C) share of training clips that inner folds decide correctly.

        measures: over all training clips, sliced per fold; None where `reduce` must be refitted. Where one
        point of a variant is kept, a kernel that can no longer be it is left at what it has.
        """
        parts = [] if measures else [self._refitted(raw, labels, variant, *split) for split in splits]
        groups = [Groups.of(labels[train]) for train, _ in splits]
        kernels, ends = self.kernels(), np.cumsum([len(test) for _, test in splits])
        correct = np.zeros((len(kernels), len(self.settings.C)))
        leading = (-1.0, 0)
        for k in self._order_of_kernels():
            whole = measures[kernels[k].measure] if measures else None
            own = [(within[kernels[k].measure], across[kernels[k].measure]) for within, across in parts]
            matrices = fold_matrices(kernels[k], whole, own, splits)
            for f, (gram, part, rows) in enumerate(matrices):
                machines = self._fitted(GroupedKernel.of(gram, groups[f], part), self.settings.C)
                truth = labels[splits[f][1]]
                correct[k] += [np.count_nonzero(machine.decided(rows) == truth) for machine in machines]
                at_most = (correct[k].max() + ends[-1] - ends[f], -k)
                if self.one_candidate_per_variant and at_most < leading:
                    break
            leading = max(leading, (correct[k].max(), -k))
        return correct / len(labels)

    def _order_of_kernels(self) -> list[int]:
        """All kernels; where only the best one counts, first the one that the variant before chose."""
        count = len(self.kernels())
        first = self._grid[-1][1] if self.one_candidate_per_variant and self._grid else 0
        return sorted(range(count), key=lambda k: (k != first, k))

    def _refitted(
        self, raw: Float32, labels: Int64, variant: Variant, train: Int64, test: Int64
    ) -> tuple[dict[Measure, Float64], dict[Measure, Float64]]:
        """Measures within an inner training part, and from the test part to it, under a map of its own."""
        affine = self.reduce(raw[train], labels[train], variant)
        mapped = raw if affine is None else affine(raw)
        return self._measures(mapped[train]), self._measures(mapped[test], mapped[train])

    def _measures(
        self, a: Float32, b: Float32 | None = None, chi_square: Float64 | None = None
    ) -> dict[Measure, Float64]:
        """Every measure the kernels need, between rows of a and b, or of a and itself."""
        wanted = dict.fromkeys(kernel.measure for kernel in self.kernels())
        other = a if b is None else b
        return {m: measure_between(m, a, other, self.context.threads, chi_square) for m in wanted}

    def _shared(self, clips: Clips, others: Clips | None, variant: Variant) -> Float64 | None:
        """Chi-square distances between views of one prepared set, which its folds share; None otherwise.

        Vectors that are not the descriptor's own, and sets in which some clip outside the views has no
        histogram, share nothing.
        """
        own = getattr(self.features, "__func__", None) is not SVMMethod.features
        one = None if own else self.descriptor(variant)
        if one is None or others is None or CHI_SQUARE.isdisjoint(k.measure for k in self.kernels()):
            return None
        threads = self.context.threads
        compare = partial(chi_square_distances, threads=threads)
        try:
            return per_pair(clips, others, one, compare, name=CHI_SQUARE_NAME, threads=threads)
        except OSError as reason:
            self.context.log(f"{self.name}: distances are computed in every fold, not kept: {reason}")
        except ValueError:
            pass
        return None

    def _fitted(self, grouped: GroupedKernel, grid: Sequence[float]) -> list[OneVsOne]:
        """Machines of every C on one kernel matrix, on as many threads as this method may use."""

        def one(C: float) -> OneVsOne:
            return grouped.fit(C, self.settings.max_iterations)

        if self.context.threads <= 1 or len(grid) <= 1:
            return [one(C) for C in grid]
        with ThreadPoolExecutor(self.context.threads) as pool:
            return list(pool.map(one, grid))

    def _candidate(self, g: int) -> dict[str, Any]:
        """Grid point g as JSON values."""
        v, k, c = self._grid[g]
        return {**self.variants()[v], **self.kernels()[k].describe(), "C": self.settings.C[c]}

    def _note(self, line: str) -> None:
        self.notes.append(line)
        self.context.log(f"{self.name}: {line}")

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Add the block's seconds of `fit` to `self.seconds[name]`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def save(self, folder: Path) -> None:
        """Write `svm.npz` (arrays) and `svm.json` (grid points, the chosen one)."""
        self.require_fitted("_machines")
        arrays: dict[str, Any] = {f"learned/{name}": value for name, value in self.learned.items()}
        for v, kept in enumerate(self._variants):
            arrays[f"variant{v}/training"], arrays[f"variant{v}/scales"] = kept.training, kept.scales
            if kept.affine is not None:
                arrays[f"variant{v}/mean"] = kept.affine.mean
                arrays[f"variant{v}/matrix"] = kept.affine.matrix
        arrays["coefficients"] = np.stack([machine.coefficients for machine in self._machines])
        arrays["intercepts"] = np.stack([machine.intercepts for machine in self._machines])
        arrays["classes"] = self._machines[0].classes
        with atomically(folder / "svm.npz") as file:
            np.savez(file, **arrays)
        about = {
            "method": self.name,
            "revision": self.revision,
            "grid": self._grid,
            "candidates": [self._candidate(g) for g in range(len(self._grid))],
            "chosen": self._chosen,
            "n_classes": self.n_classes,
            "variants": len(self._variants),
        }
        write_json(folder / "svm.json", about, indent=1)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        MethodError
            When it was written under other settings.
        """
        about = json.loads((folder / "svm.json").read_text(encoding="utf-8"))
        self._grid = [(v, k, c) for v, k, c in about["grid"]]
        self._chosen, self.n_classes, self._trained = int(about["chosen"]), int(about["n_classes"]), None
        if (about["method"], about["revision"]) != (self.name, self.revision) or about["candidates"] != (
            json.loads(json.dumps([self._candidate(g) for g in range(len(self._grid))]))
        ):
            raise MethodError(
                f"{folder}: saved by {about['method']} revision {about['revision']} with another grid; "
                f"load it with the settings it was fitted with"
            )
        with np.load(folder / "svm.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        self.learned = {
            name.removeprefix("learned/"): value
            for name, value in arrays.items()
            if name.startswith("learned/")
        }
        self._variants = [_variant_from(arrays, v) for v in range(about["variants"])]
        self._machines = [
            OneVsOne(arrays["classes"], coefficients, intercepts)
            for coefficients, intercepts in zip(arrays["coefficients"], arrays["intercepts"], strict=True)
        ]


def _variant_from(arrays: Mapping[str, npt.NDArray[Any]], v: int) -> _Variant:
    mean = arrays.get(f"variant{v}/mean")
    affine = None if mean is None else Affine(mean, arrays[f"variant{v}/matrix"])
    return _Variant(affine, arrays[f"variant{v}/training"], arrays[f"variant{v}/scales"])


def _one_blas_thread() -> Any:
    """Matrix products in one thread: their last bits depend on the number of threads."""
    return threadpool_limits(1)
