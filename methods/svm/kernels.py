"""Kernels of a support vector machine, as matrices over all clips that are cut per fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from data_prep.clips import Float32, Int64
from features.kernels import chi_square_distances

Float64 = npt.NDArray[np.float64]
Measure = Literal["dot", "squared", "chi2", "additive"]
KernelName = Literal["linear", "poly", "rbf", "chi2", "additive-chi2"]

CHI_SQUARE = frozenset[Measure]({"chi2", "additive"})
"""Measures made of chi-square distances, each of which depends on its two rows alone, to the bit."""

_ROWS = 64

_MEASURES: dict[KernelName, Measure] = {
    "linear": "dot",
    "poly": "dot",
    "rbf": "squared",
    "chi2": "chi2",
    "additive-chi2": "additive",
}


@dataclass(frozen=True)
class Kernel:
    """One kernel of a grid.

    Attributes
    ----------
    name
        "linear" <x, y>; "poly" (gamma <x, y> + coef) ** degree; "rbf" exp(-g |x - y|^2) and "chi2" exp(-g
        chi2(x, y)) with g = gamma / mean distance of the training clips, so that gamma = 1 suits any
        descriptor; "additive-chi2" sum 2 x y / (x + y).
    """

    name: KernelName = "linear"
    gamma: float = 1.0
    coef: float = 0.0
    degree: int = 3

    def __post_init__(self) -> None:
        if self.name not in _MEASURES:
            raise ValueError(f"no kernel {self.name!r}; kernels: {', '.join(_MEASURES)}")

    @property
    def measure(self) -> Measure:
        """What is computed from pairs of feature vectors before the kernel's own formula."""
        return _MEASURES[self.name]

    @property
    def scaled(self) -> bool:
        """Whether the kernel depends on the mean distance of the training clips."""
        return self.name in {"rbf", "chi2"}

    def describe(self) -> dict[str, Any]:
        """The kernel as JSON values, without parameters that it does not use."""
        values: dict[str, Any] = {"kernel": self.name}
        if self.name in {"poly", "rbf", "chi2"}:
            values["gamma"] = self.gamma
        if self.name == "poly":
            values |= {"coef": self.coef, "degree": self.degree}
        return values

    def matrix(self, values: Float64, scale: float) -> Float64:
        """Kernel values from the measure's; `scale` is the mean distance of the training clips."""
        if self.name == "poly":
            return _powers(self.gamma * values + self.coef, self.degree)
        if self.scaled:
            return np.asarray(np.exp(values * (-self.gamma / scale)))
        return values


def measure_between(
    measure: Measure, a: Float32, b: Float32, threads: int = 1, chi_square: Float64 | None = None
) -> Float64:
    """(n, m) float64 values of a measure between rows of a (n, d) and b (m, d).

    Parameters
    ----------
    measure
        What is computed of a pair.
    a, b
        The rows; `b is a` spares half of the work.
    threads
        The result does not depend on them.
    chi_square
        (n, m) chi-square distances of the same rows, where they are known.
    """
    if measure in CHI_SQUARE:
        distances: Float64 = (
            chi_square_distances(a, None if a is b else b, threads=threads)
            if chi_square is None
            else chi_square
        )
        if measure == "chi2":
            return distances
        masses = a.sum(axis=1, dtype=np.float64)[:, None] + b.sum(axis=1, dtype=np.float64)
        return np.asarray((masses - distances) / 2)
    left, right = a.astype(np.float64), b.astype(np.float64)
    products: Float64 = left @ right.T
    if measure == "dot":
        return products
    lengths = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2 * products, 0))


def mean_distance(values: Float64) -> float:
    """Mean over distinct pairs of a square matrix of distances; 1 where that is zero or undefined."""
    n = len(values)
    if n < 2:
        return 1.0
    mean = float((values.sum() - np.trace(values)) / (n * (n - 1)))
    return mean if mean > 0 else 1.0


def _powers(values: Float64, degree: int) -> Float64:
    """Values ** degree; of a symmetric matrix, where `pow` is slow, hardly more than the upper half."""
    n = len(values)
    if degree <= 2 or values.shape != (n, n) or not np.array_equal(values, values.T):
        return np.asarray(values**degree)
    powers = np.empty_like(values)
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        powers[rows, start:] = values[rows, start:] ** degree
        powers[start:, rows] = powers[rows, start:].T
    return powers


@compiled
def cut(matrix: Any, rows: Any, columns: Any, out: Any) -> None:
    """out[i, j] = matrix[rows[i], columns[j]], in the type of out."""
    for i in range(out.shape[0]):
        row = np.uintp(rows[i])
        for j in range(np.uintp(out.shape[1])):
            out[i, j] = matrix[row, np.uintp(columns[j])]


def fold_matrices(
    kernel: Kernel,
    whole: Float64 | None,
    own: Sequence[tuple[Float64, Float64]],
    splits: Sequence[tuple[Int64, Int64]],
) -> Iterator[tuple[Float64, Int64, Float64]]:
    """Of every inner fold: a kernel matrix, which of its clips train, values from the test part to them.

    Parameters
    ----------
    kernel
        The one that is asked for.
    whole
        (n, n) values of the kernel's measure over all clips, cut for each of `splits` (train, test), or None
        where every part has its own.
    own
        (within, across) of each part.
    splits
        (train, test) positions.
    """
    fixed = None if whole is None or kernel.scaled else kernel.matrix(whole, 1.0)
    for f, (train, test) in enumerate(splits):
        if fixed is not None:
            yield fixed, train, _cut(fixed, test, train)
            continue
        within, across = own[f] if whole is None else (_cut(whole, train, train), _cut(whole, test, train))
        scale = mean_distance(within)
        yield kernel.matrix(within, scale), np.arange(len(train)), kernel.matrix(across, scale)


def _cut(matrix: Float64, rows: Int64, columns: Int64) -> Float64:
    values = np.empty((len(rows), len(columns)))
    cut(matrix, rows, columns, values)
    return values
