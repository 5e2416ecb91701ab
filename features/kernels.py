"""Chi-square distances between histograms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled

Float32 = npt.NDArray[np.float32]
CHI_SQUARE_NAME = "chi-square-1"
"""What distances are kept under; the number is raised whenever a bit of them changes."""

_TILE = 16
_CHUNK = 2048
_LANES = 256


@compiled
def _chunk_sum(x: Any, y: Any, sums: Any) -> Any:  # pragma: no cover - compiled
    """Sum of (x - y)^2 / (x + y): _LANES interleaved sums, then those, halved again and again.

    The added 1e-30 makes 0 / 0 zero and changes no other term. The order of the additions is written out,
    so it is the same whatever the length of the processor's vectors.
    """
    sums[:] = np.float32(0)
    for first in range(0, x.size, _LANES):
        a, b = x[first : first + _LANES], y[first : first + _LANES]
        for k in range(np.uintp(a.size)):
            difference = a[k] - b[k]
            sums[k] += difference * difference / (a[k] + b[k] + np.float32(1e-30))
    width = _LANES
    while width > 16:
        width //= 2
        for k in range(np.uintp(width)):
            sums[k] += sums[k + np.uintp(width)]
    total = np.float32(0)
    for k in range(16):
        total += sums[k]
    return total


@compiled
def _tile_row(a: Any, b: Any, out: Any, first: int, last: int, symmetric: bool) -> None:  # pragma: no cover
    """Distances of rows first..last-1 of a to the rows of b (those not before them if symmetric)."""
    n, d = b.shape
    sums = np.empty(_LANES, np.float32)
    for j0 in range(first if symmetric else 0, n, _TILE):
        for k0 in range(0, d, _CHUNK):
            k1 = min(k0 + _CHUNK, d)
            for i in range(first, last):
                for j in range(j0, min(j0 + _TILE, n)):
                    out[i, j] += _chunk_sum(a[i, k0:k1], b[j, k0:k1], sums)


def chi_square_distances(a: npt.ArrayLike, b: npt.ArrayLike | None = None, *, threads: int = 1) -> Any:
    """Chi-square distance sum_k (x_k - y_k)^2 / (x_k + y_k), 0 / 0 = 0, between rows.

    Terms are computed in float32: relative error of a distance about 1e-6.

    Parameters
    ----------
    a, b
        (n, d) and (m, d) histograms, values >= 0; b is None for a itself.
    threads
        Rows of the result are shared among so many; it does not depend on them.

    Returns
    -------
    (n, m) float64, exactly symmetric with a zero diagonal when b is None

    Raises
    ------
    ValueError
        When shapes do not fit, or a value is negative or not finite.
    """
    first = _histograms(a, "a")
    second = first if b is None else _histograms(b, "b")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"a has {first.shape[1]} columns and b {second.shape[1]}: they must be equal")
    out = np.zeros((len(first), len(second)))
    tiles = [(i, min(i + _TILE, len(first))) for i in range(0, len(first), _TILE)]

    def work(tile: tuple[int, int]) -> None:
        _tile_row(first, second, out, *tile, b is None)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, tiles))
    else:
        for tile in tiles:
            work(tile)
    if b is None:
        for start, end in tiles:  # a tile on the diagonal is whole, and symmetric to the bit
            out[end:, start:end] = out[start:end, end:].T
    return out


def _histograms(values: npt.ArrayLike, name: str) -> Float32:
    """The rows as C-ordered float32."""
    array = np.ascontiguousarray(values, np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} must have two dimensions (rows, bins), got shape {array.shape}")
    if array.size and not (array.min() >= 0 and np.isfinite(array.max())):
        raise ValueError(f"{name} must hold finite values >= 0: chi-square is for histograms")
    return array
